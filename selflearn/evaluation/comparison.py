"""All systems on the same items: values with intervals, and paired differences to the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor

from selflearn.evaluation.bootstrap import interval, point_and_resamples
from selflearn.evaluation.tables import check_table, counts_of, find_table, metrics_of, slice_columns
from selflearn.evaluation.task_metrics import TASK_METRICS
from selflearn.metrics.functional import window_size
from selflearn.metrics.items import ItemTable
from selflearn.schema import RecordError

Tables = Mapping[str, pd.DataFrame]
"""Table name (``<task>`` or ``<task>@<variant>``) to items."""


def evaluate(
    systems: Mapping[str, Tables],
    *,
    dialogue_ids: Sequence[str],
    owners: Sequence[str] | None = None,
    model: str,
    resamples: int = 1000,
    seed: int = 0,
    task_metrics: Mapping[str, ItemTable] = TASK_METRICS,
) -> dict[str, float]:
    """Measure every system on the same items and the same bootstrap resamples.

    Args:
        systems: for each system its tables of items. A system may lack a task; the items of those that have it must
            be the same.
        dialogue_ids: all dialogues that were evaluated, also those without an item.
        owners: whose each of them is, as dialogues of one person are alike: what is resampled. None: each is resampled
            by itself.
        model: the system that the others are compared with.
        resamples: of the bootstrap; 0 leaves the intervals out.
        seed: of the bootstrap.
        task_metrics: what is measured on which task; ``TASK_METRICS | {...}`` for a task of your own.

    Returns:
        Flat keys. ``test/<task>/<metric>`` of the model, ``baseline/<name>/test/<task>/<metric>`` of each other system,
        ``delta/<name>/<task>/<metric>`` = model minus that system, paired; each with ``/low`` and ``/high``, the 95%
        percentile interval. Slices and variants: ``<metric>@<slice>``. ``count/<task>_items``, ``_positive``,
        ``count/<task>_window`` (k of Pk and WindowDiff), ``count/dialogues``, and ``count/people`` where ``owners`` are
        fewer. A metric that is undefined for a system
        (AUC of one class) has no key there; how many are undefined for the model: ``count/<task>_undefined``.

    Raises:
        ValueError: the model is not among the systems, a task is unknown, or there are not as many owners as dialogues.
        RecordError: a table is at fault, or two systems were given different items.

    Example:
        >>> items = pd.DataFrame({"dialogue_id": ["a", "b"], "turn": 0, "gold": ["x", "y"], "prediction": ["x", "x"]})
        >>> found = evaluate({"model": {"intent": items}}, dialogue_ids=["a", "b"], model="model")
        >>> found["test/intent/accuracy"], found["test/intent/accuracy/low"], found["count/intent_items"]
        (0.5, 0.0, 2.0)
    """
    if model not in systems:
        raise ValueError(f"model is {model!r}; expected one of the systems: {', '.join(systems)}")
    if bad := [name for name in systems if "/" in name]:
        raise ValueError(f"system {bad[0]!r} has a '/' in its name; expected a name that can stand in a metric's key")
    weights = point_and_resamples(dialogue_ids, owners, resamples=resamples, seed=seed)
    references = _references(systems, model)
    for name, tables in systems.items():
        for table, frame in tables.items():
            _check_same_items(table, references[table], frame, f"{name}'s", find_table(table, task_metrics)[2])

    windows = _windows(references, task_metrics)
    values: dict[str, dict[str, Tensor]] = {name: {} for name in systems}
    for name, tables in systems.items():
        for table, frame in tables.items():
            window = windows.get(table.partition("@")[0])
            values[name] |= metrics_of(table, frame, dialogue_ids, weights, window=window, task_metrics=task_metrics)
    drawn = {"dialogues": len(dialogue_ids)}
    if owners is not None and len(set(owners)) < len(owners):
        drawn["people"] = len(set(owners))
    return _flat_values(values, model) | _counts(references, windows, values[model], drawn, task_metrics)


def _references(systems: Mapping[str, Tables], model: str) -> dict[str, pd.DataFrame]:
    """Each table once, the model's where it has one: gold and items are the same in all."""
    references = dict(systems[model])
    for tables in systems.values():
        references |= {table: frame for table, frame in tables.items() if table not in references}
    return references


