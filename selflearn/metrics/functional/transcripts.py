"""Word error rate of texts, capitals aside."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor


def word_error_statistics(preds: Sequence[str], target: Sequence[str], groups: Tensor, num_groups: int) -> Tensor:
    """Word errors and words of each group, ``[num_groups, 2]``.

    Args:
        preds: texts, ``N``; words stand between spaces.
        target: what was said.
        groups: group of each text, long, ``[N]``.
        num_groups: how many groups there are.
    """
    words = _words(preds, target)
    return _by_group([(Levenshtein.distance(*pair), len(pair[1])) for pair in words], groups, num_groups)


def error_free_statistics(preds: Sequence[str], target: Sequence[str], groups: Tensor, num_groups: int) -> Tensor:
    """Texts without a word error and all texts of each group, ``[num_groups, 2]``.

    Arguments are those of :func:`word_error_statistics`.

    Example:
        >>> error_free_statistics(["Play  jazz", "play"], ["play jazz", "pay"], torch.zeros(2, dtype=torch.long), 1)
        tensor([[1., 2.]], dtype=torch.float64)
    """
    return _by_group([(one == other, 1) for one, other in _words(preds, target)], groups, num_groups)


def _words(preds: Sequence[str], target: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    return [(one.casefold().split(), other.casefold().split()) for one, other in zip(preds, target, strict=True)]


def _by_group(rows: Sequence[tuple[int, int]], groups: Tensor, num_groups: int) -> Tensor:
    counts = torch.tensor(rows, dtype=torch.float64).reshape(-1, 2)
    return torch.zeros(num_groups, 2, dtype=torch.float64).index_add_(0, groups, counts)


def word_error_rate_from_statistics(statistics: Tensor) -> Tensor:
    """Errors by word, ``(...)``, from ``(..., 2)``; NaN where nothing was said."""
    errors, words = statistics.unbind(-1)
    return torch.where(words > 0, errors / words, torch.nan)


def word_error_rate(preds: Sequence[str], target: Sequence[str]) -> Tensor:
    """Words replaced, left out and added, divided by the words that were said; NaN where nothing was.

    Example:
        >>> word_error_rate(["play jess please"], ["play jazz"])
        tensor(1., dtype=torch.float64)
    """
    groups = torch.zeros(len(preds), dtype=torch.long)
    return word_error_rate_from_statistics(word_error_statistics(preds, target, groups, 1))[0]
