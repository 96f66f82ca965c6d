"""The three ways to walk along the candidates: which pass, and how many items it would take if none does.

Where the walk starts is decided without labels: at the first candidate at which the test has a fair chance. How much
wealth betting has to be able to reach there was chosen on 100 draws of the populations that
``python -m experiments.certify_draws`` reports: on others it may accept less, but breaks no more promises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from selflearn.trust import betting, shortfall
from selflearn.trust.binomial import binomial_p_values, needed_size, smallest_sizes
from selflearn.trust.design_effect import effective_counts
from selflearn.trust.items import AuditedItems, Floats, check_probability
from selflearn.trust.sequence import counts_for_shares, last_reached, levels, start_places, thresholds_at

_PLANNING = 0.05  # share of the dialogues that betting spends on its plan
MOST_STARTS = 100  # each has its share of the level, and with so many there is next to nothing to spend
_SPARE = 2.0  # a betting sequence starts where the wealth without any error is 1/delta to this power


@dataclass(frozen=True, slots=True)
class Terms:
    """What is to be promised.

    Attributes:
        target: largest error rate or mean loss among the accepted.
        confidence: probability with which it is kept.
        seed: order of the dialogues in betting.
        losses: the promise is of a mean loss, not of a share of wrong items.
        starts: chains of the walk.

    Raises:
        ValueError: target or confidence is not between 0 and 1, ``starts`` is no whole number from 1 to 100, or
            ``seed`` is none from 0 on.
    """

    target: float
    confidence: float
    seed: int
    losses: bool
    starts: int = 1

    def __post_init__(self) -> None:
        check_probability("target_loss" if self.losses else "target_error", self.target)
        check_probability("confidence", self.confidence)
        for name, value, least in (("starts", self.starts, 1), ("seed", self.seed, 0)):
            if not isinstance(value, (int, float, np.number)) or value % 1 or value < least:
                raise ValueError(f"{name} is {value!r}; expected a whole number from {least} on")
        if self.starts > MOST_STARTS:
            raise ValueError(
                f"starts is {self.starts:,}; expected at most {MOST_STARTS}: each has its share of the level"
            )

    @property
    def delta(self) -> float:
        """Level of all chains together."""
        return 1.0 - self.confidence

    @property
    def levels(self) -> Floats:
        """What a test may spend where 1, 2, ... of the chains have met, ``(starts,)``."""
        return levels(self.delta, self.starts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the walk ended.

    Attributes:
        best: number of the last candidate that passed; None if none did.
        more_items: about how many more items it takes, if none did; 0 where a larger share passes, which the walk
            does not come to, as errors are above the target at its start, or would fail there in larger audits too;
            None where no number would do.
    """

    best: int | None
    more_items: int | None = None


Procedure: TypeAlias = Callable[[AuditedItems, Floats, Terms], Outcome]
"""Items, candidate thresholds from cautious to generous, terms -> outcome."""


def binomial(items: AuditedItems, thresholds: Floats, terms: Terms) -> Outcome:
    """Exact binomial tests; for independent items of one weight."""
    errors, counts = _counted(items, thresholds)
    first = _first(counts >= _start_size(len(items.scores), terms))
    passed = binomial_p_values(errors, counts, terms.target) <= terms.levels[:, None]
    places = start_places(counts, first, terms.starts)
    best = last_reached(passed, places)
    if best is not None:
        return Outcome(best)
    if shortfall.out_of_order(passed[-1], places, errors / np.maximum(counts, 1), terms.target):
        return Outcome(None, 0)
    errors, counts = _counted(items, thresholds_at(items.scores, counts_for_shares(len(items.scores))))
    n = len(items.scores)
    passes = shortfall.counts_pass(
        errors, counts, counts, lambda growth: _start_size(round(growth * n), terms), terms.target, terms.levels[0]
    )
    later = bool(len(places) and passed[-1, places[0] :].any())
    return Outcome(None, _lacking(items, passes, errors, counts, terms, later=later))


def design_effect(items: AuditedItems, thresholds: Floats, terms: Terms) -> Outcome:
    """Binomial tests on counts divided by the design effect; approximate."""
    losses = by_dialogue(items, thresholds, items.weights * items.losses)
    weights = by_dialogue(items, thresholds, items.weights)
    counts = by_dialogue(items, thresholds, np.ones_like(items.weights)).sum(0)
    effective = [effective_counts(losses, weights, counts, level) for level in terms.levels]
    passed = np.array([
        binomial_p_values(errors, sizes, terms.target) <= level
        for (errors, sizes), level in zip(effective, terms.levels, strict=True)
    ])  # fmt: skip
    first = _first((weights > 0).sum(0) >= _start_size(items.num_groups, terms))
    places = start_places(weights.sum(0), first, terms.starts)
    best = last_reached(_also_above(passed), places)
    if best is not None:
        return Outcome(best)
    rates = losses.sum(0) / np.maximum(weights.sum(0), 1e-12)
    if shortfall.out_of_order(passed[-1], places, rates, terms.target):
        return Outcome(None, 0)
    errors, sizes = effective[0]
    passes = shortfall.counts_pass(
        errors, sizes, (weights > 0).sum(0).astype(float),
        lambda growth: _start_size(round(growth * items.num_groups), terms), terms.target, terms.levels[0],
    )  # fmt: skip
    later = bool(len(places) and passed[-1, places[0] :].any())
    return Outcome(None, _lacking(items, passes, *effective[-1], terms, later=later))


