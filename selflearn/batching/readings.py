"""What the assistant understood, as tensors: its n-best list of intents, and the slots of its best interpretation.

Other features of a turn are summed into its state. These name the very labels that are looked for, so that heads may
read them by name: what is likely right needs no learning then, and what is left to learn is when it is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from selflearn.batching.batch import Readings, token_runs
from selflearn.batching.lexical import whole_words
from selflearn.schema import ObservedDialogue, Slot, Turn

_FLOOR = 1e-3
"""Score below which an entry of an n-best list says no more than one that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingVocabulary:
    """Names that occur in the interpretations of training dialogues.

    Attributes:
        intents: of any entry of an n-best list.
        slots: of best entries.
    """

    intents: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()

    @classmethod
    def fit(cls, dialogues: Iterable[ObservedDialogue]) -> ReadingVocabulary:
        """Collect the names, in alphabetical order."""
        intents: set[str] = set()
        slots: set[str] = set()
        for dialogue in dialogues:
            for turn in dialogue.turns:
                intents.update(reading.intent for reading in turn.interpretations if reading.intent is not None)
                slots.update(slot.name for reading in turn.interpretations[:1] for slot in reading.slots)
        return cls(intents=tuple(sorted(intents)), slots=tuple(sorted(slots)))

    def encode(
        self, dialogues: Sequence[ObservedDialogue], num_turns: int, token_turn: Tensor, token_spans: Tensor
    ) -> Readings:
        """The readings of a batch.

        Args:
            dialogues: of the batch.
            num_turns: ``T``.
            token_turn: turn of each request token, ``[N]``.
            token_spans: its characters, ``[N, 2]``.
        """
        numbers = {name: i for i, name in enumerate(self.intents)}
        intents = np.zeros((len(dialogues), num_turns, len(numbers), 2), np.float32)
        slots = {name: i + 1 for i, name in enumerate(self.slots)}
        token_slots = np.zeros(len(token_turn), np.int64)
        for d, dialogue in enumerate(dialogues):
            for t, turn in enumerate(dialogue.turns if numbers else ()):
                _put_intents(intents[d, t], turn, numbers)
        if slots:
            starts, ends = token_spans.numpy().T
            for owner, run in token_runs(token_turn).items():
                d, t = divmod(owner, num_turns)
                for start, end, name in slot_places(dialogues[d].turns[t]):
                    token_slots[run][(starts[run] < end) & (ends[run] > start)] = slots.get(name, 0)
        return Readings(intents=torch.from_numpy(intents), token_slots=torch.from_numpy(token_slots))


def _put_intents(row: np.ndarray, turn: Turn, numbers: Mapping[str, int]) -> None:
    """Evidence in [0, 1] of each intent in an n-best list, and which is the best; without a score, by its rank."""
    for rank, reading in enumerate(turn.interpretations):
        place = numbers.get(reading.intent or "")
        if place is None:
            continue
        score = 1 / (rank + 2) if reading.score is None or not 0 <= reading.score <= 1 else reading.score
        row[place, 0] = max(row[place, 0], 1 - math.log(max(score, _FLOOR)) / math.log(_FLOOR))
        row[place, 1] = max(row[place, 1], float(rank == 0))


def slot_places(turn: Turn, number: int = 0) -> list[tuple[int, int, str]]:
    """Where the request has the words of the slots of an interpretation: start, end, name; none overlap.

    Args:
        turn: with its request; without interpretations it has no slots.
        number: of the interpretation; the best one is 0.
    """
    found: list[tuple[int, int, str]] = []
    for value in turn.interpretations[number].slots if turn.interpretations else ():
        place = find_words(turn.request or "", value.value)
        if place is not None and all(place[1] <= start or place[0] >= end for start, end, _ in found):
            found.append((*place, value.name))
    return sorted(found)


def resolved_value(turn: Turn, slot: str, mention: str) -> str | None:
    """What the assistant's entity resolution made of the words of a slot; None where it did not have them.

    Example:
        >>> from selflearn.schema import EntityResolution
        >>> turn = Turn(entities=(EntityResolution(slot="town", mention="york", entity="York"),))
        >>> resolved_value(turn, "town", "york")
        'York'
    """
    return next((e.entity for e in turn.entities if e.slot == slot and e.mention == mention), None)


def with_values(slots: Iterable[Slot], turn: Turn) -> tuple[Slot, ...]:
    """Slots of a turn, with what the assistant resolved their words to where they have no value of their own."""
    return tuple(_with_value(slot, turn) for slot in slots)


def _with_value(slot: Slot, turn: Turn) -> Slot:
    value = resolved_value(turn, slot.name, slot.text) if slot.value is None else None
    return slot if value is None else replace(slot, value=value)


def find_words(text: str, words: str) -> tuple[int, int] | None:
    """Characters ``[start, end)`` of the first place where a text has these words as whole words; None: nowhere.

    Example:
        >>> find_words("start the art show", "art")
        (10, 13)
    """
    place = re.search(whole_words(words), text) if words.strip() else None
    return None if place is None else place.span()
