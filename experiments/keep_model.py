"""Keeps the trained model of a run or fold: calibrated, with what calibration did to labels that it had not seen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pandas as pd

from selflearn.corpora.splits import owner_of
from selflearn.evaluation.benchmark import Split
from selflearn.inference import Labeler
from selflearn.inference.audit import AuditedLabel, audited_labels
from selflearn.inference.calibration import calibration_metrics, cross_fitted, fit_calibrators
from selflearn.inference.learned_from import write_learned_from
from selflearn.models.system import ModelSystem
from selflearn.reports import CALIBRATION
from selflearn.schema import Dialogue
from selflearn.tasks import System

log = logging.getLogger("selflearn.train")


def keeper(directory: Path, split: Split, unlabelled: Sequence[Dialogue]) -> Callable[[System], None]:
    """What keeps a trained system.

    Args:
        directory: of the run or fold; the model goes into its ``model/``.
        split: whose ``calibrate`` the scores are calibrated on.
        unlabelled: what pretraining read: it is among what the model has learned from.
    """
    calibrate = split.calibrate

    def keep(system: System) -> None:
        if not isinstance(system, ModelSystem):
            return
        if not calibrate:
            log.warning(
                "no score is calibrated: all dialogues that are held out choose thresholds, and none is left to "
                "calibrate on. Dialogues of one person stay together: it takes more people, or a larger data.tune_share"
            )
        known = list(audited(system, calibrate))
        owners = {dialogue.id: owner_of(dialogue.user_id, dialogue.id) for dialogue in calibrate}
        unseen = cross_fitted(known, owners)
        write_learned_from(chain(split.labelled(), unlabelled), directory / "model")  # first: a model never lacks it
        calibrators = fit_calibrators(known) if calibrate else {}
        Labeler(system, calibrators=calibrators).save_pretrained(directory / "model")
        place = directory / "checkpoints" / "model"
        place.mkdir(parents=True, exist_ok=True)
        unseen.to_parquet(place / CALIBRATION, index=False)

    return keep


def audited(system: ModelSystem, dialogues: Sequence[Dialogue]) -> Iterator[AuditedLabel]:
    """Which labels of the system are right, with one bar: it would show one for each part that a labeler asks of it."""
    labeler = Labeler(replace(system, bar=None))
    with nullcontext() if system.bar is None else system.bar(len(dialogues)) as told:
        for gold, found in zip(dialogues, labeler.stream(dialogues), strict=True):
            yield from audited_labels(found.dialogue, gold.labels)
            if told is not None:
                told(1)


def calibration_of_run(directory: Path) -> dict[str, float]:
    """The calibration errors of the run, or of all its folds together; their labels go beside the predictions."""
    places = sorted([*directory.glob("checkpoints/model"), *directory.glob("fold_*/checkpoints/model")])
    found = [place / CALIBRATION for place in places if (place / CALIBRATION).is_file()]
    if len(found) < len(places):  # one was trained before calibration was measured
        return {}
    labels = pd.concat([pd.read_parquet(file) for file in found], ignore_index=True)
    labels.to_parquet(directory / "predictions" / CALIBRATION, index=False)
    return calibration_metrics(labels)
