"""Cuts of a corpus that keep together what belongs together: a person's dialogues never stand on both sides.

Nor does a dialogue that two corpora share: one that was drawn from the other, as parts of USS were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from selflearn.schema import Dialogue

OPENING = 2
"""Turns at the beginning by which a dialogue is known again, where what follows was edited."""


def owner_of(user_id: str | None, dialogue_id: str) -> str:
    """Whose a dialogue is: its user's, or where no user is known (None, or empty) its own.

    What the dialogues of one owner share is no chance: they stay on one side of a cut, and are drawn together.

    Example:
        >>> owner_of("ann", "7"), owner_of(None, "8")
        ('ann', '8')
    """
    return user_id or dialogue_id


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
    Groups of more than a fifth of all rows come last in it, as one of them is more than is mostly asked for, and the
    last group is never cut off.

    Raises:
        ValueError: there are fewer than two groups.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise ValueError(
            f"{len(groups)} dialogues of {len(names)} users cannot be cut in two; expected two users or more"
        )
    shuffled, sizes = np.random.default_rng(seed).permutation(len(names)), Counter(groups)
    order = sorted((names[i] for i in shuffled), key=lambda name: sizes[name] > len(groups) / 5)
    members: dict[str, list[int]] = {name: [] for name in order}
    for row, name in enumerate(groups):
        members[name].append(row)
    wanted, cut, taken = max(1, round(share * len(groups))), 0, 0
    while taken < wanted and cut < len(order) - 1:
        taken += sizes[order[cut]]
        cut += 1
    stay, off = ([row for name in part for row in members[name]] for part in (order[cut:], order[:cut]))
    return stay, off


def hold_out(groups: Sequence[str], share: float, seed: int) -> tuple[list[int], list[int], list[int]]:
    """Rows to learn from, to tune on and to calibrate on: about ``share`` is held out, and each of the two has half.

    What tunes does not calibrate: a probability is to hold on dialogues that no decision was fitted to. Groups stay
    whole; of a single one nothing is left to calibrate on.

    Args:
        groups: group of each row (a user, a dialogue).
        share: of the rows that are held out.
        seed: of the shuffles.

    Raises:
        ValueError: there are fewer than two groups.

    Example:
        >>> learn, tune, calibrate = hold_out(list("abcdefgh"), 0.5, seed=0)
        >>> len(learn), len(tune), len(calibrate)
        (4, 2, 2)
    """
    learn, held = cut_off(groups, share, seed)
    owners = [groups[row] for row in held]
    if len(set(owners)) < 2:
        return learn, held, []
    tune, calibrate = group_folds(owners, 2, seed)
    return learn, [held[i] for i in tune], [held[i] for i in calibrate]


def same_dialogues(dialogues: Iterable[Dialogue], others: Iterable[Dialogue]) -> dict[str, str]:
    """For each dialogue that is among the others too, by its id, the id that it has there.

    The same is one with the same texts, blanks aside; where there is none, the last one that opens with the same two
    turns. Memory is constant in the number of the others.

    Args:
        dialogues: with ids of their own, for example the part "sgd" of USS.
        others: for example the training split of SGD.
    """
    wanted: dict[tuple[str, ...], list[tuple[str, tuple[str, ...]]]] = {}
    for dialogue in dialogues:
        texts = _texts(dialogue)
        wanted.setdefault(texts[: 2 * OPENING], []).append((dialogue.id, texts))
    found: dict[str, str] = {}
    exact: set[str] = set()
    for other in others:
        texts = _texts(other)
        for name, own in wanted.get(texts[: 2 * OPENING], ()):
            if name not in exact:
                found[name] = other.id
                exact |= {name} if own == texts else set()
    return found


def _texts(dialogue: Dialogue) -> tuple[str, ...]:
    """Request and response of each turn with single blanks; empty where there is none."""
    return tuple(" ".join((text or "").split()) for turn in dialogue.turns for text in (turn.request, turn.response))
