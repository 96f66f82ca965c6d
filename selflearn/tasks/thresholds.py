"""Thresholds for decisions: the cut of a score that serves the metric best on the dialogues kept for tuning.

Every system, the model and the baselines, takes its thresholds from here, so that none gains by a better search.
A cut lies half-way between two neighbouring scores; every cut is tried. Where several are best, the one in the widest
gap between scores is taken, as it is the one that other dialogues upset least. Where few dialogues tune, the metric is
nearly flat over a wide range of cuts, and which of them is highest is chance. The threshold is therefore the mean of
those that are best on bootstrap resamples of the dialogues (bagging: Breiman, Machine Learning 24, 1996), which serves
other dialogues better than the best cut of all of them does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from selflearn.tasks.prediction import DEFAULT_THRESHOLD

RESAMPLES = 100

_Values = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From the weight of each dialogue, ``(G,)``, to the metric after the first 0, 1, ... ``N`` scores, ``(N + 1,)``."""

_TIE = 1e-9  # sums of per-dialogue changes differ in their last digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A threshold (a score that reaches it is a yes), and the metric at the best of all cuts.

    Attributes:
        threshold: the mean of those that are best on resamples of the dialogues; the best one of a single dialogue.
        value: the metric at the best cut of all dialogues, by which windows and strengths compare; NaN where nothing
            was labelled.
    """

    threshold: float
    value: float


def segmentation_cut(scores: ArrayLike, gold: ArrayLike, groups: ArrayLike) -> Cut:
    """The cut for the highest boundary F1 per dialogue, as :func:`selflearn.metrics.functional.boundary_f1` has it.

    Args:
        scores: probability of a boundary of each decision (turns from the second on), ``(N,)``.
        gold: whether there is one, ``(N,)``.
        groups: which dialogue the decision belongs to, any integers, ``(N,)``.

    Returns:
        The cut; 0.5 where ``N`` is 0.

    Raises:
        ValueError: lengths differ, or a score is not a number.

    Example:
        >>> 0.2 < segmentation_cut([0.1, 0.3, 0.2, 0.9], [0, 1, 0, 1], [0, 0, 1, 1]).threshold < 0.9
        True
    """
    scores, gold, group = _checked(scores, gold, groups)
    if not scores.size:
        return Cut(threshold=DEFAULT_THRESHOLD, value=float("nan"))
    dialogues = int(group.max()) + 1
    order = np.lexsort((-scores, group))
    scores, gold, group = scores[order], gold[order], group[order]
    boundaries = np.bincount(group, weights=gold, minlength=dialogues)
    first = np.searchsorted(group, np.arange(dialogues))
    said = np.arange(1, len(scores) + 1) - first[group]
    found = np.cumsum(gold)
    found = found - (found - gold)[first][group]
    f1 = 2 * found / (said + boundaries[group])  # of the dialogue, once this decision and the higher ones are yes
    none_said = (boundaries == 0).astype(float)
    before = np.where(said == 1, none_said[group], np.roll(f1, 1))
    order = np.argsort(-scores, kind="stable")
    gains, owners = (f1 - before)[order], group[order]

    def values(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        start = weights @ none_said
        mean: NDArray[np.float64] = np.append(start, start + np.cumsum(weights[owners] * gains)) / weights.sum()
        return mean

    return _bagged(scores[order], values, dialogues)


def binary_f1_cut(scores: ArrayLike, gold: ArrayLike, groups: ArrayLike) -> Cut:
    """The cut for the highest F1 of the rarer class over all items.

    Where most items are positive the F1 of the positives is highest, or nearly so, for a yes to everything.

    Args:
        scores: probability of the positive class, ``(N,)``.
        gold: whether the item is positive, ``(N,)``.
        groups: which dialogue the item belongs to, any integers, ``(N,)``.

    Returns:
        The cut; 0.5 where no item is positive.

    Raises:
        ValueError: lengths differ, or a score is not a number.

    Example:
        >>> 0.1 < binary_f1_cut([0.1, 0.2, 0.4, 0.8], [0, 0, 1, 1], [0, 1, 2, 3]).threshold < 0.8
        True
    """
    scores, gold, group = _checked(scores, gold, groups)
    if not gold.any():
        return Cut(threshold=DEFAULT_THRESHOLD, value=0.0 if scores.size else float("nan"))
    order = np.argsort(-scores, kind="stable")
    yes, owners = gold[order], group[order]
    of_positives = gold.sum() <= (1 - gold).sum() or bool(gold.all())

    def values(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        each = weights[owners]
        said = np.concatenate([[0.0], np.cumsum(each)])  # yes to none of the items, to the first, ... to all
        found = np.concatenate([[0.0], np.cumsum(each * yes)])
        positives, negatives = found[-1], said[-1] - found[-1]
        if of_positives:
            right, counted = found, said + positives
        else:
            right, counted = negatives - (said - found), said[-1] - said + negatives
        f1: NDArray[np.float64] = 2 * right / np.maximum(counted, 1)  # nothing counts where nothing was drawn
        return f1

    return _bagged(scores[order], values, int(group.max()) + 1)


def _bagged(descending: NDArray[np.float64], values: _Values, dialogues: int) -> Cut:
    """The mean of the thresholds that are best on resamples; all of them where there is nothing to draw."""
    whole = _best_cut(descending, values(np.ones(dialogues)))
    if dialogues == 1:
        return whole
    rng, found = np.random.default_rng(0), []
    for weights in rng.multinomial(dialogues, np.full(dialogues, 1 / dialogues), size=RESAMPLES):
        cut = _best_cut(descending, values(weights.astype(np.float64)))
        if cut.value > 0:  # else none of the rarer class was drawn, and every cut is as good
            found.append(cut.threshold)
    if not found or min(found) == max(found):  # the mean of equal numbers need not be that number
        return Cut(threshold=found[0], value=whole.value) if found else whole
    return Cut(threshold=float(np.mean(found)), value=whole.value)


def _checked(
    scores: ArrayLike, gold: ArrayLike, groups: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    scores, gold = np.asarray(scores, np.float64), np.asarray(gold, np.float64)
    if scores.ndim != 1 or scores.shape != gold.shape:
        raise ValueError(f"scores has shape {scores.shape}, gold {gold.shape}; expected two rows of one length")
    if not np.isfinite(scores).all():
        where = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise ValueError(f"score {where} is {scores[where]}; expected probabilities")
    group = np.unique(np.asarray(groups), return_inverse=True)[1]
    if group.shape != scores.shape:
        raise ValueError(f"groups has shape {group.shape}, scores {scores.shape}; expected one group a score")
    return scores, gold, group


def _best_cut(descending: NDArray[np.float64], values: NDArray[np.float64]) -> Cut:
    """The best of the cuts after the first 0, 1, ... ``N`` scores, whose metric is ``values`` ``(N + 1,)``."""
    above = np.concatenate([[max(1.0, descending[0])], descending])
    below = np.concatenate([descending, [min(0.0, descending[-1])]])
    possible = above > below  # equal scores cannot be told apart
    possible[[0, -1]] = True
    best = values[possible].max()
    gaps = np.where(possible & (values >= best - _TIE), above - below, -1.0)
    i = int(gaps.argmax())
    middle = float((above[i] + below[i]) / 2)
    if middle <= below[i]:  # no number lies between; all-yes needs none, all-no needs one beyond the highest score
        middle = float(above[i]) if i else float(np.nextafter(above[i], np.inf))
    return Cut(threshold=middle, value=float(values[i]))
