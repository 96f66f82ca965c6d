"""Betting against "the error rate is above the target": exact for totals of dialogues, whatever happens inside one.

X_g is the sum over the accepted items of dialogue g of weight * (loss - target). The error rate among the accepted,
every item counting the same, is at most the target exactly if E[X] <= 0, however long dialogues are and however their
items hang together. If E[X] >= 0, the wealth of a player who stakes the share lambda_g of it on "X_g is negative",
W = prod(1 - lambda_g X_g), is a supermartingale for any stakes that depend on the past alone, and reaches 1/delta with
probability delta at most (Ville 1939; Waudby-Smith and Ramdas, JRSS-B 2024, section 4).

Which stakes are played decides the power, not the validity. The number of dialogues is known, and only reaching 1/delta
counts; the stakes are therefore those that replicate a bet which pays 1/delta or nothing at the last dialogue: with
r dialogues to come, standard deviation s and p = delta * W, lambda = phi(z) / (p * s * sqrt(r)), z = Phi^-1(p). In the
limit this has the power of the best test for a fixed size. The idea of aiming anew at each step is that of STaR-Bets
(Voracek and Orabona 2025); the stakes here are ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from selflearn.trust.items import Floats

_OF_LARGEST = 0.98  # of the stake at which one dialogue could take all


def largest_stake(bound: float) -> float:
    """The largest lambda that is played when no X exceeds ``bound``."""
    return _OF_LARGEST / bound


def wealth_reaches(totals: Floats, stake: float, second_moment: Floats, delta: Floats) -> NDArray[np.bool_]:
    """Whether the player's wealth reaches 1/delta, for several thresholds and levels side by side.

    Args:
        totals: X, ``(G, thresholds)``, dialogues in random order.
        stake: the largest share of the wealth that may be staked; below 1 / max X.
        second_moment: a first guess of E[X^2] made without these dialogues, ``(thresholds,)``, above 0; counts as one.
        delta: levels of the test, ``(levels,)``.

    Returns:
        bool, ``(levels, thresholds)``.
    """
    level = delta[:, None]
    log_wealth = np.zeros((len(delta), totals.shape[1]))
    reached = np.zeros(log_wealth.shape, dtype=bool)
    squares = second_moment.astype(float).copy()
    goal = -np.log(level)
    for g, x in enumerate(totals):
        left = len(totals) - g
        p = np.clip(level * np.exp(log_wealth), 1e-12, 1 - 1e-6)
        z = ndtri(p)
        sd = np.sqrt(left * squares / (g + 1))
        stakes = np.minimum(np.exp(-0.5 * z * z) / (np.sqrt(2 * np.pi) * p * sd), stake)
        log_wealth = np.where(reached, log_wealth, log_wealth + np.log1p(-stakes * x))
        reached |= log_wealth >= goal
        squares += x * x
    return reached


def log_wealth_if_all_right(sizes: Floats, stake: float, target_error: float) -> Floats:
    """Growth of the wealth a dialogue at most, as a logarithm: every accepted item right, always the largest stake.

    Args:
        sizes: accepted weight of each dialogue, ``(G, thresholds)``; no label is needed.
        stake: largest stake.
        target_error: the target.
    """
    return np.asarray(np.log1p(stake * target_error * sizes).mean(0))


def needed_dialogues(totals: Floats, stake: float, delta: float) -> float | None:
    """About how many dialogues it takes at the best of the thresholds, if they are like these; None if none would do.

    In hindsight, with the best of constant stakes: what is said only where no walk would pass its start.

    Args:
        totals: X, ``(G, thresholds)``.
        stake: largest stake.
        delta: level.
    """
    if not totals.size:
        return None
    gain, squares = -totals.mean(0), (totals**2).mean(0)
    stakes = np.clip(gain / np.maximum(squares, 1e-12), 0, stake)
    growth = np.log1p(-stakes * totals).mean(0)
    best = float(growth.max())
    return -np.log(delta) / best if best > 1e-9 else None
