"""What the tasks share that give each turn one of several names: intents and domains.

A subclass needs a name and :meth:`NamedTurnTask.names`; what it does otherwise it overrides. The baselines know no
more of it than that: whatever its head and its loss, they learn its names and answer with one and its probability.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from selflearn.batching.batch import DialogueBatch, Targets
from selflearn.metrics import catalogue
from selflearn.metrics.items import ItemTable
from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks.base import EncodedBatch, StateSizes, Task, domains_by_turn, one_a_turn, turn_head
from selflearn.tasks.prediction import DialoguePrediction, Thresholds

NO_TARGET = -100


class NameHead(nn.Module):
    """Reads the state of the turn."""

    def __init__(self, sizes: StateSizes, num_labels: int, *, dropout: float) -> None:
        super().__init__()
        self.score = turn_head(sizes, num_labels, dropout=dropout)

    def forward(self, encoded: EncodedBatch) -> Tensor:
        """Logits of the names, ``[D, T, C]``."""
        logits: Tensor = self.score(encoded.turns)
        return logits


class NamedTurnTask(Task):
    """A task with one name a turn; where :meth:`names` says None there is no item."""

    items = ItemTable(keys=("turn",), metrics=catalogue.INTENT_METRICS, values="name")
    empty_answer = ("other", 0.0)

    @abstractmethod
    def names(self, dialogue: Dialogue) -> list[str | None]:
        """Gold name of each turn."""

    @classmethod
    def fit(cls, dialogues: Iterable[Dialogue]) -> Self | None:
        """Names in alphabetical order."""
        task = cls()
        found = {name for dialogue in dialogues for name in task.names(dialogue) if name is not None}
        return cls(sorted(found)) if found else None

    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """A :class:`NameHead`."""
        return NameHead(sizes, len(self.labels), dropout=dropout)

    def targets(self, dialogues: Sequence[Dialogue], batch: DialogueBatch) -> Targets:
        """``classes``: long ``[D, T]``; -100 where there is no label, or one that training never saw."""
        numbers = {name: i for i, name in enumerate(self.labels)}
        classes = torch.full((len(dialogues), batch.num_turns), NO_TARGET)
        for d, dialogue in enumerate(dialogues):
            for t, name in enumerate(one_a_turn(self.names(dialogue), dialogue, self.name)):
                if name is not None:
                    classes[d, t] = numbers.get(name, NO_TARGET)
        return {"classes": classes} if bool((classes >= 0).any()) else {}

    def loss(self, head: nn.Module, encoded: EncodedBatch, targets: Targets, logits: Mapping[str, Tensor]) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(
            logits[self.name].float().flatten(0, 1),
            targets["classes"].flatten(),
            ignore_index=NO_TARGET,
            reduction="sum",
        )

    def count(self, targets: Targets) -> int:
        """Turns with a target."""
        return int((targets["classes"] >= 0).sum())

    def decode(
        self, logits: Tensor, batch: DialogueBatch, dialogues: Sequence[ObservedDialogue]
    ) -> list[tuple[tuple[str, float], ...]]:
        """The most probable name of each turn and its probability."""
        scores, best = logits.float().softmax(-1).max(-1)
        return [
            tuple((self.labels[c], p) for c, p in zip(classes[:n], row[:n], strict=True))
            for classes, row, n in zip(best.tolist(), scores.tolist(), batch.lengths.tolist(), strict=True)
        ]

    def tables(
        self, dialogues: Sequence[Dialogue], predictions: Sequence[DialoguePrediction], thresholds: Thresholds
    ) -> dict[str, pd.DataFrame]:
        """One row a labelled turn."""
        rows = [
            (dialogue.id, turn, name, *answer[turn], domain)
            for dialogue, prediction in zip(dialogues, predictions, strict=True)
            if (answer := self.answer(prediction)) is not None
            for turn, (name, domain) in enumerate(
                zip(one_a_turn(self.names(dialogue), dialogue, self.name), domains_by_turn(dialogue), strict=True)
            )
            if name is not None
        ]
        columns = ["dialogue_id", "turn", "gold", "prediction", "score", "domain"]
        return {self.name: pd.DataFrame(rows, columns=columns)}
