"""Segmentation metrics against NLTK, scikit-learn and a plain count of goals."""

from __future__ import annotations

import pytest
import torch
from nltk.metrics.segmentation import pk as nltk_pk
from nltk.metrics.segmentation import windowdiff as nltk_windowdiff
from sklearn.metrics import f1_score

from selflearn.metrics import functional

LENGTHS = (1, 3, 2, 9, 17, 4, 1, 12)  # decisions of each dialogue


def dialogues(seed: int) -> list[tuple[list[int], list[int]]]:
    """Predicted and gold decisions of each dialogue; some have no boundary on one side or on both."""
    generator = torch.Generator().manual_seed(seed)
    rate = [0.0, 0.2, 0.4, 0.8][seed % 4]
    return [
        (
            (torch.rand(n, generator=generator) < 0.3).int().tolist(),
            (torch.rand(n, generator=generator) < rate).int().tolist(),
        )
        for n in LENGTHS
    ]


def flat(pairs: list[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    preds = torch.tensor([x for own, _ in pairs for x in own])
    target = torch.tensor([x for _, gold in pairs for x in gold])
    return preds, target, torch.repeat_interleave(torch.arange(len(pairs)), torch.tensor([len(p) for p, _ in pairs]))


def text(decisions: list[int]) -> str:
    return "".join(map(str, decisions))


def goals(decisions: list[int]) -> set[tuple[int, int]]:
    starts = [0, *(turn for turn, boundary in enumerate(decisions, start=1) if boundary)]
    return set(zip(starts, [*starts[1:], len(decisions) + 1], strict=True))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("window", [1, 2, 3, 5])
@pytest.mark.parametrize("name", ["pk", "window_diff"])
def test_windows_agree_with_nltk_on_the_gaps(name: str, window: int, seed: int):
    pairs = dialogues(seed)
    reference = {"pk": nltk_pk, "window_diff": nltk_windowdiff}[name]
    long_enough = [(own, gold) for own, gold in pairs if len(gold) + 1 > window]  # more than k turns
    want = [reference(text(gold), text(own), window) for own, gold in long_enough]
    found = getattr(functional, name)(*flat(pairs), window=window)
    assert found.item() == pytest.approx(sum(want) / len(want), abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_boundary_f1_agrees_with_sklearn(seed: int):
    pairs = dialogues(seed)
    want = [f1_score(gold, own, zero_division=1.0) if any(gold) or any(own) else 1.0 for own, gold in pairs]
    assert functional.boundary_f1(*flat(pairs)).item() == pytest.approx(sum(want) / len(want), abs=1e-12)
    preds, target, _ = flat(pairs)
    assert functional.boundary_f1_corpus(preds, target).item() == pytest.approx(f1_score(target, preds), abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_goal_span_f1_agrees_with_a_plain_count_of_goals(seed: int):
    pairs = dialogues(seed)
    right = sum(len(goals(own) & goals(gold)) for own, gold in pairs)
    both = sum(len(goals(own)) + len(goals(gold)) for own, gold in pairs)
    assert functional.goal_span_f1(*flat(pairs)).item() == pytest.approx(2 * right / both, abs=1e-12)


@pytest.mark.parametrize(("preds", "target", "f1"), [("000", "000", 1.0), ("010", "000", 0.0), ("000", "010", 0.0)])
def test_boundary_f1_where_a_side_has_no_boundary(preds: str, target: str, f1: float):
    own, gold = (torch.tensor([int(x) for x in decisions]) for decisions in (preds, target))
    assert functional.boundary_f1(own, gold).item() == f1
    assert functional.boundary_f1_corpus(own, gold).item() == f1


def test_dialogues_may_be_interleaved_and_without_rows():
    preds, target, groups = flat(dialogues(2))
    order = (torch.arange(len(groups)) - groups * 7).argsort(stable=True)  # turns of one dialogue keep their order
    for name in ("boundary_f1_statistics", "goal_span_f1_statistics"):
        statistics = getattr(functional, name)
        mixed = statistics(preds[order], target[order], 2 * groups[order], 20)
        torch.testing.assert_close(mixed[:16:2], statistics(preds, target, groups))
        assert not mixed[1::2].any()  # dialogues without a decision count nowhere
    mixed = functional.pk_statistics(preds[order], target[order], groups[order], window=2)
    torch.testing.assert_close(mixed, functional.pk_statistics(preds, target, groups, window=2))


@pytest.mark.parametrize(
    ("lengths", "window"),
    [((4,), 2), ((10,), 5), ((6,), 3), ((5,), 2), ((7,), 4), ((4, 12), 4), ((1, 1, 1), 2), ((), 2)],
)
def test_window_is_half_the_mean_gold_goal_rounded_and_at_least_two(lengths: tuple[int, ...], window: int):
    decisions = [int(first) for n in lengths for first in [True] + [False] * (n - 1)][1:]
    assert functional.window_size(torch.tensor(decisions, dtype=torch.long)) == window
    if lengths == (4, 12):  # the same goals, in two dialogues
        target, groups = torch.zeros(14, dtype=torch.long), torch.tensor([0] * 3 + [1] * 11)
        assert functional.window_size(target, groups) == window


@pytest.mark.parametrize("name", ["boundary_f1", "boundary_f1_corpus", "goal_span_f1", "pk", "window_diff"])
def test_no_decision_gives_nan_without_a_warning(name: str):
    arguments = {"window": 2} if name in ("pk", "window_diff") else {}
    empty = torch.zeros(0, dtype=torch.bool)
    assert getattr(functional, name)(empty, empty, **arguments).isnan()
    assert getattr(functional, name)(empty, empty, torch.zeros(0, dtype=torch.long), **arguments).isnan()


def test_windows_leave_short_dialogues_out():
    preds, target = torch.tensor([1, 0, 1]), torch.tensor([0, 0, 0])
    assert functional.pk(preds, target, window=4).isnan()
    groups = torch.tensor([0, 0, 1])
    assert functional.pk(preds, target, groups, window=2).item() == 1.0  # the dialogue of two turns is left out


@pytest.mark.parametrize("name", ["boundary_f1", "boundary_f1_corpus", "goal_span_f1", "pk", "window_diff"])
def test_one_product_gives_every_resample(name: str):
    preds, target, groups = flat(dialogues(1))
    arguments = {"window": 2} if name in ("pk", "window_diff") else {}
    statistics = getattr(functional, f"{name}_statistics")(preds, target, groups, len(LENGTHS), **arguments)
    weights = torch.randint(3, (5, len(LENGTHS)), generator=torch.Generator().manual_seed(0)).double()
    values = getattr(functional, f"{name}_from_statistics")(weights @ statistics)
    for resample, value in zip(weights.long().tolist(), values.tolist(), strict=True):
        drawn = [pair for pair, times in zip(dialogues(1), resample, strict=True) for _ in range(times)]
        assert getattr(functional, name)(*flat(drawn), **arguments).item() == pytest.approx(value, abs=1e-12)


def test_errors_say_what_was_expected():
    flags = torch.tensor([True, False])
    with pytest.raises(ValueError, match=r"preds is \(2,\) and target \(1,\); expected one shape"):
        functional.boundary_f1(flags, flags[:1])
    with pytest.raises(ValueError, match=r"preds holds 0\.5 .*expected decisions"):
        functional.boundary_f1(torch.tensor([0.5, 0.9]), flags)
    with pytest.raises(ValueError, match=r"target holds 2 .*expected decisions"):
        functional.pk(flags, torch.tensor([2, 0]), window=2)
    with pytest.raises(ValueError, match="window is 0; expected 1 or more"):
        functional.window_diff(flags, flags, window=0)
    with pytest.raises(ValueError, match=r"groups run from 0 to 5; expected 0 <= group < num_groups = 2"):
        functional.pk_statistics(flags, flags, torch.tensor([0, 5]), 2, window=2)
    with pytest.raises(ValueError, match=r"groups is torch.int64 \(1,\); expected torch.int64 \(2,\)"):
        functional.boundary_f1(flags, flags, torch.tensor([0]))
