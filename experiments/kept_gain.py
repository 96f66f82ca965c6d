"""How much of the gain of gold labels feedback keeps: ``python -m experiments.kept_gain gold=DIR feedback=DIR``."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from experiments.app import changed_settings, hydra_main
from experiments.check import ConfigError, check_page
from experiments.compare_runs import say_differing
from selflearn._replacing import replace_text
from selflearn.baselines import NBestOracle
from selflearn.evaluation.kept_gain import KeptGain, kept_gains, kept_gains_rows
from selflearn.evaluation.runs import Run
from selflearn.evaluation.seeds import Column, check_seeds, read_columns, without_differing_slices


@hydra_main("kept_gain")
def main(cfg: DictConfig) -> None:
    """Read the predictions of the runs, and print and write the table."""
    check_page(cfg.page)
    if empty := [name for name in ("gold", "feedback", "metrics", "floors") if not cfg[name]]:
        raise ConfigError([f"{empty[0]} is empty; expected one or more"])
    if cfg.resamples < 1:
        raise ConfigError([f"resamples is {cfg.resamples}; expected at least 1"])
    runs = [[Path(place) for place in ([seeds] if isinstance(seeds, str) else seeds)]
            for seeds in (cfg.gold, cfg.feedback)]  # fmt: skip
    for source, seeds in zip(("gold", "feedback"), runs, strict=True):
        check_runs(source, [Run.read(place) for place in seeds])
    (gold, tested), differing = without_differing_slices(read_columns(runs))
    say_differing(differing)
    feedback, ids, place = tested.systems, tested.dialogue_ids, runs[1][0]
    floors = {name: feedback[name] for name in cfg.floors if name in feedback}
    if not floors:
        has, wanted = ", ".join(feedback), ", ".join(cfg.floors)
        raise ValueError(f"{place} has none of the systems {wanted}; it has {has}: name some of them as floors")
    if unknown := [name for name in cfg.beside if name not in (*feedback, NBestOracle.name)]:
        near = ", ".join(get_close_matches(unknown[0], feedback)) or ", ".join(feedback)
        raise ValueError(f"beside: {place} has no system {unknown[0]!r}; was {near} meant?")
    beside = {name: feedback[name] for name in cfg.beside if name in feedback}
    gains = kept_gains(gold.systems["model"], feedback["model"], floors, dialogue_ids=ids, owners=tested.owners,
                       metrics=cfg.metrics, beside=beside, resamples=cfg.resamples, seed=cfg.seed)  # fmt: skip
    headings, *rows = kept_gains_rows(gains)
    table = Table(*headings, title=f"{len(ids):,} dialogues")
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*row)
    shown = Console()
    Console(width=max(shown.width, 120)).print(table)  # a row a line, also in a file
    said = markdown(gains, cfg, tested, many=max(map(len, runs)))
    if cfg.page is None:
        replace_text(place / "page.kept_gain.md", f"### {cfg.title}\n\n{said}")
    else:
        replace_text(Path(cfg.page), f"## {cfg.title}\n\n{said}")


def check_runs(source: str, runs: Sequence[Run]) -> None:
    """See that the runs of a side learned from what the table says of them, and are the seeds of one experiment.

    Raises:
        ValueError: one learned from something else, or they are not of one experiment, or two are of the same seed.
    """
    for run in runs:
        learned = (run.config.get("supervision") or {}).get("source")
        if learned != source:
            raise ValueError(f"{source}: {run.directory} was trained with supervision={learned}; expected a run with "
                             f"supervision={source}")  # fmt: skip
        if run.experiment() != runs[0].experiment():
            raise ValueError(f"{source}: {runs[0].directory} and {run.directory} are of two experiments; expected the "
                             "seeds of one")  # fmt: skip
    check_seeds(runs)


def markdown(gains: Sequence[KeptGain], cfg: DictConfig, tested: Column, *, many: int) -> str:
    """The table of so many seeds, for the page of results."""
    people = len(set(tested.owners))
    drawn = f"{people:,} people" if people < len(tested.owners) else "dialogues"
    headings, *rows = kept_gains_rows(gains)
    said = changed_settings(cfg, "kept_gain", without=["page", "title"])
    command = " ".join(["python -m experiments.kept_gain", *said])
    means = "Values are means over the seeds. " if many > 1 else ""
    lines = [
        f"```bash\n{command}\n```\n",
        f"| {' | '.join(headings)} |",
        f"| --- |{' ---: |' * (len(headings) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
        f"\n{means}What costs nothing is the first of {', '.join(cfg.floors)} that has the metric; where such a system "
        f"learns, it learned from the same feedback. Share [95% bootstrap over {drawn}]: the gain of feedback over "
        "it, divided by that of gold labels; there is none where the gain of gold labels may be none. ↑ higher is "
        "better, ↓ lower is better." + _of_the_oracle(gains),
    ]
    return "\n".join(lines) + "\n"


def _of_the_oracle(gains: Sequence[KeptGain]) -> str:
    if not any(NBestOracle.name in gain.beside for gain in gains):
        return ""
    return f" {NBestOracle.name}: what the best entries of the assistant's n-best lists would reach."


if __name__ == "__main__":
    main()
