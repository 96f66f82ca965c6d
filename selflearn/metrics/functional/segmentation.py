"""Metrics of goal segmentation, over the gaps between turns.

A dialogue of ``T`` turns has ``T - 1`` decisions: does a new goal start at turn 2, 3, ... ``T``? The first turn opens a
goal in any case and is no decision, so it has no row. Rows of one dialogue stand in the order of its turns; rows of
different dialogues may stand in any order. Dialogues without a row (one turn) count nowhere.

Letters: ``N`` rows, ``G`` dialogues (groups). The ``*_statistics`` of dialogues add up, and ``*_from_statistics`` is
vectorised over leading dimensions: ``f(weights @ statistics)`` with ``weights (R, G)`` gives ``R`` bootstrap values.
Everything is float64. A mean over no dialogue is NaN, without a warning.
"""

from __future__ import annotations

import torch
from torch import Tensor

from selflearn.metrics.functional._rows import check_flags, check_rows, ratio, sum_by_group

NAN = float("nan")


def window_size(target: Tensor, groups: Tensor | None = None) -> int:
    """The window ``k`` of Pk and WindowDiff: half the mean gold segment in turns, rounded, at least 2.

    Computed once for a split and then held fixed, for every system and every slice (Beeferman et al. 1999, section 4).
    Halves are rounded to even, as NLTK does.

    Args:
        target: gold boundaries, bool, ``(N,)``.
        groups: dialogue of each row, int64, ``(N,)``; None for one dialogue.

    Example:
        >>> window_size(torch.tensor([0, 0, 0, 1, 0, 0]))  # two segments in seven turns: 3.5 / 2
        2
    """
    groups, num_groups = check_rows(target, target, groups, None)
    (target,) = check_flags(target=target)
    dialogues = int((torch.bincount(groups, minlength=num_groups) > 0).sum())
    segments = int(target.sum()) + dialogues
    turns = len(target) + dialogues
    return max(2, round(turns / segments / 2)) if segments else 2


# -------------------------------------------------------------------------------------------------------- boundary F1


def boundary_f1_statistics(
    preds: Tensor, target: Tensor, groups: Tensor | None = None, num_groups: int | None = None
) -> Tensor:
    """F1 of each dialogue and whether it has decisions: ``(G, 2)``; see :func:`boundary_f1`."""
    counts = boundary_f1_corpus_statistics(preds, target, groups, num_groups)
    return torch.stack([boundary_f1_corpus_from_statistics(counts).nan_to_num(0.0), counts[:, 3].clamp(max=1)], dim=-1)


def boundary_f1_from_statistics(statistics: Tensor) -> Tensor:
    """Mean F1 over dialogues from ``(..., 2)``: ``(...)``."""
    return ratio(statistics[..., 0], statistics[..., 1], undefined=NAN)


def boundary_f1(preds: Tensor, target: Tensor, groups: Tensor | None = None) -> Tensor:
    """Boundary F1 of each dialogue, averaged over dialogues (higher is better).

    F1 = 2 TP / (2 TP + FP + FN) over the decisions of a dialogue; 1 where neither gold nor prediction has a boundary
    and 0 where only one of them has. NaN without a decision.

    Args:
        preds: predicted boundaries, bool or 0/1, ``(N,)``, rows of a dialogue in turn order.
        target: gold boundaries, the same.
        groups: dialogue of each row, int64, ``(N,)``; None for one dialogue.

    Raises:
        ValueError: shapes differ, or values are not decisions.

    Example:
        >>> preds, target = torch.tensor([0, 1, 0, 0]), torch.tensor([0, 1, 1, 0])
        >>> boundary_f1(preds, target, groups=torch.tensor([0, 0, 0, 1]))  # (2/3 + 1) / 2
        tensor(0.8333, dtype=torch.float64)
    """
    return boundary_f1_from_statistics(boundary_f1_statistics(preds, target, groups).sum(0))


def boundary_f1_corpus_statistics(
    preds: Tensor, target: Tensor, groups: Tensor | None = None, num_groups: int | None = None
) -> Tensor:
    """True positives, false positives, false negatives and decisions of each dialogue: ``(G, 4)``."""
    groups, num_groups = check_rows(preds, target, groups, num_groups)
    preds, target = check_flags(preds=preds, target=target)
    columns = (preds & target, preds & ~target, ~preds & target, torch.ones_like(target))
    return sum_by_group(columns, groups, num_groups)


