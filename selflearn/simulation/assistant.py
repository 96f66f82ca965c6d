"""The assistant: recognition, understanding, entity resolution and result in a row, for many requests at a time.

Each component is an object with one method, so that another one can be put in its place: a recogniser of sound, an
understanding model that was trained again, a rewriter in front, an explorer that picks among hypotheses.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from selflearn.schema import EntityResolution, Interpretation, NamedValue
from selflearn.simulation.people import Person, Situation, usual_value
from selflearn.simulation.resolution import Match
from selflearn.simulation.result import Result, Skills
from selflearn.simulation.settings import AssistantSettings
from selflearn.simulation.speech_text import Recognized, Speech
from selflearn.simulation.understanding import OTHER, Hypothesis
from selflearn.simulation.world import Entity, SlotSpec, World


class Recognizer(Protocol):
    """From speech to an n-best list."""

    def recognize(self, speech: Sequence[Speech]) -> list[Recognized]:
        """One n-best list for each utterance."""
        ...


class Understander(Protocol):
    """From words to an n-best list of readings."""

    def understand(self, requests: Sequence[tuple[str, str]], *, hypotheses: int) -> list[tuple[Hypothesis, ...]]:
        """The likeliest readings of requests, each with the intent of the turn before; best first."""
        ...


class Resolver(Protocol):
    """From the words of a mention to an entity."""

    def resolve(self, slot: SlotSpec, mention: str, owned: Mapping[str, Sequence[Entity]]) -> Match:
        """The entry of a slot's type that a mention names."""
        ...


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
        key: of this turn; decides every random number.
    """

    person: Person
    situation: Situation
    intent: str = ""
    values: Mapping[str, Entity] | None = None
    options: tuple[str, ...] = ()
    asked: str | None = None
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Everything that the components made of a request.

    Attributes:
        recognized: n-best list of words.
        readings: n-best list of interpretations of the first hypothesis.
        chosen: number of the reading that was acted on, or None.
        matches: by slot of that reading.
        result: what was done and said.
    """

    recognized: Recognized
    readings: tuple[Hypothesis, ...]
    chosen: int | None
    matches: Mapping[str, Match]
    result: Result

    def interpretations(self, world: World) -> tuple[Interpretation, ...]:
        """The readings as a log has them."""
        return tuple(
            Interpretation(
                domain=world.intents[r.intent].domain if r.intent in world.intents else OTHER, intent=r.intent,
                slots=tuple(NamedValue(name=name, value=value) for name, value in sorted(r.mentions.items())),
                score=r.score,
            )
            for r in self.readings
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
        recognizer: hears.
        understander: reads.
        resolver: looks up.
        skills: does.
    """

    def __init__(
        self, world: World, settings: AssistantSettings, *, recognizer: Recognizer, understander: Understander,
        resolver: Resolver, skills: Skills,
    ) -> None:  # fmt: skip
        self.world, self.settings = world, settings
        self.recognizer, self.understander, self.resolver, self.skills = recognizer, understander, resolver, skills
        manners = world.manners
        self._dismissals, self._thanks = frozenset(manners.dismissals), frozenset(manners.thanks)

    def answer(self, speech: Sequence[Speech], contexts: Sequence[Context]) -> list[Trace]:
        """Hear and serve requests; what a request gets does not depend on its company."""
        return self.serve(self.recognizer.recognize(speech), contexts)

    def serve(self, recognized: Sequence[Recognized], contexts: Sequence[Context]) -> list[Trace]:
        """Serve requests that were recognised: what a replay with the true words starts from."""
        requests = [(r.hypotheses[0].text, c.intent) for r, c in zip(recognized, contexts, strict=True)]
        readings = self.understander.understand(requests, hypotheses=self.settings.understanding.hypotheses)
        return [self.act(*row) for row in zip(recognized, readings, contexts, strict=True)]

    def act(self, recognized: Recognized, readings: tuple[Hypothesis, ...], context: Context) -> Trace:
        """Act on readings: choose one, resolve its mentions, serve it."""
        rng = random.Random(f"{context.key}/act")
        text = recognized.hypotheses[0].text

        def trace(result: Result, chosen: int | None = None, matches: Mapping[str, Match] | None = None) -> Trace:
            return Trace(recognized=recognized, readings=readings, chosen=chosen, matches=matches or {}, result=result)

        if not text:  # no word was heard
            return trace(self.skills.decline("not_understood", rng))
        if text in self._dismissals:
            return trace(self.skills.decline("bye", rng))
        if text in self._thanks:
            return trace(self.skills.decline("welcome", rng))
        if context.asked is not None:
            readings = self._as_answer(text, readings, context)
        chosen = self._choose(readings, context)
        best, rules = readings[chosen], self.settings.understanding
        if context.asked is None and not context.options and best.score < rules.reject:
            return trace(self.skills.decline("not_understood", rng))
        if best.intent == OTHER:
            return trace(self.skills.decline("unsupported", rng), chosen)
        rival = next((r for r in readings if r.intent not in (best.intent, OTHER)), None)
        if rival is not None and not context.options and best.score - rival.score < rules.margin:
            names = [_title(r.intent) for r in (best, rival)]
            asked = self.skills.decline("which_intent", rng, first=names[0], second=names[1])
            return trace(replace(asked, options=(best.intent, rival.intent)), chosen)
        return self.resolve_and_serve(recognized, readings, chosen, context, rng)

    def resolve_and_serve(
        self,
        recognized: Recognized,
        readings: tuple[Hypothesis, ...],
        chosen: int,
        context: Context,
        rng: random.Random,
    ) -> Trace:
        """Look up the mentions of the reading that was chosen, and serve it."""
        best = readings[chosen]
        intent = self.world.intents[best.intent]
        owned = {**context.person.owned, "appliance": [a for a, _ in context.person.appliances]}
        matches = {
            name: self.resolver.resolve(intent.slots[name], mention, owned) for name, mention in best.mentions.items()
        }
        return self.serve_matches(recognized, readings, chosen, matches, context, rng)

    def serve_matches(
        self, recognized: Recognized, readings: tuple[Hypothesis, ...], chosen: int, matches: Mapping[str, Match],
        context: Context, rng: random.Random,
    ) -> Trace:  # fmt: skip
        """Serve what was looked up: what a replay with the true entities starts from."""
        intent = self.world.intents[readings[chosen].intent]
        lost = next((m for m in matches.values() if m.entity is None), None)
        if lost is not None:
            result = self.skills.decline("no_match", rng, value=lost.mention)
        else:
            found = {name: match.entity for name, match in matches.items() if match.entity is not None}
            result = self.skills.serve(intent, self.complete(intent.name, found, context), rng)
        return Trace(recognized=recognized, readings=readings, chosen=chosen, matches=matches, result=result)

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
                values[slot.name] = known[0]
            elif slot.unspoken == "favourite" and not self._knows_favourite(context.person, slot.type):
                values[slot.name] = self.world.types[slot.type].entities[0]  # what most people mean
            elif slot.unspoken is not None and not slot.optional:
                usual = usual_value(slot, context.person, context.situation, self.world)
                if usual is not None:
                    values[slot.name] = usual
        for slot in intent.slots.values():
            if slot.follows is not None and slot.name not in values and slot.follows[0] in values:
                entity = values[slot.follows[0]]
                values[slot.name] = self.world.types[slot.type].named(entity.attributes[slot.follows[1]])[0]
        return values

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
        return (answer, *readings[:-1])

    def _choose(self, readings: tuple[Hypothesis, ...], context: Context) -> int:
        """The best reading; after a question that of one of the options, where there is one."""
        for i, reading in enumerate(readings if context.options else ()):
            if reading.intent in context.options:
                return i
        return 0


def _title(intent: str) -> str:
    return intent.replace("_", " ")
