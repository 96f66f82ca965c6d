"""The tasks that the page on the architecture writes out go the whole way, and no baseline has to be told of them."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import selflearn.tasks
from selflearn.baselines import Majority, Tfidf, TfidfContext
from selflearn.evaluation import TASK_METRICS, Results, evaluate
from selflearn.evaluation.benchmark import Split, check_names, label, run_system, unknown_gold
from selflearn.schema import Rating
from selflearn.tasks import task_classes
from tests.fixtures.dialogues import home_dialogues

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text("utf-8")
(EXAMPLE,) = (text for text in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) if "Task" in text)
OWN = ["tone", "angry"]
SYSTEMS = (Majority, Tfidf, TfidfContext)


def rated(dialogue):
    """Angry after a record that was not found, hurried after other responses that did not serve, else calm.

    Nobody was asked of the first turn.
    """
    tones = [
        "calm" if not labels.defect.value else "angry" if "record" in turn.response else "hurried"
        for turn, labels in zip(dialogue.turns[:-1], dialogue.labels.turns, strict=False)
    ]
    ratings = [Rating(rater="a", question="tone", answer=tone, turn=turn + 1) for turn, tone in enumerate(tones)]
    return replace(dialogue, ratings=tuple(ratings))


TRAIN, TUNE, TEST = ([rated(d) for d in home_dialogues(number, seed=n)] for n, number in enumerate((60, 20, 30)))


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The example as a file among the tasks."""
    (tmp_path / "own_task.py").write_text(EXAMPLE, "utf-8")
    monkeypatch.setattr("selflearn.tasks.__path__", [*selflearn.tasks.__path__, str(tmp_path)])
    yield
    sys.modules.pop("selflearn.tasks.own_task", None)


def right(system, task):
    table = label(system, TEST, [task])[task]
    assert len(table) == sum(len(dialogue.turns) - 1 for dialogue in TEST)
    return float((table["gold"] == table["prediction"]).mean())


def test_each_baseline_does_them_and_chooses_on_the_tuning_dialogues(written):
    majority, alone, context = (system().fit(TRAIN, TUNE, tasks=OWN, seed=0) for system in SYSTEMS)
    assert majority.choices["tone"]["name"] == "calm"
    assert 0 < majority.choices["angry"]["rate"] < 0.5
    for task in OWN:
        assert right(majority, task) < right(context, task) > 0.95
        assert right(alone, task) < right(context, task)  # the turn before decides
        assert {"window", "C", "value"} <= context.choices[task].keys()
    assert context.thresholds["angry"] == context.choices["angry"]["threshold"] != 0.5
    turned = [replace(d, ratings=()) for d in TUNE]  # nothing to choose by: folds of the training dialogues
    other = TfidfContext().fit(TRAIN, turned, tasks=OWN, seed=0)
    assert right(other, "angry") > 0.95
    assert other.choices["angry"]["value"] > 0.9


def test_where_nobody_was_asked_they_are_left_out_and_noted(written):
    bare = [replace(d, ratings=()) for d in TRAIN]
    for system in SYSTEMS:
        found = system().fit(bare, [], tasks=OWN, seed=0)
        assert label(found, TEST, OWN) == {}
        assert all("skipped" in found.choices[task] for task in OWN)


def test_they_are_measured_beside_the_others_and_unknown_names_are_counted(written, tmp_path):
    split = Split(train=TRAIN, tune=TUNE, test=TEST)
    tables = {
        system.name: run_system(
            lambda train, tune, directory, system=system: system().fit(train, tune, tasks=["defect", *OWN], seed=0),
            split, tmp_path / system.name, tasks=["defect", *OWN], seen_domains=(),
        ).test
        for system in SYSTEMS
    }  # fmt: skip
    metrics = evaluate(
        tables, dialogue_ids=[d.id for d in TEST], model="tfidf_context", resamples=20,
        task_metrics=TASK_METRICS | {name: task_classes()[name].items for name in OWN},
    )  # fmt: skip
    rows = Results.from_metrics(metrics).rows()
    assert {("tone", "accuracy"), ("angry", "auc"), ("angry", "f1")} <= set(rows)
    assert metrics["delta/majority/tone/accuracy/low"] > 0
    assert metrics["delta/tfidf/angry/auc/low"] > 0

    calm = [d for d in TRAIN if all(rating.answer == "calm" for rating in d.ratings)]
    gold = [rating.answer for d in TEST for rating in d.ratings]
    assert unknown_gold([(tables["tfidf"], calm)]) == {"tone": len(gold) - gold.count("calm")}
    strange = [replace(d, ratings=tuple(replace(rating, answer="new") for rating in d.ratings)) for d in TEST]
    with pytest.raises(ValueError, match=r"tone: none of the 1 gold names of the test split \(first: 'new'\)"):
        check_names(replace(split, test=strange), OWN)
