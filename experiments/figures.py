"""The figures of a run: all systems with their intervals, and the losses of its stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from selflearn._replacing import replace_text
from selflearn.reports import interval_figure, loss_figure


def draw(directory: Path, metrics: Mapping[str, float]) -> None:
    """Figures: all systems with their intervals, and the losses of the stages."""
    figures = directory / "figures"
    figures.mkdir(exist_ok=True)
    whole = [key for key in metrics if key.startswith("test/") and key.count("/") == 2 and "@" not in key]
    names = [key.removeprefix("test/") for key in whole]  # slices are in results.md: here they would hide the rest
    replace_text(figures / "metrics.svg", interval_figure(metrics, names))
    for folder in sorted({file.parents[1] for file in directory.glob("**/losses*/metrics.csv")}):
        stage = "_".join(folder.relative_to(directory).parts).replace("checkpoints_", "")
        parts = [pd.read_csv(file) for file in _losses_in_time(folder)]
        if not parts:
            continue
        losses = pd.concat(parts).drop_duplicates("step", keep="last").sort_values("step")
        replace_text(figures / f"losses_{stage}.svg", loss_figure(losses))


def _losses_in_time(folder: Path) -> list[Path]:
    """The losses of a stage, a file for each time that it was begun or went on: ``losses``, ``losses_2`` and so on.

    A file of a call that was killed as it made it is empty.
    """
    found = [file for file in folder.glob("losses*/metrics.csv") if file.stat().st_size]
    return sorted(found, key=lambda file: int(file.parent.name.partition("_")[2] or 1))
