"""Streaming twins of :mod:`selflearn.metrics.functional.transcripts`: same arguments, same value for any batches.

``torchmetrics.text.WordErrorRate`` counts capitals, and sums in single precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from selflearn.metrics import functional
from selflearn.metrics._base import StatisticsMetric


class TranscriptWordErrorRate(StatisticsMetric):
    """Word errors by words that were said; see :func:`~selflearn.metrics.functional.word_error_rate`.

    NaN before any word.

    Example:
        >>> metric = TranscriptWordErrorRate()
        >>> metric.update(["play jess please"], ["Play jazz"])
        >>> metric.update(["stop now"], ["stop now"])
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=2, **kwargs)

    def update(self, preds: Sequence[str], target: Sequence[str]) -> None:
        """Add texts, ``N``: what was understood and what was said."""
        self._add(functional.word_error_statistics(preds, target))

    def compute(self) -> Tensor:
        """The rate, float64."""
        return functional.word_error_rate_from_statistics(self.statistics)


class TranscriptAccuracy(StatisticsMetric):
    """Share of texts without a word error; see :func:`~selflearn.metrics.functional.transcript_accuracy`.

    NaN before any text.

    Example:
        >>> metric = TranscriptAccuracy()
        >>> metric.update(["Play  jazz", "play"], ["play jazz", "pay"])
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=2, **kwargs)

    def update(self, preds: Sequence[str], target: Sequence[str]) -> None:
        """Add texts, ``N``: what was understood and what was said."""
        self._add(functional.transcript_accuracy_statistics(preds, target))

    def compute(self) -> Tensor:
        """The accuracy, float64."""
        return functional.accuracy_from_statistics(self.statistics)
