"""Labelling in processes of their own, which are killed, or meet in one folder."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from selflearn.corpora.table import write_jsonl
from selflearn.models import save_model
from tests.fixtures.dialogues import home_dialogues, tiny_model

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DEADLINE = 180  # seconds for a process to get somewhere
DIALOGUES, SHARD = 240, 2
PARTS = DIALOGUES // SHARD


@pytest.fixture
def start(tmp_path):
    """Starts the program on a log of many small parts."""
    save_model(*tiny_model(home_dialogues(12)), tmp_path / "model")
    write_jsonl(home_dialogues(DIALOGUES, seed=3), tmp_path / "log.jsonl")
    processes = []

    def start(directory):
        command = [
            sys.executable, "-m", "experiments.label", f"labeler={tmp_path}/model", f"input={tmp_path}/log.jsonl",
            f"paths.output_dir={tmp_path}/{directory}", f"cache={tmp_path}/cache", f"shard_size={SHARD}",
            "device=cpu", "report=false", "progress=false",
        ]  # fmt: skip
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def finish(process):
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, err[-3000:]


def state(directory):
    """What the labelling says of itself; it replaces its file whole, so that no half of it is met."""
    file = directory / "labelling.json"
    return json.loads(file.read_text()) if file.is_file() else {"shards": [], "finished": False}


def wait_for_parts(directory, process, number):
    limit = time.monotonic() + DEADLINE
    while len(state(directory)["shards"]) < number:
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() < limit, "no part came"
        time.sleep(0.002)


def files(directory):
    return {str(file.relative_to(directory)): file.read_bytes() for file in sorted(directory.rglob("*.parquet"))}


def test_a_labelling_that_is_killed_between_and_in_its_parts_loses_and_doubles_no_label(start, tmp_path):
    finish(start("whole"))
    killed, draw, done = tmp_path / "killed", random.Random(), 0
    for _ in range(3):
        process = start("killed")
        wait_for_parts(killed, process, done + 1)
        time.sleep(draw.uniform(0, 0.02))
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(DEADLINE) == -signal.SIGKILL
        found = state(killed)
        assert not found["finished"]
        assert done < len(found["shards"]) < PARTS, "the kill came too late"
        assert not (killed / "goals.parquet").exists()
        done = len(found["shards"])
    finish(start("killed"))
    assert files(killed) == files(tmp_path / "whole")
    assert set(Counter(pd.read_parquet(killed / "dialogues")["id"]).values()) == {1}
    goals = pd.read_parquet(killed / "goals.parquet")
    assert not goals.duplicated(["dialogue_id", "start"]).any()
    assert goals["dialogue_id"].nunique() == DIALOGUES
    assert len(goals) == sum(counts["goals"] for counts in state(killed)["shards"])
    assert not list(killed.rglob("*.partial"))


def test_a_second_labelling_in_the_folder_of_the_first_is_refused_and_takes_nothing_from_it(start, tmp_path):
    first = start("shared")
    wait_for_parts(tmp_path / "shared", first, 1)
    os.kill(first.pid, signal.SIGSTOP)  # as slow as can be
    second = start("shared")
    _, err = second.communicate(timeout=DEADLINE)
    os.kill(first.pid, signal.SIGCONT)
    assert (second.returncode, "shared is being written by another run" in err) == (2, True), err
    finish(first)
    goals = pd.read_parquet(tmp_path / "shared" / "goals.parquet")
    assert len(goals) == sum(counts["goals"] for counts in state(tmp_path / "shared")["shards"])
