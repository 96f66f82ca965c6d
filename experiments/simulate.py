"""Simulate a voice assistant and write its log: ``python -m experiments.simulate dialogues=20000``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from experiments.app import hydra_main
from experiments.rates import flat_rates, plain_components
from selflearn._replacing import replace_text
from selflearn.corpora import iter_dialogues
from selflearn.evaluation.run_directory import write_json
from selflearn.reports.figures import bar_figure
from selflearn.simulation.agreement import fleiss_kappas
from selflearn.simulation.shards import CLAIM, write_log
from selflearn.simulation.simulate import SPLITS, Setting
from selflearn.simulation.summary import Summary
from selflearn.simulation.truth import CORRECT
from selflearn.simulation.world import WORLDS

SHOWN = 10
"""Turns of the session that is shown."""

RATED = 2_000
"""Dialogues that agreement of annotators is taken from, the first of a log that they labelled."""


@hydra_main("simulate")
def main(cfg: DictConfig) -> None:
    """Write the log, its summary and figures."""
    start, console, directory = time.perf_counter(), Console(stderr=True), Path(cfg.paths.output_dir)
    total = written_log(cfg, directory, console)
    seconds = time.perf_counter() - start
    identity = json.loads((directory / CLAIM).read_text("utf-8"))
    rates = total.rates() | {f"fleiss_kappa/{name}": kappa for name, kappa in agreement(directory).items()}
    write_json(directory / "summary.json", {"of": identity, "rates": rates, **total.to_dict()})
    draw(directory / "figures", total)
    Console().print(session_table(directory), summary_table(total, rates))
    console.print(
        f"{total.counts['turns']:,} turns in {seconds:.0f} s ({total.counts['turns'] / seconds:,.0f} a second); "
        f"everything is in {directory}",
        highlight=False,
    )


def written_log(settings: DictConfig, directory: Path, console: Console) -> Summary:
    """Write what is missing of a log, with a progress bar.

    Args:
        settings: ``world``, ``channel``, ``dialogues``, ``seed``, ``workers``, ``rates`` other than the world's,
            ``components`` other than the assistant's, and whether it is for ``development``.
        directory: of the log.
        console: for the bar.
    """
    setting = setting_of(settings)
    dialogues, workers = (whole_number(name, settings[name]) for name in ("dialogues", "workers"))
    total = Summary()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("simulated dialogues", total=dialogues)

        def heard(utterances: int) -> None:
            progress.update(bar, description=f"simulated dialogues ({utterances:,} utterances heard)")

        for shard, summary in write_log(setting, dialogues, directory, workers=workers, heard=heard):
            total += summary
            progress.advance(bar, shard.dialogues)
    return total


def setting_of(settings: DictConfig) -> Setting:
    """The world, people and assistant of a config; see :func:`written_log`."""
    return Setting.load(
        world_directory(settings.world), seed=whole_number("seed", settings.seed), channel=settings.channel,
        rates=flat_rates(settings.rates), components=plain_components(settings.get("components")),
        development=true_or_false("development", settings.get("development", False)),
    )  # fmt: skip


def whole_number(name: str, value: object) -> int:
    """A setting that has to be a whole number.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value!r}; expected a whole number")
    return value


def true_or_false(name: str, value: object) -> bool:
    """A setting that has to be true or false; the text "no" would count as true.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}; expected true or false")
    return value


def world_directory(name: str) -> Path:
    """The directory of a world: one that comes with the library by its name, or any other by its path."""
    shipped = WORLDS / str(name)
    return shipped if shipped.is_dir() else Path(name)


def session_table(directory: Path) -> Table:
    """The first :data:`SHOWN` turns of the first session that has so many, with the truth beside them."""
    split = next(name for name in SPLITS if any(directory.glob(f"{name}-*.parquet")))  # a small log may not train
    sessions = iter_dialogues("table", root=directory, split=split)
    chosen = next(sessions)
    for dialogue in islice(sessions, 500):
        chosen = dialogue if len(dialogue.turns) > len(chosen.turns) else chosen
        if len(chosen.turns) >= SHOWN:
            break
    first, starts = chosen.turns[0], {goal.start for goal in chosen.labels.goals or ()}
    states = ", ".join(f"{name} {value}" for name, value in first.device_state.items())
    where = f"{first.device_type}, {first.categorical.get('room')}, {first.categorical.get('part_of_day')}; {states}"
    table = Table(
        "s", "heard", "answered", "said, where that differs", "wanted", "failed", title=f"A session ({where})"
    )
    truth = chosen.truth.turns if chosen.truth else ()
    rows = zip(chosen.turns, chosen.labels.turns, truth, strict=True)
    for i, (turn, labels, meant) in enumerate(islice(rows, SHOWN)):
        if i and i in starts:
            table.add_section()
        point = labels.failure_point.value if labels.failure_point else ""
        table.add_row(
            f"{turn.seconds:.0f}", turn.request, turn.response, meant.request if meant.request != turn.request else "",
            meant.intent or "", "" if point == CORRECT else point,
        )  # fmt: skip
    return table


def agreement(directory: Path) -> dict[str, float]:
    """Fleiss' kappa of the annotators of a log by question, from its first :data:`RATED` dialogues that have some."""
    splits = [split for split in SPLITS if any(directory.glob(f"{split}-*.parquet"))]
    read = (dialogue for split in splits if split != "train"  # which nobody labels
            for dialogue in iter_dialogues("table", root=directory, split=split))  # fmt: skip
    return fleiss_kappas(islice(read, RATED))


def summary_table(summary: Summary, rates: Mapping[str, float]) -> Table:
    """The rates of a log."""
    table = Table("", "", title=f"{summary.counts['dialogues']:,} dialogues, {summary.counts['turns']:,} turns")
    for name, value in rates.items():
        table.add_row(name.replace("_", " "), f"{value:.3f}")
    return table


def draw(folder: Path, summary: Summary) -> None:
    """Figures of a log: defect rate by domain, failure points, turns of a goal, seconds between turns."""
    folder.mkdir(parents=True, exist_ok=True)
    defects = {
        domain: summary.defects_by_domain[domain] / turns
        for domain, turns in sorted(summary.turns_by_domain.items())
        if domain != "none"
    }
    turns = sum(summary.failure_points.values())
    failures = {name: n / turns for name, n in summary.failure_points.most_common() if name != "correct"}
    replace_text(folder / "defects_by_domain.svg", bar_figure(defects, "share of turns that are defects"))
    replace_text(folder / "failure_points.svg", bar_figure(failures, "share of turns"))
    replace_text(folder / "turns_of_goal.svg", bar_figure(_shares(summary.turns_of_goal), "share of goals, by turns"))
    gaps = {f"up to {2 ** int(power)} s": share for power, share in _shares(summary.gaps).items()}
    replace_text(folder / "gaps.svg", bar_figure(gaps, "share of turns, by seconds since the one before"))


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Shares by number, the smallest number first."""
    total = max(sum(counts.values()), 1)
    return {key: counts[key] / total for key in sorted(counts, key=int)}


if __name__ == "__main__":
    main()
