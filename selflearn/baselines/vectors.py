"""TF-IDF of word 1-grams and 2-grams, and how the rows of neighbouring turns (or words) are put side by side."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from selflearn.baselines.windows import Window
from selflearn.batching.lexical import WORD
from selflearn.schema import Dialogue, ObservedDialogue

Matrix = Any
"""``scipy.sparse`` rows: scipy has no type hints."""

Rows = NDArray[np.int64]


def neighbour_rows(owner: Rows, offset: int) -> Rows:
    """Number of the row ``offset`` further on in the same owner, -1 where there is none.

    Args:
        owner: what each row belongs to, rows of one owner standing together, ``(N,)``.
        offset: distance in rows.

    Example:
        >>> neighbour_rows(np.array([0, 0, 0, 1]), 1).tolist()
        [1, 2, -1, -1]
    """
    rows = np.arange(len(owner)) + offset
    inside = (rows >= 0) & (rows < len(owner))
    same = owner[np.where(inside, rows, 0)] == owner if len(owner) else inside
    return np.where(inside & same, rows, -1)


def take_rows(matrix: Matrix, rows: Rows) -> Matrix:
    """Rows of a sparse matrix; -1 gives a row of zeros."""
    with_zero = sp.vstack([matrix, sp.csr_matrix((1, matrix.shape[1]), dtype=matrix.dtype)], format="csr")
    return with_zero[rows]  # -1 is the last row


class TextVectorizer:
    """TF-IDF of one kind of text; terms that occur in one text only are left out where others remain."""

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn terms and their weights; where no text has a word, every text is the number 0."""
        self._vectorizer: TfidfVectorizer | None = None
        for least in (2, 1):
            vectorizer = TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), min_df=least, sublinear_tf=True)
            with suppress(ValueError):  # no term is left
                self._vectorizer = vectorizer.fit(texts)
                break
        return self

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Vectors of texts, sparse ``(N, terms)``."""
        if self._vectorizer is None or not texts:
            return sp.csr_matrix((len(texts), self.num_terms))
        return self._vectorizer.transform(texts)

    @property
    def num_terms(self) -> int:
        """Length of a vector."""
        return len(self._vectorizer.vocabulary_) if self._vectorizer is not None else 1


@dataclass(frozen=True, slots=True)
class TurnVectors:
    """Vectors of all ``N`` turns of some dialogues.

    Attributes:
        requests: sparse ``(N, terms of requests)``.
        responses: sparse ``(N, terms of responses)``.
        owner: number of the dialogue of each turn, ``(N,)``.
    """

    requests: Matrix
    responses: Matrix
    owner: Rows

    def read(self, window: Window, rows: Rows | None = None) -> Matrix:
        """The utterances of a window around each turn, side by side, sparse.

        Args:
            window: which utterances.
            rows: numbers of the turns to read; None for all of them.

        Returns:
            A row a turn, ``(len(rows), features)``.
        """
        rows = np.arange(len(self.owner)) if rows is None else rows
        sides = [(self.requests, offset) for offset in window.requests]
        sides += [(self.responses, offset) for offset in window.responses]
        blocks = [take_rows(side, neighbour_rows(self.owner, offset)[rows]) for side, offset in sides]
        return sp.hstack(blocks, format="csr")


class TurnVectorizer:
    """One :class:`TextVectorizer` for requests, one for responses; a missing text counts as an empty one."""

    def fit(self, dialogues: Sequence[Dialogue] | Sequence[ObservedDialogue]) -> Self:
        """Learn the terms of both sides."""
        self._requests = TextVectorizer().fit([turn.request or "" for d in dialogues for turn in d.turns])
        self._responses = TextVectorizer().fit([turn.response or "" for d in dialogues for turn in d.turns])
        return self

    def transform(self, dialogues: Sequence[Dialogue] | Sequence[ObservedDialogue]) -> TurnVectors:
        """Vectors of all turns of some dialogues."""
        return TurnVectors(
            self._requests.transform([turn.request or "" for d in dialogues for turn in d.turns]),
            self._responses.transform([turn.response or "" for d in dialogues for turn in d.turns]),
            np.repeat(np.arange(len(dialogues)), np.array([len(d.turns) for d in dialogues], np.int64)),
        )
