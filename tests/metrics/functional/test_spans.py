"""Span metrics against seqeval, and the matching of goals against every possible one."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
import seqeval.metrics
import torch
from seqeval.scheme import IOB2

from selflearn.metrics import functional

NAMES = ("city", "date", "time")
Spans = dict[tuple[int, int], int]


def random_spans(rng: random.Random, length: int = 12) -> Spans:
    spans, at = {}, 0
    while at < length:
        end = at + rng.randint(1, 3)
        if rng.random() < 0.5 and end <= length:
            spans[at, end] = rng.randrange(len(NAMES))
        at = end
    return spans


def tags(spans: Spans, names: tuple[str, ...] = NAMES, length: int = 12) -> list[str]:
    found = ["O"] * length
    for (start, end), name in spans.items():
        found[start:end] = [f"B-{names[name]}"] + [f"I-{names[name]}"] * (end - start - 1)
    return found


def rows(pairs: list[tuple[Spans, Spans]]) -> tuple[torch.Tensor, torch.Tensor]:
    both = [(own.get(span, -1), gold.get(span, -1)) for own, gold in pairs for span in own.keys() | gold.keys()]
    return torch.tensor(both, dtype=torch.long).view(-1, 2).unbind(-1)


def sentences(seed: int) -> list[tuple[Spans, Spans]]:
    rng = random.Random(seed)
    pairs = []
    for _ in range(20):
        gold = random_spans(rng)
        own = {span: rng.randrange(3) if rng.random() < 0.3 else name for span, name in gold.items()}
        pairs.append((own if rng.random() < 0.7 else random_spans(rng), gold))
    return pairs


@pytest.mark.parametrize("seed", range(5))
def test_slots_agree_with_seqeval(seed: int):
    pairs = sentences(seed)
    preds, target = rows(pairs)
    for names, prefix in ((NAMES, ""), (("span",) * 3, "unnamed_")):
        gold, own = ([tags(pair[side], names) for pair in pairs] for side in (1, 0))
        want = seqeval.metrics.f1_score(gold, own, mode="strict", scheme=IOB2)
        assert getattr(functional, f"{prefix}slot_f1")(preds, target).item() == pytest.approx(want, abs=1e-12)
    gold, own = ([tags(pair[side]) for pair in pairs] for side in (1, 0))
    for name in ("precision", "recall"):
        want = getattr(seqeval.metrics, f"{name}_score")(gold, own, mode="strict", scheme=IOB2)
        assert getattr(functional, f"slot_{name}")(preds, target).item() == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("name", ["slot_f1", "slot_precision", "slot_recall", "unnamed_slot_f1"])
def test_no_span_gives_zero(name: str):
    none = torch.zeros(0, dtype=torch.long)
    assert getattr(functional, name)(none, none).item() == 0.0
    absent = torch.tensor([-1])
    assert getattr(functional, name)(absent, absent).item() == 0.0


def test_statistics_are_per_dialogue():
    preds, target, groups = torch.tensor([0, 1, -1]), torch.tensor([0, 2, 2]), torch.tensor([0, 2, 2])
    assert functional.slot_statistics(preds, target, groups, 4).tolist() == [[1, 1, 1], [0, 0, 0], [0, 1, 2], [0, 0, 0]]
    assert functional.unnamed_slot_statistics(preds, target, groups, 3).tolist() == [[1, 1, 1], [0, 0, 0], [1, 1, 2]]


def test_names_must_be_numbers():
    with pytest.raises(ValueError, match=r"preds is torch\.bool; expected numbers of names"):
        functional.slot_f1(torch.tensor([True]), torch.tensor([1]))


def alike(a: tuple[int, int], b: tuple[int, int]) -> Fraction:
    """Turns of both, of the turns of either."""
    one, other = set(range(*a)), set(range(*b))
    return Fraction(len(one & other), len(one | other))


@pytest.mark.parametrize("seed", range(20))
def test_match_goals_takes_those_that_are_most_alike_of_those_left(seed: int):
    rng = random.Random(seed)

    def cut() -> list[tuple[int, int]]:
        starts = [0, *sorted(rng.sample(range(1, 15), rng.randint(0, 6)))]
        return list(zip(starts, [*starts[1:], 15], strict=True))

    gold, own = cut(), cut()
    left_gold, left_own, want = set(range(len(gold))), set(range(len(own))), [None] * len(gold)
    while left_gold and left_own:
        i, j = max(
            ((i, j) for i in left_gold for j in left_own), key=lambda p: (alike(gold[p[0]], own[p[1]]), -p[0], -p[1])
        )
        if alike(gold[i], own[j]) < Fraction(1, 2):
            break
        want[i] = j
        left_gold.remove(i)
        left_own.remove(j)
    assert functional.match_goals(gold, own) == want


def test_match_goals_without_goals_and_with_an_empty_one():
    assert functional.match_goals([], [(0, 2)]) == []
    assert functional.match_goals([(0, 2)], []) == [None]
    assert functional.match_goals([(0, 2)], [(2, 4)]) == [None]


def test_cutting_everything_into_single_turns_finds_no_longer_goal():
    assert functional.match_goals([(0, 1), (1, 4)], [(i, i + 1) for i in range(4)]) == [0, None]


def test_match_goals_refuses_a_goal_without_turns():
    with pytest.raises(ValueError, match=r"predicted goal 1 is \[3, 3\); expected at least one turn"):
        functional.match_goals([(0, 2)], [(0, 3), (3, 3)])
