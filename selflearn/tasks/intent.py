"""Intent: which of the names of the training data does the person ask for in this turn?"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from selflearn.batching.batch import Targets
from selflearn.batching.readings import ReadingVocabulary
from selflearn.schema import Dialogue
from selflearn.tasks.base import WORD_DROPOUT, EncodedBatch, StateSizes, turn_head
from selflearn.tasks.turn_name import NO_TARGET, NamedTurnTask

_OFFSETS = (0, -1, 1, 2)
"""Turns whose readings are weighed: this one, the one before, and those in which a person would say it again."""


class IntentHead(nn.Module):
    """Reads the state of the turn, and weighs what was understood in it and in its neighbours.

    Where a log has the assistant's own n-best list of intents, the assistant is one that understood, and a classifier
    of the words of the request by themselves (in pair mode of those of the response too) is the other. Each name gets
    the sum of its evidence, here and in the turns around, times weights that depend on the states of the turn and its
    neighbours: after a response that was not wanted, the best name may count against itself, and that of the next
    request for it. The weights are shared by all names, so that few labels teach them. This is a pointer to the input
    beside a classifier (See et al., ACL 2017, section 2.2) with logits in the place of probabilities.

    The classifier of words has a loss of its own (:meth:`IntentTask.loss`): the assistant is right so often that beside
    it nothing else would be learned, and where it is wrong nothing else would be known.
    """

    same: Tensor

    def __init__(self, sizes: StateSizes, labels: tuple[str, ...], *, dropout: float) -> None:
        super().__init__()
        self.score = turn_head(sizes, len(labels), dropout=dropout)
        self.words: nn.Sequential | None = None
        self.weigh: nn.Sequential | None = None
        if sizes.readings.intents:
            self.register_buffer("same", _same_names(sizes.readings, labels))
            self.words = nn.Sequential(
                nn.Dropout(WORD_DROPOUT), nn.Linear(sizes.token + sizes.lexical // 2, sizes.turn), nn.GELU(),
                nn.Dropout(WORD_DROPOUT), nn.Linear(sizes.turn, len(labels)),
            )  # fmt: skip
            last = nn.Linear(sizes.turn, 3 * len(_OFFSETS))
            self.weigh = nn.Sequential(nn.Linear(3 * sizes.turn, sizes.turn), nn.GELU(), nn.Dropout(dropout), last)
            with torch.no_grad():  # what was understood counts for something before anything is learned
                last.bias[:3] += 2.0

    def forward(self, encoded: EncodedBatch) -> Tensor:
        """Logits of the names, ``[D, T, C]``."""
        logits: Tensor = self.score(encoded.turns).float()
        if self.weigh is None:
            return logits
        assistant = torch.einsum("dtik,ic->dtck", encoded.inputs.readings.intents, self.same)
        asked = encoded.inputs.utterance_index[:, :, :1] >= 0
        words = self.of_words(encoded).softmax(-1) * asked
        evidence = torch.cat([assistant, words[..., None]], -1)  # [D, T, C, 3]
        around = [encoded.shifted(evidence.flatten(2), offset).view_as(evidence) for offset in _OFFSETS]
        states = torch.cat([encoded.neighbours(offset) for offset in (-1, 0, 1)], -1)
        heard: Tensor = torch.einsum("dtck,dtk->dtc", torch.cat(around, -1), self.weigh(states).float())
        return logits + heard

    def of_words(self, encoded: EncodedBatch) -> Tensor:
        """Logits of the names from the words of each request by themselves, ``[D, T, C]``."""
        assert self.words is not None
        half = encoded.lexical.shape[-1] // 2
        found: Tensor = self.words(torch.cat([encoded.texts[:, :, 0], encoded.lexical[..., :half]], -1)).float()
        return found


def _same_names(readings: ReadingVocabulary, labels: tuple[str, ...]) -> Tensor:
    """``[I, C]``: 1 where a name of the assistant's is that of a label."""
    return torch.tensor([[float(name == label) for label in labels] for name in readings.intents])


class IntentTask(NamedTurnTask):
    """Name of the intent per turn."""

    name = "intent"
    place = 30
    prediction_field = "intents"

    def names(self, dialogue: Dialogue) -> list[str | None]:
        """The label of each turn."""
        turns = dialogue.labels.turns
        return [turn.intent.value if turn.intent else None for turn in turns] or [None] * len(dialogue.turns)

    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """An :class:`IntentHead`."""
        return IntentHead(sizes, self.labels, dropout=dropout)

    def loss(self, head: nn.Module, encoded: EncodedBatch, targets: Targets, logits: Mapping[str, Tensor]) -> Tensor:
        """Cross-entropy, and that of the classifier of words where there is one."""
        whole = super().loss(head, encoded, targets, logits)
        if not isinstance(head, IntentHead) or head.words is None:
            return whole
        asked = encoded.inputs.utterance_index[:, :, 0] >= 0
        spoken = {"classes": torch.where(asked, targets["classes"], NO_TARGET)}
        return whole + super().loss(head, encoded, spoken, {self.name: head.of_words(encoded)})
