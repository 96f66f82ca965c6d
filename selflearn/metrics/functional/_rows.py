"""Checks and sums shared by the metrics: items stand in flat rows, and each row belongs to a group (a dialogue)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def check_rows(preds: Tensor, target: Tensor, groups: Tensor | None, num_groups: int | None) -> tuple[Tensor, int]:
    """Check the rows of a metric and fill in what was left out.

    Args:
        preds: one value a row, ``(N,)``.
        target: one value a row, ``(N,)``.
        groups: the dialogue of each row, int64, ``(N,)``, from 0; None where all rows are one dialogue.
        num_groups: number of dialogues ``G``, those without rows counted; None for the largest group plus one.

    Returns:
        The groups ``(N,)`` and their number ``G``.

    Raises:
        ValueError: shapes differ, or a group lies outside ``[0, G)``.
    """
    if preds.ndim != 1 or preds.shape != target.shape:
        raise ValueError(
            f"preds is {tuple(preds.shape)} and target {tuple(target.shape)}; expected one shape (N,): flatten the"
            " decisions of a batch, and give the dialogue of each in groups"
        )
    return _check_groups(len(target), groups, num_groups, target.device)


def check_texts(
    preds: Sequence[str | None], target: Sequence[str | None], groups: Tensor | None, num_groups: int | None
) -> tuple[Tensor, int]:
    """:func:`check_rows` for rows that are texts.

    Raises:
        ValueError: lengths differ, or a group lies outside ``[0, G)``.
    """
    if isinstance(preds, str) or isinstance(target, str) or len(preds) != len(target):
        raise ValueError(f"preds has {len(preds)} texts and target {len(target)}; expected two lists of one length N")
    return _check_groups(len(target), groups, num_groups, None)


def _check_groups(
    rows: int, groups: Tensor | None, num_groups: int | None, device: torch.device | None
) -> tuple[Tensor, int]:
    if groups is None:
        groups = torch.zeros(rows, dtype=torch.long, device=device)
        num_groups = 1 if num_groups is None else num_groups
    if groups.shape != (rows,) or groups.dtype != torch.long:
        raise ValueError(f"groups is {groups.dtype} {tuple(groups.shape)}; expected torch.int64 ({rows},), one a row")
    low, high = (int(groups.min()), int(groups.max())) if len(groups) else (0, -1)
    num_groups = high + 1 if num_groups is None else num_groups
    if low < 0 or high >= num_groups:
        raise ValueError(f"groups run from {low} to {high}; expected 0 <= group < num_groups = {num_groups}")
    return groups, num_groups


def check_flags(**columns: Tensor) -> tuple[Tensor, ...]:
    """The columns as bool; anything but bool or the integers 0 and 1 (a probability, say) is refused.

    Raises:
        ValueError: names the column and the first value that is not a decision.
    """
    for name, values in columns.items():
        if values.dtype == torch.bool:
            continue
        wrong = values[(values != 0) & (values != 1)] if not values.is_floating_point() else values
        if len(wrong) or values.is_floating_point():
            shown = wrong[0].item() if len(wrong) else "nothing"
            raise ValueError(f"{name} holds {shown} ({values.dtype}); expected decisions, bool or integers 0 and 1")
    return tuple(values.bool() for values in columns.values())


def check_classes(num_classes: int, **columns: Tensor) -> None:
    """Check that every column holds class numbers in ``[0, num_classes)``.

    Raises:
        ValueError: names the column and the values found.
    """
    for name, values in columns.items():
        if values.is_floating_point() or values.dtype == torch.bool:
            raise ValueError(f"{name} is {values.dtype}; expected integer class numbers")
        if len(values) and not 0 <= int(values.min()) <= int(values.max()) < num_classes:
            raise ValueError(
                f"{name} runs from {int(values.min())} to {int(values.max())}; expected 0 <= class < {num_classes}"
            )


def sum_by_group(columns: tuple[Tensor, ...], groups: Tensor, num_groups: int) -> Tensor:
    """Sum ``S`` columns of ``(N,)`` within each group: float64 ``(G, S)``."""
    sums = [torch.bincount(groups, weights=column.double(), minlength=num_groups) for column in columns]
    return torch.stack(sums, dim=-1).double()  # without rows bincount gives float32


def ratio(numerator: Tensor, denominator: Tensor, *, undefined: float) -> Tensor:
    """Divide; ``undefined`` where the denominator is 0. Warns of nothing."""
    known = denominator != 0
    quotient = numerator / torch.where(known, denominator, torch.ones_like(denominator))
    return torch.where(known, quotient, torch.full_like(quotient, undefined))