def _check_same_items(
    table_name: str, reference: pd.DataFrame, frame: pd.DataFrame, whose: str, table: ItemTable
) -> None:
    """Raise RecordError unless two systems have the same gold items; spans of a system's own may differ."""
    check_table(table_name, frame, table)
    if frame is reference:
        return
    columns = ["dialogue_id", *table.keys, "gold", *slice_columns(reference)]
    if missing := [column for column in columns if column not in frame]:
        raise RecordError(missing[0], sorted(frame.columns), f"{whose} table to have the same slices", file=table_name)
    expected, found = (
        part.loc[part["gold"].notna(), columns].sort_values(columns[:-1], kind="stable", ignore_index=True)
        for part in (reference, frame)
    )
    if len(expected) != len(found):
        raise RecordError("gold", len(found), f"{whose} items to be the same {len(expected)}", file=table_name)
    for column in columns if len(found) else ():
        differs = (expected[column] != found[column]).to_numpy()
        if differs.any():
            row = int(differs.argmax())
            item = ", ".join(f"{key} {expected[key].iloc[row]!r}" for key in columns[: 1 + len(table.keys)])
            wanted = f"{whose} items to be the same: {expected[column].iloc[row]!r} at {item}"
            raise RecordError(column, found[column].iloc[row], wanted, file=table_name)


def _windows(references: Tables, task_metrics: Mapping[str, ItemTable]) -> dict[str, int]:
    """``k`` of each task that has one: computed once, on all items, then the same for all variants and slices."""
    windows: dict[str, int] = {}
    for name in sorted(references, key=lambda name: "@" in name):  # the task itself before its variants
        task, _, table = find_table(name, task_metrics)
        frame = references[name]
        if table.consecutive and task not in windows and len(frame):
            groups = torch.from_numpy(pd.factorize(frame["dialogue_id"])[0]).long()
            windows[task] = window_size(torch.from_numpy(frame["gold"].to_numpy(dtype=bool, copy=True)), groups)
    return windows


def _flat_values(values: Mapping[str, Mapping[str, Tensor]], model: str) -> dict[str, float]:
    flat: dict[str, float] = {}
    for key, own in values[model].items():
        flat |= _with_interval(f"test/{key}", own)
    for name in (name for name in values if name != model):
        for key, theirs in values[name].items():
            flat |= _with_interval(f"baseline/{name}/test/{key}", theirs)
        for key in (key for key in values[model] if key in values[name]):
            flat |= _with_interval(f"delta/{name}/{key}", values[model][key] - values[name][key])
    return flat


def _with_interval(key: str, values: Tensor) -> dict[str, float]:
    """The point value, first of ``values (1 + R,)``, and the interval of the others."""
    if values[0].isnan():
        return {}
    ends = interval(values[1:])
    return {key: values[0].item()} | ({} if ends is None else {f"{key}/low": ends[0], f"{key}/high": ends[1]})


def _counts(
    references: Tables,
    windows: Mapping[str, int],
    own: Mapping[str, Tensor],
    drawn: Mapping[str, int],
    task_metrics: Mapping[str, ItemTable],
) -> dict[str, float]:
    counts = {f"count/{what}": float(number) for what, number in drawn.items()}
    for name, frame in references.items():
        found = counts_of(name, frame, task_metrics=task_metrics)
        counts |= {f"count/{key}": float(number) for key, number in found.items()}
    counts |= {f"count/{task}_window": float(k) for task, k in windows.items()}
    for key, values in own.items():
        if values[0].isnan():
            undefined = f"count/{key.partition('/')[0]}_undefined"
            counts[undefined] = counts.get(undefined, 0.0) + 1.0
    return counts
