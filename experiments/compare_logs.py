"""Logs beside each other, simulated and real, in one table and figure: ``python -m experiments.compare_logs``."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import islice
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from experiments.app import hydra_main, typed_command
from experiments.datasets import checked_root, say_dropped
from experiments.simulate import written_log
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

KEYS = ("name", "corpus", "root", "split")


@hydra_main("compare_logs")
def main(cfg: DictConfig) -> None:
    """Count the logs of the config; print the table, write it, the figures of each log, the figure, and a section."""
    start = time.perf_counter()
    logs: dict[str, LogStatistics] = {}
    console = Console(stderr=True)
    for log in cfg.logs:
        lacking = [key for key in KEYS if key not in log]
        if lacking:
            raise ValueError(f"the log {dict(log)} has no {lacking[0]!r}; expected {', '.join(KEYS)}, and may be limit")
        if log.name in logs:
            raise ValueError(f"two logs are called {log.name!r}; expected a name of its own for each")
        root, report = checked_root(log.corpus, log.root), ReadReport(log.corpus, log.split)
        if log.root == cfg.data.root:
            written_log(cfg.data.simulate, root, Console(stderr=True, quiet=not cfg.trainer.progress))
        dialogues = iter_dialogues(log.corpus, root, log.split, report=report)
        logs[log.name] = log_statistics(islice(dialogues, log.get("limit")))
        say_dropped(report, console.print)
    table, (requests, words) = statistics_markdown(logs), sample_sizes(logs.values())
    directory = Path(cfg.paths.output_dir)
    directory.mkdir(parents=True, exist_ok=True)
    figures = {name: describe(log, requests=requests, words=words) for name, log in logs.items()}
    write_json(directory / "logs.json", {f"{name}/{key}": n for name, row in figures.items() for key, n in row.items()})
    (directory / "logs.md").write_text(table, encoding="utf-8")
    (directory / "logs.svg").write_text(curve_figure(statistics_curves(logs)), encoding="utf-8")
    (directory / "page.md").write_text(section(table, timedelta(seconds=round(time.perf_counter() - start))), "utf-8")
    print(table)
    console.print(f"table and figure are in {directory}", highlight=False)


def section(table: str, took: timedelta) -> str:
    """Command, table and figure for the page of results, which copies the figure beside itself."""
    return (
        f"## Simulated and real logs beside each other\n\n```bash\n{typed_command('compare_logs')}  # {took}\n```\n\n"
        f"{table}\n![How turns, gaps and requests are distributed in each log](logs.svg)\n"
    )


if __name__ == "__main__":
    main()
