"""``report.html``: what a run or a labelling came to, and its dialogues to read, in one file that opens anywhere.

The page is given one object: ``title``, ``facts`` (name and value), ``headline`` (see
:func:`~selflearn.reports.headline.headline`), ``counts`` (what and number), ``pace`` (the same), ``quality`` (a list of
:func:`~selflearn.reports.quality.quality`), ``promises`` (task, threshold, words) and ``dialogues`` (see
:meth:`~selflearn.reports.dialogues.DialogueCollection.to_json`); what is not there is null or empty.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from selflearn.evaluation.predictions import read_predictions
from selflearn.inference import Labeler
from selflearn.inference.calibration import read_calibrators
from selflearn.inference.export import LabelledFolder, labelled_dialogues
from selflearn.inference.promises import FILE, acceptance
from selflearn.inference.rows import TASKS, Acceptance, key_in_words
from selflearn.reports.dialogues import MOST_DIALOGUES, DialogueCollection, collect
from selflearn.reports.headline import headline
from selflearn.reports.page import NAME, write_page
from selflearn.reports.quality import CALIBRATION, calibration, quality
from selflearn.reports.scored import TABLES_OF_LABELS, scored_table
from selflearn.schema import Dialogue
from selflearn.trust import Isotonic, Temperature


def write_labelling_report(
    folder: str | Path, *, counts: Mapping[str, int], pace: Iterable[tuple[str, str]] = (),
    gold: Iterable[Dialogue] | None = None, most: int = MOST_DIALOGUES, cache_dir: str | Path | None = None,
) -> Path:  # fmt: skip
    """Write the report of a finished labelling into its folder.

    Args:
        folder: output of :func:`~selflearn.inference.label_file`.
        counts: what was read and labelled, by name.
        pace: what it took, by name (:func:`~selflearn.inference.pace.pace_lines`).
        gold: the input: the same dialogues in the same order. Where people labelled them, the model is measured.
        most: dialogues that are shown, the most uncertain ones.
        cache_dir: of the read dialogues; default: the cache of ``datasets``.

    Returns:
        The file.

    Raises:
        ExportError: the folder is no finished labelling.
        ReportError: the input is another one, or the file cannot be written.
    """
    path = Path(folder).expanduser()
    labelled = labelled_dialogues(path, cache_dir=cache_dir)
    found = collect(labelled.dialogues, labelled.accept, gold=gold, most=most)
    title = f"Labels in {path.name}"
    data = _labelled(labelled, found)
    data["quality"].sort(key=lambda one: _place(one["task"]))
    data |= {
        "title": title, "facts": [["model", labelled.model]], "headline": None, "pace": [*map(list, pace)],
        "counts": [[name.replace("_", " "), number] for name, number in counts.items()],
    }  # fmt: skip
    return write_page(data, path / NAME, title=title)


def write_run_report(
    directory: Path, metrics: Mapping[str, float], *, gold: Iterable[Dialogue] | None = None,
    most: int = MOST_DIALOGUES, cache_dir: str | Path | None = None,
) -> Path:  # fmt: skip
    """Write the report of a training run into its directory.

    Where the run has labelled its test dialogues (``labelled/``), they are shown, and the quality of the labels is
    measured on them; otherwise on the tables in ``predictions/``.

    Args:
        directory: of the run.
        metrics: as in ``metrics.json``.
        gold: the dialogues of ``labelled/`` as people labelled them.
        most: dialogues that are shown.
        cache_dir: of the read dialogues.

    Returns:
        The file.

    Raises:
        ReportError: the labelled dialogues are others, or the file cannot be written.
    """
    title = f"Run {'/'.join(directory.absolute().parts[-2:])}"
    data: dict[str, Any] = {"promises": [], "dialogues": None, "quality": []}
    measured = set[str]()
    if (directory / "labelled" / "labelling.json").is_file() and gold is not None:
        labelled = labelled_dialogues(directory / "labelled", cache_dir=cache_dir)
        data = _labelled(labelled, collect(labelled.dialogues, labelled.accept, gold=gold, most=most))
        measured = {one["task"] for one in data["quality"]}
    data["quality"] += [one for one in _of_tables(directory) if one["task"] not in measured]
    data["quality"].sort(key=lambda one: _place(one["task"]))
    file = directory / "predictions" / CALIBRATION  # not there in runs of before it was measured
    before_and_after = calibration(pd.read_parquet(file)) if file.is_file() else {}
    data["quality"] = [one | {"calibration": before_and_after.get(one["task"])} for one in data["quality"]]
    data |= {"title": title, "facts": [], "headline": headline(metrics), "counts": []}
    return write_page(data, directory / NAME, title=title)


def _place(task: str) -> tuple[int, str]:
    """Sorts tasks as everywhere else; others come after them."""
    return TASKS.index(task) if task in TASKS else len(TASKS), task


def _labelled(labelled: LabelledFolder, found: DialogueCollection) -> dict[str, Any]:
    accept = labelled.accept
    return {
        "promises": [
            [key_in_words(key), one.threshold, one.promise]
            for key, one in sorted(accept.items(), key=lambda item: item[1].threshold is None)  # what is accepted first
        ],
        "quality": [
            quality(one, accept=accept.get(task), source="the labelled dialogues")
            for task, one in found.compared.tasks.items()
        ],
        "dialogues": found.to_json(),
    }


def _of_tables(directory: Path) -> list[dict[str, Any]]:
    """Quality of what the model said of each task, without variants; scores calibrated as a labeler would."""
    systems = read_predictions(directory / "predictions").systems
    calibrators, accept = read_calibrators(directory / "model"), _promised(directory / "model")
    found = []
    for name, frame in systems.get("model", {}).items():
        if "@" not in name:
            promised = accept.get(name) if name in TABLES_OF_LABELS else None
            calibrate = functools.partial(_calibrated, calibrators.get(name))
            labels = scored_table(name, frame, accept=promised, calibrate=calibrate)
            found.append(quality(labels, accept=promised, source="the predictions of the run"))
    return found


def _promised(model: Path) -> dict[str, Acceptance]:
    """What was promised of a model; it is loaded, as a promise is that of certain weights."""
    if not (model / FILE).is_file():
        return {}
    promises = Labeler.from_pretrained(model, device="cpu").promises
    return {task: acceptance(certificate) for task, certificate in promises.items()}


def _calibrated(calibrator: Temperature | Isotonic | None, scores: np.ndarray) -> np.ndarray:
    return scores if calibrator is None else np.asarray(calibrator(scores), dtype=float)
