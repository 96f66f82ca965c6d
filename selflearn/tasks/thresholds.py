"""Thresholds for decisions: the cut of a score that serves the metric best on the dialogues kept for tuning.

Every system, the model and the baselines, takes its thresholds from here, so that none gains by a better search.
A cut lies half-way between two neighbouring scores; every cut is tried. Where several are best, the one in the widest
gap between scores is taken, as it is the one that other dialogues upset least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from selflearn.tasks.prediction import DEFAULT_THRESHOLD

_TIE = 1e-9  # sums of per-dialogue changes differ in their last digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A threshold (a score that reaches it is a yes) and the metric's value at it; NaN where nothing was labelled."""

    threshold: float
    value: float


def tune_segmentation(scores: ArrayLike, gold: ArrayLike, groups: ArrayLike) -> float:
    """The threshold with the highest boundary F1 per dialogue; arguments and errors as :func:`segmentation_cut`.

    Example:
        >>> tune_segmentation([0.1, 0.3, 0.2, 0.9], [0, 1, 0, 1], [0, 0, 1, 1])
        0.25
    """
    return segmentation_cut(scores, gold, groups).threshold


def tune_binary_f1(scores: ArrayLike, gold: ArrayLike) -> float:
    """The threshold with the highest F1 of the rarer class; arguments and errors as :func:`binary_f1_cut`.

    Example:
        >>> tune_binary_f1([0.1, 0.2, 0.4, 0.8], [0, 0, 1, 1])
        0.30000000000000004
    """
    return binary_f1_cut(scores, gold).threshold


def segmentation_cut(scores: ArrayLike, gold: ArrayLike, groups: ArrayLike) -> Cut:
    """The cut with the highest boundary F1 per dialogue, as :func:`selflearn.metrics.functional.boundary_f1` has it.

    Args:
        scores: probability of a boundary of each decision (turns from the second on), ``(N,)``.
        gold: whether there is one, ``(N,)``.
        groups: which dialogue the decision belongs to, any integers, ``(N,)``.

    Returns:
        The cut; 0.5 where ``N`` is 0.

    Raises:
        ValueError: lengths differ, or a score is not a number.
    """
    scores, gold = _checked(scores, gold)
    if not scores.size:
        return Cut(threshold=DEFAULT_THRESHOLD, value=float("nan"))
    dialogues, group = np.unique(np.asarray(groups), return_inverse=True)
    if group.shape != scores.shape:
        raise ValueError(f"groups has shape {group.shape}, scores {scores.shape}; expected one group a score")
    order = np.lexsort((-scores, group))
    scores, gold, group = scores[order], gold[order], group[order]
    boundaries = np.bincount(group, weights=gold, minlength=len(dialogues))
    first = np.searchsorted(group, np.arange(len(dialogues)))
    said = np.arange(1, len(scores) + 1) - first[group]
    found = np.cumsum(gold)
    found = found - (found - gold)[first][group]
    f1 = 2 * found / (said + boundaries[group])  # of the dialogue, once this decision and the higher ones are yes
    none_said = (boundaries == 0).astype(float)
    before = np.where(said == 1, none_said[group], np.roll(f1, 1))
    order = np.argsort(-scores, kind="stable")
    totals = none_said.sum() + np.concatenate([[0.0], np.cumsum((f1 - before)[order])])
    return _best_cut(scores[order], totals / len(dialogues))


def binary_f1_cut(scores: ArrayLike, gold: ArrayLike) -> Cut:
    """The cut with the highest F1 of the rarer class over all items.

    Where most items are positive the F1 of the positives is highest, or nearly so, for a yes to everything.

    Args:
        scores: probability of the positive class, ``(N,)``.
        gold: whether the item is positive, ``(N,)``.

    Returns:
        The cut; 0.5 where no item is positive.

    Raises:
        ValueError: lengths differ, or a score is not a number.
    """
    scores, gold = _checked(scores, gold)
    if not gold.any():
        return Cut(threshold=DEFAULT_THRESHOLD, value=0.0 if scores.size else float("nan"))
    order = np.argsort(-scores, kind="stable")
    said = np.arange(len(scores) + 1)  # yes to none of the items, to the first, ... to all
    found = np.concatenate([[0.0], np.cumsum(gold[order])])
    positives, negatives = gold.sum(), (1 - gold).sum()
    if positives <= negatives or not negatives:
        f1 = 2 * found / (said + positives)
    else:
        f1 = 2 * (negatives - (said - found)) / (len(scores) - said + negatives)
    return _best_cut(scores[order], f1)


def _checked(scores: ArrayLike, gold: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scores, gold = np.asarray(scores, np.float64), np.asarray(gold, np.float64)
    if scores.ndim != 1 or scores.shape != gold.shape:
        raise ValueError(f"scores has shape {scores.shape}, gold {gold.shape}; expected two rows of one length")
    if not np.isfinite(scores).all():
        where = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise ValueError(f"score {where} is {scores[where]}; expected probabilities")
    return scores, gold


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
