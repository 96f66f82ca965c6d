"""What a task is: one kind of label, with its targets, head, loss, decoding and table of items.

A task is one file. Those of :mod:`selflearn.tasks` are found by being there; others are found through the entry point
group ``selflearn.tasks`` or passed in as objects.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, TypeVar

import pandas as pd
import torch
from torch import Tensor, nn

from selflearn.batching.batch import DialogueBatch, Targets
from selflearn.batching.readings import ReadingVocabulary
from selflearn.encoders.dialogue import shift_turns
from selflearn.metrics.items import ItemTable
from selflearn.schema import Dialogue, ObservedDialogue, Turn
from selflearn.tasks.prediction import DialoguePrediction, Thresholds

T = TypeVar("T")

WORD_DROPOUT = 0.4
"""On the words of a request where a head reads them beside what the assistant understood. The phrasings and the names
of the training dialogues are known too well: words must not be trusted as much as they seem to deserve there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSizes:
    """What a head has to deal with.

    Attributes:
        turn: width of turn states, ``M``.
        token: width of token states, ``H``.
        lexical: width of the n-gram vectors of a turn, ``2 X``; 0 without the wide part.
        readings: names of what the assistant understands.
    """

    turn: int
    token: int
    lexical: int = 0
    readings: ReadingVocabulary = field(default_factory=ReadingVocabulary)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedBatch:
    """What the encoders made of a batch, as heads see it.

    Attributes:
        turns: contextual turn states, float, ``[D, T, M]``, zero on padding.
        texts: vectors of request and response, float, ``[D, T, 2, H]``, zero where there is none.
        lexical: n-gram vectors of request and response, float, ``[D, T, 2 X]``; ``X`` is 0 without the wide part.
        tokens: token states of the distinct texts, float, ``[sum(U * L), H]``.
        inputs: the batch.
        causal: whether later turns are hidden from a head.
        context: whether the neighbours of a turn may be seen at all; False in a model without a dialogue encoder.
    """

    turns: Tensor
    texts: Tensor
    lexical: Tensor
    tokens: Tensor
    inputs: DialogueBatch
    causal: bool
    context: bool = True

    def neighbours(self, offset: int) -> Tensor:
        """The state of turn ``t + offset`` in the place of turn ``t``, ``[D, T, M]``; zero where it may not be seen."""
        return self.shifted(self.turns, offset)

    def shifted(self, values: Tensor, offset: int) -> Tensor:
        """What belongs to turn ``t + offset`` in the place of turn ``t``, ``[D, T, ...]``; zero if not to be seen."""
        if offset and (not self.context or (offset > 0 and self.causal)):
            return torch.zeros_like(values)
        return shift_turns(values, offset)

    def response_before(self) -> Tensor:
        """Vectors of the responses before the turns, ``[D, T, H]``; zero where there is none or it may not be seen."""
        return self.shifted(self.texts[:, :, 1], -1)

    def request_tokens(self) -> Tensor:
        """Token states of the requests of all turns, ``[N, H]``."""
        return self.tokens[self.inputs.token_index]

    def of_tokens(self, turns: Tensor) -> Tensor:
        """What belongs to the turn of each request token, ``[N, ...]``, from values by turn, ``[D, T, ...]``."""
        return turns.flatten(0, 1)[self.inputs.token_turn]


