"""Linear systems for the tasks with one answer a turn: a yes or no, or a name."""

from __future__ import annotations

from collections.abc import Sequence

from selflearn.baselines.classifiers import NameClassifier, YesNoClassifier
from selflearn.baselines.labels import TurnLabelsOf
from selflearn.baselines.search import Items, Trial, name_accuracy, search
from selflearn.baselines.vectors import TurnVectors
from selflearn.baselines.windows import Window
from selflearn.tasks.turn_binary import BinaryTurnTask

BOUNDARY_STRENGTHS = (10.0, 3.0, 30.0, 100.0)
DECISION_STRENGTHS = (3.0, 1.0, 0.3, 10.0, 30.0, 100.0)  # people disagree: little can be read off single words
NAME_STRENGTHS = (3.0, 1.0, 10.0)

TurnItems = Items[Window]


def turn_items(turns: TurnVectors, labels: TurnLabelsOf) -> TurnItems:
    """The labelled ones among the turns of some dialogues."""
    return Items(
        read=lambda window: turns.read(window, labels.rows), gold=labels.values, dialogue=turns.owner[labels.rows]
    )


def fit_decisions(
    task: BinaryTurnTask,
    windows: Sequence[Window],
    strengths: Sequence[float],
    train: TurnItems,
    tune: TurnItems,
    *,
    seed: int,
) -> Trial[Window, YesNoClassifier]:
    """The best classifier of turns by yes or no, by what the task's own threshold serves best.

    Args:
        task: whose decisions the items have.
        windows: candidates, the preferred one first.
        strengths: values of C, the preferred one first.
        train: to learn from; at least one.
        tune: to choose by.
        seed: of the classifier.

    Raises:
        ValueError: there is no candidate.
    """

    def make(strength: float) -> YesNoClassifier:
        return YesNoClassifier(strength=strength, seed=seed)

    return search(
        windows, strengths, train, tune, make=make,
        measure=lambda scores, items: task.cut(scores, items.gold, items.dialogue),
    )  # fmt: skip


def fit_names(
    windows: Sequence[Window], train: TurnItems, tune: TurnItems, *, seed: int
) -> Trial[Window, NameClassifier]:
    """The best classifier of turns by name, by accuracy; arguments and errors as :func:`fit_decisions`."""

    def make(strength: float) -> NameClassifier:
        return NameClassifier(strength=strength, seed=seed)

    return search(windows, NAME_STRENGTHS, train, tune, make=make, measure=name_accuracy)
