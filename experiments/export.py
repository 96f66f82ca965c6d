"""Export labelled dialogues: ``python -m experiments.export input=DIR to=label_studio output=DIR mask=true``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from experiments.app import hydra_main
from experiments.build import settings
from experiments.check import ConfigError, check_mappings
from selflearn._limits import Checked
from selflearn.inference.export import Acceptance, Audit, ExportReport, Masker, export_labelled

MASKED_SLOTS = "slots and their kinds: mask_slots={SLOT: NAME}"
"""What ``mask_slots`` holds, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Switches(Checked):
    """Settings that are on or off; a text such as "no" would be taken for a yes."""

    mask: bool
    progress: bool


@hydra_main("export")
def main(cfg: DictConfig) -> None:
    """Read the labelled dialogues, write the files, and say what was done."""
    settings(_Switches, {name: cfg[name] for name in _Switches.__dataclass_fields__})
    check_mappings(cfg, mask_slots=MASKED_SLOTS, accept="tasks and their thresholds: accept={TASK: {threshold: SCORE}}")
    if cfg.mask_slots and not cfg.mask:
        raise ConfigError(["mask_slots is given and mask is false: nothing would be masked; give mask=true"])
    masker = Masker(slots=dict(cfg.mask_slots)) if cfg.mask else None
    accept = acceptance(cfg.accept) if cfg.accept else None  # None: as the labels were accepted
    audit = None if cfg.audit is None else Audit(number=cfg.audit, seed=cfg.seed)
    bar = Progress(
        TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TextColumn("dialogues"), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not cfg.progress,
    )  # fmt: skip
    with bar:
        task = bar.add_task("exporting", total=None)
        report = export_labelled(
            cfg.input, cfg.output, to=cfg.to, accept=accept, audit=audit, masker=masker, cache_dir=cfg.cache,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    Console().print(summary(report))
    for path in report.files:
        bar.console.print(f"written: {path}", highlight=False, soft_wrap=True)


def acceptance(given: DictConfig) -> dict[str, Acceptance]:
    """Threshold and promise by task, from the settings."""
    by_task: Any = OmegaConf.to_container(given, resolve=True)
    found: dict[str, Acceptance] = {}
    for task, fields in by_task.items() if isinstance(by_task, Mapping) else ():
        if not isinstance(fields, Mapping):
            raise ConfigError([f"accept.{task} is {fields!r}; expected {{threshold: SCORE, promise: WORDS}}"])
        found[str(task)] = Acceptance.from_dict(fields, file=f"accept.{task}")
    return found


def summary(report: ExportReport) -> Table:
    """What was written and what was masked, counted."""
    table = Table("what", "number")
    table.columns[1].justify = "right"
    for what, number in report.counts.items():
        table.add_row(f"exported: {what}", f"{number:,}")
    table.add_section()
    for kind, number in sorted(report.masked.items()):
        table.add_row(f"masked: {kind}", f"{number:,}")
    return table


if __name__ == "__main__":
    main()
