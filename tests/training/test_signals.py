import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from selflearn.training.signals import Items, SignalModel


@pytest.fixture(scope="module")
def answers():
    return np.random.default_rng(0).random(2000) < 0.3


@pytest.fixture(scope="module")
def items(answers):
    """Three signals with error rates of their own, each there for half of the items, and one circumstance."""
    rng = np.random.default_rng(1)
    errors = {"good": 0.05, "fair": 0.2, "useless": 0.5}
    votes = [
        {name: str(bool(answer != (rng.random() < error))) for name, error in errors.items() if rng.random() < 0.5}
        for answer in answers
    ]
    known = [{"loud": float(answer) + rng.normal()} for answer in answers]
    counted = [sum(1 if vote == "True" else -1 for vote in row.values()) for row in votes]
    return Items(votes=votes, circumstances=known, first_guess=[1 / (1 + np.exp(1 - count)) for count in counted])


@pytest.mark.parametrize("share_of", ["signals", "both"])
def test_each_signal_is_weighed_by_its_own_error_rates(items, answers, share_of):
    model = SignalModel.fit(items, share_of=share_of)
    found = model.probabilities(items.votes, items.circumstances)
    assert roc_auc_score(answers, found) > roc_auc_score(answers, items.first_guess) + 0.05  # than counting hands
    no, yes = zip(*(model.rates[name]["True"] for name in ("good", "fair", "useless")), strict=True)
    assert no == pytest.approx([0.05, 0.2, 0.5], abs=0.08)
    assert yes == pytest.approx([0.95, 0.8, 0.5], abs=0.08)
    assert model.share == pytest.approx(np.mean(answers), abs=0.05)


def test_the_rates_of_each_signal_add_up(items):
    for values in SignalModel.fit(items, share_of="both").rates.values():
        assert np.sum(list(values.values()), axis=0) == pytest.approx([1, 1])


def test_the_signals_alone_say_how_often(items):
    """A circumstance that repeats a signal adds nothing to the share, however sure it is."""
    twice = [{"again": 10.0 * (row.get("fair") == "True")} for row in items.votes]
    again = Items(votes=items.votes, circumstances=twice, first_guess=items.first_guess)
    alone = Items(votes=items.votes, circumstances=[{"nothing": 0.0}] * len(items.votes), first_guess=items.first_guess)
    kept, held = (SignalModel.fit(one, share_of="signals").share for one in (again, alone))
    assert kept == pytest.approx(held, abs=1e-3)


def test_items_that_are_not_learned_from_are_answered(items):
    learned = np.arange(len(items.votes)) < 1000
    model = SignalModel.fit(items, share_of="both", learned=learned)
    found = model.probabilities(items.votes[1000:], items.circumstances[1000:])
    assert len(found) == 1000
    assert all(0 <= p <= 1 for p in found)


def test_there_must_be_an_item():
    with pytest.raises(ValueError, match="there is no turn"):
        SignalModel.fit(Items(votes=(), circumstances=(), first_guess=()), share_of="both")
