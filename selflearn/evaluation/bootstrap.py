"""The bootstrap over people, or dialogues: resamples as weights, so that every system is measured on the same ones.

Turns of a dialogue are not independent, and neither are the dialogues of one person: a resample draws whole people with
replacement, where they are known, and else whole dialogues (Efron 1979; paired comparison as in Koehn 2004; clusters as
in Davison and Hinkley 1997, section 3.8). What was drawn twice has weight 2.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor


def bootstrap_weights(owners: Sequence[Hashable], *, resamples: int = 1000, seed: int = 0) -> Tensor:
    """How often each of ``G`` dialogues occurs in each of ``R`` resamples, which draw as many owners as there are.

    Args:
        owners: whose each dialogue is, 1 or more; ``range(G)`` where each stands for itself.
        resamples: ``R``, 0 or more.
        seed: the same seed and number of owners give the same resamples.

    Returns:
        float64, ``(R, G)``; dialogues of one owner have the same weight. ``(0, G)`` where all are of one: each resample
        would be the sample again, and the width of an interval nothing.

    Raises:
        ValueError: there is no dialogue to draw.

    Example:
        >>> weights = bootstrap_weights(["ann", "bob", "ann"], resamples=3)
        >>> bool((weights[:, 0] == weights[:, 2]).all())
        True
    """
    if not len(owners) or resamples < 0:
        raise ValueError(f"{len(owners)} dialogues, {resamples} resamples; expected at least 1 dialogue, 0 resamples")
    numbers = {owner: number for number, owner in enumerate(dict.fromkeys(owners))}
    resamples = 0 if len(numbers) == 1 else resamples
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randint(len(numbers), (resamples, len(numbers)), generator=generator)
    drawn = torch.zeros(resamples, len(numbers), dtype=torch.double).scatter_add_(
        1, draws, torch.ones(1, 1, dtype=torch.double).expand_as(draws)
    )
    return drawn[:, [numbers[owner] for owner in owners]]


def point_and_resamples(
    dialogue_ids: Sequence[str], owners: Sequence[str] | None, *, resamples: int, seed: int
) -> Tensor:
    """Weights of dialogues for the value itself, all ones, and below it those of each resample.

    Args:
        dialogue_ids: all dialogues that are measured, ``G``.
        owners: whose each of them is; None: each stands for itself.
        resamples: ``R``.
        seed: of the resamples.

    Returns:
        float64, ``(1 + R, G)``; of one owner ``(1, G)``.

    Raises:
        ValueError: there is no dialogue, or there are not as many owners as dialogues.

    Example:
        >>> point_and_resamples(["1", "2"], None, resamples=9, seed=0)[0]
        tensor([1., 1.], dtype=torch.float64)
    """
    owners = dialogue_ids if owners is None else owners
    if len(owners) != len(dialogue_ids):
        raise ValueError(f"{len(owners)} owners of {len(dialogue_ids)} dialogues; expected one each")
    ones = torch.ones(1, len(dialogue_ids), dtype=torch.double)
    return torch.cat([ones, bootstrap_weights(owners, resamples=resamples, seed=seed)])


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
