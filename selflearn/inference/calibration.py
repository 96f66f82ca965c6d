"""Scores that are right as often as they say: fitted a task at a time on labelled dialogues, applied to labels."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from selflearn._replacing import replace_text
from selflearn.corpora.splits import group_folds
from selflearn.inference.audit import AuditedLabel, by_task
from selflearn.inference.labels import Scores
from selflearn.trust import Isotonic, Temperature, calibration_report, expected_calibration_error, fit_calibrator

log = logging.getLogger(__name__)

Calibrators = Mapping[str, Temperature | Isotonic]
"""By task, the names of :data:`selflearn.inference.rows.TASKS`."""

FILE = "calibration.json"
"""In the directory of a model."""

LEAST = 30
"""Labels of a task below which its scores are left as they are."""

FOLDS = 5
"""Of :func:`cross_fitted`."""


def fit_calibrators(audited: Iterable[AuditedLabel]) -> dict[str, Temperature | Isotonic]:
    """A calibrator for each task of which enough labels were audited, some right and some wrong.

    The scores of other tasks are left as they are, which a warning says.

    Args:
        audited: labels of dialogues that the model was not trained on; certify on others.
    """
    of_tasks = by_task(audited)
    found = _fitted(of_tasks)
    if not of_tasks:
        log.warning("no score is calibrated: people labelled nothing that the model labels")
    for task, labels in of_tasks.items():
        if task in found:
            continue
        few = f"{len(labels)} labels to compare with, and it takes {LEAST}"
        one_sided = f"{len(labels)} labels, all of them {'right' if labels[0].right else 'wrong'}"
        what = few if len(labels) < LEAST else one_sided
        log.warning("the scores of %s are not calibrated: %s; more labelled dialogues would do it", task, what)
    return found


def _fitted(of_tasks: Mapping[str, Sequence[AuditedLabel]]) -> dict[str, Temperature | Isotonic]:
    """A calibrator for each task that has enough labels of both kinds."""
    found = {}
    for task, labels in of_tasks.items():
        right = [label.right for label in labels]
        if len(labels) >= LEAST and len(set(right)) == 2:
            found[task] = fit_calibrator([label.row.score or 0.0 for label in labels], right)
    return found


def calibration_errors(audited: Iterable[AuditedLabel]) -> dict[str, float]:
    """Expected calibration error of the scores of each task, in 15 bins of as many labels each."""
    return {
        task: expected_calibration_error(
            [label.row.score or 0.0 for label in labels], [label.right for label in labels], binning="mass"
        )
        for task, labels in by_task(audited).items()
    }


def cross_fitted(audited: Sequence[AuditedLabel], people: Mapping[str, str], *, seed: int = 0) -> pd.DataFrame:
    """What calibration does to scores that it has not seen: each fold is calibrated by calibrators of the others.

    The calibrators that a model is saved with are fitted on all of the folds, and are somewhat better than these.

    Args:
        audited: labels with the model's own scores, of dialogues that the model was not trained on.
        people: by dialogue whose it is; those of one person are in one fold.
        seed: of the :data:`FOLDS` folds, or as many as there are people.

    Returns:
        A row a label: ``dialogue_id``, ``task``, ``score``, ``calibrated``, ``right``; none where there are not two
        people.
    """
    columns = ["dialogue_id", "task", "score", "calibrated", "right"]
    names = sorted({people[label.row.dialogue_id] for label in audited})
    rows: list[tuple[str, str, float, float, bool]] = []
    for fold in group_folds(names, min(FOLDS, len(names)), seed) if len(names) > 1 else ():
        inside = {names[number] for number in fold}
        fitted = _fitted(by_task(label for label in audited if people[label.row.dialogue_id] not in inside))
        own = [label for label in audited if people[label.row.dialogue_id] in inside]
        for task, labels in by_task(own).items():
            scores = [label.row.score or 0.0 for label in labels]
            after = fitted[task](scores).tolist() if task in fitted else scores
            ids = [label.row.dialogue_id for label in labels]
            rows += zip(ids, [task] * len(ids), scores, after, [label.right for label in labels], strict=True)
    return pd.DataFrame(rows, columns=columns)


def calibration_metrics(labels: pd.DataFrame) -> dict[str, float]:
    """Expected calibration errors before and after, in 15 bins of as many labels each.

    Args:
        labels: as :func:`cross_fitted` returns them.

    Returns:
        Flat keys for ``metrics.json``: ``calibration/<task>/ece_before``, ``/ece_after`` and ``/labels``.

    Example:
        >>> right = [True, False] * 15
        >>> labels = pd.DataFrame({"task": "intent", "score": 0.9, "calibrated": 0.5, "right": right})
        >>> calibration_metrics(labels)["calibration/intent/ece_after"]
        0.0
    """
    found: dict[str, float] = {}
    for task, rows in labels.groupby("task"):
        after = rows["calibrated"].to_numpy()
        report = calibration_report(lambda _, after=after: after, rows["score"], rows["right"], binning="mass")
        found |= {
            f"calibration/{task}/ece_before": report.before, f"calibration/{task}/ece_after": report.after,
            f"calibration/{task}/labels": float(report.n),
        }  # fmt: skip
    return found


def calibrated_scores(calibrators: Calibrators) -> Scores:
    """What calibrated labels are made with (:func:`selflearn.inference.labels.model_labels`).

    A task without a calibrator keeps its scores. Decisions stay what they are: a success or a defect that was decided
    at a threshold may well have a score below one half.

    Example:
        >>> scores = calibrated_scores({"intent": Isotonic((0.0, 1.0), (0.2, 0.8))})
        >>> scores("intent", 0.5), scores("slots", 0.9)
        (0.5, 0.9)
    """

    def scores(task: str, score: float) -> float:
        return calibrators[task].of(score) if task in calibrators else score

    return scores


def write_calibrators(calibrators: Calibrators, directory: Path) -> None:
    """Write them into the directory of the model whose scores they are for."""
    found = {task: asdict(calibrator) for task, calibrator in calibrators.items()}
    replace_text(directory / FILE, json.dumps(found, indent=1) + "\n")


def read_calibrators(directory: Path) -> Calibrators:
    """What :func:`write_calibrators` wrote; empty where nothing was.

    Raises:
        ValueError: the file is damaged.
    """
    file = directory / FILE
    if not file.is_file():
        return {}
    try:
        return {task: _calibrator(fields) for task, fields in json.loads(file.read_text("utf-8")).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} cannot be read ({error}); expected what training wrote: train again, or remove it to "
                         "go without calibration") from error  # fmt: skip


def _calibrator(fields: dict[str, Any]) -> Temperature | Isotonic:
    if "temperature" in fields:
        return Temperature(**fields)
    return Isotonic(**{name: tuple(values) for name, values in fields.items()})
