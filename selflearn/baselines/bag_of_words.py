"""The linear system behind the TF-IDF baselines: one classifier a task, on bags of words of the windows it may read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from selflearn.baselines.base import NOT_LABELLED, UNKNOWN, Baseline, Choice, check_goals, check_train
from selflearn.baselines.classifiers import NameClassifier, YesNoClassifier
from selflearn.baselines.goals import FailureClassifier
from selflearn.baselines.labels import (
    TurnLabelsOf,
    defect_labels,
    domain_labels,
    goal_failures,
    intent_labels,
    segmentation_labels,
)
from selflearn.baselines.search import Trial
from selflearn.baselines.slots import SlotTagger
from selflearn.baselines.spans import labelled_slots
from selflearn.baselines.turns import TurnItems, fit_boundaries, fit_defects, fit_names, turn_items
from selflearn.baselines.vectors import TurnVectorizer, TurnVectors
from selflearn.baselines.windows import Window, Windows
from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks.prediction import DialoguePrediction, Span, Thresholds, goals_from_boundaries

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

    def items(self, labels: Callable[[Sequence[Dialogue]], TurnLabelsOf]) -> tuple[TurnItems, TurnItems]:
        """Labelled turns to learn from, and to choose by."""
        return turn_items(self.train_turns, labels(self.train)), turn_items(self.tune_turns, labels(self.tune))


class BagOfWords(Baseline):
    """TF-IDF and logistic regression; window, regularisation and threshold of each task chosen on ``tune``.

    Args:
        windows: what each task may read.
        causal: see :class:`Baseline`.
    """

    def __init__(self, windows: Windows, *, causal: bool = False) -> None:
        super().__init__(causal=causal)
        self.windows = windows
        self._clear()

    def _clear(self) -> None:
        self.thresholds, self.choices = Thresholds(), {}
        self._vectorizer: TurnVectorizer | None = None
        self._boundaries: Trial[Window, YesNoClassifier] | None = None
        self._defects: Trial[Window, YesNoClassifier] | None = None
        self._names: dict[str, Trial[Window, NameClassifier]] = {}
        self._failures: FailureClassifier | None = None
        self._slots: SlotTagger | None = None

    def fit(self, train: Sequence[Dialogue], tune: Sequence[Dialogue], *, tasks: Collection[str], seed: int) -> Self:
        """Fit one classifier a task; see :meth:`Baseline.fit`."""
        check_train(train)
        self._clear()
        self._vectorizer = vectorizer = TurnVectorizer().fit(train)
        cut = _Cut(train, tune, vectorizer.transform(train), vectorizer.transform(tune), seed)
        known: dict[str, Callable[[_Cut], Choice | None]] = {
            "segmentation": self._fit_segmentation,
            "success": self._fit_success,
            "intent": lambda cut: self._fit_names("intent", intent_labels, cut),
            "domain": lambda cut: self._fit_names("domain", domain_labels, cut),
            "slots": self._fit_slots,
            "defect": self._fit_defect,
        }
        for task in tasks:
            self.choices[task] = (known[task](cut) or NOT_LABELLED) if task in known else UNKNOWN
        return self

    def _fit_segmentation(self, cut: _Cut) -> Choice | None:
        train, tune = cut.items(segmentation_labels)
        if not len(train):
            return None
        trial = fit_boundaries(self.windows.segmentation, train, tune, seed=cut.seed)
        self._boundaries = trial
        self.thresholds["segmentation"] = trial.threshold
        return trial.choice() | {"threshold": trial.threshold}

    def _fit_defect(self, cut: _Cut) -> Choice | None:
        train, tune = cut.items(defect_labels)
        if not len(train):
            return None
        trial = fit_defects(self.windows.defect, train, tune, seed=cut.seed)
        self._defects = trial
        self.thresholds["defect"] = trial.threshold
        return trial.choice() | {"threshold": trial.threshold}

    def _fit_names(self, task: str, labels: Callable[[Sequence[Dialogue]], TurnLabelsOf], cut: _Cut) -> Choice | None:
        train, tune = cut.items(labels)
        if not len(train):
            return None
        self._names[task] = fit_names(getattr(self.windows, task), train, tune, seed=cut.seed)
        return self._names[task].choice()

    def _fit_success(self, cut: _Cut) -> Choice | None:
        if not len(goal_failures(cut.train).values):
            return None
        self._failures = FailureClassifier().fit(self.windows.success, cut.train, cut.tune, seed=cut.seed)
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
        """Label dialogues; see :meth:`Baseline.predict`."""
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
        answers: dict[str, Sequence[Any]] = {}
        if self._boundaries is not None:
            rows = _split(self._decide(self._boundaries, turns), lengths)
            answers["boundaries"] = boundaries = [(1.0, *row[1:])[: len(row)] for row in rows]
            answers["goals"] = [goals_from_boundaries(row, self.thresholds["segmentation"]) for row in boundaries]
        if self._failures is not None:
            answers["failures"] = self._fail(self._failures, dialogues, goals)
        if self._failures is not None and self._boundaries is not None:
            answers["goal_failures"] = self._fail(self._failures, dialogues, answers["goals"])
        names = {task: _split(self._name(trial, turns), lengths) for task, trial in self._names.items()}
        if "intent" in names:
            answers["intents"] = names["intent"]
        if "domain" in names:
            answers["extra"] = [{"domain": row} for row in names["domain"]]
        if self._slots is not None:
            answers["slots"] = self._slots.predict(dialogues, turns)
        if self._defects is not None:
            answers["defects"] = _split(self._decide(self._defects, turns), lengths)
        for d in range(len(dialogues)):
            yield DialoguePrediction(**{field: rows[d] for field, rows in answers.items()})

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
