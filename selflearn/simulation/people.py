"""People: what each of them owns, likes and is used to, and what they are going to want, before anything goes wrong.

Everything about a person is drawn from (seed, number of the person), everything about a session from (seed, person,
session): a person is the same whoever else there is, and meets another assistant with the same wishes.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

from selflearn.simulation.files import WorldError
from selflearn.simulation.grammar import Phrasing
from selflearn.simulation.population import Population
from selflearn.simulation.signals import Conditions, Signal, signals_around
from selflearn.simulation.splits import Part
from selflearn.simulation.world import PARTS_OF_DAY, Entity, Intent, SlotSpec, World

DAY = 86_400
EPOCH = 1_767_225_600
"""Thursday, 2026-01-01 00:00 UTC: when the simulated weeks begin."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What somebody wants: an intent and the entity of each slot that it has."""

    intent: Intent
    values: Mapping[str, Entity]

    def key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The same for the same meaning."""
        return self.intent.name, tuple(sorted((name, entity.id) for name, entity in self.values.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that somebody talks to."""

    id: str
    type: str
    room: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is the case around a session, as far as the devices report it.

    Attributes:
        device: that is spoken to.
        started_at: seconds since 1970-01-01 UTC.
        states: what devices report.
        noise: how much worse than usual the recogniser hears, as a factor.
    """

    device: Device
    started_at: float
    states: Mapping[str, str]
    noise: float

    @property
    def hour(self) -> int:
        """Hour of the day, 0 to 23."""
        return int(self.started_at % DAY // 3600)

    @property
    def part_of_day(self) -> str:
        """Night, morning, afternoon or evening."""
        return PARTS_OF_DAY[self.hour // 6]

    @property
    def weekend(self) -> bool:
        """Whether it is Saturday or Sunday; 1970-01-01 was a Thursday."""
        return (self.started_at // DAY + 3) % 7 >= 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a home, things, tastes and ways of talking.

    Attributes:
        number: of the person in the simulation.
        part: whose phrasings and entities they use.
        home: where they live.
        devices: that they talk to.
        owned: entries by type that they have.
        appliances: pairs of appliance and room.
        favourites: by type, the most liked first.
        habits: that they have.
        routines: what they ask for again and again.
        accent: how much worse than average the recogniser hears them, in standard deviations.
        polite: probability of a polite frame.
        detail: probability of an optional part.
        persistence: probability to try again.
        vocabulary: number that decides which phrasing of an intent is their own.
    """

    number: int
    part: Part
    home: Entity
    devices: tuple[Device, ...]
    owned: Mapping[str, tuple[Entity, ...]]
    appliances: tuple[tuple[Entity, Entity], ...]
    favourites: Mapping[str, tuple[Entity, ...]]
    habits: frozenset[str]
    routines: tuple[Meaning, ...]
    accent: float
    polite: float
    detail: float
    persistence: float
    vocabulary: int

    @property
    def id(self) -> str:
        """As it stands in the records."""
        return f"person-{self.number}"


def has_what_it_needs(intent: Intent, appliances: frozenset[str]) -> bool:
    """Whether somebody with these appliances, by name, has one of each kind that the intent is about."""
    return all(
        not slot.own or slot.type != "appliance" or bool(appliances & set(slot.only) if slot.only else appliances)
        for slot in intent.slots.values()
    )


