"""From what a system says of a dialogue to labels in the record's own terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from selflearn.inference.goal_records import intent_name, standing_turn
from selflearn.schema import Goal, Label, Labels, Slot, TurnLabels
from selflearn.tasks import DialoguePrediction, Thresholds

MODEL = "model"

Scores = Callable[[str, float], float]
"""The score of a label, from its task (one of :data:`selflearn.inference.rows.TASKS`) and what the system gave it."""

DOMAIN = "domain"
"""The task whose answers, a name and its probability a turn, become the domain of the goal: the most certain one."""


TRANSCRIPT = "transcript"
"""The task whose answers, a text and its probability a turn, become the transcript of the turn."""


def as_given(task: str, score: float) -> float:
    """The scores of a system that is not calibrated."""
    return score


def model_labels(
    prediction: DialoguePrediction,
    *,
    num_turns: int,
    turns_seen: int,
    thresholds: Thresholds,
    scores: Scores = as_given,
) -> Labels:
    """Labels of one dialogue, with source "model" and a score each.

    Scores are probabilities: of a goal that it has exactly these turns, of ``success_score`` that the goal was reached,
    of every other label that its value is right. Decisions are taken at the thresholds, which were chosen on dialogues
    kept apart from training, whatever ``scores`` are; so a decision may have a probability below one half.

    A turn that was not seen has no labels. A goal that goes on into such turns has no success: whether it was reached
    may stand there.

    Args:
        prediction: of a system that finds goals, or was asked about the whole dialogue as one goal.
        num_turns: of the dialogue.
        turns_seen: how many of them, from the first on, the system read.
        thresholds: of the system.
        scores: what the probabilities of the system become.

    Returns:
        Goals are None where the system neither finds goals nor judges success.
    """
    turns = tuple(
        _turn(prediction, i, thresholds, scores) if i < turns_seen else TurnLabels() for i in range(num_turns)
    )
    return Labels(goals=_goals(prediction, num_turns, turns_seen, thresholds, turns, scores), turns=turns)


def segment_score(boundaries: Sequence[float], start: int, end: int) -> float:
    """Probability that a goal covers exactly the turns ``[start, end)``, boundaries taken one by one.

    It starts there, no other starts inside, and the next starts where it ends (the dialogue's ends are certain).

    Args:
        boundaries: probability of each turn of the dialogue that a goal starts there, ``(T,)``.
        start: first turn.
        end: one past the last turn.

    Example:
        >>> segment_score([1.0, 0.1, 0.8], 0, 2)
        0.7200000000000001
    """
    starts = boundaries[start] if start else 1.0
    inside = math.prod(1 - p for p in boundaries[start + 1 : end])
    return starts * inside * (boundaries[end] if end < len(boundaries) else 1.0)


def _turn(prediction: DialoguePrediction, i: int, thresholds: Thresholds, scores: Scores) -> TurnLabels:
    intent = defect = None
    if prediction.intents is not None:
        name, p = prediction.intents[i]
        intent = Label(value=name, source=MODEL, score=scores("intent", p))
    if prediction.defects is not None:
        p = prediction.defects[i]
        said = p >= thresholds["defect"]
        defect = Label(value=said, source=MODEL, score=scores("defect", p if said else 1 - p))
    slots = None if prediction.slots is None else tuple(_slot(slot, scores) for slot in prediction.slots[i])
    texts, transcript = prediction.extra.get(TRANSCRIPT), None
    if texts is not None:
        text, p = texts[i]
        transcript = Label(value=text, source=MODEL, score=scores(TRANSCRIPT, p))
    return TurnLabels(intent=intent, slots=slots, defect=defect, transcript=transcript)


def _slot(slot: Slot, scores: Scores) -> Slot:
    score = None if slot.score is None else scores("slots", slot.score)
    return slot if (slot.source, slot.score) == (MODEL, score) else replace(slot, source=MODEL, score=score)


def _goals(
    prediction: DialoguePrediction, num_turns: int, turns_seen: int, thresholds: Thresholds,
    turns: Sequence[TurnLabels], scores: Scores,
) -> tuple[Goal, ...] | None:  # fmt: skip
    spans, failures = prediction.goals, prediction.goal_failures
    if spans is None:
        if not prediction.failures:
            return None
        spans, failures = ((0, num_turns),), prediction.failures
    goals = []
    domains = prediction.extra.get(DOMAIN, ())[:turns_seen]
    for i, (start, end) in enumerate(spans):
        turn = standing_turn(start, end, turns)
        surest = max(domains[start:end], key=lambda answer: answer[1], default=None)
        failure = failures[i] if failures is not None and end <= turns_seen else None
        success = None if failure is None else failure < thresholds["success"]
        read = prediction.boundaries if end <= turns_seen else None  # of turns that nobody read nothing is sure
        sure = None if read is None else segment_score(read, start, end)
        goals.append(
            Goal(
                start=start, end=end, name=None if turn is None else intent_name(turns[turn]), source=MODEL,
                domain=None if surest is None else surest[0],
                score=None if sure is None else scores("segmentation", sure),
                success=success,
                success_score=None if failure is None else _reached(failure, success=bool(success), scores=scores),
            )
        )  # fmt: skip
    return tuple(goals)


def _reached(failure: float, *, success: bool, scores: Scores) -> float:
    """Probability that a goal was reached; ``scores`` are of what was decided."""
    return scores("success", 1 - failure) if success else 1 - scores("success", failure)
