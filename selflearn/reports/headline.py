"""The table at the head of the page: the metrics of a run with intervals, beside its baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selflearn.evaluation import Results
from selflearn.evaluation.results import legend, row_label, value_text
from selflearn.evaluation.task_metrics import TASK_METRICS
from selflearn.metrics.items import ItemTable


def headline(
    metrics: Mapping[str, float], *, task_metrics: Mapping[str, ItemTable] = TASK_METRICS
) -> dict[str, Any] | None:
    """The results as cells of a table.

    Args:
        metrics: flat keys, as in ``metrics.json``.
        task_metrics: says whether higher or lower is better.

    Returns:
        For JSON: ``systems``; ``rows`` of name, number of items, whether it is of a slice, and a cell a system: value,
        difference, and 1, -1 or 0 for better, worse, undecided (the model beside that system); ``notes``. None where
        nothing was measured.

    Example:
        >>> headline({"test/intent/accuracy": 0.9})["rows"]
        [['intent/accuracy ↑', '', False, [['.900', '', 0]]]]
    """
    results = Results.from_metrics(metrics)
    rows = []
    for row in results.rows():
        name, count, direction = row_label(row, results, task_metrics)
        cells = []
        for system, values in results.systems.items():
            difference = results.differences.get(system, {}).get(row)
            paired = "" if difference is None else value_text(difference, signed=True)
            verdict = 0 if difference is None else difference.sign() * direction
            cells.append([value_text(values.get(row)), paired, verdict])
        rows.append([name, count, "@" in row[1], cells])
    notes = legend(results, bold="▲", italic="▼")
    return {"systems": list(results.systems), "rows": rows, "notes": notes} if rows else None
