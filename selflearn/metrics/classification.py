"""Metrics of goal success, as torchmetrics classes. The positive class is *failure*: it is the rare one.

The decisions come in as decisions (the threshold is the system's own), the AUC takes probabilities. Torchmetrics' own
binary classes are not used for the decisions because they raise on an empty batch and squash a batch that happens to
hold a value outside [0, 1] through a sigmoid; :class:`GoalSuccessAuroc` keeps the state of
:class:`~torchmetrics.classification.BinaryAUROC` without either.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics.classification import BinaryAUROC

from selflearn.metrics import functional
from selflearn.metrics._base import StatisticsMetric


class _DecisionMetric(StatisticsMetric):
    higher_is_better = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=4, **kwargs)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add decisions ``(N,)``, bool or 0/1: failed or not, predicted and gold."""
        self._add(functional.binary_statistics(preds, target))


class GoalSuccessF1(_DecisionMetric):
    """F1 of failure; see :func:`~selflearn.metrics.functional.binary_f1`; 0 where nothing failed in either.

    Example:
        >>> metric = GoalSuccessF1()
        >>> metric.update(torch.tensor([1, 1, 0, 0]), torch.tensor([1, 0, 1, 0]))
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """The F1, float64."""
        return functional.binary_f1_from_statistics(self.statistics)


class GoalSuccessKappa(_DecisionMetric):
    """Cohen's kappa of failed or not; see :func:`~selflearn.metrics.functional.binary_cohen_kappa`; NaN if undefined.

    Example:
        >>> metric = GoalSuccessKappa()
        >>> metric.update(torch.tensor([1, 1, 0, 0]), torch.tensor([1, 0, 0, 0]))
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """The kappa, float64."""
        return functional.binary_cohen_kappa_from_statistics(self.statistics)


class GoalSuccessAccuracy(_DecisionMetric):
    """Share of goals decided right; see :func:`~selflearn.metrics.functional.accuracy`; NaN without goals.

    Example:
        >>> metric = GoalSuccessAccuracy()
        >>> metric.update(torch.tensor([1, 1, 0, 0]), torch.tensor([1, 0, 0, 0]))
        >>> metric.compute()
        tensor(0.7500, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """The accuracy, float64."""
        hits, false, missed, rest = self.statistics.unbind(-1)
        return functional.accuracy_from_statistics(torch.stack([hits + rest, hits + false + missed + rest], dim=-1))


class GoalSuccessAuroc(BinaryAUROC):
    """Area under the ROC curve of P(failed), exact; see :func:`~selflearn.metrics.functional.auc`.

    NaN where goals of only one kind were seen. Keeps every score: memory grows with the goals.

    Args:
        **kwargs: of :class:`torchmetrics.Metric`.

    Example:
        >>> metric = GoalSuccessAuroc()
        >>> metric.update(torch.tensor([0.1, 0.4]), torch.tensor([0, 0]))
        >>> metric.update(torch.tensor([0.4, 0.8]), torch.tensor([1, 1]))
        >>> metric.compute()
        tensor(0.8750, dtype=torch.float64)
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(thresholds=None, normalization=None, **kwargs)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add probabilities of failure, float, ``(N,)``, and gold, bool or 0/1, ``(N,)``."""
        if len(target):
            super().update(preds, target.long())

    def compute(self) -> Tensor:  # type: ignore[override]
        """The area, float64."""
        if not len(self.preds):
            return torch.tensor(float("nan"), dtype=torch.double)
        # One tensor instead of a list once processes have been joined.
        preds, target = (
            torch.cat(list(state)) if isinstance(state, list) else state for state in (self.preds, self.target)
        )
        return functional.auc(preds, target)
