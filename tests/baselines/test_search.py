"""Tests of the choice among candidates, and of the candidates."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from selflearn.baselines.goals import PARTS
from selflearn.baselines.search import Items, name_accuracy, search
from selflearn.baselines.windows import ALONE, NEIGHBOURS, Window
from selflearn.tasks.thresholds import Cut

WINDOWS = [Window(name=name, requests=(0,)) for name in "abc"]


class Echo:
    """Learns which names there are, answers with its rows."""

    def __init__(self, strength):
        self.strength = strength

    def fit(self, rows, gold):
        self.learned = list(gold)
        return self

    def answers(self, rows):
        return rows


def items(gold, dialogue=None, read=None):
    gold = np.array(gold)
    dialogue = np.arange(len(gold)) if dialogue is None else np.array(dialogue)
    return Items(read=read or (lambda window: gold), gold=gold, dialogue=dialogue)


def chosen(values, strengths=(1.0, 2.0)):
    """What is chosen, and what was tried, where the metric is given for (window, strength)."""
    tried = []

    def make(strength):
        tried.append(strength)
        return Echo(strength)

    def read(window):
        return np.array([window.name])

    def measure(answers, _):
        return Cut(threshold=0.5, value=values.get((answers[0], tried[-1]), 0.0))

    best = search(WINDOWS, strengths, items(["x"]), items(["y"], read=read), make=make, measure=measure)
    assert best.model.strength == best.strength
    return (best.window.name, best.strength), len(tried)


def test_window_first_then_strength():
    assert chosen({("b", 1.0): 0.5, ("b", 2.0): 0.7, ("c", 2.0): 0.9}) == (("b", 2.0), 4)


def test_of_equals_the_earlier_stays():
    assert chosen({}) == (("a", 1.0), 4)


def test_without_a_measure_the_first_is_taken_at_once():
    assert chosen({("a", 1.0): float("nan")}) == (("a", 1.0), 1)


def test_without_tuning_items_folds_keep_dialogues_whole():
    dialogue = [0, 0, 3, 3, 3, 5, 7, 8, 9, 9]
    train = items([f"{owner}-{i}" for i, owner in enumerate(dialogue)], dialogue)
    seen = []

    class Recorded(Echo):
        def answers(self, rows):
            seen.append(({name.split("-")[0] for name in self.learned}, {name.split("-")[0] for name in rows}))
            return rows

    best = search(WINDOWS[:1], [1.0], train, items([]), make=Recorded, measure=name_accuracy)
    assert best.value == 1.0  # every answer came back to its own item
    assert best.model.learned == list(train.gold)
    assert all(not learned & asked for learned, asked in seen)
    assert sorted(name for _, asked in seen for name in asked) == ["0", "3", "5", "7", "8", "9"]


def test_one_dialogue_cannot_be_parted():
    best = search(WINDOWS, [1.0], items(["x", "y"], [4, 4]), items([]), make=Echo, measure=name_accuracy)
    assert best.window.name == "a"
    assert np.isnan(best.value)


def test_no_candidate_is_an_error():
    with pytest.raises(ValueError, match="0 windows"):
        search([], [1.0], items(["x"]), items(["x"]), make=Echo, measure=name_accuracy)


@pytest.mark.parametrize("windows", [ALONE, NEIGHBOURS, ALONE.causal(), NEIGHBOURS.causal()])
def test_every_kind_of_answer_has_candidates_of_different_names(windows):
    for kind in fields(windows):
        names = [window.name for window in getattr(windows, kind.name)]
        assert names
        assert len(set(names)) == len(names)


def test_causal_candidates_read_nothing_later():
    causal = NEIGHBOURS.causal()
    for kind in ("boundaries", "decisions", "names", "slots"):
        for window in getattr(causal, kind):
            assert max(window.requests + window.responses) <= 0
    assert {part for window in causal.failures for part in window.parts} == set(PARTS) - {"request after"}
