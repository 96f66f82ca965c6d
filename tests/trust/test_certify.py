"""Certified thresholds: what is accepted, what is refused, and what is said of it."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest
from scipy import stats

from selflearn.trust import certify, certify_each, certify_losses
from selflearn.trust.populations import POPULATIONS


@pytest.fixture
def audit():
    return POPULATIONS["independent"].draw(1000, np.random.default_rng(3))


@pytest.fixture
def dialogues():
    return POPULATIONS["correlated_0.6"].draw(625, np.random.default_rng(3))


def test_the_signature_is_the_agreed_one():
    assert str(inspect.signature(certify)).replace("'", "").split(" -> ")[0] == (
        "(scores: ArrayLike, correct: ArrayLike, groups: Groups | None = None, target_error: float = 0.05, "
        "confidence: float = 0.9, method: str = auto, pool_scores: ArrayLike | None = None, "
        "weights: ArrayLike | None = None, max_items: int | None = None, seed: int = 0, "
        "starts: int = 1, units: Groups | None = None, unit: str = dialogue)"
    )


def test_what_is_certified_passes_the_exact_test_and_is_described(audit):
    found = certify(audit.scores, audit.correct, target_error=0.1)
    taken = audit.scores >= found.threshold
    assert (found.accepted, found.errors) == (taken.sum(), (taken & ~audit.correct).sum())
    assert stats.binom.cdf(found.errors, found.accepted, 0.1) <= 0.1
    assert found.coverage == taken.mean() > 0.4
    assert (found.n, found.method, found.exact, found.max_items) == (1000, "binomial", True, None)
    assert "at most 10% are wrong" in found.promise
    assert "at least 90%" in found.promise
    np.testing.assert_array_equal(found.accept(audit.scores), taken)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.threshold = 0.0


def test_a_stricter_promise_accepts_less(audit):
    shares = [certify(audit.scores, audit.correct, target_error=error).coverage for error in (0.2, 0.1, 0.05)]
    shares += [certify(audit.scores, audit.correct, target_error=0.05, confidence=0.99).coverage]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]


def test_a_promise_of_all_items_is_in_words_whatever_their_scores_are():
    """Scores that are no probabilities have no smallest one: all of them are accepted from minus infinity on."""
    found = certify(-np.arange(200), np.ones(200, bool), target_error=0.1)
    assert found.threshold == -np.inf
    assert found.coverage == 1
    assert "Of the items with any score, at most 10% are wrong" in found.promise


def test_rows_may_come_in_any_order_and_scores_on_any_scale(audit, dialogues):
    order = np.random.default_rng(0).permutation(len(audit.scores))
    base = certify(audit.scores, audit.correct, target_error=0.1)
    assert certify(audit.scores[order], audit.correct[order], target_error=0.1) == base
    logits = np.log(audit.scores / (1 - audit.scores))
    assert certify(logits, audit.correct, target_error=0.1).accepted == base.accepted
    order = np.random.default_rng(0).permutation(len(dialogues.scores))
    base = certify(*dialogues, target_error=0.1)
    assert certify(*(column[order] for column in dialogues), target_error=0.1) == base


def test_a_pool_gives_candidates_and_coverage(audit):
    pool = np.random.default_rng(4).random(5000) ** 0.5  # better scores than the audit's
    found = certify(audit.scores, audit.correct, target_error=0.1, pool_scores=pool)
    assert found.coverage == (pool >= found.threshold).mean()
    assert found.coverage > certify(audit.scores, audit.correct, target_error=0.1).coverage
    assert np.isin(np.nextafter(found.threshold, -np.inf), pool)


def test_tied_scores_are_accepted_together_or_not_at_all():
    scores = np.repeat([0.9, 0.8, 0.7], [100, 300, 100])
    correct = np.ones(500, bool)
    correct[100:130] = False  # the 0.8 are not good enough; a cut inside of the tie would pass
    for order in (np.arange(500), np.random.default_rng(0).permutation(500)):
        found = certify(scores[order], correct[order], target_error=0.05)
        assert found.accepted == 100
        assert 0.8 < found.threshold <= 0.9


def test_dialogues_are_certified_by_betting_and_what_is_approximate_says_so(dialogues):
    exact = certify(*dialogues, target_error=0.1)
    assert (exact.method, exact.exact, exact.max_items) == ("betting", True, np.bincount(dialogues.groups).max())
    assert "exact betting" in exact.promise
    practical = certify(*dialogues, target_error=0.1, method="design_effect")
    assert not practical.exact
    assert "approximate" in practical.promise
    assert "about 90%" in practical.promise
    ignoring = certify(dialogues.scores, dialogues.correct, target_error=0.1)
    assert 0.4 < exact.coverage <= ignoring.coverage
    assert practical.coverage <= ignoring.coverage


def test_groups_of_one_item_are_independent_items(audit):
    named = [f"dialogue {i}" for i in range(1000)]
    assert certify(audit.scores, audit.correct, named, 0.1).method == "binomial"


def test_the_order_of_bets_is_the_seeds(dialogues):
    few = dialogues.groups < 250
    columns = [column[few] for column in dialogues]
    found = {certify(*columns, target_error=0.1, max_items=8, seed=seed).threshold for seed in range(8)}
    assert len(found) > 1
    assert certify(*columns, target_error=0.1, max_items=8, seed=5) == certify(
        *columns, target_error=0.1, max_items=8, seed=5
    )


def test_a_cap_on_dialogues_certifies_more_with_few_of_them_and_is_applied(dialogues):
    few = dialogues.groups < 125
    columns = [column[few] for column in dialogues]
    assert certify(*columns, target_error=0.1).threshold is None
    found = certify(*columns, target_error=0.1, max_items=6)
    assert found.coverage > 0.25
    taken = found.accept(columns[0], columns[2])
    assert np.bincount(columns[2][taken]).max() == 6
    assert taken.mean() == found.coverage
    left_out = (columns[0] >= found.threshold) & ~taken
    for item in np.flatnonzero(left_out):
        assert columns[0][taken & (columns[2] == columns[2][item])].min() >= columns[0][item]
    with pytest.raises(ValueError, match="expected the dialogue of each item, as at most 6"):
        found.accept(columns[0])


def test_dialogues_of_few_users_tell_less_than_as_many_of_many(dialogues):
    """Only users are independent then: the promise is counted over them, and says so."""
    of_users = [f"user {number % 40}" for number in dialogues.groups]
    alone = certify(*dialogues, target_error=0.1)
    found = certify(*dialogues, target_error=0.1, units=of_users, unit="user")
    assert (alone.unit, alone.units) == ("dialogue", 625)
    assert (found.threshold, found.unit, found.units) == (None, "user", 40)
    assert f"from {found.n} audited items of 40 users" in found.promise
    assert found.more_units == -(-found.more_items * 40 // found.n)
    assert f"{found.n + found.more_items} items of about {40 + found.more_units} users" in found.promise


def test_users_are_what_a_promise_says_and_dialogues_what_a_cap_counts_in(dialogues):
    of_users = [f"user {number // 2}" for number in dialogues.groups]
    found = certify(*dialogues, target_error=0.1, method="design_effect", units=of_users, unit="user")
    assert found.max_items is None
    assert "of 313 users" in found.promise
    assert "the audited users say themselves" in found.promise
    most = max(np.unique(of_users, return_counts=True)[1])
    assert f"A user with more than {most} items counts as one with {most} of them." in found.promise
    capped = certify(*dialogues, target_error=0.1, max_items=3, units=of_users, unit="user")
    assert capped.threshold is not None
    assert "whole users at a time" in capped.promise
    taken = capped.accept(dialogues.scores, dialogues.groups)
    assert np.bincount(dialogues.groups[taken]).max() == 3


def test_one_user_a_dialogue_changes_nothing(dialogues):
    as_users = certify(*dialogues, target_error=0.1, max_items=6, units=dialogues.groups)
    assert as_users.threshold == certify(*dialogues, target_error=0.1, max_items=6).threshold


@pytest.mark.parametrize("method", ["betting", "design_effect"])
def test_weights_change_what_is_promised(method):
    rng = np.random.default_rng(0)
    hard = rng.random(3000) < 0.5
    correct = rng.random(3000) >= np.where(hard, 0.2, 0.01)
    scores = np.full(3000, 0.5)
    plain = certify(scores, correct, target_error=0.05, method=method)
    weighted = certify(scores, correct, target_error=0.05, method=method, weights=np.where(hard, 0.1, 1.0))
    assert plain.threshold is None  # 10% are wrong, but those that stand for many are right
    assert weighted.coverage == 1.0
    assert "weights" not in inspect.signature(weighted.accept).parameters


def test_losses_between_zero_and_one():
    rng = np.random.default_rng(0)
    scores = rng.random(2000)
    losses = np.clip((1 - scores) * 0.4 * rng.random(2000) * 2, 0, 1)  # mean loss above t: 0.2 (1 - t)
    found = certify_losses(scores, losses, target_loss=0.1)
    assert 0.1 < losses.mean() * 0.55
    assert 0.35 < found.coverage
    assert losses[scores >= found.threshold].mean() <= 0.1
    assert found.errors == pytest.approx(losses[scores >= found.threshold].sum())
    assert "mean loss is at most 0.1" in found.promise
    binary = losses > 0.2
    same = certify_losses(scores, binary, target_loss=0.1)
    assert same.threshold == certify(scores, ~binary, target_error=0.1, method="betting").threshold


# ------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("method", ["auto", "binomial", "betting", "design_effect"])
class TestEdges:
    def test_an_empty_audit_certifies_nothing_and_says_how_many_items_it_takes(self, method):
        found = certify([], [], method=method)
        assert (found.threshold, found.coverage, found.n, found.more_items) == (None, 0.0, 0, 45)
        assert "It takes an audit of about 45 items" in found.promise
        assert not found.accept([0.5, 1.0]).any()

    def test_all_correct(self, method):
        few, many = (certify(np.linspace(0, 1, n), np.ones(n), method=method) for n in (10, 2000))
        assert few.threshold is None
        assert few.more_items >= 35
        assert many.coverage == 1.0
        assert many.threshold <= 0

    def test_all_wrong(self, method):
        found = certify(np.linspace(0, 1, 500), np.zeros(500), method=method)
        assert (found.threshold, found.more_items) == (None, None)
        assert "More items would not help" in found.promise

    def test_constant_scores_are_all_or_nothing(self, method):
        good, bad = (certify(np.full(1000, 0.7), np.arange(1000) % every != 0, method=method) for every in (100, 10))
        assert good.coverage == 1.0
        assert good.threshold <= 0.7
        assert bad.threshold is None

    def test_nan_scores_are_refused(self, method):
        with pytest.raises(ValueError, match=r"scores\[1\] is nan \(1 of 3 are no finite number\)"):
            certify([0.5, float("nan"), 0.1], [1, 1, 0], method=method)

    @pytest.mark.parametrize("name", ["target_error", "confidence"])
    @pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 5, float("nan")])
    def test_a_promise_outside_of_zero_and_one_is_refused(self, method, name, value):
        with pytest.raises(ValueError, match=f"{name} is .*; expected a number above 0 and below 1"):
            certify([0.5], [1], method=method, **{name: value})


@pytest.mark.parametrize("method", ["auto", "betting", "design_effect"])
def test_one_dialogue_certifies_nothing(method):
    found = certify(np.linspace(0, 1, 500), np.ones(500), ["the only one"] * 500, method=method)
    assert found.threshold is None
    assert found.more_items > 500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"correct": [1, 0]}, "2 correct for 3 scores"),
        ({"correct": [1, 0, 0.5]}, r"correct\[2\] is 0.5; expected 0 or 1: for losses between, certify_losses"),
        ({"scores": [[0.1, 0.2, 0.3]]}, r"scores has shape \(1, 3\); expected one number an item"),
        ({"groups": ["a", "b"]}, "2 groups for 3 scores; expected the dialogue of each item"),
        ({"units": ["a"]}, "1 units for 3 scores; expected the unit of each item"),
        ({"groups": ["a", "a", "b"], "units": ["x", "y", "y"]}, "a dialogue .* is of several units"),
        ({"unit": "customer"}, "unit is 'customer'; expected one of dialogue, user, turn"),
        ({"method": "binomial", "units": ["a", "a", "b"], "unit": "user"}, "'binomial' with several items of one user"),
        ({"weights": [1.0]}, "1 weights for 3 scores"),
        ({"weights": [1.0, 0.0, 2.0]}, r"weights\[1\] is 0.0; expected weights above 0"),
        ({"pool_scores": []}, "pool_scores is empty"),
        ({"pool_scores": [float("inf")]}, r"pool_scores\[0\] is inf"),
        ({"starts": 0}, "starts is 0; expected a whole number from 1 on"),
        ({"starts": 1_000_000}, "starts is 1,000,000; expected at most 100: each has its share of the level"),
        ({"starts": "two"}, "starts is 'two'; expected a whole number from 1 on"),
        ({"seed": -1}, "seed is -1; expected a whole number from 0 on"),
        ({"seed": None}, "seed is None; expected a whole number from 0 on"),
        ({"target_error": "low"}, "target_error is 'low'; expected a number above 0 and below 1"),
        ({"max_items": 3}, "max_items is 3; expected a whole number from 1 on, and with groups"),
        ({"groups": ["a", "a", "b"], "max_items": 0}, "max_items is 0; expected a whole number from 1 on"),
        ({"groups": ["a", "a", "b"], "max_items": 1.5}, "max_items is 1.5; expected a whole number"),
        (
            {"groups": ["a", None, "b"]},
            r"groups\[1\] is None \(1 of 3 are missing\); expected the dialogue of each item",
        ),
        ({"groups": np.array([1.0, np.nan, np.nan])}, r"groups\[1\] is nan \(2 of 3 are missing\)"),
        ({"method": "ltt"}, "method is 'ltt'; expected one of auto, binomial, betting, design_effect"),
        ({"method": "binomial", "groups": ["a", "a", "b"]}, "several items of one dialogue: it would promise too much"),
        ({"method": "binomial", "weights": [1, 2, 1]}, "'binomial' with weights: it would promise too much"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        certify(**{"scores": [0.1, 0.2, 0.3], "correct": [1, 1, 0]} | arguments)


def test_names_of_dialogues_may_be_anything_that_can_be_told_apart():
    assert certify([0.9] * 4, [1] * 4, groups=[1, "1", 2, "2"]).units == 4
    assert certify([0.9] * 4, [1] * 4, groups=[("sgd", "1"), ("sgd", "1"), ("star", "1"), ("star", "2")]).units == 3
    assert certify([0.9] * 3, [1] * 3, groups=[("sgd", 1), ("sgd", "1"), ("sgd", 1)]).units == 2


@pytest.mark.parametrize("confidence", [0.4999, 0.5, 0.5001])
def test_an_even_chance_is_a_confidence_as_any_other(confidence):
    found = certify([0.9] * 400, [True] * 400, np.arange(400) // 4, 0.1, confidence, "design_effect")
    assert found.coverage == 1.0


def test_confidence_is_never_said_to_be_more_than_it_is():
    audit = {"scores": [0.9] * 9000, "correct": [True] * 9000}
    assert "with a confidence of at least 99.9% over" in certify(**audit, confidence=0.99967).promise
    assert "at most 2.51% are wrong" in certify(**audit, target_error=0.025001).promise


def test_groups_may_have_names_of_several_parts():
    """As corpus and id; and a number is not the letters it is written in."""
    names = [("a", i // 5) for i in range(300)]
    found = certify([0.9] * 300, [True] * 300, names, 0.2, max_items=2)
    assert found.accept([0.95] * 3, [("b", 1)] * 3).tolist() == [True, True, False]
    assert found.accept([0.95] * 3, [1, "1", 1]).tolist() == [True] * 3
    together = certify_each([0.9] * 300, [True] * 300, ["x"] * 300, names, 0.2)
    assert together.certificates["x"].coverage == 1.0


def test_the_threshold_in_words_is_never_below_the_certified_one():
    scores = 0.9 + np.arange(400) * 1e-9
    found = certify(scores, np.ones(400), target_error=0.1)
    assert found.threshold is not None
    in_words = float(found.promise.split("a score of ")[1].split()[0])
    assert found.threshold <= in_words < found.threshold + 1e-5


def test_losses_outside_of_zero_and_one_are_refused():
    with pytest.raises(ValueError, match=r"losses\[1\] is 1.5; expected 0 \(right\) to 1 \(wrong\)"):
        certify_losses([0.1, 0.2], [0.5, 1.5])
    with pytest.raises(ValueError, match="target_loss is 0"):
        certify_losses([0.1], [0.5], target_loss=0)


def test_the_missing_items_are_about_what_it_takes():
    """With errors as they come: a tenth of the better half is wrong, all of the worse half."""
    scores = np.linspace(1, 0, 40)
    correct = (np.arange(40) < 20) & (np.arange(40) % 10 != 9)
    short = certify(scores, correct, target_error=0.2, confidence=0.99)
    assert short.threshold is None
    times = (40 + short.more_items) / 40

    def coverage(times):
        return certify(np.repeat(scores, times), np.repeat(correct, times), target_error=0.2, confidence=0.99).coverage

    assert coverage(int(times / 2)) == 0.0
    assert coverage(int(times * 2) + 1) > 0.0


@pytest.mark.parametrize(
    ("population", "size", "method"),
    [("correlated_0.6", 200, "betting"), ("correlated_0.95", 200, "betting"), ("long_harder", 250, "betting"),
     ("correlated_0.6", 50, "design_effect"), ("independent", 80, "binomial")],
)  # fmt: skip
def test_an_abstention_on_scores_in_the_best_order_says_a_number_that_is_about_right(population, size, method):
    """It must not blame the order of the scores; with twice the missing items most audits certify something."""
    said, enough = 0, 0
    for seed in range(16):
        found = certify(*POPULATIONS[population].draw(size, np.random.default_rng(seed)), 0.1, method=method, seed=seed)
        if found.threshold is not None:
            continue
        assert found.more_items > 0
        assert "the best scores are not the surest" not in found.promise
        said += 1
        larger = round(size * (1 + 2 * found.more_items / found.n))
        again = POPULATIONS[population].draw(larger, np.random.default_rng([seed, 1]))
        enough += certify(*again, 0.1, method=method, seed=seed).threshold is not None
        if said == 6:
            break
    assert said >= 3
    assert enough >= 0.5 * said


def test_best_scores_that_are_not_the_surest_are_said():
    scores = np.linspace(1, 0, 1000)
    correct = np.ones(1000, bool)
    correct[:20:2] = False  # half of the best; further down everything is right
    for method in ("binomial", "betting", "design_effect"):
        found = certify(scores, correct, np.arange(1000), target_error=0.05, method=method)
        assert (found.threshold, found.more_items) == (None, 0)
        assert "the best scores are not the surest" in found.promise


@pytest.mark.parametrize("method", ["binomial", "betting", "design_effect"])
def test_a_second_start_finds_what_is_right_below_wrong_best_scores(method):
    scores = np.linspace(1, 0, 1000)
    correct = np.ones(1000, bool)
    correct[:20:2] = False
    alone, found = (
        certify(scores, correct, np.arange(1000), target_error=0.05, method=method, starts=starts) for starts in (1, 2)
    )
    assert (alone.threshold, alone.more_items, alone.starts) == (None, 0, 1)
    assert "so may 2 starts, declared before another audit" in alone.promise
    assert (found.coverage, found.starts) == (1.0, 2)
    assert "from 2 starts" in found.promise


@pytest.mark.parametrize("method", ["binomial", "betting", "design_effect"])
def test_starts_that_meet_end_where_one_start_does(audit, method):
    """Where all have met, the level is whole again."""
    one, two = (certify(audit.scores, audit.correct, target_error=0.12, method=method, starts=s) for s in (1, 2))
    assert one.threshold == two.threshold is not None


def test_each_name_has_the_weights_and_the_pool_of_its_own(audit):
    names, weights = np.where(np.arange(1000) % 2, "a", "b"), np.linspace(0.5, 1, 1000)
    pool, pool_names = np.linspace(0, 1, 400), np.where(np.arange(400) < 100, "a", "b")
    found = certify_each(audit.scores, audit.correct, names, target_error=0.2, weights=weights, pool_scores=pool,
                         pool_names=pool_names).certificates  # fmt: skip
    for name in "ab":
        own = names == name
        alone = certify(audit.scores[own], audit.correct[own], target_error=0.2, confidence=0.95, weights=weights[own],
                        pool_scores=pool[pool_names == name])  # fmt: skip
        assert found[name].threshold == alone.threshold
        assert found[name].coverage == alone.coverage
    with pytest.raises(ValueError, match="pool_names lack 'b', which was audited"):
        certify_each(audit.scores, audit.correct, names, pool_scores=[0.5], pool_names=["a"])
    with pytest.raises(ValueError, match="pool_scores and pool_names are not of the same items"):
        certify_each(audit.scores, audit.correct, names, pool_scores=[0.5])
