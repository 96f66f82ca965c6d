"""How fast is the simulation, and does its memory grow? ``python -m experiments.benchmark_simulation``."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from experiments.app import hydra_main
from experiments.check import ConfigError
from experiments.simulate import whole_number
from selflearn.evaluation.run_directory import device, write_json

LARGE = 1_000_000
"""Dialogues whose time is estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One call of ``experiments.simulate``: seconds with start and training, and the memory of its largest process."""

    dialogues: int
    turns: int
    seconds: float
    peak_mib: float


@hydra_main("benchmark_simulation")
def main(cfg: DictConfig) -> None:
    """Simulate each size in a process of its own, and print what it took.

    Raises:
        ValueError: there are not two sizes that grow, or they are so small that their time does not.
    """
    sizes = [whole_number("sizes", size) for size in cfg.sizes]
    if len(sizes) < 2 or sizes != sorted(set(sizes)):
        raise ValueError(f"sizes is {sizes}; expected two or more, each larger than the one before")
    if cfg.output is not None:
        if Path(cfg.output).is_dir():
            raise ConfigError([f"output is {cfg.output}, a folder; expected a file for the figures"])
        Path(cfg.output).parent.mkdir(parents=True, exist_ok=True)  # before the minutes of work
    found = [measured(cfg, size) for size in sizes]
    first, last = found[0], found[-1]
    if last.seconds <= first.seconds or last.turns <= first.turns:
        raise ValueError(
            f"{last.dialogues:,} dialogues took {last.seconds:.1f} s and {first.dialogues:,} took {first.seconds:.1f} "
            "s, start and training included, which says nothing of the rate; take sizes that are farther apart"
        )
    rate = (last.turns - first.turns) / (last.seconds - first.seconds)
    hours = (last.seconds + (LARGE - last.dialogues) * (last.turns / last.dialogues) / rate) / 3600
    table = Table("dialogues", "turns", "seconds", "memory of the largest process, MiB", title=device())
    for row in found:
        table.add_row(f"{row.dialogues:,}", f"{row.turns:,}", f"{row.seconds:.1f}", f"{row.peak_mib:,.0f}")
    console = Console()
    console.print(table)
    console.print(
        f"{rate:,.0f} turns a second on {cfg.workers} processes; {LARGE:,} dialogues in {hours:.1f} h", highlight=False
    )
    if cfg.output is not None:
        rows = [asdict(row) for row in found]
        write_json(Path(cfg.output), {"sizes": rows, "turns_a_second": rate, "hours_for_1000000_dialogues": hours})


def measured(cfg: DictConfig, dialogues: int) -> Measured:
    """Simulate so many dialogues; sizes have to grow, as the system tells the peak of all processes so far."""
    with TemporaryDirectory() as folder:
        settings = [f"world={cfg.world}", f"seed={cfg.seed}", f"workers={cfg.workers}", f"dialogues={dialogues}"]
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "experiments.simulate", *settings, f"paths.output_dir={folder}/log"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        if done.returncode:
            raise ValueError(f"experiments.simulate {' '.join(settings)} ended with {done.returncode}: {done.stderr}")
        turns = json.loads((Path(folder) / "log" / "summary.json").read_text("utf-8"))["counts"]["turns"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # KiB on Linux
    return Measured(dialogues=dialogues, turns=turns, seconds=seconds, peak_mib=peak)


if __name__ == "__main__":
    main()
