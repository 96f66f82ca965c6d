"""The choice of window and regularisation, on the tuning dialogues or, where those hold no label, by folds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from selflearn.baselines.base import Choice
from selflearn.baselines.vectors import Matrix, Rows
from selflearn.baselines.windows import GoalWindow, Window
from selflearn.tasks.prediction import DEFAULT_THRESHOLD
from selflearn.tasks.thresholds import Cut

FOLDS = 5


class Classifier(Protocol):
    """What is fitted: from rows ``(N, F)`` to one answer a row: a probability, several, or a name."""

    def fit(self, rows: Matrix, gold: NDArray[Any]) -> Any:
        """Learn."""

    def answers(self, rows: Matrix) -> NDArray[Any]:
        """Answer, ``(N, ...)``."""
        ...


W = TypeVar("W", bound=Window | GoalWindow)
C = TypeVar("C", bound=Classifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items(Generic[W]):
    """``N`` labelled things: turns, goals, words or spans.

    Attributes:
        read: what a window shows of each, sparse ``(N, F)``.
        gold: their labels, ``(N,)``.
        dialogue: number of the dialogue of each, ``(N,)``.
        text: number of the text that each is part of, where a measure needs that, ``(N,)``.
    """

    read: Callable[[W], Matrix]
    gold: NDArray[Any]
    dialogue: Rows
    text: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.gold)


Measure = Callable[[NDArray[Any], Items[W]], Cut]
"""From answers to the items, in their order, to the metric and the threshold that serves it best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial(Generic[W, C]):
    """A fitted classifier with how it was made, its metric on held-out items (NaN: none) and its threshold."""

    window: W
    strength: float
    model: C
    value: float
    threshold: float

    def choice(self) -> Choice:
        """What the report says of it."""
        return {"window": self.window.name, "C": self.strength, "value": self.value}


def search(
    windows: Sequence[W],
    strengths: Sequence[float],
    train: Items[W],
    tune: Items[W],
    *,
    make: Callable[[float], C],
    measure: Measure[W],
) -> Trial[W, C]:
    """The best window at the first strength, then the best strength for that window.

    Candidates are measured on ``tune``. If that has no item, each is measured on ``train`` by five folds of whole
    dialogues, which takes six times as long; the classifier returned has learned from all of ``train`` in any case.
    Of equals the earlier candidate stays; where nothing can be measured that is the first.

    Args:
        windows: candidates, the preferred one first.
        strengths: values of C, the preferred one first.
        train: items to learn from, at least one.
        tune: items to choose by.
        make: a new classifier of a given strength.
        measure: of held-out answers.

    Raises:
        ValueError: there is no candidate.
    """
    if not windows or not strengths:
        raise ValueError(f"{len(windows)} windows and {len(strengths)} strengths; expected at least one of each")

    @lru_cache(maxsize=1)  # the strengths of one window follow each other
    def rows(window: W) -> tuple[Matrix, Matrix]:
        return train.read(window), tune.read(window) if len(tune) else None

    def attempt(window: W, strength: float) -> Trial[W, C]:
        train_rows, tune_rows = rows(window)
        model = make(strength)
        model.fit(train_rows, train.gold)
        if len(tune):
            cut = measure(model.answers(tune_rows), tune)
        else:
            cut = _measure_by_folds(train, train_rows, lambda: make(strength), measure)
        return Trial(window=window, strength=strength, model=model, value=cut.value, threshold=cut.threshold)

    best = attempt(windows[0], strengths[0])
    if math.isnan(best.value):
        return best
    for window in windows[1:]:
        best = max(best, attempt(window, strengths[0]), key=_value)
    for strength in strengths[1:]:
        best = max(best, attempt(best.window, strength), key=_value)
    return best


def _value(trial: Trial[Any, Any]) -> float:
    return trial.value


def _measure_by_folds(items: Items[W], rows: Matrix, make: Callable[[], Classifier], measure: Measure[W]) -> Cut:
    dialogues, number = np.unique(items.dialogue, return_inverse=True)
    if len(dialogues) < 2:
        return Cut(threshold=DEFAULT_THRESHOLD, value=math.nan)
    answers: list[Any] = [None] * len(items)
    for fold in range(min(FOLDS, len(dialogues))):
        inside = number % FOLDS == fold
        model = make()
        model.fit(rows[~inside], items.gold[~inside])
        for i, answer in zip(np.flatnonzero(inside), model.answers(rows[inside]), strict=True):
            answers[i] = answer
    return measure(np.array(answers), items)


def name_accuracy(answers: NDArray[Any], items: Items[W]) -> Cut:
    """Share of right names; there is no threshold."""
    value = float(np.mean(answers == items.gold)) if len(items) else math.nan
    return Cut(threshold=DEFAULT_THRESHOLD, value=value)
