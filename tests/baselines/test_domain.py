"""The simple systems name the domain of a turn as they name its intent."""

from collections import Counter
from dataclasses import replace

import pytest

from selflearn.baselines import Majority, Tfidf, TfidfContext
from selflearn.evaluation.benchmark import label
from selflearn.schema import Labels
from tests.fixtures.dialogues import home_dialogues

TRAIN, TUNE, TEST = (home_dialogues(number, seed=seed) for seed, number in enumerate((40, 15, 15)))


def share_right(system):
    table = label(system, TEST, ["domain"])["domain"]
    assert len(table) == sum(len(dialogue.turns) for dialogue in TEST)
    return float((table["gold"] == table["prediction"]).mean())


@pytest.mark.parametrize("baseline", [Tfidf, TfidfContext])
def test_the_linear_systems_learn_it_and_say_what_they_chose(baseline):
    system = baseline().fit(TRAIN, TUNE, tasks=["domain"], seed=0)
    assert share_right(system) > 0.95
    assert system.choices["domain"]["C"] > 0
    assert "window" in system.choices["domain"]


def test_the_majority_says_the_most_frequent_one_with_its_rate():
    names = [goal.domain for dialogue in TRAIN for goal in dialogue.labels.goals for _ in range(goal.start, goal.end)]
    ((name, number),) = Counter(names).most_common(1)
    system = Majority().fit(TRAIN, [], tasks=["domain"], seed=0)
    assert system.choices["domain"] == {"name": name, "rate": number / len(names)}
    table = label(system, TEST, ["domain"])["domain"]
    assert set(table["prediction"]) == {name}
    assert set(table["score"]) == {number / len(names)}


@pytest.mark.parametrize("baseline", [Tfidf, Majority])
def test_where_no_goal_has_a_domain_nothing_is_said_of_it(baseline):
    bare = [replace(dialogue, labels=Labels(turns=dialogue.labels.turns)) for dialogue in TRAIN]
    system = baseline().fit(bare, [], tasks=["intent", "domain"], seed=0)
    assert "skipped" in system.choices["domain"]
    assert "domain" not in label(system, TEST, ["intent", "domain"])
