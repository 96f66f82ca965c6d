"""Finished runs beside the first of them: ``python -m experiments.compare_runs runs=[A,B]``.

For ablations and sweeps: all on the same test dialogues; what a run differs in names it, and differences are paired.
The seeds of one experiment are one column, of their means. Baselines of the first column can stand beside them.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from experiments.app import hydra_main
from experiments.check import ConfigError, check_lists, check_page
from selflearn._replacing import replace_text
from selflearn.evaluation import (
    Results,
    evaluate,
    results_markdown,
    results_table,
    systems_markdown,
    systems_table,
    values_markdown,
)
from selflearn.evaluation.results import legend, named_rows
from selflearn.evaluation.results_page import put_between_marks
from selflearn.evaluation.run_directory import is_free
from selflearn.evaluation.runs import Run
from selflearn.evaluation.seeds import columns_of, read_columns, without_differing_slices

HEADLINE = "↑ higher is better, ↓ lower is better; intervals and paired differences are on the page of results."

LINES = {"metrics": (results_markdown, results_table), "runs": (systems_markdown, systems_table)}
"""What a line of the table is, with how it is shown on a page and on a terminal."""


@hydra_main("compare_runs")
def main(cfg: DictConfig) -> None:
    """Read the predictions, measure all on the same resamples, and print the table."""
    check_lists(cfg, "runs")
    given = [str(name) for name in cfg.names]  # numbers are names too: of labels, of layers
    if len(cfg.runs) < 2:
        raise ConfigError([f"runs has {len(cfg.runs)} directories; expected two or more"])
    taken = ["model", *cfg.beside]
    if twice := [name for at, name in enumerate(given) if at and name in (*taken, *given[1:at])]:
        raise ConfigError([f"names calls a run {twice[0]!r}, as another column is called; expected a name for each"])
    if cfg.lines not in LINES:
        raise ConfigError([f"lines is {cfg.lines!r}; expected {' or '.join(LINES)}"])
    check_page(cfg.page)
    in_markdown, in_terminal = LINES[cfg.lines]
    columns = columns_of([Run.read(Path(directory)) for directory in cfg.runs])
    if given and len(given) != len(columns):
        many = f"{len(columns)} columns of {len(cfg.runs)} runs (seeds of one experiment are one column)"
        raise ConfigError([f"names has {len(given)} entries for {many}; expected one for each, or []"])
    firsts = [column[0] for column in columns]
    names = ["model", *(given[1:] or column_names(firsts, taken=cfg.beside))]
    (first, *others), differing = without_differing_slices(
        read_columns([[run.directory for run in column] for column in columns])
    )
    say_differing(differing)
    if missing := [name for name in cfg.beside if name not in first.systems]:
        has = ", ".join(name for name in first.systems if name != "model") or "none"
        raise ConfigError([f"{firsts[0].directory} has no baseline {missing[0]!r}; it has {has}"])
    systems = {name: column.systems["model"] for name, column in zip(names, [first, *others], strict=True)}
    systems |= {name: first.systems[name] for name in cfg.beside}
    ids = first.dialogue_ids
    metrics = evaluate(systems, dialogue_ids=ids, owners=first.owners, model="model",
                       resamples=cfg.resamples, seed=cfg.seed)  # fmt: skip
    rows = named_rows(cfg.metrics)
    measured = Results.from_metrics(metrics)
    results = measured.only(rows)
    if not results.rows():
        has = ", ".join("/".join(row) for row in measured.rows())
        raise ConfigError([f"metrics: none of {', '.join(cfg.metrics)} is measured in these runs; they have {has}"])
    shown = Console()
    console = Console(width=max(shown.width, 120))  # a row a line, also in a file
    console.print(in_terminal(results, title=f"model: {firsts[0].title()}; {len(ids):,} dialogues"))
    if cfg.page is not None:
        said = in_markdown(results) + "\n\n" + " ".join(legend(results))
        replace_text(Path(cfg.page), section(columns, names, said, title=cfg.title, baselines=cfg.beside))
    if cfg.headline.file is not None:
        values = values_markdown(results, names={"model": given[0]} if given else None)
        put_between_marks(Path(cfg.headline.file), cfg.headline.mark, f"{values}\n\n{HEADLINE}")


def say_differing(slices: Sequence[str]) -> None:
    """Tell which slices are left out of a comparison, where some are."""
    if slices:
        said = f"left out, as the runs have other items in them: {', '.join(slices)}"
        Console(stderr=True).print(said, highlight=False, markup=False)


def column_names(runs: Sequence[Run], *, taken: Sequence[str] = ()) -> list[str]:
    """What each run but the first was told and the first was not; where that is nothing it is called like its folder.

    A ``/`` cannot stand in a metric's key and becomes a colon; a name that is taken, or that another run has, gets a
    number.
    """
    told = set(_told(runs[0]))
    names: list[str] = []
    for run in runs[1:]:
        name = ", ".join(word for word in _told(run) if word not in told) or run.directory.name
        name = name.replace("/", ":")
        names.append(name if name not in ("model", *taken, *names) else f"{name} {len(names) + 2}")
    return names


def _told(run: Run) -> list[str]:
    """The settings of a command that decide what its model says, the seed among them."""
    words = [word for word in shlex.split(run.command) if "=" in word]
    return [word for word in words if not is_free(word.partition("=")[0]) and not word.startswith("baselines")]


def section(
    columns: Sequence[Sequence[Run]], names: Sequence[str], table: str, *, title: str, baselines: Sequence[str]
) -> str:
    """The table and the commands of its runs, for the page of results."""
    commands = "\n".join(run.command for column in columns for run in column)
    machines: dict[str, dict[str, None]] = {}
    for name, run in ((name, run) for name, column in zip(names, columns, strict=True) for run in column):
        machines.setdefault(run.made_with, {})[name] = None
    said = ["`model` is the first of them, the others are named by what they were told beside it."]
    if any(len(column) > 1 for column in columns):
        said = [*said[: len(columns) - 1], "The seeds of one experiment are one column."]
    if baselines:
        said.append(f"The baselines are those of the first command: {', '.join(baselines)}.")
    return "\n".join([
        f"## {title}\n", f"```bash\n{commands}\n```\n", f"{' '.join(said)}\n",
        *(f"{', '.join(names)}: {made_with}\n" if len(machines) > 1 else f"{made_with}\n"
          for made_with, names in machines.items()),
        f"{table}\n",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
