"""A linear system for success: bags of words of a goal and of what follows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp

from selflearn.baselines.classifiers import Floats, YesNoClassifier
from selflearn.baselines.labels import goal_failures
from selflearn.baselines.search import Items, Trial, search
from selflearn.baselines.vectors import Matrix, TextVectorizer
from selflearn.baselines.windows import GoalWindow
from selflearn.schema import Dialogue, ObservedDialogue, Turn
from selflearn.tasks.prediction import Span
from selflearn.tasks.thresholds import binary_f1_cut

STRENGTHS = (10.0, 3.0, 30.0, 100.0)

Dialogues = Sequence[Dialogue] | Sequence[ObservedDialogue]


def _requests(turns: Sequence[Turn]) -> str:
    return "\n".join(turn.request for turn in turns if turn.request)


def _responses(turns: Sequence[Turn]) -> str:
    return "\n".join(turn.response for turn in turns if turn.response)


PARTS: Mapping[str, Callable[[Sequence[Turn], int, int], str]] = {
    "requests": lambda turns, start, end: _requests(turns[start:end]),
    "responses": lambda turns, start, end: _responses(turns[start:end]),
    "last requests": lambda turns, start, end: _requests(turns[max(start, end - 2) : end]),
    "last responses": lambda turns, start, end: _responses(turns[max(start, end - 2) : end]),
    "request after": lambda turns, start, end: _requests(turns[end : end + 1]),
}
"""What a goal ``[start, end)`` can be read from; each part is one text with terms and weights of its own."""


@dataclass(frozen=True, slots=True)
class GoalReader:
    """Vectorizers of the parts of goals."""

    vectorizers: Mapping[str, TextVectorizer]

    @classmethod
    def fit(cls, parts: Sequence[str], dialogues: Dialogues, goals: Sequence[Sequence[Span]]) -> Self:
        """Learn the terms of each part from the goals of some dialogues."""
        return cls({part: TextVectorizer().fit(_texts(part, dialogues, goals)) for part in parts})

    def transform(self, dialogues: Dialogues, goals: Sequence[Sequence[Span]]) -> dict[str, Matrix]:
        """Vectors of each part, a row a goal."""
        return {
            part: vectorizer.transform(_texts(part, dialogues, goals)) for part, vectorizer in self.vectorizers.items()
        }


def _texts(part: str, dialogues: Dialogues, goals: Sequence[Sequence[Span]]) -> list[str]:
    read = PARTS[part]
    turns = [dialogue.turns for dialogue in dialogues]
    return [read(of, start, end) for of, spans in zip(turns, goals, strict=True) for start, end in spans]


class FailureClassifier:
    """Probability that a goal was not reached, from bags of words.

    Attributes:
        trial: what was chosen.
    """

    trial: Trial[GoalWindow, YesNoClassifier]

    def fit(
        self, windows: Sequence[GoalWindow], train: Sequence[Dialogue], tune: Sequence[Dialogue], *, seed: int
    ) -> Self:
        """Learn from the labelled goals of ``train``, at least one; choose by F1 of failure on those of ``tune``."""
        parts = sorted({part for window in windows for part in window.parts})
        self._reader = GoalReader.fit(parts, train, goal_failures(train).goals)

        def make(strength: float) -> YesNoClassifier:
            return YesNoClassifier(strength=strength, seed=seed)

        self.trial = search(
            windows, STRENGTHS, self._items(train), self._items(tune), make=make,
            measure=lambda scores, items: binary_f1_cut(scores, items.gold, items.dialogue),
        )  # fmt: skip
        return self

    def _items(self, dialogues: Sequence[Dialogue]) -> Items[GoalWindow]:
        gold = goal_failures(dialogues)
        parts = self._reader.transform(dialogues, gold.goals)
        owner = np.repeat(np.arange(len(dialogues)), np.array([len(spans) for spans in gold.goals], np.int64))
        return Items(read=lambda window: _beside(parts, window), gold=gold.values, dialogue=owner)

    def probabilities(self, dialogues: Dialogues, goals: Sequence[Sequence[Span]]) -> Floats:
        """Probability of failure of each goal, dialogue by dialogue, ``(number of goals,)``."""
        return self.trial.model.answers(_beside(self._reader.transform(dialogues, goals), self.trial.window))


def _beside(parts: Mapping[str, Matrix], window: GoalWindow) -> Matrix:
    return sp.hstack([parts[part] for part in window.parts], format="csr")
