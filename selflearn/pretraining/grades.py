"""Grades of wrong responses, easy to hard, made from what a log has and never from annotation.

Which response would be wrong here? One of any other dialogue (``random``); one to a request that the assistant
understood the same way (``hypothesis``); one of those that a frozen encoder finds most alike (``nearest``); or the
right one with its values exchanged (``exchanged``). Random ones are told by topic words, so they teach little.
Grades by annotation stand apart, in :mod:`selflearn.pretraining.annotated`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from selflearn.batching.lexical import SPOKEN
from selflearn.schema import ObservedDialogue

_WORDS = re.compile(SPOKEN)
# A number with what stands around it (times, prices, phone numbers), or capitalised words inside a sentence.
_VALUE = re.compile(r"\$?\d[\d:,.\-/]*\d|\$?\d|(?<=[a-z,] )[A-Z][\w'&]*(?: (?:(?:of|the|and|&) )?[A-Z][\w'&]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledResponse:
    """A response that may be put in the place of another one.

    Attributes:
        text: what was said.
        dialogue: key of the dialogue it comes from; it is never a wrong response there.
        hypothesis: how the assistant understood the request, where the log says so.
    """

    text: str
    dialogue: str
    hypothesis: str | None = None


class Grade(Protocol):
    """One way of choosing a wrong response."""

    def draw(self, dialogue: ObservedDialogue, turn: int, rng: np.random.Generator) -> str | None:
        """A wrong response for the turn; None where this grade has none to offer."""
        ...


def dialogue_key(dialogue: ObservedDialogue) -> str:
    """Corpus, split and id: ids alone repeat across splits."""
    return f"{dialogue.corpus}/{dialogue.split}/{dialogue.id}"


def hypothesis_of(dialogue: ObservedDialogue, turn: int) -> str | None:
    """The assistant's own best interpretation of a turn, as "domain/intent"; None where the log has none."""
    interpretations = dialogue.turns[turn].interpretations
    best = interpretations[0] if interpretations else None
    return None if best is None or best.intent is None else f"{best.domain}/{best.intent}"


def collect_responses(dialogues: Iterable[ObservedDialogue], *, size: int, seed: int) -> list[PooledResponse]:
    """A uniform sample of the distinct responses of a corpus, of bounded size (reservoir sampling, Vitter 1985)."""
    pool: list[PooledResponse] = []
    seen: set[str] = set()
    rng, count = np.random.default_rng(seed), 0
    for dialogue in dialogues:
        for t, turn in enumerate(dialogue.turns):
            if not turn.response or turn.response in seen:
                continue
            if len(seen) < 50 * size:  # distinct as far as bounded memory allows
                seen.add(turn.response)
            entry = PooledResponse(
                text=turn.response, dialogue=dialogue_key(dialogue), hypothesis=hypothesis_of(dialogue, t)
            )
            if len(pool) < size:
                pool.append(entry)
            elif (place := int(rng.integers(count + 1))) < size:
                pool[place] = entry
            count += 1
    return pool


def near_duplicates(a: str, b: str) -> bool:
    """Whether two responses say the same in nearly the same words (nine tenths of their words are shared).

    Of a script without blanks between words its characters are compared.

    Example:
        >>> near_duplicates("Your table is booked.", "your table is booked!")
        True
    """
    x, y = set(_WORDS.findall(a.lower())), set(_WORDS.findall(b.lower()))
    return len(x & y) >= 0.9 * len(x | y)


class RandomResponse:
    """A response of any other dialogue."""

    def __init__(self, pool: Sequence[PooledResponse]) -> None:
        self.pool = pool

    def draw(self, dialogue: ObservedDialogue, turn: int, rng: np.random.Generator) -> str | None:
        """See :class:`Grade`."""
        return _first_fit(dialogue, turn, (self.pool[int(rng.integers(len(self.pool)))] for _ in range(20)))


