"""The bootstrap over dialogues: resamples as weights, so that every system is measured on the same ones.

Turns of a dialogue are not independent, dialogues are: a resample draws whole dialogues with replacement (Efron 1979;
paired comparison as in Koehn 2004). A dialogue drawn twice has weight 2.
"""

from __future__ import annotations

import torch
from torch import Tensor


def bootstrap_weights(num_dialogues: int, *, resamples: int = 1000, seed: int = 0) -> Tensor:
    """How often each of ``G`` dialogues occurs in each of ``R`` resamples of ``G`` draws.

    Args:
        num_dialogues: ``G``, 1 or more.
        resamples: ``R``, 0 or more.
        seed: the same seed and ``G`` give the same resamples.

    Returns:
        float64, ``(R, G)``; each row sums to ``G``.

    Raises:
        ValueError: there is no dialogue to draw.

    Example:
        >>> bootstrap_weights(4, resamples=3).sum(-1)
        tensor([4., 4., 4.], dtype=torch.float64)
    """
    if num_dialogues < 1 or resamples < 0:
        raise ValueError(f"{num_dialogues} dialogues, {resamples} resamples; expected at least 1 dialogue, 0 resamples")
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randint(num_dialogues, (resamples, num_dialogues), generator=generator)
    return torch.zeros(resamples, num_dialogues, dtype=torch.double).scatter_add_(
        1, draws, torch.ones(1, 1, dtype=torch.double).expand_as(draws)
    )


def interval(samples: Tensor, *, level: float = 0.95) -> tuple[float, float] | None:
    """The percentile interval of bootstrap values.

    Args:
        samples: values, ``(R,)``; NaN where the metric is undefined on a resample, which is left out.
        level: share of the values inside.

    Returns:
        Low and high end; None where no value is left.

    Example:
        >>> interval(torch.arange(101.0))
        (2.5, 97.5)
    """
    known = samples[~samples.isnan()]
    if not len(known):
        return None
    low, high = known.quantile(torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=known.dtype)).tolist()
    return low, high
