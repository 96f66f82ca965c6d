"""Writing a simulated log: Parquet shards of fixed content, made by several processes, resumed after a kill."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import torch

from selflearn._replacing import advice_where_full, replace_text, replacing_path
from selflearn.corpora.lock import LOCK, exclusive
from selflearn.corpora.table import write_parquet
from selflearn.corpora.unfinished import mark_finished, mark_unfinished
from selflearn.simulation.assistant import Assistant, Understander
from selflearn.simulation.components import make_component
from selflearn.simulation.people import Wishes
from selflearn.simulation.simulate import (
    SPLITS,
    Block,
    Channel,
    Setting,
    build_assistant,
    one_thread,
    plan,
    simulate,
    trained_understanding,
    untrained_understanding,
)
from selflearn.simulation.speech_audio import require_speech
from selflearn.simulation.summary import Summary

BLOCKS = 5
"""Blocks of a shard: about 2,000 dialogues."""

UNDERSTANDING = "understanding.safetensors"
"""File with the weights of the assistant's understanding model."""

PATIENCE = 1.0
"""Seconds between two reports of how many utterances were heard."""
CLAIM = "simulation.json"
"""File that says which log is in a directory."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of the log: one file a split, ``train-00000.parquet`` and so on, and the blocks that are in them."""

    root: Path
    number: int
    blocks: tuple[Block, ...]

    @property
    def dialogues(self) -> int:
        """How many dialogues are in it."""
        return sum(block.dialogues for block in self.blocks)

    def path(self, split: str) -> Path:
        """The file of a split; a split of which the shard has no dialogue has none."""
        return self.root / f"{split}-{self.number:05d}.parquet"

    @property
    def summary_path(self) -> Path:
        """Where its summary is kept; written after the files, so that all are there or they are made again."""
        return self.root / f"summary-{self.number:05d}.json"

    def summary(self) -> Summary | None:
        """What is in it; None where it was not written to its end, or where a file of it is lost or damaged since."""
        try:
            found = Summary.from_dict(json.loads(self.summary_path.read_text("utf-8")))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        there = all(self.path(split).is_file() for split, number in found.dialogues_by_split.items() if number)
        return found if there else None


