"""From a table of items to metrics, for any weighting of the dialogues.

A table is named ``<task>`` or ``<task>@<variant>`` (the same task under other conditions). Its boolean columns whose
name begins with ``@`` are slices. Both are written ``<task>/<metric>@<variant>@<slice>``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from selflearn.evaluation.task_metrics import TASK_METRICS
from selflearn.metrics.functional import window_size
from selflearn.metrics.items import Items, ItemTable, TableMetric
from selflearn.schema import RecordError


def metrics_of(
    table_name: str,
    frame: pd.DataFrame,
    dialogue_ids: Sequence[str],
    weights: Tensor,
    *,
    window: int | None = None,
    task_metrics: Mapping[str, ItemTable] = TASK_METRICS,
) -> dict[str, Tensor]:
    """Every metric of a table, for each weighting of the dialogues.

    Args:
        table_name: ``<task>`` or ``<task>@<variant>``.
        frame: one row an item, in any order; ``dialogue_id``, the task's keys, ``gold``, ``prediction``, ``score``.
        dialogue_ids: all ``G`` dialogues that were evaluated, also those without an item.
        weights: float64, ``(..., G)``; ones give the plain value, rows of a bootstrap the resampled ones.
        window: ``k`` of Pk and WindowDiff in turns; None for that of this table's gold.
        task_metrics: what is measured on which task.

    Returns:
        ``<task>/<metric>[@<variant>][@<slice>]`` to values ``(...)``; NaN where undefined. A table or slice without
        items has no metrics.

    Raises:
        RecordError: a column is missing, or a row is at fault.
        ValueError: the task is unknown.

    Example:
        >>> frame = pd.DataFrame({"dialogue_id": "a", "turn": [0, 1], "gold": ["x", "y"], "prediction": ["x", "x"]})
        >>> metrics_of("intent", frame, ["a"], torch.ones(1, dtype=torch.double))["intent/accuracy"]
        tensor(0.5000, dtype=torch.float64)
    """
    task, variant, table = find_table(table_name, task_metrics)
    items = _items(table_name, frame, table, dialogue_ids)
    if table.consecutive:
        items = replace(items, window=window or window_size(items.flags("gold"), items.groups))
    values = {}
    for suffix, part, whole in _slices(items):
        for metric in table.metrics if len(part.frame) else ():
            if all(column in frame for column in metric.needs):
                values[f"{task}/{metric.name}{variant}{suffix}"] = _value(metric, part, whole, weights)
    return values


def counts_of(
    table_name: str, frame: pd.DataFrame, *, task_metrics: Mapping[str, ItemTable] = TASK_METRICS
) -> dict[str, int]:
    """How many items a table has, and how many are positive: ``<task>_items[@<variant>][@<slice>]``, ``_positive``.

    Spans that only the system sees are no items: the counts of all systems are the same.

    Args:
        table_name: ``<task>`` or ``<task>@<variant>``.
        frame: one row an item.
        task_metrics: what is measured on which task.

    Example:
        >>> counts_of("defect", pd.DataFrame({"gold": [True, False], "@seen": [True, True]}))["defect_items@seen"]
        2
    """
    task, variant, table = find_table(table_name, task_metrics)
    gold = frame[frame["gold"].notna()]
    counts = {}
    for column in ["", *slice_columns(frame)]:
        part = gold[gold[column].astype(bool)] if column else gold
        counts[f"{task}_items{variant}{column}"] = len(part)
        if table.values == "decision":
            counts[f"{task}_positive{variant}{column}"] = int(part["gold"].sum())
    return counts


def find_table(table_name: str, task_metrics: Mapping[str, ItemTable]) -> tuple[str, str, ItemTable]:
    """Task, variant (``""`` or ``"@..."``) and description of a table.

    Raises:
        ValueError: the task is unknown; names the nearest known one.
    """
    task, at, variant = table_name.partition("@")
    if task not in task_metrics:
        near = difflib.get_close_matches(task, task_metrics, n=1) or sorted(task_metrics)
        raise ValueError(
            f"table {table_name!r} is of task {task!r}, whose metrics are not known; nearest {near}. A new task passes"
            " its ItemTable in task_metrics"
        )
    return task, at + variant, task_metrics[task]


def slice_columns(frame: pd.DataFrame) -> list[str]:
    """Names of the columns that are slices."""
    return [column for column in frame.columns if column.startswith("@")]


def check_table(table_name: str, frame: pd.DataFrame, table: ItemTable) -> None:
    """Check that the rows of a table are what its task says.

    Raises:
        RecordError: names the table, row (from 0) and column, the value, and what was expected.
    """
    decides = table.values == "decision"
    for column in ("dialogue_id", *table.keys, "gold", "prediction", *(["score"] if decides else [])):
        if column not in frame:
            raise RecordError(column, sorted(frame.columns), "a column of this name", file=table_name)
    for column in [*(["gold", "prediction"] if decides else []), *slice_columns(frame)]:
        if frame[column].dtype != bool:  # of another type, empty, or with holes
            wrong = ~frame[column].map(lambda value: isinstance(value, bool | np.bool_)).astype(bool)
            _refuse(table_name, frame, column, wrong, "true or false in every row")
    for column in ["score"] if decides else [] if table.optional else ["gold", "prediction"]:
        _refuse(table_name, frame, column, frame[column].isna(), f"a {'number' if decides else 'name'} in every row")
    keys = ["dialogue_id", *table.keys]
    _refuse(table_name, frame, table.keys[-1], frame.duplicated(keys), f"one row for each {', '.join(keys)}")


def _refuse(table_name: str, frame: pd.DataFrame, column: str, wrong: pd.Series[bool], expected: str) -> None:
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        value, dialogue = frame[column].iloc[row], frame["dialogue_id"].iloc[row]
        raise RecordError(column, value, f"{expected} (dialogue {dialogue!r})", file=table_name, row=row)


def _items(table_name: str, frame: pd.DataFrame, table: ItemTable, dialogue_ids: Sequence[str]) -> Items:
    check_table(table_name, frame, table)
    index = pd.Index(dialogue_ids)
    if not index.is_unique:
        raise ValueError(f"dialogue_ids has {index[index.duplicated()][0]!r} twice; expected each dialogue once")
    if table.consecutive:
        frame = frame.sort_values(["dialogue_id", *table.keys], kind="stable", ignore_index=True)
        jumps = frame["turn"].diff().ne(1) & frame["dialogue_id"].eq(frame["dialogue_id"].shift())
        _refuse(table_name, frame, "turn", jumps, "the turn after the row before: every gap between turns is an item")
    groups = torch.from_numpy(index.get_indexer(pd.Index(frame["dialogue_id"])).copy()).long()
    _refuse(table_name, frame, "dialogue_id", pd.Series((groups < 0).numpy()), "one of the evaluated dialogues")
    return Items(frame=frame, groups=groups, num_groups=len(index))


def _slices(items: Items) -> Iterator[tuple[str, Items, bool]]:
    """Suffix, items, and whether every dialogue is in whole or not at all: first all of them, then each slice."""
    yield "", items, True
    for column in slice_columns(items.frame) if len(items.frame) else ():
        inside = items.flags(column)
        rows = torch.bincount(items.groups, minlength=items.num_groups)
        kept = torch.bincount(items.groups[inside], minlength=items.num_groups)
        part = replace(items, frame=items.frame[inside.numpy()], groups=items.groups[inside])
        yield column, part, bool(((kept == 0) | (kept == rows)).all())


def _value(metric: TableMetric, items: Items, whole: bool, weights: Tensor) -> Tensor:
    if metric.whole_dialogues and not whole:
        return torch.full(weights.shape[:-1], float("nan"), dtype=torch.double)
    return metric.measure(items)(weights)
