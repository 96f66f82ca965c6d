from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from selflearn.schema import Feedback, Interpretation, Turn
from selflearn.simulation.simulate import Setting, simulated
from selflearn.training.feedback import without_gold
from selflearn.training.signals import SignalModel, circumstances, signal_table, signals
from tests.fixtures.worlds import write_world


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    setting = Setting.load(write_world(tmp_path_factory.mktemp("world")), seed=1)
    return list(simulated(setting, 800))


@pytest.fixture(scope="module")
def model(log):
    return SignalModel.fit(log)


@pytest.fixture(scope="module")
def truth(log):
    return [labels.defect.value for dialogue in log for labels in dialogue.labels.turns]


def test_signals_are_weighed_by_their_own_error_rates(log, model, truth):
    found = np.concatenate([model.defects(dialogue) for dialogue in log])
    assert roc_auc_score(truth, found) > 0.75
    votes = [
        sum(v.get(name) == "True" for name in ("barge_in", "rephrase", "repetition")) for d in log for v in signals(d)
    ]
    assert roc_auc_score(truth, found) > roc_auc_score(truth, votes) + 0.02  # better than counting hands
    served, failed = model.rates["barge_in"]["True"]
    assert failed > 2 * served
    assert model.rates["answer"]["False"][1] > model.rates["answer"]["False"][0]
    table = signal_table(model, log)
    assert {row["signal"] for row in table} >= {"barge_in", "rephrase", "answer", "status", "gap"}


def test_the_rates_of_each_signal_add_up(model):
    for values in model.rates.values():
        assert np.sum(list(values.values()), axis=0) == pytest.approx([1, 1])


def test_the_classifier_ranks_turns_and_leaves_the_rate_to_the_signals(log, model):
    found = np.concatenate([model.defects(dialogue) for dialogue in log])
    assert found.mean() == pytest.approx(model.defect_rate, abs=1e-3)


def test_failures_that_nobody_reacted_to_are_told_by_what_the_assistant_said(log, model, truth):
    silent = [
        replace(d, feedback=(), turns=tuple(replace(turn, seconds=None, status=None) for turn in d.turns)) for d in log
    ]
    found = np.concatenate([model.defects(dialogue) for dialogue in silent])
    assert roc_auc_score(truth, found) > 0.65


def test_circumstances_hold_what_was_known_before_anybody_reacted():
    turn = Turn(request="a b", response="Sorry", seconds=3.0, status="failed",
                interpretations=(Interpretation(domain="music", intent="play", score=0.5),))  # fmt: skip
    found = circumstances(turn)
    assert found["said sorry"] == found["intent=play"] == 1.0
    assert found["interpretation.confidence"] == 0.0  # log-odds of one half
    assert not any("status" in name or "second" in name for name in found)  # the status is a signal of its own


def test_a_log_of_one_turn_sessions_can_be_estimated(log):
    alone = [replace(without_gold(d), id=f"{d.id}-{i}", turns=(turn,), feedback=(Feedback(barge_in=i % 2 == 0),))
             for d in log[:40] for i, turn in enumerate(d.turns[:2])]  # fmt: skip
    model = SignalModel.fit(alone)
    assert all(0 <= p <= 1 for dialogue in alone for p in model.defects(dialogue))


def test_there_must_be_a_turn():
    with pytest.raises(ValueError, match="there is no turn"):
        SignalModel.fit([])