class Wishes:
    """Draws what people want: intents by their weights in a situation, values by popularity and taste.

    Args:
        world: what there is to want.
        population: rates.
    """

    def __init__(self, world: World, population: Population) -> None:
        self.world, self.population = world, population
        self._intents = list(world.intents.values())
        self._weights = lru_cache(maxsize=50_000)(self._cumulative)
        self._served = lru_cache(maxsize=50_000)(self._has_what_they_need)
        self._conditions = Conditions([intent.conditions for intent in self._intents])
        self._ranks: dict[tuple[str, Part, tuple[str, ...]], tuple[list[Entity], list[float]]] = {}

    def _cumulative(self, signals: frozenset[Signal], appliances: frozenset[str]) -> list[float]:
        factors, served = self._conditions.factors(signals), self._served(appliances)
        weights = [intent.weight for intent in self._intents]
        for i, factor in factors:
            weights[i] *= factor
        return list(accumulate(w if able else 0.0 for w, able in zip(weights, served, strict=True)))

    def _has_what_they_need(self, appliances: frozenset[str]) -> list[bool]:
        return [has_what_it_needs(intent, appliances) for intent in self._intents]

    def intent(self, person: Person, situation: Situation, after: str | None, rng: random.Random) -> Intent:
        """What somebody wants to be done.

        Raises:
            WorldError: there is nothing that they can want.
        """
        signals = signals_around(
            situation.device.type, situation.device.room, situation.part_of_day, situation.weekend, situation.states,
            person.habits, after,
        )  # fmt: skip
        cumulative = self._weights(signals, frozenset(appliance.name for appliance, _ in person.appliances))
        if not cumulative[-1]:
            raise WorldError(f"{self.world.directory}: somebody at a {situation.device.type} ({situation.device.room}) "
                             "can want nothing; expected an intent that needs no appliance and that no condition "
                             "rules out")  # fmt: skip
        return self._intents[bisect(cumulative, rng.random() * cumulative[-1])]

    def meaning(
        self, person: Person, intent: Intent, situation: Situation, rng: random.Random,
        kept: Mapping[str, Entity] | None = None, new: Sequence[str] = (),
    ) -> Meaning:  # fmt: skip
        """What exactly: an entity for each slot.

        Args:
            person: whose wish it is.
            intent: what is to be done.
            situation: around it.
            rng: random numbers.
            kept: values of the turn before, kept where the intent has the slot and it is not new.
            new: slots that must not keep theirs.
        """
        values: dict[str, Entity] = {}
        for name, slot in intent.slots.items():
            old = (kept or {}).get(name)
            if old is not None and old.type == slot.type and name not in new and not slot.follows:
                values[name] = old
                continue
            if kept is not None and name not in new and not slot.follows and not slot.beside:
                # what a follow-up neither keeps nor says is what goes without saying
                usual = usual_value(slot, person, situation, self.world)
                if usual is not None and not slot.optional:
                    values[name] = usual
                continue
            if (
                slot.follows
                or slot.beside
                or (slot.optional and name not in new and rng.random() >= self.population.optional)
            ):
                continue
            fixed = {
                other.follows[1]: kept[other.name].name
                for other in intent.slots.values()
                if kept and other.follows and other.follows[0] == name and other.name in kept and other.name not in new
            }
            values[name] = self._value(person, slot, intent, situation, rng, avoid=old, fixed=fixed)
        for name, slot in intent.slots.items():
            if slot.beside is not None and name not in values:
                values[name] = self._room(person, slot, values[slot.beside], situation, rng, (kept or {}).get(name))
            elif slot.follows is not None and slot.follows[0] in values:
                source, attribute = slot.follows
                values[name] = self.world.types[slot.type].named(values[source].attributes[attribute])[0]
        return Meaning(intent, values)

    def _value(
        self, person: Person, slot: SlotSpec, intent: Intent, situation: Situation, rng: random.Random, *,
        avoid: Entity | None, fixed: Mapping[str, str],
    ) -> Entity:  # fmt: skip
        """A value, not the one to avoid if there is another; with the attributes that are fixed, or that one likes."""
        liked = fixed or self._liked_attribute(person, slot, intent, rng)
        for _ in range(12 if liked else 8):
            found = self._draw(person, slot, situation, rng)
            if (avoid is None or found.id != avoid.id) and all(found.attributes.get(k) == v for k, v in liked.items()):
                return found
        if liked:
            able = [e for e in self.world.types[slot.type].entities
                    if (e.part in ("any", person.part)) and (avoid is None or e.id != avoid.id)
                    and all(e.attributes.get(k) == v for k, v in liked.items())]  # fmt: skip
            if able:
                return able[int(len(able) * rng.random() ** 2)]
        return found

    def _liked_attribute(self, person: Person, slot: SlotSpec, intent: Intent, rng: random.Random) -> Mapping[str, str]:
        """An attribute that decides another slot, as the person likes it: songs of a genre that they listen to."""
        for other in intent.slots.values():
            share = self.population.tastes.get(other.type)
            if other.follows and other.follows[0] == slot.name and share is not None and rng.random() < share:
                liked = person.favourites[other.type]
                return {other.follows[1]: liked[int(len(liked) * rng.random() ** 2)].name}
        return {}

    def _draw(self, person: Person, slot: SlotSpec, situation: Situation, rng: random.Random) -> Entity:
        if slot.own and slot.type == "appliance":
            mine = [a for a, _ in person.appliances if not slot.only or a.name in slot.only]
            if mine:
                return mine[int(rng.random() * len(mine))]
        elif slot.own:
            mine = list(person.owned.get(slot.type, ()))
            if mine:
                return mine[int(len(mine) * rng.random() ** 2)]
        usual = usual_value(slot, person, situation, self.world)
        share = self.population.tastes.get(slot.type, self.population.other_tastes)
        if usual is not None and rng.random() < share:
            return usual
        liked = [e for e in person.favourites.get(slot.type, ()) if not slot.only or e.name in slot.only]
        if liked and rng.random() < share:
            return liked[int(len(liked) * rng.random() ** 2)]
        return self.popular(slot.type, person.part, rng, slot.only)

    def _room(
        self, person: Person, slot: SlotSpec, appliance: Entity, situation: Situation, rng: random.Random,
        avoid: Entity | None,
    ) -> Entity:  # fmt: skip
        rooms = [room for a, room in person.appliances if a.id == appliance.id]
        here = [room for room in rooms if room.name == situation.device.room]
        if here and rng.random() < self.population.this_room and (avoid is None or here[0].id != avoid.id):
            return here[0]
        others = [room for room in rooms if avoid is None or room.id != avoid.id] or rooms
        return others[int(rng.random() * len(others))] if others else self.world.types[slot.type].entities[0]

    def popular(self, kind: str, part: Part, rng: random.Random, only: tuple[str, ...] = ()) -> Entity:
        """An entity of a type, by Zipf's law over the catalogue."""
        key = kind, part, only
        if key not in self._ranks:
            entities = [
                e for e in self.world.types[kind].entities
                if (e.part in ("any", part) or part == "any") and (not only or e.name in only)
            ]  # fmt: skip
            self._ranks[key] = entities, list(accumulate(1 / (i + 2) for i in range(len(entities))))
        entities, cumulative = self._ranks[key]
        return entities[bisect(cumulative, rng.random() * cumulative[-1])]


