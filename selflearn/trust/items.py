"""Audited items as arrays: what may be passed in is checked here, once, for every method."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pandas import isna
from pandas.api.types import is_scalar

Floats = NDArray[np.float64]
Groups = Sequence[object] | NDArray[np.generic]

_MEANS = {"groups": "dialogue", "units": "unit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedItems:
    """``N`` audited items of ``G`` dialogues.

    Attributes:
        scores: ``(N,)``.
        losses: ``(N,)``, from 0 (right) to 1 (wrong).
        groups: number of the unit of each, ``(N,)`` in ``[0, G)``: of what was drawn by itself, and may be a dialogue,
            all dialogues of a user, or an item.
        num_groups: ``G``.
        weights: ``(N,)``, above 0.
        cap: most items of a dialogue that are accepted; None for any number.
        most: most eligible items of a unit.
        eligible: bool, ``(N,)``: among the ``cap`` best scores of its dialogue.
        clustered: some unit has more than one item.
    """

    scores: Floats
    losses: Floats
    groups: NDArray[np.int64]
    num_groups: int
    weights: Floats
    cap: int | None
    most: int
    eligible: NDArray[np.bool_]
    clustered: bool

    def accepted(self, threshold: float) -> NDArray[np.bool_]:
        """Items that reach the threshold and are eligible, bool ``(N,)``."""
        return (self.scores >= threshold) & self.eligible


def check_probability(name: str, value: float) -> None:
    """See that a number is above 0 and below 1.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, (int, float, np.number)) or not 0 < value < 1:
        raise ValueError(f"{name} is {value!r}; expected a number above 0 and below 1")


def check_numbers(name: str, values: ArrayLike, *, length: int | None = None) -> Floats:
    """Finite numbers, one-dimensional.

    Raises:
        ValueError: another shape or length, or a value that is no finite number.
    """
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected one number an item, (N,)")
    if length is not None and len(array) != length:
        raise ValueError(f"{len(array)} {name} for {length} scores; expected one an item, in the same order")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise ValueError(f"{name}[{bad[0]}] is {array[bad[0]]} ({len(bad)} of {len(array)} are no finite number); "
                         "expected a finite number for every item: leave out items without a score")  # fmt: skip
    return array


def whole_numbers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Whole numbers, one-dimensional, ``(N,)``.

    Raises:
        ValueError: another shape, or a value that is no whole number.
    """
    array = check_numbers(name, values)
    bad = np.flatnonzero(array != np.floor(array))
    if len(bad):
        raise ValueError(f"{name}[{bad[0]}] is {array[bad[0]]}; expected whole numbers")
    return array.astype(np.int64)


def check_correct(correct: ArrayLike, length: int) -> NDArray[np.bool_]:
    """Decisions right or wrong, bool ``(N,)``.

    Raises:
        ValueError: another length, or a value that is neither 0 nor 1.
    """
    array = check_numbers("correct", correct, length=length)
    bad = np.flatnonzero((array != 0) & (array != 1))
    if len(bad):
        raise ValueError(f"correct[{bad[0]}] is {array[bad[0]]}; expected 0 or 1: for losses between, "
                         "certify_losses")  # fmt: skip
    return array.astype(bool)


def audited_items(
    scores: ArrayLike,
    losses: ArrayLike,
    groups: Groups | None = None,
    weights: ArrayLike | None = None,
    max_items: int | None = None,
    units: Groups | None = None,
) -> AuditedItems:
    """Check the arrays of an audit and put them together.

    Raises:
        ValueError: lengths differ, a number is not finite, a loss lies outside [0, 1], a weight is not above 0,
            ``max_items`` is below 1 or comes without groups, the dialogue or unit of an item is missing, or a dialogue
            is of several units.
    """
    values = check_numbers("scores", scores)
    loss = check_numbers("losses", losses, length=len(values))
    outside = np.flatnonzero((loss < 0) | (loss > 1))
    if len(outside):
        raise ValueError(f"losses[{outside[0]}] is {loss[outside[0]]}; expected 0 (right) to 1 (wrong)")
    weight = np.ones_like(values) if weights is None else check_numbers("weights", weights, length=len(values))
    if (weight <= 0).any():
        first = int((weight <= 0).argmax())
        raise ValueError(f"weights[{first}] is {weight[first]}; expected weights above 0")
    for what, given in (("groups", groups), ("units", units)):
        if given is not None and len(given) != len(values):
            raise ValueError(f"{len(given)} {what} for {len(values)} scores; expected the {_MEANS[what]} of each item")
    if max_items is not None and (groups is None or max_items < 1 or max_items != int(max_items)):
        raise ValueError(f"max_items is {max_items}; expected a whole number from 1 on, and with groups: it limits "
                         "what is accepted of a dialogue")  # fmt: skip
    dialogues = np.arange(len(values)) if groups is None else numbered("groups", groups)
    drawn = dialogues if units is None else numbered("units", units)
    pairs = dialogues * (drawn.max(initial=0) + 1) + drawn
    if groups is not None and len(np.unique(pairs)) > len(np.unique(dialogues)):
        raise ValueError("a dialogue (one of groups) is of several units; expected that all of its items are of one")
    longest = int(np.bincount(dialogues).max(initial=1))
    cap = longest if max_items is None and groups is not None and units is None else max_items
    eligible = np.ones(len(values), dtype=bool) if cap is None else rank_in_group(values, dialogues) < cap
    sizes = np.bincount(drawn)
    found = int(np.bincount(drawn[eligible]).max(initial=1))
    return AuditedItems(
        scores=values, losses=loss, groups=drawn, num_groups=len(sizes), weights=weight, cap=cap,
        most=cap if cap is not None and units is None else found, eligible=eligible,
        clustered=int(sizes.max(initial=1)) > 1,
    )  # fmt: skip


def numbered(what: str, names: Groups) -> NDArray[np.int64]:
    """The place of each name among all that are distinct: in their order, if they have one.

    Raises:
        ValueError: a name is missing (None or NaN).
    """
    given = names.tolist() if isinstance(names, np.ndarray) else list(names)
    if missing := [i for i, name in enumerate(given) if is_scalar(name) and isna(name)]:
        raise ValueError(f"{what}[{missing[0]}] is {given[missing[0]]!r} ({len(missing)} of {len(given)} are missing); "
                         f"expected the {_MEANS[what]} of each item")  # fmt: skip
    distinct = list(dict.fromkeys(given))
    with suppress(TypeError):
        distinct.sort()
    places = {name: place for place, name in enumerate(distinct)}
    return np.array([places[name] for name in given], dtype=np.int64)


def rank_in_group(scores: Floats, groups: NDArray[np.integer]) -> NDArray[np.int64]:
    """Place of each item in its group by falling score, from 0; the first of equal scores first.

    Example:
        >>> rank_in_group(np.array([0.2, 0.9, 0.5]), np.array([0, 0, 1]))
        array([1, 0, 0])
    """
    order = np.lexsort((-scores, groups))
    first = np.zeros(len(scores), dtype=np.int64)
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    first[starts] = starts
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[order] = np.arange(len(scores)) - np.maximum.accumulate(first)
    return ranks
