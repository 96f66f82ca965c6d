from __future__ import annotations

import pytest

from selflearn.inference.labels import model_labels
from selflearn.schema import Label, Slot, TurnLabels
from selflearn.tasks import DialoguePrediction, Thresholds

THRESHOLDS = Thresholds(segmentation=0.5, success=0.3, defect=0.4)
SLOT = Slot(name="room", start=0, end=4, text="hall", source="model", score=0.7)
SAID = DialoguePrediction(
    boundaries=(1.0, 0.2, 0.9), goals=((0, 2), (2, 3)), failures=(), goal_failures=(0.3, 0.2),
    intents=(("A", 0.6), ("B", 0.9), ("other", 0.8)), slots=((SLOT,), (), ()), defects=(0.1, 0.4, 0.9),
)  # fmt: skip


def labels_of(prediction: DialoguePrediction, *, num_turns: int = 3, turns_seen: int = 3):
    return model_labels(prediction, num_turns=num_turns, turns_seen=turns_seen, thresholds=THRESHOLDS)


def test_decisions_are_taken_at_the_thresholds_and_scores_are_of_the_decision():
    labels = labels_of(SAID)
    first, second = labels.goals
    assert (first.success, first.success_score, first.score, first.name) == (False, 0.7, pytest.approx(0.8 * 0.9), "A")
    assert (second.success, second.success_score, second.score, second.name) == (True, 0.8, 0.9, None)
    assert [turn.defect.value for turn in labels.turns] == [False, True, True]
    assert [turn.defect.score for turn in labels.turns] == pytest.approx([0.9, 0.4, 0.9])
    assert labels.turns[2].intent == Label(value="other", source="model", score=0.8)
    assert (labels.turns[0].slots, labels.turns[1].slots) == ((SLOT,), ())


def test_turns_that_were_not_seen_have_no_labels_and_their_goal_no_success():
    said = DialoguePrediction(
        boundaries=(1.0, 0.9, 0.0), goals=((0, 1), (1, 3)), goal_failures=(0.1, 0.1), intents=(("A", 0.6),) * 3
    )
    labels = labels_of(said, turns_seen=2)
    assert labels.turns[2] == TurnLabels()
    assert [goal.success for goal in labels.goals] == [True, None]
    assert labels.goals[1].success_score is None


def test_what_a_system_does_not_do_is_not_labelled():
    labels = labels_of(DialoguePrediction(intents=(("A", 0.6),) * 3))
    assert labels.goals is None
    assert all((turn.slots, turn.defect) == (None, None) for turn in labels.turns)


def test_a_system_that_only_judges_success_has_the_dialogue_as_one_goal_without_a_score_of_its_own():
    (goal,) = labels_of(DialoguePrediction(failures=(0.9,))).goals
    assert (goal.start, goal.end, goal.score, goal.success, goal.source) == (0, 3, None, False, "model")


def test_the_domain_of_a_goal_is_the_most_certain_one_of_its_turns_that_were_seen():
    said = DialoguePrediction(
        boundaries=(1.0, 0.2, 0.9, 0.1),
        goals=((0, 2), (2, 4)),
        extra={"domain": (("lights", 0.6), ("music", 0.7), ("clock", 0.5), ("music", 0.9))},
    )
    assert [goal.domain for goal in labels_of(said, num_turns=4, turns_seen=3).goals] == ["music", "clock"]
    assert [goal.domain for goal in labels_of(SAID).goals] == [None, None]
