"""Read reviews: ``python -m experiments.import_reviews input=FILE tool=label_studio dialogues=DIR output=FILE``.

What people answered in a labelling tool becomes a log with their labels, which ``experiments.certify`` and
``experiments.train`` read.
"""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from experiments.app import hydra_main
from experiments.check import check_lists, check_mappings
from experiments.export import MASKED_SLOTS
from selflearn.inference.export import Masker, ReviewReport, import_reviews


@hydra_main("import_reviews")
def main(cfg: DictConfig) -> None:
    """Read, write, and say what was done."""
    check_mappings(cfg, names="tasks and names: names={TASK: [NAME]}", mask_slots=MASKED_SLOTS)
    check_lists(cfg, *(f"names.{task}" for task in cfg.names))
    given: Any = OmegaConf.to_container(cfg.names, resolve=True)
    names = {str(task): [str(name) for name in own or ()] for task, own in given.items()}
    rater = None if cfg.rater is None else str(cfg.rater)  # Label Studio numbers its users
    report = import_reviews(
        cfg.input, cfg.dialogues, cfg.output, tool=cfg.tool, rater=rater, names=names,
        masker=Masker(slots=dict(cfg.mask_slots)), cache_dir=cfg.cache,
    )  # fmt: skip
    shown = Console()
    shown = Console(width=max(shown.width, 100))  # a row a line, also in a file
    shown.print(tasks_table(report))
    shown.print(counts_table(report))
    said = Console(stderr=True)
    said.print(f"written: {report.output}", highlight=False, soft_wrap=True)
    written, audited = report.counts["dialogues_written"], report.counts.get("dialogues_of_an_audit", 0)
    if audited < written:
        said.print(f"{written - audited:,} of {written:,} dialogues are of no audit: they were chosen, and people saw "
                   "what the model said. experiments.certify refuses them; experiments.export draws an audit "
                   "(audit=NUMBER)", highlight=False)  # fmt: skip
    elif cfg.tool == "argilla":
        said.print("these are single turns, drawn one by one: certify them with audited=items check=0", highlight=False)


def tasks_table(report: ReviewReport) -> Table:
    """What became of the labels, by task."""
    table = Table(
        "task", "labels", "agreed", "changed", "not answered", "added", title="What people said of the labels"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for task, one in sorted(report.tasks.items()):
        numbers = (one.shown, one.agreed, one.changed, one.unanswered, one.added)
        table.add_row(task, *(f"{number:,}" for number in numbers))
    return table


def counts_table(report: ReviewReport) -> Table:
    """What was read and written, and what was left out."""
    table = Table("what", "number")
    table.columns[1].justify = "right"
    for rater, number in sorted(report.raters.items()):
        table.add_row(f"dialogues labelled by {rater}", f"{number:,}")
    table.add_section()
    for what, number in report.counts.items():
        table.add_row(what.replace("_", " ").replace("read/", "read: "), f"{number:,}")
    return table


if __name__ == "__main__":
    main()
