"""The other promise: a finished data set is within epsilon of the truth when people label the rest.

PAC labels (Candes, Ilyas and Zrnic 2025, arXiv:2506.10908). Not the promise of :func:`selflearn.trust.certify`: here
the items that people label count as right, and the error is that of the *whole* data set. If it is within epsilon and
the model labelled the share c, then up to epsilon / c of the model's labels may be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from selflearn.trust.items import check_correct, check_numbers, check_probability, whole_numbers
from selflearn.trust.wording import at_least_percent, at_most_percent, from_score


@dataclass(frozen=True, slots=True, kw_only=True)
class PacLabels:
    """Which items of a data set the model may label so that the whole is within epsilon.

    Attributes:
        threshold: items whose score reaches it keep the model's label; None where people have to label all.
        model_share: share of the data set that they are.
        n: audited items.
        promise: in words.
        whole_set_error: epsilon.
        confidence: probability over the draw of the audit, at least.
    """

    threshold: float | None
    model_share: float
    n: int
    promise: str
    whole_set_error: float
    confidence: float


def pac_labels(
    scores: ArrayLike, audited: ArrayLike, correct: ArrayLike, whole_set_error: float = 0.05, confidence: float = 0.9
) -> PacLabels:
    """The lowest threshold at which the whole data set is within epsilon, by an audit drawn at random from it.

    The number of wrong labels that a threshold lets through only grows as it falls, so that the first threshold that
    cannot be held is the last to be tried: no correction for many is needed. The audit is drawn without replacement,
    and the test is exact (hypergeometric): P(so few wrong ones in the audit | more than epsilon N in the set) <= delta.

    Args:
        scores: of all ``N`` items of the data set.
        audited: positions of the ``n`` audited items, drawn at random without replacement (:func:`audit_plan`).
        correct: whether the model's label of each of these is right, ``(n,)``.
        whole_set_error: epsilon.
        confidence: 1 - delta.

    Raises:
        ValueError: lengths differ, a position is not in the data set or comes twice, or a number is out of range.

    Example:
        >>> pac_labels([0.9] * 500, range(100), [True] * 100).model_share
        1.0
    """
    check_probability("whole_set_error", whole_set_error)
    check_probability("confidence", confidence)
    values = check_numbers("scores", scores)
    places = whole_numbers("audited", audited)
    if len(np.unique(places)) != len(places) or (len(places) and not 0 <= places.min() <= places.max() < len(values)):
        raise ValueError(f"audited has {len(places)} positions from {places.min()} to {places.max()}; expected each "
                         f"once, from 0 to {len(values) - 1}")  # fmt: skip
    if len(places) != len(np.asarray(correct)):
        raise ValueError(f"{len(np.asarray(correct))} correct for {len(places)} audited items; expected one each")
    wrong = ~check_correct(correct, len(places))
    thresholds = -np.unique(-values)
    order = np.argsort(-values[places], kind="stable")
    counts = np.searchsorted(-values[places][order], -thresholds, side="right")
    errors = np.concatenate([[0], np.cumsum(wrong[order])])[counts]
    too_many = int(np.floor(whole_set_error * len(values) + 1e-9)) + 1
    among = np.searchsorted(np.sort(-values), -thresholds, side="right")
    p_values = stats.hypergeom.cdf(errors, len(values), min(too_many, len(values)), len(places))
    held = (p_values <= 1 - confidence) | (among < too_many)  # fewer than that cannot be too many
    passed = int(np.cumprod(held).sum())
    threshold = float(thresholds[passed - 1]) if passed else None
    share = float((values >= threshold).mean()) if threshold is not None else 0.0
    promise = (
        f"People have to label all: for no share of the model's labels is the error of the whole data set certified to "
        f"be at most {at_most_percent(whole_set_error)}."
    )
    if threshold is not None:
        promise = (
            f"If the model labels the {share:.1%} of the data set with {from_score(threshold)} and "
            f"people label the rest rightly, at most {at_most_percent(whole_set_error)} of the WHOLE data set is "
            f"wrong, with a confidence of at least {at_least_percent(confidence)} over the draw of the audit. Of the "
            f"model's own labels up to {at_most_percent(min(1.0, whole_set_error / share))} may be wrong."
        )
    return PacLabels(
        threshold=threshold, model_share=share, n=len(places), promise=promise, whole_set_error=whole_set_error,
        confidence=confidence,
    )  # fmt: skip
