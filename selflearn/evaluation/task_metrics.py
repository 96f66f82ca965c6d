"""What is measured on the table of each task."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from selflearn.metrics.items import ItemTable
from selflearn.tasks import task_classes

TASK_METRICS: Mapping[str, ItemTable] = MappingProxyType({name: task.items for name, task in task_classes().items()})
"""Task name to its table, those of installed packages included; ``TASK_METRICS | {...}`` adds one by hand."""
