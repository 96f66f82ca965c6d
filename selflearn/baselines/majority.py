"""The most frequent answer of each task, whatever is said: what a system must pass to have learned anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from selflearn.baselines.base import NOT_LABELLED, UNKNOWN, Baseline, Choice, add_goals, check_goals, check_train
from selflearn.baselines.labels import goal_failures, turn_labels
from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks import task_classes
from selflearn.tasks.base import Task
from selflearn.tasks.prediction import DialoguePrediction, Span
from selflearn.tasks.slots import SlotsTask
from selflearn.tasks.success import SuccessTask
from selflearn.tasks.turn_binary import BinaryTurnTask
from selflearn.tasks.turn_name import NamedTurnTask


class Majority(Baseline):
    """Says the most frequent class, with its rate in the training dialogues as the score; thresholds stay at 0.5.

    A word is mostly outside every slot, so there are no slots. ``tune`` and ``seed`` change nothing.
    """

    name: ClassVar[str] = "majority"

    def __init__(self, *, causal: bool = False) -> None:
        super().__init__(causal=causal)
        self._fitted = False

    def fit(self, train: Sequence[Dialogue], tune: Sequence[Dialogue], *, tasks: Collection[str], seed: int) -> Self:
        """Count the classes; see :meth:`Baseline.fit`.

        Raises:
            ValueError: ``train`` is empty.
        """
        check_train(train)
        self._fitted = True
        self._said: dict[Task, Any] = {}
        self._failure: float | None = None
        self.choices = {}
        classes = task_classes()
        for name in tasks:
            known = name in classes
            self.choices[name] = (self._count(classes[name](), train) or NOT_LABELLED) if known else UNKNOWN
        return self

    def _count(self, task: Task, train: Sequence[Dialogue]) -> Choice | None:
        """Learn one task; what was found, or None where nothing is labelled."""
        if isinstance(task, NamedTurnTask):
            names = turn_labels(task, train).values
            if not len(names):
                return None
            most, number = min(Counter(names.tolist()).items(), key=lambda pair: (-pair[1], pair[0]))
            self._said[task] = (most, number / len(names))
            return {"name": most, "rate": number / len(names)}
        if isinstance(task, SlotsTask):
            if not any(turn.slots for d in train for turn in d.labels.turns):
                return None
            self._said[task] = ()
            return {"name": None}
        if isinstance(task, BinaryTurnTask):
            decisions = turn_labels(task, train).values
            if not len(decisions):
                return None
            self._said[task] = float(np.mean(decisions))
            return {"rate": self._said[task]}
        if isinstance(task, SuccessTask):
            failures = goal_failures(train).values
            if not len(failures):
                return None
            self._failure = float(np.mean(failures))
            return {"rate": self._failure}
        return UNKNOWN

    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """The same answer for every item; see :meth:`Baseline.predict`.

        Raises:
            ValueError: as :meth:`Baseline.predict`.
        """
        check_goals(dialogues, goals)
        if not self._fitted:
            raise ValueError(f"{self.name} has not been fitted; call fit before predict")
        return [self._answer(len(d.turns), len(asked)) for d, asked in zip(dialogues, goals, strict=True)]

    def _answer(self, turns: int, asked: int) -> DialoguePrediction:
        fields: dict[str, Any] = {}
        for task, said in self._said.items():
            task.put(fields, (said,) * turns)
        add_goals(fields, self.thresholds)
        if self._failure is not None:
            fields["failures"] = (self._failure,) * asked
            if "goals" in fields:
                fields["goal_failures"] = (self._failure,) * len(fields["goals"])
        return DialoguePrediction(**fields)
