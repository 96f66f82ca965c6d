"""Tests of the majority baseline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selflearn.baselines import Majority
from selflearn.schema import Labels
from selflearn.tasks import Thresholds


@pytest.fixture(scope="module")
def system(train, tune, tasks):
    return Majority().fit(train, tune, tasks=tasks, seed=0)


def test_scores_are_the_rates_of_the_training_dialogues(system, train):
    (found,) = system.predict([train[0].observed()], [[(0, 2), (2, 3)]])
    decisions = [goal.start > 0 for d in train for goal in d.labels.goals]
    gaps = sum(len(d.turns) - 1 for d in train)
    assert found.boundaries == pytest.approx((1.0, *[sum(decisions) / gaps] * 7))
    judged = [goal.success for d in train for goal in d.labels.goals if goal.success is not None]
    assert found.failures == pytest.approx([judged.count(False) / len(judged)] * 2)
    names = [turn.intent.value for d in train for turn in d.labels.turns if turn.intent]
    most = max(sorted(set(names)), key=names.count)
    assert found.intents == ((most, names.count(most) / len(names)),) * 8


def test_the_rare_class_is_never_said(system, train):
    (found,) = system.predict([train[0].observed()], [[]])
    assert found.goals == ((0, 8),)
    assert len(found.goal_failures) == 1
    assert found.slots == ((),) * 8
    assert system.thresholds == Thresholds()
    assert max(found.defects) < system.thresholds["defect"]


def test_of_equally_frequent_names_the_first_is_said(train):
    named = [d for d in train if any(turn.intent for turn in d.labels.turns)]

    def renamed(dialogue, value):
        turns = tuple(
            replace(turn, intent=turn.intent and replace(turn.intent, value=value)) for turn in dialogue.labels.turns
        )
        return replace(dialogue, labels=Labels(turns=turns))

    pair = [renamed(named[0], "b"), renamed(named[0], "a")]
    system = Majority().fit(pair, [], tasks=["intent"], seed=0)
    assert system.choices["intent"] == {"name": "a", "rate": 0.5}


def test_unlabelled_and_unknown_tasks_are_left_out_and_noted(train, tasks):
    bare = [replace(d, labels=Labels()) for d in train]
    system = Majority().fit(bare, [], tasks=[*tasks, "sentiment"], seed=0)
    (found,) = system.predict([train[0].observed()], [[(0, 8)]])
    assert all("skipped" in system.choices[task] for task in (*tasks, "sentiment"))
    assert (found.boundaries, found.goals, found.failures, found.intents, found.slots, found.defects) == (None,) * 6


def test_misuse_is_explained(train):
    with pytest.raises(ValueError, match="0 training dialogues"):
        Majority().fit([], [], tasks=["intent"], seed=0)
    with pytest.raises(ValueError, match="call fit before predict"):
        Majority().predict([], [])
