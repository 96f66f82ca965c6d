"""How hard each grade of swapped answers is for a bag of words: ``python -m experiments.swap_grades``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from experiments.app import hydra_main
from experiments.datasets import first_rows, load
from selflearn.evaluation.run_directory import write_json
from selflearn.evaluation.swap_difficulty import swap_difficulty
from selflearn.pretraining.build import check_grades, make_grades


@hydra_main("swap_grades")
def main(cfg: DictConfig) -> None:
    """Judge the grades of the config on the test split."""
    check_grades(cfg.grades)
    console, directory = Console(), Path(cfg.paths.output_dir)
    directory.mkdir(parents=True, exist_ok=True)
    say: Callable[[str], None] = console.print
    train, _ = load(cfg, cfg.data.train_split, say)
    test, _ = load(cfg, cfg.data.test_split, say)
    learn = list(train.take(first_rows(train, cfg.data.limit, cfg.data.shuffle_seed)))
    judge = list(test[: cfg.data.test_limit])
    table = Table(
        "grade", "cosine", "learned on shared words", "pairs", "turns with an offer", title="AUC, true against wrong"
    )
    found: dict[str, float] = {}
    for name in cfg.grades:
        # The pool of each split is its own: a response that the judge has learned from would be told by heart.
        grades = [
            make_grades([name], part, encoder=cfg.model.encoder, pool_size=cfg.pretraining.pool_size, seed=cfg.seed)[
                name
            ]
            for part in (learn, judge)
        ]
        result = swap_difficulty(
            grades[0], grades[1], [d.observed() for d in learn], [d.observed() for d in judge], seed=cfg.seed
        )
        found |= {f"{name}/cosine": result.cosine, f"{name}/learned": result.learned, f"{name}/pairs": result.pairs}
        table.add_row(
            name, f"{result.cosine:.3f}", f"{result.learned:.3f}", f"{result.pairs:,}", f"{result.offered:.0%}"
        )
        write_json(directory / "swap_grades.json", found)  # grade by grade: a later one may fail
    console.print(table)


if __name__ == "__main__":
    main()
