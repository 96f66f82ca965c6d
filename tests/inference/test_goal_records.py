from __future__ import annotations

import pytest

from selflearn.inference.goal_records import goal_records, standing_turn
from selflearn.schema import Dialogue, Evidence, Goal, GoalRecord, Label, Labels, Slot, Turn, TurnLabels
from tests.fixtures.dialogues import home_dialogues

ROOM = Slot(name="room", start=0, end=4, text="hall")


def turn(intent: str | None = None, score: float | None = None, *, defect: bool | None = None, slots=None):
    return TurnLabels(
        intent=None if intent is None else Label(value=intent, source="model", score=score),
        defect=None if defect is None else Label(value=defect, source="model", score=0.9),
        slots=slots,
    )


def labelled(*turns: TurnLabels, goals: tuple[Goal, ...] | None = None) -> Dialogue:
    texts = tuple(Turn(request="hall please", response="ok") for _ in turns)
    return Dialogue(id="d", corpus="c", split="s", turns=texts, labels=Labels(goals=goals, turns=turns))


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([turn("A", 0.4), turn("B", 0.8), turn("A", 0.6)], 1),
        ([turn("A", 0.8), turn("B", 0.8), turn("A", 0.6)], 1),  # equally certain: the last
        ([turn("A"), turn("A"), turn(None)], 1),  # people's labels have no score and are certain
        ([turn("A", 0.2), turn("other", 0.9)], 0),  # an abstention stands for nothing
        ([turn("A", 0.9, defect=True), turn("B", 0.3, defect=False)], 1),
        ([turn("A", 0.9, defect=True), turn("B", 0.3, defect=True)], 0),  # all failed: the rule without defects
        ([turn("other", 0.9, slots=(ROOM,)), turn("other", 0.9, slots=())], 0),
        ([turn(slots=(ROOM,)), turn(slots=(ROOM,)), turn(slots=())], 1),
        ([turn("other", 0.9, slots=())], None),
        ([turn()], None),
    ],
)
def test_which_turn_stands_for_a_goal(turns, expected):
    assert standing_turn(0, len(turns), turns) == expected


def test_only_turns_of_the_goal_stand_for_it():
    turns = [turn("A", 0.9), turn("B", 0.2), turn("C", 0.9)]
    assert standing_turn(1, 2, turns) == 1


def test_a_record_says_what_the_labels_say():
    goals = (
        Goal(start=0, end=2, score=1.0, success=True, success_score=0.8, source="model"),
        Goal(start=2, end=3, score=0.7),
    )
    dialogue = labelled(turn("A", 0.4), turn("B", 0.8, slots=(ROOM,)), turn("C", 0.5), goals=goals)
    first, second = goal_records(dialogue)
    assert first == GoalRecord(
        dialogue_id="d", corpus="c", split="s", index=0, start=0, end=2, name="B", score=1.0, success=True,
        success_score=0.8, turn=1, intent=Label(value="B", source="model", score=0.8), slots=(ROOM,),
        evidence=(
            Evidence(turn=1, signal="intent"), Evidence(turn=1, signal="slots"), Evidence(turn=2, signal="next turn"),
        ),
    )  # fmt: skip
    assert (second.index, second.name, second.score, second.success) == (1, "C", 0.7, None)
    assert second.evidence == (Evidence(turn=2, signal="boundary"), Evidence(turn=2, signal="intent"))


def test_a_causal_model_has_not_seen_the_next_turn():
    goals = (Goal(start=0, end=1, success=True), Goal(start=1, end=2))
    dialogue = labelled(turn("A", 0.4), turn("B", 0.8), goals=goals)
    signals = [evidence.signal for evidence in goal_records(dialogue, sees_next_turn=False)[0].evidence]
    assert signals == ["intent"]


def test_a_goal_keeps_a_name_of_its_own():
    (record,) = goal_records(labelled(turn("A", 0.4), goals=(Goal(start=0, end=1, name="Evening"),)))
    assert (record.name, record.intent.value) == ("Evening", "A")


@pytest.mark.parametrize(
    ("defects", "success", "projected"),
    [
        ((True, True, False), True, (0, 1)),
        ((True, False, True), None, (0,)),  # what fails after the turn that worked is about something else
        ((True, False, False), False, ()),  # no turn worked
        ((None, None, None), True, ()),  # nothing speaks for a failure
    ],
)
def test_projection_goes_to_earlier_defects_of_a_goal_that_was_not_missed(defects, success, projected):
    turns = [
        turn("A", 0.5 + 0.1 * (i == defects.index(False) if False in defects else 0), defect=d)
        for i, d in enumerate(defects)
    ]
    (record,) = goal_records(labelled(*turns, goals=(Goal(start=0, end=3, success=success),)))
    assert record.projected_turns == projected
    assert [e.turn for e in record.evidence if e.signal == "defect"] == list(projected)


def test_a_dialogue_without_goal_labels_is_one_goal():
    (record,) = goal_records(labelled(turn("A", 0.4), turn("A", 0.8)))
    assert (record.start, record.end, record.score, record.name) == (0, 2, None, "A")
    unlabelled = Dialogue(id="d", corpus="c", split="s", turns=(Turn(request="x"),))
    (record,) = goal_records(unlabelled)
    assert (record.start, record.end, record.name, record.turn, record.evidence) == (0, 1, None, None, ())


def test_records_of_peoples_labels_cover_each_dialogue_and_are_plain_data():
    for dialogue in home_dialogues(20):
        records = goal_records(dialogue)
        assert [(record.start, record.end, record.name, record.success) for record in records] == [
            (goal.start, goal.end, goal.name, goal.success) for goal in dialogue.labels.goals
        ]
        assert [GoalRecord.from_dict(record.to_dict()) for record in records] == list(records)
