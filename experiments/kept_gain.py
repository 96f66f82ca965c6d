"""How much of the gain of gold labels feedback keeps: ``python -m experiments.kept_gain gold=DIR feedback=DIR``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from experiments.app import hydra_main
from selflearn.evaluation.kept_gain import HEADINGS, KeptGain, kept_gains, kept_gains_rows
from selflearn.evaluation.predictions import read_together


@hydra_main("kept_gain")
def main(cfg: DictConfig) -> None:
    """Read the predictions of both runs, and print and write the table."""
    (gold, feedback), ids = read_together([Path(cfg.gold), Path(cfg.feedback)])
    floors = {name: feedback[name] for name in cfg.floors if name in feedback}
    if not floors:
        has, wanted = ", ".join(feedback), ", ".join(cfg.floors)
        raise ValueError(f"{cfg.feedback} has none of the systems {wanted}; it has {has}: name some of them as floors")
    gains = kept_gains(gold["model"], feedback["model"], floors, dialogue_ids=ids, metrics=cfg.metrics,
                       resamples=cfg.resamples, seed=cfg.seed)  # fmt: skip
    table = Table(*HEADINGS, title=f"{len(ids):,} dialogues")
    for row in kept_gains_rows(gains):
        table.add_row(*row)
    shown = Console()
    Console(width=max(shown.width, 120)).print(table)  # a row a line, also in a file
    (Path(cfg.feedback) / "page.kept_gain.md").write_text(markdown(gains, cfg), encoding="utf-8")


def markdown(gains: Sequence[KeptGain], cfg: DictConfig) -> str:
    """The table, for the page of results."""
    lines = [
        "### How much of the gain of gold labels feedback keeps\n",
        f"```bash\npython -m experiments.kept_gain gold={cfg.gold} feedback={cfg.feedback}\n```\n",
        f"| {' | '.join(HEADINGS)} |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(f"| {' | '.join(row)} |" for row in kept_gains_rows(gains)),
        f"\nWhat costs nothing is the first of {', '.join(cfg.floors)} that has the metric; where such a system "
        "learns, it learned from the same feedback. Share [95% bootstrap over dialogues]: the gain of feedback over "
        "it, divided by that of gold labels; there is none where the gain of gold labels may be none.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
