"""Goal records: one row a goal with what was found out about it, read off the labels of its dialogue.

**The turn that stands for a goal** supplies its intent, slots and transcript. It is the turn with the most certain
intent, the last one of several that are equally certain. Turns labelled as defects stand back where there are others,
and abstentions ("other") never stand. Where no turn has an intent, it is the last turn in which slots were found; where
there is none either, no turn stands for the goal. (How certain a name is says little about whether the assistant acted
on it; a rule that reads the person's reactions needs dialogues whose outcome is known turn by turn.)

**Projection.** What the person meant in a turn that failed is what the turn that stands for the goal says. A turn is
projected to only where something speaks for it: it is labelled as a defect, stands before the turn that stands for the
goal, and the goal is not labelled as failed. Without defect labels nothing is projected.
"""

from __future__ import annotations

from collections.abc import Sequence

from selflearn.schema import Dialogue, Evidence, Goal, GoalRecord, TurnLabels

ABSTENTION = "other"
"""The name of an intent that says that none of the names fits."""


def goal_records(dialogue: Dialogue, *, sees_next_turn: bool = True) -> tuple[GoalRecord, ...]:
    """The goal records of a labelled dialogue, in the order of its goals; together they cover its turns.

    A dialogue whose goals are not labelled is one goal without a boundary score.

    Args:
        dialogue: labelled by a model, by people or by both.
        sees_next_turn: whether success was judged with the turn after the goal in view. A causal model does not see it,
            nor one without context.

    Example:
        >>> from selflearn import Dialogue, Label, Labels, Turn, TurnLabels
        >>> said = ("play some jazz", "louder")
        >>> turns = tuple(TurnLabels(intent=Label(value=name, source="model", score=p))
        ...               for name, p in (("PlayMusic", 0.9), ("SetVolume", 0.6)))
        >>> dialogue = Dialogue(id="1", corpus="mine", split="all", turns=tuple(Turn(request=text) for text in said))
        >>> (record,) = goal_records(dialogue.with_labels(Labels(turns=turns)))
        >>> record.name, record.turn, record.start, record.end
        ('PlayMusic', 0, 0, 2)
    """
    goals = dialogue.labels.goals
    if goals is None:
        goals = (Goal(start=0, end=len(dialogue.turns)),)
    turns = dialogue.labels.turns or (TurnLabels(),) * len(dialogue.turns)
    return tuple(_record(dialogue, i, goal, turns, sees_next_turn) for i, goal in enumerate(goals))


def standing_turn(start: int, end: int, turns: Sequence[TurnLabels]) -> int | None:
    """The turn of the goal ``[start, end)`` that stands for it; the rule is that of the module's docstring.

    Args:
        start: first turn of the goal.
        end: one past its last turn.
        turns: labels of all turns of the dialogue. A label without a score counts as certain.

    Returns:
        Its index in the dialogue, or None.
    """
    inside = range(start, end)
    served = [i for i in inside if not is_defect(turns[i])] or list(inside)
    named = [i for i in served if intent_name(turns[i]) is not None]
    if named:
        return max(named, key=lambda i: (_certainty(turns[i]), i))
    return max((i for i in served if turns[i].slots), default=None)


def intent_name(labels: TurnLabels) -> str | None:
    """The intent of a turn; None where there is no label, or an abstention."""
    return None if labels.intent is None or labels.intent.value == ABSTENTION else labels.intent.value


def is_defect(labels: TurnLabels) -> bool:
    """Whether a turn is labelled as a defect."""
    return labels.defect is not None and labels.defect.value


def _certainty(labels: TurnLabels) -> float:
    score = None if labels.intent is None else labels.intent.score
    return 1.0 if score is None else score


def _record(
    dialogue: Dialogue, index: int, goal: Goal, turns: Sequence[TurnLabels], sees_next_turn: bool
) -> GoalRecord:
    turn = standing_turn(goal.start, goal.end, turns)
    chosen = TurnLabels() if turn is None else turns[turn]
    last = goal.start if turn is None or goal.success is False else turn
    projected = tuple(i for i in range(goal.start, last) if is_defect(turns[i]))
    after = sees_next_turn and goal.success is not None and goal.end < len(dialogue.turns)
    signals = [
        (goal.start, "boundary", index > 0),  # the first goal begins where the dialogue does
        (turn, "intent", intent_name(chosen) is not None),
        (turn, "slots", bool(chosen.slots)),
        *((i, "defect", True) for i in projected),
        (goal.end, "next turn", after),
    ]
    return GoalRecord(
        dialogue_id=dialogue.id, corpus=dialogue.corpus, split=dialogue.split, index=index, start=goal.start,
        end=goal.end, name=intent_name(chosen) if goal.name is None else goal.name, score=goal.score,
        success=goal.success, success_score=goal.success_score, turn=turn,
        intent=chosen.intent if intent_name(chosen) is not None else None, slots=chosen.slots or (),
        transcript=chosen.transcript, projected_turns=projected,
        evidence=tuple(Evidence(turn=i, signal=signal) for i, signal, used in signals if used and i is not None),
    )  # fmt: skip
