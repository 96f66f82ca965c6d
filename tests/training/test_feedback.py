from dataclasses import fields, replace

import numpy as np
import pytest

from selflearn.schema import Dialogue, Feedback, Interpretation, Labels, NamedValue, RecognitionHypothesis, Turn
from selflearn.simulation.simulate import Setting, simulated
from selflearn.training.feedback import (
    SOURCE,
    FeedbackModel,
    SeenDialogue,
    splice,
    turn_labels,
    without_gold,
)
from tests.fixtures.worlds import write_world


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    setting = Setting.load(write_world(tmp_path_factory.mktemp("world")), seed=1)
    return list(simulated(setting, 300))


def turn(request, seconds, intent="play", status="done", **values):
    slots = tuple(NamedValue(name=name, value=value) for name, value in values.items())
    return Turn(request=request, response="okay", seconds=seconds, status=status,
                interpretations=(Interpretation(intent=intent, slots=slots, score=0.9),))  # fmt: skip


def labelled_from_feedback(log, *, seed):
    return FeedbackModel.fit(log).label(log, seed=seed)


def seen(dialogue, failures, *runs):
    return SeenDialogue(log=dialogue, failures=tuple(failures), runs=runs)


def talk(*turns, **feedback):
    found = [Feedback(**{name: row[i] for name, row in feedback.items()}) for i in range(len(turns))]
    return Dialogue(id="d", corpus="c", split="train", turns=turns, feedback=tuple(found))


def wrong(labels):
    """The same labels, each saying something else."""
    turns = tuple(
        replace(turn, defect=turn.defect and replace(turn.defect, value=not turn.defect.value),
                intent=turn.intent and replace(turn.intent, value="lights"), slots=()) for turn in labels.turns
    )  # fmt: skip
    return replace(labels, goals=tuple(replace(goal, success=not goal.success) for goal in labels.goals), turns=turns)


def test_no_gold_reaches_the_labels(log):
    """Whatever labels, ratings and truth say, the labels from feedback are the same."""
    bare = [without_gold(dialogue) for dialogue in log]
    for dialogue in bare:
        assert dialogue.labels == Labels()
        assert dialogue.truth is None
        assert not dialogue.ratings
    shuffled = [d.with_labels(wrong(d.labels)) for d in log]
    expected = labelled_from_feedback(bare, seed=3)
    assert labelled_from_feedback(log, seed=3) == expected
    assert labelled_from_feedback(shuffled, seed=3) == expected
    for dialogue in expected:
        found = [label for turn in dialogue.labels.turns for name in (f.name for f in fields(turn))
                 for label in [getattr(turn, name)] if label is not None]  # fmt: skip
        for label in found:
            for one in label if isinstance(label, tuple) else (label,):
                assert one.source == SOURCE
        assert all(goal.source == SOURCE for goal in dialogue.labels.goals or ())
        assert dialogue.truth is None


def test_runs_follow_at_once_where_no_log_says_how_long_people_wait():
    """No sum of times goes back by a last digit: of logs of one run each nothing is known of what lies between."""
    times = np.random.default_rng(0).uniform(0, 1000, (300, 2)).cumsum(1).round(2)
    logs = [seen(talk(turn("play it", a), turn("play it", b)), [0.2, 0.2], (0, 2)) for a, b in times.tolist()]
    for dialogue in splice(logs, seed=0):
        assert [t.seconds for t in dialogue.turns] == sorted(t.seconds for t in dialogue.turns)


def test_an_answer_is_a_label_of_the_goal_and_silence_is_not_yes(log):
    """The same sessions, whose people say yes at the end, or nothing, or no, to "did I answer your question?"."""
    model = FeedbackModel.fit(log)
    asked = [dialogue for dialogue in log if not dialogue.feedback[-1].termination][:100]
    success, labelled = {}, {}
    for answer in (True, None, False):
        said = [replace(d, feedback=(*d.feedback[:-1], replace(d.feedback[-1], answer=answer))) for d in asked]
        seen = model.see(said)
        success[answer] = np.array([1 - one.failures[-1] for one in seen])
        labelled[answer] = [g.success for d in splice(seen * 20, seed=1) for g in d.labels.goals]
    yes, silence, no = (np.mean(labelled[answer]) for answer in (True, None, False))
    assert (success[True] > success[None]).all()
    assert (success[None] > success[False]).all()
    assert yes > silence > no


