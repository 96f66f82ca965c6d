"""Runs of the program in processes of their own, which are killed, or train together."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from selflearn.corpora.table import write_parquet
from selflearn.schema import Labels
from tests.fixtures.dialogues import home_dialogues

ROOT = Path(__file__).parents[2]
DEADLINE = 180  # seconds for a process to get somewhere


@pytest.fixture
def start(corpora, tmp_path):
    """Starts the program on the table of our own; many short steps, a checkpoint after every second one."""
    processes = []

    def start(directory, *more):
        command = [
            sys.executable, "-m", "experiments.train", "debug=fast", "experiment=own_table",
            f"data.root={corpora}/table", "baselines=no_context", "trainer=exact", "trainer.progress=false",
            "training.checkpoint_every=2", "training.token_budget=300", "pretraining.token_budget=300",
            "training.epochs=2", "data.limit=24", "data.test_limit=8", "resamples=20",
            f"paths.cache={tmp_path}/cache", f"paths.output_dir={tmp_path}/{directory}", *more,
        ]  # fmt: skip
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
        with (tmp_path / f"{directory}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def finish(process, log):
    assert process.wait(DEADLINE) == 0, log.read_text()[-3000:]


def checkpoints(directory):
    """The checkpoints that there are, each with when it was last replaced."""
    found = {}
    for file in directory.glob("checkpoints/*/*/last.ckpt"):
        with contextlib.suppress(FileNotFoundError):  # a stage ends at this moment
            found[file] = file.stat().st_mtime_ns
    return found


def wait_for_another(directory, process):
    """Until the run has made a checkpoint, or the process has ended."""
    before, limit = checkpoints(directory), time.monotonic() + DEADLINE
    while checkpoints(directory).items() <= before.items() and process.poll() is None:
        assert time.monotonic() < limit, "no checkpoint came"
        time.sleep(0.01)


def measured(directory):
    metrics = json.loads((directory / "metrics.json").read_text())
    return {key: value for key, value in metrics.items() if not key.startswith("time/")}


@pytest.mark.slow
def test_a_run_that_is_killed_at_random_moments_ends_with_the_digits_of_one_that_is_not(start, tmp_path):
    finish(start("whole"), tmp_path / "whole.log")
    draw = random.Random()
    killed = []
    for _ in range(4):
        process = start("killed")
        wait_for_another(tmp_path / "killed", process)
        pause = draw.uniform(0, 0.5)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)  # does nothing where the run has come to its end
        killed.append((round(pause, 3), process.wait(DEADLINE)))
    assert [code for _, code in killed[:2]] == [-signal.SIGKILL] * 2, killed
    finish(start("killed"), tmp_path / "killed.log")
    assert measured(tmp_path / "killed") == pytest.approx(measured(tmp_path / "whole"), rel=0, abs=0, nan_ok=True), (
        killed
    )
    for system in ("model", "no_context"):
        one, other = (
            load_file(tmp_path / run / "checkpoints" / system / "fine_tuning" / "weights.safetensors")
            for run in ("whole", "killed")
        )
        assert all(torch.equal(value, other[name]) for name, value in one.items()), killed


@pytest.mark.slow
def test_two_processes_train_together_and_leave_one_finished_run(start, tmp_path):
    """Half of the dialogues have no label, so that a process often has no loss while the other has one."""
    (tmp_path / "sparse").mkdir()
    dialogues = [d if i % 2 else d.with_labels(Labels()) for i, d in enumerate(home_dialogues(24))]
    write_parquet(dialogues, tmp_path / "sparse" / "train.parquet")
    write_parquet(home_dialogues(8, seed=1, split="test"), tmp_path / "sparse" / "test.parquet")
    more = [f"data.root={tmp_path}/sparse", "training.token_budget=1", "training.resume=never"]
    process = start("together", "trainer.devices=2", *more)
    finish(process, tmp_path / "together.log")
    run = tmp_path / "together"
    metrics = measured(run)
    assert metrics["test/intent/accuracy"] >= 0
    assert any(key.startswith("baseline/no_context/") for key in metrics)
    assert (run / "log.txt").read_text().count("everything is in") == 1
    assert not list(run.rglob("*.partial"))
    steps = pd.read_csv(run / "checkpoints" / "model" / "fine_tuning" / "losses" / "metrics.csv")["step"]
    dialogues_to_train_on = 22  # two of 24 tune; each is a batch, in two epochs
    assert dialogues_to_train_on - 10 <= steps.max() < dialogues_to_train_on + 2  # one process alone takes 44 steps
