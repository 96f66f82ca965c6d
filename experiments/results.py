"""Bring the page of results up to date from run directories: ``python -m experiments.results``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from experiments.app import hydra_main
from experiments.check import ConfigError, check_lists
from selflearn.evaluation.results import named_rows
from selflearn.evaluation.results_page import write_headline, write_results_page
from selflearn.evaluation.runs import Run

_DEBUG = re.compile(r"(?:^|\s)debug=(?!off\b)")


def finished_runs(root: Path) -> list[Path]:
    """The directories below ``root`` that hold a finished run, in the order of their names.

    It has ``metrics.json`` and ``versions.json``: a run that is still to label its test dialogues has the first alone.

    Raises:
        ValueError: there is no such folder, or no finished run in it.
    """
    files = root.rglob("metrics.json") if root.is_dir() else ()
    found = sorted(file.parent for file in files if (file.parent / "versions.json").is_file())
    if not found:
        where = f"no finished run below {root.resolve()}" if root.is_dir() else f"no folder {root.resolve()}"
        raise ValueError(
            f"{where}: a finished run has metrics.json and versions.json. Run `python -m experiments.train`, or say "
            "where runs are: paths.runs=DIR, or runs=[DIR,...] for single ones"
        )
    return found


def without_debug(directories: Sequence[Path]) -> list[Path]:
    """The runs that were not made with ``debug=...``: cut short, they are no results.

    Raises:
        ValueError: all were.
    """
    kept = [path for path in directories if not _DEBUG.search(Run.read(path).versions["command"])]
    if not kept:
        raise ValueError(
            f"all runs found ({', '.join(map(str, directories))}) were made with debug=..., which cuts them short; "
            "give runs=[DIR,...] to have them on the page nevertheless"
        )
    return kept


@hydra_main("results")
def main(cfg: DictConfig) -> None:
    """Find the runs, put them and the notes on the page, and say what is on it."""
    check_lists(cfg, "runs", "notes", "headline.systems")
    console, page = Console(stderr=True), Path(cfg.output)
    if cfg.runs is None:
        found = finished_runs(Path(cfg.paths.runs))
        directories = without_debug(found)
        if len(directories) < len(found):
            console.print(f"{len(found) - len(directories)} runs of debug=... left out", highlight=False)
    else:
        directories = [Path(directory) for directory in cfg.runs]
    if cfg.headline.file is not None and not directories:
        raise ConfigError(["headline.file is of the first run, and runs is empty; expected runs=[DIR,...]"])
    stayed = write_results_page(directories, page, notes=[Path(file) for file in cfg.notes], main=named_rows(cfg.main))
    for directory in directories:
        console.print(f"{directory}", highlight=False, markup=False)
    console.print(f"{len(directories)} runs are on {page}", highlight=False, markup=False)
    if stayed:
        console.print(f"as they were: {'; '.join(stayed)}", highlight=False, markup=False)
    if cfg.headline.file is not None:
        rows, systems = named_rows(cfg.headline.rows), cfg.headline.systems
        write_headline(directories[0], Path(cfg.headline.file), rows, systems=systems)
        console.print(f"{directories[0]} is in {cfg.headline.file}", highlight=False, markup=False)


if __name__ == "__main__":
    main()
