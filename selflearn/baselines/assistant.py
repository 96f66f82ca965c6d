"""The assistant's own hypotheses: what the system that is being judged believed itself, and the best among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, Self

from rapidfuzz.distance import Levenshtein

from selflearn.baselines.base import Baseline, check_goals, check_train
from selflearn.batching.readings import slot_places
from selflearn.schema import Dialogue, Interpretation, ObservedDialogue, Slot, Turn, TurnLabels
from selflearn.tasks.prediction import DialoguePrediction, Span, Thresholds

NAME = "other"
"""What a turn without an interpretation is called."""


class Assistant(Baseline):
    """Says the best interpretation of the log: intent, domain, slots where the request has their words, and transcript.

    Logs without interpretations have nothing to say; the tasks are left out then. Nothing is learned.
    """

    name: ClassVar[str] = "assistant"
    _knows: bool | None = None

    def fit(self, train: Sequence[Dialogue], tune: Sequence[Dialogue], *, tasks: Collection[str], seed: int) -> Self:
        """Look whether the log has interpretations; see :meth:`Baseline.fit`.

        Raises:
            ValueError: ``train`` is empty.
        """
        check_train(train)
        self._knows = any(turn.interpretations for dialogue in train for turn in dialogue.turns)
        reason = "the log has no interpretations" if not self._knows else "the log does not say it"
        self.choices = {
            task: {"source": "interpretations"}
            if self._knows and task in ("intent", "domain", "slots", "transcript")
            else {"skipped": reason}
            for task in tasks
        }
        return self

    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """Read the log; see :meth:`Baseline.predict`.

        Raises:
            ValueError: there are not as many rows of goals as dialogues, or nothing was fitted before.
        """
        check_goals(dialogues, goals)
        if self._knows is None:
            raise ValueError(f"{self.name} has not been fitted; call fit before predict")
        if not self._knows:
            return [DialoguePrediction() for _ in dialogues]
        return [
            DialoguePrediction(
                intents=tuple(_intent(turn) for turn in dialogue.turns),
                slots=tuple(_slots(turn) for turn in dialogue.turns),
                extra={
                    "domain": tuple(_domain(turn) for turn in dialogue.turns),
                    "transcript": tuple((turn.request or "", 1.0) for turn in dialogue.turns),
                },
            )
            for dialogue in dialogues
        ]


class NBestOracle:
    """No system but a bound: the best entry of each n-best list, which somebody who knows the answer would take.

    Without interpretations there are no lists of intents and slots: it says nothing of them then.

    Args:
        dialogues: with gold labels; those that will be asked about.
    """

    name = "oracle"

    def __init__(self, dialogues: Iterable[Dialogue]) -> None:
        self.thresholds = Thresholds()
        self._dialogues = {dialogue.id: dialogue for dialogue in dialogues}
        self._understood = any(turn.interpretations for known in self._dialogues.values() for turn in known.turns)

    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """The first interpretation of the gold intent, else the best one, and the text with the fewest word errors.

        Raises:
            ValueError: a dialogue is not among those that were given.
        """
        unseen = next((dialogue.id for dialogue in dialogues if dialogue.id not in self._dialogues), None)
        if unseen is not None:
            raise ValueError(f"the oracle does not know dialogue {unseen}; expected one of those that it was given")
        best = [self._prediction(self._dialogues[dialogue.id]) for dialogue in dialogues]
        return best if self._understood else [replace(one, intents=None, slots=None) for one in best]

    @staticmethod
    def _prediction(dialogue: Dialogue) -> DialoguePrediction:
        intents, slots, transcripts = [], [], []
        labels = dialogue.labels.turns or (TurnLabels(),) * len(dialogue.turns)
        for turn, label in zip(dialogue.turns, labels, strict=True):
            gold = label.intent.value if label.intent else None
            offered = [reading.intent for reading in turn.interpretations]
            if gold is not None and gold in offered:
                intents.append((gold, 1.0))
                slots.append(_slots(turn, offered.index(gold)))
            else:
                intents.append(_intent(turn))
                slots.append(_slots(turn))
            said = _words(label.transcript.value) if label.transcript else []
            texts = [hypothesis.text for hypothesis in turn.recognition] or [turn.request or ""]
            transcripts.append((min(texts, key=lambda text: Levenshtein.distance(_words(text), said)), 1.0))
        return DialoguePrediction(
            intents=tuple(intents), slots=tuple(slots), extra={"transcript": tuple(transcripts)}
        )  # fmt: skip


def _words(text: str) -> list[str]:
    """Words as the metric counts their errors, capitals aside: else what has the fewest would be no bound."""
    return text.casefold().split()


def _intent(turn: Turn) -> tuple[str, float]:
    if not turn.interpretations:
        return NAME, 0.0
    best = turn.interpretations[0]
    return best.intent or NAME, _probability(best) or 0.0


def _domain(turn: Turn) -> tuple[str, float]:
    if not turn.interpretations:
        return NAME, 0.0
    best = turn.interpretations[0]
    return best.domain or NAME, _probability(best) or 0.0


def _probability(reading: Interpretation) -> float | None:
    """The score of an interpretation; None where it is on another scale than labels are."""
    return reading.score if reading.score is not None and 0 <= reading.score <= 1 else None


def _slots(turn: Turn, number: int = 0) -> tuple[Slot, ...]:
    """The values of an interpretation, where they stand in the request."""
    request = turn.request or ""
    return tuple(
        Slot(name=name, start=start, end=end, text=request[start:end], source="model",
             score=_probability(turn.interpretations[number]))
        for start, end, name in slot_places(turn, number)
    )  # fmt: skip
