"""Cuts of a corpus that keep together what belongs together: a person's dialogues never stand on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def group_folds(groups: Sequence[str], folds: int, seed: int) -> list[list[int]]:
    """Rows of each fold; rows of one group are in one fold, and folds are as even as that allows.

    Args:
        groups: group of each row (a user, a dialogue, a question).
        folds: how many.
        seed: of the shuffle of groups.

    Raises:
        ValueError: there are fewer groups than folds.

    Example:
        >>> sorted(map(sorted, group_folds(["a", "a", "b", "c"], 2, seed=0)))
        [[0, 1], [2, 3]]
    """
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    if len(members) < folds:
        raise ValueError(f"{len(members)} groups cannot be cut into {folds} folds; expected at most one fold a group")
    names = sorted(members)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    if len(members) < len(groups):  # groups of different size: the large ones first, each into the smallest fold
        order.sort(key=lambda name: -len(members[name]))
    found: list[list[int]] = [[] for _ in range(folds)]
    for name in order:
        min(found, key=len).extend(members[name])
    return [sorted(fold) for fold in found]


def cut_off(groups: Sequence[str], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Rows that stay, in a shuffled order, and rows that are cut off (about ``share`` of them); groups stay whole.

    The order depends on (groups, seed) alone, so that the first ``n`` rows for one ``n`` are among those for a larger.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise ValueError(
            f"{len(groups)} dialogues of {len(names)} users cannot be cut in two; expected two users or more"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    place = {names[i]: rank for rank, i in enumerate(order)}
    rows = sorted(range(len(groups)), key=lambda row: (place[groups[row]], row))
    wanted = max(1, round(share * len(rows)))
    taken: list[int] = []
    last: str | None = None
    for row in rows:
        if len(taken) >= wanted and groups[row] != last:
            break
        taken.append(row)
        last = groups[row]
    cut = set(taken)
    return [row for row in rows if row not in cut], taken
