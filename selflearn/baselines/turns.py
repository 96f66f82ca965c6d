"""Linear systems for the tasks with one answer a turn: boundaries, defects, intents, domains."""

from __future__ import annotations

from collections.abc import Sequence

from selflearn.baselines.classifiers import NameClassifier, YesNoClassifier
from selflearn.baselines.labels import TurnLabelsOf
from selflearn.baselines.search import Items, Measure, Trial, name_accuracy, search
from selflearn.baselines.vectors import TurnVectors
from selflearn.baselines.windows import Window
from selflearn.tasks.thresholds import binary_f1_cut, segmentation_cut

BOUNDARY_STRENGTHS = (10.0, 3.0, 30.0, 100.0)
DEFECT_STRENGTHS = (3.0, 1.0, 0.3, 10.0, 30.0, 100.0)  # people disagree about them: little can be read off single words
NAME_STRENGTHS = (3.0, 1.0, 10.0)

TurnItems = Items[Window]


def turn_items(turns: TurnVectors, labels: TurnLabelsOf) -> TurnItems:
    """The labelled ones among the turns of some dialogues."""
    return Items(
        read=lambda window: turns.read(window, labels.rows), gold=labels.values, dialogue=turns.owner[labels.rows]
    )


def fit_boundaries(
    windows: Sequence[Window], train: TurnItems, tune: TurnItems, *, seed: int
) -> Trial[Window, YesNoClassifier]:
    """The best classifier of boundaries, by F1 per dialogue.

    Args:
        windows: candidates.
        train: to learn from; at least one.
        tune: to choose by.
        seed: of the classifier.
    """
    return _fit_decisions(
        windows, train, tune, BOUNDARY_STRENGTHS,
        lambda scores, items: segmentation_cut(scores, items.gold, items.dialogue), seed,
    )  # fmt: skip


def fit_defects(
    windows: Sequence[Window], train: TurnItems, tune: TurnItems, *, seed: int
) -> Trial[Window, YesNoClassifier]:
    """The best classifier of defects, by their F1; arguments as :func:`fit_boundaries`."""
    return _fit_decisions(
        windows, train, tune, DEFECT_STRENGTHS,
        lambda scores, items: binary_f1_cut(scores, items.gold, items.dialogue), seed,
    )  # fmt: skip


def fit_names(
    windows: Sequence[Window], train: TurnItems, tune: TurnItems, *, seed: int
) -> Trial[Window, NameClassifier]:
    """The best classifier of turns by name, by accuracy; arguments as :func:`fit_boundaries`."""

    def make(strength: float) -> NameClassifier:
        return NameClassifier(strength=strength, seed=seed)

    return search(windows, NAME_STRENGTHS, train, tune, make=make, measure=name_accuracy)


def _fit_decisions(
    windows: Sequence[Window],
    train: TurnItems,
    tune: TurnItems,
    strengths: Sequence[float],
    measure: Measure[Window],
    seed: int,
) -> Trial[Window, YesNoClassifier]:
    def make(strength: float) -> YesNoClassifier:
        return YesNoClassifier(strength=strength, seed=seed)

    return search(windows, strengths, train, tune, make=make, measure=measure)
