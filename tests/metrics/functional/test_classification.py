"""Classification metrics against scikit-learn."""

from __future__ import annotations

import pytest
import sklearn.metrics
import torch

from selflearn.metrics import functional

BINARY = {
    "accuracy": sklearn.metrics.accuracy_score,
    "binary_f1": sklearn.metrics.f1_score,
    "binary_precision": sklearn.metrics.precision_score,
    "binary_recall": sklearn.metrics.recall_score,
    "binary_cohen_kappa": sklearn.metrics.cohen_kappa_score,
}


def rows(seed: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(classes, (60,), generator=generator)
    noise = torch.randint(classes, (60,), generator=generator)
    return torch.where(torch.rand(60, generator=generator) < 0.6, target, noise), target


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", BINARY)
def test_binary_metrics_agree_with_sklearn(name: str, seed: int):
    preds, target = rows(seed, 2)
    assert getattr(functional, name)(preds, target).item() == pytest.approx(BINARY[name](target, preds), abs=1e-12)
    assert getattr(functional, name)(preds.bool(), target.bool()) == getattr(functional, name)(preds, target)


@pytest.mark.parametrize("seed", range(5))
def test_multiclass_metrics_agree_with_sklearn(seed: int):
    preds, target = rows(seed, 7)
    preds[:3] = 8  # a name that gold never has
    f1 = functional.macro_f1(preds, target, num_classes=12).item()
    reference = sklearn.metrics.f1_score(target, preds, average="macro", labels=target.unique())
    assert f1 == pytest.approx(reference, abs=1e-12)
    kappa = functional.multiclass_cohen_kappa(preds, target, num_classes=12).item()
    assert kappa == pytest.approx(sklearn.metrics.cohen_kappa_score(target, preds), abs=1e-12)


@pytest.mark.parametrize(("preds", "target"), [([1, 1], [0, 0]), ([0, 0], [1, 1]), ([0, 0], [0, 0])])
def test_nothing_to_find_gives_zero_as_in_sklearn(preds: list[int], target: list[int]):
    for name in ("f1", "precision", "recall"):
        reference = BINARY[f"binary_{name}"](target, preds, zero_division=0)
        assert getattr(functional, f"binary_{name}")(torch.tensor(preds), torch.tensor(target)).item() == reference


def test_kappa_without_any_variation_is_nan_and_of_a_constant_zero():
    same = torch.tensor([1, 1, 1])
    assert functional.binary_cohen_kappa(same, same).isnan()
    assert functional.multiclass_cohen_kappa(same, same, num_classes=3).isnan()
    assert functional.binary_cohen_kappa(same, torch.tensor([0, 1, 0])).item() == 0.0


def test_no_rows():
    none = torch.zeros(0, dtype=torch.long)
    assert functional.accuracy(none, none).isnan()
    assert functional.binary_cohen_kappa(none, none).isnan()
    assert functional.multiclass_cohen_kappa(none, none, num_classes=2).isnan()
    assert functional.macro_f1(none, none, num_classes=0).item() == 0.0
    for name in ("binary_f1", "binary_precision", "binary_recall"):
        assert getattr(functional, name)(none, none).item() == 0.0


def test_statistics_of_dialogues_add_up_under_any_weights():
    preds, target = rows(3, 7)
    groups = torch.randint(9, (60,), generator=torch.Generator().manual_seed(1))
    weights = torch.randint(3, (4, 9), generator=torch.Generator().manual_seed(2))
    statistics = functional.multiclass_statistics(preds, target, groups, 9, num_classes=7)
    values = functional.macro_f1_from_statistics(weights.double() @ statistics)
    for times, value in zip(weights, values, strict=True):
        repeated = [torch.repeat_interleave(x, times[groups]) for x in (target, preds)]
        reference = sklearn.metrics.f1_score(*repeated, average="macro", labels=repeated[0].unique())
        assert value.item() == pytest.approx(reference, abs=1e-12)


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match="preds runs from 0 to 3; expected 0 <= class < 3"):
        functional.macro_f1(torch.tensor([0, 3]), torch.tensor([0, 1]), num_classes=3)
    with pytest.raises(ValueError, match=r"target is torch.float32; expected integer class numbers"):
        functional.macro_f1(torch.tensor([0, 1]), torch.tensor([0.0, 1.0]), num_classes=3)
