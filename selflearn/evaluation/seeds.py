"""The seeds of one experiment, measured together: means over them, on the same bootstrap resamples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import pandas as pd

from selflearn.evaluation.comparison import Tables, evaluate
from selflearn.evaluation.predictions import read_together
from selflearn.evaluation.results import Results
from selflearn.evaluation.runs import Run
from selflearn.evaluation.tables import find_table, slice_columns
from selflearn.evaluation.task_metrics import TASK_METRICS
from selflearn.metrics.items import ItemTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What the seeds of one experiment said.

    Attributes:
        systems: of each the tables of every seed that has it.
        dialogue_ids: all dialogues that were evaluated.
        owners: whose each of them is.
    """

    systems: Mapping[str, Sequence[Tables]]
    dialogue_ids: Sequence[str]
    owners: Sequence[str]


def check_seeds(runs: Sequence[Run]) -> None:
    """See that the runs of one experiment are each of another seed, or one of them would count twice.

    Raises:
        ValueError: two have the same; names both.
    """
    owners: dict[object, Run] = {}
    for run in runs:
        other = owners.setdefault(run.config.get("seed"), run)
        if other is not run:
            raise ValueError(
                f"{other.directory} and {run.directory} are of one experiment and the same seed; expected each seed "
                "once: say which runs are meant, runs=[DIR,...]"
            )


def columns_of(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs with the seeds of one experiment together, in the order of the first of each.

    A run of an experiment and seed that is there already, as of another version of the code, begins a column of its
    own.
    """
    columns: list[list[Run]] = []
    for run in runs:
        for column in columns:
            taken = [other.config.get("seed") for other in column]
            if run.experiment() == column[0].experiment() and run.config.get("seed") not in taken:
                column.append(run)
                break
        else:
            columns.append([run])
    return columns


def read_columns(columns: Sequence[Sequence[Path]]) -> list[Column]:
    """The predictions of the runs of each column.

    Args:
        columns: directories of runs that were evaluated on the same dialogues, one or more in each.

    Raises:
        FileNotFoundError: a run has no predictions; names it.
        ValueError: the dialogues of two runs differ.
    """
    said = iter(read_together([directory for column in columns for directory in column]))
    found = []
    for column in columns:
        seeds = [next(said) for _ in column]
        systems: dict[str, list[Tables]] = {}
        for name, tables in (own for seed in seeds for own in seed.systems.items()):
            systems.setdefault(name, []).append(tables)
        found.append(Column(systems=systems, dialogue_ids=seeds[0].dialogue_ids, owners=seeds[0].owners))
    return found


def without_differing_slices(
    columns: Sequence[Column], *, task_metrics: Mapping[str, ItemTable] = TASK_METRICS
) -> tuple[list[Column], list[str]]:
    """The columns without slices that hold other items in one run than in another, and these, as ``intent@seen``.

    What is new to a run depends on how many dialogues it learned from: such slices are no ground for a comparison,
    and all other items are.

    Args:
        columns: of runs that were evaluated on the same dialogues.
        task_metrics: what the tables of each task look like.

    Raises:
        ValueError: a task is unknown.
    """
    tables = [own for column in columns for seeds in column.systems.values() for own in seeds]
    frames = {name: [own[name] for own in tables if name in own] for name in dict.fromkeys(chain.from_iterable(tables))}
    differing = {
        name: [one for one in dict.fromkeys(chain.from_iterable(map(slice_columns, alike)))
               if len({_held(frame, one, find_table(name, task_metrics)[2]) for frame in alike}) > 1]
        for name, alike in frames.items()
    }  # fmt: skip

    def kept(tables: Tables) -> Tables:
        return {name: frame.drop(columns=differing[name], errors="ignore") for name, frame in tables.items()}

    systems = [{name: [kept(own) for own in seeds] for name, seeds in column.systems.items()} for column in columns]
    return (
        [replace(column, systems=own) for column, own in zip(columns, systems, strict=True)],
        [f"{name}{one}" for name, slices in differing.items() for one in slices],
    )


def _held(frame: pd.DataFrame, one: str, table: ItemTable) -> frozenset[tuple[object, ...]] | None:
    """The items of a slice; None of a table without it."""
    if one not in frame:
        return None
    inside = frame[frame["gold"].notna() & frame[one].astype(bool)]
    return frozenset(inside[["dialogue_id", *table.keys]].itertuples(index=False, name=None))


def results_of(runs: Sequence[Run], *, task_metrics: Mapping[str, ItemTable] = TASK_METRICS) -> Results:
    """What a run has measured; of several seeds their means, with intervals and differences of their own.

    A baseline that not every run has is the mean over those that have it.

    Args:
        runs: the seeds of one experiment, one or more; several are measured again, from their predictions.
        task_metrics: what is measured on which task.

    Raises:
        FileNotFoundError: one of several runs has no predictions; names it.
        ValueError: two were evaluated on different dialogues, or are of the same seed.
    """
    if len(runs) == 1:
        return Results.from_metrics(runs[0].metrics)
    check_seeds(runs)
    (column,) = read_columns([[run.directory for run in runs]])
    usual = dict.fromkeys(Results.from_metrics(runs[0].metrics).systems)  # in the order of a run's own table
    metrics = evaluate(
        {name: column.systems[name] for name in usual | dict(column.systems) if name in column.systems},
        dialogue_ids=column.dialogue_ids,
        owners=column.owners,
        model="model",
        resamples=int(runs[0].config.get("resamples", 1000)),
        task_metrics=task_metrics,
    )
    return Results.from_metrics(metrics)
