"""Metrics of names (intents, domains) as torchmetrics classes.

Torchmetrics' own are not used: they raise on an empty batch, and the mean of
:class:`~torchmetrics.classification.MulticlassF1Score` is also over names that are predicted and never gold.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from selflearn.metrics import functional
from selflearn.metrics._base import StatisticsMetric


class NameAccuracy(StatisticsMetric):
    """Share of items whose name is right; see :func:`~selflearn.metrics.functional.accuracy`; NaN before any item.

    Example:
        >>> import torch
        >>> metric = NameAccuracy()
        >>> metric.update(torch.tensor([0, 2, 1, 1]), torch.tensor([0, 2, 1, 0]))
        >>> metric.compute()
        tensor(0.7500, dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=2, **kwargs)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add numbers of names ``(N,)``, integer: predicted and gold."""
        self._add(functional.accuracy_statistics(preds, target))

    def compute(self) -> Tensor:
        """The accuracy, float64."""
        return functional.accuracy_from_statistics(self.statistics)


class MacroF1(StatisticsMetric):
    """Mean F1 of the names that occur in gold; see :func:`~selflearn.metrics.functional.macro_f1`; 0 before any item.

    Args:
        num_classes: how many names there are; more than occur changes nothing.
        **kwargs: of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = MacroF1(num_classes=10)
        >>> metric.update(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 1]))
        >>> metric.update(torch.tensor([3]), torch.tensor([1]))  # (1 + 2/3) / 2
        >>> metric.compute()
        tensor(0.8333, dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, *, num_classes: int, **kwargs: Any) -> None:
        super().__init__(size=3 * num_classes, **kwargs)
        self.num_classes = num_classes

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add numbers of names ``(N,)``, integer, below ``num_classes``: predicted and gold."""
        self._add(functional.multiclass_statistics(preds, target, num_classes=self.num_classes))

    def compute(self) -> Tensor:
        """The macro F1, float64."""
        return functional.macro_f1_from_statistics(self.statistics)
