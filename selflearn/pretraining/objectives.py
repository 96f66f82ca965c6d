"""The two objectives of pretraining: was this response swapped, and which response belongs here?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.utils import ModelOutput

from selflearn.batching.batch import TextBucket
from selflearn.models import LabelGenerator
from selflearn.pretraining.known_texts import KnownTexts
from selflearn.pretraining.swaps import PretrainingBatch


@dataclass
class SwapObjectivesOutput(ModelOutput):
    """Output of :class:`SwapObjectives`.

    Attributes:
        detection: mean binary cross-entropy over turns with a response, a scalar.
        contrast: InfoNCE, a scalar.
        detection_logits: ``[D, T]``.
        contrast_logits: ``[Q, candidates]``.
    """

    detection: Tensor | None = None
    contrast: Tensor | None = None
    detection_logits: Tensor | None = None
    contrast_logits: Tensor | None = None


class SwapObjectives(nn.Module):
    """Swap detection, and InfoNCE between a turn without its response and the responses of the batch.

    InfoNCE is van den Oord et al., 2018, equation 4, with cosine similarities. The query is the contextual state of a
    turn whose response is hidden; the keys are the hidden responses of the batch, each encoded alone.

    Args:
        size: width of turn states, ``M``.
        text_size: width of text vectors, ``H``.
        temperature: divides the cosines.
        known: what the turn encoder says of texts, where it does not learn; None asks it in every batch.
    """

    def __init__(
        self, *, size: int, text_size: int, temperature: float = 0.05, known: KnownTexts | None = None
    ) -> None:
        super().__init__()
        self.detect = nn.Sequential(nn.Linear(size, size), nn.GELU(), nn.Linear(size, 1))
        self.query, self.key = nn.Linear(size, size), nn.Linear(text_size, size)
        self.temperature, self.known = temperature, known

    def forward(self, model: LabelGenerator, batch: PretrainingBatch) -> SwapObjectivesOutput:
        """Losses of a batch; features beside the text are left out."""
        vectors = self._vectors(model, batch.inputs.buckets)
        turns = model.encode_dialogues(vectors, model.encode_ngrams(batch.inputs), batch.inputs, use_features=False)
        logits = self.detect(turns).squeeze(-1).float()
        known = batch.swapped >= 0
        detection = functional.binary_cross_entropy_with_logits(logits[known], batch.swapped[known])
        if not known.any():
            detection = logits.sum() * 0
        contrast, scores = logits.sum() * 0, None
        if len(batch.hidden_turns):
            keys = self.key(self._vectors(model, batch.candidates)[:, 0])
            queries = self.query(turns.flatten(0, 1)[batch.hidden_turns])
            with torch.autocast(turns.device.type, enabled=False):  # cosines over a small temperature need the digits
                scores = functional.normalize(queries.float(), dim=-1) @ functional.normalize(keys.float(), dim=-1).T
            scores = (scores / self.temperature).masked_fill(batch.forbidden, torch.finfo(torch.float32).min)
            contrast = functional.cross_entropy(scores, batch.candidate_order)
        return SwapObjectivesOutput(
            detection=detection, contrast=contrast, detection_logits=logits, contrast_logits=scores
        )

    def _vectors(self, model: LabelGenerator, buckets: tuple[TextBucket, ...]) -> Tensor:
        vectors: Tensor = model.turn_encoder(buckets).vectors if self.known is None else self.known(buckets)
        return vectors
