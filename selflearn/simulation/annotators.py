"""Annotators: people who read a log once and label it, with errors of their own and errors they share.

An annotator sees what a model sees. What the record shows (:mod:`selflearn.simulation.evidence`) they know; of the rest
all of them take the record at its word. Beside that each has error rates of their own, by class, which grow towards the
end of a shift. Each answer is a :class:`~selflearn.schema.Rating`; :func:`three_pass` makes of three of them the labels
that three agree on.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from selflearn.schema import Dialogue, Goal, Label, Labels, ObservedDialogue, Rating, Slot, Turn, TurnLabels
from selflearn.simulation.evidence import Known, Reader, begins_in_the_record
from selflearn.simulation.rates import read_rates
from selflearn.simulation.truth import CORRECT, FAILURE_POINTS, FALSE_WAKE, RECOGNITION, UNDERSTANDING
from selflearn.simulation.understanding import OTHER
from selflearn.simulation.world import World

YES, NO = "yes", "no"

QUESTIONS = ("boundary", "success", "defect", "intent", "slots", "transcript", "failure_point")
"""What is asked: of each turn, except success, which is asked of each goal at its last turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorSettings:
    """Rates of annotators; see the comments of ``annotators.yaml``.

    Attributes:
        number: of annotators.
        shift: dialogues in a row.
        fatigue: growth of the errors over a shift.
        hard: share of items that are hard for everybody.
        hard_agrees: probability of the common mistake on such an item.
        yes_no: for boundary, success and defect the ranges of (missed, invented).
        others: for the other questions the range of the error rate.
    """

    number: int
    shift: int
    fatigue: float
    hard: float
    hard_agrees: float
    yes_no: Mapping[str, tuple[tuple[float, float], tuple[float, float]]]
    others: Mapping[str, tuple[float, float]]


def load_annotators(world: World) -> AnnotatorSettings:
    """Read ``annotators.yaml`` of a world.

    Raises:
        WorldError: says file, line, what was found and what was expected.
    """
    single = ("fatigue", "hard", "hard_agrees")
    found = read_rates(world, "annotators").fields(["number", "shift", *single, "errors"])
    errors = found["errors"].fields(QUESTIONS)
    pairs = {name: errors[name].fields(["missed", "invented"]) for name in ("boundary", "success", "defect")}
    return AnnotatorSettings(
        number=found["number"].whole(4), shift=found["shift"].whole(),
        **{name: found[name].number(0, 1) for name in single},
        yes_no={name: (pair["missed"].range(), pair["invented"].range()) for name, pair in pairs.items()},
        others={name: errors[name].range() for name in ("intent", "slots", "transcript", "failure_point")},
    )  # fmt: skip


class Annotators:
    """A team of annotators.

    Args:
        world: whose intents and slots they know.
        settings: rates.
        seed: of their errors.
    """

    def __init__(self, world: World, settings: AnnotatorSettings, *, seed: int) -> None:
        self.world, self.settings, self.seed = world, settings, seed
        self._intents = (*sorted(world.intents), OTHER)
        self._domain_of = {
            name: sorted(other.name for other in world.intents.values() if other.domain == intent.domain)
            for name, intent in world.intents.items()
        }
        self._reader = Reader(world)

    def assigned(self, dialogue: Dialogue) -> tuple[int, ...]:
        """Numbers of the four annotators of a dialogue: one for the single pass, three for the gold."""
        rng = random.Random(f"{self.seed}/{dialogue.id}/assigned")
        return tuple(rng.sample(range(self.settings.number), 4))

    def annotate(self, dialogue: Dialogue, place: int) -> Dialogue:
        """The dialogue with the ratings of its four annotators.

        Args:
            dialogue: with labels from the truth.
            place: number of the dialogue in the queue, for fatigue.
        """
        seen = dialogue.observed(feedback=True)
        known = self._reader.known(seen, dialogue.labels.turns)  # the same for all four
        found = [r for number in self.assigned(dialogue) for r in self._rate(dialogue, seen, known, number, place)]
        return replace(dialogue, ratings=(*dialogue.ratings, *found))

    def _rate(
        self, dialogue: Dialogue, seen: ObservedDialogue, all_known: Sequence[Known], number: int, place: int
    ) -> list[Rating]:
        """What one annotator says of a dialogue."""
        hand = _Hand(self.settings, self.seed, dialogue, number, place)
        goals = {goal.end - 1: goal for goal in dialogue.labels.goals or ()}
        starts = {goal.start for goal in dialogue.labels.goals or ()}
        for turn, (labels, known) in enumerate(zip(dialogue.labels.turns, all_known, strict=True)):
            hand.turn_to(turn, random.Random(f"{self.seed}/{dialogue.id}/{turn}/shared"))
            if turn:
                told = known.knows_meaning and all_known[turn - 1].knows_meaning
                hand.yes_no("boundary", turn in starts if told else begins_in_the_record(seen, turn))
            if turn in goals and goals[turn].success is not None:
                hand.yes_no("success", self._seen_to_fail(goals[turn], dialogue, seen, all_known), reverse=True)
            hand.yes_no("defect", known.knows_failure and bool(labels.defect and labels.defect.value))
            shown = dialogue.turns[turn]
            if labels.intent is not None:
                served = shown.interpretations[0].intent if shown.interpretations else None
                answer = labels.intent.value if known.knows_meaning else served or OTHER
                hand.name("intent", answer, self._mistakable_for(shown, answer))
            hand.spans(_seen_slots(shown, labels, known), meant=known.knows_meaning)
            request = shown.request or ""
            hand.name("transcript", labels.transcript.value if labels.transcript and known.knows_words else request,
                      (request,))  # fmt: skip
            hand.name("failure_point", _seen_point(labels, known), FAILURE_POINTS)
        return hand.ratings

    def _mistakable_for(self, shown: Turn, intent: str) -> Sequence[str]:
        """Intents that one may be taken for: what the assistant thought of, else those of the same domain."""
        offered = [r.intent for r in shown.interpretations if r.intent in self._intents and r.intent != intent]
        return offered or [other for other in self._domain_of.get(intent, ()) if other != intent] or self._intents

    def _seen_to_fail(self, goal: Goal, dialogue: Dialogue, seen: ObservedDialogue, known: Sequence[Known]) -> bool:
        """Whether a goal that was not reached looks like it: by its last request, whatever was said after that."""

        def asks(turn: int) -> bool:
            point = dialogue.labels.turns[turn].failure_point
            woken = point is not None and point.value == FALSE_WAKE
            return not (woken or seen.turns[turn].status in ("bye", "welcome") or self._reader.complains(seen, turn))

        last = next(filter(asks, range(goal.end - 1, goal.start - 1, -1)), goal.end - 1)
        return not goal.success and (known[last].knows_failure or seen.turns[last].status != "done")


