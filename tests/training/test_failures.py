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
    found = np.concatenate(failures(log, model))
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
    found = np.concatenate(failures(silent, model))
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


def test_what_comes_of_an_interruption_says_nothing_more():
    """Who interrupts goes on at once, often with "stop": three signals of one event would outvote all others."""
    turns = tuple(Turn(request="a", response="b", seconds=seconds) for seconds in (0.0, 3.0, 9.0))
    stopped = (Feedback(barge_in=True), Feedback(termination=True), Feedback())
    gave_up = (Feedback(barge_in=False), Feedback(termination=True), Feedback())
    interrupted, left = (
        failure_votes(Dialogue(id="d", corpus="c", split="train", turns=turns, feedback=feedback))[0]
        for feedback in (stopped, gave_up)
    )
    assert interrupted["barge_in"] == "True"
    assert not {"given_up", "gap"} & set(interrupted)
    assert (left["given_up"], left["gap"]) == ("True", "up to 4 s")


def test_a_log_of_one_turn_sessions_can_be_estimated(log):
    alone = [replace(without_gold(d), id=f"{d.id}-{i}", turns=(turn,), feedback=(Feedback(barge_in=i % 2 == 0),))
             for d in log[:40] for i, turn in enumerate(d.turns[:2])]  # fmt: skip
    model = failure_model(alone)
    assert all(0 <= p <= 1 for row in failures(alone, model) for p in row)


def typed_again(number, *, status, seed):
    """Logs without one reaction: who is not served says it again within seconds, others wait."""
    rng, logs, truth = np.random.default_rng(seed), [], []
    for i in range(number):
        clock, turns = 0.0, []
        for _ in range(int(rng.integers(1, 4))):
            what = ("play jazz", "wake me at six", "lights off in the hall")[int(rng.integers(3))]
            for failed in [True] * int(rng.random() < 0.4) + [False]:
                said = "I did not get that." if failed else f"Okay, {what}."
                known = ("failed" if failed else "done") if status else None
                turns.append(Turn(request=what, response=said, seconds=clock, status=known))
                truth.append(failed)
                clock += rng.uniform(3, 9) if failed else rng.uniform(20, 90)
        logs.append(Dialogue(id=str(i), corpus="c", split="train", turns=tuple(turns)))
    return logs, truth


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("status", [False, True])
def test_a_log_without_reactions_is_told_by_times_and_words_and_never_upside_down(status, seed):
    logs, truth = typed_again(150, status=status, seed=seed)
    model = failure_model(logs)
    assert roc_auc_score(truth, np.concatenate(failures(logs, model))) > 0.95


def test_a_log_in_which_nothing_tells_failures_is_refused():
    """Milliseconds among them: nobody comes back within ten of their seconds."""
    logs, _ = typed_again(20, status=True, seed=0)
    for change in (lambda turn: replace(turn, seconds=None), lambda turn: replace(turn, seconds=1000 * turn.seconds)):
        bare = [replace(log, turns=tuple(map(change, log.turns))) for log in logs]
        with pytest.raises(ValueError, match=r"nothing in \d+ turns tells those that failed: .* \(no milliseconds\)"):
            failure_model(bare)


def test_there_must_be_a_turn():
    with pytest.raises(ValueError, match="there is no turn"):
        failure_model([])


def test_goal_starts_are_told_without_times_too(log, model):
    failed = failures(log, model)
    starting = start_model(log, failed)
    untimed = [replace(d, turns=tuple(replace(turn, seconds=None) for turn in d.turns), feedback=()) for d in log]
    found, alone = ([p for row in starts(logs, failed, starting) for p in row[1:]] for logs in (log, untimed))
    gold = [i in {goal.start for goal in d.labels.goals} for d in log for i in range(1, len(d.turns))]
    waited = [after.seconds - turn.seconds for d in log for turn, after in zip(d.turns, d.turns[1:], strict=False)]
    assert roc_auc_score(gold, found) > roc_auc_score(gold, waited)
    assert roc_auc_score(gold, alone) > 0.7


def test_nothing_tells_where_goals_begin_in_a_log_without_times_and_rephrases():
    turns = (Turn(request="a"), Turn(request="b"))
    bare = Dialogue(id="d", corpus="c", split="train", turns=turns)
    assert start_model([bare], [[0.1, 0.1]]) is None
    assert starts([bare], [[0.1, 0.1]], None) == [[1.0, 1.0]]
    again, other = (replace(bare, feedback=(Feedback(rephrase=said), Feedback())) for said in (True, False))
    assert start_model([again, other], [[0.1, 0.1]] * 2) is None
    said, unsaid = starts([again, other], [[0.1, 0.1]] * 2, None)
    assert said[1] < 0.5
    assert unsaid == [1.0, 1.0]


def test_a_turn_of_which_nothing_is_known_is_no_error():
    turns = (Turn(audio="a.wav"), Turn(audio="b.wav"))
    silent = Dialogue(id="d", corpus="c", split="train", turns=turns, feedback=(Feedback(barge_in=True), Feedback()))
    assert all(0 <= p <= 1 for p in failures([silent], failure_model([silent]))[0])
