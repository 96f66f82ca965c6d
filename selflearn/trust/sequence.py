"""Fixed sequence testing: candidate thresholds from cautious to generous, and the walk that stops at the first failure.

Learn-then-Test (Angelopoulos et al. 2021, arXiv:2110.01052), section 2: the order is fixed before the labels are seen,
each candidate is tested at the full level, and the first that fails ends the walk. The probability of passing any
threshold whose error rate is above the target is then that of one single wrong decision.

Candidates come from scores alone. With a pool they are quantiles of the pool, which the audit knows nothing of: exact
for any error rate as a function of the threshold. Without one they are order statistics of the audited scores: a
threshold is placed just above the (k + 1)-th score, so that the k items above it are, given the threshold, independent
draws from what it accepts. That is exact if the error rate among the accepted crosses the target once on the way from
cautious to generous: what lies between the crossing and the candidate then has an error rate above the target as well.
(Betting places its candidates by dialogues that it does not bet on.)
Tied scores are accepted together or not at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from selflearn.trust.binomial import smallest_sizes
from selflearn.trust.items import Floats


def thresholds_at(scores: Floats, counts: NDArray[np.integer]) -> Floats:
    """Thresholds that accept at most so many of the scores, ties together; falling, without repeats.

    The last one is that of accepting everything if the largest count is all: 0 where no score is negative or above 1,
    else minus infinity, so that it depends on no score.

    Args:
        scores: ``(N,)``.
        counts: rising, from 1 to N.

    Example:
        >>> thresholds_at(np.array([0.9, 0.8, 0.8, 0.5]), np.array([1, 2, 4])).round(3)
        array([0.8, 0. ])
    """
    falling = -np.sort(-scores)
    some = counts[counts < len(scores)]
    found = np.nextafter(falling[some], np.inf)
    found = found[found <= falling[0]] if len(falling) else found  # a tie at the top: nothing is above it
    if len(some) < len(counts):
        in_unit = len(scores) > 0 and falling[-1] >= 0 and falling[0] <= 1
        found = np.append(found, 0.0 if in_unit else -np.inf)
    return -np.unique(-found)


def counts_for_binomial(n: int, target_error: float, delta: float) -> NDArray[np.int64]:
    """Sizes at which one more error becomes admissible, and all: where a discrete test wastes least of its level.

    Example:
        >>> counts_for_binomial(100, 0.1, 0.1)
        array([ 22,  38,  52,  65,  78,  91, 100])
    """
    sizes = smallest_sizes(np.arange(int(n * target_error) + 1), target_error, delta)
    return np.append(sizes[sizes < n], n)


def counts_for_shares(n: int, steps: int = 100) -> NDArray[np.int64]:
    """1/steps, 2/steps, ... of the scores, rounded up.

    Example:
        >>> counts_for_shares(10, steps=4)
        array([ 3,  5,  8, 10])
    """
    return np.unique(np.ceil(np.arange(1, steps + 1) * n / steps - 1e-9).astype(np.int64))


def last_passed(passed: NDArray[np.bool_]) -> int | None:
    """Number of the last candidate before the first failure; None if the first one fails.

    Example:
        >>> last_passed(np.array([True, True, False, True])), last_passed(np.array([False, True]))
        (1, None)
    """
    length = int(np.cumprod(passed, dtype=np.int64).sum())
    return length - 1 if length else None
