"""How the losses of several tasks become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class FixedWeights(nn.Module):
    """A weighted sum; tasks that are not named weigh 1."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(weights)

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Scalars by task to a scalar."""
        return torch.stack([self.weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()


class UncertaintyWeights(nn.Module):
    """Learned weights: ``sum(exp(-s) * loss + s / 2)`` with one ``s`` a task (Kendall, Gal & Cipolla, 2018, eq. 10).

    Args:
        tasks: names; a task without targets in a batch does not move its weight.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.log_variances = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in tasks})

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Scalars by task to a scalar."""
        parts = []
        for name, loss in losses.items():
            s = self.log_variances[name]
            parts.append(torch.exp(-s) * loss + s / 2)
        return torch.stack(parts).sum()
