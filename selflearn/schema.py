"""The record: dialogues, what was observed in them, and the labels that describe them.

A *turn* is one exchange, the person's request with the assistant's response. A *dialogue* is the turns of one session.
What a log holds (:class:`Turn`, :class:`Feedback`) is kept apart by type from what describes it (:class:`Labels`,
:class:`Rating`, :class:`Truth`): models read an :class:`ObservedDialogue`, which has no place for a label.

Every class is frozen, checks itself when made, and is the same thing in four clothes: Python object, JSON object
(``to_dict``/``from_dict``), row of a ``datasets.Dataset`` (``features()``), row of a Parquet file.
Times are seconds, offsets count characters, spans are half-open ``[start, end)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field

from selflearn._codec import RecordError
from selflearn._record import Label, Record, check_score, check_source, require, require_span

__all__ = [
    "Dialogue", "EntityResolution", "Evidence", "Feedback", "Goal", "GoalRecord", "Interpretation", "Label", "Labels",
    "NamedValue", "ObservedDialogue", "Rating", "RecognitionHypothesis", "Record", "RecordError", "Slot", "Truth",
    "Turn", "TurnLabels", "TurnTruth",
]  # fmt: skip

# ---------------------------------------------------------------------------------------------------------- observed


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionHypothesis(Record):
    """One entry of the speech recogniser's n-best list; ``score`` on the recogniser's own scale."""

    text: str
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedValue(Record):
    """A slot name with a value, without offsets: what an assistant understood or a person meant."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation(Record):
    """One entry of the assistant's own n-best list of interpretations."""

    domain: str | None = None
    intent: str | None = None
    slots: tuple[NamedValue, ...] = ()
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityResolution(Record):
    """What a mention was resolved to in the catalogue; ``entity`` is None where nothing matched."""

    slot: str
    mention: str
    entity: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Record):
    """One exchange as a log holds it: observed fields only, each of them possibly missing.

    Attributes:
        request: what the person said, as recognised; None where the assistant spoke first.
        response: what the assistant answered; None where it did not.
        seconds: since the start of the dialogue.
        joins: how many utterances were joined into this turn beyond one a side.
        recognition: n-best list of the recogniser, best first.
        interpretations: n-best list of the understanding component, best first.
        entities: result of entity resolution.
        status: outcome as the assistant logged it.
        device_type: for example "screen" or "speaker".
        device_state: named states, for example ``{"oven": "on"}``.
        location: where the device or person is, as logged.
        audio: reference (path or key) to the recording.
        propensity: probability of the logged decision in (0, 1], where the assistant explores.
        categorical: any other named categories.
        numeric: any other named numbers; leave out what is missing (NaN is refused).
    """

    request: str | None = None
    response: str | None = None
    seconds: float | None = None
    joins: int = 0
    recognition: tuple[RecognitionHypothesis, ...] = ()
    interpretations: tuple[Interpretation, ...] = ()
    entities: tuple[EntityResolution, ...] = ()
    status: str | None = None
    device_type: str | None = None
    device_state: Mapping[str, str] = field(default_factory=dict)
    location: str | None = None
    audio: str | None = None
    propensity: float | None = None
    categorical: Mapping[str, str] = field(default_factory=dict)
    numeric: Mapping[str, float] = field(default_factory=dict)

    def _check(self) -> None:
        require(self.seconds is None or self.seconds >= 0, "seconds", self.seconds, "0 or more, or nothing")
        require(self.joins >= 0, "joins", self.joins, "0 or more")
        p = self.propensity
        require(p is None or 0 < p <= 1, "propensity", p, "a probability in (0, 1], or nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback(Record):
    """What the person did about one turn; None where it was not logged (silence is not "no").

    Attributes:
        barge_in: interrupted the response.
        rephrase: said it again in other words.
        termination: this request asks to stop, and for nothing else ("forget it"): it is not the end of every session.
        repetition: said the same words again.
        answer: explicit, to "did I answer your question?".
        rating: explicit, on the scale of the product.
    """

    barge_in: bool | None = None
    rephrase: bool | None = None
    termination: bool | None = None
    repetition: bool | None = None
    answer: bool | None = None
    rating: float | None = None


# ------------------------------------------------------------------------------------------------------------ labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot(Record):
    """A named span of the request: characters ``[start, end)``, the text there, and the value it stands for."""

    name: str
    start: int
    end: int
    text: str
    value: str | None = None
    source: str = "gold"
    score: float | None = None

    def _check(self) -> None:
        require_span(self.start, self.end)
        require(len(self.text) == self.end - self.start, "text", self.text, f"{self.end - self.start} characters")
        check_source(self.source)
        check_score(self.score)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal(Record):
    """Turns ``[start, end)`` that serve one goal; ``domain`` is the service, ``success`` None where nobody knows."""

    start: int
    end: int
    name: str | None = None
    domain: str | None = None
    success: bool | None = None
    source: str = "gold"
    score: float | None = None
    success_score: float | None = None

    def _check(self) -> None:
        require_span(self.start, self.end)
        check_source(self.source)
        check_score(self.score)
        require(self.success_score is None or 0 <= self.success_score <= 1, "success_score", self.success_score,
                 "the probability of success in [0, 1], or nothing")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLabels(Record):
    """The labels of one turn. ``None`` means not labelled; an empty tuple of slots means that there are none.

    Attributes:
        intent: name of the intent; the name "other" is abstention.
        slots: named spans of the request.
        transcript: what was really said.
        defect: the response did not serve the person.
        failure_point: first component that failed for good, or "correct".
        rephrase_target: index of the later turn that says the same and worked.
        response_acts: dialogue acts of the response, as annotators wrote them.
    """

    intent: Label[str] | None = None
    slots: tuple[Slot, ...] | None = None
    transcript: Label[str] | None = None
    defect: Label[bool] | None = None
    failure_point: Label[str] | None = None
    rephrase_target: Label[int] | None = None
    response_acts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels(Record):
    """Everything that describes a dialogue and is never an input.

    Attributes:
        goals: contiguous, disjoint, covering the dialogue; None where goals are not labelled.
        turns: one entry a turn, or empty where no turn is labelled.
    """

    goals: tuple[Goal, ...] | None = None
    turns: tuple[TurnLabels, ...] = ()

    def sources(self) -> frozenset[str]:
        """Who gave the labels: "gold", "model", "rater:ID", ..."""
        found = {goal.source for goal in self.goals or ()}
        for turn in self.turns:
            one = (turn.intent, turn.transcript, turn.defect, turn.failure_point, turn.rephrase_target)
            found |= {label.source for label in (*one, *(turn.slots or ())) if label is not None}
        return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating(Record):
    """One person's judgement, never aggregated: of a turn, or of the dialogue where ``turn`` is None."""

    rater: str
    question: str
    answer: str
    score: float | None = None
    turn: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTruth(Record):
    """What the person meant in a simulated turn and what each component of the assistant made of it."""

    request: str | None = None
    domain: str | None = None
    intent: str | None = None
    slots: tuple[NamedValue, ...] = ()
    components: Mapping[str, str] = field(default_factory=dict)
    supported: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth(Record):
    """What a simulation knows and no learner may read: one entry a turn, and named facts of the session."""

    turns: tuple[TurnTruth, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


# ---------------------------------------------------------------------------------------------------------- dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedDialogue(Record):
    """The part of a dialogue that a model may see. It has no field for labels, ratings or truth: they cannot leak."""

    id: str
    corpus: str
    split: str
    user_id: str | None = None
    device_id: str | None = None
    started_at: float | None = None
    system_version: str | None = None
    turns: tuple[Turn, ...] = ()
    feedback: tuple[Feedback, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue(Record):
    """The turns of one session in order, with feedback, labels, ratings and (simulated only) the truth.

    Attributes:
        id: unique within (corpus, split).
        corpus: name of the corpus or log.
        split: "train", "dev", "test" or any other name.
        user_id: who spoke, where known; splits are made by user then.
        device_id: which device.
        started_at: seconds since 1970-01-01 UTC.
        system_version: version of the assistant that answered.
        turns: one or more.
        feedback: one entry a turn, or empty.
        labels: what describes the dialogue.
        ratings: judgements of single people.
        truth: simulation only.
    """

    id: str
    corpus: str
    split: str
    user_id: str | None = None
    device_id: str | None = None
    started_at: float | None = None
    system_version: str | None = None
    turns: tuple[Turn, ...]
    feedback: tuple[Feedback, ...] = ()
    labels: Labels = field(default_factory=Labels)
    ratings: tuple[Rating, ...] = ()
    truth: Truth | None = None

    def _check(self) -> None:
        n = len(self.turns)
        require(n > 0, "turns", (), "at least one turn")
        times = [turn.seconds for turn in self.turns if turn.seconds is not None]
        require(times == sorted(times), "turns", times, "seconds that never go back")
        require(len(self.feedback) in (0, n), "feedback", f"{len(self.feedback)} entries", _one_a_turn(n))
        if self.truth is not None:
            require(len(self.truth.turns) in (0, n), "truth.turns", f"{len(self.truth.turns)} entries", f"0 or {n}")
        self._check_labels()
        for i, rating in enumerate(self.ratings):
            ok = rating.turn is None or 0 <= rating.turn < n
            require(ok, f"ratings[{i}].turn", rating.turn, f"a turn index below {n}, or nothing")

    def _check_labels(self) -> None:
        n, rows = len(self.turns), self.labels.turns
        require(len(rows) in (0, n), "labels.turns", f"{len(rows)} entries", _one_a_turn(n))
        self._check_goals(n)
        for i, (turn, labels) in enumerate(zip(self.turns, rows, strict=False)):
            request, target = turn.request or "", labels.rephrase_target
            for j, slot in enumerate(labels.slots or ()):
                if request[slot.start : slot.end] != slot.text:
                    where, span = f"labels.turns[{i}].slots[{j}]", (slot.start, slot.end, slot.text)
                    expected = f"offsets into the request ({len(request)} characters) that hold this text"
                    raise RecordError(where, span, expected)
            if target is not None:
                later = f"the index of a later turn (at most {n - 1})"
                require(i < target.value < n, f"labels.turns[{i}].rephrase_target", target, later)

    def _check_goals(self, n: int) -> None:
        goals = self.labels.goals
        if goals is None:
            return
        spans = [(goal.start, goal.end) for goal in goals]
        starts, ends = [start for start, _ in spans], [end for _, end in spans]
        require(starts == [0, *ends[:-1]] and ends[-1:] == [n], "labels.goals", spans,
                 f"contiguous goals that cover the turns 0 to {n}")  # fmt: skip

    def observed(self, *, feedback: bool = False) -> ObservedDialogue:
        """The view that inputs are built from.

        Args:
            feedback: let the person's reactions in, for people who annotate. No model of the library is given them: it
                labels a log whether people reacted or not.
        """
        return ObservedDialogue(
            id=self.id, corpus=self.corpus, split=self.split, user_id=self.user_id, device_id=self.device_id,
            started_at=self.started_at, system_version=self.system_version, turns=self.turns,
            feedback=self.feedback if feedback else (),
        )  # fmt: skip

    def with_labels(self, labels: Labels) -> Dialogue:
        """The same dialogue with other labels.

        Raises:
            RecordError: the labels do not fit the turns.
        """
        require(isinstance(labels, Labels), "labels", labels, "Labels")
        found = copy(self)  # all else was checked when it was made: every dialogue that is labelled comes through here
        object.__setattr__(found, "labels", labels)
        found._check_labels()
        return found


def _one_a_turn(n: int) -> str:
    return f"none, or one for each of the {n} turns"


# ------------------------------------------------------------------------------------------------------- goal record


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Record):
    """Why a goal record says what it says: a turn and what of it was used ("boundary", "intent", "slots", ...)."""

    turn: int
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalRecord(Record):
    """What a user of the library takes away: one goal of one dialogue with everything generated for it.

    Attributes:
        dialogue_id: with ``corpus`` and ``split`` the key of the dialogue.
        index: number of the goal in its dialogue, from 0.
        start: first turn.
        end: one past the last turn.
        name: of the goal (its most certain intent, where goals are not named themselves).
        score: probability that a goal has exactly these turns; None where goals were not looked for.
        success: reached or not; None where it was not decided.
        success_score: probability that it was reached.
        turn: the turn whose understanding stands for the goal (the one that worked).
        intent: of that turn, with its score.
        slots: of that turn.
        transcript: of that turn.
        projected_turns: failed turns of the goal to which intent, slots and transcript are projected.
        evidence: turns and signals used.
    """

    dialogue_id: str
    corpus: str
    split: str
    index: int
    start: int
    end: int
    name: str | None = None
    score: float | None = None
    success: bool | None = None
    success_score: float | None = None
    turn: int | None = None
    intent: Label[str] | None = None
    slots: tuple[Slot, ...] = ()
    transcript: Label[str] | None = None
    projected_turns: tuple[int, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    def _check(self) -> None:
        require_span(self.start, self.end)
        inside = [turn for turn in (self.turn, *self.projected_turns) if turn is not None]
        ok = all(self.start <= turn < self.end for turn in inside)
        require(ok, "turn", inside, f"turns of the goal, [{self.start}, {self.end})")
