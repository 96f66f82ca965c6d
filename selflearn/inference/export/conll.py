"""Slots as a CoNLL file: one word a line with its BIO tag, requests apart by empty lines.

::

    # dialogue = "42"
    # corpus = "mine"
    # split = "all"
    # turn = 0
    dim     0   3   O
    the     4   7   O
    blue    8   12  B-room
    study   13  18  I-room

The columns (apart by tabs) are the word, its characters ``[start, end)`` in the request, and its tag; what follows
``=`` is JSON. Words are what stands between white space. A slot that is made of whole words is found again to the
character. Others are changed or left out, and counted: a slot that begins or ends inside a word takes the whole word
(``slots_widened``); of two slots in one word the longer stays (``slots_overlapping``); a slot of white space alone has
no word (``slots_without_word``). Turns whose slots nobody has labelled, or that have no request, are left out
(``turns_left_out``).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from selflearn.inference.rows import ExportError
from selflearn.schema import Dialogue, Slot

_WORD = re.compile(r"\S+")


def conll_lines(dialogue: Dialogue, counts: Counter[str]) -> Iterator[str]:
    """The lines of a dialogue, without their ends.

    Args:
        dialogue: with labelled slots.
        counts: counted into, see above; and ``slots``, ``words`` and ``turns`` that are written.

    Raises:
        ExportError: the name of a slot has white space in it, so that it cannot be a tag.
    """
    for i, labels in enumerate(dialogue.labels.turns):
        request = dialogue.turns[i].request
        if labels.slots is None or request is None:
            counts["turns_left_out"] += 1
            continue
        spans = [match.span() for match in _WORD.finditer(request)]
        tags = bio_tags(spans, labels.slots, counts)
        head = {"dialogue": dialogue.id, "corpus": dialogue.corpus, "split": dialogue.split, "turn": i}
        yield from (f"# {name} = {json.dumps(value)}" for name, value in head.items())
        for (start, end), tag in zip(spans, tags, strict=True):
            yield f"{request[start:end]}\t{start}\t{end}\t{tag}"
        yield ""
        counts.update({"turns": 1, "words": len(spans)})
    counts["turns_left_out"] += len(dialogue.turns) if not dialogue.labels.turns else 0


def bio_tags(spans: Sequence[tuple[int, int]], slots: Sequence[Slot], counts: Counter[str]) -> list[str]:
    """Tags of the words of one request, the longest slot first.

    Raises:
        ExportError: the name of a slot has white space in it, so that it cannot be a tag.

    Example:
        >>> slot = Slot(name="artist", start=5, end=9, text="Nina")
        >>> bio_tags([(0, 4), (5, 9), (10, 12)], [slot], Counter())
        ['O', 'B-artist', 'O']
    """
    tags = ["O"] * len(spans)
    for slot in sorted(slots, key=lambda slot: (slot.start - slot.end, slot.start)):
        if _WORD.fullmatch(slot.name) is None:
            raise ExportError(f"the slot name {slot.name!r} cannot be a tag; expected a name without white space")
        inside = [i for i, (start, end) in enumerate(spans) if start < slot.end and end > slot.start]
        if not inside:
            counts["slots_without_word"] += 1
        elif any(tags[i] != "O" for i in inside):
            counts["slots_overlapping"] += 1
        else:
            counts["slots"] += 1
            counts["slots_widened"] += (spans[inside[0]][0], spans[inside[-1]][1]) != (slot.start, slot.end)
            for i in inside:
                tags[i] = f"{'B' if i == inside[0] else 'I'}-{slot.name}"
    return tags
