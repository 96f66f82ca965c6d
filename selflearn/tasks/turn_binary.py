"""What the yes-no tasks over turns share: boundaries and defects are both one probability a turn.

A subclass needs a name and :meth:`BinaryTurnTask.decisions`; what it does otherwise it overrides. The baselines know no
more of it than that: whatever its head and its loss, they learn its decisions and answer with a probability a turn.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from selflearn.batching.batch import DialogueBatch, Targets
from selflearn.metrics import catalogue
from selflearn.metrics.items import ItemTable
from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks.base import (
    EncodedBatch,
    StateSizes,
    Task,
    domains_by_turn,
    one_a_turn,
    padded,
    per_turn,
    turn_head,
)
from selflearn.tasks.prediction import DialoguePrediction, Thresholds
from selflearn.tasks.thresholds import Cut, binary_f1_cut

NO_TARGET = -1.0


class YesNoHead(nn.Module):
    """Reads the state of the turn."""

    def __init__(self, sizes: StateSizes, *, dropout: float) -> None:
        super().__init__()
        self.score = turn_head(sizes, 1, dropout=dropout)

    def forward(self, encoded: EncodedBatch) -> Tensor:
        """Logits of a yes, ``[D, T]``."""
        logits: Tensor = self.score(encoded.turns).squeeze(-1)
        return logits


class BinaryTurnTask(Task):
    """A task with one yes-no decision a turn; where :meth:`decisions` says None there is no target."""

    items = ItemTable(keys=("turn",), metrics=catalogue.DEFECT_METRICS)
    empty_answer = 0.0

    @classmethod
    def fit(cls, dialogues: Iterable[Dialogue]) -> Self | None:
        """Needs one turn with a decision."""
        task = cls()
        return task if any(decision is not None for d in dialogues for decision in task.decisions(d)) else None

    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """A :class:`YesNoHead`."""
        return YesNoHead(sizes, dropout=dropout)

    @abstractmethod
    def decisions(self, dialogue: Dialogue) -> list[bool | None]:
        """Gold decision of each turn."""

    def probabilities(self, dialogue: Dialogue) -> list[float | None]:
        """What is learned for each turn: how likely it is a yes."""
        return [None if decision is None else float(decision) for decision in self.decisions(dialogue)]

    def targets(self, dialogues: Sequence[Dialogue], batch: DialogueBatch) -> Targets:
        """``values``: float ``[D, T]``, from 0 to 1, or -1 where there is no target."""
        labels = [one_a_turn(self.probabilities(dialogue), dialogue, self.name) for dialogue in dialogues]
        rows = [[NO_TARGET if p is None else p for p in row] for row in labels]
        values = padded(rows, batch.num_turns, NO_TARGET)
        return {"values": values} if bool((values >= 0).any()) else {}

    def loss(self, head: nn.Module, encoded: EncodedBatch, targets: Targets, logits: Mapping[str, Tensor]) -> Tensor:
        """Binary cross-entropy."""
        known = targets["values"] >= 0
        return functional.binary_cross_entropy_with_logits(
            logits[self.name].float()[known], targets["values"][known], reduction="sum"
        )

    def count(self, targets: Targets) -> int:
        """Turns with a target."""
        return int((targets["values"] >= 0).sum())

    def decode(
        self, logits: Tensor, batch: DialogueBatch, dialogues: Sequence[ObservedDialogue]
    ) -> list[tuple[float, ...]]:
        """Probability of yes for each turn."""
        return per_turn(torch.sigmoid(logits.float()), batch)

    def tables(
        self, dialogues: Sequence[Dialogue], predictions: Sequence[DialoguePrediction], thresholds: Thresholds
    ) -> dict[str, pd.DataFrame]:
        """One row a turn with a decision."""
        rows = [
            (dialogue.id, turn, gold, answer[turn] >= thresholds[self.name], answer[turn], domain)
            for dialogue, prediction in zip(dialogues, predictions, strict=True)
            if (answer := self.answer(prediction)) is not None
            for turn, (gold, domain) in enumerate(
                zip(one_a_turn(self.decisions(dialogue), dialogue, self.name), domains_by_turn(dialogue), strict=True)
            )
            if gold is not None
        ]
        columns = ["dialogue_id", "turn", "gold", "prediction", "score", "domain"]
        return {self.name: pd.DataFrame(rows, columns=columns)}

    def cut(self, scores: ArrayLike, gold: ArrayLike, groups: ArrayLike) -> Cut:
        """The threshold by which every system decides: that with the highest F1 of the rarer answer.

        Arguments and errors as :func:`~selflearn.tasks.thresholds.binary_f1_cut`.
        """
        return binary_f1_cut(scores, gold, groups)

    def tune_threshold(self, table: pd.DataFrame) -> float | None:
        """That of :meth:`cut`; None where all items have one answer."""
        if table["gold"].nunique() < 2:
            return None
        return self.cut(table["score"], table["gold"], table["dialogue_id"].factorize()[0]).threshold
