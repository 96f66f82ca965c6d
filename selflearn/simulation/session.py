"""A session: somebody pursues their goals with the assistant, turn by turn, and reacts to what it does.

A session is a generator: it yields what is said and is sent what the assistant made of it, so that many sessions can
advance together. What people want (:mod:`selflearn.simulation.goals`) and how they would react depends on (seed,
person, session) alone, never on the random numbers of the assistant: another assistant meets the same people.
"""

from __future__ import annotations

import math
import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from selflearn.simulation.assistant import Context, Trace
from selflearn.simulation.goals import Step, plan_goals
from selflearn.simulation.grammar import Utterance
from selflearn.simulation.people import Meaning, Person, Situation, Wishes
from selflearn.simulation.population import RETRIES
from selflearn.simulation.result import Result
from selflearn.simulation.speaking import Speaker
from selflearn.simulation.speech_text import Called, Speech
from selflearn.simulation.world import Entity

Outcome = Literal["right", "wrong", "stale", "asked", "nothing", "unsupported", "idle"]
"""What became of a request: right; wrong, stale and nothing are failures; asked: the assistant wants to know more;
unsupported: nobody could have done it; idle: there was nothing to be done (thanks, a complaint, a television), and
nothing was."""

FAILURES = frozenset({"wrong", "stale", "nothing"})
"""Outcomes that did not serve the person."""

PHRASED = 4
"""Ways to say it from which somebody who wants to say more, or less, takes the longest, or the shortest."""

Kind = Literal["first", "repeat", "reword", "detail", "simplify", "correct", "complain", "reply", "thanks", "dismiss",
               "false_wake"]  # fmt: skip
"""Why somebody says something. A step that follows within a goal is the first of its own attempts."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One turn with everything that is known about it.

    Attributes:
        kind: why the person said it.
        utterance: what was said, and where the values are.
        meaning: what is wanted; None where nothing is.
        seconds: since the session began.
        context: what the assistant knew.
        trace: what it made of it.
        told: slots of the wish that the person had said before.
        outcome: what became of it.
        noticed: whether the person saw a failure for what it was.
        barge_in: whether the response was interrupted.
        answer: to "did I answer your question?"; None where it was not asked or not answered.
        prompted: whether that was asked.
    """

    kind: Kind
    utterance: Utterance
    meaning: Meaning | None
    seconds: float
    context: Context
    trace: Trace
    outcome: Outcome
    told: frozenset[str] = frozenset()
    noticed: bool = True
    barge_in: bool = False
    answer: bool | None = None
    prompted: bool = False


@dataclass(slots=True, kw_only=True)
class Pursuit:
    """One goal: turns ``[start, end)`` of the session, what was wanted, and whether it was reached.

    It begins with a request for it, the first of a session with whatever woke the device.
    """

    start: int
    end: int
    meaning: Meaning
    reached: bool


