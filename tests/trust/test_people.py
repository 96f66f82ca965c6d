"""The model beside people, and people together."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from selflearn.trust import aggregate, alternative_annotator_test, leave_one_out, paired_difference, shared_ratings


def people(items=200, rates=(0.9, 0.9, 0.85, 0.9), seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, items)
    rows = [
        (item, f"w{w}", int(truth[item] if rng.random() < rate else 1 - truth[item]))
        for w, rate in enumerate(rates)
        for item in range(items)
    ]
    return pd.DataFrame(rows, columns=["task", "worker", "label"]), truth, rng


def test_each_annotator_against_the_majority_of_the_others():
    ratings, _, _ = people(rates=(1.0, 1.0, 1.0, 0.7))
    found = leave_one_out(ratings)
    assert found.loc["w3", "accuracy"] == pytest.approx(0.7, abs=0.1)
    assert found.loc["w3", "kappa"] == pytest.approx(0.4, abs=0.15)
    assert found.loc["w0", "accuracy"] == 1.0  # two of the other three are always right
    two = ratings[ratings["worker"].isin(["w0", "w3"]) & (ratings["task"] < 5)]
    assert leave_one_out(two)["ties"].tolist() == [0, 0]
    alone = leave_one_out(ratings[ratings["worker"] == "w0"])
    assert alone.loc["w0", ["items", "ties"]].tolist() == [0, 200]
    assert np.isnan(alone.loc["w0", "accuracy"])


def test_a_good_model_may_replace_an_annotator_and_a_coin_may_not():
    ratings, truth, rng = people()
    good = alternative_annotator_test(ratings, dict(enumerate(truth.tolist())), epsilon=0.1)
    assert good.passed
    assert good.winning_rate == 1.0
    assert good.advantage > 0.85
    coin = alternative_annotator_test(ratings, dict(enumerate(rng.integers(0, 2, 200).tolist())), epsilon=0.1)
    assert not coin.passed
    assert coin.winning_rate == 0.0
    with pytest.raises(ValueError, match="the model has no label for 200 rated tasks, the first is 0"):
        alternative_annotator_test(ratings, {})


def test_who_is_left_out_takes_items_of_others_along():
    pairs = [("a", "b", 40), ("b", "c", 25), ("c", "d", 10), ("a", "e", 29)]
    both = [(f"{a}{b}{i}", worker, 1) for a, b, shared in pairs for i in range(shared) for worker in (a, b)]
    rows = [*both, *((f"of d alone {i}", "d", 1) for i in range(50))]
    found = shared_ratings(pd.DataFrame(rows, columns=["task", "worker", "label"]), least=30)
    # d and e share too little; without d's items c does as well, and what is left is what a and b share
    assert found.groupby("worker").size().to_dict() == {"a": 40, "b": 40}
    assert set(alternative_annotator_test(found, dict.fromkeys(found["task"], 1)).p_values) == {"a", "b"}


def test_the_test_is_the_papers_by_hand():
    ratings, truth, _ = people(items=40, rates=(0.9, 0.6, 0.9))
    model = dict(enumerate(truth.tolist()))
    wide = ratings.pivot(index="task", columns="worker", values="label")
    others = wide[["w0", "w2"]]
    f, h = (others.eq(truth, axis=0).mean(axis=1), others.eq(wide["w1"], axis=0).mean(axis=1))
    difference = (h >= f).astype(int) - (f >= h).astype(int)
    expected = stats.ttest_1samp(difference, 0.2, alternative="less").pvalue
    assert alternative_annotator_test(ratings, model).p_values["w1"] == pytest.approx(expected)


def test_the_paired_difference_takes_dialogues_as_they_are():
    rng = np.random.default_rng(0)
    person = rng.random(100) < 0.7
    model = person | (rng.random(100) < 0.5)
    found = paired_difference(np.repeat(model, 8), np.repeat(person, 8), np.repeat(np.arange(100), 8))
    single = paired_difference(model, person)
    assert found.difference == single.difference == pytest.approx(model.mean() - person.mean())
    assert 0 < found.low < found.difference < found.high
    assert found.high - found.low == pytest.approx(single.high - single.low, rel=0.15)  # eight copies say no more
    assert found.p_value < 0.01
    assert paired_difference(person, person).p_value == 1.0
    with pytest.raises(ValueError, match="0 items"):
        paired_difference([], [])


@pytest.mark.parametrize("method", ["majority", "dawid_skene", "mace"])
def test_aggregation_beats_a_person_and_knows_the_bad_one(method):
    ratings, truth, _ = people(rates=(0.85, 0.85, 0.85, 0.85, 0.55))
    found = aggregate(ratings, method)
    assert (found.labels.to_numpy() == truth).mean() > 0.9
    assert found.quality.idxmin() == "w4"
    assert found.probabilities.to_numpy().sum(1) == pytest.approx(1.0)
    assert aggregate(ratings, method).labels.equals(found.labels)


def test_without_crowd_kit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    with pytest.raises(ImportError, match=r"mace needs crowd-kit: pip install 'selflearn\[trust\]'"):
        aggregate(people(items=3)[0], "mace")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="worker"), "ratings have no column 'worker'"),
        (lambda frame: pd.concat([frame, frame.head(1)]), "worker w0 rated task 0 twice"),
        (lambda frame: frame.assign(label=None), "12 ratings lack a value"),
    ],
)
def test_ratings_at_fault(change, message):
    with pytest.raises(ValueError, match=message):
        leave_one_out(change(people(items=3)[0]))


@pytest.mark.parametrize("method", ["majority", "dawid_skene"])
def test_labels_of_a_categorical_column_are_aggregated_as_their_values(method):
    ratings = pd.DataFrame(
        [(task, worker, "yes" if task < 3 else "no") for task in range(6) for worker in "abc"],
        columns=["task", "worker", "label"],
    )
    found = aggregate(ratings.astype({"label": "category"}), method)
    assert found.labels.to_dict() == aggregate(ratings, method).labels.to_dict()
