"""Logs beside each other, simulated and real, in one table and figure: ``python -m experiments.compare_logs``.

Below them stands how far the annotators of the simulated log agree.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.app import hydra_main, typed_command
from experiments.datasets import checked_root, say_dropped
from experiments.simulate import RATED, agreement, whole_number, written_log
from selflearn._replacing import replace_text
from selflearn.corpora import ReadReport, iter_dialogues
from selflearn.evaluation.log_statistics import (
    LogStatistics,
    describe,
    log_statistics,
    sample_sizes,
    statistics_curves,
    statistics_markdown,
)
from selflearn.evaluation.run_directory import write_json
from selflearn.reports.figures import curve_figure
from selflearn.simulation.summary import Summary

KEYS = ("name", "corpus", "root", "split")


@hydra_main("compare_logs")
def main(cfg: DictConfig) -> None:
    """Count the logs of the config; print the table, write it, the figures of each log, the figure, and a section."""
    start = time.perf_counter()
    logs: dict[str, LogStatistics] = {}
    annotated = ""
    console = Console(stderr=True)
    for log in cfg.logs:
        lacking = [key for key in KEYS if key not in log]
        if lacking:
            raise ValueError(f"the log {dict(log)} has no {lacking[0]!r}; expected {', '.join(KEYS)}, and may be limit "
                             "and options of the corpus")  # fmt: skip
        if log.name in logs:
            raise ValueError(f"two logs are called {log.name!r}; expected a name of its own for each")
        root, report = checked_root(log.corpus, log.root), ReadReport(log.corpus, log.split)
        if log.root == cfg.data.root and cfg.data.get("simulate") is not None:
            summary = written_log(cfg.data.simulate, root, Console(stderr=True, quiet=not cfg.trainer.progress))
            annotated = annotators_markdown(log.name, summary, agreement(root)) if summary.asked else ""
        options: Any = OmegaConf.to_container(log, resolve=True)
        limit = options.get("limit")
        if limit is not None and whole_number(f"limit of {log.name}", limit) < 1:
            raise ValueError(f"limit of {log.name} is {limit}; expected 1 or more, or null for all dialogues")
        of_corpus = {name: value for name, value in options.items() if name not in (*KEYS, "limit")}
        dialogues = iter_dialogues(log.corpus, root, log.split, report=report, **of_corpus)
        logs[log.name] = log_statistics(islice(dialogues, limit))
        say_dropped(report, lambda line: console.print(line, markup=False))
    table, (requests, words) = statistics_markdown(logs), sample_sizes(logs.values())
    took = timedelta(seconds=round(time.perf_counter() - start))
    directory = Path(cfg.paths.output_dir)
    figures = {name: describe(log, requests=requests, words=words) for name, log in logs.items()}
    write_json(directory / "logs.json", {f"{name}/{key}": n for name, row in figures.items() for key, n in row.items()})
    replace_text(directory / "logs.md", table)
    replace_text(directory / "logs.svg", curve_figure(statistics_curves(logs)))
    replace_text(directory / "page.md", section(table, annotated, took))
    print(table, annotated, sep="\n")
    console.print(f"table and figure are in {directory}", highlight=False)


def annotators_markdown(name: str, summary: Summary, kappas: Mapping[str, float]) -> str:
    """How far the three annotators agree who make the gold of a simulated log."""
    rows = [
        f"| {question.replace('_', ' ')} | {asked:,} | {summary.disputed[question] / asked:.1%} | "
        f"{f'{kappas[question]:.3f}' if question in kappas else ''} |"
        for question, asked in sorted(summary.asked.items())
    ]
    return "\n".join([
        f"The three annotators who make a gold of {name}, on the dialogues that do not train:\n",
        "| question | asked | disputed | Fleiss' kappa |", "| --- | ---: | ---: | ---: |", *rows,
        f"\nDisputed: the three do not all agree; a gold of their agreement drops it. Kappa: of the first {RATED:,} "
        "dialogues, where answers are picked from a list.\n",
    ])  # fmt: skip


def section(table: str, annotated: str, took: timedelta) -> str:
    """Command, tables and figure for the page of results, which copies the figure beside itself."""
    return (
        f"## Simulated and real logs beside each other\n\n```bash\n{typed_command('compare_logs')}  # {took}\n```\n\n"
        f"{table}\n{annotated}\n![How turns, gaps and requests are distributed in each log](logs.svg)\n"
    )


if __name__ == "__main__":
    main()
