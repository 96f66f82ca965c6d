"""What the yes-no tasks over turns share: boundaries and defects are both one probability a turn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from selflearn.batching.batch import DialogueBatch, Targets
from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks.base import EncodedBatch, Task, padded, per_turn

NO_TARGET = -1.0


class BinaryTurnTask(Task):
    """A task with one yes-no decision a turn; where :meth:`decisions` says None there is no target."""

    @abstractmethod
    def decisions(self, dialogue: Dialogue) -> list[bool | None]:
        """Gold decision of each turn."""

    def probabilities(self, dialogue: Dialogue) -> list[float | None]:
        """What is learned for each turn: how likely it is a yes."""
        return [None if decision is None else float(decision) for decision in self.decisions(dialogue)]

    def targets(self, dialogues: Sequence[Dialogue], batch: DialogueBatch) -> Targets:
        """``values``: float ``[D, T]``, from 0 to 1, or -1 where there is no target."""
        rows = [[NO_TARGET if p is None else p for p in self.probabilities(dialogue)] for dialogue in dialogues]
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
