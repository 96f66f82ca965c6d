"""Every file of ``conf/`` composes with the training program, gives settings that the library takes, runs a step."""

import pytest
import torch
import yaml

from experiments.app import CONF, config_loader
from experiments.overrides import checked_overrides
from experiments.systems import recipe, stage
from selflearn.encoders import load_encoder
from selflearn.tasks import task_classes
from selflearn.training import Recipe

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}"
    for path in CONF.glob("*/*.yaml")
    if path.parent.name
    in ("model", "tasks", "pretraining", "training", "supervision", "trainer", "baselines", "logger")
)
WORLD = ("data.simulate.world={}/world", "data.simulate.dialogues=80", "data.simulate.workers=1")
SIMULATED = (*WORLD, "data.root=log")
NEEDS = {
    "own_table": ("data.root={}/table",),
    "simulated": SIMULATED,
    "simulated_feedback": SIMULATED,
}


def composed(*lines):
    loader = config_loader()
    ready = checked_overrides(loader, "train", list(lines), sweep=False, values_needed=True)
    from hydra.types import RunMode

    return loader.load_configuration("train", ready, run_mode=RunMode.RUN)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_every_group_gives_settings_that_the_library_takes(option, tmp_path):
    cfg = composed(option, "paths.output_dir=x")
    made = recipe(cfg)
    assert isinstance(made, Recipe)
    assert stage(cfg, tmp_path).hardware.precision in ("32-true", "auto")


def test_all_tasks_are_those_that_are_there_in_their_order():
    assert list(composed("tasks=all", "experiment=sgd_quick").tasks.names) == list(task_classes())


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_as_it_stands(experiment):
    cfg = composed(f"experiment={experiment}", *(line.format("x") for line in NEEDS.get(experiment, ())))
    assert isinstance(recipe(cfg), Recipe)
    assert cfg.model.encoder == "minilm"
    assert cfg.optimized_metric.startswith("tune/")


# `sgd` differs from `sgd_quick` in a number, and `snips` from `atis` in the corpus.
STEPS = [pytest.param(name, marks=[pytest.mark.slow] * (name in ("sgd", "snips"))) for name in EXPERIMENTS]


@pytest.mark.parametrize("experiment", STEPS)
def test_every_experiment_runs_a_step(experiment, command, one_step, corpora):
    needed = [line.format(corpora) for line in NEEDS.get(experiment, ())]
    run = command(f"experiment={experiment}", *one_step, *needed, "paths.output_dir=run")
    assert run.code == 0, run.printed
    metrics = run.metrics
    assert any(key.startswith("test/") for key in metrics)
    assert any(key.startswith("tune/") for key in metrics)
    assert any(key.startswith("count/") for key in metrics)
    for name in ("config.yaml", "versions.json", "results.md", "report.html", "log.txt", "predictions", "figures"):
        assert (run.directory / name).exists(), name
    page = (run.directory / "report.html").read_text("utf-8")
    assert ('"dialogues":{"total":' in page) == (run.directory / "labelled").exists()


def test_every_corpus_is_that_of_an_experiment():
    """So that the steps of the experiments are steps of every option of ``data``; ``table`` is anybody's own."""
    defaults = [yaml.safe_load((CONF / "experiment" / f"{name}.yaml").read_text())["defaults"] for name in EXPERIMENTS]
    used = {line["override /data"] for lines in defaults for line in lines if "override /data" in line}
    assert used == {path.stem for path in (CONF / "data").glob("*.yaml")}


USUAL = {
    "model": "tiny", "tasks": "all", "pretraining": "none", "training": "standard", "supervision": "gold",
    "trainer": "exact", "baselines": "none", "logger": "none", "paths": "standard", "debug": "fast",
}  # fmt: skip
"""What a group is set to where all of its options have been run."""


def options_of(group):
    names = (path.stem for path in (CONF / group).glob("*.yaml") if (group, path.stem) != ("trainer", "gpu"))
    # "annotated" comes last: it runs on SGD, where there is no feedback for the first options of "supervision"
    return sorted(names, reverse=group == "pretraining")


ROWS = [
    {group: dict(enumerate(options_of(group))).get(row, usual) for group, usual in USUAL.items()}
    for row in range(max(len(options_of(group)) for group in USUAL))
]
"""Runs that take every option of every group: the first option of each, the second of each, and so on."""


def test_no_group_is_left_out():
    assert {path.parent.name for path in CONF.glob("*/*.yaml")} == {*USUAL, "data", "experiment"}


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory):
    """A directory with an encoder of the kind of ``model=roberta``, whose own weights lie on the hub."""
    folder = tmp_path_factory.mktemp("roberta")
    encoder, tokenizer = load_encoder("tiny")
    encoder.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(f"{group}={name}" for group, name in row.items()))
def test_every_option_of_every_group_runs_a_step(row, command, one_step, corpora, tiny_roberta, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "wandb_home"))
    lines = [line for line in one_step if line.partition("=")[0] not in USUAL]
    lines += [f"{group}={name}" for group, name in row.items()]
    if row["pretraining"] == "annotated":  # reads dialogue acts, which the simulation does not write
        lines += ["experiment=sgd_quick"]
    else:
        lines += ["experiment=simulated", *(line.format(corpora) for line in WORLD), f"data.root={corpora}/log"]
    if row["model"] == "roberta":
        lines += [f"model.encoder={tiny_roberta}"]
    if row["debug"] == "off":
        lines += ["data.limit=40", "data.test_limit=20"]
    if row["supervision"] == "both":
        lines += ["data.labelled=20"]
    if row["logger"] == "wandb":
        lines += ["logger.offline=true"]
    run = command(*dict.fromkeys(lines), "paths.output_dir=run")
    assert run.code == 0, run.printed
    assert any(key.startswith("test/") for key in run.metrics)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_the_trainer_of_gpus_runs_a_step(command, one_step):
    run = command(*(line for line in one_step if line != "trainer=exact"), "trainer=gpu", "trainer.devices=1",
                  "paths.output_dir=run")  # fmt: skip
    assert run.code == 0, run.printed
