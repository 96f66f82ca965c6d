"""Tasks: one file a kind of label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points

from selflearn.tasks.base import EncodedBatch, StateSizes, Task
from selflearn.tasks.defect import DefectTask
from selflearn.tasks.domain import DomainTask
from selflearn.tasks.intent import IntentTask
from selflearn.tasks.prediction import DialoguePrediction, System, Thresholds, goals_from_boundaries
from selflearn.tasks.segmentation import SegmentationTask
from selflearn.tasks.slots import SlotsTask
from selflearn.tasks.success import SuccessTask
from selflearn.tasks.transcript import TranscriptTask

__all__ = [
    "DefectTask",
    "DialoguePrediction",
    "DomainTask",
    "EncodedBatch",
    "IntentTask",
    "SegmentationTask",
    "SlotsTask",
    "StateSizes",
    "SuccessTask",
    "System",
    "Task",
    "Thresholds",
    "TranscriptTask",
    "build_tasks",
    "goals_from_boundaries",
    "task_classes",
]

_BUILT_IN: tuple[type[Task], ...] = (
    SegmentationTask,
    SuccessTask,
    IntentTask,
    DomainTask,
    SlotsTask,
    DefectTask,
    TranscriptTask,
)


def task_classes() -> dict[str, type[Task]]:
    """Every known task by name: the built-in ones and those of the entry point group ``selflearn.tasks``.

    Raises:
        ValueError: two tasks have the same name.
    """
    found: dict[str, type[Task]] = {}
    for task in (*_BUILT_IN, *(point.load() for point in entry_points(group="selflearn.tasks"))):
        if task.name in found:
            raise ValueError(f"two tasks are called {task.name!r}: {found[task.name]} and {task}; rename one")
        found[task.name] = task
    return found


def build_tasks(labels: Mapping[str, Iterable[str]], extra: Iterable[type[Task]] = ()) -> dict[str, Task]:
    """Tasks by name with their label names, as a saved model lists them.

    Raises:
        ValueError: a task is not known here.
    """
    classes = task_classes() | {task.name: task for task in extra}
    tasks = {}
    for name, names in labels.items():
        if name not in classes:
            near = get_close_matches(name, classes, n=1) or list(classes)
            raise ValueError(f"no task is called {name!r}; nearest: {', '.join(near)}. A task of another package needs "
                             "that package installed.")  # fmt: skip
        tasks[name] = classes[name](tuple(names))
    return tasks
