"""L2 logistic regression on sparse rows, for two classes and for many, that also survives data of a single class."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
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
        """Learn from rows ``(N, F)`` and their bools ``(N,)``; where all are equal, that is always said.

        Instead of bools there may be probabilities of a yes: such a row is learned as both, by their weight.
        """
        yes = np.asarray(gold, np.float64)
        if (yes == yes[0]).all() and yes[0] in (0.0, 1.0):
            self._constant = float(yes[0])
        elif set(np.unique(yes)) <= {0.0, 1.0}:
            _fit(self._model, rows, yes == 1)
        else:
            said, both = np.repeat([True, False], len(yes)), sparse.vstack([rows, rows]).tocsr()
            _fit(self._model, both, said, np.concatenate([yes, 1 - yes]))
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
        """Probability of each of ``names``, ``(N, K)``; rows sum to 1."""
        if self._model is None or not rows.shape[0]:
            return np.ones((rows.shape[0], len(self.names)))
        return np.asarray(self._model.predict_proba(rows), np.float64)


def _fit(model: Any, rows: Matrix, gold: NDArray[Any], weights: Floats | None = None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds are a budget, the tuning dialogues judge
        model.fit(rows, gold, sample_weight=weights)
