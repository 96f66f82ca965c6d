"""Lightning loggers; Weights & Biases is imported here alone, and only when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import CSVLogger, Logger

from selflearn._limits import Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerSettings(Checked):
    """What losses are written to, and with W&B the settings and results of the whole run.

    Attributes:
        kind: "csv" (files of the stage's directory), "wandb" or "none".
        project: of Weights & Biases.
        offline: write to the stage's directory alone; `wandb sync` uploads it later.
    """

    kind: Literal["csv", "wandb", "none"] = "csv"
    project: str = "selflearn"
    offline: bool = False


def make_loggers(settings: LoggerSettings, directory: Path) -> list[Logger]:
    """The loggers of a stage; they write below ``directory``."""
    if settings.kind == "none":
        return []
    directory.mkdir(parents=True, exist_ok=True)
    if settings.kind == "csv":
        before = len(list(directory.glob("losses*")))  # of a run that was killed: Lightning would remove what is there
        return [CSVLogger(directory, name="", version=f"losses_{before + 1}" if before else "losses")]
    return [_wandb(settings, directory, name="-".join(directory.parts[-3:]))]


def log_results(
    settings: LoggerSettings, directory: Path, *, config: dict[str, Any], metrics: Mapping[str, float]
) -> None:
    """Send the settings and the final metrics of a run to W&B, as a run of its own beside those of the stages.

    Args:
        settings: of the other kinds there is nothing to do: ``config.yaml`` and ``metrics.json`` have it all.
        directory: of the run.
        config: its settings, as nested dictionaries.
        metrics: as in ``metrics.json``.
    """
    if settings.kind != "wandb":
        return
    logger = _wandb(settings, directory, name="-".join(directory.parts[-2:]))
    try:
        logger.log_hyperparams(config)
        logger.log_metrics(dict(metrics))
    finally:
        close_loggers([logger])


def _wandb(settings: LoggerSettings, directory: Path, *, name: str) -> Logger:
    from lightning.pytorch.loggers import WandbLogger

    # resolved: W&B takes a relative place from where the process was when it was first used
    place = directory.resolve()
    return WandbLogger(project=settings.project, save_dir=place, offline=settings.offline, name=name)


def close_loggers(loggers: Sequence[Logger]) -> None:
    """End every run, so that the next stage, or the next job of a sweep, does not write into this one."""
    for logger in loggers:
        finish = getattr(getattr(logger, "experiment", None), "finish", None)
        if finish is not None:
            finish()
