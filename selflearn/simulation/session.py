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
from selflearn.simulation.grammar import Phrasing, Span, Utterance
from selflearn.simulation.people import Meaning, Person, Situation, Wishes, own_phrasing, usual_value
from selflearn.simulation.result import Result
from selflearn.simulation.settings import RETRIES, Reactions
from selflearn.simulation.speech_text import Speech
from selflearn.simulation.world import Entity, FollowUp, Intent

Outcome = Literal["right", "wrong", "stale", "asked", "nothing", "unsupported", "idle"]
"""What became of a request: right; wrong, stale and nothing are failures; asked: the assistant wants to know more;
unsupported: nobody could have done it; idle: there was nothing to be done (thanks, a television)."""

SAME_WORDS = 0.8
"""Share of the routine requests that are said word for word as always."""

FAILURES = frozenset({"wrong", "stale", "nothing"})

Kind = Literal["first", "follow_up", "repeat", "reword", "detail", "simplify", "correct", "complain", "reply", "thanks",
               "dismiss", "false_wake"]  # fmt: skip


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
            meaning, phrasing = borrowed or self._wish(after, rng)
            start = len(self.exchanges)
            seconds, reached, meaning, borrowed = yield from self._pursue(meaning, phrasing, seconds, rng)
            self.pursuits.append(Pursuit(start=start, end=len(self.exchanges), meaning=meaning, reached=reached))
            after = meaning.intent.name
            if self.terminated:
                return

    # ------------------------------------------------------------------------------------------------------ wishes

    def _wish(self, after: str | None, rng: random.Random) -> tuple[Meaning, Utterance]:
        person, population = self.person, self.wishes.population
        intent = self.wishes.intent(person, self.situation, after, rng)
        if person.routines and rng.random() < population.routine_share:
            # a routine of the kind that suits the situation, else the one of that rank
            suited = [meaning for meaning in person.routines if meaning.intent.domain == intent.domain]
            routines = suited or person.routines
            meaning = routines[int(len(routines) * rng.random() ** 2)]
            if rng.random() < SAME_WORDS:
                return meaning, self._say(meaning, random.Random(f"{person.vocabulary}/{meaning.key()}"))
        else:
            meaning = self.wishes.meaning(person, intent, self.situation, rng)
        return meaning, self._say(meaning, rng)

    def _follow(self, before: Meaning, follow: FollowUp, rng: random.Random) -> tuple[Meaning, Utterance] | None:
        """What is asked next; None where it makes no sense: nobody brightens a television."""
        intent = self.wishes.world.intents[follow.intent]
        meaning = self.wishes.meaning(self.person, intent, self.situation, rng, before.values, follow.new)
        for slot in intent.slots.values():
            value = meaning.values.get(slot.name)
            if (value is None and not slot.optional) or (value and slot.only and value.name not in slot.only):
                return None
        words = self._words(meaning)
        phrasings = [phrasing for phrasing in follow.say if phrasing.fits(words)]
        if not phrasings or any(meaning.values[name] == before.values.get(name) for name in follow.new):
            return None
        phrasing = own_phrasing(self.person, phrasings, rng, 0.3)
        return meaning, phrasing.say(words, rng, detail=self.person.detail, aloud=follow.new)

    def _words(self, meaning: Meaning) -> dict[str, str]:
        """How the person says each value: the way that is theirs."""
        return {
            name: entity.spoken[self.person.vocabulary % len(entity.spoken)] for name, entity in meaning.values.items()
        }

    def _aloud(self, meaning: Meaning) -> set[str]:
        """Slots that cannot go unsaid."""
        found = set()
        for name, entity in meaning.values.items():
            slot = meaning.intent.slots[name]
            usual = usual_value(slot, self.person, self.situation, self.wishes.world)
            if not slot.follows and (usual is None or usual.id != entity.id):
                found.add(name)
        return found

    def _say(
        self, meaning: Meaning, rng: random.Random, *, detail: float | None = None, other_than: str | None = None
    ) -> Utterance:
        """A whole request: one of the person's phrasings with every value that does not go without saying."""
        words, aloud = self._words(meaning), self._aloud(meaning)
        detail = self.person.detail if detail is None else detail
        silent = {name: word for name, word in words.items() if name in aloud or rng.random() < detail}
        phrasings = meaning.intent.phrasings(self.person.part)
        best: Utterance | None = None
        for attempt in range(6):
            share = 0.0 if other_than is not None or attempt else self.wishes.population.style.own_phrasing
            phrasing = own_phrasing(self.person, phrasings, rng, share)
            if not aloud <= phrasing.slots:
                continue
            said = silent if phrasing.fits(silent) else words
            if not phrasing.fits(said):
                continue
            found = phrasing.say(said, rng, detail=detail, aloud=aloud)
            best = best or found
            if found.text != other_than:
                best = found
                break
        if best is None:
            best = self._any_phrasing(phrasings, words, aloud, rng)
        return self._framed(best, rng)

    @staticmethod
    def _any_phrasing(
        phrasings: tuple[Phrasing, ...], words: Mapping[str, str], aloud: set[str], rng: random.Random
    ) -> Utterance:
        """The phrasing that leaves the least unsaid."""
        fitting = [phrasing for phrasing in phrasings if phrasing.fits(words)] or list(phrasings)
        most = max(len(aloud & phrasing.slots) for phrasing in fitting)
        able = [phrasing for phrasing in fitting if len(aloud & phrasing.slots) == most]
        return able[int(rng.random() * len(able))].say(words, rng, detail=1.0, aloud=aloud)

    def _framed(self, utterance: Utterance, rng: random.Random) -> Utterance:
        manners = self.wishes.world.manners
        if rng.random() < self.person.polite:
            frames = manners.polite
            if utterance.text.split()[0] not in manners.unframed | set(_first_words(utterance)):
                frames = (*frames, *manners.asking)
            utterance = _into(utterance, frames[int(rng.random() * len(frames))], "{}")
        if rng.random() < self.wishes.population.style.hesitant:
            word = manners.hesitations[int(rng.random() * len(manners.hesitations))]
            utterance = _into(utterance, f"{word} {{}}", "{}")
        return utterance

    # ----------------------------------------------------------------------------------------------------- pursuit

    def _pursue(
        self, meaning: Meaning, utterance: Utterance, seconds: float, rng: random.Random
    ) -> Generator[tuple[Speech, Context], Trace, tuple[float, bool, Meaning, tuple[Meaning, Utterance] | None]]:
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
                kind, utterance = "reply", self._reply(meaning, exchange.trace.result, rng)
                continue
            failed = exchange.outcome in FAILURES or exchange.outcome == "asked"
            if not failed or not exchange.noticed:
                # an unsupported request is dropped, or asked for once more
                if exchange.outcome == "unsupported" and attempts == 1 and rng.random() < 0.3:
                    seconds += self._gap("retry", rng)
                    kind, utterance = "reword", self._say(meaning, rng, other_than=utterance.text)
                    continue
                return (yield from self._after_success(exchange, meaning, seconds, rng))
            if attempts >= reactions.most_attempts or rng.random() >= self.person.persistence:
                seconds = yield from self._give_up(seconds, rng)
                return seconds, False, meaning, None
            seconds += self._gap("barge_in" if exchange.barge_in else "retry", rng)
            kind, utterance = self._retry(meaning, exchange, rng)

    def _after_success(
        self, exchange: Exchange, meaning: Meaning, seconds: float, rng: random.Random
    ) -> Generator[tuple[Speech, Context], Trace, tuple[float, bool, Meaning, tuple[Meaning, Utterance] | None]]:
        """Thanks, a follow-up within the goal, or one that is the next goal."""
        reached = exchange.outcome == "right"
        lot = rng.random()
        for follow in meaning.intent.follow if reached else ():
            if 0 <= lot < follow.probability:
                following = self._follow(meaning, follow, rng)
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
    ) -> Generator[tuple[Speech, Context], Trace, tuple[float, bool, Meaning, tuple[Meaning, Utterance] | None]]:
        """The next step of the same goal, which keeps the name of its first step."""
        seconds, reached, _, borrowed = yield from self._pursue(meaning, utterance, seconds, rng)
        return seconds, reached, first, borrowed

    def _give_up(self, seconds: float, rng: random.Random) -> Generator[tuple[Speech, Context], Trace, float]:
        reactions, manners = self.wishes.population.reactions, self.wishes.world.manners
        if rng.random() < reactions.dismiss:
            seconds += self._gap("barge_in", rng)
            words = manners.dismissals[int(rng.random() * len(manners.dismissals))]
            yield from self._exchange("dismiss", Utterance(words), None, seconds)
        self.terminated = rng.random() < 0.6
        return seconds

    def _exchange(
        self, kind: Kind, utterance: Utterance, meaning: Meaning | None, seconds: float
    ) -> Generator[tuple[Speech, Context], Trace, Exchange]:
        number = len(self.exchanges)
        before = self.exchanges[-1].trace.result if self.exchanges else None
        fresh = before is not None and seconds - self.exchanges[-1].seconds < 120
        context = Context(
            person=self.person, situation=self.situation, key=f"{self.key}/{number}",
            intent=_carried(before, self.exchanges) if fresh else "",
            values=before.values if fresh and before is not None else None,
            options=before.options if fresh and before is not None else (),
            asked=before.asked if fresh and before is not None else None,
        )  # fmt: skip
        heard = Speech(utterance.text, self.situation.noise, self.person.accent, f"{self.key}/{number}/heard")
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
            correction = self._correction(meaning, exchange.trace.result, rng)
            if correction is not None:
                return "correct", correction
        if kind == "complain" and exchange.outcome != "nothing":
            words = manners.complaints[int(rng.random() * len(manners.complaints))]
            return "complain", Utterance(words)
        if kind == "repeat":
            return "repeat", said if exchange.kind not in ("complain", "reply") else self._say(meaning, rng)
        if kind == "detail":
            return "detail", self._say(meaning, rng, detail=1.0, other_than=said.text)
        if kind == "simplify":
            return "simplify", self._say(meaning, rng, detail=0.0, other_than=said.text)
        return "reword", self._say(meaning, rng, other_than=said.text)

    def _correction(self, meaning: Meaning, result: Result, rng: random.Random) -> Utterance | None:
        """Names what was got wrong: the kind of thing, or the value."""
        manners = self.wishes.world.manners
        frame = manners.corrections[int(rng.random() * len(manners.corrections))]
        words = self._words(meaning)
        if result.intent != meaning.intent.name:
            phrasings = [phrasing for phrasing in meaning.intent.short if phrasing.fits(words)]
            if not phrasings:
                return None
            return _into(phrasings[int(rng.random() * len(phrasings))].say(words, rng), frame, "{value}")
        wrong = [
            name for name, entity in meaning.values.items()
            if result.values is None or name not in result.values or result.values[name].id != entity.id
        ]  # fmt: skip
        if not wrong:
            return None
        text = words[wrong[0]]
        return _into(Utterance(text, (Span(wrong[0], 0, len(text)),)), frame, "{value}")

    def _reply(self, meaning: Meaning, result: Result, rng: random.Random) -> Utterance:
        """To a question of the assistant: the value, or the kind of thing that was meant."""
        words = self._words(meaning)
        if result.asked is not None and result.asked in words:
            text = words[result.asked]
            return Utterance(text, (Span(result.asked, 0, len(text)),))
        phrasings = [phrasing for phrasing in meaning.intent.short if phrasing.fits(words)]
        if result.options and meaning.intent.name in result.options and phrasings:
            return phrasings[int(rng.random() * len(phrasings))].say(words, rng)
        return self._say(meaning, rng)

    def _gap(self, name: str, rng: random.Random) -> float:
        median, spread = self.wishes.population.reactions.gap[name]
        return median * math.exp(rng.gauss(0, spread))


def _first_words(utterance: Utterance) -> tuple[str, ...]:
    """The first word, where it is that of a value: no verb."""
    return tuple(utterance.text.split()[:1]) if any(span.start == 0 for span in utterance.spans) else ()


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
    return before.intent or (trace.readings[trace.chosen].intent if trace.chosen is not None else "")


def _speaking(exchange: Exchange) -> float:
    """Seconds that request and response take: 0.4 a word, and a second to think."""
    words = len(exchange.utterance.text.split()) + len(exchange.trace.result.response.split())
    return 1.0 + 0.4 * words


def _into(utterance: Utterance, frame: str, mark: str) -> Utterance:
    shift = frame.index(mark)
    spans = tuple(Span(span.slot, span.start + shift, span.end + shift) for span in utterance.spans)
    return Utterance(frame.replace(mark, utterance.text), spans)


__all__ = ["FAILURES", "Exchange", "Intent", "Outcome", "Pursuit", "Reactions", "Session", "judge", "same_values"]
