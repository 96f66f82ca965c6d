"""A finished run as its directory tells it: what was asked, with what, and what came out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from selflearn.evaluation.run_directory import is_free, read_data, without_free


class RunDirectoryError(ValueError):
    """A run directory lacks something: says which file, what is wrong, and what to do."""

    def __init__(self, file: Path, problem: str, expected: str) -> None:
        self.file, self.problem, self.expected = file, problem, expected
        super().__init__(f"{file}: {problem}; expected {expected}")

    def __reduce__(self) -> tuple[type[RunDirectoryError], tuple[Path, str, str]]:
        """Keep the fields across processes."""
        return RunDirectoryError, (self.file, self.problem, self.expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run: the three files that say what was run, with what, and what came out.

    Attributes:
        directory: of the run.
        metrics: flat, from ``metrics.json``.
        config: resolved, from ``config.yaml``.
        versions: from ``versions.json``; holds at least ``command``.
        data: what the dialogues of each split were, from ``data.json``; empty where that does not say it.
    """

    directory: Path
    metrics: Mapping[str, float]
    config: Mapping[str, Any]
    versions: Mapping[str, Any]
    data: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> Run:
        """Read a run directory.

        Raises:
            RunDirectoryError: a file is missing, cannot be read, or lacks a key; names it.
        """
        if not directory.is_dir():
            raise RunDirectoryError(directory, "no such directory", "the directory of a run")
        metrics = _read(directory / "metrics.json")
        for key, value in metrics.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise RunDirectoryError(directory / "metrics.json", f"{key!r} is {value!r}", "a number for each key")
        versions = _read(directory / "versions.json")
        if not isinstance(versions.get("command"), str):
            found = ", ".join(versions) or "nothing"
            raise RunDirectoryError(
                directory / "versions.json", f"no 'command' (it has {found})", "the command as typed"
            )
        config, data = _read(directory / "config.yaml"), read_data(directory)
        return cls(directory=directory, metrics=metrics, config=config, versions=versions, data=data)

    @property
    def seconds(self) -> float:
        """Wall time of the whole run: the sum of ``time/<stage>_seconds``, else ``seconds`` in ``versions.json``.

        The stages count what an earlier call did too, where a run was resumed; ``seconds`` is of the last call.

        Raises:
            RunDirectoryError: neither is there.
        """
        times = {key: v for key, v in self.metrics.items() if key.startswith("time/") and key.endswith("_seconds")}
        stages = [seconds for key, seconds in times.items() if key != "time/total_seconds"]
        if not stages and "seconds" in self.versions:
            return float(self.versions["seconds"])
        if not stages:
            file = self.directory / "versions.json"
            raise RunDirectoryError(
                file, "no 'seconds', and metrics.json has no time/<stage>_seconds", "one of the two"
            )
        return sum(stages)

    @property
    def command(self) -> str:
        """The command without the free settings: those are places of one machine."""
        words = shlex.split(self.versions["command"])
        return shlex.join(word for word in words if "=" not in word or not is_free(word.partition("=")[0]))

    @property
    def made_with(self) -> str:
        """Versions and device, and where else which system was trained."""
        told = ("command", "seconds", "elsewhere")
        shown = [f"{key} {value}" for key, value in self.versions.items() if key not in told]
        elsewhere = [f"{name}: {where}" for name, where in self.versions.get("elsewhere", {}).items()]
        return ", ".join(shown) + "." + (f" Trained elsewhere: {'; '.join(elsewhere)}." if elsewhere else "")

    def added(self) -> list[str]:
        """Markdown that later commands on the run have left in ``page.*.md``, in the order of the file names."""
        return [file.read_text(encoding="utf-8") for file in sorted(self.directory.glob("page.*.md"))]

    def experiment(self) -> str:
        """What was trained whatever the seed, the baselines and the place: equal for the seeds of one experiment.

        The seed of a simulated log is another: that log has other people.
        """
        config = {key: value for key, value in without_free(self.config).items() if key not in ("seed", "baselines")}
        if self.data and isinstance(data := config.get("data"), Mapping):
            config["data"] = {**data, "root": self.data}  # one corpus at two places is one
        return json.dumps(config, sort_keys=True, default=str)

    def title(self, *, without: str | None = None) -> str:
        """The overrides of the command, without seed and places: ``sgd_quick, model.dialogue.layers=0``.

        Args:
            without: a setting that is left out, with all below it.
        """
        words = [word for word in shlex.split(self.versions["command"]) if "=" in word and not word.startswith("-")]
        said = dict(word.split("=", 1) for word in words)
        name = said.pop("experiment", None)
        shown = [k for k in said if k != "seed" and not is_free(k)]
        rest = [f"{k}={said[k]}" for k in shown if without is None or not f"{k.lstrip('+')}.".startswith(f"{without}.")]
        return ", ".join([name, *rest] if name else rest) or self.directory.name


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise RunDirectoryError(file, "no such file", "a finished run, which has it")
    try:
        text = file.read_text(encoding="utf-8")
        content = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise RunDirectoryError(
            file, f"cannot be read ({' '.join(str(error).split())})", f"valid {file.suffix[1:].upper()}"
        ) from None
    if not isinstance(content, dict):
        raise RunDirectoryError(file, f"holds {type(content).__name__}", "keys and values")
    return content
