"""AUC against scikit-learn, with ties, weights and strata."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import roc_auc_score

from selflearn.metrics.functional import auc, auc_within


def rows(seed: int, n: int = 80) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores with many ties, gold, and a stratum of each row."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(12, (n,), generator=generator) / 12
    return scores, torch.rand(n, generator=generator) < 0.3 + 0.4 * scores, torch.randint(5, (n,), generator=generator)


@pytest.mark.parametrize("seed", range(6))
def test_auc_agrees_with_sklearn(seed: int):
    scores, target, _ = rows(seed)
    assert auc(scores, target).item() == pytest.approx(roc_auc_score(target, scores), abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_weighted_auc_agrees_with_sklearn_for_each_of_many_weightings(seed: int):
    scores, target, _ = rows(seed)
    weights = torch.rand(2, 3, 80, generator=torch.Generator().manual_seed(seed)).double()
    found = auc(scores, target, weights)
    assert found.shape == (2, 3)
    for own, value in zip(weights.flatten(0, 1), found.flatten(), strict=True):
        assert value.item() == pytest.approx(roc_auc_score(target, scores, sample_weight=own), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_auc_within_is_the_mean_over_strata_weighted_by_pairs(seed: int):
    scores, target, strata = rows(seed)
    total, pairs = 0.0, 0
    for stratum in range(5):
        own = strata == stratum
        number = int(target[own].sum()) * int((~target[own]).sum())
        total += number * roc_auc_score(target[own], scores[own])
        pairs += number
    assert auc_within(scores, target, strata).item() == pytest.approx(total / pairs, abs=1e-12)


def test_auc_within_leaves_out_strata_of_one_class():
    scores, target = torch.tensor([0.9, 0.1, 0.8, 0.2]), torch.tensor([1, 1, 1, 0])
    assert auc_within(scores, target, torch.tensor([0, 0, 1, 1])).item() == 1.0


@pytest.mark.parametrize("target", [[], [0, 0], [1, 1]])
def test_no_pair_gives_nan_without_a_warning(target: list[int]):
    assert auc(torch.zeros(len(target)), torch.tensor(target, dtype=torch.long)).isnan()


def test_zero_weight_removes_a_row():
    scores, target = torch.tensor([0.2, 0.8, 0.9]), torch.tensor([0, 1, 0])
    assert auc(scores, target, torch.tensor([1.0, 1.0, 0.0])).item() == 1.0
    assert auc(scores, target, torch.tensor([1.0, 0.0, 1.0])).isnan()


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match=r"scores\[1\] is NaN; expected a number in every row"):
        auc(torch.tensor([0.1, float("nan")]), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"weights is \(3,\); expected \(\.\.\., 2\), one a row"):
        auc(torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), torch.ones(3))
