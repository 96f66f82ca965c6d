"""The linear system behind the TF-IDF baselines: one classifier a task, on bags of words of the windows it may read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from selflearn.baselines.base import NOT_LABELLED, UNKNOWN, Baseline, Choice, add_goals, check_goals, check_train
from selflearn.baselines.classifiers import NameClassifier, YesNoClassifier
from selflearn.baselines.goals import FailureClassifier
from selflearn.baselines.labels import goal_failures, turn_labels
from selflearn.baselines.search import Trial
from selflearn.baselines.slots import SlotTagger
from selflearn.baselines.spans import labelled_slots
from selflearn.baselines.turns import (
    BOUNDARY_STRENGTHS,
    DECISION_STRENGTHS,
    TurnItems,
    fit_decisions,
    fit_names,
    turn_items,
)
from selflearn.baselines.vectors import TurnVectorizer, TurnVectors
from selflearn.baselines.windows import Window, Windows
from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks import task_classes
from selflearn.tasks.base import Task
from selflearn.tasks.prediction import DialoguePrediction, Span, Thresholds
from selflearn.tasks.segmentation import SegmentationTask
from selflearn.tasks.slots import SlotsTask
from selflearn.tasks.success import SuccessTask
from selflearn.tasks.turn_binary import BinaryTurnTask
from selflearn.tasks.turn_name import NamedTurnTask

CHUNK = 2000
"""Dialogues labelled at a time, so that memory does not grow with their number."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Cut:
    """The dialogues that a system is fitted on, with the vectors of their turns."""

    train: Sequence[Dialogue]
    tune: Sequence[Dialogue]
    train_turns: TurnVectors
    tune_turns: TurnVectors
    seed: int

    def items(self, task: BinaryTurnTask | NamedTurnTask) -> tuple[TurnItems, TurnItems]:
        """Labelled turns to learn from, and to choose by."""
        train, tune = turn_labels(task, self.train), turn_labels(task, self.tune)
        return turn_items(self.train_turns, train), turn_items(self.tune_turns, tune)


