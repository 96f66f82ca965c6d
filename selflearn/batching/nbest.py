"""The recogniser's n-best lists as tensors: confidences, and how much each entry is like the requests around it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from selflearn.batching.batch import NBest
from selflearn.batching.likeness import AROUND, common_words, words_around
from selflearn.schema import ObservedDialogue


def encode_nbest(dialogues: Sequence[ObservedDialogue], num_turns: int, entries: int) -> NBest:
    """The n-best lists of a batch.

    Args:
        dialogues: of the batch.
        num_turns: ``T``.
        entries: ``K``, most entries of a list that are read.
    """
    shape = (len(dialogues), num_turns, entries)
    known = torch.zeros(shape, dtype=torch.bool)
    scores, likeness = torch.full(shape, float("nan")), torch.zeros(*shape, len(AROUND))
    for d, dialogue in enumerate(dialogues):
        for t, turn in enumerate(dialogue.turns):
            heard = turn.recognition[:entries]
            known[d, t, : len(heard)] = True
            for k, hypothesis in enumerate(heard):
                if hypothesis.score is not None:
                    scores[d, t, k] = hypothesis.score
            around = words_around(dialogue.turns, t) if len(heard) > 1 else {}
            for place, offset in enumerate(AROUND):
                if offset in around:
                    alike = [common_words(hypothesis.text.split(), around[offset]) for hypothesis in heard]
                    likeness[d, t, : len(heard), place] = torch.tensor(alike) - alike[0]
    return NBest(known=known, scores=scores, likeness=likeness)
