"""What several starts rescue, and what they cost: ``python -m experiments.certify_starts``.

On populations that are not those of ``python -m experiments.certify_draws``: the choice of a default was made here.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from experiments.app import changed_settings, hydra_main
from selflearn._replacing import replace_text
from selflearn.evaluation.results_page import put_between_marks
from selflearn.evaluation.run_directory import write_json
from selflearn.trust.draws import Draws, repeat_audits
from selflearn.trust.populations import DEVELOPMENT
from selflearn.trust.wording import at_least_percent, at_most_percent


@hydra_main("certify_starts")
def main(cfg: DictConfig) -> None:
    """Repeat the audits of the config with each number of starts, and print what they came to."""
    headings = ("audit", "population", "best", *(f"starts={starts}" for starts in cfg.starts))
    sure, wrong = at_least_percent(cfg.confidence), at_most_percent(cfg.target_error)
    title = f"{cfg.draws:,} audits each, at most {wrong} wrong, with {sure} confidence: accepted (nothing, broken)"
    table = Table(*headings, title=title)
    lines = [f"| {' | '.join(headings)} |", "| --- | --- |" + " ---: |" * (len(headings) - 2)]
    kept: dict[str, dict[str, float]] = {}
    for audit in cfg.audits:
        for name in cfg.populations:
            found = {
                starts: repeat_audits(
                    DEVELOPMENT[name], audit=audit.audit, design=audit.design, method=audit.method, starts=starts,
                    target_error=cfg.target_error, confidence=cfg.confidence, draws=cfg.draws, seed=cfg.seed,
                )
                for starts in cfg.starts
            }  # fmt: skip
            what = f"{audit.audit:,} {audit.design}, {audit.method}"
            kept |= {f"{what}/{name}/{starts}": asdict(one) for starts, one in found.items()}
            best = next(iter(found.values())).best
            cells = (what, name, f"{best:.0%}", *(cell(one) for one in found.values()))
            broken = any(one.broken > one.allowed for one in found.values())
            table.add_row(*cells, style="red" if broken else None)
            lines.append(f"| {' | '.join(cells)} |")
    console = Console()
    Console(width=max(console.width, 120)).print(table)  # a row a line, also in a file
    directory = Path(cfg.paths.output_dir)
    write_json(directory / "certify_starts.json", kept)
    if cfg.headline.file is not None:
        put_between_marks(Path(cfg.headline.file), cfg.headline.mark, "\n".join(lines))
    changed = changed_settings(cfg, "certify_starts", without=["paths", "audits", "headline"])
    command = " ".join(["python -m experiments.certify_starts", *changed])
    head = f"## Several starts\n\n```bash\n{command}\n```\n\n{title}.\n\n"
    replace_text(directory / "page.md", head + "\n".join(lines) + "\n")


def cell(found: Draws) -> str:
    """Share accepted; audits after which nothing is, and after which the promise is broken."""
    return f"{found.accepted:.0%} ({found.nothing:.0%}, {found.broken / found.draws:.0%})"


if __name__ == "__main__":
    main()
