"""Does any single field of a log give a label away? ``python -m experiments.single_fields``."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.app import hydra_main, typed_command
from experiments.datasets import load
from selflearn._replacing import replace_text
from selflearn.evaluation.run_directory import write_json
from selflearn.evaluation.single_fields import (
    fields_markdown,
    said_of_fields,
    said_of_what_follows,
    single_fields,
    what_follows,
)


@hydra_main("single_fields")
def main(cfg: DictConfig) -> None:
    """Score every observed field of the training split alone; the strongest of them are for the page of results."""
    start, console = time.perf_counter(), Console()
    rows, _ = load(cfg, cfg.data.train_split, lambda line: console.print(line, markup=False))
    dialogues = list(rows[: cfg.data.limit])
    scores, together = single_fields(dialogues, seed=cfg.seed), what_follows(dialogues, seed=cfg.seed)
    table = Table("label", "field", "AUC", "known", title=f"One field alone, {cfg.data.train_split}, out of fold")
    for score in scores:
        style = "bold" if score.auc > cfg.allowed else None
        table.add_row(score.label, escape(score.field), f"{score.auc:.3f}", f"{score.known:.0%}", style=style)
    console.print(table)
    console.print(said_of_fields(scores, allowed=cfg.allowed), highlight=False, markup=False)
    said = said_of_what_follows(together) if together else "Nothing follows a turn in this log."
    console.print(said, highlight=False)
    directory = Path(cfg.paths.output_dir)
    write_json(directory / "single_fields.json", {f"{s.label}/{s.field}": asdict(s) for s in scores})
    took = timedelta(seconds=round(time.perf_counter() - start))
    head = f"## What single fields tell\n\n```bash\n{typed_command('single_fields')}  # {took}\n```\n\n"
    page = f"{head}{fields_markdown(scores, allowed=cfg.allowed)}\n\n{said}\n"
    replace_text(directory / "page.md", page)


if __name__ == "__main__":
    main()
