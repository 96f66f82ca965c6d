"""PAC labels, audit plans, and many promises at once."""

from __future__ import annotations

import numpy as np
import pytest

from selflearn.trust import audit_plan, certify, certify_each, pac_labels


def test_what_may_be_wrong_of_the_models_own_labels_is_rounded_upwards():
    scores, audited = [0.9] * 920 + [0.1] * 80, list(range(880, 920)) + list(range(920, 1000))
    promise = pac_labels(scores, [*range(200), *audited], [True] * 240 + [False] * 80, 0.05).promise
    assert "the 92.0% of the data set with a score of 0.9 or more" in promise
    assert "own labels up to 5.44% may be wrong" in promise


@pytest.mark.slow
def test_the_whole_set_is_within_epsilon_as_often_as_promised():
    rng = np.random.default_rng(0)
    scores = rng.random(2000)
    wrong = rng.random(2000) < 0.5 * (1 - scores) ** 1.5
    broken, shares = 0, []
    for _ in range(1000):
        audited = rng.choice(2000, 300, replace=False)
        found = pac_labels(scores, audited, ~wrong[audited], whole_set_error=0.05)
        shares.append(found.model_share)
        broken += found.threshold is not None and wrong[scores >= found.threshold].sum() > 0.05 * 2000
    assert broken <= 123
    assert np.mean(shares) > 0.4
    assert "WHOLE data set" in found.promise
    assert "model's own labels up to" in found.promise


def test_pac_labels_by_a_person_where_nothing_is_right():
    found = pac_labels(np.linspace(0, 1, 100), range(50), np.zeros(50), whole_set_error=0.005)
    assert (found.threshold, found.model_share) == (None, 0.0)
    with pytest.raises(ValueError, match="2 positions from 0 to 0; expected each once, from 0 to 0"):
        pac_labels([0.5], [0, 0], [1, 1])


def test_a_plan_draws_every_item_as_likely():
    pool = {"long": 8, "none": 0, "short": 2}
    counts = np.zeros(10)
    for seed in range(2000):
        for name, number in audit_plan(pool, 3, seed=seed).items:
            counts[number + 8 * (name == "short")] += 1
    assert counts.sum() == 6000
    assert np.abs(counts / 6000 - 0.1).max() < 0.02
    everything = audit_plan(pool, 10)
    assert len(set(everything.items)) == 10
    assert (everything.dialogues, everything.pool) == (2, 10)
    with pytest.raises(ValueError, match="n is 11, the pool has 10 items"):
        audit_plan(pool, 11)


def test_what_is_no_whole_number_is_refused():
    with pytest.raises(ValueError, match=r"audited\[0\] is 0.7; expected whole numbers"):
        pac_labels([0.9, 0.8], [0.7, 1], [1, 1])
    with pytest.raises(ValueError, match="dialogue 'a' has -3 items; expected 0 or more"):
        audit_plan({"a": -3, "b": 5}, 2)


def test_many_promises_cost_and_each_is_stricter():
    rng = np.random.default_rng(0)
    scores = rng.random(3000)
    names = rng.choice(["play", "stop", "rare"], 3000, p=[0.6, 0.39, 0.01])
    correct = rng.random(3000) >= 0.5 * (1 - scores) ** 1.5
    found = certify_each(scores, correct, names, target_error=0.1)
    own = names == "play"
    lone = certify(scores[own], correct[own], target_error=0.1)
    assert found.certificates["play"].confidence == pytest.approx(1 - 0.1 / 3)
    assert found.price["play"] == pytest.approx(lone.coverage - found.certificates["play"].coverage)
    assert min(found.price.values()) >= 0
    assert found.certificates["rare"].threshold is None
    with pytest.raises(ValueError, match="2 names for 1 scores"):
        certify_each([0.5], [1], ["a", "b"])
