"""Intent: which of the names of the training data does the person ask for in this turn?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from selflearn.batching.readings import ReadingVocabulary
from selflearn.schema import Dialogue
from selflearn.tasks.base import EncodedBatch, StateSizes, turn_head
from selflearn.tasks.turn_name import NamedTurnTask

_OFFSETS = (0, -1, 1, 2)
"""Turns whose readings are weighed: this one, the one before, and those in which a person would say it again."""


class IntentHead(nn.Module):
    """Reads the state of the turn, and weighs what the assistant understood in it and in its neighbours.

    Where a log has the assistant's own n-best list of intents, each of its names gets the sum of its evidence, here and
    in the turns around, times weights that depend on the state of the turn: after a response that was not wanted, the
    best name may count against itself, and that of the next request for it. The weights are shared by all names, so
    that few labels teach them. This is a pointer to the input beside a classifier (See et al., ACL 2017, section 2.2)
    with logits in the place of probabilities.
    """

    same: Tensor

    def __init__(self, sizes: StateSizes, labels: tuple[str, ...], *, dropout: float) -> None:
        super().__init__()
        self.score = turn_head(sizes, len(labels), dropout=dropout)
        self.weigh: nn.Sequential | None = None
        if sizes.readings.intents:
            self.register_buffer("same", _same_names(sizes.readings, labels))
            last = nn.Linear(sizes.turn, 2 * len(_OFFSETS))
            self.weigh = nn.Sequential(nn.Linear(sizes.turn, sizes.turn), nn.GELU(), nn.Dropout(dropout), last)
            with torch.no_grad():  # what it understood counts for something before anything is learned
                last.bias[:2] += 2.0

    def forward(self, encoded: EncodedBatch) -> Tensor:
        """Logits of the names, ``[D, T, C]``."""
        logits: Tensor = self.score(encoded.turns).float()
        if self.weigh is None:
            return logits
        evidence = encoded.inputs.readings.intents  # [D, T, I, 2]
        around = [encoded.shifted(evidence.flatten(2), offset).view_as(evidence) for offset in _OFFSETS]
        weights = self.weigh(encoded.turns).float()
        heard: Tensor = torch.einsum("dtik,dtk->dti", torch.cat(around, -1), weights) @ self.same
        return logits + heard


def _same_names(readings: ReadingVocabulary, labels: tuple[str, ...]) -> Tensor:
    """``[I, C]``: 1 where a name of the assistant's is that of a label."""
    return torch.tensor([[float(name == label) for label in labels] for name in readings.intents])


class IntentTask(NamedTurnTask):
    """Name of the intent per turn."""

    name = "intent"
    prediction_field = "intents"

    @staticmethod
    def names(dialogue: Dialogue) -> list[str | None]:
        """The label of each turn."""
        turns = dialogue.labels.turns
        return [turn.intent.value if turn.intent else None for turn in turns] or [None] * len(dialogue.turns)

    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """An :class:`IntentHead`."""
        return IntentHead(sizes, self.labels, dropout=dropout)
