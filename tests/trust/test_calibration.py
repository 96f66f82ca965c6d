"""Calibrated scores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from selflearn.trust import (
    Isotonic,
    Temperature,
    calibration_report,
    expected_calibration_error,
    fit_calibrator,
)


def overconfident(n, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(1.0, 1.5, n)
    return expit(2.5 * logits), rng.random(n) < expit(logits)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_calibration_lowers_the_error_on_other_items(method):
    fitted = fit_calibrator(*overconfident(4000, 0), method)
    report = calibration_report(fitted, *overconfident(4000, 1))
    assert report.before > 0.08
    assert report.after < 0.03
    assert (report.n, report.bins, report.binning) == (4000, 15, "width")
    grid = np.linspace(0, 1, 101)
    assert (np.diff(fitted(grid)) >= 0).all()


def test_the_temperature_is_found_and_isotonic_waits_for_enough():
    assert fit_calibrator(*overconfident(20_000, 0), "temperature").temperature == pytest.approx(2.5, rel=0.06)
    assert isinstance(fit_calibrator(*overconfident(900, 0)), Temperature)
    assert isinstance(fit_calibrator(*overconfident(4000, 0)), Isotonic)


def test_calibrators_are_those_of_scipy_and_numpy():
    scores = np.concatenate([[0.0, 1.0, 0.2, 0.9], np.random.default_rng(1).random(200)])
    inside = scores.clip(1e-6, 1 - 1e-6)
    for temperature in (0.02, 0.7, 3.0):
        assert Temperature(temperature)(scores) == pytest.approx(expit(logit(inside) / temperature))
    points, values = (0.1, 0.2, 0.5, 0.9), (0.05, 0.05, 0.6, 0.95)
    assert Isotonic(points, values)(scores) == pytest.approx(np.interp(inside, points, values))
    assert Isotonic((0.5,), (0.4,))(scores) == pytest.approx(np.full(len(scores), 0.4))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_right_or_all_wrong_stays_finite(value):
    fitted = fit_calibrator([0.0, 0.4, 1.0], [value] * 3)
    assert np.isfinite(fitted([0.0, 0.5, 1.0])).all()


def test_the_error_by_hand():
    scores, correct = [0.05, 0.15, 0.95, 0.85], [0, 1, 1, 1]
    assert expected_calibration_error(scores, correct, bins=2) == pytest.approx((abs(0.2 - 1) + abs(1.8 - 2)) / 4)
    by_mass = expected_calibration_error(scores, correct, bins=4, binning="mass")
    assert by_mass == pytest.approx((0.05 + 0.85 + 0.05 + 0.15) / 4)
    assert np.isnan(expected_calibration_error([], []))


@pytest.mark.parametrize(
    ("scores", "correct", "message"),
    [
        ([], [], "no items; expected held-out items"),
        ([1.2], [1], r"scores\[0\] is 1.2; expected a probability"),
        ([float("nan")], [1], r"scores\[0\] is nan"),
        ([0.5], [1, 0], "2 correct for 1 scores"),
    ],
)
def test_what_cannot_be_calibrated(scores, correct, message):
    with pytest.raises(ValueError, match=message):
        fit_calibrator(scores, correct)
