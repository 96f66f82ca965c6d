"""The audio encoder: recordings to one vector each, with any pretrained speech encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from selflearn.batching.batch import SoundBucket


class AudioEncoder(nn.Module):
    """The mean of a speech encoder's states over the frames that are sound, normalised.

    Models differ in the scale of their states by orders of magnitude, and means vary less than states: the
    normalisation, which learns, makes one learning rate fit all.

    Args:
        model: from :func:`~selflearn.encoders.load_audio_encoder`.
        frozen: the model stays as it is, dropout included.
    """

    def __init__(self, model: PreTrainedModel, *, frozen: bool) -> None:
        super().__init__()
        self.model, self.frozen = model, frozen
        self.norm = nn.LayerNorm(self.size)

    @property
    def size(self) -> int:
        """``H``."""
        config = self.model.config
        return int(config.output_hidden_size if getattr(config, "add_adapter", False) else config.hidden_size)

    def let_learn(self, learns: bool) -> None:
        """Give the model's parameters gradients, or none; a frozen one has none either way."""
        self.model.requires_grad_(learns and not self.frozen)

    def train(self, mode: bool = True) -> Self:
        """As every module; a frozen model is always in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def forward(self, buckets: Sequence[SoundBucket]) -> Tensor:
        """One vector a recording.

        Args:
            buckets: of all pieces of recordings.

        Returns:
            float, ``[pieces, H]``; of a recording in several pieces the mean over all frames. As there are at least as
            many pieces as recordings, the last rows may be of none.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            sums, counts = zip(*(self._frames(bucket) for bucket in buckets), strict=True)
            owners = torch.cat([bucket.recordings for bucket in buckets])
            totals = torch.zeros_like(torch.cat(sums)).index_add(0, owners, torch.cat(sums))
            frames = torch.zeros_like(torch.cat(counts)).index_add(0, owners, torch.cat(counts))
            means = totals / frames.clamp(min=1)[:, None]
        out: Tensor = self.norm(means)
        return out

    def _frames(self, bucket: SoundBucket) -> tuple[Tensor, Tensor]:
        """Sum of the states over the frames of sound ``[pieces, H]``, and their number ``[pieces]``."""
        given: dict[str, Any] = {self.model.main_input_name: bucket.inputs}
        if bucket.mask is not None:
            given["attention_mask"] = bucket.mask
        states = self.model(**given).last_hidden_state.float()  # [pieces, frames, H]
        if bucket.mask is None:
            return states.sum(1), states.new_full((len(states),), states.shape[1])
        lengths: Tensor = self.model._get_feat_extract_output_lengths(bucket.mask.sum(-1))  # type: ignore[operator]
        kept = torch.arange(states.shape[1], device=states.device) < lengths.clamp(min=1)[:, None]
        return (states * kept[..., None]).sum(1), kept.sum(1).to(states.dtype)
