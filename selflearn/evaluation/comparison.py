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
    systems: Mapping[str, Tables | Sequence[Tables]],
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
            be the same. A sequence is of the seeds of one system, which are measured as their mean; what not all of
            them have is left out.
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
        percentile interval. Of a mean over seeds the interval is that of the mean, with all seeds on the same
        resamples; the values of a system have ``/least`` and ``/most``, those of its lowest and its highest seed, too,
        and ``count/seeds`` says how many the model has. Slices and variants: ``<metric>@<slice>``.
        ``count/<task>_items``, ``_positive``, ``count/<task>_window`` (k of Pk and WindowDiff), ``count/dialogues``,
        and ``count/people`` where ``owners`` are fewer. A metric that is undefined for a system (AUC of one class) has
        no key there; how many are undefined for the model: ``count/<task>_undefined``.

    Raises:
        ValueError: the model is not among the systems, another system is called "model", a system has no seed, a task
            is unknown, or there are not as many owners as dialogues.
        RecordError: a table is at fault, or two systems were given different items.

    Example:
        >>> items = pd.DataFrame({"dialogue_id": ["a", "b"], "turn": 0, "gold": ["x", "y"], "prediction": ["x", "x"]})
        >>> found = evaluate({"model": {"intent": items}}, dialogue_ids=["a", "b"], model="model")
        >>> found["test/intent/accuracy"], found["test/intent/accuracy/low"], found["count/intent_items"]
        (0.5, 0.0, 2.0)
    """
    if model not in systems:
        raise ValueError(f"model is {model!r}; expected one of the systems: {', '.join(systems)}")
    if model != "model" and "model" in systems:
        raise ValueError(
            f"model is {model!r}, and another system is called 'model', as tables call the one that the others are "
            "compared with; expected another name for that system"
        )
    if bad := [name for name in systems if "/" in name]:
        raise ValueError(f"system {bad[0]!r} has a '/' in its name; expected a name that can stand in a metric's key")
    seeds = {name: [own] if isinstance(own, Mapping) else list(own) for name, own in systems.items()}
    if empty := [name for name, own in seeds.items() if not own]:
        raise ValueError(f"system {empty[0]!r} has no tables; expected those of one seed or more")
    weights = point_and_resamples(dialogue_ids, owners, resamples=resamples, seed=seed)
    references = _references(seeds[model], *seeds.values())
    windows = _windows(references, task_metrics)

    def measured(name: str, tables: Tables) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for table, frame in tables.items():
            _check_same_items(table, references[table], frame, f"{name}'s", find_table(table, task_metrics)[2])
            window = windows.get(table.partition("@")[0])
            found |= metrics_of(table, frame, dialogue_ids, weights, window=window, task_metrics=task_metrics)
        return found

    values = {name: _stacked([measured(name, tables) for tables in own]) for name, own in seeds.items()}
    drawn = {"dialogues": len(dialogue_ids)}
    if owners is not None and len(set(owners)) < len(owners):
        drawn["people"] = len(set(owners))
    if len(seeds[model]) > 1:
        drawn["seeds"] = len(seeds[model])
    return _flat_values(values, model) | _counts(references, windows, values[model], drawn, task_metrics)


def _stacked(seeds: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Of each metric that all seeds have the values ``(1 + R,)`` of each of them, ``(S, 1 + R)``."""
    return {key: torch.stack([own[key] for own in seeds]) for key in seeds[0] if all(key in other for other in seeds)}


def _references(*systems: Sequence[Tables]) -> dict[str, pd.DataFrame]:
    """Each table once, that of the first who has one: gold and items are the same in all."""
    references: dict[str, pd.DataFrame] = {}
    for tables in (tables for seeds in systems for tables in seeds):
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
        flat |= _over_seeds(f"test/{key}", own)
    for name in (name for name in values if name != model):
        for key, theirs in values[name].items():
            flat |= _over_seeds(f"baseline/{name}/test/{key}", theirs)
        for key in (key for key in values[model] if key in values[name]):
            flat |= _with_interval(f"delta/{name}/{key}", values[model][key].mean(0) - values[name][key].mean(0))
    return flat


def _over_seeds(key: str, values: Tensor) -> dict[str, float]:
    """The mean of ``values (S, 1 + R)`` over the seeds with its interval; of several also the least and the most."""
    found = _with_interval(key, values.mean(0))
    if found and len(values) > 1:
        found |= {f"{key}/least": values[:, 0].min().item(), f"{key}/most": values[:, 0].max().item()}
    return found


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
        if values[:, 0].isnan().any():
            undefined = f"count/{key.partition('/')[0]}_undefined"
            counts[undefined] = counts.get(undefined, 0.0) + 1.0
    return counts
