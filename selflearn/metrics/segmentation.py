"""Streaming twins of :mod:`selflearn.metrics.functional.segmentation`: same arguments, same value for any batches."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from selflearn.metrics import functional
from selflearn.metrics._base import StatisticsMetric


class BoundaryF1(StatisticsMetric):
    """Boundary F1 of each dialogue, averaged over dialogues; see :func:`~selflearn.metrics.functional.boundary_f1`.

    1 for a dialogue where neither side has a boundary, 0 where only one has; NaN before any decision.

    Example:
        >>> import torch
        >>> metric = BoundaryF1()
        >>> metric.update(torch.tensor([0, 1, 0]), torch.tensor([0, 1, 1]))
        >>> metric.update(torch.tensor([0]), torch.tensor([0]))
        >>> metric.compute()
        tensor(0.8333, dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=2, **kwargs)

    def update(self, preds: Tensor, target: Tensor, groups: Tensor | None = None) -> None:
        """Add decisions ``(N,)`` of whole dialogues, in turn order; ``groups`` numbers the dialogues of this batch."""
        self._add(functional.boundary_f1_statistics(preds, target, groups))

    def compute(self) -> Tensor:
        """The mean F1, float64."""
        return functional.boundary_f1_from_statistics(self.statistics)


class BoundaryF1Corpus(StatisticsMetric):
    """Boundary F1 of all decisions together; see :func:`~selflearn.metrics.functional.boundary_f1_corpus`.

    1 where neither side has a boundary, NaN before any decision.

    Example:
        >>> import torch
        >>> metric = BoundaryF1Corpus()
        >>> metric.update(torch.tensor([0, 1, 0]), torch.tensor([0, 1, 1]))
        >>> metric.compute()
        tensor(0.6667, dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=4, **kwargs)

    def update(self, preds: Tensor, target: Tensor, groups: Tensor | None = None) -> None:
        """Add decisions ``(N,)``; ``groups`` changes nothing."""
        self._add(functional.boundary_f1_corpus_statistics(preds, target, groups))

    def compute(self) -> Tensor:
        """The F1, float64."""
        return functional.boundary_f1_corpus_from_statistics(self.statistics)


class Pk(StatisticsMetric):
    """Pk (Beeferman et al. 1999), averaged over dialogues; see :func:`~selflearn.metrics.functional.pk`.

    Dialogues of ``window`` turns or fewer are left out; NaN before any other.

    Args:
        window: ``k`` in turns, 1 or more; :func:`~selflearn.metrics.functional.window_size` of the split.
        **kwargs: of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = Pk(window=2)
        >>> metric.update(torch.tensor([0, 1, 0, 0]), torch.tensor([0, 0, 1, 0]))
        >>> metric.compute()
        tensor(0.6667, dtype=torch.float64)
    """

    higher_is_better = False

    def __init__(self, *, window: int, **kwargs: Any) -> None:
        super().__init__(size=2, **kwargs)
        self.window = window

    def update(self, preds: Tensor, target: Tensor, groups: Tensor | None = None) -> None:
        """Add decisions ``(N,)`` of whole dialogues, in turn order; ``groups`` numbers the dialogues of this batch."""
        self._add(functional.pk_statistics(preds, target, groups, window=self.window))

    def compute(self) -> Tensor:
        """The mean, float64."""
        return functional.pk_from_statistics(self.statistics)


class WindowDiff(StatisticsMetric):
    """WindowDiff (Pevzner and Hearst 2002), over dialogues; see :func:`~selflearn.metrics.functional.window_diff`.

    Dialogues of ``window`` turns or fewer are left out; NaN before any other.

    Args:
        window: ``k`` in turns, 1 or more; :func:`~selflearn.metrics.functional.window_size` of the split.
        **kwargs: of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = WindowDiff(window=2)
        >>> metric.update(torch.tensor([0, 1, 1, 0]), torch.tensor([0, 0, 1, 0]))
        >>> metric.compute()
        tensor(0.6667, dtype=torch.float64)
    """

    higher_is_better = False

    def __init__(self, *, window: int, **kwargs: Any) -> None:
        super().__init__(size=2, **kwargs)
        self.window = window

    def update(self, preds: Tensor, target: Tensor, groups: Tensor | None = None) -> None:
        """Add decisions ``(N,)`` of whole dialogues, in turn order; ``groups`` numbers the dialogues of this batch."""
        self._add(functional.window_diff_statistics(preds, target, groups, window=self.window))

    def compute(self) -> Tensor:
        """The mean, float64."""
        return functional.window_diff_from_statistics(self.statistics)


class GoalSpanF1(StatisticsMetric):
    """F1 of goals with both ends right, pooled; see :func:`~selflearn.metrics.functional.goal_span_f1`.

    NaN before any decision.

    Example:
        >>> import torch
        >>> metric = GoalSpanF1()
        >>> metric.update(torch.tensor([0, 1, 0, 0]), torch.tensor([0, 1, 0, 1]))
        >>> metric.compute()
        tensor(0.4000, dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size=3, **kwargs)

    def update(self, preds: Tensor, target: Tensor, groups: Tensor | None = None) -> None:
        """Add decisions ``(N,)`` of whole dialogues, in turn order; ``groups`` numbers the dialogues of this batch."""
        self._add(functional.goal_span_f1_statistics(preds, target, groups))

    def compute(self) -> Tensor:
        """The F1, float64."""
        return functional.goal_span_f1_from_statistics(self.statistics)
