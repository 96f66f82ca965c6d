"""Reading ``metrics.json``, and the table that shows it: on a terminal, or as Markdown.

Rows are metrics; columns are the model and the systems it is compared with. Below a system's value stands the paired
difference, model minus that system.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rich import box
from rich.markup import escape
from rich.table import Table

from selflearn.evaluation.task_metrics import TASK_METRICS
from selflearn.metrics.items import ItemTable, TableMetric

Row = tuple[str, str]
"""Task and metric, the metric with its slices: ``("intent", "accuracy@seen")``."""

_ENDS = ("low", "high", "least", "most")


def named_rows(names: Iterable[str]) -> list[Row]:
    """Task and metric of each row that is named as tables and configs name it.

    Example:
        >>> named_rows(["transcript/wer@defects"])
        [('transcript', 'wer@defects')]
    """
    return [(task, metric) for task, _, metric in (name.partition("/") for name in names)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number with its bootstrap interval; a mean over seeds also with the least and the most of them."""

    value: float
    low: float | None = None
    high: float | None = None
    least: float | None = None
    most: float | None = None

    def sign(self) -> int:
        """1 or -1 where the whole interval lies on one side of zero, else 0."""
        if self.low is None or self.high is None:
            return 0
        return (self.low > 0) - (self.high < 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured of a model, of one seed or several, and of the systems beside it.

    Attributes:
        systems: of each system (``"model"`` first) the value in each row.
        differences: of each baseline the model's paired difference in each row.
        items: counts, by their names.
    """

    systems: Mapping[str, Mapping[Row, Value]]
    differences: Mapping[str, Mapping[Row, Value]]
    items: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_metrics(cls, metrics: Mapping[str, float]) -> Results:
        """Read the flat keys that :func:`~selflearn.evaluation.evaluate` gives; others (times) are no results.

        Example:
            >>> Results.from_metrics({"test/intent/accuracy": 0.9}).systems["model"]["intent", "accuracy"].value
            0.9
        """
        systems: dict[str, dict[Row, Value]] = {"model": {}}
        differences: dict[str, dict[Row, Value]] = {}
        for key, value in metrics.items():
            ends = {end: metrics.get(f"{key}/{end}") for end in _ENDS}
            cell = Value(value=value, **ends)
            match key.split("/"):
                case ["test", task, metric]:
                    systems["model"][task, metric] = cell
                case ["baseline", name, "test", task, metric]:
                    systems.setdefault(name, {})[task, metric] = cell
                case ["delta", name, task, metric] if metric not in _ENDS:
                    differences.setdefault(name, {})[task, metric] = cell
        counts = {key.removeprefix("count/"): value for key, value in metrics.items() if key.startswith("count/")}
        return cls(systems=systems, differences=differences, items=counts)

    def only(self, rows: Sequence[Row], systems: Sequence[str] | None = None) -> Results:
        """The same with these rows alone, in this order, and beside the model these systems alone (None: all)."""

        def chosen(values: Mapping[Row, Value]) -> dict[Row, Value]:
            return {row: values[row] for row in rows if row in values}

        kept = [name for name in self.systems if systems is None or name in ("model", *systems)]
        return replace(
            self,
            systems={name: chosen(self.systems[name]) for name in kept},
            differences={name: chosen(self.differences[name]) for name in kept if name in self.differences},
        )

    def rows(self) -> list[Row]:
        """Every row that some system has, the model's order first."""
        return list(dict.fromkeys(row for values in self.systems.values() for row in values))


def results_markdown(results: Results, *, task_metrics: Mapping[str, ItemTable] = TASK_METRICS) -> str:
    """The results as a Markdown table.

    Bold where the difference lies wholly on the model's side, italic where wholly on the other.

    Args:
        results: what was measured.
        task_metrics: says whether higher or lower is better.

    Example:
        >>> print(results_markdown(Results.from_metrics({"test/intent/accuracy": 0.9, "count/intent_items": 40})))
        | metric | n | model |
        | --- | --- | --- |
        | intent/accuracy ↑ | 40 | .900 |
    """
    lines = [["metric", "n", *results.systems]]
    for row in results.rows():
        name, count, direction = row_label(row, results, task_metrics)
        lines.append([name, count, *(_cell(results, system, row, direction) for system in results.systems)])
    return markdown_table(lines)


def systems_markdown(results: Results, *, task_metrics: Mapping[str, ItemTable] = TASK_METRICS) -> str:
    """The same the other way round, a line for each system: for many systems and few metrics.

    Args:
        results: what was measured.
        task_metrics: says whether higher or lower is better.

    Example:
        >>> print(systems_markdown(Results.from_metrics({"test/intent/accuracy": 0.9, "count/intent_items": 40})))
        | system | intent/accuracy ↑<br>n = 40 |
        | --- | --- |
        | model | .900 |
    """
    labels = [row_label(row, results, task_metrics) for row in results.rows()]
    lines = [["system", *(f"{name}<br>n = {count}" if count else name for name, count, _ in labels)]]
    for system in results.systems:
        signs = [direction for *_, direction in labels]
        cells = [_cell(results, system, row, sign) for row, sign in zip(results.rows(), signs, strict=True)]
        lines.append([system, *cells])
    return markdown_table(lines)


def values_markdown(
    results: Results, *, names: Mapping[str, str] | None = None, task_metrics: Mapping[str, ItemTable] = TASK_METRICS
) -> str:
    """A line for each system with its values alone, for a page that is read in passing.

    Args:
        results: what was measured.
        names: what systems are called here, where that is not their name.
        task_metrics: says whether higher or lower is better.

    Example:
        >>> print(values_markdown(Results.from_metrics({"test/intent/accuracy": 0.9}), names={"model": "ours"}))
        |  | intent/accuracy ↑ |
        | --- | ---: |
        | ours | .900 |
    """
    rows = results.rows()
    lines = [["", *(metric_label(row, task_metrics) for row in rows)]]
    for system, values in results.systems.items():
        cells = [_number(values[row].value, False) if row in values else "" for row in rows]
        lines.append([(names or {}).get(system, system), *cells])
    return markdown_table(lines, words=1)


def markdown_table(lines: Sequence[Sequence[str]], *, words: int | None = None) -> str:
    r"""A table in Markdown, whatever stands in its cells: a ``|`` in a name would begin another cell.

    Args:
        lines: cells, those of the head first.
        words: how many columns are of words, from the left; the others are of numbers. None: all.

    Example:
        >>> print(markdown_table([["field", "AUC"], ["a|b", ".655"]], words=1))
        | field | AUC |
        | --- | ---: |
        | a\|b | .655 |
    """
    head = lines[0]
    left = len(head) if words is None else words
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    rows = [escaped[0], ["---"] * left + ["---:"] * (len(head) - left), *escaped[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(results: Results, system: str, row: Row, direction: int) -> str:
    """The value, and below it the difference of the model to it."""
    text = value_and_range(results.systems[system].get(row))
    if difference := results.differences.get(system, {}).get(row):
        mark = {1: "**", -1: "*", 0: ""}[difference.sign() * direction]
        text += f"<br>{mark}{value_text(difference, signed=True)}{mark}"
    return text


def results_table(
    results: Results, *, title: str | None = None, task_metrics: Mapping[str, ItemTable] = TASK_METRICS
) -> Table:
    """The results as a table for a terminal of 80 columns or more (``rich.print`` shows it).

    The model with its interval; of each other system the value, and whether the paired difference lies wholly on one
    side of zero. The differences themselves are in :func:`results_markdown`.

    Args:
        results: what was measured.
        title: above the table.
        task_metrics: says whether higher or lower is better.
    """
    table = _terminal_table(results, title)
    table.add_column("metric", no_wrap=True)
    for system in results.systems:
        table.add_column(escape(system).replace("_", "\n"), justify="right", no_wrap=True)
    before = ""
    tasks = list(dict.fromkeys(task for task, _ in results.rows()))
    for row in sorted(results.rows(), key=lambda row: tasks.index(row[0])):
        if row[0] != before:
            table.add_section()
            table.add_row(f"[bold]{row[0]}[/bold]")
        before = row[0]
        name, _, direction = row_label(row, results, task_metrics)
        cells = [name.removeprefix(f"{row[0]}/")]
        table.add_row(*cells, *(_terminal_cell(results, system, row, direction) for system in results.systems))
    return table


def systems_table(
    results: Results, *, title: str | None = None, task_metrics: Mapping[str, ItemTable] = TASK_METRICS
) -> Table:
    """The same the other way round, a line for each system, for a terminal.

    Args:
        results: what was measured.
        title: above the table.
        task_metrics: says whether higher or lower is better.
    """
    table = _terminal_table(results, title)
    table.add_column("system", overflow="fold")
    labels = {row: row_label(row, results, task_metrics) for row in results.rows()}
    for name, *_ in labels.values():
        table.add_column(name.replace("/", "\n").replace("@", "\n@"), justify="right", no_wrap=True)
    for system in results.systems:
        cells = [_terminal_cell(results, system, row, direction) for row, (*_, direction) in labels.items()]
        table.add_row(escape(system), *(cell.replace(r" \[", "\n\\[") for cell in cells))
    return table


def _terminal_table(results: Results, title: str | None) -> Table:
    caption = f"{_ends(results)}; ↑ higher is better, ↓ lower is better. {_SIGNS[1]} the model is better, "
    caption += f"{_SIGNS[-1]} it is worse: all of the paired difference lies on that side of zero."
    return Table(
        title=None if title is None else escape(title),
        caption=caption,
        padding=(0, 1, 0, 0),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )


def _terminal_cell(results: Results, system: str, row: Row, direction: int) -> str:
    """The model with its interval; of another system the value, and on which side all of the difference lies."""
    value = results.systems[system].get(row)
    if system == "model" or value is None:
        return value_text(value).replace("[", r"\[")
    difference = results.differences.get(system, {}).get(row)
    return f"{_number(value.value, False)} {_SIGNS[difference.sign() * direction if difference else 0]}"


_SIGNS = {1: "[green]▲[/green]", -1: "[red]▼[/red]", 0: "[dim]·[/dim]"}


def _ends(results: Results) -> str:
    people, seeds = results.items.get("people"), results.items.get("seeds")
    value = "value" if seeds is None else f"mean of {seeds:,.0f} seeds"
    cells = [cell for row in (*results.systems.values(), *results.differences.values()) for cell in row.values()]
    if all(cell.low is None for cell in cells):  # of one person, or not asked for
        return value
    return f"{value} \\[95% bootstrap over {'dialogues' if people is None else f'{people:,.0f} people'}]"


def legend(results: Results, *, bold: str = "bold", italic: str = "italic") -> list[str]:
    """How to read the table, one sentence each."""
    ends = _ends(results).replace("\\", "")
    if "seeds" in results.items:
        ends += ", and below it the range over them where they differ"
    return [
        f"{ends}; ↑ higher is better, ↓ lower is better.",
        "Below each system: Δ = model minus that system, paired on the same dialogues;"
        f" {bold} = all of it in the model's favour, {italic} = all of it against.",
    ]


def row_label(row: Row, results: Results, task_metrics: Mapping[str, ItemTable]) -> tuple[str, str, int]:
    """Name with its arrow, number of items, and 1, -1 or 0: higher is better, lower is better, not known."""
    task, name = row
    metric = _metric_of(row, task_metrics)
    base = name.partition("@")[0] if metric is None else metric.name
    items = results.items.get(f"{task}_items{name.removeprefix(base)}")
    return metric_label(row, task_metrics), "" if items is None else f"{items:,.0f}", better(row, task_metrics)


def better(row: Row, task_metrics: Mapping[str, ItemTable] = TASK_METRICS) -> int:
    """1 where a higher value of the metric is better, -1 where a lower one is, 0 where that is not known.

    Example:
        >>> better(("transcript", "wer@defects"))
        -1
    """
    metric = _metric_of(row, task_metrics)
    return 0 if metric is None else 1 if metric.higher_is_better else -1


def metric_label(row: Row, task_metrics: Mapping[str, ItemTable] = TASK_METRICS) -> str:
    """Name of a metric with an arrow that says what is better, where that is known.

    Example:
        >>> metric_label(("transcript", "wer@defects"))
        'transcript/wer@defects ↓'
    """
    metric = _metric_of(row, task_metrics)
    return "/".join(row) + ("" if metric is None else " ↑" if metric.higher_is_better else " ↓")


def _metric_of(row: Row, task_metrics: Mapping[str, ItemTable]) -> TableMetric | None:
    """The metric that a row is of, whatever its variant and slice."""
    task, name = row
    known = task_metrics[task].metrics if task in task_metrics else ()
    own = [metric for metric in known if name == metric.name or name.startswith(metric.name + "@")]
    return max(own, key=lambda metric: len(metric.name), default=None)


def value_text(value: Value | None, *, signed: bool = False) -> str:
    """A value with its interval; a difference is signed."""
    if value is None:
        return "-"
    text = ("Δ " if signed else "") + _number(value.value, signed)
    if value.low is None or value.high is None:
        return text
    return f"{text} [{_number(value.low, signed)}, {_number(value.high, signed)}]"


def value_and_range(value: Value | None) -> str:
    """For a cell of Markdown: a value with its interval, and below it the range over the seeds where they differ."""
    text = value_text(value)
    if value is None or value.least is None or value.most is None:
        return text
    least, most = _number(value.least, False), _number(value.most, False)
    return text if least == most else f"{text}<br>({least} to {most})"


def _number(value: float, signed: bool) -> str:
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.9995 else text
