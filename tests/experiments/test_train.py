from __future__ import annotations

from contextlib import contextmanager
from functools import partialmethod

import pytest

from experiments.app import hydra_main
from experiments.keep_model import audited
from experiments.train import run_directory
from selflearn.inference import Labeler
from selflearn.models.system import ModelSystem
from tests.fixtures.dialogues import home_dialogues, tiny_model


def test_an_audit_of_tuning_dialogues_has_one_bar_however_many_are_labelled_at_a_time(monkeypatch):
    bars, done = [], []

    @contextmanager
    def bar(total):
        bars.append(total)
        yield done.append

    dialogues = home_dialogues(12)
    system = ModelSystem(*tiny_model(dialogues), bar=bar)
    expected = Labeler(system).audited(dialogues)
    bars.clear()
    done.clear()
    monkeypatch.setattr(Labeler, "stream", partialmethod(Labeler.stream, batch=5))
    assert len(list(audited(system, dialogues))) == len(expected)
    assert (bars, done) == ([12], [1] * 12)


@pytest.fixture
def swept(program):
    """The directories of the runs of a sweep, with exit code and what was said; nothing is trained."""

    def directories(*arguments):
        found = []

        @hydra_main("train")
        def main(cfg):
            found.append(str(run_directory(cfg)))

        code, _, err = program(main, ["-m", *arguments], {})
        return found, code, err

    return directories


def test_what_makes_no_other_run_does_not_name_the_directory_of_a_sweeps_run(swept):
    plain = ["runs/simulated/sweep/seed=1", "runs/simulated/sweep/seed=2"]
    assert swept("seed=1,2") == (plain, 0, "")
    free = ["logger=wandb", "logger.offline=true", "paths.cache=here", "training.resume=never", "label=false"]
    assert swept("seed=1,2", *free) == (plain, 0, "")


def test_a_sweep_over_experiments_leaves_room_for_other_sweeps(swept):
    found, code, _ = swept("experiment=simulated,simulated_feedback")
    assert (found, code) == (["runs/simulated/sweep/seed=1", "runs/simulated_feedback/sweep/seed=1"], 0)


def test_a_sweep_does_not_pass_over_the_directory_of_one_run(swept):
    found, code, err = swept("seed=1,2", "paths.output_dir=here")
    assert (found, code) == ([], 2)
    assert "paths.output_dir is here, the directory of a single run, and with -m there may be many; expected" in err