def _seen_point(labels: TurnLabels, known: Known) -> str:
    """The failure point as far as it shows; who does not know that words were misheard blames the next component."""
    if labels.failure_point is None or not known.knows_failure:
        return CORRECT
    point = labels.failure_point.value
    return UNDERSTANDING if point == RECOGNITION and not known.knows_point else point


def _seen_slots(shown: Turn, labels: TurnLabels, known: Known) -> tuple[Slot, ...]:
    """The spans as far as they show.

    All where the meaning is known; else what the assistant took for values.
    """
    if known.knows_meaning:
        return labels.slots or ()
    request, found = shown.request or "", []
    for value in shown.interpretations[0].slots if shown.interpretations else ():
        start = request.find(value.value)
        if start >= 0 and value.value:
            end = start + len(value.value)
            found.append(Slot(name=value.name, start=start, end=end, text=value.value))
    return tuple(sorted(found, key=lambda slot: slot.start))


class _Hand:
    """One annotator at one dialogue: writes answers down, and errs."""

    def __init__(self, settings: AnnotatorSettings, seed: int, dialogue: Dialogue, number: int, place: int) -> None:
        self.settings, self.number = settings, number
        self.ratings: list[Rating] = []
        self._rng = random.Random(f"{seed}/{dialogue.id}/annotator{number}")
        own = random.Random(f"{seed}/annotator{number}")
        self._level = {question: own.random() for question in QUESTIONS}
        self._tired = 1 + settings.fatigue * (place % settings.shift) / settings.shift

    def turn_to(self, turn: int, shared: random.Random) -> None:
        """Look at a turn; what is hard in it, and what one takes it for, is the same for everybody."""
        self._turn = turn
        self._hard = {question: shared.random() < self.settings.hard for question in QUESTIONS}
        self._taken_for = shared.getrandbits(32)

    def yes_no(self, question: str, truth: bool, *, reverse: bool = False) -> None:
        """Say whether something is so; with ``reverse`` whether it is not."""
        missed, invented = self.settings.yes_no[question]
        said = truth != self._errs(question, missed if truth else invented)
        self._write(question, YES if said != reverse else NO)

    def name(self, question: str, truth: str, others: Sequence[str]) -> None:
        """Name something; where that is wrong, as one of the others, the same for everybody."""
        others = [other for other in others if other != truth]
        wrong = self._errs(question, self.settings.others[question]) and bool(others)
        self._write(question, others[self._taken_for % len(others)] if wrong else truth)

    def spans(self, slots: Sequence[Slot], *, meant: bool) -> None:
        """Mark the slots, and say what was meant by each, or else what was heard.

        Where that is wrong, the last is overlooked or all lose a word.
        """
        if slots and self._errs("slots", self.settings.others["slots"]):
            slots = slots[:-1] if self._taken_for % 2 else [_shortened(slot) for slot in slots]
        rows = [[slot.name, slot.start, slot.end, (slot.value if meant else None) or slot.text] for slot in slots]
        self._write("slots", json.dumps(rows))

    def _errs(self, question: str, rates: tuple[float, float]) -> bool:
        if self._hard[question]:
            return self._rng.random() < self.settings.hard_agrees
        rate = rates[0] + (rates[1] - rates[0]) * self._level[question]
        return self._rng.random() < rate * self._tired

    def _write(self, question: str, answer: str) -> None:
        self.ratings.append(Rating(rater=f"annotator-{self.number}", question=question, answer=answer, turn=self._turn))


