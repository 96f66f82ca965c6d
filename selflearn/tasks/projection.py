"""Projection: what a turn that failed meant is what the turn of the same goal says that worked."""

from __future__ import annotations

from dataclasses import replace

from selflearn.tasks.prediction import DialoguePrediction, Thresholds


def projected(prediction: DialoguePrediction, thresholds: Thresholds) -> DialoguePrediction | None:
    """A prediction whose failed turns have the intent and the slots of the later turn of their goal that served.

    Of several such turns it is the one whose intent is most certain, and only if that is more certain than the failed
    turn's own: what ends a goal may be a thank-you, or "never mind".

    Args:
        prediction: of one dialogue.
        thresholds: from which probability on a turn is a defect.

    Returns:
        The prediction with other intents, and with slots whose characters count in the request of the turn that they
        come from; None where it has no intents, goals or defects to go by.

    Example:
        >>> said = DialoguePrediction(goals=((0, 2), (2, 3)), defects=(0.9, 0.1, 0.9),
        ...                           intents=(("call", 0.4), ("play", 0.9), ("stop", 0.8)))
        >>> projected(said, Thresholds()).intents
        (('play', 0.9), ('play', 0.9), ('stop', 0.8))
    """
    if prediction.intents is None or prediction.goals is None or prediction.defects is None:
        return None
    score = [score for _, score in prediction.intents]
    source = list(range(len(score)))
    for start, end in prediction.goals:
        best: int | None = None
        for turn in range(end - 1, start - 1, -1):
            if prediction.defects[turn] < thresholds["defect"]:
                best = turn if best is None or score[turn] > score[best] else best
            elif best is not None and score[best] > score[turn]:
                source[turn] = best
    slots = None if prediction.slots is None else tuple(prediction.slots[turn] for turn in source)
    return replace(prediction, intents=tuple(prediction.intents[turn] for turn in source), slots=slots)
