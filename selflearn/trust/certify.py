"""Thresholds with a promise: accept what reaches it; among those, at most the target share is wrong.

Candidates and their order depend on scores alone, each is tested exactly, the first failure ends the walk
(Learn-then-Test, arXiv:2110.01052). The walk starts where the test can pass at all: at the smallest number of accepted
items that admits one error ("binomial"), so many dialogues ("design_effect"), or where the wealth without any error
would be 1 / (1 - confidence) squared ("betting", which looks at a twentieth of the dialogues to know, and bets on the
others). If the best scores are not the surest labels, it fails there and certifies nothing; ``starts`` lets it start in
several places.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from selflearn.trust import procedures, wording
from selflearn.trust.binomial import smallest_sizes
from selflearn.trust.certificate import Certificate
from selflearn.trust.items import AuditedItems, Floats, Groups, audited_items, check_correct, check_numbers
from selflearn.trust.procedures import Procedure, Terms
from selflearn.trust.sequence import counts_for_binomial, counts_for_shares, thresholds_at

_PROCEDURES: dict[str, Procedure] = {
    "binomial": procedures.binomial, "betting": procedures.totals_betting, "design_effect": procedures.design_effect,
}  # fmt: skip
METHODS = ("auto", *_PROCEDURES)
UNITS = ("dialogue", "user", "turn")
"""What may have been drawn by itself, where it is not an item."""


def certify(
    scores: ArrayLike,
    correct: ArrayLike,
    groups: Groups | None = None,
    target_error: float = 0.05,
    confidence: float = 0.9,
    method: str = "auto",
    pool_scores: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    max_items: int | None = None,
    seed: int = 0,
    starts: int = 1,
    units: Groups | None = None,
    unit: str = "dialogue",
) -> Certificate:
    """The most generous threshold above which labels are wrong at most so often, promised from an audit.

    Everything that is an argument here is to be fixed before labels are seen; another try after a failure spends the
    confidence again.

    Args:
        scores: of the audited items, ``(N,)``; higher is more certain.
        correct: whether the label is right, 0 or 1, ``(N,)``.
        groups: the dialogue of each item, where whole dialogues were audited.
        target_error: the largest share of wrong ones among the accepted items of the population; every item counts
            the same, or as its weight says.
        confidence: probability over audits with which it is kept.
        method: ``"binomial"`` (independent items), ``"betting"`` (dialogues, exact), ``"design_effect"`` (dialogues,
            approximate); ``"auto"`` takes binomial where no dialogue (no unit) has two items and no weights are given,
            else betting.
        pool_scores: scores of unlabelled items of the same population; candidates and coverage are then theirs.
        weights: how many items of the population each one stands for, where not all were equally likely to be drawn;
            no item of the population may stand for more than the largest.
        max_items: accept at most so many items of a dialogue, the best first; None for as many as the longest audited
            dialogue has. With few dialogues a smaller number lets betting certify more. To be applied with
            :meth:`Certificate.accept`.
        seed: order of the dialogues in betting.
        starts: places that the walk starts from, each with its share of the level: the first, and those that accept
            1/starts, 2/starts, ... of all items. ``python -m experiments.certify_starts`` prints gain and price.
        units: what repeats beyond dialogues, the user of each item for example: only units are then taken to be
            independent. ``groups`` are still what ``max_items`` counts in, and any number of a dialogue is accepted
            where it is None.
        unit: what the promise calls them, one of :data:`UNITS`; of ``groups``, where there are no units.

    Returns:
        The certificate; its ``threshold`` is None where nothing could be certified.

    Raises:
        ValueError: lengths differ, a value is not what it should be, or the method does not suit the items.

    Example:
        >>> scores = [i / 200 for i in range(200)]
        >>> found = certify(scores, [score > 0.3 for score in scores], target_error=0.1)
        >>> round(found.threshold, 3), round(found.coverage, 2), found.method
        (0.295, 0.7, 'binomial')
    """
    values = check_numbers("scores", scores)
    items = audited_items(values, 1.0 - check_correct(correct, len(values)), groups, weights, max_items, units)
    name = _suitable(method, items, unit, weighted=weights is not None)
    terms = Terms(target_error, confidence, seed, losses=False, starts=starts)
    return _certify(items, name, terms, _unit(unit, groups, units), pool_scores)


def certify_losses(
    scores: ArrayLike,
    losses: ArrayLike,
    groups: Groups | None = None,
    target_loss: float = 0.05,
    confidence: float = 0.9,
    pool_scores: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    max_items: int | None = None,
    seed: int = 0,
    starts: int = 1,
    units: Groups | None = None,
    unit: str = "dialogue",
) -> Certificate:
    """The same promise for losses between 0 and 1: the mean loss among the accepted is at most the target.

    For 1 - F1 of the slots of a turn, or the boundary error of a dialogue. By betting, with dialogues and without.

    Args:
        scores: as in :func:`certify`.
        losses: from 0 (right) to 1 (wrong), ``(N,)``.
        groups: as in :func:`certify`.
        target_loss: the largest mean loss.
        confidence: as in :func:`certify`, as are the arguments after it.
        pool_scores: unlabelled scores.
        weights: of the items.
        max_items: at most so many accepted of a dialogue.
        seed: order of the dialogues.
        starts: as in :func:`certify`.
        units: what repeats beyond dialogues.
        unit: what the promise calls them.

    Raises:
        ValueError: lengths differ, or a value is not what it should be.

    Example:
        >>> certify_losses([0.9] * 400, [0.02, 0.0] * 200, target_loss=0.1).coverage
        1.0
    """
    items = audited_items(scores, losses, groups, weights, max_items, units)
    terms = Terms(target_loss, confidence, seed, losses=True, starts=starts)
    return _certify(items, "betting", terms, _unit(unit, groups, units), pool_scores)


def _unit(unit: str, groups: Groups | None, units: Groups | None) -> str:
    if unit not in UNITS:
        raise ValueError(f"unit is {unit!r}; expected one of {', '.join(UNITS)}")
    return "item" if groups is None and units is None else unit


def _suitable(method: str, items: AuditedItems, unit: str, *, weighted: bool) -> str:
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; expected one of {', '.join(METHODS)}")
    if method == "auto":
        return "betting" if items.clustered or weighted else "binomial"
    if method == "binomial" and (items.clustered or weighted):
        what = f"several items of one {unit}" if items.clustered else "weights"
        raise ValueError(f"method is 'binomial' with {what}: it would promise too much; expected 'betting' (exact), "
                         f"'design_effect' (approximate), or one item a {unit} without weights")  # fmt: skip
    return method


def _certify(items: AuditedItems, method: str, terms: Terms, unit: str, pool_scores: ArrayLike | None) -> Certificate:
    pool = None if pool_scores is None else check_numbers("pool_scores", pool_scores)
    if pool is not None and not len(pool):
        raise ValueError("pool_scores is empty; expected the scores of unlabelled items, or None")
    blank = Certificate(
        threshold=None, coverage=0.0, n=len(items.scores), method=method, promise="", target_error=terms.target,
        confidence=terms.confidence, exact=method != "design_effect", accepted=0, errors=0.0,
        max_items=items.cap, more_items=None, starts=terms.starts, unit=unit, units=items.num_groups,
    )  # fmt: skip
    if not len(items.scores):
        return _abstention(blank, int(smallest_sizes([0], terms.target, terms.delta)[0]), terms)
    thresholds = _candidates(items, method, terms, pool)
    outcome = _PROCEDURES[method](items, thresholds, terms)
    if outcome.best is None:
        return _abstention(blank, outcome.more_items, terms)
    threshold = float(thresholds[outcome.best])
    taken = items.accepted(threshold)
    of_pool = pool is not None and bool(items.eligible.all())  # where the cap bites, only the audit knows the share
    share = (
        (pool >= threshold).mean() if pool is not None and of_pool else items.weights[taken].sum() / items.weights.sum()
    )
    found = replace(
        blank, threshold=threshold, coverage=float(share), accepted=int(taken.sum()),
        errors=float(items.losses[taken].sum()),
    )  # fmt: skip
    most = items.most if unit != "item" and items.cap is None and items.clustered else None
    return replace(found, promise=wording.of_threshold(found, losses=terms.losses, most=most))


def _abstention(blank: Certificate, more: int | None, terms: Terms) -> Certificate:
    found = replace(blank, more_items=more)
    return replace(found, promise=wording.of_abstention(found, losses=terms.losses))


def _candidates(items: AuditedItems, method: str, terms: Terms, pool: Floats | None) -> Floats:
    """Thresholds from cautious to generous, from scores alone."""
    if method == "binomial" and pool is None:
        return thresholds_at(items.scores, counts_for_binomial(len(items.scores), terms.target, terms.delta))
    if pool is None and method == "betting":
        pool = items.scores[np.isin(items.groups, procedures.planning_dialogues(items, terms))]
    reference = items.scores if pool is None else pool
    return thresholds_at(reference, counts_for_shares(len(reference)))
