import json
import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest

from selflearn.schema import Dialogue
from selflearn.simulation.assistant import Assistant
from selflearn.simulation.goals import MOST_STEPS, plan_goals
from selflearn.simulation.grammar import Phrasing
from selflearn.simulation.people import Wishes, make_person
from selflearn.simulation.population import RETRIES
from selflearn.simulation.result import Status
from selflearn.simulation.session import Kind, Outcome, Session
from selflearn.simulation.simulate import (
    Setting,
    _sessions,
    advance,
    build_assistant,
    plan,
    simulate,
    simulated,
    split_of,
    trained_understanding,
)
from selflearn.simulation.splits import Phrasings, split_phrasings
from selflearn.simulation.truth import FAILURE_POINTS
from selflearn.simulation.wake import WakeWordDetector
from tests.fixtures.worlds import FILES, write_world


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


def test_everything_happens_that_can_happen(log, home_log):
    both = [*log, *home_log]
    kinds = {turn.components["kind"] for d in both for turn in d.truth.turns}
    assert kinds == set(get_args(Kind))
    outcomes = {turn.components["outcome"] for d in both for turn in d.truth.turns}
    assert outcomes == set(get_args(Outcome))
    points = {labels.failure_point.value for d in both for labels in d.labels.turns}
    assert points == set(FAILURE_POINTS)
    statuses = {turn.status for d in both for turn in d.turns}
    assert statuses == set(get_args(Status))
    assert any(feedback.barge_in for d in both for feedback in d.feedback)
    assert {feedback.answer for d in both for feedback in d.feedback} == {True, False, None}


def test_goals_begin_with_a_request_for_them(log):
    """A false wake between two goals is the end of the first; the first goal of a session begins with the session."""
    woken = 0
    for dialogue in log:
        kinds = [turn.components["kind"] for turn in dialogue.truth.turns]
        goals = dialogue.labels.goals
        assert all(kinds[goal.start] == "first" for goal in goals[1:])
        assert (goals[0].start, goals[-1].end) == (0, len(kinds))
        woken += sum(kinds[goal.end - 1] == "false_wake" for goal in goals[:-1])
    assert woken > 3


def test_complaints_ask_for_nothing_and_what_is_done_for_them_is_a_failure(log, home_log):
    found = Counter()
    for dialogue in [*log, *home_log]:
        for i, (labels, truth) in enumerate(zip(dialogue.labels.turns, dialogue.truth.turns, strict=True)):
            if truth.components["kind"] != "complain":
                continue
            assert (labels.intent, labels.slots, truth.intent) == (None, (), None)
            acted = dialogue.turns[i].status == "done"
            assert truth.components["outcome"] == ("wrong" if acted else "idle")
            assert labels.defect.value == acted == (labels.failure_point.value in ("recognition", "understanding"))
            found[acted] += 1
            before = dialogue.truth.turns[i - 1].components
            assert before["outcome"] in ("wrong", "stale", "asked")
            assert before["noticed"] == "true"
    assert min(found[False], found[True]) > 2


def test_who_interrupts_says_something_then(log):
    interrupted = Counter()
    for dialogue in log:
        kinds = [turn.components["kind"] for turn in dialogue.truth.turns]
        for i, feedback in enumerate(dialogue.feedback):
            if feedback.barge_in:
                interrupted[kinds[i + 1]] += 1  # there is a next turn
    assert sum(interrupted.values()) > 20
    assert "false_wake" not in interrupted


def test_others_are_heard_at_any_time_and_what_only_the_test_split_hears_is_heard_there_alone(small):
    babble = ["he said so", "one more goal", "and then it rained", "pass the salt", "see you there", "mind the gap"]
    phrasings = split_phrasings([Phrasings(tuple(map(Phrasing.parse, babble)))])[0]
    rates = {"people.reactions.overheard": 0.9, "assistant.wake.other": 10.0, "assistant.recognition.error": 0.0,
             "assistant.recognition.dropped": 0.0}  # fmt: skip
    loud = Setting.load(small.world.directory, seed=1, rates=rates)
    loud = replace(loud, world=replace(loud.world, manners=replace(loud.world.manners, babble=phrasings)))
    places, heard, gaps = Counter(), {"train": set(), "test": set()}, []
    for dialogue in simulated(loud, 150):
        kinds = [turn.components["kind"] for turn in dialogue.truth.turns]
        assert dialogue.turns[0].seconds == 0.0
        for i, kind in enumerate(kinds):
            if kind == "false_wake":
                places["first" if i == 0 else "last" if i == len(kinds) - 1 else "between"] += 1
                heard["test" if dialogue.split == "test" else "train"].add(dialogue.truth.turns[i].request)
                if i + 1 < len(kinds):
                    gaps.append(dialogue.turns[i + 1].seconds - dialogue.turns[i].seconds)
    assert min(places[where] for where in ("first", "between", "last")) > 20
    assert heard["train"] == {p.source for p in phrasings.train}
    assert heard["test"] == {p.source for p in phrasings.test}
    assert np.mean(np.array(gaps) > 45) > 0.2  # most of the time nobody speaks at once after a television


