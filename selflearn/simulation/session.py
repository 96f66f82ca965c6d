"""A session: somebody pursues their goals with the assistant, turn by turn, and reacts to what it does.

A session is a generator: it yields what is said and is sent what the assistant made of it, so that many sessions can
advance together. What people want and how they would react depends on (seed, person, session) alone, never on the
random numbers of the assistant: another assistant meets the same people.
"""

from __future__ import annotations

import math
import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from selflearn.simulation.assistant import Context, Trace
from selflearn.simulation.grammar import Utterance
from selflearn.simulation.people import Meaning, Person, Situation, Wishes
from selflearn.simulation.result import Result
from selflearn.simulation.settings import RETRIES
from selflearn.simulation.speaking import Speaker
from selflearn.simulation.speech_text import Speech
from selflearn.simulation.world import Entity

Outcome = Literal["right", "wrong", "stale", "asked", "nothing", "unsupported", "idle"]
"""What became of a request: right; wrong, stale and nothing are failures; asked: the assistant wants to know more;
unsupported: nobody could have done it; idle: there was nothing to be done (thanks, a television)."""

FAILURES = frozenset({"wrong", "stale", "nothing"})
"""Outcomes that did not serve the person."""

LEAVES = 0.6
"""Probability that a session ends when a goal is given up: people drop it for a while (Baughan et al., 2023)."""

ASKS_AGAIN = 0.3
"""Probability that something which the assistant cannot do is asked for once more."""

MEMORY = 120.0
"""Seconds after which the assistant has forgotten what the conversation was about."""

Kind = Literal["first", "repeat", "reword", "detail", "simplify", "correct", "complain", "reply", "thanks", "dismiss",
               "false_wake"]  # fmt: skip
"""Why somebody says something. A step that follows within a goal is the first of its own attempts."""


_End = tuple[float, bool, Meaning, tuple[Meaning, Utterance] | None]
"""Of a goal: seconds, whether it was reached, what was wanted, and the next goal where that borrows words from it."""


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
    noticed: bool = True
    barge_in: bool = False
    answer: bool | None = None
    prompted: bool = False


