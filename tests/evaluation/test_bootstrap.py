"""Resamples of dialogues."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from selflearn.evaluation import bootstrap_weights, interval


def test_a_resample_draws_as_many_dialogues_as_there_are():
    weights = bootstrap_weights(range(50), resamples=200, seed=3)
    assert weights.shape == (200, 50)
    assert (weights.sum(-1) == 50).all()
    assert (weights == weights.round()).all()
    assert weights.mean().item() == 1.0
    assert weights.var().item() == pytest.approx(1 - 1 / 50, rel=0.05)  # of a multinomial count


def test_dialogues_of_one_owner_are_drawn_together():
    owners = ["ann", "bob", "ann", "eve", "bob", "ann"]
    weights = bootstrap_weights(owners, resamples=100, seed=3)
    of_people = bootstrap_weights(range(3), resamples=100, seed=3)
    assert torch.equal(weights, of_people[:, [0, 1, 0, 2, 1, 0]])
    assert torch.equal(bootstrap_weights(list("abc"), resamples=9), bootstrap_weights(range(3), resamples=9))


def test_the_seed_decides():
    assert torch.equal(
        bootstrap_weights(range(9), resamples=5, seed=1), bootstrap_weights(range(9), resamples=5, seed=1)
    )
    assert not torch.equal(
        bootstrap_weights(range(9), resamples=5, seed=1), bootstrap_weights(range(9), resamples=5, seed=2)
    )


def test_no_resamples_and_no_dialogues():
    assert bootstrap_weights(range(4), resamples=0).shape == (0, 4)
    with pytest.raises(ValueError, match="0 dialogues, 10 resamples; expected at least 1 dialogue"):
        bootstrap_weights([], resamples=10)


def test_one_person_cannot_be_resampled():
    assert bootstrap_weights(["ann", "ann"], resamples=10).shape == (0, 2)
    assert bootstrap_weights(["ann"], resamples=10).shape == (0, 1)


def test_interval_is_numpys_percentile_of_the_values_that_are_defined():
    samples = torch.rand(400, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    holes = samples.clone()
    holes[::7] = float("nan")
    assert interval(samples) == pytest.approx(np.percentile(samples, [2.5, 97.5]))
    assert interval(holes) == pytest.approx(np.nanpercentile(holes, [2.5, 97.5]))
    assert interval(holes[::7]) is None
    assert interval(holes[:0]) is None