def usual_value(slot: SlotSpec, person: Person, situation: Situation, world: World) -> Entity | None:
    """What a person means where the value of a slot goes without saying; None where it has to be said."""
    if slot.unspoken is None:
        return None
    if slot.unspoken == "home":
        return person.home
    if slot.unspoken == "favourite":
        liked = person.favourites.get(slot.type, ())
        return liked[0] if liked else None
    if slot.unspoken == "here":
        return next(iter(world.types[slot.type].named(situation.device.room)), None)
    return world.types[slot.type].named(slot.unspoken)[0]


def make_person(number: int, part: Part, wishes: Wishes, seed: int) -> Person:
    """The person of a number.

    Raises:
        WorldError: there is nothing that they can want.
    """
    rng = random.Random(f"{seed}/{number}")
    world, population = wishes.world, wishes.population
    room_names = list(population.device_rooms)
    types, shares = list(population.devices), list(accumulate(population.devices.values()))
    rooms = list(accumulate(population.device_rooms.values()))
    devices = tuple(
        Device(
            id=f"device-{number}-{i}", type=types[min(bisect(shares, rng.random()), len(types) - 1)],
            room=room_names[bisect(rooms, rng.random() * rooms[-1])],
        )
        for i in range(1 + int(rng.random() * 3))
    )  # fmt: skip
    appliances: list[tuple[Entity, Entity]] = []
    for name, kind in population.appliances.items():
        if rng.random() < kind.share:
            count = 1 + int(rng.random() * len(kind.rooms))
            for room in rng.sample(kind.rooms, count):
                appliances.append((world.types["appliance"].named(name)[0], world.types["room"].named(room)[0]))
    favourites = {name: _distinct(wishes, name, part, population.favourites, rng) for name in world.types}
    owned = {name: _distinct(wishes, name, part, count, rng) for name, count in population.owned.items()}
    low, high = population.style.detailed
    least, most = population.reactions.persist
    polite = population.style.polite
    rudest, politest = max(0.0, 2 * polite - 1), min(1.0, 2 * polite)  # around the rate, as wide as 0 and 1 allow
    person = Person(
        number=number, part=part, home=wishes.popular(population.home, part, rng), devices=devices, owned=owned,
        appliances=tuple(appliances), favourites=favourites,
        habits=frozenset(name for name, share in population.habits.items() if rng.random() < share), routines=(),
        accent=rng.gauss(0, 1), polite=rudest + (politest - rudest) * rng.random(),
        detail=low + (high - low) * rng.random(), persistence=least + (most - least) * rng.random(),
        vocabulary=rng.getrandbits(32),
    )  # fmt: skip
    return _with_routines(person, wishes, rng)


def _distinct(wishes: Wishes, kind: str, part: Part, count: int, rng: random.Random) -> tuple[Entity, ...]:
    found: dict[str, Entity] = {}
    for _ in range(4 * count):
        entity = wishes.popular(kind, part, rng)
        found.setdefault(entity.id, entity)
        if len(found) == count:
            break
    return tuple(found.values())


def _with_routines(person: Person, wishes: Wishes, rng: random.Random) -> Person:
    routines = []
    for _ in range(wishes.population.routines):
        situation = draw_situation(person, wishes.population, EPOCH, rng)
        intent = wishes.intent(person, situation, None, rng)
        routines.append(wishes.meaning(person, intent, situation, rng))
    return replace(person, routines=tuple(routines))


def draw_situation(person: Person, population: Population, day_start: float, rng: random.Random) -> Situation:
    """A device, an hour of the day, and what devices report."""
    hours = list(accumulate(population.hours))
    hour = bisect(hours, rng.random() * hours[-1])
    started_at = day_start + hour * 3600 + int(rng.random() * 3600)
    part_of_day = PARTS_OF_DAY[hour // 6]
    states = {}
    for name, state in population.states.items():
        if state.part_of_day in (None, part_of_day):
            shares = list(accumulate(state.values.values()))
            states[name] = list(state.values)[min(bisect(shares, rng.random()), len(shares) - 1)]
    device = person.devices[int(len(person.devices) * rng.random() ** 2)]
    return Situation(device=device, started_at=started_at, states=states, noise=math.exp(rng.gauss(-0.08, 0.4)))


def own_phrasing(person: Person, phrasings: Sequence[Phrasing], rng: random.Random, share: float) -> Phrasing:
    """One of several phrasings: mostly the one that the person always uses."""
    if rng.random() < share:
        return phrasings[person.vocabulary % len(phrasings)]
    return phrasings[int(rng.random() * len(phrasings))]
