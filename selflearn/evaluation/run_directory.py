"""The directory of a run: what was asked, with what, what came out."""

from __future__ import annotations

import json
import logging
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml  # type: ignore[import-untyped]

from selflearn._replacing import replace_text
from selflearn.corpora.lock import LOCK

_PACKAGES = ("torch", "transformers", "datasets", "lightning", "scikit-learn", "selflearn")


def write_json(file: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file; it appears whole or not at all."""
    replace_text(file, json.dumps(data, indent=2, default=str) + "\n")


FREE = (
    "paths", "logger", "hydra", "trainer.progress", "label", "label_most", "training.workers", "data.simulate.workers"
)  # fmt: skip
"""Settings that say where a run is written, what is seen of it meanwhile or shown of it, and how many processes make
its dialogues and batches: not what comes out."""


SETTINGS = frozenset({"baselines", "data", "model", "pretraining", "supervision", "tasks", "training"})
"""Groups of settings that the ``config.yaml`` of every run has: what has not all of them is somebody else's."""

DATA = "data.json"
"""File with what the dialogues of each split were."""

BEFORE_TRAINING = frozenset({"config.yaml", "log.txt", DATA, "page.signals.md"})
"""What a run writes before anything is trained: where nothing else is, other settings spoil nothing."""


def claim(directory: Path, config_yaml: str, *, resume: bool) -> None:
    """Make the directory ours: a run goes on in it only with the same settings.

    The settings of :data:`FREE` may change, and so may the baselines, which are measured one by one: more of them can
    be asked of a finished run. So may the place of the corpus: :func:`claim_data` sees that its dialogues are the same.
    A run that did not get to train is no run.

    Args:
        directory: of the run.
        config_yaml: its settings.
        resume: whether to go on with what is there; otherwise a run that is there is removed.

    Raises:
        ValueError: another run, with other settings, is in the directory; or it holds something else.
    """
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "config.yaml"
    names = sorted(path.name for path in directory.iterdir() if not path.name.startswith("."))  # a lock among them
    held = [name for name in names if name not in ("config.yaml", "log.txt")]
    trained = not BEFORE_TRAINING.issuperset(names)
    said = file.read_text("utf-8") if file.is_file() else ""
    if (held or file.is_file()) and not _read(said).keys() >= SETTINGS:
        raise ValueError(
            f"{directory} holds {', '.join(held[:5]) or file.name}, and no run; nothing was changed in it. Expected a "
            "folder that is new, or empty (paths.output_dir=...)"
        )
    old, new = _settings(said), _settings(config_yaml)
    if resume and trained and old and old != new:
        changed = [line.strip() for line in new if line not in old] or [line.strip() for line in old if line not in new]
        raise ValueError(
            f"{directory} holds a run with other settings ({'; '.join(changed[:3])}). Take another directory "
            "(paths.output_dir=...), or training.resume=never to start anew in this one."
        )
    if not resume:
        for path in (path for path in directory.iterdir() if path.name != LOCK):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if not (resume and trained):
        (directory / DATA).unlink(missing_ok=True)
        replace_text(file, config_yaml)


def claim_data(directory: Path, config_yaml: str, fingerprints: Mapping[str, str]) -> None:
    """See that a run goes on with the dialogues that it began with, whose files may have been written anew since.

    Args:
        directory: of the run, claimed.
        config_yaml: its settings, which are written where the dialogues are the same.
        fingerprints: of the dialogues of each split, of what they are and not of where they lie.

    Raises:
        ValueError: they are others; nothing of the run was changed.
    """
    check_data(directory, fingerprints, instead="Take another directory (paths.output_dir=...), or "
               "training.resume=never to start anew in this one.")  # fmt: skip
    write_json(directory / DATA, {**read_data(directory), **fingerprints})
    replace_text(directory / "config.yaml", config_yaml)


def check_data(directory: Path, fingerprints: Mapping[str, str], *, instead: str) -> None:
    """See that dialogues are those that a run was made of.

    Args:
        directory: of the run.
        fingerprints: of the dialogues of each split.
        instead: what to do where they are not; ends the message.

    Raises:
        ValueError: they are others.
    """
    before = read_data(directory)
    if changed := [split for split, found in fingerprints.items() if before.get(split, found) != found]:
        raise ValueError(
            f"the dialogues of the split {' and of '.join(changed)} are not those that the run in {directory} was made "
            f"of: their files, or how they are read, have changed since. {instead}"
        )


def read_data(directory: Path) -> dict[str, str]:
    """Fingerprints of the dialogues of each split of a run; nothing of one that has not read any."""
    file = directory / DATA
    return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}


def without_free(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that decide the outcome."""

    def decisive(node: Mapping[str, Any], place: str) -> dict[str, Any]:
        return {
            key: decisive(value, f"{place}{key}.") if isinstance(value, Mapping) else value
            for key, value in node.items()
            if f"{place}{key}" not in FREE
        }

    return decisive(config, "")


def is_free(key: str) -> bool:
    """Whether a key with dots, as it is typed, belongs to :data:`FREE`."""
    return key in FREE or key.partition(".")[0] in FREE


def _settings(config_yaml: str) -> list[str]:
    """Lines of the settings that decide what a system says."""
    decisive = without_free(_read(config_yaml))
    decisive.pop("baselines", None)
    if isinstance(data := decisive.get("data"), Mapping):
        decisive["data"] = {key: value for key, value in data.items() if key != "root"}
    return str(yaml.safe_dump(decisive, sort_keys=True)).splitlines()


def _read(config_yaml: str) -> Mapping[str, Any]:
    """The settings; none where the file holds something else."""
    try:
        said = yaml.safe_load(config_yaml)
    except yaml.YAMLError:
        said = None
    return said if isinstance(said, Mapping) else {}


def versions(command: str, seconds: float, systems: Mapping[str, str]) -> dict[str, Any]:
    """What the run was made with, for ``versions.json``.

    Args:
        command: as typed.
        seconds: of the last call.
        systems: :func:`machine` by system, as it was where that one was trained: a run may go on elsewhere.
    """
    found = {package: version(package) for package in _PACKAGES}
    elsewhere = {name: where for name, where in systems.items() if where != machine()}
    return {"command": command, "seconds": round(seconds, 1), "python": platform.python_version(), **found,
            "device": device()} | ({"elsewhere": elsewhere} if elsewhere else {})  # fmt: skip


def device() -> str:
    """What this process computes on."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    return f"CPU ({torch.backends.cpu.get_cpu_capability()}), {torch.get_num_threads()} threads"


def machine() -> str:
    """The device with the version of torch on it: what the digits of a system depend on."""
    return f"{device()}, torch {version('torch')}"


@contextmanager
def logged_to(file: Path) -> Iterator[None]:
    """Meanwhile the library's log messages go to a file as well."""
    logger = logging.getLogger("selflearn")
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        with _handled_by(logging.FileHandler(file), "%(asctime)s %(levelname)s %(name)s: %(message)s"):
            yield
    finally:
        logger.setLevel(before)


@contextmanager
def warnings_shown() -> Iterator[None]:
    """Meanwhile the library's warnings go to the terminal as well: what is left out has to be seen, not looked for."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    with _handled_by(handler, "%(message)s"):
        yield


@contextmanager
def _handled_by(handler: logging.Handler, form: str) -> Iterator[None]:
    handler.setFormatter(logging.Formatter(form))
    logger = logging.getLogger("selflearn")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
