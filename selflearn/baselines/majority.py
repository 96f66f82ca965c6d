"""The most frequent answer of each task, whatever is said: what a system must pass to have learned anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import ClassVar, Self

import numpy as np

from selflearn.baselines.base import NOT_LABELLED, UNKNOWN, Baseline, Choice, check_goals, check_train
from selflearn.baselines.labels import (
    GoalLabelsOf,
    TurnLabelsOf,
    defect_labels,
    domain_labels,
    goal_failures,
    intent_labels,
    segmentation_labels,
)
from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks.prediction import DialoguePrediction, Span, goals_from_boundaries

_YES_NO: Mapping[str, Callable[[Sequence[Dialogue]], TurnLabelsOf | GoalLabelsOf]] = {
    "segmentation": segmentation_labels,
    "success": goal_failures,
    "defect": defect_labels,
}
_NAMES: Mapping[str, Callable[[Sequence[Dialogue]], TurnLabelsOf]] = {"intent": intent_labels, "domain": domain_labels}


class Majority(Baseline):
    """Says the most frequent class, with its rate in the training dialogues as the score; thresholds stay at 0.5.

    A word is mostly outside every slot, so there are no slots. ``tune`` and ``seed`` change nothing.
    """

    name: ClassVar[str] = "majority"

    def __init__(self, *, causal: bool = False) -> None:
        super().__init__(causal=causal)
        self._fitted = False

    def fit(self, train: Sequence[Dialogue], tune: Sequence[Dialogue], *, tasks: Collection[str], seed: int) -> Self:
        """Count the classes; see :meth:`Baseline.fit`."""
        check_train(train)
        self._fitted = True
        self._rates: dict[str, float] = {}
        self._names: dict[str, tuple[str, float]] = {}
        self._slots = False
        self.choices = {}
        for task in tasks:
            known = task in (*_YES_NO, *_NAMES, "slots")
            self.choices[task] = (self._count(task, train) or NOT_LABELLED) if known else UNKNOWN
        return self

    def _count(self, task: str, train: Sequence[Dialogue]) -> Choice | None:
        """Learn one task; what was found, or None where nothing is labelled."""
        if task in _NAMES:
            names = _NAMES[task](train).values
            if not len(names):
                return None
            most = min(Counter(names.tolist()).items(), key=lambda pair: (-pair[1], pair[0]))
            self._names[task] = (most[0], most[1] / len(names))
            return {"name": most[0], "rate": most[1] / len(names)}
        if task == "slots":
            self._slots = any(turn.slots for d in train for turn in d.labels.turns)
            return {"name": None} if self._slots else None
        labels = _YES_NO[task](train).values
        if not len(labels):
            return None
        self._rates[task] = float(np.mean(labels))
        return {"rate": self._rates[task]}

    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """The same answer for every item; see :meth:`Baseline.predict`."""
        check_goals(dialogues, goals)
        if not self._fitted:
            raise ValueError(f"{self.name} has not been fitted; call fit before predict")
        return [self._answer(len(d.turns), len(asked)) for d, asked in zip(dialogues, goals, strict=True)]

    def _answer(self, turns: int, asked: int) -> DialoguePrediction:
        boundary, failure, defect = (self._rates.get(task) for task in ("segmentation", "success", "defect"))
        intent, domain = (self._names.get(task) for task in ("intent", "domain"))
        boundaries = None if boundary is None else (1.0, *[boundary] * (turns - 1))[:turns]
        found = None if boundaries is None else goals_from_boundaries(boundaries, self.thresholds["segmentation"])
        return DialoguePrediction(
            boundaries=boundaries,
            goals=found,
            failures=None if failure is None else (failure,) * asked,
            goal_failures=None if failure is None or found is None else (failure,) * len(found),
            intents=None if intent is None else (intent,) * turns,
            slots=((),) * turns if self._slots else None,
            defects=None if defect is None else (defect,) * turns,
            extra={} if domain is None else {"domain": (domain,) * turns},
        )