@dataclass(slots=True)
class Session:
    """A session while it goes on, and its log afterwards.

    Args:
        key: "seed/person/session": of all random numbers.
        person: who speaks.
        situation: around it.
        wishes: what there is to want.
        memory: seconds after which the assistant has forgotten what the conversation was about.
    """

    key: str
    person: Person
    situation: Situation
    wishes: Wishes
    memory: float
    exchanges: list[Exchange] = field(default_factory=list)
    pursuits: list[Pursuit] = field(default_factory=list)
    terminated: bool = False
    content: bool = True  # as far as the person can see, the last request was served
    speaker: Speaker = field(init=False)
    _context: Context = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.speaker = Speaker(self.person, self.situation, self.wishes)

    def run(self) -> Generator[tuple[Speech, Context], Trace | None, None]:
        """Yields what is said with what the assistant knows; is sent what it made of it, or None where it slept.

        Raises:
            RuntimeError: the device does not wake by its button.
            WorldError: there is nothing that they can want.
        """
        plan = plan_goals(self.key, self.speaker)
        seconds = 0.0
        for goal, steps in enumerate(plan):
            key = f"{self.key}/goal{goal}"
            rng = random.Random(key)
            seconds = yield from self._pause("next_goal", seconds, f"{key}/step0", rng)
            start = len(self.exchanges) if goal else 0
            if goal:  # nobody began anything with what only woke the device
                self.pursuits[-1].end = start
            ahead = goal + 1 < len(plan) and plan[goal + 1][0].borrows
            seconds, reached = yield from self._pursue(steps, seconds, key, rng, thankful=not ahead)
            self.pursuits.append(
                Pursuit(start=start, end=len(self.exchanges), meaning=steps[0].meaning, reached=reached)
            )
            if self.terminated:
                break
        yield from self._pause("next_goal", seconds, f"{self.key}/after", random.Random(f"{self.key}/after"))
        self.pursuits[-1].end = len(self.exchanges)

    def _pursue(
        self, steps: Sequence[Step], seconds: float, key: str, rng: random.Random, *, thankful: bool
    ) -> Generator[tuple[Speech, Context], Trace | None, tuple[float, bool]]:
        """A goal with all its steps: the seconds after it, and whether each step was served."""
        reached = True
        for i, step in enumerate(steps):
            if i:
                seconds = yield from self._pause("follow_up", seconds, f"{key}/step{i}", rng)
            utterance = step.utterance
            if step.borrows and not self.content:
                utterance = self.speaker.say(step.meaning, rng)  # nothing was served that its words could refer to
            seconds = yield from self._attempt(step.meaning, utterance, seconds, rng)
            reached = reached and self.exchanges[-1].outcome == "right"
            if not self.content:
                return (yield from self._give_up(seconds, rng)), False
        if self.exchanges[-1].barge_in:
            seconds = yield from self._add("dismiss", self.wishes.world.manners.dismissals, seconds, rng)
        elif reached and thankful and rng.random() < self.wishes.population.reactions.thanks:
            seconds = yield from self._add("thanks", self.wishes.world.manners.thanks, seconds, rng)
        return seconds, reached

    def _add(
        self, kind: Kind, manners: Sequence[str], seconds: float, rng: random.Random
    ) -> Generator[tuple[Speech, Context], Trace | None, float]:
        """Say something that asks for nothing, after a response or into it; the seconds after the answer to that."""
        if not self.exchanges[-1].barge_in:
            seconds += self._gap("barge_in", rng)
        words = Utterance(manners[int(rng.random() * len(manners))])
        exchange = yield from self._exchange(kind, words, None, seconds)
        return exchange.seconds + self._listening(exchange, rng)

    def _pause(
        self, gap: str, since: float, key: str, rng: random.Random
    ) -> Generator[tuple[Speech, Context], Trace | None, float]:
        """Time in which the person says nothing, though others may be heard: a television, a guest; what it is then.

        A session begins with the first words that wake the device, whoever says them.
        """
        if self.exchanges and self.exchanges[-1].barge_in:
            return since  # who interrupts goes on at once
        until, lots = since + self._gap(gap, rng), random.Random(f"{key}/overheard")
        woken = False
        if lots.random() < self.wishes.population.reactions.overheard:
            babble = self.wishes.world.manners.babble.of(self.person.part)
            words = babble[int(lots.random() * len(babble))].say({}, lots)
            seconds = since + lots.random() * (until - since) if self.exchanges else since
            trace = yield self._say(words, seconds, "overheard", "nobody")
            woken = trace is not None
            if trace is not None:
                self._keep("false_wake", words, None, seconds, trace)
        return until if self.exchanges or woken else since

    def _attempt(
        self, meaning: Meaning, utterance: Utterance, seconds: float, rng: random.Random
    ) -> Generator[tuple[Speech, Context], Trace | None, float]:
        """Say it until it is served, as far as one can see, or until it is not worth another try."""
        reactions = self.wishes.population.reactions
        kind: Kind = "first"
        told: frozenset[str] = frozenset()
        for attempt in range(1, reactions.most_attempts + 1):
            complaint = kind == "complain"  # asks for nothing that could be served
            exchange = yield from self._exchange(kind, utterance, None if complaint else meaning, seconds)
            exchange.told, told = told, told | {span.slot for span in utterance.spans}
            self._react(exchange, rng)
            seconds = exchange.seconds + self._listening(exchange, rng)
            last = attempt == reactions.most_attempts
            if exchange.outcome == "asked" and not last:
                seconds += 0.0 if exchange.barge_in else self._gap("retry", rng)
                kind, utterance = "reply", self.speaker.reply(meaning, exchange.trace.result, rng)
                continue
            failed = exchange.outcome in FAILURES or exchange.outcome == "asked" or complaint
            self.content = not failed or not exchange.noticed
            if self.content:
                # an unsupported request is dropped, or asked for once more
                if exchange.outcome != "unsupported" or attempt > 1 or rng.random() >= reactions.asks_again:
                    return seconds
                kind, utterance = "reword", self.speaker.say(meaning, rng, other_than=utterance.text)
            elif last or rng.random() >= self.person.persistence:
                return seconds
            else:
                kind, utterance = self._retry(meaning, exchange, rng)
            if not exchange.barge_in:  # who interrupts goes on at once
                seconds += self._gap("retry", rng)
        return seconds

    def _give_up(self, seconds: float, rng: random.Random) -> Generator[tuple[Speech, Context], Trace | None, float]:
        """Go on to something else, or leave; who interrupts a response says so."""
        reactions = self.wishes.population.reactions
        if rng.random() < reactions.dismiss or self.exchanges[-1].barge_in:
            seconds = yield from self._add("dismiss", self.wishes.world.manners.dismissals, seconds, rng)
        self.terminated = rng.random() < reactions.leaves
        return seconds

    def _exchange(
        self, kind: Kind, utterance: Utterance, meaning: Meaning | None, seconds: float
    ) -> Generator[tuple[Speech, Context], Trace | None, Exchange]:
        """Call the device until it wakes, by its word and in the end by its button, and say something to it."""
        rng = random.Random(f"{self.key}/{len(self.exchanges)}/called")
        most = self.wishes.population.reactions.most_attempts
        for attempt in range(most + 1):
            trace = yield self._say(utterance, seconds, f"called{attempt}", "button" if attempt == most else "word")
            if trace is not None:
                return self._keep(kind, utterance, meaning, seconds, trace)
            seconds += self._gap("retry", rng)
        raise RuntimeError("a device that is woken by its button did not wake")

    def _say(self, utterance: Utterance, seconds: float, which: str, called: Called) -> tuple[Speech, Context]:
        """Words on their way to the device, and what the assistant knows when they come."""
        key, last = f"{self.key}/{len(self.exchanges)}", self.exchanges[-1] if self.exchanges else None
        before = last.trace.result if last is not None and seconds - last.seconds < self.memory else None
        context = Context(
            person=self.person, situation=self.situation, key=key,
            intent=_carried(before, self.exchanges), values=before.values if before is not None else None,
            options=before.options if before is not None else (), asked=before.asked if before is not None else None,
        )  # fmt: skip
        self._context = context
        return Speech(
            utterance.text, self.situation.noise, self.person.accent, f"{key}/heard", self.person.id, called=called,
            wake_key=f"{key}/{which}",
        ), context  # fmt: skip

    def _keep(
        self, kind: Kind, utterance: Utterance, meaning: Meaning | None, seconds: float, trace: Trace
    ) -> Exchange:
        exchange = Exchange(
            kind=kind, utterance=utterance, meaning=meaning, seconds=round(seconds, 1), context=self._context,
            trace=trace, outcome=judge(meaning, trace.result),
        )  # fmt: skip
        self.exchanges.append(exchange)
        return exchange

    def _react(self, exchange: Exchange, rng: random.Random) -> None:
        """What the person does at once: sees the failure or not, interrupts, answers a question."""
        r = self.wishes.population.reactions
        notice, interrupt, asked, given, wrong = (rng.random() for _ in range(5))
        failed = exchange.outcome in FAILURES
        overlooked = failed and exchange.outcome != "nothing" and exchange.kind != "complain"
        if overlooked:  # that nothing was done the response says, and who complains is not content
            exchange.noticed = notice < (r.notice_stale if exchange.outcome == "stale" else r.notice_wrong)
        unhappy = (failed and exchange.noticed) or exchange.kind == "complain"
        exchange.barge_in = interrupt < (r.barge_in if unhappy else r.barge_in_anyway)
        exchange.prompted = asked < r.prompt and exchange.trace.result.status == "done"
        if exchange.prompted and given < r.answer_given:
            exchange.answer = (not unhappy) != (wrong < r.answer_wrong)

    def _retry(self, meaning: Meaning, exchange: Exchange, rng: random.Random) -> tuple[Kind, Utterance]:
        """The next attempt at a goal that failed."""
        shares = self.wishes.population.reactions.retry
        kind = rng.choices(RETRIES, [shares[name] for name in RETRIES])[0]
        said, manners = exchange.utterance, self.wishes.world.manners
        if kind == "correct" and exchange.outcome in ("wrong", "stale"):
            correction = self.speaker.correction(meaning, exchange.trace.result, rng)
            if correction is not None:
                return "correct", correction
        if kind == "complain" and exchange.outcome not in ("nothing", "idle"):
            words = manners.complaints[int(rng.random() * len(manners.complaints))]
            return "complain", Utterance(words)
        if kind == "repeat":
            return "repeat", said if exchange.kind not in ("complain", "reply") else self.speaker.say(meaning, rng)
        if kind == "detail" or kind == "simplify":
            sign = 1 if kind == "detail" else -1
            detail = 1.0 if kind == "detail" else 0.0
            drawn = [self.speaker.say(meaning, rng, detail=detail, other_than=said.text) for _ in range(PHRASED)]
            most = max(drawn, key=lambda utterance: sign * len(utterance.text.split()))
            asked = next((e.utterance for e in reversed(self.exchanges) if e.meaning is meaning), said)
            if sign * len(most.text.split()) > sign * len(asked.text.split()):
                return "detail" if sign > 0 else "simplify", most
        return "reword", self.speaker.say(meaning, rng, other_than=said.text)

    def _listening(self, exchange: Exchange, rng: random.Random) -> float:
        """Seconds from a request to the end of its response, or to the word at which that is interrupted."""
        word, wait = self.wishes.population.reactions.pace
        response = word * len(exchange.trace.result.response.split())
        if exchange.barge_in:
            response = min(response, self._gap("barge_in", rng))
        return word * len(exchange.utterance.text.split()) + wait + response

    def _gap(self, name: str, rng: random.Random) -> float:
        median, spread = self.wishes.population.reactions.gap[name]
        return median * math.exp(rng.gauss(0, spread))


def judge(meaning: Meaning | None, result: Result) -> Outcome:
    """What became of a request, told by what was wanted and what was done."""
    if meaning is None:
        return "wrong" if result.status == "done" else "idle"
    if not meaning.intent.supported:
        return "unsupported"
    if result.status in ("which_value", "which_intent"):
        return "asked"
    if result.status != "done":
        return "nothing"
    if result.intent != meaning.intent.name or not same_values(meaning.values, result.values or {}):
        return "wrong"
    return "stale" if result.stale else "right"


def same_values(wanted: Mapping[str, Entity], served: Mapping[str, Entity]) -> bool:
    """Whether every value that was wanted was served."""
    return all(name in served and served[name].id == entity.id for name, entity in wanted.items())


def _carried(before: Result | None, exchanges: list[Exchange]) -> str:
    """The intent that the assistant believes the conversation is about."""
    if before is None:
        return ""
    trace = exchanges[-1].trace
    return before.intent or (trace.reading.intent if trace.reading is not None else "")
