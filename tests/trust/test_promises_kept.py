"""A promise is kept as often as it says, on populations of which the truth is known; tuning a threshold keeps none."""

from __future__ import annotations

import pytest

from selflearn.trust.draws import repeat_audits
from selflearn.trust.populations import POPULATIONS

WHOLE = ["correlated_0.6", "correlated_0.95", "long_harder"]
PEER = {"correlated_0.6": 0.55, "correlated_0.95": 0.53, "long_harder": 0.27}  # shares to reach at 625 dialogues


def test_independent_items_in_a_thousand_audits():
    found = repeat_audits(POPULATIONS["independent"], audit=1000, seed=1)
    assert found.allowed == 123
    assert found.broken <= found.allowed
    assert found.accepted >= 0.54
    assert found.best == pytest.approx(0.63, abs=0.001)


def test_naive_tuning_fails_the_same_test():
    found = repeat_audits(POPULATIONS["independent"], audit=1000, method="naive", seed=1)
    assert found.broken > 3 * found.allowed


@pytest.mark.parametrize("population", WHOLE)
def test_drawn_turns_of_many_dialogues_in_a_thousand_audits(population):
    found = repeat_audits(POPULATIONS[population], audit=300, design="items", seed=1)
    assert found.broken <= found.allowed
    assert found.nothing < 0.5


@pytest.mark.parametrize("population", WHOLE)
def test_whole_dialogues_in_few_audits(population):
    found = repeat_audits(POPULATIONS[population], audit=150, max_items=6, draws=200, seed=1)
    assert found.broken <= found.allowed
    assert found.nothing < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("population", WHOLE)
def test_whole_dialogues_in_a_thousand_audits(population):
    found = repeat_audits(POPULATIONS[population], audit=625, seed=1)
    assert found.broken <= found.allowed
    assert found.accepted >= PEER[population]


@pytest.mark.slow
@pytest.mark.parametrize("population", WHOLE)
def test_what_goes_wrong_without_it_fails_the_same_test(population):
    naive = repeat_audits(POPULATIONS[population], audit=625, method="naive", seed=1)
    undeclared = repeat_audits(POPULATIONS[population], audit=625, design="undeclared", method="binomial", seed=1)
    assert naive.broken > 3 * naive.allowed
    assert undeclared.broken > 1.2 * undeclared.allowed


@pytest.mark.slow
@pytest.mark.parametrize("population", WHOLE)
@pytest.mark.parametrize("audit", [125, 625])
def test_the_approximate_one_is_about_right(population, audit):
    found = repeat_audits(POPULATIONS[population], audit=audit, method="design_effect", seed=1)
    assert found.broken <= 130


def test_another_design_is_refused():
    with pytest.raises(ValueError, match="design is 'turns'; expected one of dialogues, items, undeclared"):
        repeat_audits(POPULATIONS["independent"], audit=10, design="turns")
