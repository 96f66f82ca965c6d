"""What an abstention lacks: about how many more items, by trying how a larger audit of the same kind would go.

A larger audit is put together from the dialogues of the one that failed, and walked as that one was: from where a walk
over so many starts, which hangs on scores alone. What looks best once the labels are known is not asked: it would pass
too soon, also of scores in the best of orders. Half an error more is counted, as the few best items may all be right by
luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from selflearn.trust import betting
from selflearn.trust.binomial import binomial_p_values
from selflearn.trust.items import Floats

_GROWTHS = (1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6.5, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100)
_UNSEEN = 0.5  # of an error
_TRIES = 16
_MOST_BETS = 8_000  # beyond it, what a test of the best power needs


def more_items(n: int, passes: Callable[[float], bool]) -> int | None:
    """Items that are missing: the least of some sizes at which an audit passes, less what there is; None for none.

    Args:
        n: audited items.
        passes: whether an audit so many times as large has an even chance.
    """
    growth = next((growth for growth in _GROWTHS if passes(growth)), None)
    return None if growth is None else math.ceil((growth - 1) * n)


def counts_pass(
    errors: Floats, sizes: Floats, reached: Floats, start_size: Callable[[float], int], target: float, level: float
) -> Callable[[float], bool]:
    """Whether a walk of binomial tests has an even chance where it starts.

    Args:
        errors: at candidates from cautious to generous, ``(candidates,)``; effective ones, where dialogues count.
        sizes: accepted items, ``(candidates,)``; effective ones too.
        reached: what the start is counted in, accepted items or dialogues, ``(candidates,)``, rising.
        start_size: how many of these a walk starts from, in an audit so many times as large.
        target: error rate to be excluded.
        level: of the test.
    """

    def passes(growth: float) -> bool:
        ready = reached * growth >= start_size(growth)
        if not ready.any():
            return False
        start = int(ready.argmax())
        p = binomial_p_values(growth * errors[start] + _UNSEEN, growth * sizes[start], target)
        return bool(p <= level)

    return passes


def bets_pass(
    totals: Floats, sizes: Floats, *, stake: float, target: float, start_wealth: float, played: float, level: float,
    seed: int,
) -> Callable[[float], bool]:  # fmt: skip
    """Whether half of the audits that are drawn from these dialogues would pass where their walk starts.

    Args:
        totals: X at candidates from cautious to generous, ``(G, candidates)``.
        sizes: accepted weight of each dialogue, ``(G, candidates)``.
        stake: largest stake.
        target: the target.
        start_wealth: logarithm of the wealth without any error that a walk starts at.
        played: share of the dialogues that is bet on.
        level: of the test.
        seed: of the draws.
    """
    gains = np.array([betting.log_wealth_if_all_right(sizes[:, [t]], stake, target)[0] for t in range(sizes.shape[1])])
    dialogues = len(totals)

    def passes(growth: float) -> bool:
        bets = round(played * growth * dialogues)
        ready = bets * gains >= start_wealth
        if not ready.any():
            return False
        x, size = totals[:, ready.argmax()], sizes[:, ready.argmax()]
        x = x + _UNSEEN * size[size > 0].mean() / max((size > 0).sum(), 1) / dialogues
        gain, squares = -x.mean(), (x * x).mean()
        if gain <= 0 or bets * gain**2 < ndtri(level) ** 2 * squares:  # not even the best test passes
            return False
        if bets > _MOST_BETS:
            return True
        drawn = x[np.random.default_rng([seed, 2]).integers(dialogues, size=(bets, _TRIES))]
        guess = np.full(_TRIES, 0.5 * target * (1 - target) * (size * size).mean())
        reached = betting.wealth_reaches(drawn, min(stake, 0.98 / max(x.max(), 1e-12)), guess, np.array([level]))
        return bool(reached.mean() >= 0.5)

    return passes


def out_of_order(passed: NDArray[np.bool_], places: NDArray[np.int64], rates: Floats, target: float) -> bool:
    """Whether the audit itself says that the best scores are not the surest labels.

    Errors are above the target where the walk starts, and a larger share passes, which it never comes to.

    Args:
        passed: at the full level, ``(candidates,)``.
        places: where chains start, ``(starts,)``.
        rates: error rates or mean losses observed, ``(candidates,)``.
        target: the target.
    """
    if not len(places):
        return False
    start = int(places[0])
    return bool(rates[start] > target and passed[start + 1 :].any())
