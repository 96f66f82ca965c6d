"""The recogniser's n-best lists as tensors: confidences, and how much each entry is like the requests around it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from rapidfuzz.distance import Indel

from selflearn.batching.batch import NBest
from selflearn.schema import ObservedDialogue

AROUND = (-1, 1, 2)
"""Turns, from the turn itself, whose requests an entry is compared with."""


def encode_nbest(dialogues: Sequence[ObservedDialogue], num_turns: int, entries: int) -> NBest:
    """The n-best lists of a batch.

    Words are compared, not meanings: who says a thing again keeps its words, while an encoder finds all requests of a
    goal alike. Measured is how many words stand in both in the same order (Indel similarity), and of that the
    difference to the first entry of the list.

    Args:
        dialogues: of the batch.
        num_turns: ``T``.
        entries: ``K``, most entries of a list that are read.
    """
    shape = (len(dialogues), num_turns, entries)
    known = torch.zeros(shape, dtype=torch.bool)
    scores, likeness = torch.full(shape, float("nan")), torch.zeros(*shape, len(AROUND))
    for d, dialogue in enumerate(dialogues):
        words = [None if turn.request is None else turn.request.split() for turn in dialogue.turns]
        for t, turn in enumerate(dialogue.turns):
            heard = turn.recognition[:entries]
            known[d, t, : len(heard)] = True
            for k, hypothesis in enumerate(heard):
                if hypothesis.score is not None:
                    scores[d, t, k] = hypothesis.score
            for place, offset in enumerate(AROUND if len(heard) > 1 else ()):
                other = words[t + offset] if 0 <= t + offset < len(words) else None
                if other is not None:
                    alike = [Indel.normalized_similarity(hypothesis.text.split(), other) for hypothesis in heard]
                    likeness[d, t, : len(heard), place] = torch.tensor(alike) - alike[0]
    return NBest(known=known, scores=scores, likeness=likeness)
