from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from selflearn.schema import Dialogue, Feedback, Interpretation, Turn
from selflearn.simulation.simulate import Setting, simulated
from selflearn.training.failures import failure_circumstances, failure_model, failure_votes, failures
from selflearn.training.feedback import without_gold
from selflearn.training.goal_starts import start_model, starts
from tests.fixtures.worlds import write_world


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    setting = Setting.load(write_world(tmp_path_factory.mktemp("world")), seed=1)
    return list(simulated(setting, 800))


@pytest.fixture(scope="module")
def model(log):
    return failure_model(log)


@pytest.fixture(scope="module")
def truth(log):
    return [labels.defect.value for dialogue in log for labels in dialogue.labels.turns]


def test_failures_are_told_from_what_people_did(log, model, truth):
    found = np.concatenate([failures(dialogue, model) for dialogue in log])
    assert roc_auc_score(truth, found) > 0.75
    hands = [
        sum(v.get(name) == "True" for name in ("barge_in", "rephrase", "repetition"))
        for d in log for v in failure_votes(d)
    ]  # fmt: skip
    assert roc_auc_score(truth, found) > roc_auc_score(truth, hands) + 0.02  # better than counting hands
    served, failed = model.rates["barge_in"]["True"]
    assert failed > 2 * served
    assert model.rates["answer"]["False"][1] > model.rates["answer"]["False"][0]


def test_failures_that_nobody_reacted_to_are_told_by_what_the_assistant_said(log, model, truth):
    silent = [
        replace(d, feedback=(), turns=tuple(replace(turn, seconds=None, status=None) for turn in d.turns)) for d in log
    ]
    found = np.concatenate([failures(dialogue, model) for dialogue in silent])
    assert roc_auc_score(truth, found) > 0.65


def test_circumstances_hold_what_is_no_signal_of_its_own():
    turn = Turn(request="a b", response="Sorry", seconds=3.0, status="failed",
                interpretations=(Interpretation(domain="music", intent="play", score=0.5),))  # fmt: skip
    soon, late = (Turn(request="no a", seconds=seconds) for seconds in (8.0, 80.0))
    alone, answered, much_later = (
        failure_circumstances(Dialogue(id="d", corpus="c", split="train", turns=turns))[0]
        for turns in ((turn,), (turn, soon), (turn, late))
    )
    assert alone["said sorry"] == alone["intent=play"] == alone["asked b"] == 1.0
    assert alone["interpretation.confidence"] == 0.0  # log-odds of one half
    assert not any("status" in name or "second" in name for name in alone)  # the status is a signal of its own
    assert answered["then first no"] == answered["then a"] == 1.0
    assert answered["then the same words"] == 0.5
    assert much_later == alone  # it is about something else


def test_a_log_of_one_turn_sessions_can_be_estimated(log):
    alone = [replace(without_gold(d), id=f"{d.id}-{i}", turns=(turn,), feedback=(Feedback(barge_in=i % 2 == 0),))
             for d in log[:40] for i, turn in enumerate(d.turns[:2])]  # fmt: skip
    model = failure_model(alone)
    assert all(0 <= p <= 1 for dialogue in alone for p in failures(dialogue, model))


def test_there_must_be_a_turn():
    with pytest.raises(ValueError, match="there is no turn"):
        failure_model([])


def test_goal_starts_are_told_without_times_too(log, model):
    failed = [failures(dialogue, model) for dialogue in log]
    starting = start_model(log, failed)
    untimed = [replace(d, turns=tuple(replace(turn, seconds=None) for turn in d.turns), feedback=()) for d in log]
    found, alone = (
        [p for d, row in zip(logs, failed, strict=True) for p in starts(d, row, starting)[1:]]
        for logs in (log, untimed)
    )
    gold = [i in {goal.start for goal in d.labels.goals} for d in log for i in range(1, len(d.turns))]
    waited = [after.seconds - turn.seconds for d in log for turn, after in zip(d.turns, d.turns[1:], strict=False)]
    assert roc_auc_score(gold, found) > roc_auc_score(gold, waited)
    assert roc_auc_score(gold, alone) > 0.7


def test_nothing_tells_where_goals_begin_in_a_log_without_times_and_rephrases():
    turns = (Turn(request="a"), Turn(request="b"))
    bare = Dialogue(id="d", corpus="c", split="train", turns=turns)
    assert start_model([bare], [[0.1, 0.1]]) is None
    assert starts(bare, [0.1, 0.1], None) == [1.0, 1.0]
    again, other = (replace(bare, feedback=(Feedback(rephrase=said), Feedback())) for said in (True, False))
    assert start_model([again, other], [[0.1, 0.1]] * 2) is None
    assert starts(again, [0.1, 0.1], None)[1] < 0.5
    assert starts(other, [0.1, 0.1], None) == [1.0, 1.0]


def test_a_turn_of_which_nothing_is_known_is_no_error():
    silent = Dialogue(id="d", corpus="c", split="train", turns=(Turn(audio="a.wav"), Turn(audio="b.wav")))
    assert all(0 <= p <= 1 for p in failures(silent, failure_model([silent])))
