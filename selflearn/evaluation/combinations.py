"""Wishes in combinations of device and situation that training never met, though it met each part of them.

What people want follows from the words, the device and what is the case around it together. People of the test split
are all new, and so is every combination with a person. Of wish, device and situation some combinations are new: on them
a model cannot go by what it saw; it has to put together what it learned of each part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from selflearn.schema import Dialogue, Turn

Situation = tuple[tuple[str, str], ...]
Combination = tuple[str, str, Situation]
"""Intent, type of the device, and what else is known of the situation."""

SLICE = "@unseen_combination"


@dataclass(frozen=True, slots=True)
class Combinations:
    """The combinations that some dialogues hold.

    Attributes:
        whole: each of them.
        parts: of each of the three parts, what there is in some combination.
    """

    whole: frozenset[Combination]
    parts: tuple[frozenset[object], ...]

    @classmethod
    def of(cls, dialogues: Iterable[Dialogue]) -> Combinations:
        """Of the turns whose intent and device are known."""
        whole = frozenset(found for dialogue in dialogues for found in combinations(dialogue) if found is not None)
        return cls(whole, tuple(frozenset(part) for part in zip(*whole, strict=True)))

    def recombine(self, combination: Combination) -> bool:
        """Whether a combination is not among them, and each of its parts is."""
        if combination in self.whole or not self.whole:
            return False
        return all(part in known for part, known in zip(combination, self.parts, strict=True))


def combinations(dialogue: Dialogue) -> list[Combination | None]:
    """The combination of each turn; None where the turn has no intent, or its device is not known.

    The situation is what the log says of the turn in names: states of devices, and its own categorical features.
    """
    found: list[Combination | None] = []
    for turn, labels in zip(dialogue.turns, dialogue.labels.turns, strict=False):
        intent = None if labels.intent is None else labels.intent.value
        known = intent is not None and turn.device_type is not None
        found.append((str(intent), str(turn.device_type), _situation(turn)) if known else None)
    return found


def _situation(turn: Turn) -> Situation:
    return tuple(sorted({**turn.device_state, **turn.categorical}.items()))


def add_combinations(
    tables: Mapping[str, pd.DataFrame], dialogues: Sequence[Dialogue], met: Combinations
) -> dict[str, pd.DataFrame]:
    """The tables with the slice ``@unseen_combination``, where some items are in it.

    An item of a turn is what its turn is, a goal what its first turn is. Boundaries stand between two wishes: they have
    no such slice.

    Args:
        tables: from the tasks.
        dialogues: the evaluated dialogues, with gold labels.
        met: those of the dialogues that were learned from and tuned on.
    """
    recombined = {
        (dialogue.id, turn)
        for dialogue in dialogues
        for turn, combination in enumerate(combinations(dialogue))
        if combination is not None and met.recombine(combination)
    }
    if not recombined:
        return dict(tables)
    return {name: _with_slice(table, name.partition("@")[0], recombined) for name, table in tables.items()}


def _with_slice(table: pd.DataFrame, task: str, recombined: set[tuple[str, int]]) -> pd.DataFrame:
    place = "start" if task == "success" else "turn"
    if task == "segmentation" or place not in table:
        return table
    items = zip(table["dialogue_id"], table[place], strict=True)
    return table.assign(**{SLICE: [item in recombined for item in items]})
