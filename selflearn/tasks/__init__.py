"""Tasks: one file a kind of label. A module that is put here is found, and so is what other packages offer."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract

from torch import nn

from selflearn.tasks.base import EncodedBatch, StateSizes, Task
from selflearn.tasks.defect import DefectTask
from selflearn.tasks.domain import DomainTask
from selflearn.tasks.intent import IntentTask
from selflearn.tasks.prediction import DialoguePrediction, System, Thresholds, goals_from_boundaries
from selflearn.tasks.segmentation import SegmentationTask
from selflearn.tasks.slots import SlotsTask
from selflearn.tasks.success import SuccessTask
from selflearn.tasks.transcript import TranscriptTask
from selflearn.tasks.turn_binary import BinaryTurnTask
from selflearn.tasks.turn_name import NamedTurnTask

__all__ = [
    "BinaryTurnTask",
    "DefectTask",
    "DialoguePrediction",
    "DomainTask",
    "EncodedBatch",
    "IntentTask",
    "NamedTurnTask",
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


_HEADS, _LOSS_WEIGHTS = nn.ModuleDict(), nn.ParameterDict()


def task_classes() -> dict[str, type[Task]]:
    """Every known task by name: those of this package and of the entry point group ``selflearn.tasks``.

    They are in the order of ``Task.place``, then of their names.

    Raises:
        ValueError: an entry point leads to no task, two tasks have the same name, or one has none, or a name that no
            module or file can have.
    """
    found: dict[str, type[Task]] = {}
    for task in (*_built_in(), *map(_offered, entry_points(group="selflearn.tasks"))):
        if not isinstance(getattr(task, "name", None), str):
            raise ValueError(f"the task {task} has no name; expected a string as its attribute `name`")
        # heads and weights of losses are parts of torch's modules by these names, and tables files
        if not task.name.isidentifier() or hasattr(_HEADS, task.name) or hasattr(_LOSS_WEIGHTS, task.name):
            raise ValueError(f"the task {task} is called {task.name!r}; expected a name of letters, digits and _ that "
                             "torch's ModuleDict and ParameterDict have no other use for")  # fmt: skip
        if task.name in found:
            raise ValueError(f"two tasks are called {task.name!r}: {found[task.name]} and {task}; rename one")
        found[task.name] = task
    return dict(sorted(found.items(), key=lambda item: (item[1].place, item[0])))


def _offered(point: EntryPoint) -> type[Task]:
    """The task of another package.

    Raises:
        ValueError: it cannot be loaded, or is no task; names the entry point.
    """
    try:
        task = point.load()
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"{point} cannot be loaded ({error}); expected MODULE:CLASS of an installed package, or no such entry point"
        ) from error
    if not isinstance(task, type) or not issubclass(task, Task):
        raise ValueError(f"{point} leads to {task!r}; expected MODULE:CLASS, where CLASS is a subclass of Task")
    return task


def _built_in() -> Iterator[type[Task]]:
    """The tasks that the modules of this package define: subclasses with a name, and nothing left to write."""
    for module in pkgutil.iter_modules(__path__):
        home = import_module(f"{__name__}.{module.name}")
        for value in vars(home).values():
            if not isinstance(value, type) or not issubclass(value, Task) or value.__module__ != home.__name__:
                continue  # a class is found in the module that defines it, not in those that import it
            if not isabstract(value):
                yield value


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
