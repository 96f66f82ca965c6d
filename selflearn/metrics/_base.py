"""The states that metrics keep: one vector of summed statistics where dialogues add up, else the rows themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class StatisticsMetric(Metric):
    """Base of the metrics whose dialogues add up; a subclass says which statistics, and what value they give.

    State: ``statistics``, float64, ``(S,)``, summed over batches and processes. Batches may be of any size, empty ones
    too, but a dialogue must lie in one batch. As always in torchmetrics, ``compute`` before any ``update`` warns.

    Args:
        size: ``S``.
        **kwargs: of :class:`torchmetrics.Metric`.
    """

    is_differentiable = False
    full_state_update = False
    statistics: Tensor

    def __init__(self, *, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("statistics", torch.zeros(size, dtype=torch.double), dist_reduce_fx="sum")

    def _add(self, statistics: Tensor) -> None:
        """Add the statistics ``(G, S)`` of the dialogues of a batch."""
        self.statistics += statistics.sum(0).to(self.statistics.device)  # those of texts are made on the CPU


def all_rows(state: Tensor | Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """The rows of all batches, ``(N,)``: a list of them, or one tensor once processes have been joined."""
    if isinstance(state, Tensor):
        return state.to(dtype)
    return torch.cat([part.to(dtype) for part in state]) if state else torch.zeros(0, dtype=dtype)
