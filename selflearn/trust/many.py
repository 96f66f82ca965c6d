"""Many promises at once: a threshold for each label value or each domain, all of them kept together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from selflearn.trust.certificate import Certificate
from selflearn.trust.certify import certify
from selflearn.trust.items import Floats, Groups, check_probability, numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatesTogether:
    """One certificate a name, and what it costs that all are to hold at once.

    Attributes:
        certificates: by name; all promises hold together with the confidence asked for.
        price: by name, the coverage that a promise for this name alone would have had more. Not a certificate: to pick
            the names that look best and take their lone promises would break them.
    """

    certificates: Mapping[str, Certificate]
    price: Mapping[str, float]


def certify_each(
    scores: ArrayLike,
    correct: ArrayLike,
    names: Sequence[str],
    groups: Groups | None = None,
    target_error: float = 0.05,
    confidence: float = 0.9,
    method: str = "auto",
    max_items: int | None = None,
    seed: int = 0,
    starts: int = 1,
    units: Groups | None = None,
    unit: str = "dialogue",
    weights: ArrayLike | None = None,
    pool_scores: ArrayLike | None = None,
    pool_names: Sequence[str] | None = None,
) -> CertificatesTogether:
    """Certify the items of each name for themselves, by Bonferroni: each at delta / number of names.

    Args:
        scores: as in :func:`certify`, as are the arguments that are not here.
        correct: whether the label is right.
        names: predicted label or domain of each item, ``(N,)``: what is known of every item, audited or not.
        groups: the dialogue of each item.
        target_error: among the accepted items of each name.
        confidence: that all promises hold.
        method: of every one.
        max_items: at most so many accepted items of a name in a dialogue.
        seed: order of the dialogues.
        starts: of the walk of every one.
        units: what repeats beyond dialogues, ``(N,)``.
        unit: what promises call them.
        weights: of the items, ``(N,)``.
        pool_scores: of unlabelled items, ``(unlabelled,)``, with every audited name among them.
        pool_names: predicted label or domain of each of these.

    Raises:
        ValueError: lengths differ, or a value is not what it should be.

    Example:
        >>> found = certify_each([0.9] * 200, [True] * 200, ["play", "stop"] * 100)
        >>> {name: one.coverage for name, one in found.certificates.items()}
        {'play': 1.0, 'stop': 1.0}
    """
    check_probability("confidence", confidence)
    columns = _columns(scores=scores, correct=correct, names=names, groups=groups, units=units, weights=weights)
    labels = columns.pop("names")
    distinct = sorted(set(labels.tolist()))
    pool = _pool(pool_scores, pool_names, distinct)
    levels = 1 - (1 - confidence) / max(len(distinct), 1), confidence
    certified = partial(
        certify, target_error=target_error, method=method, max_items=max_items, seed=seed, starts=starts, unit=unit
    )
    together: dict[str, Certificate] = {}
    price: dict[str, float] = {}
    for name in distinct:
        own = {column: values[labels == name] for column, values in columns.items()}
        joint, alone = (certified(**own, confidence=level, pool_scores=pool.get(name)) for level in levels)
        together[name], price[name] = joint, alone.coverage - joint.coverage
    return CertificatesTogether(certificates=together, price=price)


def _columns(**given: ArrayLike | Groups | None) -> dict[str, NDArray[Any]]:
    """What is given of the items, as arrays of the same length."""
    kinds = {"names": object}  # as they are: an array of strings would cut or cast them
    found = {
        name: numbered(name, values) if name in ("groups", "units") else np.asarray(values, kinds.get(name))  # type: ignore[arg-type]
        for name, values in given.items()
        if values is not None
    }
    items = len(found["scores"])
    for name, values in found.items():
        if len(values) != items:
            raise ValueError(f"{len(values)} {name} for {items} scores; expected one an item, in the same order")
    return found


def _pool(scores: ArrayLike | None, names: Sequence[str] | None, audited: Sequence[str]) -> dict[str, Floats]:
    """Scores of the unlabelled items of each audited name; nothing without a pool."""
    if scores is None and names is None:
        return {}
    if scores is None or names is None or len(names) != len(np.asarray(scores)):
        raise ValueError("pool_scores and pool_names are not of the same items; expected both, one an item")
    values, labels = np.asarray(scores, dtype=float), np.asarray(names, dtype=object)
    found = {name: values[labels == name] for name in audited}
    absent = [name for name, own in found.items() if not len(own)]
    if absent:
        raise ValueError(f"pool_names lack {absent[0]!r}, which was audited; expected the population that the audit "
                         "was drawn from")  # fmt: skip
    return found
