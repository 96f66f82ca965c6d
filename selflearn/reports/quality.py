"""What is drawn of labels whose gold is known: curve of precision and coverage, reliability, names, confusions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from selflearn.inference.calibration import calibration_metrics
from selflearn.inference.rows import Acceptance
from selflearn.reports.scored import Pair, ScoredLabels
from selflearn.tasks import NamedTurnTask, Task, task_classes
from selflearn.trust import expected_calibration_error

BINS = 10
"""Of the reliability diagram, with as many labels each."""

POINTS = 200
"""Of a curve, at most."""

FIRST = 10
"""Labels that the first point of a curve stands for, at least."""

NAMES = 100
"""Rows of the table of names, at most: the most frequent ones."""

CONFUSED = 15
"""Names of the confusion matrix, at most; the others are one column together."""

CALIBRATION = "calibration.parquet"
"""In the predictions of a run: labels of the dialogues that calibrate, with the score before and after calibration."""

OTHERS = "(other names)"
NOTHING = "(nothing)"


def quality(labels: ScoredLabels, *, accept: Acceptance | None = None, source: str) -> dict[str, Any]:
    """All that the page shows of one task.

    Args:
        labels: with what is right.
        accept: threshold and promise of the task.
        source: where the items come from, in words.

    Returns:
        For JSON: ``task``, ``unit``, ``source``, ``items``, ``precision`` (of all labels), ``curve`` (points of
        coverage and precision), ``bins`` (mean score, share right, labels), ``error`` (expected calibration error),
        ``promise``, ``threshold``, ``certified`` (coverage and precision of the accepted labels, here), ``names``,
        ``confusions`` and ``calibration`` (see :func:`calibration`; of runs); None for what is not defined.
    """
    scores, right = np.asarray(labels.scores, dtype=float), np.asarray(labels.right, dtype=bool)
    some = len(scores) > 0
    return {
        "task": labels.task, "unit": labels.unit, "source": source, "items": len(scores),
        "precision": float(right.mean()) if some else None,
        "curve": precision_coverage(scores, right),
        "bins": reliability(scores, right),
        "error": expected_calibration_error(scores, right, binning="mass") if some else None,
        "promise": None if accept is None else accept.promise,
        "threshold": None if accept is None else accept.threshold,
        "certified": _certified(labels, right),
        "names": name_table(labels.pairs),
        "confusions": confusions(labels.pairs) if _one_name_each(labels.task) else None,
        "calibration": None,
    }  # fmt: skip


def _one_name_each(task: str) -> bool:
    """Whether the names of a task exclude each other."""
    return issubclass(task_classes().get(task, Task), NamedTurnTask)


def precision_coverage(scores: np.ndarray, right: np.ndarray) -> list[list[float]]:
    """Share of the labels that is accepted from a score on, and the share of those that is right, best scores first.

    Labels of one score are accepted together. Shares of a handful of labels say nothing: the curve begins at
    :data:`FIRST` of them, where there are so many. A long curve is thinned to :data:`POINTS`.

    Args:
        scores: ``(N,)``.
        right: ``(N,)``.

    Example:
        >>> precision_coverage(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
        [[0.25, 1.0], [0.75, 0.6667], [1.0, 0.5]]
    """
    if not len(scores):
        return []
    order = np.argsort(-scores, kind="stable")
    sorted_scores, hits = scores[order], np.cumsum(right[order])
    ends = np.flatnonzero(np.append(sorted_scores[1:] != sorted_scores[:-1], True))
    ends = ends[ends + 1 >= FIRST] if len(scores) >= FIRST else ends
    if len(ends) > POINTS:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, POINTS).round().astype(int))]
    return [[round((end + 1) / len(scores), 4), round(float(hits[end]) / (end + 1), 4)] for end in ends.tolist()]


def reliability(scores: np.ndarray, right: np.ndarray) -> list[list[float]]:
    """Bins of as many labels each, from low to high scores: mean score, share right, labels.

    Example:
        >>> reliability(np.array([0.8, 0.2]), np.array([True, False]))
        [[0.2, 0.0, 1], [0.8, 1.0, 1]]
    """
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [[round(float(scores[part].mean()), 4), round(float(right[part].mean()), 4), len(part)] for part in parts]


def calibration(labels: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What calibration does to the scores of each task, on labels that it has not seen.

    Args:
        labels: as :func:`~selflearn.inference.calibration.cross_fitted` returns them.

    Returns:
        For JSON, by task: ``labels`` (how many), ``bins`` (:func:`reliability` before and after), ``errors`` (expected
        calibration error before and after).
    """
    errors = calibration_metrics(labels)
    return {
        str(task): {
            "labels": len(rows),
            "bins": [reliability(rows[name].to_numpy(), rows["right"].to_numpy()) for name in ("score", "calibrated")],
            "errors": [errors[f"calibration/{task}/ece_{when}"] for when in ("before", "after")],
        }
        for task, rows in labels.groupby("task")
    }


def name_table(pairs: Counter[Pair]) -> dict[str, Any] | None:
    """How well each name is found, the most frequent gold names first.

    Returns:
        ``rows``: name, gold items, items that were given the name, those where both agree; ``more``: names left out.
        None where there is no name.
    """
    gold, said, both = Counter[str](), Counter[str](), Counter[str]()
    for (theirs, ours), number in pairs.items():
        if theirs is not None:
            gold[theirs] += number
        if ours is not None:
            said[ours] += number
        if theirs is not None and theirs == ours:
            both[theirs] += number
    names = sorted(gold | said, key=lambda name: (-gold[name], -said[name], name))
    rows = [[name, gold[name], said[name], both[name]] for name in names[:NAMES]]
    return {"rows": rows, "more": len(names) - len(rows)} if rows else None


def confusions(pairs: Counter[Pair]) -> dict[str, Any] | None:
    """The confusion matrix of the most frequent gold names; the others are one row and one column.

    Returns:
        ``names``; ``counts`` with a row a gold name and a column a given name; ``others``, which of the rows is that of
        the other names, or None. None where there is no gold name.
    """
    gold = Counter[str]()
    for (theirs, _), number in pairs.items():
        if theirs is not None:
            gold[theirs] += number
    if not gold:
        return None
    top = [name for name, _ in sorted(gold.items(), key=lambda item: (-item[1], item[0]))[:CONFUSED]]
    place = {name: number for number, name in enumerate(top)}
    names = [*top, OTHERS, NOTHING]
    counts = np.zeros((len(names), len(names)), dtype=int)
    for (theirs, ours), number in pairs.items():
        row, column = (
            len(top) + 1 if name is None else place.get(name, len(top)) for name in (theirs, ours)
        )  # fmt: skip
        counts[row, column] += number
    used = [number for number in range(len(names)) if counts[number].any() or counts[:, number].any()]
    others = used.index(len(top)) if len(top) in used else None
    return {"names": [names[i] for i in used], "counts": counts[np.ix_(used, used)].tolist(), "others": others}


def _certified(labels: ScoredLabels, right: np.ndarray) -> list[float] | None:
    """Coverage and precision of the accepted labels among these items; None where none is accepted."""
    if labels.accepted is None or not any(labels.accepted):
        return None
    accepted = np.asarray(labels.accepted, dtype=bool)
    return [round(float(accepted.mean()), 4), round(float(right[accepted].mean()), 4)]