@dataclass(slots=True, kw_only=True)
class Pursuit:
    """One goal: turns ``[start, end)`` of the session, what was wanted, and whether it was reached."""

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
    """

    key: str
    person: Person
    situation: Situation
    wishes: Wishes
    exchanges: list[Exchange] = field(default_factory=list)
    pursuits: list[Pursuit] = field(default_factory=list)
    terminated: bool = False
    speaker: Speaker = field(init=False)

    def __post_init__(self) -> None:
        self.speaker = Speaker(self.person, self.situation, self.wishes)

    def run(self) -> Generator[tuple[Speech, Context], Trace, None]:
        """Yields what is said with what the assistant knows; is sent what it made of it."""
        plan = random.Random(f"{self.key}/plan")
        population = self.wishes.population
        stop = 1 / population.goals_mean
        number = min(population.most_goals, 1 + int(math.log(max(plan.random(), 1e-9)) / math.log(1 - stop + 1e-9)))
        seconds, after = 0.0, None
        borrowed: tuple[Meaning, Utterance] | None = None
        for goal in range(number):
            rng = random.Random(f"{self.key}/goal{goal}")
            if goal:
                seconds += self._gap("next_goal", rng)
            meaning, phrasing = borrowed or self.speaker.wish(after, rng)
            start = len(self.exchanges)
            seconds, reached, meaning, borrowed = yield from self._pursue(meaning, phrasing, seconds, rng)
            self.pursuits.append(Pursuit(start=start, end=len(self.exchanges), meaning=meaning, reached=reached))
            after = meaning.intent.name
            if self.terminated:
                return

    def _pursue(
        self, meaning: Meaning, utterance: Utterance, seconds: float, rng: random.Random
    ) -> Generator[tuple[Speech, Context], Trace, _End]:
        """A goal with all its attempts and what follows within it."""
        reactions = self.wishes.population.reactions
        if rng.random() < reactions.false_wake:
            babble = self.wishes.world.manners.babble
            heard = Utterance(babble[int(rng.random() * len(babble))])
            yield from self._exchange("false_wake", heard, None, seconds)
            seconds += self._gap("retry", rng)
        kind: Kind = "first"
        attempts = 0
        while True:
            attempts += 1
            exchange = yield from self._exchange(kind, utterance, meaning, seconds)
            seconds += _speaking(exchange)
            self._react(exchange, rng)
            if exchange.outcome == "asked" and attempts < reactions.most_attempts:
                seconds += self._gap("retry", rng)
                kind, utterance = "reply", self.speaker.reply(meaning, exchange.trace.result, rng)
                continue
            failed = exchange.outcome in FAILURES or exchange.outcome == "asked"
            if not failed or not exchange.noticed:
                # an unsupported request is dropped, or asked for once more
                if exchange.outcome == "unsupported" and attempts == 1 and rng.random() < ASKS_AGAIN:
                    seconds += self._gap("retry", rng)
                    kind, utterance = "reword", self.speaker.say(meaning, rng, other_than=utterance.text)
                    continue
                return (yield from self._after_success(exchange, meaning, seconds, rng))
            if attempts >= reactions.most_attempts or rng.random() >= self.person.persistence:
                seconds = yield from self._give_up(seconds, rng)
                return seconds, False, meaning, None
            seconds += self._gap("barge_in" if exchange.barge_in else "retry", rng)
            kind, utterance = self._retry(meaning, exchange, rng)

    def _after_success(
        self, exchange: Exchange, meaning: Meaning, seconds: float, rng: random.Random
    ) -> Generator[tuple[Speech, Context], Trace, _End]:
        """Thanks, a follow-up within the goal, or one that is the next goal."""
        reached = exchange.outcome == "right"
        lot = rng.random()
        for follow in meaning.intent.follow if reached else ():
            if 0 <= lot < follow.probability:
                following = self.speaker.follow(meaning, follow, rng)
                if following is not None and follow.new_goal:
                    return seconds, True, meaning, following
                if following is not None:
                    seconds += self._gap("follow_up", rng)
                    return (yield from self._continue(*following, meaning, seconds, rng))
            lot -= follow.probability
        if reached and rng.random() < self.wishes.population.reactions.thanks:
            seconds += self._gap("barge_in", rng)
            thanks = self.wishes.world.manners.thanks
            yield from self._exchange("thanks", Utterance(thanks[int(rng.random() * len(thanks))]), None, seconds)
        return seconds, reached, meaning, None

    def _continue(
        self, meaning: Meaning, utterance: Utterance, first: Meaning, seconds: float, rng: random.Random
    ) -> Generator[tuple[Speech, Context], Trace, _End]:
        """The next step of the same goal, which keeps the name of its first step."""
        seconds, reached, _, borrowed = yield from self._pursue(meaning, utterance, seconds, rng)
        return seconds, reached, first, borrowed

    def _give_up(self, seconds: float, rng: random.Random) -> Generator[tuple[Speech, Context], Trace, float]:
        reactions, manners = self.wishes.population.reactions, self.wishes.world.manners
        if rng.random() < reactions.dismiss:
            seconds += self._gap("barge_in", rng)
            words = manners.dismissals[int(rng.random() * len(manners.dismissals))]
            yield from self._exchange("dismiss", Utterance(words), None, seconds)
        self.terminated = rng.random() < LEAVES
        return seconds

    def _exchange(
        self, kind: Kind, utterance: Utterance, meaning: Meaning | None, seconds: float
    ) -> Generator[tuple[Speech, Context], Trace, Exchange]:
        number = len(self.exchanges)
        before = self.exchanges[-1].trace.result if self.exchanges else None
        fresh = before is not None and seconds - self.exchanges[-1].seconds < MEMORY
        context = Context(
            person=self.person, situation=self.situation, key=f"{self.key}/{number}",
            intent=_carried(before, self.exchanges) if fresh else "",
            values=before.values if fresh and before is not None else None,
            options=before.options if fresh and before is not None else (),
            asked=before.asked if fresh and before is not None else None,
        )  # fmt: skip
        heard = Speech(
            utterance.text, self.situation.noise, self.person.accent, f"{self.key}/{number}/heard", self.person.id
        )
        trace = yield heard, context
        exchange = Exchange(
            kind=kind, utterance=utterance, meaning=meaning, seconds=round(seconds, 1), context=context, trace=trace,
            outcome=judge(meaning, trace.result),
        )  # fmt: skip
        self.exchanges.append(exchange)
        return exchange

    def _react(self, exchange: Exchange, rng: random.Random) -> None:
        """What the person does at once: sees the failure or not, interrupts, answers a question."""
        r = self.wishes.population.reactions
        notice, interrupt, asked, given, wrong = (rng.random() for _ in range(5))
        failed = exchange.outcome in FAILURES
        if failed:
            exchange.noticed = notice < (r.notice_stale if exchange.outcome == "stale" else r.notice_wrong)
        unhappy = failed and exchange.noticed
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
        if kind == "complain" and exchange.outcome != "nothing":
            words = manners.complaints[int(rng.random() * len(manners.complaints))]
            return "complain", Utterance(words)
        if kind == "repeat":
            return "repeat", said if exchange.kind not in ("complain", "reply") else self.speaker.say(meaning, rng)
        if kind == "detail":
            return "detail", self.speaker.say(meaning, rng, detail=1.0, other_than=said.text)
        if kind == "simplify":
            return "simplify", self.speaker.say(meaning, rng, detail=0.0, other_than=said.text)
        return "reword", self.speaker.say(meaning, rng, other_than=said.text)

    def _gap(self, name: str, rng: random.Random) -> float:
        median, spread = self.wishes.population.reactions.gap[name]
        return median * math.exp(rng.gauss(0, spread))


def judge(meaning: Meaning | None, result: Result) -> Outcome:
    """What became of a request, told by what was wanted and what was done."""
    if meaning is None:
        return "idle"
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


def _speaking(exchange: Exchange) -> float:
    """Seconds that request and response take: 0.4 a word, and a second to think."""
    words = len(exchange.utterance.text.split()) + len(exchange.trace.result.response.split())
    return 1.0 + 0.4 * words
