"""Lightning loggers; Weights & Biases is imported here alone, and only when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lightning.pytorch.loggers import CSVLogger, Logger


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerSettings:
    """What losses are written to.

    Attributes:
        kind: "csv" (files of the stage's directory), "wandb" or "none".
        project: of Weights & Biases.
        offline: write to the stage's directory alone; `wandb sync` uploads it later.
    """

    kind: Literal["csv", "wandb", "none"] = "csv"
    project: str = "selflearn"
    offline: bool = False


def make_loggers(settings: LoggerSettings, directory: Path) -> list[Logger]:
    """The loggers of a stage; they write below ``directory``.

    Raises:
        ValueError: the kind is unknown.
    """
    if settings.kind == "none":
        return []
    directory.mkdir(parents=True, exist_ok=True)
    if settings.kind == "csv":
        before = len(list(directory.glob("losses*")))  # of a run that was killed: Lightning would remove what is there
        return [CSVLogger(directory, name="", version=f"losses_{before + 1}" if before else "losses")]
    if settings.kind == "wandb":
        from lightning.pytorch.loggers import WandbLogger

        name = "-".join(directory.parts[-3:])
        return [WandbLogger(project=settings.project, save_dir=directory, offline=settings.offline, name=name)]
    raise ValueError(f"logger.kind is {settings.kind!r}; expected csv, wandb or none")


def close_loggers(loggers: Sequence[Logger]) -> None:
    """End every run, so that the next stage, or the next job of a sweep, does not write into this one."""
    for logger in loggers:
        finish = getattr(getattr(logger, "experiment", None), "finish", None)
        if finish is not None:
            finish()
