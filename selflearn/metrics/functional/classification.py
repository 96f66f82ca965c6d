"""Metrics of decisions and names: accuracy, F1, precision, recall, Cohen's kappa, macro F1.

Letters: ``N`` rows, ``G`` dialogues (groups), ``C`` classes. The ``*_statistics`` of dialogues add up, and
``*_from_statistics`` is vectorised over leading dimensions, so that ``f(weights @ statistics)`` bootstraps.
Everything is float64. Precision, recall and F1 are 0 where their denominator is (as in scikit-learn with
``zero_division=0``); accuracy without rows and a kappa that cannot be computed are NaN; nothing warns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from selflearn.metrics.functional._rows import check_classes, check_flags, check_rows, ratio, sum_by_group

NAN = float("nan")

# ----------------------------------------------------------------------------------------------------------- accuracy


def accuracy_statistics(
    preds: Tensor, target: Tensor, groups: Tensor | None = None, num_groups: int | None = None
) -> Tensor:
    """Right rows and all rows of each dialogue: ``(G, 2)``."""
    groups, num_groups = check_rows(preds, target, groups, num_groups)
    return sum_by_group((preds == target, torch.ones_like(target)), groups, num_groups)


def accuracy_from_statistics(statistics: Tensor) -> Tensor:
    """Share of right rows from ``(..., 2)``: ``(...)``."""
    return ratio(statistics[..., 0], statistics[..., 1], undefined=NAN)


def accuracy(preds: Tensor, target: Tensor) -> Tensor:
    """Share of rows whose prediction is the gold value (higher is better); NaN without rows.

    Args:
        preds: decisions or class numbers, ``(N,)``.
        target: gold, the same.

    Raises:
        ValueError: shapes differ.

    Example:
        >>> accuracy(torch.tensor([0, 2, 1, 1]), torch.tensor([0, 2, 1, 0]))
        tensor(0.7500, dtype=torch.float64)
    """
    return accuracy_from_statistics(accuracy_statistics(preds, target).sum(0))


# -------------------------------------------------------------------------------------------------------- two classes


def binary_statistics(
    preds: Tensor, target: Tensor, groups: Tensor | None = None, num_groups: int | None = None
) -> Tensor:
    """True positives, false positives, false negatives, true negatives of each dialogue: ``(G, 4)``.

    Args:
        preds: decisions, bool or 0/1, ``(N,)``.
        target: gold, the same.
        groups: dialogue of each row, int64, ``(N,)``; None for one dialogue.
        num_groups: ``G``; None for the largest group plus one.

    Raises:
        ValueError: shapes differ, or values are not decisions.
    """
    groups, num_groups = check_rows(preds, target, groups, num_groups)
    preds, target = check_flags(preds=preds, target=target)
    return sum_by_group((preds & target, preds & ~target, ~preds & target, ~preds & ~target), groups, num_groups)


def binary_f1_from_statistics(statistics: Tensor) -> Tensor:
    """F1 of the positive class from counts ``(..., 4)``: ``(...)``."""
    hits, false, missed, _ = statistics.unbind(-1)
    return ratio(2 * hits, 2 * hits + false + missed, undefined=0.0)


def binary_f1(preds: Tensor, target: Tensor) -> Tensor:
    """F1 of the positive class: 2 TP / (2 TP + FP + FN) (higher is better); 0 where no row is positive in either.

    Args:
        preds: decisions, bool or 0/1, ``(N,)``.
        target: gold, the same.

    Raises:
        ValueError: shapes differ, or values are not decisions.

    Example:
        >>> binary_f1(torch.tensor([1, 1, 0, 0]), torch.tensor([1, 0, 1, 0]))
        tensor(0.5000, dtype=torch.float64)
    """
    return binary_f1_from_statistics(binary_statistics(preds, target).sum(0))


def binary_precision_from_statistics(statistics: Tensor) -> Tensor:
    """TP / (TP + FP) from counts ``(..., 4)``: ``(...)``."""
    return ratio(statistics[..., 0], statistics[..., 0] + statistics[..., 1], undefined=0.0)


def binary_precision(preds: Tensor, target: Tensor) -> Tensor:
    """Share of the predicted positives that are positive (higher is better); 0 where nothing was predicted.

    Args:
        preds: decisions, bool or 0/1, ``(N,)``.
        target: gold, the same.

    Raises:
        ValueError: shapes differ, or values are not decisions.

    Example:
        >>> binary_precision(torch.tensor([1, 1, 0, 0]), torch.tensor([1, 0, 1, 1]))
        tensor(0.5000, dtype=torch.float64)
    """
    return binary_precision_from_statistics(binary_statistics(preds, target).sum(0))


def binary_recall_from_statistics(statistics: Tensor) -> Tensor:
    """TP / (TP + FN) from counts ``(..., 4)``: ``(...)``."""
    return ratio(statistics[..., 0], statistics[..., 0] + statistics[..., 2], undefined=0.0)


def binary_recall(preds: Tensor, target: Tensor) -> Tensor:
    """Share of the positives that were found (higher is better); 0 where there is none.

    Args:
        preds: decisions, bool or 0/1, ``(N,)``.
        target: gold, the same.

    Raises:
        ValueError: shapes differ, or values are not decisions.

    Example:
        >>> binary_recall(torch.tensor([1, 1, 0, 0]), torch.tensor([1, 0, 1, 1]))
        tensor(0.3333, dtype=torch.float64)
    """
    return binary_recall_from_statistics(binary_statistics(preds, target).sum(0))


def binary_cohen_kappa_from_statistics(statistics: Tensor) -> Tensor:
    """Cohen's kappa from counts ``(..., 4)``: ``(...)``."""
    hits, false, missed, rest = statistics.unbind(-1)
    predicted = torch.stack([hits + false, missed + rest], dim=-1)
    gold = torch.stack([hits + missed, false + rest], dim=-1)
    return _kappa(hits + rest, predicted, gold)


