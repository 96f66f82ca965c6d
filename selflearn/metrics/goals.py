"""Metrics of goal success that are no plain sums: inside each question, and end to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from selflearn.metrics import functional
from selflearn.metrics._base import all_rows


class GoalSuccessAurocWithin(Metric):
    """AUC over the pairs of one question; see :func:`~selflearn.metrics.functional.auc_within`.

    NaN where no question was seen with goals of both kinds. Keeps every score: memory grows with the goals.

    Args:
        **kwargs: of :class:`torchmetrics.Metric`.

    Example:
        >>> metric = GoalSuccessAurocWithin()
        >>> metric.update(torch.tensor([0.1, 0.2, 0.8]), torch.tensor([0, 1, 0]), torch.tensor([0, 0, 1]))
        >>> metric.update(torch.tensor([0.9]), torch.tensor([1]), torch.tensor([1]))
        >>> metric.compute()
        tensor(1., dtype=torch.float64)
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    preds: list[Tensor]
    target: list[Tensor]
    questions: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("preds", "target", "questions"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor, questions: Tensor) -> None:
        """Add P(failed), float, gold, bool or 0/1, and the number of the question, int64 from 0; each ``(N,)``."""
        functional.auc_within(preds, target, questions)  # bad rows are refused here, where their batch is known
        self.preds.append(preds.double())
        self.target.append(target.long())
        self.questions.append(questions)

    def compute(self) -> Tensor:
        """The area, float64."""
        return functional.auc_within(
            all_rows(self.preds, torch.double), all_rows(self.target, torch.long), all_rows(self.questions, torch.long)
        )


class GoalSuccessEndToEnd(Metric):
    """AUC, F1, kappa and accuracy of failure by way of the goals that a system found itself.

    See :func:`~selflearn.metrics.functional.success_end_to_end`. Keeps every score: memory grows with the goals.

    Args:
        threshold: from which probability on the system says that a goal failed.
        **kwargs: of :class:`torchmetrics.Metric`.

    Example:
        >>> metric = GoalSuccessEndToEnd(threshold=0.5)
        >>> metric.update([[(0, 2), (2, 4)]], [[False, True]], found=[[(0, 2), (2, 3)]], scores=[[0.1, 0.8]])
        >>> metric.update([[(0, 5)]], [[True]], found=[[(0, 1), (1, 2)]], scores=[[0.9, 0.9]])  # the goal is not found
        >>> metric.compute()["accuracy"]
        tensor(0.6667, dtype=torch.float64)
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    scores: list[Tensor]
    decisions: list[Tensor]
    target: list[Tensor]

    def __init__(self, *, threshold: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        for name in ("scores", "decisions", "target"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(
        self,
        gold: Sequence[functional.Spans],
        failed: Sequence[Sequence[bool | None]],
        found: Sequence[functional.Spans],
        scores: Sequence[Sequence[float]],
    ) -> None:
        """Add dialogues: gold goals, whether each failed (None: not known), the system's own, P(failed) of each."""
        rows = functional.end_to_end_rows(gold, failed, found, scores, threshold=self.threshold)
        for state, values in zip((self.scores, self.decisions, self.target), rows, strict=True):
            state.append(values.to(self.device))

    def compute(self) -> dict[str, Tensor]:
        """``auc``, ``f1``, ``kappa`` and ``accuracy``, float64."""
        return functional.success_values(
            all_rows(self.scores, torch.double), all_rows(self.decisions, torch.bool), all_rows(self.target, torch.bool)
        )
