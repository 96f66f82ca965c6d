"""Yes-or-no answers of the systems of a finished run, and of a person, about the same items: scored, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml  # type: ignore[import-untyped]

from selflearn.evaluation import evaluate
from selflearn.evaluation.benchmark import read_result
from selflearn.inference.calibration import LEAST
from selflearn.metrics.catalogue import ACCURACY, AUC, F1, KAPPA
from selflearn.metrics.items import ItemTable
from selflearn.trust import fit_calibrator

TASKS: Mapping[str, str] = {"segmentation": "turn", "success": "goal", "defect": "turn"}
"""Tasks whose answers are yes or no, and the column that tells the items of a dialogue apart."""

METRICS = (ACCURACY, F1, KAPPA, AUC)

PAIRED = ("accuracy", "kappa", "auc")
"""Metrics of which differences are shown: the first is what promises are about."""

Decisions = Mapping[str, pd.DataFrame]
"""By system its answers: ``dialogue_id``, the item's column of :data:`TASKS`, ``gold``, ``prediction``, ``score``."""


def decisions_of_run(run: Path, system: str, task: str) -> pd.DataFrame:
    """What a system of a finished run said of the test dialogues, of all folds where there are folds.

    Args:
        run: its directory.
        system: ``"model"`` or the name of a baseline.
        task: one of :data:`TASKS`.

    Returns:
        The table of items as the run has it, with ``certain``: the probability that the answer is right, calibrated on
        the calibrating dialogues of the same fold, so that the certainties of folds can be compared; and of a
        cross-validation with ``fold``, inside which its scores can be.

    Raises:
        FileNotFoundError: the run has no finished result of the system, or no such table.
    """
    found = []
    places = _results(run, system)
    for number, place in enumerate(places):
        result = read_result(place)
        if task not in result.test:
            raise FileNotFoundError(f"{place} has no labels of the task {task!r}; it has {', '.join(result.test)}")
        test, held = result.test[task].reset_index(drop=True), result.calibrate.get(task)
        certain = _certain(test)
        if held is not None and len(held) >= LEAST and right(held).nunique() == 2:
            certain = fit_calibrator(_certain(held), right(held))(certain)
        found.append(test.assign(certain=certain, **({"fold": number} if len(places) > 1 else {})))
    return pd.concat(found, ignore_index=True)


def right(answers: pd.DataFrame) -> pd.Series:
    """Whether each answer is right."""
    return answers["prediction"].astype(bool) == answers["gold"].astype(bool)


def rare_answer(answers: pd.DataFrame) -> bool:
    """The answer that is right less often."""
    return bool(2 * answers["gold"].astype(bool).sum() <= len(answers))


def scores_of(
    systems: Decisions, task: str, *, rare: bool = True, against: str = "model", dialogue_ids: Sequence[str],
    owners: Sequence[str] | None = None, resamples: int = 1000, seed: int = 0,
) -> dict[str, float]:  # fmt: skip
    """Score systems on the same items, with intervals, and the paired differences of one of them to each other one.

    An AUC needs scores. Of somebody who only says yes or no it is the mean of the shares of both kinds that they have
    right: one point of the curve, with straight lines to its ends.

    Args:
        systems: of the same items each.
        task: one of :data:`TASKS`.
        rare: the answer whose F1 is measured.
        against: the system that the others are compared with.
        dialogue_ids: all dialogues, also those without an item.
        owners: whose each of them is, what is resampled; None: each dialogue by itself.
        resamples: of the bootstrap.
        seed: of it.

    Returns:
        Keys of :func:`~selflearn.evaluation.evaluate`.

    Raises:
        RecordError: two systems answered other items.

    Example:
        >>> said = pd.DataFrame({"dialogue_id": list("abcd"), "turn": 0, "gold": [True, False, True, False]})
        >>> model = said.assign(prediction=said["gold"], score=[0.9, 0.1, 0.6, 0.2])
        >>> person = said.assign(prediction=[True, True, True, False], score=[1.0, 1.0, 1.0, 0.0])
        >>> both = {"model": model, "person": person}
        >>> found = scores_of(both, "defect", dialogue_ids=list("abcd"), resamples=20)
        >>> found["test/defect/kappa"], found["delta/person/defect/auc"]
        (1.0, 0.25)
    """
    key = TASKS[task]
    tables = {}
    for name, answers in systems.items():
        columns = ["dialogue_id", key, "gold", "prediction", "score", *(["fold"] if "fold" in answers else [])]
        table = answers[columns].reset_index(drop=True)
        if not rare:
            table = table.assign(gold=~table["gold"], prediction=~table["prediction"], score=1 - table["score"])
        tables[name] = {task: table}
    metrics = {task: ItemTable(keys=(key,), metrics=METRICS)}
    return evaluate(
        tables, dialogue_ids=dialogue_ids, owners=owners, model=against, resamples=resamples, seed=seed,
        task_metrics=metrics,
    )  # fmt: skip


def score_cells(found: Mapping[str, float], task: str, system: str, *, against: str = "model") -> list[str]:
    """A cell for each of :data:`METRICS`, empty where one is undefined; of what :func:`scores_of` returned."""
    start = "" if system == against else f"baseline/{system}/"
    return [_cell(found, f"{start}test/{task}/{metric.name}", ".3f") for metric in METRICS]


def difference_cells(found: Mapping[str, float], task: str, system: str) -> list[str]:
    """A cell for each of :data:`PAIRED`: what :func:`scores_of` compared with the others, minus this system."""
    return [_cell(found, f"delta/{system}/{task}/{name}", "+.3f") for name in PAIRED]


def _cell(found: Mapping[str, float], key: str, form: str) -> str:
    if key not in found:
        return ""
    value, *ends = (format(found[name], form) for name in (key, f"{key}/low", f"{key}/high") if name in found)
    return f"{value} [{', '.join(ends)}]" if ends else value


def _certain(answers: pd.DataFrame) -> np.ndarray:
    score = answers["score"].to_numpy(dtype=float)
    return np.where(answers["prediction"].astype(bool), score, 1 - score)


def _folds(run: Path) -> int:
    """How many folds a run is to have; 0 where it has none, or does not say."""
    file = run / "config.yaml"
    data = (yaml.safe_load(file.read_text("utf-8")) or {}).get("data") if file.is_file() else None
    return int((data or {}).get("folds") or 0)


def _results(run: Path, system: str) -> list[Path]:
    folds = sorted(run.glob("fold_*"), key=lambda fold: int(fold.name.partition("_")[2]))
    results = [place / "checkpoints" / system / "result" for place in (folds or [run])]
    found = [place for place in results if (place / "done.json").is_file()]
    wanted = max(len(results), _folds(run))
    if found and len(found) < wanted:
        raise FileNotFoundError(f"{run} has the result of {system!r} for {len(found)} of {wanted} folds; expected a "
                                "run that ended: the command that made it goes on with it")  # fmt: skip
    if not found:
        raise FileNotFoundError(
            f"{run} has no finished result of {system!r}: no checkpoints/{system}/result/done.json there or in a fold; "
            "expected the directory of a run that ended. Baselines can be asked of a finished run: the command that "
            "made it, with more of them in baselines.names"
        )
    return found
