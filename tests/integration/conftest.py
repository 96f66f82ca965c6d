"""Runs the program ``python -m experiments.train`` in this process, on tiny releases."""

import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments import train
from tests.fixtures import rated_releases, releases
from tests.fixtures.dialogues import home_dialogues
from tests.fixtures.worlds import write_world


@dataclass
class Run:
    """What a run left behind: exit code, what it printed, and its directory."""

    code: int
    printed: str
    directory: Path

    @property
    def metrics(self):
        return json.loads((self.directory / "metrics.json").read_text())


@pytest.fixture(scope="session")
def corpora(tmp_path_factory):
    """A folder as ``paths.corpora`` names it, with tiny releases and a table of our own."""
    from selflearn.corpora.table import write_parquet

    root = tmp_path_factory.mktemp("corpora")
    releases.write_sgd(root / "sgd")
    releases.write_star(root / "star")
    releases.write_snips(root / "snips")
    releases.write_atis(root / "atis")
    rated_releases.write_dbdc3(root / "dbdc3")
    rated_releases.write_uss(root / "uss")
    write_world(root / "world")
    (root / "table").mkdir()
    write_parquet(home_dialogues(40), root / "table" / "train.parquet")
    write_parquet(home_dialogues(15, seed=1, split="test"), root / "table" / "test.parquet")
    return root


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def quiet_logs():
    """Hydra and the library leave handlers and levels behind."""
    names = (None, "selflearn", "lightning.pytorch", "lightning.fabric")
    before = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in names}
    yield
    for name, (handlers, level) in before.items():
        logger = logging.getLogger(name)
        for handler in [handler for handler in logger.handlers if handler not in handlers]:
            handler.close()
        logger.handlers[:], logger.level = handlers, level


@pytest.fixture
def command(corpora, cache, tmp_path, monkeypatch, capfd, quiet_logs):
    """Runs the program with a command line, as the shell would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SELFLEARN_CORPORA", str(corpora))

    def run(*arguments, program=train.main, shared=(f"paths.cache={cache}", "trainer.progress=false")):
        if program is train.main and not any(line.startswith("experiment=") for line in arguments):
            arguments = ("experiment=sgd_quick", *arguments)  # of the tiny releases; the default simulates
        flags = [line for line in arguments if line.startswith("-")]  # Hydra wants them before the first setting
        settings = [
            *shared,
            *(line for line in arguments if line not in flags),
        ]
        monkeypatch.setattr(sys, "argv", ["train", *flags, *settings])
        try:
            program()
            code = 0
        except SystemExit as stop:
            code = stop.code
        given = [line.removeprefix("paths.output_dir=") for line in arguments if line.startswith("paths.output_dir=")]
        out = capfd.readouterr()
        return Run(code, out.out + out.err, tmp_path / (given[0] if given else "runs"))

    return run


# One optimiser step a stage, on the CPU, without anything beside the model.
ONE_STEP = (
    "debug=fast", "training.epochs=1e-9", "pretraining.token_budget=100000", "baselines=none", "resamples=0",
    "trainer=exact", "logger=none", "pretraining.pool_size=20",
)  # fmt: skip


@pytest.fixture(scope="session")
def one_step():
    return ONE_STEP
