"""Defect detection: did the response fail to serve the person?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

import pandas as pd
from torch import Tensor, nn

from selflearn.metrics import catalogue
from selflearn.metrics.items import ItemTable
from selflearn.schema import Dialogue, Label
from selflearn.tasks.base import EncodedBatch, StateSizes, domains_by_turn, turn_head
from selflearn.tasks.prediction import DialoguePrediction, Thresholds
from selflearn.tasks.turn_binary import BinaryTurnTask


class DefectHead(nn.Module):
    """Reads the state of the turn."""

    def __init__(self, sizes: StateSizes, *, dropout: float) -> None:
        super().__init__()
        self.score = turn_head(sizes, 1, dropout=dropout)

    def forward(self, encoded: EncodedBatch) -> Tensor:
        """Logits of a defect, ``[D, T]``."""
        logits: Tensor = self.score(encoded.turns).squeeze(-1)
        return logits


class DefectTask(BinaryTurnTask):
    """Defect per turn."""

    name = "defect"
    items = ItemTable(keys=("turn",), metrics=catalogue.DEFECT_METRICS)
    prediction_field = "defects"

    @classmethod
    def fit(cls, dialogues: Iterable[Dialogue]) -> Self | None:
        """Needs one labelled turn."""
        return cls() if any(t.defect is not None for d in dialogues for t in d.labels.turns) else None

    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """A :class:`DefectHead`."""
        return DefectHead(sizes, dropout=dropout)

    def decisions(self, dialogue: Dialogue) -> list[bool | None]:
        """The label of each turn."""
        labels = dialogue.labels.turns
        return [turn.defect.value if turn.defect else None for turn in labels] or [None] * len(dialogue.turns)

    def probabilities(self, dialogue: Dialogue) -> list[float | None]:
        """The label of each turn, as sure as its raters are: where they disagree there is less to learn."""
        labels = [turn.defect for turn in dialogue.labels.turns] or [None] * len(dialogue.turns)
        return [None if label is None else _probability(label) for label in labels]

    def tables(
        self, dialogues: Sequence[Dialogue], predictions: Sequence[DialoguePrediction], thresholds: Thresholds
    ) -> dict[str, pd.DataFrame]:
        """One row a labelled turn."""
        rows = [
            (dialogue.id, turn, gold, prediction.defects[turn] >= thresholds.defect, prediction.defects[turn], domain)
            for dialogue, prediction in zip(dialogues, predictions, strict=True)
            for turn, (gold, domain) in enumerate(
                zip(self.decisions(dialogue), domains_by_turn(dialogue), strict=True)
            )
            if gold is not None and prediction.defects is not None
        ]  # fmt: skip
        columns = ["dialogue_id", "turn", "gold", "prediction", "score", "domain"]
        return {self.name: pd.DataFrame(rows, columns=columns)}


def _probability(label: Label[bool]) -> float:
    sure = 1.0 if label.score is None else label.score
    return sure if label.value else 1 - sure