def test_more_words_are_more_and_fewer_are_fewer(home_log):
    seen = Counter()
    for dialogue in home_log:
        turns = dialogue.truth.turns
        for i, turn in enumerate(turns):
            kind = turn.components["kind"]
            if kind in ("detail", "simplify"):
                before = next(t for t in reversed(turns[:i]) if t.intent is not None)
                longer = len(turn.request.split()) - len(before.request.split())
                assert longer > 0 if kind == "detail" else longer < 0
                seen[kind] += 1
    assert min(seen["detail"], seen["simplify"]) > 10


def test_that_nothing_was_done_nobody_overlooks(log):
    outcomes = [turn.components for dialogue in log for turn in dialogue.truth.turns]
    assert {o["noticed"] for o in outcomes if o["outcome"] == "nothing"} == {"true"}
    assert {o["noticed"] for o in outcomes if o["outcome"] == "wrong"} == {"true", "false"}


def test_only_defects_have_a_rephrase_that_worked(log):
    targets = [(labels.defect.value, dialogue.truth.turns[labels.rephrase_target.value].components["outcome"])
               for dialogue in log for labels in dialogue.labels.turns if labels.rephrase_target]  # fmt: skip
    assert set(targets) == {(True, "right")}


def test_the_reading_that_was_acted_on_is_logged_first_once_and_scores_are_shares(log):
    asked = 0
    for dialogue in log:
        for turn, truth in zip(dialogue.turns, dialogue.truth.turns, strict=True):
            readings = [(r.intent, r.slots) for r in turn.interpretations]
            assert len(readings) == len(set(readings))
            assert sum(r.score for r in turn.interpretations) <= 1 + 1e-6
            if turn.status == "done":
                assert json.loads(truth.components["served"])["intent"] == turn.interpretations[0].intent
        asked += any(turn.status.startswith("which_") for turn in dialogue.turns[:-1])
    assert asked > 3  # what follows a question is what had an entry twice


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
        first = next((trace for trace in traces if trace is not None), None)
        return [trace and first for trace in traces]


def test_another_assistant_meets_the_same_people_with_the_same_wishes(small, small_assistant):
    wishes = Wishes(small.world, small.population)
    met = []
    for assistant in (small_assistant, OtherAssistant(small_assistant)):
        people = [make_person(number, "train", wishes, small.seed) for number in range(20)]
        sessions = [session for person in people for session in _sessions(small, person, wishes)]
        advance(sessions, assistant)
        met.append(sessions)
    more = 0
    for one, other in zip(*met, strict=True):
        plan = plan_goals(one.key, one.speaker)
        assert one.situation == other.situation
        assert plan == plan_goals(other.key, other.speaker)
        for session in (one, other):
            assert len(session.pursuits) == len(plan) or session.terminated
            for steps, pursuit in zip(plan, session.pursuits, strict=False):
                first = next(e for e in session.exchanges[pursuit.start :] if e.kind != "false_wake")
                assert first.meaning.key() == pursuit.meaning.key() == steps[0].meaning.key()
                assert steps[0].borrows or first.utterance == steps[0].utterance
        more += len(one.pursuits) > 1 and len(other.pursuits) > 1
    assert more > 5  # not only the first goal of a session


