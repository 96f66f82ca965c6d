"""What to audit: items drawn one by one from a large pool, so that no label is wasted on a dialogue's likeness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from selflearn.schema import Dialogue
from selflearn.trust.items import whole_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """Which items to audit.

    Attributes:
        items: (dialogue id, number of the item in it), those of one dialogue together, in the order of the pool.
        dialogues: how many dialogues have to be opened.
        pool: items that they were drawn from.
    """

    items: tuple[tuple[str, int], ...]
    dialogues: int
    pool: int


def audit_plan(dialogues: Iterable[Dialogue] | Mapping[str, int], n: int, *, seed: int = 0) -> AuditPlan:
    """Draw ``n`` items, each as likely as any other, without replacement.

    A dialogue comes in proportion to its length, and from a large pool hardly twice. For the pool the audited items are
    then independent draws whatever dialogues have in common: certify them *without* ``groups``. Whole dialogues would
    cost the design effect: two to four times the labels for the same share.

    Args:
        dialogues: the pool; its turns are the items. For other items (goals, spans) their number by dialogue id.
        n: items to audit.
        seed: of the draw.

    Raises:
        ValueError: the pool has fewer items, an id comes twice, a number of items is below 0 or no whole one, or ``n``
            is below 1.

    Example:
        >>> audit_plan({"a": 3, "b": 0, "c": 5}, 2).pool
        8
    """
    pairs = list(dialogues.items()) if isinstance(dialogues, Mapping) else [(d.id, len(d.turns)) for d in dialogues]
    names, sizes = [name for name, _ in pairs], whole_numbers("the number of items", [size for _, size in pairs])
    if len(set(names)) != len(names):
        raise ValueError(f"{len(names) - len(set(names))} dialogue ids come twice; expected each dialogue once")
    if (sizes < 0).any():
        raise ValueError(f"dialogue {names[int(sizes.argmin())]!r} has {sizes.min()} items; expected 0 or more")
    total = int(sizes.sum())
    if not 1 <= n <= total:
        raise ValueError(f"n is {n}, the pool has {total} items; expected from 1 to as many as it has")
    drawn = np.sort(np.random.default_rng(seed).choice(total, n, replace=False))
    ends = np.cumsum(sizes)
    homes = np.searchsorted(ends, drawn, side="right")
    numbers = drawn - (ends - sizes)[homes]
    items = tuple((names[home], number) for home, number in zip(homes.tolist(), numbers.tolist(), strict=True))
    return AuditPlan(items=items, dialogues=len(np.unique(homes)), pool=total)