def _shortened(slot: Slot) -> Slot:
    """A span without its last word; one of a single word stays."""
    words = slot.text.split()
    if len(words) < 2:
        return slot
    text = slot.text[: len(slot.text) - len(words[-1]) - 1]
    return replace(slot, end=slot.start + len(text), text=text, value=None)


def raters(dialogue: Dialogue) -> tuple[str, ...]:
    """Annotators of a dialogue in their order: the first is the single pass, the other three make the gold."""
    return tuple(dict.fromkeys(rating.rater for rating in dialogue.ratings))


def labels_by(dialogue: Dialogue, rater: str) -> Labels:
    """What one annotator said, as labels.

    Raises:
        ValueError: the annotator has not seen the dialogue.
    """
    said = {(r.question, r.turn): r.answer for r in dialogue.ratings if r.rater == rater}
    if not said:
        raise ValueError(
            f"{rater} has not labelled dialogue {dialogue.id}; expected one of {', '.join(raters(dialogue))}"
        )
    return _labels(dialogue, said, source=f"rater:{rater}")


Item = tuple[str, int | None]
"""A question and the turn that it is asked of."""


def three_pass(dialogue: Dialogue) -> tuple[Labels, frozenset[Item]]:
    """Labels by three annotators, and the items that they dispute.

    The gold of the talk is where all three agree, which are the easier items: the disputed ones are told, so that both
    parts can be scored. A disputed item has the answer of two, or none where all three differ. The first annotator of
    the dialogue, whose single pass is compared with this, is not one of the three.

    Raises:
        ValueError: the dialogue has not four annotators.
    """
    names = raters(dialogue)
    if len(names) < 4:
        raise ValueError(
            f"dialogue {dialogue.id} has {len(names)} annotators; expected 4: a single pass, three for gold"
        )
    best = {item: answers.most_common(1)[0] for item, answers in votes_of_three(dialogue).items()}
    agreed = {item: answer for item, (answer, number) in best.items() if number >= 2}
    disputed = frozenset(item for item, (_, number) in best.items() if number < 3)
    return _labels(dialogue, agreed, source="gold"), disputed


def disputes(dialogue: Dialogue) -> dict[Item, bool]:
    """Of each item that the three of :func:`three_pass` were asked, whether they dispute it; empty without three."""
    return {item: max(answers.values()) < 3 for item, answers in votes_of_three(dialogue).items()}


def votes_of_three(dialogue: Dialogue) -> dict[Item, Counter[str]]:
    """How many of the three of :func:`three_pass` gave each answer, by item; empty without three."""
    names = raters(dialogue)
    votes: dict[Item, Counter[str]] = {}
    for rating in dialogue.ratings if len(names) >= 4 else ():
        if rating.rater in names[1:4]:
            votes.setdefault((rating.question, rating.turn), Counter())[rating.answer] += 1
    return votes


def _labels(dialogue: Dialogue, said: Mapping[tuple[str, int | None], str], *, source: str) -> Labels:
    n = len(dialogue.turns)
    starts = [0, *(turn for turn in range(1, n) if said.get(("boundary", turn)) == YES), n]
    goals = []
    for start, end in pairwise(starts):
        answers = [said[("success", turn)] for turn in range(start, end) if ("success", turn) in said]
        goals.append(Goal(start=start, end=end, success=answers[-1] == YES if answers else None, source=source))
    turns = []
    for turn, shown in enumerate(dialogue.turns):

        def of(question: str, turn: int = turn) -> str | None:
            return said.get((question, turn))

        request, defect, intent = shown.request or "", of("defect"), of("intent")
        transcript, point, slots = of("transcript"), of("failure_point"), of("slots")
        turns.append(
            TurnLabels(
                intent=Label(value=intent, source=source) if intent is not None else None,
                slots=_slots(slots, request, source) if slots is not None else None,
                transcript=Label(value=transcript, source=source) if transcript is not None else None,
                defect=Label(value=defect == YES, source=source) if defect is not None else None,
                failure_point=Label(value=point, source=source) if point is not None else None,
            )
        )
    return Labels(goals=tuple(goals), turns=tuple(turns))


def _slots(answer: str, request: str, source: str) -> tuple[Slot, ...]:
    rows: Sequence[Sequence[Any]] = json.loads(answer)  # what is meant stands last, where somebody wrote it down
    return tuple(
        Slot(name=name, start=start, end=end, text=request[start:end], value=value[0] if value else None, source=source)
        for name, start, end, *value in rows
    )
