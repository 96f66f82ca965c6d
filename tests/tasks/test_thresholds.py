"""Tests of the choice of thresholds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selflearn.metrics.functional import binary_f1, boundary_f1
from selflearn.tasks.prediction import DEFAULT_THRESHOLD
from selflearn.tasks.thresholds import (
    binary_f1_cut,
    segmentation_cut,
)

ITEMS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=25,
)


def every_threshold(scores):
    """One threshold for each way to part the scores."""
    return [*np.unique(scores), 2.0]


def boundary_value(scores, gold, groups, threshold):
    groups = torch.tensor(np.unique(groups, return_inverse=True)[1])
    return boundary_f1(torch.tensor(scores >= threshold), torch.tensor(gold), groups).item()


def binary_value(scores, gold, threshold):
    """F1 of the class with fewer items."""
    said, gold = torch.tensor(scores >= threshold), torch.tensor(gold)
    rare = 2 * gold.sum() <= len(gold) or gold.all()
    return binary_f1(said, gold).item() if rare else binary_f1(~said, ~gold).item()


@settings(max_examples=200)
@given(ITEMS)
def test_no_threshold_has_a_higher_boundary_f1(items):
    scores, gold, groups = (np.array(column) for column in zip(*items, strict=True))
    cut = segmentation_cut(scores, gold, groups)
    best = max(boundary_value(scores, gold, groups, threshold) for threshold in every_threshold(scores))
    assert cut.value == pytest.approx(best)
    one = segmentation_cut(scores, gold, np.zeros_like(groups))  # one dialogue has no resamples
    assert boundary_value(scores, gold, np.zeros_like(groups), one.threshold) == pytest.approx(one.value)


@settings(max_examples=200)
@given(ITEMS)
def test_no_threshold_has_a_higher_binary_f1(items):
    scores, gold, groups = (np.array(column) for column in zip(*items, strict=True))
    best = max(binary_value(scores, gold, threshold) for threshold in every_threshold(scores))
    assert binary_f1_cut(scores, gold, groups).value == pytest.approx(best)
    one = binary_f1_cut(scores, gold, np.zeros_like(groups))
    assert one.value == pytest.approx(best)
    assert binary_value(scores, gold, one.threshold) == pytest.approx(best)


def noisy_dialogues(rng, count):
    """Scores that tell a fifth of the turns, which are yes, a little; those of one dialogue are alike."""
    groups = np.repeat(np.arange(count), 4)
    gold = rng.random(len(groups)) < 0.2
    logits = 1.5 * gold + rng.normal(size=len(groups)) + rng.normal(size=count)[groups] - 2
    return 1 / (1 + np.exp(-logits)), gold, groups


def test_the_mean_over_resamples_serves_other_dialogues_better_than_the_best_cut():
    rng = np.random.default_rng(1)
    scores, gold, _ = noisy_dialogues(rng, 2000)
    bagged, best = [], []
    for _ in range(60):
        few, answers, groups = noisy_dialogues(rng, 30)
        bagged.append(binary_value(scores, gold, binary_f1_cut(few, answers, groups).threshold))
        best.append(binary_value(scores, gold, binary_f1_cut(few, answers, np.zeros_like(groups)).threshold))
    assert np.mean(bagged) > np.mean(best)
    assert np.std(bagged) < np.std(best)


@given(ITEMS, st.randoms(use_true_random=False))
def test_order_of_items_does_not_matter(items, random):
    shuffled = random.sample(items, len(items))
    one, other = (tuple(map(np.array, zip(*rows, strict=True))) for rows in (items, shuffled))
    assert segmentation_cut(*one).threshold == pytest.approx(segmentation_cut(*other).threshold)
    assert binary_f1_cut(*one).threshold == pytest.approx(binary_f1_cut(*other).threshold)


def test_of_equally_good_cuts_the_widest_gap_is_taken():
    scores, gold = [0.9, 0.85, 0.8, 0.2], [True, False, False, True]  # F1 is 2/3 after the first and after the last
    found = binary_f1_cut(scores, gold, [0] * 4).threshold
    assert found == pytest.approx(0.1)  # between 0.2 and 0, not between 0.9 and 0.85


def test_all_or_nothing_can_be_said_even_at_the_ends_of_the_scale():
    groups = [0, 0]
    assert segmentation_cut([1.0, 1.0], [False, False], groups).threshold > 1.0
    assert segmentation_cut([0.0, 0.0], [True, True], groups).threshold <= 0.0
    assert binary_f1_cut([0.0, 0.0], [True, True], groups).threshold <= 0.0


def test_neighbouring_floats_are_told_apart():
    low = 0.5
    high = float(np.nextafter(low, 1))
    assert low < binary_f1_cut([low, high], [False, True], [0, 0]).threshold <= high


def test_nothing_to_choose_by_gives_the_default():
    assert segmentation_cut([], [], []).threshold == DEFAULT_THRESHOLD
    assert binary_f1_cut([], [], []).threshold == DEFAULT_THRESHOLD
    assert binary_f1_cut([0.2, 0.7], [False, False], [0, 1]).threshold == DEFAULT_THRESHOLD
    assert np.isnan(segmentation_cut([], [], []).value)


@pytest.mark.parametrize(
    ("scores", "gold", "message"),
    [([0.1, 0.2], [True], "two rows of one length"), ([0.1, float("nan")], [True, False], "score 1 is nan")],
)
def test_bad_scores_are_refused(scores, gold, message):
    with pytest.raises(ValueError, match=message):
        binary_f1_cut(scores, gold, [0] * len(scores))
    with pytest.raises(ValueError, match=message):
        segmentation_cut(scores, gold, [0] * len(scores))


def test_groups_of_another_length_are_refused():
    with pytest.raises(ValueError, match="one group a score"):
        segmentation_cut([0.1, 0.2], [True, False], [0])
    with pytest.raises(ValueError, match="one group a score"):
        binary_f1_cut([0.1, 0.2], [True, False], [0])
