"""Defect detection: did the response fail to serve the person?"""

from __future__ import annotations

from selflearn.schema import Dialogue, Label
from selflearn.tasks.turn_binary import BinaryTurnTask


class DefectTask(BinaryTurnTask):
    """Defect per turn."""

    name = "defect"
    place = 60
    prediction_field = "defects"

    def decisions(self, dialogue: Dialogue) -> list[bool | None]:
        """The label of each turn."""
        labels = dialogue.labels.turns
        return [turn.defect.value if turn.defect else None for turn in labels] or [None] * len(dialogue.turns)

    def probabilities(self, dialogue: Dialogue) -> list[float | None]:
        """The label of each turn, as sure as its raters are: where they disagree there is less to learn."""
        labels = [turn.defect for turn in dialogue.labels.turns] or [None] * len(dialogue.turns)
        return [None if label is None else _probability(label) for label in labels]


def _probability(label: Label[bool]) -> float:
    sure = 1.0 if label.score is None else label.score
    return sure if label.value else 1 - sure
