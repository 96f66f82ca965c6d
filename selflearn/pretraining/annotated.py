"""Grades by annotation: the arm for comparison. They read labels, so a log without annotation cannot make them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from selflearn.pretraining.grades import dialogue_key, near_duplicates
from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks.base import domains_by_turn


class SameActsResponse:
    """A response of another dialogue of the same service with the same dialogue acts and slots.

    Args:
        dialogues: annotated dialogues, ``response_acts`` and the goals' domains included. Memory grows with them.
    """

    def __init__(self, dialogues: Iterable[Dialogue]) -> None:
        self.acts: dict[tuple[str, int], str] = {}
        self.by_acts: dict[str, list[tuple[str, str]]] = {}
        for dialogue in dialogues:
            key = dialogue_key(dialogue.observed())
            rows = zip(dialogue.turns, dialogue.labels.turns, domains_by_turn(dialogue), strict=False)
            for t, (turn, labels, domain) in enumerate(rows):
                if turn.response and labels.response_acts is not None:
                    kind = f"{domain}: {' '.join(labels.response_acts)}"
                    self.acts[key, t] = kind
                    self.by_acts.setdefault(kind, []).append((key, turn.response))

    def draw(self, dialogue: ObservedDialogue, turn: int, rng: np.random.Generator) -> str | None:
        """See :class:`~selflearn.pretraining.grades.Grade`."""
        key, true = dialogue_key(dialogue), dialogue.turns[turn].response or ""
        alike = self.by_acts.get(self.acts.get((key, turn), ""), [])
        for _ in range(20 if alike else 0):
            owner, text = alike[int(rng.integers(len(alike)))]
            if owner != key and not near_duplicates(text, true):
                return text
        return None
