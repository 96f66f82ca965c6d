"""The world: what there is, what people can want, and how they say it.

A world is a directory: ``world.yaml`` (its name, and manners of speech), ``catalogues/*.yaml`` (one type of entity
each), ``domains/*.yaml`` (the intents of one domain each), ``people.yaml``, ``assistant.yaml`` and ``annotators.yaml``
(:mod:`selflearn.simulation.settings`). Another directory of the same form is another world; no code changes.
:func:`selflearn.simulation.loading.load_world` reads one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from selflearn.simulation.splits import Part, Phrasings

WORLDS = Path(__file__).parent / "worlds"
"""Where the worlds are that come with the library."""

PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")
"""From 0, 6, 12 and 18 o'clock on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Something that can be asked for.

    Attributes:
        id: type and full name; unique in the world.
        type: name of its type.
        name: as a response writes it.
        full_name: tells it from others of its name: "Springfield, Illinois".
        spoken: ways to say it, the most common first; small letters.
        attributes: what else is known of it, for example the artist of a song; names of entities where those are.
        rank: place in the catalogue from 0; people ask more for what stands first.
        part: "test" where only people of the test split ask for it.
    """

    id: str
    type: str
    name: str
    full_name: str
    spoken: tuple[str, ...]
    attributes: Mapping[str, str]
    rank: int
    part: Part


@dataclass(frozen=True, kw_only=True)
class EntityType:
    """A catalogue: entities of one type.

    Attributes:
        name: of the type.
        open: whether a share of the entities is kept for the test split; a closed type (rooms, colours) is the same
            everywhere.
        entities: in order of popularity.
    """

    name: str
    open: bool
    entities: tuple[Entity, ...]

    def named(self, name: str) -> tuple[Entity, ...]:
        """Entities of that name."""
        return self._by_name.get(name, ())

    @cached_property
    def _by_name(self) -> dict[str, tuple[Entity, ...]]:
        found: dict[str, tuple[Entity, ...]] = {}
        for entity in self.entities:
            found[entity.name] = (*found.get(entity.name, ()), entity)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSpec:
    """One slot of an intent.

    Attributes:
        name: of the slot.
        type: of its values.
        follows: (slot, attribute) that decides its value, or None.
        optional: the meaning may lack it.
        unspoken: what is meant where a phrasing leaves it out: "favourite", "home", "here", or the name of a value;
            None: it has to be said.
        own: only what the person has: appliances of the home, contacts, lists.
        beside: the slot whose owned appliance stands in the room that this slot names.
        only: names of the values that it can have; empty: all.
    """

    name: str
    type: str
    follows: tuple[str, str] | None = None
    optional: bool = False
    unspoken: str | None = None
    own: bool = False
    beside: str | None = None
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A signal that makes an intent more or less likely: all that is given must hold, then its weight is multiplied.

    Attributes:
        times: the factor.
        device: type of the device.
        room: where the device stands.
        part_of_day: "night", "morning", "afternoon" or "evening".
        weekend: whether it is Saturday or Sunday.
        states: what the device reports.
        after: an intent that came just before in the session.
        habit: a habit of the person.
    """

    times: float
    device: str | None = None
    room: str | None = None
    part_of_day: str | None = None
    weekend: bool | None = None
    states: Mapping[str, str] = field(default_factory=dict)
    after: str | None = None
    habit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Something asked next, in words that need the turn before.

    Attributes:
        intent: what is asked.
        new: slots that get a new value; the others keep that of the turn before.
        probability: that people go on with it.
        new_goal: whether it is a goal of its own that only borrows words from the one before.
        say: phrasings.
    """

    intent: str
    new: tuple[str, ...]
    probability: float
    new_goal: bool
    say: Phrasings


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Something that people want.

    Attributes:
        name: unique in the world.
        domain: the domain it belongs to.
        weight: how often it is wanted, beside the others.
        supported: whether the assistant can do it at all.
        side_effects: whether it does what cannot be undone (calls, locks, purchases).
        slots: by name.
        conditions: signals that change its weight.
        say: phrasings.
        short: how it is named in a correction: "no, the film".
        follow: what may come next.
        done: responses when it was done.
        stale: responses when what was done is out of date; empty: that cannot happen.
    """

    name: str
    domain: str
    weight: float
    supported: bool
    side_effects: bool
    slots: Mapping[str, SlotSpec]
    conditions: tuple[Condition, ...]
    say: Phrasings
    short: Phrasings
    follow: tuple[FollowUp, ...]
    done: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def lists(self) -> tuple[Phrasings, ...]:
        """All its phrasings: ``say``, ``short``, and those of each follow-up."""
        return self.say, self.short, *(follow.say for follow in self.follow)

    def with_lists(self, say: Phrasings, short: Phrasings, *follow: Phrasings) -> Intent:
        """The same intent with other phrasings, in the order of ``lists``."""
        next_ones = tuple(replace(old, say=new) for old, new in zip(self.follow, follow, strict=True))
        return replace(self, say=say, short=short, follow=next_ones)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How people talk around what they want; ``{}`` in ``polite`` is the request, ``{value}`` a value.

    Attributes:
        polite: frames of any request.
        asking: frames of a request that begins with a verb.
        unframed: first words of requests that do not begin with a verb.
        hesitations: said before a request.
        corrections: of what was understood, with ``{value}`` for what was meant.
        complaints: said instead of a rephrase.
        thanks: said after success.
        dismissals: said when giving up.
        babble: what a television says, which no one asked; people of the test split have others around them.
    """

    polite: tuple[str, ...]
    asking: tuple[str, ...]
    unframed: frozenset[str]
    hesitations: tuple[str, ...]
    corrections: tuple[str, ...]
    complaints: tuple[str, ...]
    thanks: tuple[str, ...]
    dismissals: tuple[str, ...]
    babble: Phrasings


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that does not depend on a person.

    Attributes:
        name: of the world.
        directory: where it was read from.
        rates: other values than those of its files, by dotted name: ``{"people.reactions.barge_in": 0.2}``.
        digest: of all its files, and of these rates; goes into what is made from it.
        types: catalogues by name.
        intents: by name.
        manners: of speech.
    """

    name: str
    directory: Path
    rates: Mapping[str, Any]
    digest: str
    types: Mapping[str, EntityType]
    intents: Mapping[str, Intent]
    manners: Manners

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains, in alphabetical order."""
        return tuple(sorted({intent.domain for intent in self.intents.values()}))


def spoken_values(types: Mapping[str, EntityType]) -> set[str]:
    """All words that an entity can be called by."""
    return {words for kind in types.values() for entity in kind.entities for words in entity.spoken}


def said_together(types: Mapping[str, EntityType], intents: Mapping[str, Intent]) -> Iterator[tuple[str, ...]]:
    """For each entity of an open type all that it is called by, and the values that follow from it.

    In small letters, as :func:`~selflearn.simulation.splits.held_out_names` takes them.
    """
    said: dict[str, set[str]] = {name: set() for name in types}
    for intent in intents.values():
        for slot in intent.slots.values():
            if slot.follows and types[slot.type].open:
                said[intent.slots[slot.follows[0]].type].add(slot.follows[1])
    for kind in types.values():
        for entity in kind.entities if kind.open else ():
            follow = (entity.attributes[attribute].lower() for attribute in said[kind.name])
            yield entity.name.lower(), *entity.spoken, *follow