class SameHypothesisResponse:
    """A response to a request that the assistant understood the same way."""

    def __init__(self, pool: Sequence[PooledResponse]) -> None:
        self.by_hypothesis: dict[str, list[PooledResponse]] = {}
        for entry in pool:
            if entry.hypothesis is not None:
                self.by_hypothesis.setdefault(entry.hypothesis, []).append(entry)

    def draw(self, dialogue: ObservedDialogue, turn: int, rng: np.random.Generator) -> str | None:
        """See :class:`Grade`."""
        alike = self.by_hypothesis.get(hypothesis_of(dialogue, turn) or "", [])
        return _first_fit(dialogue, turn, (alike[int(rng.integers(len(alike)))] for _ in range(20 if alike else 0)))


class Vectors(Protocol):
    """Unit vectors of texts from a frozen encoder, ``[n, H]``."""

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts, in order."""
        ...


class NearestResponse:
    """One of the responses of other dialogues that the frozen encoder finds most like the true one.

    Args:
        pool: the responses to choose from; its size bounds the memory.
        vectors: the frozen encoder; called once for the pool, and for each true response outside it.
        neighbours: how many of the nearest to choose among.
    """

    def __init__(self, pool: Sequence[PooledResponse], vectors: Vectors, *, neighbours: int = 10) -> None:
        self.pool, self.vectors, self.neighbours = pool, vectors, neighbours
        self.table = vectors([entry.text for entry in pool])
        self.rows = {entry.text: row for row, entry in enumerate(pool)}

    def draw(self, dialogue: ObservedDialogue, turn: int, rng: np.random.Generator) -> str | None:
        """See :class:`Grade`."""
        true = dialogue.turns[turn].response or ""
        # The last digits of a vector depend on the texts encoded beside it. A text of the pool keeps the vector it got
        # there, others are encoded alone: what is nearest must not depend on what was drawn before.
        vector = self.table[self.rows[true]] if true in self.rows else self.vectors([true])[0]
        similarity = self.table @ vector
        depth = min(8 * self.neighbours, len(similarity))
        nearest = np.argpartition(-similarity, depth - 1)[:depth]
        nearest = nearest[np.argsort(-similarity[nearest], kind="stable")]
        fit = [i for i in nearest.tolist() if _fits(dialogue, turn, self.pool[i])][: self.neighbours]
        return self.pool[fit[int(rng.integers(len(fit)))]].text if fit else None


class ExchangedValues:
    """The true response with its numbers and names exchanged for others of the same shape.

    Args:
        pool: responses whose values are used.
    """

    def __init__(self, pool: Sequence[PooledResponse]) -> None:
        self.by_shape: dict[str, list[str]] = {}
        for entry in pool:
            for value in _VALUE.findall(entry.text):
                self.by_shape.setdefault(_shape(value), []).append(value)

    def draw(self, dialogue: ObservedDialogue, turn: int, rng: np.random.Generator) -> str | None:
        """See :class:`Grade`; None where the response holds no value."""
        response = dialogue.turns[turn].response or ""

        def other(match: re.Match[str]) -> str:
            alike = self.by_shape.get(_shape(match[0]), [])
            for _ in range(10 if alike else 0):
                value = alike[int(rng.integers(len(alike)))]
                if value != match[0]:
                    return value
            return match[0]

        exchanged = _VALUE.sub(other, response)
        return None if exchanged == response else exchanged


def _shape(value: str) -> str:
    """Two values of one shape may stand in the same place: "5:30" is "0:0", "Santa Rosa" is "A A"."""
    return re.sub(r"[^\W\d]+", "A", re.sub(r"\d+", "0", value))


def _fits(dialogue: ObservedDialogue, turn: int, entry: PooledResponse) -> bool:
    true = dialogue.turns[turn].response or ""
    return entry.dialogue != dialogue_key(dialogue) and not near_duplicates(entry.text, true)


def _first_fit(dialogue: ObservedDialogue, turn: int, entries: Iterable[PooledResponse]) -> str | None:
    return next((entry.text for entry in entries if _fits(dialogue, turn, entry)), None)
