"""What a certified threshold is: the threshold, what it accepts, and what it promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from selflearn.trust.items import numbered, rank_in_group


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A threshold with its promise, or the abstention from one.

    Attributes:
        threshold: items whose score reaches it are accepted; None where nothing can be certified.
        coverage: share of the items that is accepted: of the pool where one was given, else of the audit.
        n: audited items.
        method: ``"binomial"``, ``"betting"`` or ``"design_effect"``.
        promise: in words; what an abstention lacks, where there is no threshold.
        target_error: largest error rate (mean loss) among the accepted.
        confidence: probability of an audit after which the promise holds, at least; about, where not ``exact``.
        exact: whether the confidence is proven for any number of audited items, or approximate.
        accepted: audited items that are accepted.
        errors: of those, the wrong ones; the sum of their losses.
        max_items: at most so many items of a dialogue are accepted, the best first; None without dialogues.
        more_items: of an abstention, about how many more audited items it takes while errors stay as they were
            observed; 0 where a larger share of the same audit passes, which a walk does not come to, as too many of the
            best scores are wrong; None where no number would do, and for a threshold.
        starts: places that the walk started from.
        unit: what was drawn by itself, and so must not repeat: ``"item"``, ``"dialogue"``, ``"user"`` or ``"turn"``.
        units: how many of them were audited.
    """

    threshold: float | None
    coverage: float
    n: int
    method: str
    promise: str
    target_error: float
    confidence: float
    exact: bool
    accepted: int
    errors: float
    max_items: int | None
    more_items: int | None
    starts: int = 1
    unit: str = "item"
    units: int = 0

    @property
    def more_units(self) -> int | None:
        """Of an abstention, about how many more units ``more_items`` are; None where it says no number."""
        if not self.more_items or not self.units:
            return None
        return math.ceil(self.more_items * self.units / self.n)

    def accept(
        self, scores: ArrayLike, groups: Sequence[object] | NDArray[np.generic] | None = None
    ) -> NDArray[np.bool_]:
        """Which items the promise covers; those that it does not are for people.

        Args:
            scores: of new items, ``(N,)``; NaN is never accepted.
            groups: the dialogue of each; needed where ``max_items`` limits what is accepted of one.

        Returns:
            bool, ``(N,)``.

        Raises:
            ValueError: the certificate limits the items of a dialogue, and the dialogues are not given, or that of an
                item is missing.

        Example:
            >>> from selflearn.trust import certify
            >>> certify([0.9] * 60, [True] * 60).accept([0.95, 0.1])
            array([ True,  True])
        """
        values = np.asarray(scores, dtype=float)
        if self.threshold is not None and self.max_items is not None and (groups is None or len(groups) != len(values)):
            given = "no groups" if groups is None else f"{len(groups)} groups"
            raise ValueError(f"{given} for {len(values)} scores; expected the dialogue of each item, as at most "
                             f"{self.max_items} of a dialogue are accepted")  # fmt: skip
        return accepted_items(values, groups, threshold=self.threshold, max_items=self.max_items)


def accepted_items(
    scores: ArrayLike,
    groups: Sequence[object] | NDArray[np.generic] | None = None,
    *,
    threshold: float | None,
    max_items: int | None,
) -> NDArray[np.bool_]:
    """Which items reach a threshold, the best first where at most so many of a dialogue are accepted.

    Args:
        scores: ``(N,)``; NaN is never accepted.
        groups: the dialogue of each, ``(N,)``; None where all are of one dialogue.
        threshold: None accepts nothing.
        max_items: of a dialogue; None for any number. Of equal scores the first.

    Raises:
        ValueError: ``max_items`` is given, and the dialogue of an item is missing.

    Example:
        >>> accepted_items([0.6, 0.9, 0.7], threshold=0.5, max_items=2)
        array([False,  True,  True])
    """
    values = np.asarray(scores, dtype=float)
    if threshold is None:
        return np.zeros(len(values), dtype=bool)
    over = values >= threshold
    if max_items is None:
        return over
    numbers = np.zeros(len(values), dtype=np.int64) if groups is None else numbered("groups", groups)
    best_first = np.where(np.isnan(values), -np.inf, values)
    return over & (rank_in_group(best_first, numbers) < max_items)
