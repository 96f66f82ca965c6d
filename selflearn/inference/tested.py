"""What the systems of a finished run said of its test dialogues, as labels with a score that can be certified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from selflearn.evaluation.benchmark import read_result
from selflearn.inference.audit import AuditedLabel
from selflearn.inference.calibration import LEAST
from selflearn.inference.rows import LabelRow, yes_no
from selflearn.trust import fit_calibrator


def tested_answers(run: Path, system: str, task: str, *, corpus: str, split: str) -> list[AuditedLabel]:
    """The yes or no of a system about each labelled turn of the test dialogues, of all folds where there are folds.

    A score is the probability that the answer is right. It is calibrated on the tuning dialogues of the same fold, so
    that the scores of folds can be compared.

    Args:
        run: directory of a finished run.
        system: ``"model"`` or the name of a baseline.
        task: whose tables have a row a turn, with ``gold``, ``prediction`` and ``score`` (of a yes): ``"defect"``.
        corpus: goes into the rows.
        split: too.

    Raises:
        FileNotFoundError: the run has no finished result of the system, or no such table.
    """
    found = []
    for place in _results(run, system):
        result = read_result(place)
        if task not in result.test:
            raise FileNotFoundError(f"{place} has no labels of the task {task!r}; it has {', '.join(result.test)}")
        test, tune = _scored(result.test[task]), _scored(result.tune[task]) if task in result.tune else None
        if tune is not None and len(tune) >= LEAST and tune["right"].nunique() == 2:
            test["certain"] = fit_calibrator(tune["certain"].tolist(), tune["right"].tolist())(test["certain"].tolist())
        for row in test.to_dict("records"):
            turn = int(row["turn"])
            label = LabelRow(
                dialogue_id=str(row["dialogue_id"]), corpus=corpus, split=split, first_turn=turn, last_turn=turn,
                task=task, label=yes_no(bool(row["prediction"])), source=system, score=float(row["certain"]),
            )  # fmt: skip
            found.append(AuditedLabel(row=label, right=bool(row["right"])))
    return found


def said_by(answers: Sequence[AuditedLabel]) -> Mapping[tuple[str, int], bool]:
    """Whether each answer is a yes, by dialogue and turn."""
    return {(label.row.dialogue_id, label.row.first_turn): label.row.label == yes_no(True) for label in answers}


def _results(run: Path, system: str) -> list[Path]:
    places = [run, *sorted(run.glob("fold_*"), key=lambda fold: int(fold.name.partition("_")[2]))]
    found = [place / "checkpoints" / system / "result" for place in places]
    found = [place for place in found if (place / "done.json").is_file()]
    if not found:
        raise FileNotFoundError(f"{run} has no finished result of {system!r}: no checkpoints/{system}/result/done.json "
                                "there or in a fold; expected the directory of a run that ended")  # fmt: skip
    return found


def _scored(table: pd.DataFrame) -> pd.DataFrame:
    """With how certain each answer is, and whether it is right."""
    said, score = table["prediction"].astype(bool), table["score"].astype(float)
    return table.assign(certain=np.where(said, score, 1 - score), right=said == table["gold"].astype(bool))
