"""Scores that mean what they say: temperature, isotonic regression, and the expected calibration error."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression

from selflearn.trust.items import Floats, check_correct, check_numbers

_ISOTONIC_ITEMS, _ISOTONIC_EACH = 1000, 100  # from here on a free curve overfits less than a wrong one errs
_EDGE = 1e-6
BINNINGS = ("width", "mass")


class Calibrator(Protocol):
    """Turns the score of an item into the probability that its label is right; never changes the order of two."""

    def __call__(self, scores: ArrayLike) -> Floats:
        """Calibrated scores, ``(N,)``.

        Raises:
            ValueError: a score is not in [0, 1].
        """


@dataclass(frozen=True, slots=True)
class Temperature:
    """sigmoid(logit(score) / temperature) (Guo et al., ICML 2017)."""

    temperature: float

    def of(self, score: float) -> float:
        """One score, calibrated."""
        score = min(max(score, _EDGE), 1 - _EDGE)
        odds = (math.log(score) - math.log1p(-score)) / self.temperature
        return 1 / (1 + math.exp(-odds)) if odds > 0 else math.exp(odds) / (1 + math.exp(odds))

    def __call__(self, scores: ArrayLike) -> Floats:
        """Calibrated scores, ``(N,)``.

        Raises:
            ValueError: a score is not in [0, 1].
        """
        return np.array([self.of(score) for score in _probabilities(scores).tolist()])


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising curve through the points, straight between them (Zadrozny and Elkan, KDD 2002)."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def of(self, score: float) -> float:
        """One score, calibrated."""
        score = min(max(score, _EDGE), 1 - _EDGE)
        right = bisect_right(self.scores, score)
        if right in (0, len(self.scores)):
            return self.probabilities[min(right, len(self.scores) - 1)]
        (x0, x1), (y0, y1) = self.scores[right - 1 : right + 1], self.probabilities[right - 1 : right + 1]
        return y0 + (y1 - y0) / (x1 - x0) * (score - x0)

    def __call__(self, scores: ArrayLike) -> Floats:
        """Calibrated scores, ``(N,)``.

        Raises:
            ValueError: a score is not in [0, 1].
        """
        return np.array([self.of(score) for score in _probabilities(scores).tolist()])


def fit_calibrator(scores: ArrayLike, correct: ArrayLike, method: str = "auto") -> Temperature | Isotonic:
    """Fit on held-out items of one kind: turns, goals or spans, each with a score of its own.

    Args:
        scores: in [0, 1], ``(N,)``.
        correct: whether the label is right, ``(N,)``.
        method: ``"temperature"``, ``"isotonic"``, or ``"auto"``: isotonic from 1,000 items on with 100 right and 100
            wrong ones.

    Raises:
        ValueError: nothing to fit on, or a value is not what it should be.

    Example:
        >>> fitted = fit_calibrator([0.9, 0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0, 0])
        >>> fitted([0.9]).round(2)
        array([0.6])
    """
    if method not in ("auto", "temperature", "isotonic"):
        raise ValueError(f"method is {method!r}; expected one of auto, temperature, isotonic")
    values = _probabilities(scores)
    right = check_correct(correct, len(values))
    if not len(values):
        raise ValueError("no items; expected held-out items to calibrate on")
    rare = min(int(right.sum()), int((~right).sum()))
    if method == "auto":
        method = "isotonic" if len(values) >= _ISOTONIC_ITEMS and rare >= _ISOTONIC_EACH else "temperature"
    if method == "isotonic":
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(values, right)
        return Isotonic(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))
    logits, signs = logit(values), np.where(right, 1.0, -1.0)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signs * logits / np.exp(log_temperature)).mean())

    found = optimize.minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-6})
    return Temperature(float(np.exp(found.x)))


def expected_calibration_error(
    scores: ArrayLike, correct: ArrayLike, *, bins: int = 15, binning: str = "width"
) -> float:
    """Mean over bins, by their items, of |mean score - share right| (Naeini et al., AAAI 2015); NaN without items.

    Args:
        scores: in [0, 1], ``(N,)``.
        correct: whether the label is right, ``(N,)``.
        bins: how many.
        binning: bins of one ``"width"``, or of one ``"mass"`` (as many items each; ties may fall apart).

    Raises:
        ValueError: a value is not what it should be.

    Example:
        >>> round(expected_calibration_error([0.9, 0.9, 0.1, 0.1], [1, 0, 0, 0]), 2)
        0.25
    """
    if binning not in BINNINGS or bins < 1:
        raise ValueError(f"bins is {bins}, binning {binning!r}; expected 1 or more, of one of {', '.join(BINNINGS)}")
    values = check_numbers("scores", scores)
    _check_unit(values)
    right = check_correct(correct, len(values))
    if not len(values):
        return float("nan")
    if binning == "width":
        number = np.minimum((values * bins).astype(np.int64), bins - 1)
    else:
        number = np.empty(len(values), dtype=np.int64)
        number[np.argsort(values, kind="stable")] = np.arange(len(values)) * bins // len(values)
    gaps = np.bincount(number, weights=values - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationReport:
    """Expected calibration error before and after, on items that the calibrator was not fitted on, and the binning."""

    before: float
    after: float
    n: int
    bins: int
    binning: str


def calibration_report(
    calibrator: Calibrator, scores: ArrayLike, correct: ArrayLike, *, bins: int = 15, binning: str = "width"
) -> CalibrationReport:
    """Measure a calibrator on other items than it was fitted on; arguments as :func:`expected_calibration_error`.

    Raises:
        ValueError: a value is not what it should be.

    Example:
        >>> calibration_report(Temperature(1.0), [0.5, 0.5], [1, 0]).after
        0.0
    """
    values = check_numbers("scores", scores)
    before, after = (
        expected_calibration_error(some, correct, bins=bins, binning=binning) for some in (values, calibrator(values))
    )
    return CalibrationReport(before=before, after=after, n=len(values), bins=bins, binning=binning)


def _probabilities(scores: ArrayLike) -> Floats:
    values = check_numbers("scores", scores)
    _check_unit(values)
    return np.clip(values, _EDGE, 1 - _EDGE)


def _check_unit(values: Floats) -> None:
    outside = np.flatnonzero((values < 0) | (values > 1))
    if len(outside):
        raise ValueError(f"scores[{outside[0]}] is {values[outside[0]]}; expected a probability, from 0 to 1")
