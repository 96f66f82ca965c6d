"""Words of requests with their places, and what a tagger sees of a word: itself, its shape, its ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.preprocessing import normalize

from selflearn.baselines.vectors import Matrix, Rows, neighbour_rows
from selflearn.batching.lexical import WORD

_WORD = re.compile(WORD)
_EDGE = ""


@dataclass(frozen=True, slots=True)
class Words:
    """All ``W`` words of ``N`` texts.

    Attributes:
        forms: the distinct words, as written.
        ids: which form each word is, ``(W,)``.
        places: characters ``[start, end)`` of each word in its text, ``(W, 2)``.
        owner: number of the text of each word, ``(W,)``.
    """

    forms: list[str]
    ids: Rows
    places: NDArray[np.int64]
    owner: Rows

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Split texts.

        Example:
            >>> words = Words.of(["at 7 pm?", ""])
            >>> words.forms, words.places.tolist()
            (['at', '7', 'pm', '?'], [[0, 2], [3, 4], [5, 7], [7, 8]])
        """
        numbers: dict[str, int] = {}
        found = [
            (numbers.setdefault(match.group(), len(numbers)), *match.span(), owner)
            for owner, text in enumerate(texts)
            for match in _WORD.finditer(text)
        ]
        table = np.array(found, np.int64).reshape(-1, 4)
        return cls(list(numbers), table[:, 0], table[:, 1:3], table[:, 3])


def word_features(word: str) -> dict[str, float]:
    """The word in lower case, its first and last one to three letters, its shape.

    Example:
        >>> sorted(word_features("7pm"))
        ['first 7', 'first 7p', 'first 7pm', 'last 7pm', 'last m', 'last pm', 'shape dx', 'word 7pm']
    """
    low = word.lower()
    ends = {f"first {low[:n]}": 1.0 for n in (1, 2, 3)} | {f"last {low[-n:]}": 1.0 for n in (1, 2, 3)}
    return {f"word {low}": 1.0, f"shape {_shape(word)}": 1.0, **ends}


def _shape(word: str) -> str:
    """Upper case as X, lower as x, digits as d, other marks as they are; runs of one kind count once."""
    kinds = ("d" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in word)
    return "".join(kind for kind, _ in groupby(kinds))


class WordVectorizer:
    """Vectors of words: a row of features for each form, looked up for each word."""

    def fit(self, words: Words) -> Self:
        """Learn which features there are."""
        self._features = DictVectorizer(dtype=np.float32).fit(map(word_features, [*words.forms, _EDGE]))
        return self

    def transform(self, words: Words) -> Matrix:
        """Vectors of the forms, and last of the edge of a text, each of length 1, sparse ``(forms + 1, F)``.

        Of length 1 because they stand beside TF-IDF vectors of that length, which they would outweigh otherwise.
        """
        return normalize(self._features.transform([word_features(form) for form in [*words.forms, _EDGE]]))


def read_words(vectors: Matrix, words: Words, at: Rows) -> Matrix:
    """Vectors of some words, sparse ``(len(at), F)``; -1 stands for the edge of the text."""
    return vectors[np.where(at >= 0, words.ids[at], -1) if len(words.ids) else at]


class PairVectorizer:
    """Pairs of words that follow each other, as one-hot rows; rare pairs are left out."""

    def fit(self, words: Words) -> Self:
        """Learn which pairs there are; the edges of a text count as words."""
        self._numbers = {form: i for i, form in enumerate(sorted({form.lower() for form in words.forms}))}
        met = np.concatenate([self._keys(words, -1), self._keys(words, 0)])  # a pair within a text counts twice
        pairs, counts = np.unique(met, return_counts=True)
        self._pairs = pairs[counts > 2]  # met twice, at an edge three times
        return self

    def transform(self, words: Words, offset: int) -> Matrix:
        """For each word the pair of those ``offset`` and ``offset + 1`` words further on, sparse ``(W, pairs)``."""
        keys = self._keys(words, offset)
        columns = np.searchsorted(self._pairs, keys)
        known = np.flatnonzero(np.append(self._pairs, -1)[columns] == keys)
        shape = (len(keys), max(len(self._pairs), 1))
        return sp.csr_matrix((np.ones(len(known), np.float32), (known, columns[known])), shape)

    def _keys(self, words: Words, offset: int) -> Rows:
        """A number for each pair of learned words; any other word, and the edge, have one number each."""
        other, edge = len(self._numbers), len(self._numbers) + 1
        numbers = np.array([self._numbers.get(form.lower(), other) for form in words.forms] + [edge], np.int64)
        first, second = (neighbour_rows(words.owner, offset + step) for step in (0, 1))
        one, two = (numbers[np.where(at >= 0, words.ids[at], -1) if len(at) else at] for at in (first, second))
        return one * (edge + 1) + two
