"""Label dialogues with a trained model: ``python -m experiments.label labeler=DIR input=FILE paths.output_dir=DIR``."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from transformers.utils import logging as transformers_logging

from experiments.app import changed_settings, hydra_main
from experiments.build import settings
from experiments.check import check_columns, check_page
from selflearn._limits import Checked, Count, Index
from selflearn._replacing import replace_text
from selflearn.batching.rows import DialogueRows
from selflearn.batching.texts import OnOverflow
from selflearn.corpora import ReadReport, load_dialogues
from selflearn.evaluation.run_directory import device, warnings_shown
from selflearn.inference import Labeler, LabellingPlan, LabellingReport, Person, label_file, pace_lines, plan_file
from selflearn.reports import write_labelling_report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings(Checked):
    """Of the labelling; else a text would be found out when all is read, or taken for a yes."""

    format: Literal["parquet", "jsonl"]
    shard_size: Count
    on_overflow: OnOverflow
    bf16: bool
    token_budget: Count
    report: bool
    report_dialogues: Index
    plan: bool
    progress: bool


@hydra_main("label")
def main(cfg: DictConfig) -> None:
    """Load the model, label the input, and say what was done."""
    with warnings_shown():
        label(cfg)


def label(cfg: DictConfig) -> None:
    """Label the input, or plan to."""
    check_page(cfg.page)
    settings(_Settings, {name: cfg[name] for name in _Settings.__dataclass_fields__})
    check_columns(cfg)
    person = None if cfg.person is None else settings(Person, cfg.person, "person")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    labeler = Labeler.from_pretrained(
        cfg.labeler, device=cfg.device, on_overflow=cfg.on_overflow, token_budget=cfg.token_budget, bf16=cfg.bf16,
        recordings=cfg.recordings,
    )  # fmt: skip
    columns = OmegaConf.to_container(cfg.columns, resolve=True)
    options = {"columns": columns} if columns else {}
    if cfg.plan:
        plan = plan_file(
            labeler, cfg.input, shard_size=cfg.shard_size, corpus=cfg.corpus, split=cfg.split, cache_dir=cfg.cache,
            **options,
        )  # fmt: skip
        Console().print(plan_table(plan))
        return
    gc.freeze()  # libraries and model stay: Python need not search them for garbage again and again
    bar = Progress(
        TextColumn("labelling"), BarColumn(), MofNCompleteColumn(), TextColumn("dialogues"), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not cfg.progress, speed_estimate_period=600,  # on a CPU steps are long
    )  # fmt: skip
    with bar:
        task = bar.add_task("labelling", total=None)
        report = label_file(
            labeler, cfg.input, cfg.paths.output_dir, format=cfg.format, shard_size=cfg.shard_size, corpus=cfg.corpus,
            split=cfg.split, cache_dir=cfg.cache,
            progress=lambda done, total: bar.update(task, completed=done, total=total), **options,
        )  # fmt: skip
    pace = pace_lines(report.pace, person) if report.pace is not None else []
    Console().print(summary(report, pace))
    bar.console.print(f"labelled dialogues: {report.dialogues}\ntable of labels: {report.labels}\ngoal records: "
                      f"{report.goals}", highlight=False)  # fmt: skip
    if cfg.report:
        bar.console.print(f"page to read: {write_report(cfg, report, pace, options)}", highlight=False, soft_wrap=True)
    if cfg.page is not None:
        replace_text(Path(cfg.page), markdown(cfg, pace))
    if not labeler.promises:
        bar.console.print("nothing is promised of these labels: certify the model on dialogues that people have "
                          "labelled (python -m experiments.certify)", highlight=False)  # fmt: skip


def plan_table(plan: LabellingPlan) -> Table:
    """What would be read and how long it would take."""
    table = counted(plan.read, plan.counts, "to label", title="Nothing was written: plan=true")
    table.add_section()
    table.add_row("files of labelled dialogues", f"{plan.parts:,}")
    table.add_row(f"time (h:mm:ss), by {plan.tried} dialogues", str(timedelta(seconds=round(plan.seconds))))
    return table


def write_report(
    cfg: DictConfig, report: LabellingReport, pace: Sequence[tuple[str, str]], options: Mapping[str, Any]
) -> Path:
    """The page of the labelling; where people have labelled the input, the model is measured by them."""
    where: dict[str, Any] = {"root": cfg.input, "split": cfg.split, "cache_dir": cfg.cache, **options}
    counts = {f"read: {event}": number for event, number in report.read.counts.items()} | dict(report.counts)
    gold = DialogueRows(load_dialogues(cfg.corpus, **where))
    return write_labelling_report(
        cfg.paths.output_dir, counts=counts, pace=pace, gold=gold, most=cfg.report_dialogues, cache_dir=cfg.cache
    )  # fmt: skip


def markdown(cfg: DictConfig, pace: Sequence[tuple[str, str]]) -> str:
    """How fast it was, for the page of results; without the places of one machine."""
    places = ["paths", "page", "cache", "progress", "labeler"]
    told = changed_settings(cfg, "label", without=places)
    words = ["python -m experiments.label", "labeler=DIR/model", "paths.output_dir=DIR/labelled", *told]
    lines = [
        "## How fast labels are made\n",
        f"```bash\n{' '.join(words)}\n```\n",
        f"{device()}.\n",
        "| | |",
        "| --- | ---: |",
    ]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in pace)]) + "\n"


def summary(report: LabellingReport, pace: Sequence[tuple[str, str]]) -> Table:
    """What was read and what was labelled, and how fast."""
    table = counted(report.read, report.counts, "labelled")
    table.add_section()
    for name, value in pace:
        table.add_row(name, value)
    return table


def counted(read: ReadReport, counts: Mapping[str, int], done: str, *, title: str | None = None) -> Table:
    """What the reader of the input joined, left out and did not map, and what is labelled of it."""
    table = Table("what", "number", title=title)
    table.columns[1].justify = "right"
    for event, number in read.counts.items():
        places = ", ".join(read.examples.get(event, ()))
        table.add_row(f"read: {event}" + (f" ({places})" if places else ""), f"{number:,}")
    table.add_section()
    for what, number in counts.items():
        table.add_row(f"{done}: {what}", f"{number:,}")
    return table


if __name__ == "__main__":
    main()
