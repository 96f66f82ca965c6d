"""A yes-no label that the library does not know: one class with a name and its decisions goes the whole way."""

import pandas as pd
import pytest

from selflearn.evaluation import TASK_METRICS, evaluate
from selflearn.evaluation.benchmark import label
from selflearn.models import LabelGenerator, load_tokenizer, save_model
from selflearn.models.system import ModelSystem
from selflearn.tasks import DialoguePrediction, Thresholds
from selflearn.tasks.thresholds import binary_f1_cut
from selflearn.tasks.turn_binary import BinaryTurnTask
from selflearn.training import PretrainingSettings, Recipe, TrainingSettings
from tests.fixtures.dialogues import FAST, home_dialogues, stage, tiny_settings

TRAIN, TUNE, TEST = (home_dialogues(number, seed=seed) for seed, number in enumerate((24, 8, 8)))


class ApologyTask(BinaryTurnTask):
    """Whether the assistant says that it is sorry."""

    name = "apology"

    def decisions(self, dialogue):
        return ["sorry" in turn.response.lower() for turn in dialogue.turns]


@pytest.fixture
def installed(monkeypatch):
    class Point:
        def load(self):
            return ApologyTask

    monkeypatch.setattr("selflearn.tasks.entry_points", lambda group: [Point()] * (group == "selflearn.tasks"))


def test_one_class_is_trained_tuned_evaluated_and_saved(installed, tmp_path):
    settings = {"token_budget": 700, "optimization": FAST}
    recipe = Recipe(
        model=tiny_settings(), pretraining=PretrainingSettings(epochs=0.0),
        training=TrainingSettings(epochs=4.0, **settings), tasks=("segmentation", "apology"), seed=3,
    )  # fmt: skip
    system = recipe.train(TRAIN, TUNE, stage(tmp_path / "stages"))
    tuned = label(system, TUNE, ["apology"])["apology"]
    best = binary_f1_cut(tuned["score"], tuned["gold"], tuned["dialogue_id"].factorize()[0]).threshold
    assert system.model.config.thresholds["apology"] == system.thresholds["apology"] == best != 0.5
    assert set(system.model.config.thresholds) == {"segmentation", "apology"}

    tables = label(system, TEST, ["segmentation", "apology"])
    table = tables["apology"]
    assert len(table) == sum(len(dialogue.turns) for dialogue in TEST)
    assert (table["prediction"] == (table["score"] >= best)).all()
    ids = [dialogue.id for dialogue in TEST]
    metrics = evaluate(
        {"model": tables}, dialogue_ids=ids, model="model", resamples=0,
        task_metrics=TASK_METRICS | {"apology": ApologyTask.items},
    )  # fmt: skip
    assert metrics["test/apology/auc"] > 0.7

    save_model(system.model, system.tokenizer, tmp_path / "model")
    loaded = ModelSystem(LabelGenerator.from_pretrained(tmp_path / "model"), load_tokenizer(tmp_path / "model"))
    assert loaded.thresholds == system.thresholds
    pd.testing.assert_frame_equal(label(loaded, TEST, ["apology"])["apology"], table)


def test_where_nothing_tells_thresholds_apart_none_is_chosen():
    task = ApologyTask()
    calm = [dialogue for dialogue in TEST if not any(task.decisions(dialogue))][:1]
    said = DialoguePrediction(extra={"apology": (0.2,) * len(calm[0].turns)})
    table = task.tables(calm, [said], Thresholds())["apology"]
    assert task.tune_threshold(table) is None
    assert not table["prediction"].any()
