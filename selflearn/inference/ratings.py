"""What single people said of each item of a task: raters of a corpus, or the annotators of a simulated log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from selflearn.corpora.corpus import Corpus
from selflearn.corpora.rated import RatedCorpus
from selflearn.schema import Dialogue, Goal
from selflearn.simulation.annotators import NO, YES

ANNOTATED = {"boundary": ("segmentation", YES), "success": ("success", NO), "defect": ("defect", YES)}
"""Task of each question that annotators answer with yes or no, and the answer that is positive there."""

Rated = tuple[str, str, str, bool]


def ratings_by_task(dialogues: Sequence[Dialogue], corpus: Corpus) -> dict[str, pd.DataFrame]:
    """Ratings of each task that people rated, as :mod:`selflearn.trust.people` takes them.

    Args:
        dialogues: with ratings and labels.
        corpus: whose they are; one without raters of its own may hold a log of the simulation.

    Returns:
        By task a row a rating: ``task`` (the item, see :func:`item`), ``worker``, ``label`` (bool: a goal starts here,
        was not reached, the response was a defect). Empty where nobody answered such a question.
    """
    rated = _of_corpus(dialogues, corpus) if isinstance(corpus, RatedCorpus) else _of_annotators(dialogues)
    rows: dict[str, list[tuple[str, str, bool]]] = {}
    for task, *row in rated:
        rows.setdefault(task, []).append(tuple(row))  # type: ignore[arg-type]
    return {task: pd.DataFrame(found, columns=["task", "worker", "label"]) for task, found in rows.items()}


def item(dialogue: str, number: int) -> str:
    """The name of a turn, or of a goal by its number."""
    return f"{dialogue}#{number}"


def _of_corpus(dialogues: Sequence[Dialogue], corpus: RatedCorpus) -> Iterator[Rated]:
    for dialogue in dialogues:
        for rating in dialogue.ratings:
            if rating.turn is not None:
                name = item(dialogue.id, rating.turn)
                yield "defect", name, corpus.seat(rating.rater), corpus.is_defect([rating])


def _of_annotators(dialogues: Sequence[Dialogue]) -> Iterator[Rated]:
    for dialogue in dialogues:
        said: dict[tuple[str, str, str], bool] = {}
        goals = dialogue.labels.goals or ()
        for rating in dialogue.ratings:
            if rating.question not in ANNOTATED or rating.turn is None or rating.answer not in (YES, NO):
                continue
            task, positive = ANNOTATED[rating.question]
            number = _goal(goals, rating.turn) if task == "success" else rating.turn
            if number is not None:  # of a goal that was cut in two the last answer counts, as in labels of annotators
                said[task, item(dialogue.id, number), rating.rater] = rating.answer == positive
        yield from ((*key, value) for key, value in said.items())


def _goal(goals: Sequence[Goal], turn: int) -> int | None:
    return next((number for number, goal in enumerate(goals) if goal.start <= turn < goal.end), None)
