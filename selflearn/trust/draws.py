"""A thousand audits of one population: how often is the promise broken, and how much is accepted?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from selflearn.trust.certify import certify
from selflearn.trust.items import rank_in_group
from selflearn.trust.populations import Population, naive_threshold

NAIVE = "naive"
"""In the place of a method: tune the threshold on the audit, without any promise."""

_TRUTH_DIALOGUES = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """What repeated audits came to.

    Attributes:
        draws: audits.
        broken: audits after which more than the target is wrong among what is accepted of the population.
        allowed: so many of them, at most, are what the promised confidence makes likely (99 % of the time).
        accepted: share of the population that is accepted, mean over audits.
        nothing: share of the audits after which nothing is.
        best: the share that who knows the truth would accept.
    """

    draws: int
    broken: int
    allowed: int
    accepted: float
    nothing: float
    best: float


def repeat_audits(
    population: Population,
    *,
    audit: int,
    design: str = "dialogues",
    method: str = "auto",
    max_items: int | None = None,
    target_error: float = 0.1,
    confidence: float = 0.9,
    starts: int = 1,
    draws: int = 1000,
    seed: int = 0,
) -> Draws:
    """Audit, certify and look at the truth, again and again.

    Args:
        population: where items come from.
        audit: dialogues or users of an audit; items, where the design is to draw those.
        design: ``"dialogues"`` audits whole dialogues and says so; ``"users"`` does so with all items of a user;
            ``"items"`` draws each item from another dialogue; ``"undeclared"`` audits whole dialogues and conceals it:
            what goes wrong where dependence is ignored.
        method: of :func:`selflearn.trust.certify`, or ``"naive"``.
        max_items: of :func:`selflearn.trust.certify`.
        target_error: the promise.
        confidence: the promise.
        starts: of :func:`selflearn.trust.certify`.
        draws: audits.
        seed: of the first audit's generator.

    Raises:
        ValueError: the design is unknown.
    """
    if design not in ("dialogues", "users", "items", "undeclared"):
        raise ValueError(f"design is {design!r}; expected one of dialogues, users, items, undeclared")
    rng = np.random.default_rng(seed)
    truth = _Truth(population, max_items, seed)
    shares, broken = np.zeros(draws), 0
    for number in range(draws):
        found = population.draw_items(audit, rng) if design == "items" else population.draw(audit, rng)
        if method == NAIVE:
            threshold = naive_threshold(found.scores, found.correct, target_error)
        else:
            groups = found.groups if design == "dialogues" else None
            units = found.groups if design == "users" else None
            threshold = certify(
                found.scores, found.correct, groups, target_error, confidence, method, max_items=max_items, seed=number,
                starts=starts, units=units, unit="dialogue" if units is None else "user",
            ).threshold  # fmt: skip
        if threshold is not None:
            shares[number], error = truth.at(threshold)
            broken += error > target_error
    return Draws(
        draws=draws, broken=broken, allowed=int(stats.binom.ppf(0.99, draws, 1 - confidence)),
        accepted=float(shares.mean()), nothing=float((shares == 0).mean()), best=population.best_share(target_error),
    )  # fmt: skip


class _Truth:
    """Accepted share and error rate of the population at a threshold: by formula, or counted where a cap bites."""

    def __init__(self, population: Population, max_items: int | None, seed: int) -> None:
        self.population = population
        if max_items is not None:
            drawn = population.draw(_TRUTH_DIALOGUES, np.random.default_rng([seed, 1]))
            kept = rank_in_group(drawn.scores, drawn.groups) < max_items
            order = np.argsort(-drawn.scores[kept])
            self.scores = -drawn.scores[kept][order]
            self.wrong = np.cumsum(~drawn.correct[kept][order])
            self.items = len(drawn.scores)
        self.capped = max_items is not None

    def at(self, threshold: float) -> tuple[float, float]:
        if not self.capped:
            return min(1.0, 1.0 - threshold), self.population.error_above(max(threshold, 0.0))
        count = int(np.searchsorted(self.scores, -threshold, side="right"))
        return count / self.items, float(self.wrong[count - 1] / count) if count else 0.0
