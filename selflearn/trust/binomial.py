"""Exact binomial tests: may ``k`` errors among ``n`` independent accepted items be held against an error rate?"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from selflearn.trust.items import Floats

_MOST_ERRORS = 1_000_000  # beyond it the rate is too near the target for any audit


def binomial_p_values(errors: ArrayLike, n: ArrayLike, target_error: float) -> Floats:
    """P(Bin(n, target) <= errors): how surprising so few errors are if the true rate is above the target.

    At most delta exactly where the one-sided Clopper-Pearson bound at level 1 - delta is at most the target. For
    counts that are not whole, effective ones, the same tail of the beta distribution (Korn and Graubard 1998).

    Args:
        errors: wrong items among the accepted.
        n: accepted items; without any the p-value is 1.
        target_error: the rate to be excluded.

    Example:
        >>> binomial_p_values([0, 0], [21, 22], 0.1).round(4)
        array([0.1094, 0.0985])
    """
    k, total = np.broadcast_arrays(np.asarray(errors, dtype=float), np.asarray(n, dtype=float))
    rest = total - k  # P(Bin(n, p) <= k) = P(Beta(k + 1, n - k) > p)
    return np.where(rest > 0, stats.beta.sf(target_error, k + 1, np.maximum(rest, 1e-12)), 1.0)


def smallest_sizes(errors: ArrayLike, target_error: float, delta: float) -> NDArray[np.int64]:
    """The fewest accepted items with which so many errors still pass.

    Bin(n, p) <= k says that the (k + 1)-th error comes after item n: a quantile of the negative binomial.

    Example:
        >>> smallest_sizes([0, 1, 2, 5, 10], 0.05, 0.1)
        array([ 45,  77, 105, 184, 306])
    """
    k = np.asarray(errors, dtype=np.int64)
    sizes: NDArray[np.int64] = k + 1 + stats.nbinom.ppf(1 - delta, k + 1, target_error).astype(np.int64)
    return sizes


def needed_size(rate: float, target_error: float, delta: float) -> int | None:
    """The fewest accepted items that pass if errors come at this rate; None where it is not below the target.

    Example:
        >>> needed_size(0.0, 0.05, 0.1), needed_size(0.02, 0.05, 0.1), needed_size(0.06, 0.05, 0.1)
        (45, 132, None)
    """
    if not rate < target_error:
        return None
    errors, sizes = _size_table(target_error, delta)
    enough = np.flatnonzero(rate * sizes <= errors)
    return int(sizes[enough[0]]) if len(enough) else None


@lru_cache(maxsize=64)
def _size_table(target_error: float, delta: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    errors = np.unique(np.geomspace(1, _MOST_ERRORS, 400).astype(np.int64)) - 1
    return errors, smallest_sizes(errors, target_error, delta)
