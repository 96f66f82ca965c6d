"""What is left out means the same in Python and on the command line: ``conf/`` and the library have the same values."""

import inspect
from dataclasses import asdict, fields

import pytest
from omegaconf import OmegaConf

from experiments.app import CONF
from experiments.build import settings
from selflearn.inference import Labeler
from selflearn.inference.export import export_labelled
from selflearn.inference.plan import plan_file
from selflearn.inference.shards import label_file
from selflearn.models import LabelGeneratorConfig
from selflearn.training import HardwareConfig, ModelSettings, PretrainingSettings, Recipe, StageConfig, TrainingSettings
from selflearn.training.loggers import LoggerSettings
from selflearn.trust import certify

DATA = "given by data: which corpus and what of it is read"
TRAINER = "given by trainer"
LEFT_TO_DATA = {"views": DATA, "on_overflow": DATA}
ELSEWHERE = {
    StageConfig: {"directory": "of the run", "hardware": TRAINER, "loggers": "given by logger", "progress": TRAINER},
    TrainingSettings: LEFT_TO_DATA,
}
"""Fields that stand in another group of ``conf/``, each with the reason."""

NO_FIELD = {
    "trainer/auto": {"progress": "a field of StageConfig"},
    "training/standard": {"checkpoint_every": "a field of StageConfig", "resume": "a field of StageConfig"},
}
"""Keys of a group that are no field of its class."""


def group(name):
    """What a file of ``conf/`` sets by itself, without the job of Hydra; a whole program is not resolved."""
    loaded = OmegaConf.load(CONF / f"{name}.yaml")
    for key in ("hydra", "defaults"):
        loaded.pop(key, None)
    return OmegaConf.to_container(loaded, resolve="/" in name)


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("model/minilm", ModelSettings), ("pretraining/swapped", PretrainingSettings), ("logger/csv", LoggerSettings),
        ("training/standard", TrainingSettings), ("trainer/auto", HardwareConfig),
    ],
)  # fmt: skip
def test_settings_that_are_left_out_are_those_of_the_usual_group(name, cls):
    plain = group(name)
    given = {key: value for key, value in plain.items() if key not in NO_FIELD.get(name, ())}
    made = settings(cls, given)
    assert made == cls()
    assert str(made) == str(cls())  # grades of swapped answers are tried in their order
    if cls is not LoggerSettings:  # of other kinds of loggers
        whole = {field.name for field in fields(cls)} - set(ELSEWHERE.get(cls, ()))
        assert set(given) == whole, "a setting stands in one place alone"


def test_the_logger_of_weights_and_biases_has_the_usual_values_too():
    assert settings(LoggerSettings, group("logger/wandb")) == LoggerSettings(kind="wandb")


def test_a_recipe_and_a_stage_that_nothing_is_said_of_are_the_command_without_an_experiment(tmp_path):
    train, data = group("train"), group("data/table")
    recipe, stage = Recipe(), StageConfig(directory=tmp_path)
    assert recipe.seed == train["seed"]
    assert list(recipe.tasks) == group("tasks/all")["names"]
    assert (list(recipe.training.views), recipe.training.on_overflow) == (data["views"], data["on_overflow"])
    assert stage.checkpoint_every == group("training/standard")["checkpoint_every"]
    assert stage.progress == group("trainer/auto")["progress"]
    assert stage.resume  # training.resume=auto


def test_a_configuration_of_a_model_begins_with_the_settings_of_a_model():
    made, model = LabelGeneratorConfig(), ModelSettings()
    said = {
        "ngram_buckets": model.lexical.buckets, "ngram_size": model.lexical.size,
        "ngram_dropout": model.lexical.dropout, "audio_frozen": model.audio.frozen, **asdict(model.dialogue),
        **{name: getattr(model, name) for name in ("pairing", "max_tokens", "feature_dropout")},
    }  # fmt: skip
    assert {name: getattr(made, name) for name in said} == said


def test_a_log_that_training_simulates_is_the_one_that_the_command_simulates():
    simulate = group("simulate")
    simulate.pop("paths")
    assert OmegaConf.load(CONF / "data" / "simulated.yaml").simulate == simulate


PROGRESS = "a bar on the terminal; in Python a function that is called"
PLACE = "of the input, in commands"


@pytest.mark.parametrize(
    ("program", "function", "others"),
    [
        ("label", Labeler.from_pretrained, {"recordings": PLACE}),
        ("label", label_file, {"progress": PROGRESS}),
        ("label", plan_file, {"progress": PROGRESS}),
        ("export", export_labelled, {"progress": PROGRESS, "accept": "{} of the command is None in Python"}),
        ("certify", certify, {}),
    ],
)
def test_arguments_that_are_left_out_are_those_of_the_command(program, function, others):
    plain = group(program)
    known = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name in plain and parameter.default is not parameter.empty and name not in others
    }
    assert known
    assert {name: plain[name] for name in known} == known
