"""Gold labels of dialogues as flat arrays: which turns (or goals) are labelled, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selflearn.schema import Dialogue
from selflearn.tasks.base import one_a_turn
from selflearn.tasks.prediction import Span
from selflearn.tasks.success import asked_goals, labelled_goals
from selflearn.tasks.turn_binary import BinaryTurnTask
from selflearn.tasks.turn_name import NamedTurnTask


@dataclass(frozen=True, slots=True)
class TurnLabelsOf:
    """Labelled turns of some dialogues.

    Attributes:
        rows: their numbers, counted through all turns of all dialogues, ``(N,)``.
        values: their labels, bool or str, ``(N,)``.
    """

    rows: NDArray[np.int64]
    values: NDArray[Any]


@dataclass(frozen=True, slots=True)
class GoalLabelsOf:
    """Goals with a success label: their spans dialogue by dialogue, and whether each failed, in the same order."""

    goals: list[list[Span]]
    values: NDArray[np.bool_]


def turn_labels(task: BinaryTurnTask | NamedTurnTask, dialogues: Iterable[Dialogue]) -> TurnLabelsOf:
    """The decision, or the name, of each turn that has one.

    Raises:
        ValueError: the task does not say one for each turn of a dialogue, or None.
    """
    of: Callable[[Dialogue], Sequence[object]] = task.names if isinstance(task, NamedTurnTask) else task.decisions
    flat = [label for dialogue in dialogues for label in one_a_turn(of(dialogue), dialogue, task.name)]
    rows = np.array([i for i, label in enumerate(flat) if label is not None], np.int64)
    dtype = object if isinstance(task, NamedTurnTask) else bool
    return TurnLabelsOf(rows, np.array([label for label in flat if label is not None], dtype))


def goal_failures(dialogues: Sequence[Dialogue]) -> GoalLabelsOf:
    """Whether each goal with a success label was *not* reached."""
    failed = [not goal.success for dialogue in dialogues for _, goal in labelled_goals(dialogue)]
    return GoalLabelsOf(asked_goals(dialogues), np.array(failed, bool))
