"""Counts divided by the design effect: the practical test for items in dialogues, approximate.

Errors of one dialogue resemble each other, so that n accepted items tell as much as n / d independent ones; d, the
design effect, is estimated from how much the error counts of dialogues vary (ratio estimator, Taylor linearisation),
with a penalty for few dialogues, and the effective counts go into the exact binomial test (Korn and Graubard, Survey
Methodology 1998). The estimate of d is what makes it approximate.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from selflearn.trust.items import Floats


def effective_counts(losses: Floats, sizes: Floats, items: Floats, delta: float) -> tuple[Floats, Floats]:
    """Effective errors and effective sizes at several thresholds.

    Args:
        losses: weighted wrong items of each dialogue, ``(G, thresholds)``.
        sizes: weighted accepted items of each, ``(G, thresholds)``.
        items: accepted items, ``(thresholds,)``; the effective size is never above.
        delta: level of the test that follows.

    Returns:
        Errors ``(thresholds,)`` and sizes ``(thresholds,)``. Where d cannot be estimated, without any error or from a
        single dialogue, a dialogue counts as one item.
    """
    dialogues = (sizes > 0).sum(0).astype(float)
    known = dialogues >= 2
    count = np.where(known, dialogues, 2.0)
    total = np.maximum(sizes.sum(0), 1e-12)
    rate = losses.sum(0) / total
    spread = ((losses - rate * sizes) ** 2).sum(0)
    variance = count / (count - 1) * spread / total**2
    varies = (variance > 0) & (rate > 0)
    size = np.where(varies, rate * (1 - rate) / np.where(varies, variance, 1.0), dialogues)
    most = np.maximum(items, 2.0)
    of_items, of_dialogues = stats.t.ppf(1 - delta, most - 1), stats.t.ppf(1 - delta, count - 1)
    even = of_dialogues == 0  # an even chance: no interval to widen
    penalty = np.where(even, 1.0, of_items / np.where(even, 1.0, of_dialogues)) ** 2
    size = np.where(known, np.minimum(size * penalty, items), dialogues)
    return rate * size, size
