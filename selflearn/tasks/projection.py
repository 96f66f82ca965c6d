"""Projection: what a turn that failed meant is what the turn of the same goal says that worked."""

from __future__ import annotations

from dataclasses import replace

from selflearn.tasks.prediction import DialoguePrediction, Thresholds


def projected(prediction: DialoguePrediction, thresholds: Thresholds) -> DialoguePrediction | None:
    """A prediction whose failed turns have the intent of the later turn of their goal that served.

    Of several such turns it is the one whose intent is most certain, and only if that is more certain than the failed
    turn's own: what ends a goal may be a thank-you, or "never mind".

    Args:
        prediction: of one dialogue.
        thresholds: from which probability on a turn is a defect.

    Returns:
        The prediction with other intents; None where it has no intents, goals or defects to go by.

    Example:
        >>> said = DialoguePrediction(goals=((0, 2), (2, 3)), defects=(0.9, 0.1, 0.9),
        ...                           intents=(("call", 0.4), ("play", 0.9), ("stop", 0.8)))
        >>> projected(said, Thresholds()).intents
        (('play', 0.9), ('play', 0.9), ('stop', 0.8))
    """
    if prediction.intents is None or prediction.goals is None or prediction.defects is None:
        return None
    intents = list(prediction.intents)
    for start, end in prediction.goals:
        best: tuple[str, float] | None = None
        for turn in range(end - 1, start - 1, -1):
            own = prediction.intents[turn]
            if prediction.defects[turn] < thresholds.defect:
                best = own if best is None or own[1] > best[1] else best
            elif best is not None and best[1] > own[1]:
                intents[turn] = best
    return replace(prediction, intents=tuple(intents))
