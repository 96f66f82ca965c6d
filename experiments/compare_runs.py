"""Finished runs beside the first of them: ``python -m experiments.compare_runs runs=[A,B]``.

For ablations and sweeps: all on the same test dialogues; what a run differs in names its column, and differences are
paired.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from experiments.app import hydra_main
from experiments.check import ConfigError
from selflearn.evaluation import Results, evaluate, results_markdown, results_table
from selflearn.evaluation.predictions import read_together
from selflearn.evaluation.results import legend
from selflearn.evaluation.results_page import Run
from selflearn.evaluation.run_directory import is_free


@hydra_main("compare_runs")
def main(cfg: DictConfig) -> None:
    """Read the predictions, measure all on the same resamples, and print the table."""
    if len(cfg.runs) < 2:
        raise ConfigError([f"runs has {len(cfg.runs)} directories; expected two or more"])
    runs = [Run.read(Path(directory)) for directory in cfg.runs]
    predictions, ids = read_together([run.directory for run in runs])
    names = ["model", *column_names(runs)]
    systems = {name: systems["model"] for name, systems in zip(names, predictions, strict=True)}
    metrics = evaluate(systems, dialogue_ids=ids, model="model", resamples=cfg.resamples, seed=cfg.seed)
    rows = [(task, name) for task, _, name in (row.partition("/") for row in cfg.metrics)]
    results = Results.from_metrics(metrics).only(rows)
    console = Console()
    console.print(results_table(results, title=f"model: {runs[0].title()}; {len(ids):,} dialogues"))
    if cfg.page is not None:
        Path(cfg.page).write_text(markdown(runs, results, cfg.title), encoding="utf-8")


def column_names(runs: Sequence[Run]) -> list[str]:
    """What each run but the first was told and the first was not; its folder's name where that is nothing.

    A ``/`` cannot stand in a metric's key and becomes a colon; of two equal names the second gets a number.
    """
    told = set(_told(runs[0]))
    names: list[str] = []
    for run in runs[1:]:
        name = ", ".join(word for word in _told(run) if word not in told) or run.directory.name
        name = name.replace("/", ":")
        names.append(name if name not in names else f"{name} {len(names) + 2}")
    return names


def _told(run: Run) -> list[str]:
    """The settings of a command that decide what its model says, the seed among them."""
    words = [word for word in shlex.split(run.command) if "=" in word]
    return [word for word in words if not is_free(word.partition("=")[0]) and not word.startswith("baselines")]


def markdown(runs: Sequence[Run], results: Results, title: str) -> str:
    """The table and the commands of its runs, for the page of results."""
    commands = "\n".join(run.command for run in runs)
    machines: dict[str, list[str]] = {}
    for name, run in zip(["model", *column_names(runs)], runs, strict=True):
        machines.setdefault(run.made_with, []).append(name)
    return "\n".join([
        f"## {title}\n", f"```bash\n{commands}\n```\n",
        "`model` is the first of them, the others are named by what they were told beside it.\n",
        *(f"{', '.join(names)}: {made_with}\n" for made_with, names in machines.items()),
        results_markdown(results) + "\n", " ".join(legend(results)) + "\n",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
