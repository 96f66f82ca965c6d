"""The assistant's own hypotheses: what the system that is being judged believed itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import ClassVar, Self

from selflearn.baselines.base import Baseline, check_goals, check_train
from selflearn.schema import Dialogue, ObservedDialogue, Slot, Turn
from selflearn.tasks.prediction import DialoguePrediction, Span

NAME = "other"
"""What a turn without an interpretation is called."""


class Assistant(Baseline):
    """Says the best interpretation of the log: its intent, and its slots where the request has their words.

    Logs without interpretations have nothing to say; the tasks are left out then. Nothing is learned.
    """

    name: ClassVar[str] = "assistant"

    def fit(self, train: Sequence[Dialogue], tune: Sequence[Dialogue], *, tasks: Collection[str], seed: int) -> Self:
        """Look whether the log has interpretations; see :meth:`Baseline.fit`."""
        check_train(train)
        self._knows = any(turn.interpretations for dialogue in train for turn in dialogue.turns)
        reason = "the log has no interpretations" if not self._knows else "the log does not say it"
        self.choices = {
            task: {"source": "interpretations"} if self._knows and task in ("intent", "slots") else {"skipped": reason}
            for task in tasks
        }
        return self

    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """Read the log; see :meth:`Baseline.predict`."""
        check_goals(dialogues, goals)
        if not self._knows:
            return [DialoguePrediction() for _ in dialogues]
        return [
            DialoguePrediction(
                intents=tuple(_intent(turn) for turn in dialogue.turns),
                slots=tuple(_slots(turn) for turn in dialogue.turns),
            )
            for dialogue in dialogues
        ]


def _intent(turn: Turn) -> tuple[str, float]:
    if not turn.interpretations:
        return NAME, 0.0
    best = turn.interpretations[0]
    return best.intent or NAME, best.score or 0.0


def _slots(turn: Turn) -> tuple[Slot, ...]:
    """The values of the best interpretation, where they stand in the request."""
    found: list[Slot] = []
    request = turn.request or ""
    for value in turn.interpretations[0].slots if turn.interpretations else ():
        place = re.search(rf"(?<!\w){re.escape(value.value)}(?!\w)", request)
        if place is not None and all(place.end() <= s.start or place.start() >= s.end for s in found):
            found.append(Slot(name=value.name, start=place.start(), end=place.end(), text=place[0], source="model",
                              score=turn.interpretations[0].score))  # fmt: skip
    return tuple(sorted(found, key=lambda slot: slot.start))
