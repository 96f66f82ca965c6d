from __future__ import annotations

from selflearn.inference.goal_records import goal_records
from selflearn.inference.goal_rows import GoalRow, goal_rows
from selflearn.inference.rows import Acceptance, table_rows
from selflearn.schema import Dialogue, Goal, Label, Labels, Turn, TurnLabels

KEPT = {"segmentation": Acceptance(threshold=0.7, promise="turns"), "success": Acceptance(promise="nothing"),
        "intent": Acceptance(threshold=0.8, promise="names")}  # fmt: skip


def intent(name, score):
    return TurnLabels(intent=Label(value=name, source="model", score=score))


def labelled(goals):
    said = (intent("Play", 0.5), intent("Play", 0.9), intent("Stop", 0.6), intent("other", 0.95))
    dialogue = Dialogue(id="1", corpus="c", split="s", turns=(Turn(request="a"),) * 4)
    return dialogue.with_labels(Labels(goals=goals, turns=said))


def rows_of(dialogue, accept):
    found = goal_rows(goal_records(dialogue), table_rows(dialogue, accept=accept))
    return [GoalRow.from_dict(row) for row in found]


def test_a_goal_is_accepted_in_what_the_table_of_labels_accepts_of_it_and_by_the_same_words():
    goals = (Goal(start=0, end=2, source="model", score=0.75, success=True, success_score=0.9),
             Goal(start=2, end=3, source="model", score=0.6),
             Goal(start=3, end=4, source="model", score=0.8))  # fmt: skip
    first, second, third = rows_of(labelled(goals), KEPT)
    assert [row.accepted for row in (first, second, third)] == [True, False, True]
    assert {(row.threshold, row.promise) for row in (first, second, third)} == {(0.7, "turns")}
    assert (first.success_accepted, first.success_threshold, first.success_promise) == (False, None, "nothing")
    assert (second.success_accepted, second.success_promise) == (None, None)  # nothing is said of it
    assert (first.turn, first.name, first.intent_accepted, first.intent_threshold) == (1, "Play", True, 0.8)
    assert (second.name, second.intent_accepted, second.intent_promise) == ("Stop", False, "names")
    assert (third.name, third.intent_accepted, third.intent_promise) == (None, None, None)  # an abstention names none


def test_where_nothing_was_certified_or_no_goal_was_looked_for_nothing_is_said():
    (row,) = rows_of(labelled((Goal(start=0, end=4, source="model", score=0.75),)), {})
    assert (row.accepted, row.threshold, row.promise, row.intent_accepted) == (None, None, None, None)
    (row,) = rows_of(labelled(None), KEPT)
    assert (row.accepted, row.promise, row.intent_accepted) == (None, None, True)
