"""Results over a range of the simulation's rates: ``python -m experiments.ranges of=simulated_feedback``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.app import CONF, as_hydra_reads, hydra_main
from experiments.check import ConfigError, check_lists, hint
from experiments.results import finished_runs, without_debug
from experiments.simulate import world_directory
from selflearn._replacing import replace_text
from selflearn.evaluation.ranges import Rates, range_tables, ranges_page, rates_key, rates_of
from selflearn.evaluation.results import named_rows
from selflearn.evaluation.runs import Run
from selflearn.simulation.rates import check_rates, dotted_rates

HOME = "home"
"""The world of an experiment that names none."""


@hydra_main("ranges")
def main(cfg: DictConfig) -> None:
    """Say which runs are missing, and put those that are there into a table."""
    check_lists(cfg, "runs")
    _check_experiment(cfg)
    console, page = Console(stderr=True), Path(cfg.paths.output_dir) / "page.md"
    ends = [(str(name), rates) for name, rates in _ends(cfg)]
    for _, rates in ends:
        check_rates(world_directory(cfg.world), rates)
    runs = [Run.read(directory) for directory in _directories(cfg)]
    tables = range_tables(runs)
    if tables:
        rows = named_rows(cfg.rows)
        for task, metric in rows:
            if not any(f"test/{task}/{metric}" in run.metrics for run in runs):
                console.print(
                    f"no run has a metric {task}/{metric}: its column is empty", highlight=False, style="yellow"
                )
        names = {rates_key(rates): name for name, rates in ends}
        text = ranges_page(tables, rows, names=names, beside=list(cfg.beside), people=list(cfg.people))
        replace_text(page, text)
        Console().print(text, markup=False, highlight=False, soft_wrap=True)
        console.print(f"{len(tables)} tables of {len(runs)} runs are in {page}", highlight=False)
    if command := missing_command(cfg, runs, [{}, *(rates for _, rates in ends)]):
        console.print("Still to be run:")
        Console().print(command, markup=False, highlight=False, soft_wrap=True)


def _check_experiment(cfg: DictConfig) -> None:
    """See that there is something that can be run, or has been.

    Raises:
        ConfigError: no experiment is called so, and no runs are given or found below that name.
    """
    known = GlobalHydra.instance().config_loader().get_group_options("experiment")
    if cfg.of not in known and cfg.runs is None and not (Path(cfg.paths.runs) / cfg.of).is_dir():
        raise ConfigError([f"of is {cfg.of!r}: no experiment is called so; {hint(cfg.of, known)}"])


def _ends(cfg: DictConfig) -> Iterator[tuple[str, Rates]]:
    """Name and rates of each end of each range.

    Raises:
        ValueError: a range does not have two ends.
    """
    ranges: Any = OmegaConf.to_container(cfg.ranges, resolve=True)
    for name, ends in ranges.items():
        if not isinstance(ends, list) or len(ends) != 2 or not all(isinstance(end, Mapping) and end for end in ends):
            raise ValueError(f"ranges.{name} is {ends!r}; expected two mappings of rates, its two ends")
        yield from ((name.replace("_", " "), dotted_rates(end)) for end in ends)


def _directories(cfg: DictConfig) -> list[Path]:
    if cfg.runs is not None:
        return [Path(directory) for directory in cfg.runs]
    root = Path(cfg.paths.runs) / cfg.of
    return without_debug(finished_runs(root)) if any(root.rglob("metrics.json")) else []


def missing_command(cfg: DictConfig, runs: Sequence[Run], wanted: Sequence[Rates]) -> str | None:
    """The sweep that makes what is missing; None where nothing is."""
    settings = {"data.simulate.world": cfg.world, **cfg.settings}
    done = {
        (rates_key(rates), run.config.get("seed")) for run in runs
        if (rates := rates_of(run)) is not None
        and all(_has(run, str(key), as_setting(v)) for key, v in settings.items())
    }  # fmt: skip
    missing = [rates for rates in wanted if any((rates_key(rates), seed) not in done for seed in cfg.seeds)]
    if not missing:
        return None
    seeds = f"seed={','.join(map(str, cfg.seeds))}"
    told = [f"{name}={as_setting(v)}" for name, v in (cfg.settings if cfg.world == HOME else settings).items()]
    if cfg.paths.runs != OmegaConf.load(CONF / "paths" / "standard.yaml").runs:
        told.append(f"paths.runs={as_hydra_reads(cfg.paths.runs)}")  # where these runs are looked for
    swept = f"data.simulate.rates={','.join(as_setting(nested(rates)) for rates in missing)}"
    return shlex.join(["python", "-m", "experiments.train", "-m", f"experiment={cfg.of}", seeds, *told, swept])


def _has(run: Run, key: str, value: str) -> bool:
    """Whether a run has a setting; of the choice of a group (``pretraining=none``) its config has what was chosen."""
    return as_setting(value_at(run.config, key)) == value or f"{key}={value}" in shlex.split(run.command)


def nested(rates: Rates) -> dict[str, Any]:
    """Rates as a mapping of mappings.

    Example:
        >>> nested({"people.goals.mean": 3, "people.goals.most": 6})
        {'people': {'goals': {'mean': 3, 'most': 6}}}
    """
    found: dict[str, Any] = {}
    for name, value in rates.items():
        *places, last = name.split(".")
        node = found
        for place in places:
            node = node.setdefault(place, {})
        node[last] = value
    return found


def as_setting(value: object) -> str:
    """A value as the command line takes it.

    Example:
        >>> as_setting({"people": {"reactions": {"persist": [0.3, 0.6]}}})
        '{people:{reactions:{persist:[0.3,0.6]}}}'
    """
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{as_setting(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{','.join(map(as_setting, value))}]"
    return "null" if value is None else str(value)


def value_at(config: Any, place: str) -> Any:
    """What stands in a config at a place that is written with dots; None where nothing does."""
    for name in place.split("."):
        config = config.get(name) if isinstance(config, Mapping) else None
    return config


if __name__ == "__main__":
    main()
