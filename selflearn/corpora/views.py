"""The same dialogues with part of the text taken away: how hard success is when nobody announces it.

The system of SGD says in so many words whether a booking went through, so success is nearly written in the log. These
two views are what ``success@no_notify`` and ``success@before_notify`` are measured on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from selflearn.schema import Dialogue, Goal, Labels, TurnLabels

NOTIFYING_ACTS = frozenset({"NOTIFY_SUCCESS", "NOTIFY_FAILURE"})
"""Acts, with or without a slot behind them, of responses that say how a transaction ended."""


def notifying_turns(dialogue: Dialogue) -> tuple[int, ...]:
    """Indices of the turns whose response says how a transaction ended (from ``response_acts``)."""
    acts = [labels.response_acts or () for labels in dialogue.labels.turns]
    return tuple(i for i, said in enumerate(acts) if any(act.split("(")[0] in NOTIFYING_ACTS for act in said))


def without_notifications(dialogue: Dialogue) -> Dialogue:
    """The dialogue with the responses of its notifying turns taken away (None); labels and everything else stay.

    Returns:
        The same object where no turn notifies.
    """
    silent = set(notifying_turns(dialogue))
    if not silent:
        return dialogue
    turns = (replace(turn, response=None) if i in silent else turn for i, turn in enumerate(dialogue.turns))
    return replace(dialogue, turns=tuple(turns))


def before_notification(dialogue: Dialogue) -> list[Dialogue]:
    """For each goal with a success label, the dialogue as it was before that goal's first notification.

    It ends with the request of the goal's first notifying turn (with the goal itself, where none notifies); the
    response to it is taken away, and with it its acts and whether it was a defect. Feedback to that turn, and ratings
    of it and of the whole dialogue, came later and are taken away too. Only that goal keeps its success. The id is
    ``ID#GOAL``, the goal's number from 0.

    Returns:
        One dialogue a labelled goal, in the order of the goals; that goal is the last one in it.
    """
    notifying = notifying_turns(dialogue)
    views = []
    for number, goal in enumerate(dialogue.labels.goals or ()):
        if goal.success is not None:
            last = next((i for i in notifying if goal.start <= i < goal.end), goal.end - 1)
            views.append(_cut(dialogue, number, last))
    return views


def _cut(dialogue: Dialogue, number: int, last: int) -> Dialogue:
    """Turns 0 to ``last``, without the response of the last one."""
    end = last + 1
    labels, truth = dialogue.labels, dialogue.truth
    feedback = dialogue.feedback[:end]
    return replace(
        dialogue,
        id=f"{dialogue.id}#{number}",
        turns=(*dialogue.turns[:last], replace(dialogue.turns[last], response=None)),
        feedback=(*feedback[:-1], type(feedback[-1])()) if feedback else (),
        labels=Labels(goals=_cut_goals(labels.goals or (), number, end), turns=_cut_labels(labels.turns, end)),
        ratings=tuple(rating for rating in dialogue.ratings if rating.turn is not None and rating.turn < last),
        truth=None if truth is None else replace(truth, turns=truth.turns[:end]),
    )


def _cut_goals(goals: Sequence[Goal], number: int, end: int) -> tuple[Goal, ...]:
    before = (replace(goal, success=None, success_score=None) for goal in goals[:number])
    return (*before, replace(goals[number], end=end))


def _cut_labels(labels: Sequence[TurnLabels], end: int) -> tuple[TurnLabels, ...]:
    kept = [
        replace(turn, rephrase_target=None) if turn.rephrase_target and turn.rephrase_target.value >= end else turn
        for turn in labels[:end]
    ]
    if kept:
        kept[-1] = replace(kept[-1], response_acts=None, defect=None, failure_point=None)
    return tuple(kept)


VIEWS: Mapping[str, Callable[[Dialogue], list[Dialogue]]] = {
    "no_notify": lambda dialogue: [without_notifications(dialogue)],
    "before_notify": before_notification,
}
"""Views by the name of the slice that is measured on them: a dialogue to the dialogues that stand for it."""