def binary_cohen_kappa(preds: Tensor, target: Tensor) -> Tensor:
    """Cohen's kappa of two decisions (higher is better), from -1 to 1, 0 at chance.

    kappa = (p_o - p_e) / (1 - p_e) (Cohen 1960). NaN where p_e is 1: all rows, gold and predicted, have one value.

    Args:
        preds: decisions, bool or 0/1, ``(N,)``.
        target: gold, the same.

    Raises:
        ValueError: shapes differ, or values are not decisions.

    Example:
        >>> binary_cohen_kappa(torch.tensor([1, 1, 0, 0]), torch.tensor([1, 0, 0, 0]))
        tensor(0.5000, dtype=torch.float64)
    """
    return binary_cohen_kappa_from_statistics(binary_statistics(preds, target).sum(0))


# ------------------------------------------------------------------------------------------------------- many classes


def multiclass_statistics(
    preds: Tensor,
    target: Tensor,
    groups: Tensor | None = None,
    num_groups: int | None = None,
    *,
    num_classes: int,
) -> Tensor:
    """Per class the rows that are right, predicted and gold, side by side, of each dialogue: ``(G, 3 C)``.

    Args:
        preds: class numbers, integer, ``(N,)``.
        target: gold, the same.
        groups: dialogue of each row, int64, ``(N,)``; None for one dialogue.
        num_groups: ``G``; None for the largest group plus one.
        num_classes: ``C``.

    Raises:
        ValueError: shapes differ, or a class lies outside ``[0, C)``.
    """
    groups, num_groups = check_rows(preds, target, groups, num_groups)
    check_classes(num_classes, preds=preds, target=target)
    right = preds == target

    def count(classes: Tensor, rows: Tensor) -> Tensor:
        cells = torch.bincount(rows * num_classes + classes, minlength=num_groups * num_classes)
        return cells.view(num_groups, num_classes).double()

    return torch.cat([count(preds[right], groups[right]), count(preds, groups), count(target, groups)], dim=-1)


def macro_f1_from_statistics(statistics: Tensor) -> Tensor:
    """Macro F1 from counts ``(..., 3 C)``: ``(...)``."""
    right, predicted, gold = statistics.chunk(3, dim=-1)
    f1 = ratio(2 * right, predicted + gold, undefined=0.0)
    return ratio((f1 * (gold > 0)).sum(-1), (gold > 0).sum(-1).double(), undefined=0.0)


def macro_f1(preds: Tensor, target: Tensor, *, num_classes: int) -> Tensor:
    """Unweighted mean over classes of the F1 of each (higher is better).

    Over the classes that occur in gold: ``sklearn.metrics.f1_score(average="macro", labels=...)`` with the gold names
    as labels. A name that no row has is not averaged over: said once, it would weigh as much as one with a thousand
    rows. The rows where it is said count against what they are. In a bootstrap, over the gold classes of that resample.
    0 without rows.

    Args:
        preds: class numbers, integer, ``(N,)``.
        target: gold, the same.
        num_classes: ``C``; more than occur changes nothing.

    Raises:
        ValueError: shapes differ, or a class lies outside ``[0, C)``.

    Example:
        >>> macro_f1(torch.tensor([0, 0, 1, 3]), torch.tensor([0, 0, 1, 1]), num_classes=10)  # (1 + 2/3) / 2
        tensor(0.8333, dtype=torch.float64)
    """
    return macro_f1_from_statistics(multiclass_statistics(preds, target, num_classes=num_classes).sum(0))


def multiclass_cohen_kappa_from_statistics(statistics: Tensor) -> Tensor:
    """Cohen's kappa from counts ``(..., 3 C)``: ``(...)``."""
    right, predicted, gold = statistics.chunk(3, dim=-1)
    return _kappa(right.sum(-1), predicted, gold)


def multiclass_cohen_kappa(preds: Tensor, target: Tensor, *, num_classes: int) -> Tensor:
    """Cohen's kappa of ``C`` classes, unweighted (higher is better), from -1 to 1, 0 at chance.

    NaN where all rows, gold and predicted, have one class (Cohen 1960), and without rows.

    Args:
        preds: class numbers, integer, ``(N,)``.
        target: gold, the same.
        num_classes: ``C``; more than occur changes nothing.

    Raises:
        ValueError: shapes differ, or a class lies outside ``[0, C)``.

    Example:
        >>> multiclass_cohen_kappa(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 2, 0]), num_classes=3)
        tensor(0.6364, dtype=torch.float64)
    """
    statistics = multiclass_statistics(preds, target, num_classes=num_classes).sum(0)
    return multiclass_cohen_kappa_from_statistics(statistics)


def _kappa(right: Tensor, predicted: Tensor, gold: Tensor) -> Tensor:
    """Kappa from the rows that agree ``(...)`` and both margins ``(..., C)``; in counts, so that 0 / 0 is exact."""
    rows = gold.sum(-1)
    chance = (predicted * gold).sum(-1)
    return ratio(right * rows - chance, rows * rows - chance, undefined=NAN)