class BagOfWords(Baseline):
    """TF-IDF and logistic regression; window, regularisation and threshold of each task chosen on ``tune``.

    Args:
        windows: what each kind of answer may be read from.
        causal: see :class:`Baseline`.
    """

    def __init__(self, windows: Windows, *, causal: bool = False) -> None:
        super().__init__(causal=causal)
        self.windows = windows
        self._clear()

    def _clear(self) -> None:
        self.thresholds, self.choices = Thresholds(), {}
        self._vectorizer: TurnVectorizer | None = None
        self._decisions: dict[BinaryTurnTask, Trial[Window, YesNoClassifier]] = {}
        self._names: dict[NamedTurnTask, Trial[Window, NameClassifier]] = {}
        self._failures: FailureClassifier | None = None
        self._slots: SlotTagger | None = None

    def fit(self, train: Sequence[Dialogue], tune: Sequence[Dialogue], *, tasks: Collection[str], seed: int) -> Self:
        """Fit one classifier a task; see :meth:`Baseline.fit`.

        Raises:
            ValueError: ``train`` is empty.
        """
        check_train(train)
        self._clear()
        self._vectorizer = vectorizer = TurnVectorizer().fit(train)
        cut = _Cut(train, tune, vectorizer.transform(train), vectorizer.transform(tune), seed)
        classes = task_classes()
        for name in tasks:
            self.choices[name] = (self._fit_task(classes[name](), cut) or NOT_LABELLED) if name in classes else UNKNOWN
        return self

    def _fit_task(self, task: Task, cut: _Cut) -> Choice | None:
        """Learn one task; what was chosen, or None where nothing is labelled."""
        if isinstance(task, BinaryTurnTask):
            return self._fit_decisions(task, cut)
        if isinstance(task, NamedTurnTask):
            return self._fit_names(task, cut)
        if isinstance(task, SuccessTask):
            return self._fit_success(cut)
        return self._fit_slots(cut) if isinstance(task, SlotsTask) else UNKNOWN

    def _fit_decisions(self, task: BinaryTurnTask, cut: _Cut) -> Choice | None:
        train, tune = cut.items(task)
        if not len(train):
            return None
        boundaries = isinstance(task, SegmentationTask)
        windows = self.windows.boundaries if boundaries else self.windows.decisions
        strengths: Sequence[float] = BOUNDARY_STRENGTHS if boundaries else DECISION_STRENGTHS
        self._decisions[task] = trial = fit_decisions(task, windows, strengths, train, tune, seed=cut.seed)
        self.thresholds[task.name] = trial.threshold
        return trial.choice() | {"threshold": trial.threshold}

    def _fit_names(self, task: NamedTurnTask, cut: _Cut) -> Choice | None:
        train, tune = cut.items(task)
        if not len(train):
            return None
        self._names[task] = trial = fit_names(self.windows.names, train, tune, seed=cut.seed)
        return trial.choice()

    def _fit_success(self, cut: _Cut) -> Choice | None:
        if not len(goal_failures(cut.train).values):
            return None
        self._failures = FailureClassifier().fit(self.windows.failures, cut.train, cut.tune, seed=cut.seed)
        trial = self._failures.trial
        self.thresholds["success"] = trial.threshold
        return trial.choice() | {"threshold": trial.threshold}

    def _fit_slots(self, cut: _Cut) -> Choice | None:
        if not any(labelled_slots(cut.train)):
            return None
        train, tune = (cut.train, cut.train_turns), (cut.tune, cut.tune_turns)
        self._slots = SlotTagger().fit(self.windows.slots, train, tune, seed=cut.seed)
        spans = self._slots.tags
        return self._slots.names.choice() | {"span_C": spans.strength, "span_value": spans.value}

    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """Label dialogues; see :meth:`Baseline.predict`.

        Raises:
            ValueError: as :meth:`Baseline.predict`.
        """
        check_goals(dialogues, goals)
        if self._vectorizer is None:
            raise ValueError(f"{self.name} has not been fitted; call fit before predict")
        starts = range(0, len(dialogues), CHUNK)
        chunks = ((dialogues[start : start + CHUNK], goals[start : start + CHUNK]) for start in starts)
        vectors = self._vectorizer
        return [answer for chunk, asked in chunks for answer in self._predict(chunk, vectors.transform(chunk), asked)]

    def _predict(
        self, dialogues: Sequence[ObservedDialogue], turns: TurnVectors, goals: Sequence[Sequence[Span]]
    ) -> Iterator[DialoguePrediction]:
        lengths = [len(d.turns) for d in dialogues]
        answers: list[dict[str, Any]] = [{} for _ in dialogues]
        of_turns: dict[Task, Sequence[Any]] = {
            **{task: self._decide(trial, turns) for task, trial in self._decisions.items()},
            **{task: self._name(trial, turns) for task, trial in self._names.items()},
        }
        for task, values in of_turns.items():
            for fields, row in zip(answers, _split(values, lengths), strict=True):
                task.put(fields, row)
        for fields in answers:
            add_goals(fields, self.thresholds)
        others: dict[str, Sequence[Any]] = {}
        if self._failures is not None:
            others["failures"] = self._fail(self._failures, dialogues, goals)
            if all("goals" in fields for fields in answers):
                found = [fields["goals"] for fields in answers]
                others["goal_failures"] = self._fail(self._failures, dialogues, found)
        if self._slots is not None:
            others["slots"] = self._slots.predict(dialogues, turns)
        for d, fields in enumerate(answers):
            yield DialoguePrediction(**fields, **{place: rows[d] for place, rows in others.items()})

    @staticmethod
    def _decide(trial: Trial[Window, YesNoClassifier], turns: TurnVectors) -> list[float]:
        scores: list[float] = trial.model.answers(turns.read(trial.window)).tolist()
        return scores

    @staticmethod
    def _name(trial: Trial[Window, NameClassifier], turns: TurnVectors) -> list[tuple[str, float]]:
        names, scores = trial.model.scored_answers(turns.read(trial.window))
        return list(zip(names.tolist(), scores.tolist(), strict=True))

    @staticmethod
    def _fail(
        model: FailureClassifier, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[tuple[float, ...]]:
        return _split(model.probabilities(dialogues, goals).tolist(), [len(spans) for spans in goals])


def _split(values: Sequence[T], lengths: Sequence[int]) -> list[tuple[T, ...]]:
    """Values of all items one after the other, as one tuple a dialogue."""
    items = iter(values)
    return [tuple(next(items) for _ in range(n)) for n in lengths]
