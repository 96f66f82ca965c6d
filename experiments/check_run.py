"""The values of a run's settings that no object of the library takes, checked before anything is read."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Annotated, Literal

from omegaconf import DictConfig

from experiments.build import settings
from selflearn._limits import Checked, Count, Index, Limit, SettingError
from selflearn.evaluation import TASK_METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run(Checked):
    """Of the whole run."""

    label_most: Count
    label: Literal["auto", True, False]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data(Checked):
    """How many dialogues there are of each kind."""

    limit: Annotated[int | None, Limit(least=1)]
    labelled: Annotated[int | None, Limit(least=1)]
    tune_share: Annotated[float, Limit(above=0, below=1)]
    test_limit: Annotated[int | None, Limit(least=1)]
    shuffle_seed: Index
    folds: Annotated[int | None, Limit(least=2)]
    on_overflow: Literal["window", "truncate", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training(Checked):
    """Whether a run goes on, and how often it can."""

    checkpoint_every: Count
    resume: Literal["auto", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trainer(Checked):
    """What is seen of a run meanwhile."""

    progress: bool


def check_run(cfg: DictConfig) -> None:
    """Refuse values that cannot be meant.

    Raises:
        SettingError: names the setting, its value and what was expected.
    """
    for place, cls in (("", _Run), ("data", _Data), ("training", _Training), ("trainer", _Trainer)):
        node = cfg[place] if place else cfg
        settings(cls, {name: node[name] for name in cls.__dataclass_fields__}, place)
    simulate = cfg.data.get("simulate")
    _check_metric(cfg.optimized_metric, development=simulate is not None and simulate.development is True)


VARIANTS = ("end_to_end", "projected")
"""What is measured of the tuning dialogues beside the tasks as they are; slices are of the test dialogues alone."""


def _check_metric(name: object, *, development: bool) -> None:
    """A sweep would find out when all its jobs are done. The test split of a log for development may be chosen on."""
    splits = ("tune", "test") if development else ("tune",)
    known = [
        f"{split}/{task}/{metric.name}"
        for split in splits for task, table in TASK_METRICS.items() for metric in table.metrics
        if split == "test" or "question" not in metric.needs
    ]  # fmt: skip
    base, _, part = str(name).partition("@")
    measured = str(name) in known or (base in known and (part in VARIANTS or str(name).startswith("test/")))
    if not measured:
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)[0]
        tested = ", or test/... of a simulated log for development" if str(name).startswith("test/") else ""
        expected = f"tune/TASK/METRIC of the tuning dialogues{tested}; the nearest is {near}"
        raise SettingError("optimized_metric", name, expected)
