from __future__ import annotations

from dataclasses import replace

import pytest

from selflearn.inference.calibration import calibrated_scores
from selflearn.inference.labels import model_labels
from selflearn.schema import Label, Slot, TurnLabels
from selflearn.tasks import DialoguePrediction, Thresholds
from selflearn.trust import Isotonic

THRESHOLDS = Thresholds(segmentation=0.5, success=0.3, defect=0.4)
SLOT = Slot(name="room", start=0, end=4, text="hall", source="model", score=0.7)
SAID = DialoguePrediction(
    boundaries=(1.0, 0.2, 0.9), goals=((0, 2), (2, 3)), failures=(), goal_failures=(0.3, 0.2),
    intents=(("A", 0.6), ("B", 0.9), ("other", 0.8)), slots=((SLOT,), (), ()), defects=(0.1, 0.4, 0.9),
)  # fmt: skip


def labels_of(prediction: DialoguePrediction, *, num_turns: int = 3, turns_seen: int = 3, **how):
    return model_labels(prediction, num_turns=num_turns, turns_seen=turns_seen, thresholds=THRESHOLDS, **how)


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
    assert labels.goals[1].success_score is labels.goals[1].score is None
    assert labels.goals[0].score is not None


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


def test_calibrated_scores_change_no_decision():
    said = replace(SAID, extra={"transcript": (("play it", 0.6), ("stop", 0.9), ("go", 0.8))})
    tasks = ("segmentation", "success", "intent", "slots", "transcript", "defect")
    halved = calibrated_scores({task: Isotonic((0.0, 1.0), (0.0, 0.5)) for task in tasks})
    as_given, found = labels_of(said), labels_of(said, scores=halved)
    assert [goal.score for goal in found.goals] == pytest.approx([goal.score / 2 for goal in as_given.goals])
    assert [goal.success for goal in found.goals] == [goal.success for goal in as_given.goals] == [False, True]
    assert [goal.success_score for goal in found.goals] == pytest.approx([1 - 0.3 / 2, 0.8 / 2])  # of what was decided
    assert found.turns[0].slots[0].score == pytest.approx(0.7 / 2)
    for task in ("intent", "transcript", "defect"):
        before, after = ([getattr(turn, task) for turn in labels.turns] for labels in (as_given, found))
        assert [label.value for label in after] == [label.value for label in before]
        assert [label.score for label in after] == pytest.approx([label.score / 2 for label in before])
    assert labels_of(said, scores=calibrated_scores({})) == as_given