def write_log(
    setting: Setting, dialogues: int, directory: str | Path, *, workers: int = 1,
    heard: Callable[[int], None] | None = None,
) -> Iterator[tuple[Shard, Summary]]:  # fmt: skip
    """Simulate so many dialogues and write them; yields each shard with its summary, in order.

    Shards that are there are not made again, nor are recordings. The content depends on the setting and the number of
    dialogues alone.

    Args:
        setting: world, people, assistant, seed.
        dialogues: how many.
        directory: gets ``train-00000.parquet``, ``dev-00000.parquet``, ... and a summary of each shard. Until all are
            there, readers refuse it.
        workers: processes.
        heard: called from time to time with the number of utterances that were heard, on the speech channel.

    Raises:
        ImportError: the speech channel is wanted and pocketsphinx is not installed.
        ValueError: the directory holds another log, another run is writing it, a component cannot be made, or not one
            dialogue or process is asked for.
        ChildProcessError: one of several processes was killed.
        OSError: the disk is full (what is written is whole, and the same call goes on from there), or the speech
            channel is wanted and flite is not installed.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; expected at least 1")
    root = Path(directory)
    shards = _shards(setting, dialogues, root)
    _check(root, setting.identity(dialogues))
    whole = all(shard.summary() is not None for shard in shards)
    for name, spec in () if whole else setting.components.items():
        make_component(name, spec, setting)  # one that cannot be made is said before the directory is claimed for it
    with nullcontext() if whole else exclusive(root):  # a whole log may be read by many at a time
        with advice_where_full():
            _claim(root, setting.identity(dialogues))
            if not whole:
                mark_unfinished(root)
            yield from _written(setting, shards, root, workers, heard)
        mark_finished(root)  # not where it was stopped, or nobody asked for the last shard


def _written(
    setting: Setting, shards: Sequence[Shard], root: Path, workers: int, heard: Callable[[int], None] | None
) -> Iterator[tuple[Shard, Summary]]:
    missing = [shard for shard in shards if shard.summary() is None]
    if missing and setting.channel == "speech" and "recognition" not in setting.components:
        require_speech()  # here: a process of the pool that cannot start does not say why
    with one_thread():
        if missing and "understanding" not in setting.components and not (root / UNDERSTANDING).is_file():
            with replacing_path(root / UNDERSTANDING) as part:
                trained_understanding(setting).save(part)
        context = multiprocessing.get_context("spawn")
        count = _Count(context.Value("q", 0), heard)
        directory, rates = str(setting.world.directory), setting.world.rates
        start = directory, setting.seed, setting.channel, rates, setting.components, setting.development, root
        if workers > 1 and len(missing) > 1:
            pool = ProcessPoolExecutor(workers, context, _start, (*start, _Count(count.value, None)))
            try:
                futures = [pool.submit(_write, shard) for shard in missing]
                yield from _in_order(shards, missing, _watched(futures, count))
            finally:
                pool.shutdown(cancel_futures=True)
        else:
            if missing:
                _start(*start, count)
            yield from _in_order(shards, missing, map(_write, missing))


@dataclass(frozen=True, slots=True)
class _Count:
    """Utterances that all processes together have heard, and who is told; a process of a pool tells nobody."""

    value: Synchronized[int]
    told: Callable[[int], None] | None

    def one_more(self) -> None:
        with self.value.get_lock():
            self.value.value += 1
        self.tell()

    def tell(self) -> None:
        if self.told is not None and self.value.value:
            self.told(self.value.value)


def _watched(written: Sequence[Future[Shard]], count: _Count) -> Iterator[Shard]:
    """Shards as they are done; while they are waited for, the count is told."""
    for future in written:
        while not wait([future], timeout=PATIENCE).done:
            count.tell()
        try:
            shard = future.result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "a process that simulates was killed, perhaps for want of memory; what is finished is whole: start the "
                "same command again, with fewer workers"
            ) from error
        count.tell()
        yield shard


def _shards(setting: Setting, dialogues: int, root: Path) -> list[Shard]:
    blocks = plan(setting, dialogues)
    groups = [blocks[i : i + BLOCKS] for i in range(0, len(blocks), BLOCKS)]
    return [Shard(root, i, tuple(group)) for i, group in enumerate(groups)]


def _in_order(
    shards: Sequence[Shard], missing: Sequence[Shard], written: Iterator[Shard]
) -> Iterator[tuple[Shard, Summary]]:
    for shard in shards:
        if shard in missing:
            next(written)
        found = shard.summary()
        assert found is not None, shard.summary_path
        yield shard, found


def _check(root: Path, what: dict[str, Any]) -> None:
    """Refuse a directory that holds another log, or something else."""
    file = root / CLAIM
    held = sorted(path.name for path in root.iterdir() if path.name != LOCK) if root.is_dir() else []
    if file.is_file():
        try:
            old = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{file} cannot be read ({error}), so that nobody can say which log is there; remove "
                             f"{root}, or take another directory (paths.output_dir=...)") from error  # fmt: skip
        if old != what:
            changed = ", ".join(
                f"{key}: {old.get(key)} there, {what.get(key)} wanted"
                for key in {**what, **old}
                if old.get(key) != what.get(key)
            )
            raise ValueError(f"{root} holds another log ({changed}); take another directory "
                             "(paths.output_dir=..., in a training data.root=...)")  # fmt: skip
    elif held:
        raise ValueError(f"{root} holds {held[0]} and no simulated log; take another directory (paths.output_dir=...)")


def _claim(root: Path, what: dict[str, Any]) -> None:
    """Make the directory ours: a log goes on in it only with the same setting."""
    _check(root, what)
    file = root / CLAIM
    if file.is_file():
        return
    replace_text(file, json.dumps(what, indent=2) + "\n")


@dataclass(slots=True)
class _Worker:
    """What a process needs to make shards."""

    setting: Setting
    assistant: Assistant
    wishes: Wishes


_worker: _Worker | None = None


def _start(
    directory: str, seed: int, channel: Channel, rates: Mapping[str, Any], components: Mapping[str, Any],
    development: bool, root: Path, count: _Count,
) -> None:  # fmt: skip
    global _worker
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    torch.set_num_threads(1)
    setting = Setting.load(
        directory, seed=seed, channel=channel, rates=rates, components=components, development=development
    )
    understanding = setting.component("understanding", lambda: _kept_understanding(setting, root))
    assistant = build_assistant(setting, understanding, log=root, heard=count.one_more)
    _worker = _Worker(setting, assistant, Wishes(setting.world, setting.population))


def _end_with(parent: BaseProcess) -> None:
    """End this process when the one that started it was killed: nothing else would tell it, it would wait for ever."""
    parent.join()
    os._exit(1)


def _kept_understanding(setting: Setting, root: Path) -> Understander:
    """The assistant's own model, which was trained before the processes were started."""
    model = untrained_understanding(setting)
    model.load(root / UNDERSTANDING)
    return model


@contextmanager
def _no_collections() -> Iterator[None]:
    """Records make no cycles: the garbage collector would walk through all of them, again and again, and free none."""
    gc.collect(0)  # what cycles there were in the shard before, whose records are gone
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _write(shard: Shard) -> Shard:
    if _worker is None:
        raise RuntimeError("a shard was asked for before the process was started")
    setting, assistant, wishes = _worker.setting, _worker.assistant, _worker.wishes
    with _no_collections():
        dialogues = [d for block in shard.blocks for d in simulate(setting, assistant, wishes, block)]
        for split in SPLITS:
            chosen = [dialogue for dialogue in dialogues if dialogue.split == split]
            if chosen:
                write_parquet(chosen, shard.path(split))
    replace_text(shard.summary_path, json.dumps(Summary.of(dialogues).to_dict()))
    return shard