def boundary_f1_corpus_from_statistics(statistics: Tensor) -> Tensor:
    """F1 from summed counts ``(..., 4)``: ``(...)``."""
    hits, false, missed, decisions = statistics.unbind(-1)
    f1 = ratio(2 * hits, 2 * hits + false + missed, undefined=1.0)
    return torch.where(decisions > 0, f1, torch.full_like(f1, NAN))


def boundary_f1_corpus(preds: Tensor, target: Tensor, groups: Tensor | None = None) -> Tensor:
    """Boundary F1 with TP, FP and FN summed over all dialogues first (higher is better).

    1 where neither gold nor prediction has a boundary (as within one dialogue), NaN without a decision.

    Args:
        preds: predicted boundaries, bool or 0/1, ``(N,)``.
        target: gold boundaries, the same.
        groups: dialogue of each row, int64, ``(N,)``; changes nothing here.

    Raises:
        ValueError: shapes differ, or values are not decisions.

    Example:
        >>> boundary_f1_corpus(torch.tensor([0, 1, 0, 0]), torch.tensor([0, 1, 1, 0]))
        tensor(0.6667, dtype=torch.float64)
    """
    return boundary_f1_corpus_from_statistics(boundary_f1_corpus_statistics(preds, target, groups).sum(0))


# -------------------------------------------------------------------------------------------------- Pk and WindowDiff


def pk_statistics(
    preds: Tensor, target: Tensor, groups: Tensor | None = None, num_groups: int | None = None, *, window: int
) -> Tensor:
    """Pk of each dialogue and whether it has a window: ``(G, 2)``; see :func:`pk`."""
    predicted, gold, owner, num_groups = _windows(preds, target, groups, num_groups, window)
    return _share_by_group((predicted > 0) != (gold > 0), owner, num_groups)


def pk_from_statistics(statistics: Tensor) -> Tensor:
    """Mean over dialogues from ``(..., 2)``: ``(...)``."""
    return ratio(statistics[..., 0], statistics[..., 1], undefined=NAN)


def pk(preds: Tensor, target: Tensor, groups: Tensor | None = None, *, window: int) -> Tensor:
    """Pk (Beeferman, Berger and Lafferty 1999), averaged over dialogues (lower is better).

    In a dialogue of ``T`` turns, the share of ``i = 1..T-k`` for which prediction and gold disagree on whether turns
    ``i`` and ``i + k`` lie in one goal. Dialogues of ``k`` turns or fewer have no window and are left out; NaN where
    none is left. Equals ``nltk.metrics.segmentation.pk`` on the ``T - 1`` gaps of each dialogue.

    Args:
        preds: predicted boundaries, bool or 0/1, ``(N,)``, rows of a dialogue in turn order.
        target: gold boundaries, the same.
        groups: dialogue of each row, int64, ``(N,)``; None for one dialogue.
        window: ``k`` in turns, 1 or more; see :func:`window_size`.

    Raises:
        ValueError: shapes differ, values are not decisions, or ``window`` is below 1.

    Example:
        >>> pk(torch.tensor([0, 1, 0, 0]), torch.tensor([0, 0, 1, 0]), window=2)
        tensor(0.6667, dtype=torch.float64)
    """
    return pk_from_statistics(pk_statistics(preds, target, groups, window=window).sum(0))


def window_diff_statistics(
    preds: Tensor, target: Tensor, groups: Tensor | None = None, num_groups: int | None = None, *, window: int
) -> Tensor:
    """WindowDiff of each dialogue and whether it has a window: ``(G, 2)``; see :func:`window_diff`."""
    predicted, gold, owner, num_groups = _windows(preds, target, groups, num_groups, window)
    return _share_by_group(predicted != gold, owner, num_groups)


def window_diff_from_statistics(statistics: Tensor) -> Tensor:
    """Mean over dialogues from ``(..., 2)``: ``(...)``."""
    return ratio(statistics[..., 0], statistics[..., 1], undefined=NAN)


def window_diff(preds: Tensor, target: Tensor, groups: Tensor | None = None, *, window: int) -> Tensor:
    """WindowDiff (Pevzner and Hearst 2002), averaged over dialogues (lower is better).

    In a dialogue of ``T`` turns, the share of ``i = 1..T-k`` for which the predicted and the gold *number* of
    boundaries between turns ``i`` and ``i + k`` differ. Dialogues of ``k`` turns or fewer are left out; NaN where none
    is left. Equals ``nltk.metrics.segmentation.windowdiff`` on the ``T - 1`` gaps of each dialogue.

    Args:
        preds: predicted boundaries, bool or 0/1, ``(N,)``, rows of a dialogue in turn order.
        target: gold boundaries, the same.
        groups: dialogue of each row, int64, ``(N,)``; None for one dialogue.
        window: ``k`` in turns, 1 or more; see :func:`window_size`.

    Raises:
        ValueError: shapes differ, values are not decisions, or ``window`` is below 1.

    Example:
        >>> window_diff(torch.tensor([0, 1, 1, 0]), torch.tensor([0, 0, 1, 0]), window=2)
        tensor(0.6667, dtype=torch.float64)
    """
    return window_diff_from_statistics(window_diff_statistics(preds, target, groups, window=window).sum(0))


