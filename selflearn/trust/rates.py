"""How often something is so in a whole log: the model's labels of all dialogues, put right by people's labels of some.

Prediction-powered inference (Angelopoulos et al., Science 2023) with the weight of the model tuned (PPI++,
Angelopoulos, Duchi and Zrnic, arXiv:2311.01453), for a ratio of totals of dialogues. With Y and M the hits and items of
a dialogue as people see it, A and B as the model does, the rate is E[Y] / E[M], and the estimate with the weight w

    (mean Y + w (mean A of the others - mean A)) / (mean M + w (mean B of the others - mean B)),

means over the audited dialogues but where the others are named; w = 0 leaves the audit alone. Its variance is that of
the residuals Y - rate M - w (A - rate B) of the audited and of w (A - rate B) of the others (linearisation, as for any
ratio of totals; Cochran 1977, chapter 6). Totals of dialogues take care of what hangs together inside of one. That is
asymptotic: it wants a hundred audited dialogues, not a hundred items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from selflearn.trust.items import Floats, check_probability, whole_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class RateInterval:
    """A rate with its interval.

    Attributes:
        rate: the estimate, from 0 to 1.
        low: of the interval.
        high: of it.
    """

    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RateEstimate:
    """A rate by the model and people together, beside people alone.

    Attributes:
        powered: by the model's labels of all dialogues and people's labels of the audited ones.
        classical: by people's labels of the audited ones alone.
        model_rate: what the model alone says of all dialogues: off by as much as its errors do not cancel out.
        model_weight: w, from 0 (the model's labels say nothing) to 1 (the difference to people's labels is all that the
            audit is needed for).
        audited: audited dialogues.
        others: dialogues that only the model has labelled.
        confidence: probability over draws of both with which an interval holds the true rate, about.
    """

    powered: RateInterval
    classical: RateInterval
    model_rate: float
    model_weight: float
    audited: int
    others: int
    confidence: float


def estimate_rate(
    model_hits: ArrayLike, model_items: ArrayLike, audited: ArrayLike, hits: ArrayLike, items: ArrayLike,
    confidence: float = 0.95,
) -> RateEstimate:  # fmt: skip
    """The share of items that are hits (goals that failed, turns with an intent) in the population of a log.

    Each item counts the same, however many its dialogue has. The model may see other items in a dialogue than people do
    (goals), also none.

    Args:
        model_hits: by the model, of each of the ``G`` dialogues: their number, or the sum of their probabilities.
        model_items: items by the model, ``(G,)``.
        audited: positions of the ``n`` dialogues that people labelled, drawn at random and whole.
        hits: by people, of each of these, ``(n,)``.
        items: items by people, ``(n,)``.
        confidence: of the intervals.

    Raises:
        ValueError: lengths differ, there are fewer hits than none or more than items, a position is not among the
            dialogues or comes twice, fewer than two dialogues are audited, or people's labels leave nothing to estimate
            an error from (no dialogue with a hit, or no item without one).

    Example:
        >>> said, people = [1, 0, 0, 1, 0, 1, 1, 0], [1, 0, 1, 1]
        >>> found = estimate_rate(said, [1] * 8, [0, 1, 2, 3], people, [1] * 4)
        >>> round(found.classical.rate, 2), round(found.powered.rate, 2), round(found.model_weight, 2)
        (0.75, 0.75, 0.29)
    """
    check_probability("confidence", confidence)
    said, said_of = _checked(model_hits, model_items, "model_hits", "model_items")
    right, right_of = _checked(hits, items, "hits", "items")
    places = _places(audited, len(said), len(right))
    other = np.ones(len(said), dtype=bool)
    other[places] = False
    if not right_of.sum():
        raise ValueError("no audited dialogue has an item by people; expected some: audit more")
    alone = float(right.mean() / right_of.mean())
    spread = right - alone * right_of
    if not (spread**2).sum() > 1e-12 * (right_of**2).sum():
        raise ValueError(f"each of the {len(right)} audited dialogues has the rate {alone:g}: that leaves nothing to "
                         "estimate an error from; expected some with more hits than others: audit more")  # fmt: skip
    error = _error_of_mean(spread) / float(right_of.mean())
    weight, together, error_together = 0.0, alone, error
    if other.any():
        weight = _tuned(spread, said - alone * said_of, places)
        y, m = right - weight * said[places], right_of - weight * said_of[places]
        size = float(m.mean() + weight * said_of[other].mean())
        together = float(y.mean() + weight * said[other].mean()) / size
        of_others = weight * float((said - together * said_of).std(ddof=1)) / np.sqrt(other.sum())
        error_together = float(np.hypot(_error_of_mean(y - together * m), of_others)) / size
    share = float(stats.t.ppf(0.5 + confidence / 2, len(right) - 1))
    return RateEstimate(
        powered=_interval(together, share * error_together), classical=_interval(alone, share * error),
        model_rate=float(said.sum() / max(said_of.sum(), 1e-12)), model_weight=weight, audited=len(right),
        others=int(other.sum()), confidence=confidence,
    )  # fmt: skip


def _tuned(people: Floats, model: Floats, audited: NDArray[np.int64]) -> float:
    """The weight with the smallest variance, held between 0 and 1 (PPI++, section 6)."""
    variance = float(model.var(ddof=1))
    if not variance > 0:
        return 0.0
    more = 1 + len(audited) / (len(model) - len(audited))
    return float(np.clip(np.cov(people, model[audited])[0, 1] / (more * variance), 0.0, 1.0))


def _error_of_mean(values: Floats) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _interval(rate: float, half: float) -> RateInterval:
    return RateInterval(
        rate=min(max(rate, 0.0), 1.0), low=min(max(rate - half, 0.0), 1.0), high=max(min(rate + half, 1.0), 0.0)
    )


def _checked(hits: ArrayLike, items: ArrayLike, hits_name: str, items_name: str) -> tuple[Floats, Floats]:
    some, of = np.asarray(hits, dtype=float), np.asarray(items, dtype=float)
    if some.ndim != 1 or some.shape != of.shape:
        raise ValueError(f"{hits_name} has shape {some.shape}, {items_name} {of.shape}; expected one number a dialogue")
    bad = np.flatnonzero(~((some >= 0) & (some <= of + 1e-9) & np.isfinite(of)))
    if len(bad):
        raise ValueError(f"{hits_name}[{bad[0]}] is {some[bad[0]]}, {items_name}[{bad[0]}] is {of[bad[0]]}; expected "
                         "at least no hit, and at most as many as there are items")  # fmt: skip
    return some, of


def _places(audited: ArrayLike, dialogues: int, labelled: int) -> NDArray[np.int64]:
    places = whole_numbers("audited", audited)
    if len(places) != labelled or labelled < 2:
        raise ValueError(f"{labelled} hits for {len(places)} audited dialogues; expected one number for each of two or "
                         "more (a hundred, for the interval to hold)")  # fmt: skip
    if len(np.unique(places)) != len(places) or not 0 <= places.min() <= places.max() < dialogues:
        raise ValueError(f"audited has {len(places)} positions from {places.min()} to {places.max()}; expected each "
                         f"once, from 0 to {dialogues - 1}")  # fmt: skip
    return places