def planning_dialogues(items: AuditedItems, terms: Terms) -> NDArray[np.int64]:
    """Numbers of the dialogues that no bet is made on: a twentieth, drawn by the seed, one at least."""
    order = np.random.default_rng(terms.seed).permutation(items.num_groups)
    return order[: max(1, round(_PLANNING * items.num_groups))]


def totals_betting(items: AuditedItems, thresholds: Floats, terms: Terms) -> Outcome:
    """Betting on the totals of dialogues; exact.

    The start of the walk and the first stakes hang on how many items of a dialogue are accepted. Were these counted on
    the dialogues that are bet on, the bets would know something of what is to come; they are counted on the planning
    dialogues instead, as are the candidates where there is no pool.
    """
    sizes = by_dialogue(items, thresholds, items.weights)
    totals = by_dialogue(items, thresholds, items.weights * (items.losses - terms.target))
    stake = betting.largest_stake((1 - terms.target) * items.most * float(items.weights.max()))
    planning = planning_dialogues(items, terms)
    order = np.random.default_rng([terms.seed, 1]).permutation(np.setdiff1d(np.arange(items.num_groups), planning))
    all_right = len(order) * betting.log_wealth_if_all_right(sizes[planning], stake, terms.target)
    start_wealth = -_SPARE * float(np.log(terms.levels[0]))
    first = _first(all_right >= start_wealth)
    places = start_places(sizes[planning].sum(0), first, terms.starts)
    guess = 0.5 * terms.target * (1 - terms.target) * np.maximum((sizes[planning, first:] ** 2).mean(0), 1e-12)
    passed = betting.wealth_reaches(totals[order][:, first:], stake, guess, terms.levels)
    best = last_reached(_also_above(passed), places - first)
    if best is not None:
        return Outcome(first + best)
    rates = totals.sum(0) / np.maximum(sizes.sum(0), 1e-12) + terms.target
    if shortfall.out_of_order(_also_above(passed)[-1], places - first, rates[first:], terms.target):
        return Outcome(None, 0)
    passes = shortfall.bets_pass(
        totals, sizes, stake=stake, target=terms.target, start_wealth=start_wealth, played=1 - _PLANNING,
        level=float(terms.levels[0]), seed=terms.seed,
    )  # fmt: skip
    more = shortfall.more_items(len(items.scores), passes)
    if more is not None:
        return Outcome(None, more)
    if len(places) and passed[-1, places[0] - first :].any():
        return Outcome(None, 0)
    needed = betting.needed_dialogues(totals, stake, terms.delta)
    return Outcome(None, None if needed is None else _at_least_one(needed / items.num_groups, items))


def _also_above(passed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What passes at a level and at all above it, ``(levels, thresholds)``.

    Who bets for a higher wealth plays other stakes, and may reach it where who bets for a lower one does not reach that
    one: without this, a chance to pass at either would be more than the larger level.
    """
    return np.logical_and.accumulate(passed[::-1])[::-1]


def by_dialogue(items: AuditedItems, thresholds: Floats, values: Floats) -> Floats:
    """Sums of a value over the accepted items of each dialogue at each threshold: ``(G, thresholds)``."""
    sums = np.empty((items.num_groups, len(thresholds)))
    for t, threshold in enumerate(thresholds):
        taken = items.accepted(float(threshold))
        sums[:, t] = np.bincount(items.groups[taken], weights=values[taken], minlength=items.num_groups)
    return sums


def _counted(items: AuditedItems, thresholds: Floats) -> tuple[Floats, Floats]:
    """Errors among the accepted and the accepted, ``(thresholds,)`` each, of items without dialogues."""
    order = np.argsort(-items.scores, kind="stable")
    counts = np.searchsorted(-items.scores[order], -thresholds, side="right")
    return np.concatenate([[0.0], np.cumsum(items.losses[order])])[counts], counts.astype(float)


def _first(ready: NDArray[np.bool_]) -> int:
    return int(ready.argmax()) if ready.any() else len(ready)


def _start_size(available: int, terms: Terms) -> int:
    """One error is to be admissible at the start; none, if there are too few items for that."""
    none, one = smallest_sizes([0, 1], terms.target, float(terms.levels[0])).tolist()
    return int(one if available >= one else none)


def _lacking(
    items: AuditedItems, passes: Callable[[float], bool], errors: Floats, sizes: Floats, terms: Terms, *, later: bool
) -> int | None:
    """Items that are missing; where a walk would fail at its start in any larger audit, by the best of the candidates.

    That is 0 where some of those after the start pass in this audit (``later``).

    The few best items are often all right by luck, and would promise too much: they are asked last.
    """
    more = shortfall.more_items(len(items.scores), passes)
    if more is not None:
        return more
    if later:
        return 0
    least = min(smallest_sizes([0], terms.target, terms.delta)[0] / 2, sizes.max(initial=0.0))
    for enough in (least, 1e-9):
        needed = [
            wanted / size * len(items.scores)
            for error, size in zip(errors.tolist(), sizes.tolist(), strict=True)
            if size >= enough and (wanted := needed_size(error / size, terms.target, terms.delta)) is not None
        ]
        if needed:
            return _at_least_one(min(needed) / len(items.scores), items)
    return None


def _at_least_one(growth: float, items: AuditedItems) -> int:
    return max(1, int(np.ceil((growth - 1) * len(items.scores))))
