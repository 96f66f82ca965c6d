"""How often certified thresholds break their promise, what they accept: ``python -m experiments.certify_draws``."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from experiments.app import changed_settings, hydra_main
from experiments.check import ConfigError
from selflearn._replacing import replace_text
from selflearn.evaluation.results_page import put_between_marks
from selflearn.evaluation.run_directory import write_json
from selflearn.trust.draws import repeat_audits
from selflearn.trust.populations import POPULATIONS
from selflearn.trust.wording import at_least_percent, at_most_percent

HEADINGS = ("population", "audit", "method", "broken", "allowed", "accepted", "peer", "best", "nothing")

LEGEND = """

broken: audits after which more than that is wrong among what is accepted; allowed: what chance makes of such a promise,
at most. peer: the share accepted by the best comparable method of a simulation of the same design made elsewhere; best:
by who knows the truth. undeclared: whole dialogues that are taken for single items. users: all items of so many people,
most of whom have one or two and a few 200.
"""


@hydra_main("certify_draws")
def main(cfg: DictConfig) -> None:
    """Repeat the audits of the config and print what they came to."""
    start, console = time.perf_counter(), Console()
    console = Console(width=max(console.width, 120))  # a row a line, also in a file
    sure, wrong = at_least_percent(cfg.confidence), at_most_percent(cfg.target_error)
    title = f"{cfg.draws:,} audits each; at most {wrong} wrong, with {sure} confidence"
    table = Table(*HEADINGS, title=title)
    lines = [f"| {' | '.join(HEADINGS)} |", "| --- | --- | --- |" + " ---: |" * 6]
    found: dict[str, dict[str, float]] = {}
    rows = [row for row in cfg.rows if cfg.population in (None, row.population)]
    if not rows:
        known = ", ".join(dict.fromkeys(row.population for row in cfg.rows))
        raise ConfigError([f"population is {cfg.population!r}; expected one of {known}, or null (all rows)"])
    for row in rows:
        cap = row.get("max_items")
        method = row.method if cap is None else f"{row.method}, {cap} a dialogue"
        result = repeat_audits(
            POPULATIONS[row.population], audit=row.audit, design=row.design, method=row.method, max_items=cap,
            target_error=cfg.target_error, confidence=cfg.confidence, draws=cfg.draws, seed=cfg.seed,
        )  # fmt: skip
        found[f"{row.population}/{row.audit} {row.design}/{method}"] = asdict(result)
        cells = (
            row.population, f"{row.audit:,} {row.design}", method, f"{result.broken:,}", f"{result.allowed:,}",
            f"{result.accepted:.1%}", "" if row.get("peer") is None else f"{row.peer:.0%}", f"{result.best:.0%}",
            f"{result.nothing:.1%}",
        )  # fmt: skip
        table.add_row(*cells, style="red" if result.broken > result.allowed else None)
        lines.append(f"| {' | '.join(cells)} |")
    console.print(table)
    directory = Path(cfg.paths.output_dir)
    write_json(directory / "certify_draws.json", found)
    if cfg.headline.file is not None:
        put_between_marks(Path(cfg.headline.file), cfg.headline.mark, "\n".join(lines))
    took = timedelta(seconds=round(time.perf_counter() - start))
    changed = changed_settings(cfg, "certify_draws", without=["paths", "rows", "headline"])
    command = f"{' '.join(['python -m experiments.certify_draws', *changed])}  # {took}"
    head = f"## How often a promise is broken\n\n```bash\n{command}\n```\n\n{title}.\n\n"
    replace_text(directory / "page.md", head + "\n".join(lines) + LEGEND)


if __name__ == "__main__":
    main()