def _windows(
    preds: Tensor, target: Tensor, groups: Tensor | None, num_groups: int | None, window: int
) -> tuple[Tensor, Tensor, Tensor, int]:
    """Boundaries inside each window of ``window`` gaps: predicted, gold and dialogue ``(N,)`` each, and ``G``."""
    groups, num_groups = check_rows(preds, target, groups, num_groups)
    preds, target = check_flags(preds=preds, target=target)
    if window < 1:
        raise ValueError(f"window is {window}; expected 1 or more turns")
    order = groups.argsort(stable=True)  # dialogues side by side, their rows still in turn order
    groups = groups[order]
    count = max(len(groups) - window + 1, 0)
    inside = groups[:count] == groups[len(groups) - count :]  # first and last gap of one dialogue
    predicted, gold = (_moving_sum(flags[order], window, count)[inside] for flags in (preds, target))
    return predicted, gold, groups[:count][inside], num_groups


def _moving_sum(flags: Tensor, window: int, count: int) -> Tensor:
    upto = torch.nn.functional.pad(flags.long().cumsum(0), (1, 0))
    return upto[window : window + count] - upto[:count]


def _share_by_group(wrong: Tensor, groups: Tensor, num_groups: int) -> Tensor:
    sums = sum_by_group((wrong, torch.ones_like(wrong)), groups, num_groups)
    return torch.stack([ratio(sums[:, 0], sums[:, 1], undefined=0.0), sums[:, 1].clamp(max=1)], dim=-1)


# ------------------------------------------------------------------------------------------------------- goal span F1


def goal_span_f1_statistics(
    preds: Tensor, target: Tensor, groups: Tensor | None = None, num_groups: int | None = None
) -> Tensor:
    """Goals found exactly, goals predicted and gold goals of each dialogue: ``(G, 3)``; see :func:`goal_span_f1`."""
    groups, num_groups = check_rows(preds, target, groups, num_groups)
    preds, target = check_flags(preds=preds, target=target)
    present = torch.bincount(groups, minlength=num_groups).nonzero()[:, 0]
    # One position a turn: each dialogue gets its first turn, which opens a goal in gold and prediction alike.
    order = torch.cat([present, groups]).argsort(stable=True)
    owner = torch.cat([present, groups])[order]
    opening = torch.ones(len(present), dtype=torch.bool, device=groups.device)
    predicted, gold = (torch.cat([opening, flags])[order] for flags in (preds, target))
    exact = predicted & gold & (_next_start(predicted) == _next_start(gold))
    return sum_by_group((exact, predicted, gold), owner, num_groups)


def goal_span_f1_from_statistics(statistics: Tensor) -> Tensor:
    """F1 from summed counts ``(..., 3)``: ``(...)``."""
    hits, predicted, gold = statistics.unbind(-1)
    return ratio(2 * hits, predicted + gold, undefined=NAN)


def goal_span_f1(preds: Tensor, target: Tensor, groups: Tensor | None = None) -> Tensor:
    """F1 of whole goals, pooled over dialogues: first and last turn both right (higher is better).

    A dialogue always has at least one goal, so the F1 is undefined (NaN) only without any decision.

    Args:
        preds: predicted boundaries, bool or 0/1, ``(N,)``, rows of a dialogue in turn order.
        target: gold boundaries, the same.
        groups: dialogue of each row, int64, ``(N,)``; None for one dialogue.

    Raises:
        ValueError: shapes differ, or values are not decisions.

    Example:
        >>> goal_span_f1(torch.tensor([0, 1, 0, 0]), torch.tensor([0, 1, 0, 1]))  # [0, 2) of [0, 2), [2, 4), [4, 5)
        tensor(0.4000, dtype=torch.float64)
    """
    return goal_span_f1_from_statistics(goal_span_f1_statistics(preds, target, groups).sum(0))


def _next_start(starts: Tensor) -> Tensor:
    """For each position the first later position where a goal starts, or the length."""
    where = torch.cat([starts.nonzero()[:, 0], torch.tensor([len(starts)], device=starts.device)])
    return where[torch.searchsorted(where[:-1], torch.arange(len(starts), device=starts.device), right=True)]
