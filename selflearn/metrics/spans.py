"""Streaming twins of :mod:`selflearn.metrics.functional.spans`: same arguments, same value for any batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from selflearn.metrics import functional
from selflearn.metrics._base import StatisticsMetric


class _SlotMetric(StatisticsMetric):
    higher_is_better = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=3, **kwargs)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add distinct spans ``(N,)``: int64 numbers of their predicted and gold names, -1 for no such span."""
        self._add(functional.slot_statistics(preds, target))


class SlotF1(_SlotMetric):
    """Span F1, micro, start, end and name exact; see :func:`~selflearn.metrics.functional.slot_f1`; 0 without a span.

    Example:
        >>> import torch
        >>> metric = SlotF1()
        >>> metric.update(torch.tensor([3, 1]), torch.tensor([3, 2]))
        >>> metric.update(torch.tensor([-1]), torch.tensor([5]))
        >>> metric.compute()
        tensor(0.4000, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """The F1, float64."""
        return functional.slot_f1_from_statistics(self.statistics)


class SlotPrecision(_SlotMetric):
    """Share of predicted slots that are right; see :func:`~selflearn.metrics.functional.slot_precision`.

    0 where none is predicted.

    Example:
        >>> import torch
        >>> metric = SlotPrecision()
        >>> metric.update(torch.tensor([3, 1, -1]), torch.tensor([3, 2, 5]))
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """The precision, float64."""
        return functional.slot_precision_from_statistics(self.statistics)


class SlotRecall(_SlotMetric):
    """Share of gold slots that were found; see :func:`~selflearn.metrics.functional.slot_recall`; 0 where none is gold.

    Example:
        >>> import torch
        >>> metric = SlotRecall()
        >>> metric.update(torch.tensor([3, 1, -1]), torch.tensor([3, 2, 5]))
        >>> metric.compute()
        tensor(0.3333, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """The recall, float64."""
        return functional.slot_recall_from_statistics(self.statistics)


class UnnamedSlotF1(StatisticsMetric):
    """Span F1 where the name counts for nothing; see :func:`~selflearn.metrics.functional.unnamed_slot_f1`.

    Example:
        >>> import torch
        >>> metric = UnnamedSlotF1()
        >>> metric.update(torch.tensor([3, 1, -1]), torch.tensor([3, 2, 5]))
        >>> metric.compute()
        tensor(0.8000, dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=3, **kwargs)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add distinct spans ``(N,)``: int64 numbers of their predicted and gold names, -1 for no such span."""
        self._add(functional.unnamed_slot_statistics(preds, target))

    def compute(self) -> Tensor:
        """The F1, float64."""
        return functional.slot_f1_from_statistics(self.statistics)


class SlotValueAccuracy(StatisticsMetric):
    """Share of the gold values that were named; see :func:`~selflearn.metrics.functional.value_accuracy`.

    Capitals count for nothing. NaN where gold has no value.

    Example:
        >>> metric = SlotValueAccuracy()
        >>> metric.update(["blue", None, "rome"], ["Blue", "nina", None])
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=2, **kwargs)

    def update(self, preds: Sequence[str | None], target: Sequence[str | None]) -> None:
        """Add gold slots, ``N``: the value that was named for each and the gold value, None for no value."""
        self._add(functional.value_statistics(preds, target))

    def compute(self) -> Tensor:
        """The accuracy, float64."""
        return functional.accuracy_from_statistics(self.statistics)
