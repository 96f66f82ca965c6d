"""Area under the ROC curve, with row weights: one sort serves any number of bootstrap resamples."""

from __future__ import annotations

import torch
from torch import Tensor

from selflearn.metrics.functional._rows import check_flags, check_rows, ratio


def auc(scores: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Area under the ROC curve: the chance that a positive row is scored above a negative one, ties counting half.

    Computed exactly from ranks (Mann-Whitney U). With weights a pair counts the product of its two weights, so counts
    of a bootstrap resample give the AUC of the resampled rows. NaN where there is no pair: no rows, or one class.

    Args:
        scores: any order-preserving score of the positive class, float, ``(N,)``.
        target: whether the row is positive, bool or 0/1, ``(N,)``.
        weights: 0 or more, ``(..., N)``; None for ones.

    Returns:
        float64, ``(...)``.

    Raises:
        ValueError: shapes differ, a score is NaN, or target is no decision.

    Example:
        >>> auc(torch.tensor([0.1, 0.4, 0.4, 0.8]), torch.tensor([0, 0, 1, 1]))
        tensor(0.8750, dtype=torch.float64)
    """
    return auc_within(scores, target, torch.zeros(scores.shape, dtype=torch.long, device=scores.device), weights)


def auc_within(scores: Tensor, target: Tensor, strata: Tensor, weights: Tensor | None = None) -> Tensor:
    """AUC over the pairs of one stratum only: the AUC inside each question, weighted by its number of pairs.

    What is left when the question alone says how likely failure is. NaN where no stratum has both classes.

    Args:
        scores: any order-preserving score of the positive class, float, ``(N,)``.
        target: whether the row is positive, bool or 0/1, ``(N,)``.
        strata: stratum (question) of each row, int64, ``(N,)``, from 0.
        weights: 0 or more, ``(..., N)``; None for ones.

    Returns:
        float64, ``(...)``.

    Raises:
        ValueError: shapes differ, a score is NaN, or target is no decision.

    Example:
        >>> scores, target = torch.tensor([0.1, 0.2, 0.8, 0.9]), torch.tensor([0, 1, 0, 1])
        >>> auc_within(scores, target, torch.tensor([0, 0, 1, 1])), auc(scores, target)
        (tensor(1., dtype=torch.float64), tensor(0.7500, dtype=torch.float64))
    """
    check_rows(scores, target, strata, None)
    (target,) = check_flags(target=target)
    if scores.isnan().any():
        raise ValueError(f"scores[{int(scores.isnan().nonzero()[0])}] is NaN; expected a number in every row")
    weights = torch.ones(len(scores), dtype=torch.double, device=scores.device) if weights is None else weights.double()
    if weights.shape[-1:] != scores.shape:
        raise ValueError(f"weights is {tuple(weights.shape)}; expected (..., {len(scores)}), one a row")

    levels, level = torch.unique(scores, return_inverse=True)
    width = max(len(levels), 1)
    key = strata * width + level  # orders rows by stratum, then by score
    negative_keys, order = key[~target].sort()
    negative = (~target).nonzero()[:, 0][order]
    upto = torch.nn.functional.pad(weights.index_select(-1, negative).cumsum(-1), (1, 0))  # (..., negatives + 1)
    stratum, own = strata[target] * width, key[target]
    first, last, below, through = (
        upto.index_select(-1, torch.searchsorted(negative_keys, edge, right=right))
        for edge, right in ((stratum, False), (stratum + width, False), (own, False), (own, True))
    )
    positive = weights.index_select(-1, target.nonzero()[:, 0])
    wins = (positive * ((below + through) / 2 - first)).sum(-1)
    return ratio(wins, (positive * (last - first)).sum(-1), undefined=float("nan"))
