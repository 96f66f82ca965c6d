"""Populations of which the truth is known: what a certified threshold is tried on, a thousand audits in a row.

The score of an item is uniform on [0, 1] and its error rate 0.5 (1 - score)^1.5, times what the length of its dialogue
adds; accepting the best share c of independent items then has the error rate 0.2 c^1.5. A population may have another
curve, and wrong labels among its best scores. In dialogues scores correlate
0.3 (Gaussian copula) and errors share an effect of the dialogue: an item is wrong where a normal variable, correlated
``error_correlation`` with those of its dialogue, falls below the quantile of its error rate. Users are
dialogues of very unequal lengths: all that one of them said, most of them little and a few very much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import ndtr

from selflearn.trust.items import Floats

_SCORE_CORRELATION = 0.3
_LONGEST = 16
_MEAN_MORE = 7.0  # turns after the first, on average
_USUAL = 8
_MOST_OF_A_USER = 200
_GRID = 4000
_SHARES = 200


class Audit(NamedTuple):
    """Items of an audit: scores, whether each is right, and the number of its dialogue; all ``(N,)``."""

    scores: Floats
    correct: NDArray[np.bool_]
    groups: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Where audits are drawn from.

    Attributes:
        dialogues: items come in dialogues of 1 + Poisson(7) turns, cut at 16; else each by itself.
        tail: they come in users instead, of whom a share of m^-tail has m items, up to 200; None for dialogues.
        failed: share of the users (dialogues) with whom the assistant fails.
        failed_times: so many times as often an item of theirs is wrong, drawn once for each of them.
        error_correlation: latent correlation of the errors of a dialogue.
        length_effect: the error rate of a dialogue of m turns is that of the score times hardness * (m / 8)^effect.
        hardness: see there.
        most_wrong: error rate of the worst score.
        power: of (1 - score), by which it falls.
        sure_errors: what the best score adds to the error rate.
        sure_share: share of the items, the best ones, over which that falls to nothing.
    """

    dialogues: bool = True
    error_correlation: float = 0.0
    length_effect: float = 0.0
    hardness: float = 1.0
    most_wrong: float = 0.5
    power: float = 1.5
    sure_errors: float = 0.0
    sure_share: float = 0.05
    tail: float | None = None
    failed: float = 0.0
    failed_times: float = 1.0

    def draw(self, size: int, rng: np.random.Generator) -> Audit:
        """An audit of so many whole dialogues (of one turn each where items come by themselves)."""
        lengths = self._draw_lengths(size, rng)
        groups = np.repeat(np.arange(size), lengths)
        scores = ndtr(_correlated(groups, size, _SCORE_CORRELATION, rng))
        failed = rng.random(size) < self.failed if self.failed else np.zeros(size, dtype=bool)
        rates = self._error_rate(scores, lengths[groups], np.where(failed, self.failed_times, 1.0)[groups])
        wrong = ndtr(_correlated(groups, size, self.error_correlation, rng)) < rates
        return Audit(scores, ~wrong, groups)

    def draw_items(self, size: int, rng: np.random.Generator) -> Audit:
        """An audit of so many items, each from a dialogue of its own: dialogues in proportion to their length."""
        lengths, of_dialogues = self._lengths()
        shares = lengths * of_dialogues
        drawn = rng.choice(lengths, size, p=shares / shares.sum()) if self.dialogues else np.ones(size)
        scores = rng.random(size)
        return Audit(scores, rng.random(size) >= self._mean_rate(scores, drawn), np.arange(size))

    def error_above(self, threshold: float) -> float:
        """The error rate among all items of the population whose score reaches the threshold."""
        scores = threshold + (1 - threshold) * (np.arange(_GRID) + 0.5) / _GRID
        if not self.dialogues:
            return float(self._mean_rate(scores, np.ones(1)).mean())
        if not self.length_effect:  # all are as hard
            return float(self._mean_rate(scores, np.full(1, _USUAL)).mean())
        lengths, of_dialogues = self._lengths()
        shares = lengths * of_dialogues
        return float(self._mean_rate(scores[:, None], lengths).mean(0) @ (shares / shares.sum()))

    def best_share(self, target_error: float) -> float:
        """The largest share that can be accepted at this error rate by who knows the truth."""
        thresholds = np.arange(_SHARES) / _SHARES
        held = np.array([self.error_above(threshold) <= target_error for threshold in thresholds])
        if not held.any() or held[0]:
            return float(held[0])
        first = int(held.argmax())
        around = thresholds[first - 1], thresholds[first]
        return float(1 - optimize.brentq(lambda t: self.error_above(t) - target_error, *around))

    def _mean_rate(self, scores: Floats, lengths: NDArray[np.number]) -> Floats:
        """The error rate over users with whom the assistant fails and others, of which the items know nothing."""
        others, failed = (self._error_rate(scores, lengths, times) for times in (1.0, self.failed_times))
        return (1 - self.failed) * others + self.failed * failed

    def _error_rate(self, scores: Floats, lengths: NDArray[np.number], times: float | Floats = 1.0) -> Floats:
        effect = self.hardness * (lengths / _USUAL) ** self.length_effect if self.dialogues else 1.0
        sure = self.sure_errors * np.maximum(1 - (1 - scores) / self.sure_share, 0.0)
        return np.asarray(np.minimum((self.most_wrong * (1 - scores) ** self.power + sure) * effect * times, 1.0))

    def _draw_lengths(self, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
        if not self.dialogues:
            return np.ones(size, np.int64)
        if self.tail is None:
            return np.minimum(1 + rng.poisson(_MEAN_MORE, size), _LONGEST)
        lengths, shares = self._lengths()
        return rng.choice(lengths, size, p=shares)

    def _lengths(self) -> tuple[NDArray[np.int64], Floats]:
        """Lengths of dialogues (users), and the share of each."""
        if self.tail is not None:
            lengths = np.arange(1, _MOST_OF_A_USER + 1)
            weights = lengths**-self.tail
            return lengths, weights / weights.sum()
        lengths = np.arange(1, _LONGEST + 1)
        of_dialogues = stats.poisson.pmf(lengths - 1, _MEAN_MORE)
        of_dialogues[-1] += stats.poisson.sf(_LONGEST - 1, _MEAN_MORE)
        return lengths, of_dialogues


def _correlated(groups: NDArray[np.integer], size: int, correlation: float, rng: np.random.Generator) -> Floats:
    shared = rng.standard_normal(size)[groups]
    return np.asarray(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.standard_normal(len(groups)))


POPULATIONS = {
    "independent": Population(dialogues=False),
    "correlated_0.6": Population(error_correlation=0.6),
    "correlated_0.95": Population(error_correlation=0.95),
    # The hardness is such that 45% is the best share at an error rate of 10%.
    "long_harder": Population(error_correlation=0.6, length_effect=2.0, hardness=1.24),
    "unequal_users": Population(error_correlation=0.6, tail=1.6, failed=0.05, failed_times=8.0, hardness=0.6),
}
"""Independent items, two degrees of correlated errors, long dialogues that are the hard ones, and users: most have an
item or two and a few 200, and one in twenty sees eight times as many errors as others."""

DEVELOPMENT = {
    "gentle": Population(error_correlation=0.5, most_wrong=0.3, power=1.0),
    "steep": Population(error_correlation=0.5, most_wrong=0.8, power=3.0),
    "hard": Population(error_correlation=0.5, most_wrong=0.9, power=1.0),
    "sure_sharp": Population(error_correlation=0.5, most_wrong=0.3, sure_errors=0.6, sure_share=0.04),
    "sure_middling": Population(error_correlation=0.5, most_wrong=0.3, sure_errors=0.3, sure_share=0.1),
    "sure_wide": Population(error_correlation=0.5, most_wrong=0.25, power=2.0, sure_errors=0.2, sure_share=0.25),
    "sure_few": Population(error_correlation=0.5, most_wrong=0.4, sure_errors=0.12, sure_share=0.05),
}
"""To choose by: none is among the populations whose figures are reported. In three the best scores are the surest
labels; in four they are not, and the error rate among the accepted crosses the target twice."""


def naive_threshold(scores: Floats, correct: NDArray[np.bool_], target_error: float) -> float | None:
    """The threshold with the largest share whose *observed* error rate is at most the target: promises nothing.

    Kept to be compared with: the population's error rate is above the target after every second audit.
    """
    order = np.argsort(-scores, kind="stable")
    rates = np.cumsum(~correct[order]) / np.arange(1, len(scores) + 1)
    passing = np.flatnonzero(rates <= target_error)
    return float(scores[order[passing[-1]]]) if len(passing) else None