class Task(ABC):
    """One kind of label.

    Attributes:
        name: short name, also the name of its metrics.
        labels: names of the classes in the order of the head's outputs; empty for yes-no tasks.
        level: what is scored: turns or request tokens; "goal" is of ``success`` alone, whose head is also given the
            goals that are asked about.
        items: what a row of its table is, and what is measured on it.
        prediction_field: where :class:`DialoguePrediction` holds its answer; None = in ``extra`` under its name.
        num_hypotheses: how many entries of a turn's n-best list the head reads.
        empty_answer: of a turn that was cut off (``on_overflow="truncate"``), where answers are in ``extra``.
        place: among the tasks, where all are asked for: lower ones first, then by name. One whose loss reads the
            logits of another stands after it.
    """

    name: ClassVar[str]
    items: ClassVar[ItemTable]
    prediction_field: ClassVar[str | None] = None
    empty_answer: ClassVar[Any] = None
    level: ClassVar[Literal["turn", "goal", "token"]] = "turn"
    num_hypotheses: ClassVar[int] = 0
    place: ClassVar[int] = 100

    def __init__(self, labels: Sequence[str] = ()) -> None:
        self.labels = tuple(labels)

    @classmethod
    @abstractmethod
    def fit(cls, dialogues: Iterable[Dialogue]) -> Self | None:
        """The task with the label names of training dialogues; None where nothing is labelled for it."""

    @abstractmethod
    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """A module called with an :class:`EncodedBatch`."""

    @abstractmethod
    def targets(self, dialogues: Sequence[Dialogue], batch: DialogueBatch) -> Targets:
        """Tensors for :meth:`loss`; an empty dictionary where nothing in the batch is labelled."""

    @abstractmethod
    def loss(self, head: nn.Module, encoded: EncodedBatch, targets: Targets, logits: Mapping[str, Tensor]) -> Tensor:
        """The loss of a batch, a scalar, summed over items; ``logits`` holds those of the tasks before this one.

        Divided by :meth:`count` it is the mean that a step learns from, over the items of all processes.
        """

    @abstractmethod
    def count(self, targets: Targets) -> int:
        """How many items the loss sums over."""

    @abstractmethod
    def decode(
        self, logits: Tensor, batch: DialogueBatch, dialogues: Sequence[ObservedDialogue]
    ) -> list[tuple[Any, ...]]:
        """Answers in the record's own terms: for each dialogue one answer a turn."""

    @abstractmethod
    def tables(
        self, dialogues: Sequence[Dialogue], predictions: Sequence[DialoguePrediction], thresholds: Thresholds
    ) -> dict[str, pd.DataFrame]:
        """Items with gold label, prediction and score, one row each, under the name of the task (and variants)."""

    def untrained(self, dialogue: Dialogue, request_spans: Callable[[Turn], Sequence[Sequence[int]]]) -> int:
        """How many labels of a training dialogue :meth:`targets` has no place for; they are counted and shown.

        Args:
            dialogue: as it is trained on.
            request_spans: characters ``[start, end)`` of the request tokens that are read of a turn.
        """
        return 0

    def unscored(self, dialogue: Dialogue) -> int:
        """How many labels of a test dialogue :meth:`tables` has no item for; they are counted and shown."""
        return 0

    def tune_threshold(self, table: pd.DataFrame) -> float | None:
        """The threshold that serves best on items of dialogues kept for tuning.

        Args:
            table: of :meth:`tables`, under the name of the task.

        Returns:
            None where the task decides by no threshold, or the items do not say which is best.
        """
        return None

    def answer(self, prediction: DialoguePrediction) -> tuple[Any, ...] | None:
        """This task's part of a prediction."""
        if self.prediction_field is None:
            return prediction.extra.get(self.name)
        found: tuple[Any, ...] | None = getattr(prediction, self.prediction_field)
        return found

    def put(self, fields: dict[str, Any], answers: tuple[Any, ...]) -> None:
        """Add answers to the fields of a :class:`DialoguePrediction` in the making, where :meth:`answer` finds them."""
        if self.prediction_field is None:
            fields.setdefault("extra", {})[self.name] = answers
        else:
            fields[self.prediction_field] = answers


def turn_head(sizes: StateSizes, outputs: int, *, dropout: float, width: int = 1) -> nn.Sequential:
    """Two linear layers over ``width`` turn states put end to end: ``[..., width * M]`` to ``[..., outputs]``."""
    return nn.Sequential(
        nn.Linear(width * sizes.turn, sizes.turn), nn.GELU(), nn.Dropout(dropout), nn.Linear(sizes.turn, outputs)
    )


def per_turn(values: Tensor, batch: DialogueBatch) -> list[tuple[float, ...]]:
    """``[D, T]`` as one tuple of numbers per dialogue, without padding."""
    rows = values.detach().float().cpu().tolist()
    return [tuple(row[:n]) for row, n in zip(rows, batch.lengths.tolist(), strict=True)]


def padded(rows: Sequence[Sequence[float]], num_turns: int, fill: float) -> Tensor:
    """Rows of different length as a float tensor ``[D, num_turns]``."""
    out = torch.full((len(rows), num_turns), fill)
    for d, row in enumerate(rows):
        out[d, : len(row)] = torch.tensor(row, dtype=out.dtype)
    return out


def one_a_turn(labels: Sequence[T], dialogue: Dialogue, task: str) -> Sequence[T]:
    """The labels of a dialogue as a task reads them, which may be somebody else's.

    Raises:
        ValueError: there are not as many as turns; names the task and the dialogue.
    """
    if len(labels) != len(dialogue.turns):
        raise ValueError(
            f"the task {task!r} has {len(labels)} labels for the {len(dialogue.turns)} turns of dialogue "
            f"{dialogue.id!r}; expected one a turn, None where there is none"
        )
    return labels


def domains_by_turn(dialogue: Dialogue) -> list[str | None]:
    """Domain (service) of the gold goal that each turn belongs to."""
    goals = dialogue.labels.goals
    if goals is None:
        return [None] * len(dialogue.turns)
    return [goal.domain for goal in goals for _ in range(goal.start, goal.end)]
