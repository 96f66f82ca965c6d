"""Goal segmentation: does a new goal start at this turn?"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from selflearn.batching.batch import DialogueBatch
from selflearn.metrics import catalogue
from selflearn.metrics.items import ItemTable
from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks.base import EncodedBatch, StateSizes, turn_head
from selflearn.tasks.prediction import DialoguePrediction, Thresholds
from selflearn.tasks.thresholds import Cut, segmentation_cut
from selflearn.tasks.turn_binary import BinaryTurnTask


class BoundaryHead(nn.Module):
    """Reads the state of the turn with those of its neighbours, as far as the model may see them."""

    def __init__(self, sizes: StateSizes, *, dropout: float) -> None:
        super().__init__()
        self.score = turn_head(sizes, 1, dropout=dropout, width=3)

    def forward(self, encoded: EncodedBatch) -> Tensor:
        """Logits of a boundary before each turn, ``[D, T]``."""
        logits: Tensor = self.score(torch.cat([encoded.neighbours(offset) for offset in (-1, 0, 1)], -1)).squeeze(-1)
        return logits


class SegmentationTask(BinaryTurnTask):
    """Boundary of a goal per turn. The first turn always opens a goal and is no decision."""

    name = "segmentation"
    items = ItemTable(keys=("turn",), metrics=catalogue.SEGMENTATION_METRICS, consecutive=True)
    prediction_field = "boundaries"
    place = 10

    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """A :class:`BoundaryHead`."""
        return BoundaryHead(sizes, dropout=dropout)

    def decisions(self, dialogue: Dialogue) -> list[bool | None]:
        """True where a gold goal starts; None for the first turn and for dialogues without labelled goals."""
        goals = dialogue.labels.goals
        if goals is None:
            return [None] * len(dialogue.turns)
        starts = {goal.start for goal in goals}
        return [None, *(turn in starts for turn in range(1, len(dialogue.turns)))]

    def decode(
        self, logits: Tensor, batch: DialogueBatch, dialogues: Sequence[ObservedDialogue]
    ) -> list[tuple[float, ...]]:
        """Probability of a boundary for each turn; 1 for the first."""
        return [(1.0, *row[1:]) for row in super().decode(logits, batch, dialogues)]

    def tables(
        self, dialogues: Sequence[Dialogue], predictions: Sequence[DialoguePrediction], thresholds: Thresholds
    ) -> dict[str, pd.DataFrame]:
        """One row a turn from the second on. A boundary stands between domains, and has none."""
        rows = [
            (dialogue.id, turn, gold, prediction.boundaries[turn] >= thresholds[self.name],
             prediction.boundaries[turn])
            for dialogue, prediction in zip(dialogues, predictions, strict=True)
            for turn, gold in enumerate(self.decisions(dialogue))
            if gold is not None and prediction.boundaries is not None
        ]  # fmt: skip
        return {self.name: pd.DataFrame(rows, columns=["dialogue_id", "turn", "gold", "prediction", "score"])}

    def cut(self, scores: ArrayLike, gold: ArrayLike, groups: ArrayLike) -> Cut:
        """That with the highest boundary F1 per dialogue; see :func:`~selflearn.tasks.thresholds.segmentation_cut`."""
        return segmentation_cut(scores, gold, groups)
