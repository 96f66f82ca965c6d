import errno
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from selflearn.corpora import CorpusError, as_dialogues, iter_dialogues, load_dialogues
from selflearn.corpora.lock import DirectoryInUseError, exclusive
from selflearn.corpora.unfinished import MARK
from selflearn.simulation import shards
from selflearn.simulation.shards import CLAIM, write_log
from selflearn.simulation.simulate import Setting, trained_understanding
from selflearn.simulation.summary import Summary
from tests.fixtures.worlds import write_world


def bytes_of(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.parquet"))}


def write(setting, folder, dialogues=1100, workers=1):
    return list(write_log(setting, dialogues, folder, workers=workers))


@pytest.fixture(scope="module")
def small_shards(small):
    """Shards of one block, so that a small log has several."""
    before = shards.BLOCKS
    shards.BLOCKS = 1
    yield small
    shards.BLOCKS = before


@pytest.fixture(scope="module")
def whole(small_shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, write(small_shards, folder)


def test_the_log_is_read_as_any_other(whole):
    folder, written = whole
    numbers = {}
    for split in ("train", "dev", "test"):
        found = list(as_dialogues(load_dialogues("table", root=folder, split=split)))
        assert all(dialogue.split == split for dialogue in found)
        numbers[split] = len(found)
    assert sum(numbers.values()) == 1100 == sum(shard.dialogues for shard, _ in written)
    assert numbers["train"] > numbers["test"] > 0
    users = [
        {d.user_id for d in as_dialogues(load_dialogues("table", root=folder, split=split))}
        for split in ("train", "dev", "test")
    ]
    assert not users[0] & users[1] | users[0] & users[2] | users[1] & users[2]


def test_the_number_of_workers_changes_no_byte(small_shards, whole, tmp_path):
    written = write(small_shards, tmp_path, workers=2)
    assert bytes_of(tmp_path) == bytes_of(whole[0])
    assert [summary.to_dict() for _, summary in written] == [summary.to_dict() for _, summary in whole[1]]
    assert sum((summary for _, summary in written), Summary()).asked["defect"] > 0


@pytest.mark.slow
def test_a_worker_that_dies_is_said_and_the_log_goes_on_from_there(small_shards, tmp_path):
    written = write_log(small_shards, 2200, tmp_path, workers=2)
    next(written)
    for worker in multiprocessing.active_children():
        worker.kill()
    with pytest.raises(ChildProcessError, match="was killed, perhaps for want of memory; what is finished is whole"):
        list(written)
    done = len(list(tmp_path.glob("summary-*.json")))
    assert 0 < done < len(write(small_shards, tmp_path, dialogues=2200))


def test_what_is_missing_is_made_again_with_the_same_bytes(small_shards, whole, tmp_path):
    write(small_shards, tmp_path)
    expected = bytes_of(tmp_path)
    (tmp_path / "summary-00001.json").unlink()  # killed before the shard was done
    (tmp_path / "train-00001.parquet").write_bytes(b"half")
    (tmp_path / MARK).touch()
    stamp = (tmp_path / "train-00000.parquet").stat().st_mtime_ns
    again = write(small_shards, tmp_path)
    assert bytes_of(tmp_path) == expected
    assert (tmp_path / "train-00000.parquet").stat().st_mtime_ns == stamp
    assert [s.to_dict() for _, s in again] == [s.to_dict() for _, s in whole[1]]
    assert not (tmp_path / MARK).exists()
    (tmp_path / MARK).touch()  # killed after the last shard
    write(small_shards, tmp_path)
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("lost", ["test-00000.parquet", "summary-00000.json"])
def test_a_file_that_was_lost_or_damaged_since_is_made_again(small_shards, whole, tmp_path, lost):
    write(small_shards, tmp_path)
    if lost.endswith(".json"):
        (tmp_path / lost).write_text('{"counts": {"dia')
    else:
        (tmp_path / lost).unlink()
    again = write(small_shards, tmp_path)
    assert bytes_of(tmp_path) == bytes_of(whole[0])
    assert [s.to_dict() for _, s in again] == [s.to_dict() for _, s in whole[1]]


def test_a_damaged_claim_is_told(small_shards, tmp_path):
    write(small_shards, tmp_path)
    (tmp_path / "simulation.json").write_text('{"world"')
    with pytest.raises(ValueError, match=r"simulation\.json cannot be read .*take another directory"):
        write(small_shards, tmp_path)


@pytest.mark.parametrize("at", ["understanding.safetensors", "dev-00000.parquet", "summary-00000.json"])
def test_a_full_disk_leaves_whole_files_and_the_same_call_goes_on(small_shards, whole, tmp_path, monkeypatch, at):
    """The disk is full when the file is written to its end: what is half there must not stay."""
    real = os.replace

    def full(part, path):
        if Path(path).name == at:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(part, path)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left on device; what is finished is whole: make room and start the"):
        write(small_shards, tmp_path)
    assert not list(tmp_path.glob(".*.partial"))
    assert not (tmp_path / at).exists()
    monkeypatch.undo()
    write(small_shards, tmp_path)
    assert bytes_of(tmp_path) == bytes_of(whole[0])


def test_a_full_disk_is_one_for_the_file_of_the_understanding_model_too(small_shards, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with pytest.raises(OSError, match="No space left on device"):
        trained_understanding(small_shards).save(Path("/dev/full"))


def test_a_log_is_written_by_one_run_at_a_time_and_read_by_many(small_shards, whole, tmp_path):
    first = write_log(small_shards, 1100, tmp_path)
    shard, _ = next(first)
    with pytest.raises(CorpusError, match="_UNFINISHED says that files are still missing"):
        iter_dialogues("table", tmp_path, "train")
    assert len(list(iter_dialogues("table", shard.path("train"), "train"))) > 0  # a file that is there is whole
    with pytest.raises(DirectoryInUseError):
        write(small_shards, tmp_path)
    list(first)
    assert len(list(iter_dialogues("table", tmp_path, "all"))) == 1100
    with exclusive(tmp_path):
        assert len(write(small_shards, tmp_path)) == len(whole[1])
    assert bytes_of(tmp_path) == bytes_of(whole[0])


def test_another_log_in_the_directory_is_left_alone(small_shards, whole, tmp_path):
    with pytest.raises(ValueError, match=r"holds another log .*dialogues: 1100 there, 900 wanted"):
        write(small_shards, whole[0], dialogues=900)
    other = Setting(
        world=small_shards.world,
        population=small_shards.population,
        assistant=small_shards.assistant,
        annotators=small_shards.annotators,
        seed=2,
    )
    with pytest.raises(ValueError, match="seed: 1 there, 2 wanted"):
        write(other, whole[0])
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds notes\.txt and no simulated log"):
        write(small_shards, tmp_path)


@pytest.mark.slow
def test_a_log_for_development_is_another_log(small_shards, whole, tmp_path):
    claim = ["version", "world", "rates", "seed", "dialogues", "channel"]
    assert list(json.loads((whole[0] / "simulation.json").read_text())) == claim  # so that older logs are recognised
    setting = Setting.load(small_shards.world.directory, seed=1, development=True)
    with pytest.raises(ValueError, match=r"development: None there, True wanted"):
        write(setting, whole[0])
    for workers in (1, 2):
        write(setting, tmp_path / str(workers), workers=workers)
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "2") != bytes_of(whole[0])
    with pytest.raises(ValueError, match=r"development: True there, None wanted"):
        write(small_shards, tmp_path / "1")


@pytest.mark.slow
def test_other_rates_make_another_log_of_the_same_bytes_in_every_process(small_shards, whole, tmp_path):
    rates = {"people.reactions.barge_in": 1.0, "people.reactions.notice.wrong": 1.0, "people.goals.mean": 1.2}
    setting = Setting.load(small_shards.world.directory, seed=1, rates=rates)
    with pytest.raises(ValueError, match=r"rates: {} there, {'people\.reactions\.barge_in': 1\.0"):
        write(setting, whole[0])
    for workers in (1, 2):
        write(setting, tmp_path / str(workers), workers=workers)
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "2") != bytes_of(whole[0])
    for dialogue in as_dialogues(load_dialogues("table", root=tmp_path / "1", split="test")):
        for feedback, truth in zip(dialogue.feedback, dialogue.truth.turns, strict=True):
            wanted = truth.intent is not None  # nobody reacts to what a television or a "thank you" set off
            assert feedback.barge_in or not wanted or truth.components["outcome"] != "wrong"


def test_what_comes_after_a_log_in_the_same_process_has_all_threads_again(small_shards, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        write(small_shards, tmp_path, dialogues=20)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_log_that_another_version_wrote_is_not_taken_for_this_one(small_shards, tmp_path):
    write(small_shards, tmp_path, dialogues=20)
    claim = json.loads((tmp_path / CLAIM).read_text())
    (tmp_path / CLAIM).write_text(json.dumps(claim | {"version": 1}))
    with pytest.raises(ValueError, match=r"version: 1 there, \d+ wanted"):
        write(small_shards, tmp_path, dialogues=20)


def test_summaries_of_parts_add_up_to_that_of_the_whole(whole):
    folder, written = whole
    total = sum((summary for _, summary in written), Summary())
    every = [
        d for split in ("train", "dev", "test") for d in as_dialogues(load_dialogues("table", root=folder, split=split))
    ]
    again = Summary.of(every)
    assert total.to_dict() == again.to_dict()
    assert Summary.from_dict(json.loads(json.dumps(total.to_dict()))).to_dict() == total.to_dict()
    rates = total.rates()
    assert sum(value for name, value in rates.items() if name.startswith("failure_point/")) == pytest.approx(1)
    requests = {turn.request for d in every for turn in d.truth.turns}
    assert total.unique_requests() == pytest.approx(len(requests), rel=0.1)
    assert 0.05 < rates["defect_rate"] < 0.6


def wait_until(there, process, seconds=600):
    """Until something is there, while a process runs."""
    end = time.monotonic() + seconds
    while not there():
        assert process.poll() is None, f"ended with {process.returncode} before it could be killed"
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.01)


def wait_until_gone(group, seconds=60):
    """Until no process of a group is left: those that a killed one had started end, too."""
    end = time.monotonic() + seconds
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < end, "a process stayed"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_log_that_was_killed_ends_with_the_same_bytes(tmp_path):
    """Killed before the first shard, and again as soon as one is done."""
    world = write_world(tmp_path / "world")
    command = [sys.executable, "-m", "experiments.simulate", f"world={world}", "dialogues=6000", "workers=2"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    run = [*command, f"paths.output_dir={killed}"]

    def shards_done():
        return len(list(killed.glob("summary-*.json")))

    done = []
    for there in ((killed / MARK).exists, shards_done):
        process = subprocess.Popen(run, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
        wait_until(there, process)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        wait_until_gone(process.pid)
        assert (killed / MARK).exists()
        done.append(shards_done())
    subprocess.run(run, env=environment, check=True, capture_output=True)
    assert done[0] == 0 < done[1] < shards_done()
    assert not (killed / MARK).exists()
    subprocess.run([*command, f"paths.output_dir={whole}"], env=environment, check=True, capture_output=True)
    assert bytes_of(killed) == bytes_of(whole)
