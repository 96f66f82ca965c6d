"""BIO tags: from named spans of characters to tags of tokens, and back by the best valid sequence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from selflearn.batching.lexical import in_one_word
from selflearn.schema import Slot

OUTSIDE = 0

PADDED_TOKENS = 200_000
"""Tokens of a batch of requests that are decoded at once, padding included."""


def begin_tag(label: int) -> int:
    """Tag number of ``B-label``; ``I-label`` is the next. ``O`` is 0, so ``C`` labels make ``2 C + 1`` tags."""
    return 1 + 2 * label


def tag_tokens(spans: Sequence[Sequence[int]], slots: Sequence[Slot], labels: dict[str, int]) -> list[int]:
    """Tags of the tokens of one request.

    Args:
        spans: characters ``[start, end)`` of each token, in order.
        slots: labelled spans, of which :func:`tagged_slots` get tags.
        labels: number of each name.

    Example:
        >>> slot = Slot(name="artist", start=5, end=9, text="Nina")
        >>> tag_tokens([(0, 4), (5, 7), (7, 9), (10, 11)], [slot], {"artist": 0})
        [0, 1, 2, 0]
    """
    tags = [OUTSIDE] * len(spans)
    for slot, inside in tagged_slots(spans, slots, labels):
        for i in inside:
            tags[i] = begin_tag(labels[slot.name]) + (i != inside[0])
    return tags


def tagged_slots(
    spans: Sequence[Sequence[int]], slots: Sequence[Slot], labels: Collection[str]
) -> list[tuple[Slot, list[int]]]:
    """The slots that get tags, the longest first, each with the numbers of its tokens.

    A token has one tag: where two slots share one the longer has it, and of two that are as long the first. Names
    outside ``labels``, and slots in a part of the request that is not read, get none either.

    Args:
        spans: characters ``[start, end)`` of each token, in order.
        slots: labelled spans of the request.
        labels: the known names.
    """
    found: list[tuple[Slot, list[int]]] = []
    taken: set[int] = set()
    for slot in sorted(slots, key=lambda slot: (slot.start - slot.end, slot.start)):
        inside = [i for i, (start, end) in enumerate(spans) if start < slot.end and end > slot.start]
        if slot.name in labels and inside and taken.isdisjoint(inside):
            taken.update(inside)
            found.append((slot, inside))
    return found


def best_tags(log_probs: np.ndarray, starts: Sequence[int] | np.ndarray) -> np.ndarray:
    """The most probable valid tag sequence of each request (Viterbi); ``I-x`` may follow ``B-x`` or ``I-x`` alone.

    Args:
        log_probs: of the tags of all tokens, request after request, ``[N, 2 C + 1]``.
        starts: where each request begins, the first at 0; all have tokens.

    Returns:
        Tag numbers, ``[N]``.

    Example:
        >>> best_tags(np.log([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.2, 0.1, 0.7]]), [0, 2])
        array([0, 1, 0])
    """
    tags: np.ndarray = log_probs.argmax(1)
    firsts = np.asarray(starts, np.int64)
    before = np.empty_like(tags)
    before[1:], before[firsts] = tags[:-1], OUTSIDE
    wrong = (tags > 0) & (tags % 2 == 0) & (before != tags) & (before != tags - 1)
    # Where the most probable tags make a valid sequence there is no better one, and so it nearly always is.
    asked = np.unique(np.searchsorted(firsts, np.flatnonzero(wrong), side="right") - 1)
    firsts, ends = firsts[asked], np.append(firsts[1:], len(tags))[asked]
    for batch in _batches(ends - firsts):
        runs = [slice(firsts[i], ends[i]) for i in batch]
        for run, path in zip(runs, _viterbi([log_probs[run] for run in runs]), strict=True):
            tags[run] = path
    return tags


def _batches(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Requests of like length together, as they are padded to the longest: one of 5,000 words shall not pad others."""
    order = np.argsort(lengths, kind="stable")
    first = 0
    for i in range(1, len(order) + 1):
        if i == len(order) or (i + 1 - first) * lengths[order[i]] > PADDED_TOKENS:
            yield order[first:i]
            first = i


def _viterbi(log_probs: Sequence[np.ndarray]) -> list[np.ndarray]:
    lengths = np.array([len(rows) for rows in log_probs])
    n, longest, tags = len(log_probs), int(lengths.max()), log_probs[0].shape[1]
    scores = np.zeros((n, longest, tags), np.float64)
    for i, rows in enumerate(log_probs):
        scores[i, : len(rows)] = rows
    inner = np.arange(2, tags, 2)  # the I- tags
    best = scores[:, 0].copy()
    best[:, inner] = -np.inf
    back = np.zeros((n, longest, tags), np.int64)
    for step in range(1, longest):
        top = best.argmax(1)
        back[:, step] = top[:, None]
        reached = np.repeat(best.max(1)[:, None], tags, 1)
        stay = best[:, inner] >= best[:, inner - 1]
        back[:, step][:, inner] = np.where(stay, inner, inner - 1)
        reached[:, inner] = np.maximum(best[:, inner], best[:, inner - 1])
        alive = (step < lengths)[:, None]
        best = np.where(alive, reached + scores[:, step], best)
        back[:, step] = np.where(alive, back[:, step], np.arange(tags))
    path = np.zeros((n, longest), np.int64)
    path[:, -1] = best.argmax(1)
    for step in range(longest - 1, 0, -1):
        path[:, step - 1] = np.take_along_axis(back[:, step], path[:, step, None], 1)[:, 0]
    return [path[i, : lengths[i]] for i in range(n)]


def read_slots(
    request: str, spans: Sequence[Sequence[int]], tags: Sequence[int], scores: Sequence[float], labels: Sequence[str]
) -> tuple[Slot, ...]:
    """Slots of one request from the tags of its tokens.

    A span that ends inside a word is widened to the whole word: word pieces are the tokenizer's affair.

    Args:
        request: the text that the offsets count in.
        spans: characters of each token.
        tags: a valid tag sequence.
        scores: probability of each tag; a slot has the lowest of its tokens.
        labels: names in their order.
    """
    found: list[tuple[int, int, int, float]] = []
    for (start, end), tag, score in zip(spans, tags, scores, strict=True):
        if tag == OUTSIDE:
            continue
        if tag % 2 == 1:
            found.append((start, end, (tag - 1) // 2, score))
        else:
            first, _, label, lowest = found.pop()
            found.append((first, end, label, min(lowest, score)))
    slots: list[Slot] = []
    for start, end, label, score in found:
        start, end = _whole_words(request, start, end)
        if not slots or start >= slots[-1].end:
            slots.append(Slot(name=labels[label], start=start, end=end, text=request[start:end], source="model",
                              score=min(max(score, 0.0), 1.0)))  # fmt: skip
    return tuple(slots)


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and in_one_word(text[start - 1], text[start]):
        start -= 1
    while end < len(text) and in_one_word(text[end - 1], text[end]):
        end += 1
    return start, end
