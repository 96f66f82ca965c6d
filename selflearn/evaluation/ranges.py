"""Results over a range of the simulation's rates: what becomes of a claim where a rate is another one."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selflearn.evaluation.results import Results, Row, Value, legend, row_label, value_and_range, value_text
from selflearn.evaluation.runs import Run
from selflearn.evaluation.seeds import check_seeds, results_of
from selflearn.evaluation.task_metrics import TASK_METRICS
from selflearn.metrics.items import ItemTable
from selflearn.simulation.rates import dotted_rates

Rates = Mapping[str, Any]
"""Rates that are other than those of the world's files, by dotted name; empty for the world as it is."""

AS_IT_IS = "as in the files"


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeTable:
    """The runs of one experiment on logs of different rates.

    Attributes:
        runs: by :func:`rates_key`, the seeds of one setting together; the world as it is first, where it was run.
        title: of the experiment.
    """

    runs: Mapping[str, tuple[Run, ...]]
    title: str


def rates_of(run: Run) -> Rates | None:
    """The rates of a run's log; None where it is not simulated."""
    data = run.config.get("data")
    simulate = data.get("simulate") if isinstance(data, Mapping) else None
    return dotted_rates(simulate.get("rates") or {}) if isinstance(simulate, Mapping) else None


def range_tables(runs: Sequence[Run]) -> list[RangeTable]:
    """The runs of simulated logs, those together that differ in rates, seeds and baselines alone.

    An experiment that was run with one setting of the rates makes no table.

    Raises:
        ValueError: two runs are of the same rates and seed, or read the same log though their rates differ.
    """
    found: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        rates = rates_of(run)
        if rates is not None:
            found.setdefault(_experiment(run), {}).setdefault(rates_key(rates), []).append(run)
    tables = []
    for settings in found.values():
        _check_logs(settings)
        for same in settings.values():
            check_seeds(same)
        order = sorted(settings, key=lambda key: (key != rates_key({}), key))
        if len(order) > 1:
            title = settings[order[0]][0].title(without="data.simulate.rates")
            tables.append(RangeTable(title=title, runs={key: tuple(settings[key]) for key in order}))
    return tables


def _experiment(run: Run) -> str:
    """What was run whatever the rates, the seed, the baselines and the place."""
    config = json.loads(run.experiment())
    data = {key: value for key, value in config.pop("data").items() if key != "root"}
    data["simulate"] = {key: value for key, value in data["simulate"].items() if key != "rates"}
    return json.dumps({**config, "data": data}, sort_keys=True)


def _check_logs(settings: Mapping[str, Sequence[Run]]) -> None:
    """Each log is of one setting of the rates."""
    owners: dict[str, tuple[str, Run]] = {}
    for key, runs in settings.items():
        for run in runs:
            root = str(run.config["data"].get("root"))
            other_key, other = owners.setdefault(root, (key, run))
            if other_key != key:
                raise ValueError(
                    f"{other.directory} and {run.directory} read one log, {root}, and their rates differ ({other_key} "
                    f"and {key}); expected a log of its own for each: leave data.root out, whose name then tells the "
                    "rates, and run both again"
                )


def ranges_markdown(
    table: RangeTable,
    rows: Sequence[Row],
    *,
    names: Mapping[str, str] | None = None,
    beside: Collection[str] = (),
    task_metrics: Mapping[str, ItemTable] = TASK_METRICS,
) -> str:
    """A table: a line for each setting of the rates, a column for each metric, and the span over all lines below.

    Under the model's value stands the difference to the strongest baseline of that line, and which one it is.

    Args:
        table: from :func:`range_tables`.
        rows: the metrics, as (task, metric).
        names: what a setting is called, by :func:`rates_key`; others are called by their rates.
        beside: systems that are no baselines, as they know more than a system may.
        task_metrics: says whether higher or lower is better.
    """
    results = {key: results_of(runs, task_metrics=task_metrics) for key, runs in table.runs.items()}
    first = next(iter(results.values()))
    directions = [row_label(row, first, task_metrics)[2] for row in rows]
    header = ["rate", "value", *(row_label(row, first, task_metrics)[0] for row in rows)]
    lines = [f"| {' | '.join(header)} |", f"| {' | '.join('---' for _ in header)} |"]
    cells: list[list[tuple[Value | None, Value | None]]] = []
    for key, found in results.items():
        compared = [_compared(found, row, sign, beside) for row, sign in zip(rows, directions, strict=True)]
        cells.append([(value, difference) for value, difference, _ in compared])
        texts = [_cell(*one, sign) for one, sign in zip(compared, directions, strict=True)]
        name, value = _setting(key, names or {})
        lines.append(f"| {' | '.join([name, value, *texts])} |")
    spans = [_span([line[column] for line in cells]) for column in range(len(rows))]
    return "\n".join([*lines, f"| {' | '.join(['from the least to the most', '', *spans])} |"])


