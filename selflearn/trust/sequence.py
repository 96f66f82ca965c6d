"""Fixed sequence testing: candidate thresholds from cautious to generous, and the walk that stops at the first failure.

Learn-then-Test (Angelopoulos et al. 2021, arXiv:2110.01052), section 2: the order is fixed before the labels are seen,
each candidate is tested at the full level, and the first that fails ends the walk. The probability of passing any
threshold whose error rate is above the target is then that of one single wrong decision.

With J starts there are J such chains, each with the level delta/J. Chains that meet go on together with what they have
together (as levels flow on in the graphs of Bretz et al., Statistics in Medicine 2009), so that the full level is back
where all have met. It is still delta at most: a chain can only do wrong at the first candidate of its own way whose
error rate is above the target, and the levels of those who have the same one add up.

Candidates come from scores alone. With a pool they are quantiles of the pool, which the audit knows nothing of: exact
for any error rate as a function of the threshold. Without one they are order statistics of the audited scores: a
threshold is placed just above the (k + 1)-th score, so that the k items above it are, given the threshold, independent
draws from what it accepts. Which candidate is the first whose error rate is above the target then hangs on the audit,
but only on how many scores lie between the points where the rate crosses the target. Given these numbers, the items
between two crossings are wrong at exactly the target's rate, as it is that above either, and those between the last
crossing and the candidate more often: errors come at least as often as the test supposes, however many crossings there
are. That is for scores without ties.

Tied scores are accepted together or not at all, and the rate may jump over the target inside of a tie. Given how many
items a threshold accepts, they are still independent draws from what it accepts: at the first candidate whose rate is
above the target, the test is exact if no such threshold was passed over before it. A tie is passed over only where it
is smaller than the step to the next candidate. What comes after one whose rate is above the target adds errors at least
at the target's rate as long as scores further down are not right more often than that: then the walk is exact with ties
too. It is so without any such condition with a pool, and by betting, which places its candidates by dialogues that it
does not bet on. In between, rates that fall again below ties smaller than a step, nothing is proven; in simulation the
promise holds there as well (tests/trust/test_promises_kept.py).
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


def start_places(accepted: Floats, first: int, starts: int) -> NDArray[np.int64]:
    """Numbers of the candidates that the chains of a walk start from: ``first``, and those that accept 1/J, 2/J, ...

    Args:
        accepted: how much each candidate accepts, ``(candidates,)``, rising; counted without labels.
        first: where a test has a fair chance at all; the number of candidates where it has none anywhere. No chain
            starts before.
        starts: chains, ``J``.

    Returns:
        ``(starts,)``, rising; empty where no candidate can be started from.

    Example:
        >>> start_places(np.array([10.0, 40.0, 90.0, 160.0, 200.0]), 1, 2)
        array([1, 3])
    """
    if first >= len(accepted):
        return np.empty(0, dtype=np.int64)
    wanted = np.maximum(accepted[-1] * np.arange(starts) / starts, accepted[first])
    return np.asarray(np.searchsorted(accepted, wanted - 1e-9), dtype=np.int64)


def levels(delta: float, starts: int) -> Floats:
    """What a test may spend where 1, 2, ..., J of the J chains have met: ``(starts,)``."""
    return np.asarray(delta * np.arange(1, starts + 1) / starts)


def last_reached(passed: NDArray[np.bool_], places: NDArray[np.int64]) -> int | None:
    """Number of the last candidate that passes; None if every chain fails where it starts.

    Args:
        passed: at each of the :func:`levels`, bool, ``(starts, candidates)``. What passes at one has to pass at all
            above it.
        places: where chains start, ``(starts,)``.

    Example:
        >>> passed = np.array([[False, True, True, False, True], [False, True, True, True, False]])
        >>> last_reached(passed[1:], np.array([1])), last_reached(passed, np.array([0, 2]))
        (3, 2)
        >>> last_reached(passed, np.array([1, 2]))  # two that meet
        3
    """
    best, together = None, 0
    for candidate in range(passed.shape[1]):
        together += int(np.sum(np.equal(places, candidate)))
        if together and passed[together - 1, candidate]:
            best = candidate
        else:
            together = 0
    return best
