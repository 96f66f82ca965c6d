"""Gold labels of dialogues as flat arrays: which turns (or goals) are labelled, and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selflearn.schema import Dialogue
from selflearn.tasks.defect import DefectTask
from selflearn.tasks.domain import DomainTask
from selflearn.tasks.intent import IntentTask
from selflearn.tasks.prediction import Span
from selflearn.tasks.segmentation import SegmentationTask
from selflearn.tasks.success import asked_goals, labelled_goals


@dataclass(frozen=True, slots=True)
class TurnLabelsOf:
    """Labelled turns of some dialogues.

    Attributes:
        rows: their numbers, counted through all turns of all dialogues, ``(n,)``.
        values: their labels, bool or str, ``(n,)``.
    """

    rows: NDArray[np.int64]
    values: NDArray[Any]


@dataclass(frozen=True, slots=True)
class GoalLabelsOf:
    """Goals with a success label: their spans dialogue by dialogue, and whether each failed, in the same order."""

    goals: list[list[Span]]
    values: NDArray[np.bool_]


def segmentation_labels(dialogues: Sequence[Dialogue]) -> TurnLabelsOf:
    """Whether a goal starts, of each turn that is a decision."""
    task = SegmentationTask()
    return _labelled((task.decisions(dialogue) for dialogue in dialogues), np.dtype(bool))


def defect_labels(dialogues: Sequence[Dialogue]) -> TurnLabelsOf:
    """Whether the response was a defect, of each labelled turn."""
    task = DefectTask()
    return _labelled((task.decisions(dialogue) for dialogue in dialogues), np.dtype(bool))


def intent_labels(dialogues: Sequence[Dialogue]) -> TurnLabelsOf:
    """Name of the intent of each turn that has one."""
    return _labelled((IntentTask.names(dialogue) for dialogue in dialogues), np.dtype(object))


def domain_labels(dialogues: Sequence[Dialogue]) -> TurnLabelsOf:
    """Name of the domain of each turn whose goal has one."""
    return _labelled((DomainTask.names(dialogue) for dialogue in dialogues), np.dtype(object))


def goal_failures(dialogues: Sequence[Dialogue]) -> GoalLabelsOf:
    """Whether each goal with a success label was *not* reached."""
    failed = [not goal.success for dialogue in dialogues for _, goal in labelled_goals(dialogue)]
    return GoalLabelsOf(asked_goals(dialogues), np.array(failed, bool))


def _labelled(labels: Iterable[Sequence[object]], dtype: np.dtype[Any]) -> TurnLabelsOf:
    flat = [label for row in labels for label in row]
    rows = np.array([i for i, label in enumerate(flat) if label is not None], np.int64)
    values = np.array([label for label in flat if label is not None], dtype)
    return TurnLabelsOf(rows, values)