def ranges_page(
    tables: Sequence[RangeTable], rows: Sequence[Row], *, beside: Collection[str] = (), people: Sequence[str] = (),
    **how: Any,
) -> str:  # fmt: skip
    """All tables with their commands and how they are read; Markdown for the end of the page of results.

    Args:
        tables: from :func:`range_tables`.
        rows: the metrics.
        beside: as :func:`ranges_markdown` takes it.
        people: systems of ``beside`` that have a table of their own, with the differences to them.
        how: the rest of what it takes.
    """
    parts = []
    for table in tables:
        runs = [run for same in table.runs.values() for run in same]
        commands = "\n".join(dict.fromkeys(run.command for run in runs))
        ends = legend(results_of(next(iter(table.runs.values()))))[0]
        parts += [
            f"## {table.title}: over the rates without a source\n",
            f"```bash\n{commands}\n```\n",
            ranges_markdown(table, rows, beside=beside, **how) + "\n",
            f"{ends} Δ = model minus the strongest baseline of the line, which is named; bold = all of it in the "
            "model's favour, italic = all of it against.\n",
        ]
        systems = {name for run in runs for name in Results.from_metrics(run.metrics).systems}
        for person in people:
            if person not in systems:
                parts.append(f"`{person}` is in none of these runs.\n")
                continue
            others = systems - {person}
            parts += [f"The same against `{person}`, who is no baseline:\n",
                      ranges_markdown(table, rows, beside=others, **how) + "\n"]  # fmt: skip
    return "\n".join(parts)


def rates_key(rates: Rates) -> str:
    """The same text for the same rates."""
    return json.dumps(dict(rates), sort_keys=True)


def _setting(key: str, names: Mapping[str, str]) -> tuple[str, str]:
    """Name and value of a line."""
    rates = json.loads(key)
    if not rates:
        return AS_IT_IS, ""
    if len(rates) == 1:
        ((rate, value),) = rates.items()
        return names.get(key, rate), str(value)
    name = names.get(key, ", ".join(rates))
    return name, ", ".join(f"{rate.rpartition('.')[2]} {value}" for rate, value in rates.items())


def _compared(
    results: Results, row: Row, direction: int, beside: Collection[str]
) -> tuple[Value | None, Value | None, str]:
    """The model's value, the difference to the baseline that is best there, and its name."""
    others = {
        name: values[row]
        for name, values in results.systems.items()
        if name != "model" and name not in beside and row in values
    }
    value = results.systems["model"].get(row)
    if not others:
        return value, None, ""
    best = max(others, key=lambda name: others[name].value * (direction or 1))
    return value, results.differences.get(best, {}).get(row), best


def _cell(value: Value | None, difference: Value | None, baseline: str, direction: int) -> str:
    if difference is None:
        return value_and_range(value)
    mark = {1: "**", -1: "*", 0: ""}[difference.sign() * direction]
    return f"{value_and_range(value)}<br>{mark}{value_text(difference, signed=True)}{mark} {baseline}"


def _span(cells: Sequence[tuple[Value | None, Value | None]]) -> str:
    values = [value.value for value, _ in cells if value is not None]
    differences = [difference.value for _, difference in cells if difference is not None]
    if not values:
        return "-"
    text = f"{min(values):.3f} to {max(values):.3f}"
    return text + (f"<br>Δ {min(differences):+.3f} to {max(differences):+.3f}" if differences else "")
