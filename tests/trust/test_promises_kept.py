"""A promise is kept as often as it says, on populations of which the truth is known; tuning a threshold keeps none."""

from __future__ import annotations

import pytest

from selflearn.trust.draws import repeat_audits
from selflearn.trust.populations import DEVELOPMENT, POPULATIONS, Population

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


@pytest.mark.parametrize("population", ["sure_sharp", "sure_wide", "hard"])
def test_several_starts_keep_the_promise_where_the_error_rate_crosses_the_target_twice(population):
    found = repeat_audits(DEVELOPMENT[population], audit=1000, design="items", starts=2, draws=400, seed=2)
    assert found.broken <= found.allowed
    if population != "hard":
        alone = repeat_audits(DEVELOPMENT[population], audit=1000, design="items", draws=100, seed=2)
        assert alone.nothing > 0.9
        assert found.accepted > 0.3


@pytest.mark.parametrize("starts", [2, 5])
def test_all_starts_together_do_wrong_no_more_often_than_one(starts):
    """Every threshold is a little too generous: whatever any of the chains passes breaks the promise."""
    flat = Population(most_wrong=0.102, power=0.0)
    found = repeat_audits(flat, audit=400, design="items", starts=starts, draws=1000, seed=3)
    assert found.nothing == 1 - found.broken / 1000
    assert found.broken <= found.allowed


@pytest.mark.slow
@pytest.mark.parametrize("method", ["betting", "design_effect"])
@pytest.mark.parametrize("population", ["sure_sharp", "sure_few", "gentle"])
def test_several_starts_in_audits_of_whole_dialogues(population, method):
    size = 500 if method == "betting" else 250
    found = repeat_audits(DEVELOPMENT[population], audit=size, method=method, starts=2, draws=300, seed=4)
    assert found.broken <= found.allowed
    assert found.accepted > 0.4


def test_bets_of_several_starts_on_what_is_a_little_too_generous():
    flat = Population(error_correlation=0.5, most_wrong=0.102, power=0.0)
    found = repeat_audits(flat, audit=300, max_items=4, starts=3, draws=150, seed=5)
    assert found.broken <= found.allowed


def test_another_design_is_refused():
    with pytest.raises(ValueError, match="design is 'turns'; expected one of dialogues, items, undeclared"):
        repeat_audits(POPULATIONS["independent"], audit=10, design="turns")
