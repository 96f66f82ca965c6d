"""L2 logistic regression on sparse rows, for two classes and for many, that also survives data of a single class."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier

from selflearn.baselines.vectors import Matrix

Floats = NDArray[np.float64]


class YesNoClassifier:
    """Two classes: liblinear. ``strength`` is its C: the larger, the less the weights are held down."""

    def __init__(self, *, strength: float, seed: int) -> None:
        self._model = LogisticRegression(solver="liblinear", C=strength, random_state=seed)
        self._constant: float | None = None

    def fit(self, rows: Matrix, gold: NDArray[Any]) -> Self:
        """Learn from rows ``(N, F)`` and their bools ``(N,)``; where all are equal, that is always said."""
        if gold.all() or not gold.any():
            self._constant = float(gold.all())
        else:
            _fit(self._model, rows, gold)
        return self

    def answers(self, rows: Matrix) -> Floats:
        """Probability of yes, ``(N,)``."""
        if self._constant is not None or not rows.shape[0]:
            return np.full(rows.shape[0], self._constant or 0.0)
        return np.asarray(self._model.predict_proba(rows)[:, 1], np.float64)


class NameClassifier:
    """Many classes: each against the rest, by stochastic gradient descent.

    Attributes:
        names: of the classes, sorted.
    """

    def __init__(self, *, strength: float, seed: int) -> None:
        self._strength, self._seed = strength, seed
        self._model: SGDClassifier | None = None
        self.names: NDArray[Any] = np.array([], object)

    def fit(self, rows: Matrix, gold: NDArray[Any]) -> Self:
        """Learn from rows ``(N, F)`` and their names ``(N,)``; one name alone is always said."""
        self.names, numbers = np.unique(gold, return_inverse=True)
        if len(self.names) > 1:
            self._model = SGDClassifier(
                loss="log_loss",
                alpha=1 / (self._strength * len(numbers)),  # the penalty that liblinear's C stands for
                max_iter=int(np.clip(500_000 / len(numbers), 30, 1000)),  # few rows need more rounds
                random_state=self._seed,
            )
            _fit(self._model, rows, numbers)
        return self

    def answers(self, rows: Matrix) -> NDArray[Any]:
        """The most probable name of each row, ``(N,)``."""
        return self.scored_answers(rows)[0]

    def scored_answers(self, rows: Matrix) -> tuple[NDArray[Any], Floats]:
        """The most probable name of each row and its probability, both ``(N,)``."""
        probabilities = self.probabilities(rows)
        best = probabilities.argmax(1) if len(probabilities) else np.array([], np.int64)
        return self.names[best], probabilities[np.arange(len(best)), best]

    def probabilities(self, rows: Matrix) -> Floats:
        """Probability of each of ``names``, ``(N, C)``; rows sum to 1."""
        if self._model is None or not rows.shape[0]:
            return np.ones((rows.shape[0], len(self.names)))
        return np.asarray(self._model.predict_proba(rows), np.float64)


def _fit(model: Any, rows: Matrix, gold: NDArray[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds are a budget, the tuning dialogues judge
        model.fit(rows, gold)
