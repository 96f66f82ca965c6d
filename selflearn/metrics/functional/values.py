"""Accuracy of the values of slots, capitals aside.

One row is one gold slot; where gold has no value (None) there is nothing to name, and the row counts nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from selflearn.metrics.functional._rows import check_texts, sum_by_group
from selflearn.metrics.functional.classification import accuracy_from_statistics


def value_statistics(
    preds: Sequence[str | None],
    target: Sequence[str | None],
    groups: Tensor | None = None,
    num_groups: int | None = None,
) -> Tensor:
    """Gold values that were named and all gold values of each dialogue: ``(G, 2)``.

    Args:
        preds: the value that was named for each slot, ``N``; None where none was.
        target: the gold value, ``N``; None where gold has none.
        groups: dialogue of each row, int64, ``(N,)``; None for one dialogue.
        num_groups: ``G``; None for the largest group plus one.

    Raises:
        ValueError: lengths differ, or a group lies outside ``[0, G)``.
    """
    groups, num_groups = check_texts(preds, target, groups, num_groups)
    pairs = list(zip(preds, target, strict=True))
    right = [one is not None and gold is not None and one.casefold() == gold.casefold() for one, gold in pairs]
    flags = (right, [gold is not None for _, gold in pairs])
    columns = tuple(torch.tensor(column, dtype=torch.bool, device=groups.device) for column in flags)
    return sum_by_group(columns, groups, num_groups)


def value_accuracy(preds: Sequence[str | None], target: Sequence[str | None]) -> Tensor:
    """Share of the gold values that were named, capitals aside (higher is better); NaN where gold has no value.

    Args:
        preds: the value that was named for each slot, ``N``; None where none was.
        target: the gold value, ``N``; None where gold has none.

    Raises:
        ValueError: lengths differ.

    Example:
        >>> value_accuracy(["blue", None, "rome"], ["Blue", "nina", None])
        tensor(0.5000, dtype=torch.float64)
    """
    return accuracy_from_statistics(value_statistics(preds, target).sum(0))
