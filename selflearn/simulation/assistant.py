"""The assistant: waking, recognition, understanding, entity resolution and result in a row, for many at a time.

Each component stands behind a protocol, so that another one can be put in its place
(:mod:`selflearn.simulation.components`): a recogniser of sound, an understanding model that was trained again, a
rewriter in front, an explorer that picks among hypotheses. What it draws by lot it draws from the key of the turn
(:attr:`Context.key`): the same seed gives the same log, whatever the company of a request.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from selflearn.schema import EntityResolution, Interpretation, NamedValue
from selflearn.simulation.people import Person, Situation, usual_value
from selflearn.simulation.resolution import Match
from selflearn.simulation.result import Result, Status
from selflearn.simulation.settings import AssistantSettings
from selflearn.simulation.speech_text import Recognized, Speech
from selflearn.simulation.understanding import OTHER, Hypothesis
from selflearn.simulation.wake import Wake
from selflearn.simulation.world import Entity, Intent, SlotSpec, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the assistant knows when a request comes in.

    Attributes:
        person: whose profile it has: home, things, appliances (not tastes).
        situation: device and what devices report.
        intent: of the turn before, as it was understood; "" at the beginning.
        values: of the turn before.
        options: intents that it asked the person to choose from.
        asked: the slot whose value it asked for.
        key: "seed/person/session/turn"; decides every random number.
    """

    person: Person
    situation: Situation
    intent: str = ""
    values: Mapping[str, Entity] | None = None
    options: tuple[str, ...] = ()
    asked: str | None = None
    key: str

    @property
    def session(self) -> str:
        """The same for all turns of a session."""
        return self.key.rpartition("/")[0]


class WakeDetector(Protocol):
    """From sound in the room to whether somebody calls."""

    def detect(self, speech: Sequence[Speech]) -> list[Wake]:
        """One decision for each."""
        ...


class Recognizer(Protocol):
    """From speech to an n-best list."""

    def recognize(self, speech: Sequence[Speech]) -> list[Recognized]:
        """One n-best list for each utterance."""
        ...


class Rewriter(Protocol):
    """From recognised words to others that the assistant understands better."""

    def rewrite(self, requests: Sequence[str], contexts: Sequence[Context]) -> list[str]:
        """One request for each, in what is known when it comes in; the same where nothing is to be rewritten."""
        ...


class Understander(Protocol):
    """From words to an n-best list of readings."""

    def understand(self, requests: Sequence[tuple[str, str]], *, hypotheses: int) -> list[tuple[Hypothesis, ...]]:
        """The likeliest readings of requests, each with the intent of the turn before; best first."""
        ...


class Chooser(Protocol):
    """From an n-best list of readings to the one that is acted on."""

    def choose(self, readings: tuple[Hypothesis, ...], context: Context) -> Choice:
        """The reading to act on; asked only where the best one is good enough to act at all."""
        ...


class Resolver(Protocol):
    """From the words of a mention to an entity."""

    def resolve(self, slot: SlotSpec, mention: str, owned: Mapping[str, Sequence[Entity]]) -> Match:
        """The entry of a slot's type that a mention names."""
        ...


class Skills(Protocol):
    """From an intent with its entities to what is done and said."""

    def serve(
        self, intent: Intent, values: Mapping[str, Entity], rng: random.Random, *, said: Collection[str]
    ) -> Result:
        """Do what was understood; ``said`` are the slots whose values are from the request itself.

        ``rng`` is in the same state for the same intent and values in all of a session: what is not there now will not
        be there in a minute.
        """
        ...

    def decline(self, status: Status, rng: random.Random, **words: str) -> Result:
        """Do nothing and say so; ``words`` are what it is about."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """The number of a reading, and the probability that it was taken where that was drawn by lot (else None)."""

    number: int
    propensity: float | None = None


class BestReading:
    """Takes the best reading; after a question that of one of the options, where there is one."""

    def choose(self, readings: tuple[Hypothesis, ...], context: Context) -> Choice:
        """Never draws a lot."""
        for i, reading in enumerate(readings if context.options else ()):
            if reading.intent in context.options:
                return Choice(i)
        return Choice(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Everything that the components made of a request.

    Attributes:
        recognized: n-best list of words.
        wake: score of the wake word; None where there was none.
        request: what was understood: the first hypothesis, or what the rewriter made of it.
        readings: n-best list of interpretations of the request.
        choice: the reading that was acted on, or None.
        matches: by slot of that reading.
        result: what was done and said.
    """

    recognized: Recognized
    request: str
    readings: tuple[Hypothesis, ...]
    choice: Choice | None
    matches: Mapping[str, Match]
    result: Result
    wake: float | None = None

    @property
    def reading(self) -> Hypothesis | None:
        """The reading that was acted on."""
        return None if self.choice is None else self.readings[self.choice.number]

    def interpretations(self, world: World) -> tuple[Interpretation, ...]:
        """The readings as a log has them: the one that was acted on first, the others by their scores."""
        others = (r for i, r in enumerate(self.readings) if self.choice is None or i != self.choice.number)
        return tuple(
            Interpretation(
                domain=world.intents[r.intent].domain if r.intent in world.intents else OTHER, intent=r.intent,
                slots=tuple(NamedValue(name=name, value=value) for name, value in sorted(r.mentions.items())),
                score=r.score,
            )
            for r in (*(() if self.reading is None else (self.reading,)), *others)
        )  # fmt: skip

    def entities(self) -> tuple[EntityResolution, ...]:
        """The result of entity resolution as a log has it."""
        return tuple(
            EntityResolution(slot=slot, mention=m.mention, entity=m.entity.name if m.entity else None, score=m.score)
            for slot, m in sorted(self.matches.items())
        )