def test_what_follows_is_said_in_full_where_nothing_was_served_that_it_could_refer_to(tmp_path):
    music = FILES["domains/music.yaml"].replace("probability: 0.2", "new_goal: true, probability: 0.6")
    setting = Setting.load(write_world(tmp_path / "some", {**FILES, "domains/music.yaml": music}), seed=1)
    wishes = Wishes(setting.world, setting.population)
    people = [make_person(number, "train", wishes, setting.seed) for number in range(100)]
    sessions = [session for person in people for session in _sessions(setting, person, wishes)]
    advance(sessions, build_assistant(setting, trained_understanding(setting)))
    said = Counter()
    for session in sessions:
        plan = plan_goals(session.key, session.speaker)
        for steps, before, pursuit in zip(plan[1:], session.pursuits, session.pursuits[1:], strict=False):
            if steps[0].borrows:
                first = next(e for e in session.exchanges[pursuit.start :] if e.kind != "false_wake")
                said[before.reached, first.utterance == steps[0].utterance] += 1
    assert said[True, True] > 10
    assert said[True, False] == 0
    assert said[False, False] > 3


def test_the_device_sleeps_at_times_and_wakes_to_others(small, small_assistant):
    deaf = WakeWordDetector(replace(small.assistant.wake, word=-20.0, other=20.0))
    asleep = Assistant(
        small.world, small.assistant, wake=deaf, recognizer=small_assistant.recognizer,
        understander=small_assistant.understander, resolver=small_assistant.resolver, skills=small_assistant.skills,
    )  # fmt: skip
    counts = []
    for assistant in (small_assistant, asleep):
        wishes = Wishes(small.world, small.population)
        people = [make_person(number, "train", wishes, small.seed) for number in range(60)]
        sessions = [session for person in people for session in _sessions(small, person, wishes)]
        advance(sessions, assistant)
        turns = [exchange for session in sessions for exchange in session.exchanges]
        counts.append(Counter(e.kind == "false_wake" for e in turns))
        if assistant is asleep:  # every request needed the button, and everything that was overheard woke the device
            assert all(e.trace.wake is None for e in turns if e.kind != "false_wake")
            assert counts[1][True] > 2 * counts[0][True] > 0
        else:
            assert all(e.trace.wake >= small.assistant.wake.threshold for e in turns if e.trace.wake is not None)


def test_time_goes_on_though_the_device_sleeps(small, small_assistant):
    """A dialogue whose seconds go back would be refused when its record is made."""
    drowsy = Setting.load(small.world.directory, seed=1, rates={
        "assistant.wake.word": 0.0, "people.reactions.dismiss": 1.0, "people.reactions.thanks": 1.0,
        "people.reactions.gap.next_goal": [0.1, 0.1],
    })  # fmt: skip
    for dialogue in simulated(drowsy, 150):
        seconds = [turn.seconds for turn in dialogue.turns]
        assert seconds == sorted(seconds)


def test_what_always_follows_itself_ends(tmp_path):
    music = FILES["domains/music.yaml"].replace("probability: 0.2", "probability: 1.0")
    setting = Setting.load(write_world(tmp_path / "some", {**FILES, "domains/music.yaml": music}), seed=1)
    wishes = Wishes(setting.world, setting.population)
    person = make_person(1, "train", wishes, setting.seed)
    for session in _sessions(setting, person, wishes):
        assert max(len(steps) for steps in plan_goals(session.key, session.speaker)) <= MOST_STEPS


def test_who_interrupts_does_not_hear_the_response_to_its_end(small, small_assistant):
    wishes = Wishes(small.world, small.population)
    people = [make_person(number, "train", wishes, small.seed) for number in range(60)]
    sessions = [session for person in people for session in _sessions(small, person, wishes)]
    advance(sessions, small_assistant)
    word, wait = small.population.reactions.pace
    before_the_end = []
    for session in sessions:
        for one, two in pairwise(session.exchanges):
            if one.kind == "false_wake":
                continue
            said = one.seconds + wait + word * len(one.utterance.text.split())
            end = said + word * len(one.trace.result.response.split())
            assert two.seconds >= said - 0.1
            if one.barge_in and two.kind in RETRIES:
                before_the_end.append(two.seconds <= end + 0.1)
            elif not one.barge_in:
                assert two.seconds >= end - 0.1
    assert np.mean(before_the_end) > 0.9  # not where the device slept through the first call


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
    one = next(Session("1/1/0", person, _sessions(small, person, wishes)[0].situation, wishes, 120).run())
    random.seed(4)
    two = next(Session("1/1/0", person, _sessions(small, person, wishes)[0].situation, wishes, 120).run())
    assert one == two
