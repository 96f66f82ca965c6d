"""The feature encoder: what a log says of a turn beside its text."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from selflearn.batching.batch import FeatureValues
from selflearn.batching.features import MISSING

_INITIAL = 0.02
"""Deviation of what is learned. At first no feature says much: one that tells people apart, as a home town does, is
else learned by heart, and a value that training never saw is loud noise."""


class FeatureEncoder(nn.Module):
    """Sum of one vector per feature; a feature that is absent has a learned vector of its own.

    Args:
        categorical_sizes: number of values of each categorical feature, with missing and unseen: ``C`` entries.
        num_numeric: number of numeric features, ``F``.
        audio_size: width of the audio vectors, 0 where there are none.
        size: width of the output, ``M``.
        dropout: probability that a feature of a turn is hidden (made missing) in training, so that the model can do
            without any of them.
    """

    def __init__(
        self, *, categorical_sizes: tuple[int, ...], num_numeric: int, audio_size: int, size: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.categorical = nn.ModuleList(_table(n, size) for n in categorical_sizes)
        self.numeric = nn.Parameter(torch.randn(num_numeric, size) * _INITIAL)
        self.numeric_missing = nn.Parameter(torch.randn(num_numeric, size) * _INITIAL)
        self.gap = nn.Linear(1, size)
        self.gap_missing = nn.Parameter(torch.randn(size) * _INITIAL)
        self.audio = nn.Linear(audio_size, size) if audio_size else None
        self.audio_missing = nn.Parameter(torch.randn(size) * _INITIAL)
        self.size, self.dropout = size, dropout

    def forward(self, values: FeatureValues, seconds: Tensor) -> Tensor:
        """Vectors of the features of each turn.

        Args:
            values: categorical, numeric and audio features, ``[D, T, ...]``.
            seconds: since the start of the dialogue, ``[D, T]``, NaN where unknown.

        Returns:
            float, ``[D, T, M]``.
        """
        out = self._gaps(seconds)
        for i, embedding in enumerate(self.categorical):
            numbers = values.categorical[..., i]
            out = out + embedding(numbers.masked_fill(~self._kept(numbers != MISSING), MISSING))
        if self.numeric.shape[0]:
            kept = self._kept(values.numeric_mask)
            # a line through the origin per feature, as values are standardised; [D, T, F] x [F, M]
            out = out + values.numeric.masked_fill(~kept, 0.0) @ self.numeric + (~kept).to(out) @ self.numeric_missing
        return out + self._sound(values)

    def _kept(self, mask: Tensor) -> Tensor:
        if not self.training or not self.dropout:
            return mask
        return mask & (torch.rand(mask.shape, device=mask.device) >= self.dropout)

    def _gaps(self, seconds: Tensor) -> Tensor:
        gaps = torch.diff(seconds, dim=1, prepend=seconds[:, :1])  # the first gap is 0; NaN where either time is
        known = self._kept(~gaps.isnan())
        logs = torch.log1p(gaps.nan_to_num().clamp(min=0))[..., None]
        return torch.where(known[..., None], self.gap(logs), self.gap_missing)

    def _sound(self, values: FeatureValues) -> Tensor:
        if self.audio is None or values.audio is None or values.audio_mask is None:
            return self.audio_missing
        return torch.where(self._kept(values.audio_mask)[..., None], self.audio(values.audio), self.audio_missing)


def _table(values: int, size: int) -> nn.Embedding:
    table = nn.Embedding(values, size)
    nn.init.normal_(table.weight, std=_INITIAL)
    return table
