from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from selflearn.inference.audit import AuditedLabel
from selflearn.inference.calibration import calibration_metrics, cross_fitted, fit_calibrators
from selflearn.inference.rows import LabelRow
from selflearn.trust import expected_calibration_error


def audited(people, *, each=60, task="intent", seed=0):
    """Labels that are right as often as each person's share says, with scores that are too sure."""
    rng = np.random.default_rng(seed)
    return [
        AuditedLabel(
            row=LabelRow(
                dialogue_id=f"{name}-{i % 3}", corpus="mine", split="tune", first_turn=i, last_turn=i, task=task,
                label="a", score=float(rng.uniform(0.9, 1)),
            ),
            right=bool(rng.random() < share),
        )
        for name, share in people.items()
        for i in range(each)
    ]  # fmt: skip


def owners(labels):
    return {label.row.dialogue_id: label.row.dialogue_id.partition("-")[0] for label in labels}


def test_nobody_is_calibrated_by_their_own_dialogues():
    labels = audited({"ann": 0.5, "bob": 0.9})
    found = cross_fitted(labels, owners(labels))
    for name, other in (("ann", "bob"), ("bob", "ann")):
        own = found[found["dialogue_id"].str.startswith(name)]
        fitted = fit_calibrators(label for label in labels if label.row.dialogue_id.startswith(other))["intent"]
        assert own["calibrated"].to_numpy() == pytest.approx(fitted(own["score"]))
    assert len(found) == len(labels)


def test_errors_before_and_after_are_those_of_labels_that_were_not_seen():
    labels = audited({f"p{i}": 0.7 for i in range(10)}) + audited({"p0": 1.0, "p1": 1.0}, each=5, task="slots")
    found = cross_fitted(labels, owners(labels))
    metrics = calibration_metrics(found)
    assert metrics["calibration/intent/labels"] == 600
    assert metrics["calibration/intent/ece_before"] > 0.2 > 0.1 > metrics["calibration/intent/ece_after"]
    intents = found[found["task"] == "intent"]
    again = expected_calibration_error(intents["calibrated"], intents["right"], binning="mass")
    assert metrics["calibration/intent/ece_after"] == pytest.approx(again)
    assert metrics["calibration/slots/ece_before"] == metrics["calibration/slots/ece_after"]  # too few to calibrate


def test_one_person_alone_says_nothing_of_calibration():
    labels = audited({"ann": 0.5})
    found = cross_fitted(labels, owners(labels))
    assert found.empty
    assert calibration_metrics(found) == {}
    assert calibration_metrics(cross_fitted([], {})) == {}
    assert isinstance(found, pd.DataFrame)