class Assistant:
    """Serves requests.

    Args:
        world: intents and catalogues.
        settings: rates, and what it says.
        wake: wakes.
        recognizer: hears.
        understander: reads.
        resolver: looks up.
        skills: does.
        rewriter: between hearing and reading; None: what was heard is read.
        chooser: picks among readings.
    """

    def __init__(
        self, world: World, settings: AssistantSettings, *, wake: WakeDetector, recognizer: Recognizer,
        understander: Understander, resolver: Resolver, skills: Skills, rewriter: Rewriter | None = None,
        chooser: Chooser | None = None,
    ) -> None:  # fmt: skip
        self.world, self.settings, self.wake = world, settings, wake
        self.rewriter, self.chooser = rewriter, chooser or BestReading()
        self.recognizer, self.understander, self.resolver, self.skills = recognizer, understander, resolver, skills
        manners = world.manners
        self._dismissals, self._thanks = frozenset(manners.dismissals), frozenset(manners.thanks)

    def answer(self, speech: Sequence[Speech], contexts: Sequence[Context]) -> list[Trace | None]:
        """Hear and serve requests; None where it slept. What a request gets does not depend on its company.

        Raises:
            ValueError: the chooser takes a reading that there is not.
        """
        wakes = self.wake.detect(speech)
        heard = [i for i, wake in enumerate(wakes) if wake.woken]
        if not heard:
            return [None] * len(speech)
        traces = self.serve(self.recognizer.recognize([speech[i] for i in heard]), [contexts[i] for i in heard])
        found: list[Trace | None] = [None] * len(speech)
        for i, trace in zip(heard, traces, strict=True):
            found[i] = replace(trace, wake=wakes[i].score)
        return found

    def serve(self, recognized: Sequence[Recognized], contexts: Sequence[Context]) -> list[Trace]:
        """Serve requests that were recognised: what a replay with the true words starts from.

        Raises:
            ValueError: the chooser takes a reading that there is not.
        """
        requests = [one.hypotheses[0].text for one in recognized]
        if self.rewriter is not None:
            requests = self.rewriter.rewrite(requests, contexts)
        readings = self.understander.understand(
            [(text, context.intent) for text, context in zip(requests, contexts, strict=True)],
            hypotheses=self.settings.understanding.hypotheses,
        )
        return [self.act(*row) for row in zip(recognized, requests, readings, contexts, strict=True)]

    def act(self, recognized: Recognized, text: str, readings: tuple[Hypothesis, ...], context: Context) -> Trace:
        """Act on readings of a request: choose one, resolve its mentions, serve it.

        Raises:
            ValueError: the chooser takes a reading that there is not.
        """
        rng = random.Random(f"{context.key}/act")

        def trace(result: Result, choice: Choice | None = None, matches: Mapping[str, Match] | None = None) -> Trace:
            return Trace(
                recognized=recognized, request=text, readings=readings, choice=choice, matches=matches or {},
                result=result,
            )  # fmt: skip

        if not text:  # no word was heard
            return trace(self.skills.decline("not_understood", rng))
        if text in self._dismissals:
            return trace(self.skills.decline("bye", rng))
        if text in self._thanks:
            return trace(self.skills.decline("welcome", rng))
        if context.asked is not None:
            readings = self._as_answer(text, readings, context)
        rules = self.settings.understanding
        if context.asked is None and not context.options and readings[0].score < rules.reject:
            return trace(self.skills.decline("not_understood", rng))
        choice = self._choice(readings, context)
        best, below = readings[choice.number], readings[choice.number + 1 :]
        if best.intent == OTHER:
            return trace(self.skills.decline("unsupported", rng), choice)
        rival = next((r for r in below if r.intent not in (best.intent, OTHER)), None)
        answered = bool(context.options) or context.asked is not None  # one question is not answered by another
        if rival is not None and not answered and best.score - rival.score < rules.margin:
            names = [_title(r.intent) for r in (best, rival)]
            asked = self.skills.decline("which_intent", rng, first=names[0], second=names[1])
            return trace(replace(asked, options=(best.intent, rival.intent)), choice)
        matches, result = self.resolve_and_serve(best, context)
        return trace(result, choice, matches)

    def _choice(self, readings: tuple[Hypothesis, ...], context: Context) -> Choice:
        choice = self.chooser.choose(readings, context)
        if not 0 <= choice.number < len(readings):
            raise ValueError(f"{type(self.chooser).__name__} took reading {choice.number} of {len(readings)}; expected "
                             f"0 to {len(readings) - 1}")  # fmt: skip
        return choice

    def resolve_and_serve(self, reading: Hypothesis, context: Context) -> tuple[dict[str, Match], Result]:
        """Look up the mentions of a reading, add what went without saying, and serve it.

        What a replay with the true reading starts from.
        """
        slots = self.world.intents[reading.intent].slots
        owned = {**context.person.owned, "appliance": [a for a, _ in context.person.appliances]}
        matches = {
            name: self.resolver.resolve(slots[name], mention, owned) for name, mention in reading.mentions.items()
        }
        for name, entity in self._namesakes(reading.intent, _entities(matches), _entities(matches)).items():
            matches[name] = replace(matches[name], entity=entity)
        lost = next((m for m in matches.values() if m.entity is None), None)
        if lost is not None:
            return matches, self.skills.decline("no_match", random.Random(f"{context.key}/act"), value=lost.mention)
        found = _entities(matches)
        values = self.complete(reading.intent, found, context)
        return matches, self.serve_values(reading.intent, values, context, said=found.keys())

    def serve_values(
        self, name: str, values: Mapping[str, Entity], context: Context, *, said: Collection[str]
    ) -> Result:
        """Serve an intent with all its values: what a replay with the true ones starts from."""
        things = sorted((slot, entity.id) for slot, entity in values.items())
        rng = random.Random(f"{context.session}/{name}/{things}")
        return self.skills.serve(self.world.intents[name], values, rng, said=said)

    def complete(self, name: str, found: Mapping[str, Entity], context: Context) -> dict[str, Entity]:
        """Values that nobody said: kept from the turn before, known of the person, or what most people mean."""
        intent, values = self.world.intents[name], dict(found)
        kept = context.values or {}
        for slot in intent.slots.values():
            if slot.name in values or slot.follows:
                continue
            old = kept.get(slot.name)
            if old is not None and old.type == slot.type and (not found or context.intent == name or context.asked):
                values[slot.name] = old
            elif slot.beside is not None and slot.beside in values:
                rooms = [r for a, r in context.person.appliances if a.id == values[slot.beside].id]
                here = [r for r in rooms if r.name == context.situation.device.room]
                known = here or rooms or self.world.types[slot.type].named(context.situation.device.room)
                if known:
                    values[slot.name] = known[0]
            elif slot.unspoken == "favourite" and not self._knows_favourite(context.person, slot.type):
                values[slot.name] = self.world.types[slot.type].entities[0]  # what most people mean
            elif slot.unspoken is not None and not slot.optional:
                usual = usual_value(slot, context.person, context.situation, self.world)
                if usual is not None:
                    values[slot.name] = usual
        values |= self._namesakes(name, values, found)
        for slot in intent.slots.values():
            if slot.follows is not None and slot.name not in values and slot.follows[0] in values:
                entity = values[slot.follows[0]]
                values[slot.name] = self.world.types[slot.type].named(entity.attributes[slot.follows[1]])[0]
        return values

    def _namesakes(self, name: str, values: Mapping[str, Entity], said: Mapping[str, Entity]) -> dict[str, Entity]:
        """Of values that another one which was said contradicts those of the same name that have it: the town there."""
        found = {}
        for slot in self.world.intents[name].slots.values():
            source, attribute = slot.follows or ("", "")
            if slot.name in said and source in values:
                alike = self.world.types[values[source].type].named(values[source].name)
                fitting = [entity for entity in alike if entity.attributes[attribute] == said[slot.name].name]
                if fitting and values[source] not in fitting:
                    found[source] = fitting[0]
        return found

    def _knows_favourite(self, person: Person, kind: str) -> bool:
        """Whether the favourite of a type is in the profile of a person."""
        draw = random.Random(f"{person.vocabulary}/{kind}/profile").random()
        return draw < self.settings.resolution.profile and bool(person.favourites.get(kind))

    def _as_answer(self, text: str, readings: tuple[Hypothesis, ...], context: Context) -> tuple[Hypothesis, ...]:
        """After a question for a value: few words are that value, unless they are read as something else for sure."""
        words = text.split()
        if (
            context.asked is None
            or len(words) > 5
            or (readings[0].score > 0.8 and readings[0].intent != context.intent)
        ):
            return readings
        said = next((r.mentions[context.asked] for r in readings if context.asked in r.mentions), text)
        answer = Hypothesis(intent=context.intent, mentions={context.asked: said}, score=max(readings[0].score, 0.5))
        others = [r for r in readings if (r.intent, r.mentions) != (answer.intent, answer.mentions)]
        total = sum(r.score for r in others)
        left = min(1.0, (1 - answer.score) / total) if total else 1.0  # together the scores are no more than 1
        return (answer, *(replace(r, score=left * r.score) for r in others[: len(readings) - 1]))


def _entities(matches: Mapping[str, Match]) -> dict[str, Entity]:
    return {name: match.entity for name, match in matches.items() if match.entity is not None}


def _title(intent: str) -> str:
    return intent.replace("_", " ")
