"""Goal success end to end: what a system says of the gold goals by way of the goals that it found itself.

Each gold goal takes the answer about the goal that matches it (:func:`~selflearn.metrics.functional.match_goals`).
Where none does the system has lost the goal, and its answer is wrong, whatever the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from selflearn.metrics.functional.classification import accuracy, binary_cohen_kappa, binary_f1
from selflearn.metrics.functional.ranking import auc
from selflearn.metrics.functional.spans import match_goals

Spans = Sequence[tuple[int, int]]
"""Goals of a dialogue, half-open ``[start, end)`` in turns."""


def answers_end_to_end(
    gold: Spans, failed: Sequence[bool | None], found: Spans, answers: Sequence[float]
) -> list[float]:
    """The answers about the gold goals of one dialogue.

    Args:
        gold: gold goals, half-open ``[start, end)`` in turns.
        failed: whether each failed; None where that is not known: the goal is matched, but has no answer.
        found: the system's own goals.
        answers: what it says of each of them: the probability that it failed, or the decision as 0 or 1.

    Returns:
        For each gold goal of which it is known whether it failed: the answer about its match, or the wrong one, 0 or 1.

    Raises:
        ValueError: lengths differ, or a goal has no turn.

    Example:
        >>> answers_end_to_end([(0, 3), (3, 5), (5, 9)], [False, None, True], [(0, 4), (4, 6)], [0.2, 0.9])
        [0.2, 0.0]
    """
    for side, spans, name, values in (("gold", gold, "failed", failed), ("found", found, "answers", answers)):
        if len(spans) != len(values):
            raise ValueError(f"{side} has {len(spans)} goals and {name} {len(values)} values; expected one for each")
    return [
        float(not wrong if match is None else answers[match])
        for match, wrong in zip(match_goals(gold, found), failed, strict=True)
        if wrong is not None
    ]


def end_to_end_rows(
    gold: Sequence[Spans],
    failed: Sequence[Sequence[bool | None]],
    found: Sequence[Spans],
    scores: Sequence[Sequence[float]],
    *,
    threshold: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The goals of dialogues as rows for the metrics of success.

    Args:
        gold: the gold goals of each dialogue.
        failed: whether each failed, None where that is not known.
        found: the system's own goals of each dialogue.
        scores: for each of them the probability that it failed.
        threshold: from which probability on the system says that a goal failed.

    Returns:
        Scores, float64, decisions, bool, and gold, bool, each ``(N,)``.

    Raises:
        ValueError: lengths differ, or a goal has no turn.
    """
    lengths = [len(column) for column in (gold, failed, found, scores)]
    if len(set(lengths)) > 1:
        raise ValueError(f"gold, failed, found and scores are of {lengths} dialogues; expected the same ones in each")
    rows: list[tuple[float, float, bool]] = []
    for spans, wrong, own, said in zip(gold, failed, found, scores, strict=True):
        decided = answers_end_to_end(spans, wrong, own, [score >= threshold for score in said])
        known = [value for value in wrong if value is not None]
        rows += zip(answers_end_to_end(spans, wrong, own, said), decided, known, strict=True)
    scored, decisions, target = torch.tensor(rows, dtype=torch.double).view(-1, 3).unbind(-1)
    return scored, decisions.bool(), target.bool()


def success_values(scores: Tensor, decisions: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Area under the ROC curve, F1, kappa and accuracy of failure, float64, by the names under which they are reported.

    Args:
        scores: probability of failure, float, ``(N,)``.
        decisions: failed or not, bool or 0/1, ``(N,)``.
        target: gold, the same.

    Raises:
        ValueError: shapes differ, a score is NaN, or values are not decisions.
    """
    return {
        "auc": auc(scores, target),
        "f1": binary_f1(decisions, target),
        "kappa": binary_cohen_kappa(decisions, target),
        "accuracy": accuracy(decisions, target),
    }


def success_end_to_end(
    gold: Sequence[Spans],
    failed: Sequence[Sequence[bool | None]],
    found: Sequence[Spans],
    scores: Sequence[Sequence[float]],
    *,
    threshold: float,
) -> dict[str, Tensor]:
    """AUC, F1, kappa and accuracy of failure, said of the goals that the system found (higher is better).

    Undefined where each alone is: without goals the F1 is 0 and the others are NaN.

    Args:
        gold: the gold goals of each dialogue.
        failed: whether each failed, None where that is not known.
        found: the system's own goals of each dialogue.
        scores: for each of them the probability that it failed.
        threshold: from which probability on the system says that a goal failed.

    Returns:
        ``auc``, ``f1``, ``kappa``, ``accuracy``.

    Raises:
        ValueError: lengths differ, a goal has no turn, or a score is NaN.

    Example:
        >>> dialogue = [(0, 2), (2, 4)], [False, True], [(0, 2), (2, 3)], [0.1, 0.8]
        >>> success_end_to_end(*([column] for column in dialogue), threshold=0.5)["accuracy"]
        tensor(1., dtype=torch.float64)
    """
    return success_values(*end_to_end_rows(gold, failed, found, scores, threshold=threshold))
