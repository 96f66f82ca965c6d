"""Metrics of texts, capitals aside: word errors of transcripts.

Letters: ``N`` texts, ``G`` dialogues (groups). Words stand between spaces. Everything is float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from selflearn.metrics.functional._rows import check_texts, ratio, sum_by_group
from selflearn.metrics.functional.classification import accuracy_from_statistics

NAN = float("nan")


def word_error_statistics(
    preds: Sequence[str], target: Sequence[str], groups: Tensor | None = None, num_groups: int | None = None
) -> Tensor:
    """Word errors and words of each dialogue: ``(G, 2)``.

    Args:
        preds: texts, ``N``.
        target: what was said, ``N``.
        groups: dialogue of each text, int64, ``(N,)``; None for one dialogue.
        num_groups: ``G``; None for the largest group plus one.

    Raises:
        ValueError: lengths differ, or a group lies outside ``[0, G)``.
    """
    groups, num_groups = check_texts(preds, target, groups, num_groups)
    pairs = _words(preds, target)
    errors = torch.tensor([Levenshtein.distance(*pair) for pair in pairs], dtype=torch.double, device=groups.device)
    words = torch.tensor([len(said) for _, said in pairs], dtype=torch.double, device=groups.device)
    return sum_by_group((errors, words), groups, num_groups)


def word_error_rate_from_statistics(statistics: Tensor) -> Tensor:
    """Errors by word from ``(..., 2)``: ``(...)``."""
    return ratio(statistics[..., 0], statistics[..., 1], undefined=NAN)


def word_error_rate(preds: Sequence[str], target: Sequence[str]) -> Tensor:
    """Words replaced, left out and added, divided by the words that were said (lower is better); NaN where nothing was.

    Args:
        preds: texts, ``N``.
        target: what was said, ``N``.

    Raises:
        ValueError: lengths differ.

    Example:
        >>> word_error_rate(["play jess please"], ["play jazz"])
        tensor(1., dtype=torch.float64)
    """
    return word_error_rate_from_statistics(word_error_statistics(preds, target).sum(0))


def transcript_accuracy_statistics(
    preds: Sequence[str], target: Sequence[str], groups: Tensor | None = None, num_groups: int | None = None
) -> Tensor:
    """Texts without a word error and all texts of each dialogue: ``(G, 2)``.

    Arguments and errors are those of :func:`word_error_statistics`.
    """
    groups, num_groups = check_texts(preds, target, groups, num_groups)
    right = torch.tensor([one == said for one, said in _words(preds, target)], dtype=torch.bool, device=groups.device)
    return sum_by_group((right, torch.ones_like(right)), groups, num_groups)


def transcript_accuracy(preds: Sequence[str], target: Sequence[str]) -> Tensor:
    """Share of texts without a word error (higher is better); NaN without texts.

    Args:
        preds: texts, ``N``.
        target: what was said, ``N``.

    Raises:
        ValueError: lengths differ.

    Example:
        >>> transcript_accuracy(["Play  jazz", "play"], ["play jazz", "pay"])
        tensor(0.5000, dtype=torch.float64)
    """
    return accuracy_from_statistics(transcript_accuracy_statistics(preds, target).sum(0))


def _words(preds: Sequence[str], target: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    return [(one.casefold().split(), other.casefold().split()) for one, other in zip(preds, target, strict=True)]
