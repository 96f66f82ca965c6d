"""Runs of words that are slots, and how they are read from gold labels and from tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from selflearn.baselines.vectors import Rows, neighbour_rows
from selflearn.baselines.words import Words
from selflearn.schema import Dialogue, Slot
from selflearn.tasks.bio import begin_tag, best_tags, tag_tokens

OUTSIDE, BEGIN, INSIDE = 0, 1, 2
"""Tags of words, without names."""

TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Spans:
    """Runs of words.

    Attributes:
        first: number of the first word, ``(N,)``.
        end: one past the last word, ``(N,)``.
    """

    first: Rows
    end: Rows

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(cls, tags: NDArray[np.int64], owner: Rows) -> Self:
        """Read tags ``(W,)``; a span that does not begin with BEGIN begins all the same (as conlleval has it).

        Example:
            >>> spans = Spans.of(np.array([0, 1, 2, 1, 0, 2]), np.zeros(6, int))
            >>> spans.first.tolist(), spans.end.tolist()
            ([1, 3, 5], [3, 4, 6])
        """
        inside = tags != OUTSIDE
        before = neighbour_rows(owner, -1)
        goes_on = (tags == INSIDE) & (before >= 0) & inside[before]
        opens = inside & ~goes_on
        closed = np.append(~goes_on, True)
        first = np.flatnonzero(opens)
        stops = np.flatnonzero(closed)
        end = stops[np.searchsorted(stops, first, side="right")] if len(first) else first
        return cls(first, end)


def decode_tags(probabilities: NDArray[np.float64], text: Rows) -> NDArray[np.int64]:
    """The most probable tags of which no INSIDE follows an OUTSIDE, text by text.

    Args:
        probabilities: of OUTSIDE, BEGIN and INSIDE, of each word, ``(W, 3)``.
        text: number of the text of each word, words of a text standing together, ``(W,)``.

    Returns:
        Tags, ``(W,)``.
    """
    return best_tags(np.log(np.maximum(probabilities, TINY)), np.flatnonzero(np.diff(text, prepend=-1)))


@dataclass(frozen=True, slots=True)
class GoldSpans:
    """Labelled spans: the tag of each word ``(W,)``, the spans read from them, and the name of each ``(N,)``."""

    tags: NDArray[np.int64]
    spans: Spans
    names: NDArray[Any]

    @classmethod
    def of(cls, dialogues: Sequence[Dialogue], words: Words) -> Self:
        """Read the labels of turns whose requests were split into ``words``; of overlapping slots the longer counts."""
        turns = labelled_slots(dialogues)
        names = sorted({slot.name for slots in turns for slot in slots or ()})
        numbers = {name: i for i, name in enumerate(names)}
        bounds = np.searchsorted(words.owner, np.arange(len(turns) + 1))
        typed = np.zeros(len(words.ids), np.int64)
        for turn, slots in enumerate(turns):
            if slots:
                here = slice(bounds[turn], bounds[turn + 1])
                typed[here] = tag_tokens(words.places[here].tolist(), slots, numbers)
        tags = np.where(typed == OUTSIDE, OUTSIDE, np.where(typed % 2 == begin_tag(0) % 2, BEGIN, INSIDE))
        spans = Spans.of(tags, words.owner)
        return cls(tags, spans, np.array(names, object)[(typed[spans.first] - begin_tag(0)) // 2])


def labelled_slots(dialogues: Sequence[Dialogue]) -> list[tuple[Slot, ...] | None]:
    """Slots of each turn of some dialogues; None where nobody labelled them."""
    return [labels for d in dialogues for labels in [turn.slots for turn in d.labels.turns] or [None] * len(d.turns)]
