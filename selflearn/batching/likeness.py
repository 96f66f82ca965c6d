"""How many words a request shares with those around it.

Words are compared, not meanings: who says a thing again keeps its words, while an encoder finds all requests of a goal
alike.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rapidfuzz.distance import Indel

from selflearn.schema import Turn

AROUND = {-1: "before", 1: "next", 2: "after_next"}
"""Turns that a request is compared with, counted from its own."""


def seen_around(*, context: bool, causal: bool) -> list[int]:
    """Those of :data:`AROUND` that a model may see: nothing without context, nothing later if it is causal.

    Example:
        >>> seen_around(context=True, causal=True)
        [-1]
    """
    return [offset for offset in AROUND if context and not (causal and offset > 0)]


def common_words(text: Sequence[str], other: Sequence[str]) -> float:
    """Share of the words of both that stand in both in the same order, in [0, 1].

    One less the normalised edit distance by insertions and deletions.

    Example:
        >>> common_words("play the march song".split(), "play the marsh song".split())
        0.75
    """
    return float(Indel.normalized_similarity(text, other))


def words_around(turns: Sequence[Turn], turn: int) -> dict[int, list[str]]:
    """Words of the requests around a turn, by offset; nothing where there is no request, or none with words."""
    found = {}
    for offset in AROUND:
        words = (turns[turn + offset].request or "").split() if 0 <= turn + offset < len(turns) else []
        if words:
            found[offset] = words
    return found


def likeness_features(turns: Sequence[Turn], offsets: Collection[int] = tuple(AROUND)) -> list[dict[str, float]]:
    """Named numbers of each turn, as :func:`selflearn.batching.features.numeric_features`: what it shares with others.

    Args:
        turns: of a dialogue.
        offsets: of :data:`AROUND`, those that may be seen.

    Example:
        >>> likeness_features([Turn(request="lights on"), Turn(request="kitchen lights on")])
        [{'likeness.next': 0.8}, {'likeness.before': 0.8}]
    """
    found = []
    for t, turn in enumerate(turns):
        words = (turn.request or "").split()
        around = words_around(turns, t) if words and offsets else {}
        found.append({
            f"likeness.{AROUND[offset]}": common_words(words, other)
            for offset, other in around.items() if offset in offsets
        })  # fmt: skip
    return found