def test_what_a_turn_that_served_was_understood_as_is_its_label():
    dialogue = talk(turn("play blue bird", 0.0, song="blue bird"), turn("and jazz", 60.0))
    first, second = turn_labels(seen(dialogue, [0.05, 0.5], (0, 1), (1, 2)))
    assert (first.intent.value, first.defect.value) == ("play", False)
    assert [(slot.name, slot.text) for slot in first.slots] == [("song", "blue bird")]
    assert first.transcript.value == "play blue bird"
    assert second.intent is second.slots is second.defect is None  # nobody knows


def test_a_turn_that_failed_was_meant_as_the_attempt_that_worked():
    failed = turn("play blue bert", 0.0, intent="call", contact="bert")
    worked = turn("i said play blue bird", 6.0, song="blue bird")
    later = turn("lights off", 200.0, intent="lights")
    dialogue = talk(failed, worked, later)
    labels = turn_labels(seen(dialogue, [0.95, 0.05, 0.05], (0, 2), (2, 3)))
    assert labels[0].intent.value == "play"
    assert labels[0].transcript.value == "play blue bert"  # another phrasing is no transcript of this one
    assert labels[0].slots is None  # the value is not in its words
    assert labels[0].defect.value is True
    alone = turn_labels(seen(dialogue, [0.95, 0.05, 0.05], (0, 1), (1, 2), (2, 3)))
    assert alone[0].intent is None  # the next request is no further attempt: it says nothing of this one


def test_a_request_to_stop_is_served_and_tells_of_nothing():
    failed, stop = turn("play blue bert", 0.0, intent="call"), turn("forget it", 5.0, intent="cancel_alarm")
    given_up = seen(talk(failed, stop, termination=[False, True]), [0.95, 0.01], (0, 2))
    assert [labels.intent for labels in turn_labels(given_up)] == [None, None]
    goals = [goal for number in range(20) for d in splice([given_up] * 2, seed=number) for goal in d.labels.goals]
    assert np.mean([goal.success for goal in goals]) < 0.3  # the goal was not reached, though its last turn served


def test_the_transcript_of_a_failed_turn_is_the_hypothesis_most_like_what_served():
    heard = tuple(RecognitionHypothesis(text=text) for text in ("play blue bert", "play blue bird", "pay blue bert"))
    failed = replace(turn("play blue bert", 0.0), recognition=heard)
    worked = turn("please play blue bird", 6.0)
    labels = turn_labels(seen(talk(failed, worked), [0.95, 0.05], (0, 2)))
    assert [label.transcript.value for label in labels] == ["play blue bird", "please play blue bird"]


def test_spliced_runs_are_goals_and_hold_every_turn_once(log):
    labelled = labelled_from_feedback(log, seed=1)
    turns, spliced = labelled[: len(log)], labelled[len(log) :]
    assert all(dialogue.labels.goals is None for dialogue in turns)
    assert all(dialogue.labels.goals is not None for dialogue in spliced)
    assert sum(len(d.turns) for d in spliced) == sum(len(d.turns) for d in log)
    assert len({dialogue.id for dialogue in labelled}) == len(labelled)
    lengths = [len(dialogue.labels.goals) for dialogue in spliced]
    assert set(lengths[:-1]) == {2, 3, 4}
    failed = [not goal.success for dialogue in spliced for goal in dialogue.labels.goals]
    assert 0.05 < np.mean(failed) < 0.5  # those that nobody complained about are among them
    other = {dialogue.id for dialogue in labelled_from_feedback(log[: len(log) // 2], seed=1) if dialogue not in log}
    assert not other & {dialogue.id for dialogue in spliced}  # folds are joined by the ids of their dialogues
    assert labelled_from_feedback(log, seed=1) == labelled
    assert labelled_from_feedback(log, seed=2) != labelled


def test_a_log_without_times_and_rephrases_gives_no_goals_of_several_turns():
    bare = replace(talk(turn("a", None), turn("b", None)), feedback=(Feedback(barge_in=True), Feedback()))
    labelled = labelled_from_feedback([bare, replace(bare, id="e", feedback=())], seed=0)
    assert [goal.end - goal.start for dialogue in labelled[2:] for goal in dialogue.labels.goals] == [1] * 4
