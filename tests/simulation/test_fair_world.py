"""Is the home a fair world? Its words alone, and the next turn alone, must not tell what a model is to find out.

What the model itself adds is measured with intervals on the page of results; here stand the claims that hold whatever
the model, on simple baselines and held-out phrasings, entities and people.
"""

from collections import Counter, defaultdict

import pytest

from selflearn.baselines import Tfidf, TfidfContext
from selflearn.evaluation.benchmark import label
from selflearn.evaluation.comparison import evaluate
from selflearn.evaluation.single_fields import FOLLOWING, single_fields, what_follows
from selflearn.simulation.simulate import simulated

TASKS = ("segmentation", "success", "defect")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def log(home):
    return list(simulated(home, 1600))


@pytest.fixture(scope="module")
def figures(log):
    """The bag of words with neighbours beside the one without, and beside the one that does not see the next turn."""
    train, tune, test = ([d for d in log if d.split == split] for split in ("train", "dev", "test"))
    systems = {
        "context": TfidfContext(), "turn": Tfidf(), "past": TfidfContext(causal=True),
    }  # fmt: skip
    tables = {
        name: label(system.fit(train, tune, tasks=TASKS, seed=0), test, TASKS) for name, system in systems.items()
    }
    return evaluate(tables, dialogue_ids=[d.id for d in test], model="context", resamples=300)


@pytest.mark.parametrize("metric", ["segmentation/boundary_f1", "defect/auc"])
def test_a_single_turn_says_clearly_less_than_its_neighbours(figures, metric):
    assert figures[f"delta/turn/{metric}/low"] > 0


def test_the_next_turn_helps(figures):
    assert figures["delta/past/defect/auc/low"] > 0


@pytest.mark.parametrize("metric", ["segmentation/boundary_f1", "defect/auc", "success/auc"])
def test_neighbours_leave_room_for_a_model(figures, metric):
    assert figures[f"test/{metric}/high"] < 0.97


def test_no_field_gives_a_label_away_and_what_follows_helps(log):
    scores = single_fields(log)
    for score in scores:
        assert score.auc < 0.85, f"{score.field} gives {score.label} away: AUC {score.auc:.3f}"
    after = [score.auc for score in scores if score.label == "defect" and score.field.startswith(FOLLOWING)]
    assert max(after) > 0.6


def test_all_that_follows_helps_and_is_not_enough(log):
    found = {score.label: score.auc for score in what_follows(log)}
    assert 0.7 < found["defect"] < 0.95  # a reaction to every failure, and to nothing else, would have 1
    assert 0.5 < found["success"] < 0.85


def template(turn, labels):
    """What was heard, with the name of each slot in place of its words, wherever gold labels say that they stand."""
    text = turn.request or ""
    for slot in sorted(labels.slots or (), key=lambda slot: -slot.start):
        text = f"{text[: slot.start]}{{{slot.name}}}{text[slot.end :]}"
    return text


def test_templates_learned_by_heart_do_not_tell_what_is_wanted(log):
    """Even with gold slots: hardly a request of the test split is one of training with other values in it."""
    train, tune, test = ([d for d in log if d.split == split] for split in ("train", "dev", "test"))
    intents = defaultdict(Counter)
    for dialogue in (*train, *tune):
        for turn, labels in zip(dialogue.turns, dialogue.labels.turns, strict=True):
            if labels.intent is not None:
                intents[template(turn, labels)][labels.intent.value] += 1
    asked = [
        (template(turn, labels), labels.intent.value)
        for dialogue in test
        for turn, labels in zip(dialogue.turns, dialogue.labels.turns, strict=True)
        if labels.intent is not None
    ]
    covered = sum(text in intents for text, _ in asked) / len(asked)
    right = sum(text in intents and intents[text].most_common(1)[0][0] == intent for text, intent in asked) / len(asked)
    words = label(Tfidf().fit(train, tune, tasks=("intent",), seed=0), test, ("intent",))["intent"]
    assert covered < 0.15
    assert right < 0.15
    assert (words["gold"] == words["prediction"]).mean() > 3 * right
