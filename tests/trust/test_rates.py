"""Rates of a log: intervals hold the truth, and the model's labels make them narrower where they are good."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from selflearn.trust import estimate_rate


def draw(rng, *, dialogues=1500, audited=150, accuracy=0.9):
    """Dialogues that fail as a whole, long ones more often; the model errs alike within one, and may split a goal."""
    length = 1 + rng.poisson(7, dialogues)
    hard = np.clip(rng.beta(1, 3, dialogues) + 0.02 * length, 0, 1)  # of the dialogue: its items fail together
    failed = rng.binomial(length, hard)
    useful = rng.random(dialogues) < accuracy  # else the whole dialogue is labelled at random
    said = np.where(useful, failed, rng.binomial(length, 0.5))
    more = rng.binomial(1, 0.1, dialogues)  # an item that people do not see
    places = rng.choice(dialogues, audited, replace=False)
    return said + rng.binomial(more, 0.5), length + more, places, failed[places], length[places]


def truth():
    """Of `draw`: E[min(X + c, 1)] = c + (1 - c^4) / 4 for X ~ Beta(1, 3) and a dialogue that adds c, by items."""
    length = np.arange(1, 80)
    adds = np.minimum(0.02 * length, 1.0)
    by_items = length * stats.poisson.pmf(length - 1, 7)
    return float(by_items @ (adds + (1 - adds**4) / 4) / by_items.sum())


@pytest.mark.parametrize("accuracy", [0.0, 0.6, 0.95])
def test_intervals_hold_the_truth_as_often_as_they_say(accuracy):
    rng, draws = np.random.default_rng(1), 600
    found = [estimate_rate(*draw(rng, accuracy=accuracy)) for _ in range(draws)]
    for which in ("powered", "classical"):
        held = sum(getattr(one, which).low <= truth() <= getattr(one, which).high for one in found)
        assert stats.binom.ppf(0.005, draws, 0.95) - 0.01 * draws <= held  # asymptotic: a point is granted
    widths = np.array([
        [one.powered.high - one.powered.low, one.classical.high - one.classical.low] for one in found
    ]).mean(0)  # fmt: skip
    assert widths[0] < 1.01 * widths[1]
    if accuracy == 0.95:
        assert widths[0] < 0.65 * widths[1]
        assert np.mean([one.model_weight for one in found]) > 0.7


def test_items_taken_for_independent_would_hold_it_less_often():
    """Why dialogues are the unit: the same interval from items alone is too narrow."""
    rng, held, draws = np.random.default_rng(2), 0, 400
    for _ in range(draws):
        *_, failed, length = draw(rng)
        rate = failed.sum() / length.sum()
        held += abs(rate - truth()) <= 1.96 * (rate * (1 - rate) / length.sum()) ** 0.5
    assert held < 0.85 * draws


def test_what_the_model_gets_wrong_on_average_is_put_right():
    rng = np.random.default_rng(3)
    truth = rng.random(4000) < 0.2
    said = np.minimum(truth + (rng.random(4000) < 0.15), 1)  # finds too many
    found = estimate_rate(said, np.ones(4000), np.arange(300), truth[:300], np.ones(300))
    assert found.model_rate > 0.28
    assert found.powered.low <= 0.2 <= found.powered.high < found.model_rate
    assert (found.audited, found.others) == (300, 3700)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.confidence = 0.5


def test_with_an_item_a_dialogue_it_is_the_published_estimate():
    rng = np.random.default_rng(4)
    y = (rng.random(1000) < 0.3).astype(float)
    f = np.clip(0.2 + 0.5 * y + 0.2 * rng.random(1000), 0, 1)
    n, rest = 200, 800
    found = estimate_rate(f, np.ones(1000), np.arange(n), y[:n], np.ones(n), confidence=0.9)
    weight = np.cov(y[:n], f[:n])[0, 1] / ((1 + n / rest) * f.var(ddof=1))  # PPI++, equation of the mean
    assert found.model_weight == pytest.approx(min(weight, 1.0))
    weight = found.model_weight
    mean = y[:n].mean() + weight * (f[n:].mean() - f[:n].mean())
    error = (np.var(y[:n] - weight * f[:n], ddof=1) / n + weight**2 * f.var(ddof=1) / rest) ** 0.5
    assert found.powered.rate == pytest.approx(mean)
    assert found.powered.high - mean == pytest.approx(stats.t.ppf(0.95, n - 1) * error)
    usual = stats.t.interval(0.9, n - 1, y[:n].mean(), stats.sem(y[:n]))
    assert (found.classical.low, found.classical.high) == pytest.approx(usual)


def test_without_other_dialogues_or_with_a_constant_model_people_count_alone():
    rng = np.random.default_rng(5)
    length = 1 + rng.poisson(3, 400)
    failed = rng.binomial(length, 0.3)
    whole = estimate_rate(failed, length, np.arange(400), failed, length)
    assert whole.powered == whole.classical
    assert (whole.others, whole.model_weight) == (0, 0.0)
    constant = estimate_rate(np.zeros(400), np.zeros(400), np.arange(100), failed[:100], length[:100])
    assert constant.powered == constant.classical
    assert constant.model_rate == 0.0


def test_dialogues_may_come_in_any_order():
    said, of, places, failed, length = draw(np.random.default_rng(6))
    order = np.random.default_rng(7).permutation(len(said))
    moved = np.argsort(order)[places]
    base, found = estimate_rate(said, of, places, failed, length), estimate_rate(
        said[order], of[order], moved, failed, length
    )  # fmt: skip
    assert dataclasses.astuple(found.powered) == pytest.approx(dataclasses.astuple(base.powered))


def test_the_example_of_the_page_shows_what_it_says(capsys):
    page = (Path(__file__).parents[2] / "docs" / "trust.md").read_text("utf-8")
    (example,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "estimate_rate" in block)
    names: dict[str, object] = {}
    exec(example, names)
    found = names["found"]
    rate = names["failed"].sum() / names["goals"].sum()
    assert found.model_rate > rate + 0.03
    assert found.powered.low <= rate <= found.powered.high < found.model_rate
    assert found.powered.high - found.powered.low < 0.8 * (found.classical.high - found.classical.low)
    assert "RateInterval" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model_items": [1, 1]}, r"model_hits has shape \(4,\), model_items \(2,\); expected one number a dialogue"),
        ({"hits": [2, 0]}, r"hits\[0\] is 2.0, items\[0\] is 1.0; expected at least no hit, and at most as many"),
        ({"model_hits": [float("nan"), 0, 0, 0]}, r"model_hits\[0\] is nan"),
        ({"audited": [0, 1, 2]}, "2 hits for 3 audited dialogues"),
        (
            {"audited": [0], "hits": [1], "items": [1]},
            "1 hits for 1 audited dialogues; expected one number for each of two",
        ),
        ({"audited": [0, 0]}, "audited has 2 positions from 0 to 0; expected each once, from 0 to 3"),
        ({"audited": [0, 4]}, "from 0 to 4; expected each once, from 0 to 3"),
        ({"hits": [0, 0]}, "each of the 2 audited dialogues has the rate 0"),
        ({"items": [0, 0], "hits": [0, 0]}, "no audited dialogue has an item"),
        ({"confidence": 1.0}, "confidence is 1.0"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    base = {"model_hits": [1, 0, 1, 0], "model_items": [1, 1, 1, 1], "audited": [0, 1], "hits": [1, 0], "items": [1, 1]}
    with pytest.raises(ValueError, match=message):
        estimate_rate(**base | arguments)
