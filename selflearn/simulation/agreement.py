"""How far the three annotators agree who make a gold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import torch

from selflearn.schema import Dialogue
from selflearn.simulation.annotators import votes_of_three

FREE_TEXT = ("slots", "transcript")
"""Questions without a list of answers: chance makes hardly two answers alike, and a kappa says no more than a share."""


def fleiss_kappas(dialogues: Iterable[Dialogue]) -> dict[str, float]:
    """Fleiss' kappa of the three annotators, by question; 1 where they always agree, 0 where as often as by chance.

    (agreeing pairs - those expected from how frequent each answer is) / (1 - the latter); Fleiss, 1971.

    Args:
        dialogues: those that nobody labelled, or fewer than four, say nothing.

    Returns:
        Questions of :data:`FREE_TEXT`, and those to which only one answer was ever given, are not there.
    """
    from torchmetrics.functional.nominal import fleiss_kappa  # here: slow to load, for every process

    votes: dict[str, list[Counter[str]]] = {}
    for dialogue in dialogues:
        for (question, _), answers in votes_of_three(dialogue).items():
            if question not in FREE_TEXT:
                votes.setdefault(question, []).append(answers)
    found = {}
    for question, items in sorted(votes.items()):
        names = sorted(set[str]().union(*items))
        if len(names) > 1:
            found[question] = fleiss_kappa(torch.tensor([[item[name] for name in names] for item in items])).item()
    return found
