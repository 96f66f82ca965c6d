"""Every file of ``conf/`` composes with the training program, gives settings that the library takes, runs a step."""

import pytest

from experiments.app import CONF, config_loader
from experiments.overrides import checked_overrides
from experiments.train import recipe, stage
from selflearn.tasks import task_classes
from selflearn.training import Recipe

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}"
    for path in CONF.glob("*/*.yaml")
    if path.parent.name
    in ("model", "tasks", "pretraining", "training", "supervision", "trainer", "baselines", "logger")
)
SIMULATED = (
    "data.simulate.world={}/world", "data.simulate.dialogues=80", "data.simulate.workers=1", "data.root=log",
)  # fmt: skip
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
    assert stage(cfg, tmp_path).hardware.precision in ("32-true", "bf16-mixed")


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
