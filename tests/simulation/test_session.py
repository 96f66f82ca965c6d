import random
from collections import Counter

import numpy as np
import pytest

from selflearn.schema import Dialogue
from selflearn.simulation.people import Wishes, make_person
from selflearn.simulation.session import Session
from selflearn.simulation.simulate import _sessions, advance, plan, simulate, simulated, split_of


@pytest.fixture(scope="module")
def log(small):
    return list(simulated(small, 300))


def test_as_many_dialogues_are_made_as_are_asked_for(small, log):
    assert len(log) == 300
    assert len({dialogue.id for dialogue in log}) == 300
    with pytest.raises(ValueError, match="0 dialogues; expected at least 1"):
        plan(small, 0)


def test_records_keep_every_promise_of_the_schema(log):
    for dialogue in log:
        assert Dialogue.from_dict(dialogue.to_dict()) == dialogue  # it checks itself when it is made
        assert len(dialogue.truth.turns) == len(dialogue.feedback) == len(dialogue.turns)
        for turn in dialogue.turns:
            assert turn.recognition[0].text == turn.request
            assert all(0 <= hypothesis.score <= 1 for hypothesis in turn.recognition)


def test_what_was_meant_and_what_was_heard_are_kept_apart(log):
    for dialogue in log:
        for turn, labels, truth in zip(dialogue.turns, dialogue.labels.turns, dialogue.truth.turns, strict=True):
            assert labels.transcript.value == truth.request
            for slot in labels.slots:
                assert turn.request[slot.start : slot.end] == slot.text
            if truth.intent is not None and labels.intent is not None:
                assert labels.intent.value == (truth.intent if truth.supported else "other")
    assert any(
        turn.request != labels.transcript.value
        for dialogue in log
        for turn, labels in zip(dialogue.turns, dialogue.labels.turns, strict=True)
    )


def test_everything_happens_that_can_happen(log):
    kinds = Counter(turn.components["kind"] for d in log for turn in d.truth.turns)
    assert {"first", "repeat", "reword", "correct", "thanks", "dismiss", "false_wake", "follow_up"} - {
        "follow_up"
    } <= set(kinds)
    outcomes = Counter(turn.components["outcome"] for d in log for turn in d.truth.turns)
    assert {"right", "wrong", "stale", "nothing", "unsupported", "idle"} <= set(outcomes)
    points = Counter(labels.failure_point.value for d in log for labels in d.labels.turns)
    assert {"correct", "recognition", "understanding", "result", "false_wake"} <= set(points)
    assert any(feedback.barge_in for d in log for feedback in d.feedback)
    assert {feedback.answer for d in log for feedback in d.feedback} == {True, False, None}


def test_a_goal_that_failed_has_a_defect_and_one_that_was_reached_ends_well(log):
    for dialogue in log:
        for goal in dialogue.labels.goals:
            turns = dialogue.truth.turns[goal.start : goal.end]
            right = [turn.components["outcome"] == "right" for turn in turns]
            assert goal.success == any(right) or len([t for t in turns if t.components["kind"] == "first"]) > 1
            if not goal.success:
                supported = [turn.supported for turn in turns if turn.supported is not None]
                defects = [labels.defect.value for labels in dialogue.labels.turns[goal.start : goal.end]]
                assert any(defects) or not all(supported)


class OtherAssistant:
    """Answers everything with what was answered to the first request."""

    def __init__(self, assistant):
        self.assistant = assistant

    def answer(self, speech, contexts):
        traces = self.assistant.answer(speech, contexts)
        return [traces[0]] * len(traces)


def test_another_assistant_meets_the_same_people_with_the_same_wishes(small, small_assistant):
    wishes = Wishes(small.world, small.population)
    first = []
    for assistant in (small_assistant, OtherAssistant(small_assistant)):
        people = [make_person(number, "train", wishes, small.seed) for number in range(20)]
        sessions = [session for person in people for session in _sessions(small, person, wishes)]
        advance(sessions, assistant)
        first.append([
            (s.exchanges[s.pursuits[0].start].utterance, s.pursuits[0].meaning.key(), s.situation) for s in sessions
            if s.exchanges[0].kind != "false_wake"
        ])  # fmt: skip
    assert first[0] == first[1]


def test_what_happens_to_one_person_does_not_hang_on_the_others(small, small_assistant):
    wishes = Wishes(small.world, small.population)
    whole = [d for block in plan(small, 300) for d in simulate(small, small_assistant, wishes, block)]
    alone = []
    for number in (3, 4):
        person = make_person(number, "test" if split_of(small, number) == "test" else "train", wishes, small.seed)
        sessions = _sessions(small, person, wishes)
        advance(sessions, small_assistant)
        alone += [[e.trace.recognized.hypotheses[0].text for e in session.exchanges] for session in sessions]
    together = [[t.request for t in d.turns] for d in whole if d.user_id in ("person-3", "person-4")]
    assert alone[: len(together)] == together


def test_people_repeat_themselves_and_some_talk_much_more_than_others(home):
    from selflearn.simulation.simulate import num_sessions

    numbers = np.array([num_sessions(home, person) for person in range(3000)])
    assert numbers.mean() == pytest.approx(home.population.sessions_mean, rel=0.1)
    assert np.sort(numbers)[-300:].sum() > 0.25 * numbers.sum()  # a tenth of the people have a quarter of the sessions


def test_a_session_is_drawn_from_its_key_alone(small):
    wishes = Wishes(small.world, small.population)
    person = make_person(1, "train", wishes, small.seed)
    random.seed(3)
    one = next(Session("1/1/0", person, _sessions(small, person, wishes)[0].situation, wishes).run())
    random.seed(4)
    two = next(Session("1/1/0", person, _sessions(small, person, wishes)[0].situation, wishes).run())
    assert one == two
