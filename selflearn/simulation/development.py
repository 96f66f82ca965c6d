"""A world to choose between designs in: as if what the people of the test split say did not exist.

Tuning people talk as training people do, so that only a test split shows what new phrasings and names do to a model;
but nothing may be chosen by the one that is reported. A development world has one of its own: of what the people of the
test split do not say, about a quarter is held out once more, by the same rules with another draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations, islice

from selflearn.simulation.population import load_population
from selflearn.simulation.splits import NoSplitError, Phrasings, draw, held_out_names, split_phrasings
from selflearn.simulation.world import Entity, EntityType, Intent, World, said_together, spoken_values


def development_world(world: World) -> World:
    """A world without the phrasings and names of its test split, and with a test split made of what is left.

    What is too little to be divided a second time is everybody's: the phrasings of some short lists, and a type of
    which all entries would fall to one split. So are names of open types that the world itself relies on, such as a
    value that goes without saying; where only people of the test split asked for one, it stays.

    Args:
        world: as it was read from its files.

    Raises:
        WorldError: ``people.yaml`` of the world is wrong; says file, line, what was found and what was expected.
    """
    relied_on = _relied_on(world)
    gone = held_out_names(said_together(world.types, world.intents), shared=relied_on)
    left = {
        name: replace(kind, entities=tuple(e for e in kind.entities if not (kind.open and e.name.lower() in gone)))
        for name, kind in world.types.items()
    }
    babble = split_phrasings([Phrasings(world.manners.babble.train)], draw=_draw_again)[0]
    return replace(
        world, types=_split_names(left, world.intents, relied_on), intents=_split_intents(world.intents, left),
        manners=replace(world.manners, babble=babble),
        digest=hashlib.sha256(f"development {world.digest}".encode()).hexdigest()[:16],
    )  # fmt: skip


def _draw_again(text: str) -> float:
    return draw(f"development {text}")


def _relied_on(world: World) -> set[str]:
    """Names of open types, in small letters, that the files name outside of these types: without them is no world."""
    people = load_population(world)
    found = {("appliance", name) for name in people.appliances} | {("room", name) for name in people.device_rooms}
    found |= {("room", room) for kind in people.appliances.values() for room in kind.rooms}
    for intent in world.intents.values():
        for slot in intent.slots.values():
            found |= {(slot.type, name) for name in (*slot.only, slot.unspoken or "")}
            source = world.types[intent.slots[slot.follows[0]].type] if slot.follows else None
            if slot.follows and source and not source.open:
                found |= {(slot.type, entity.attributes[slot.follows[1]]) for entity in source.entities}
    known = {(kind.name, entity.name) for kind in world.types.values() if kind.open for entity in kind.entities}
    return {name.lower() for _, name in found & known}


def _split_names(
    types: Mapping[str, EntityType], intents: Mapping[str, Intent], shared: set[str]
) -> dict[str, EntityType]:
    """The types with the part of each entity; names that are shared are everybody's."""
    held = held_out_names(said_together(types, intents), _draw_again, shared)

    def parted(entity: Entity) -> Entity:
        name = entity.name.lower()
        return replace(entity, part="any" if name in shared else "test" if name in held else "train")

    found = {
        name: replace(kind, entities=tuple(map(parted, kind.entities))) if kind.open else kind
        for name, kind in types.items()
    }
    undivided = {
        entity.name.lower() for kind in found.values() if not {"train", "test"} <= {e.part for e in kind.entities}
        for entity in kind.entities if entity.part != "any"
    }  # fmt: skip
    return _split_names(types, intents, shared | undivided) if undivided else found


def _split_intents(intents: Mapping[str, Intent], types: Mapping[str, EntityType]) -> dict[str, Intent]:
    """The intents with the part of each phrasing that people of the test split do not use."""
    lists = [Phrasings(phrasings.train) for intent in intents.values() for phrasings in intent.lists]
    alone: list[Phrasings] = []  # a list of one is everybody's, and so is a list of such phrasings
    while True:
        try:
            sides = iter(split_phrasings([*lists, *alone], spoken_values(types), _draw_again))
        except NoSplitError as error:
            alone += [Phrasings((phrasing,)) for phrasing in lists[error.number].all]
            continue
        found = {name: intent.with_lists(*islice(sides, len(intent.lists))) for name, intent in intents.items()}
        poor = [intent.say for intent in found.values() if not _says_as_much(intent)]
        if not poor:
            return found
        alone += [Phrasings((phrasing,)) for phrasings in poor for phrasing in phrasings.all]


def _says_as_much(intent: Intent) -> bool:
    """Whether each part has, for any values, a phrasing for all that some phrasing says and that does not follow."""
    for words in _values(intent):
        spoken = {name for name in words if not intent.slots[name].follows}
        for said in (intent.say.train, intent.say.test):
            able = [phrasing.slots for phrasing in said if phrasing.fits(words)]
            wanted = [phrasing.slots & spoken for phrasing in intent.say.all if phrasing.fits(words)]
            if not all(any(slots <= other for other in able) for slots in wanted):
                return False
    return True


def _values(intent: Intent) -> Iterator[dict[str, str]]:
    """Which slots may have a value: those that are optional do or do not, and with them what follows from them."""
    optional = [name for name, slot in intent.slots.items() if slot.optional and not slot.follows]
    for number in range(len(optional) + 1):
        for lacking in combinations(optional, number):
            yield {
                name: name for name, slot in intent.slots.items()
                if name not in lacking and not (slot.follows and slot.follows[0] in lacking)
            }  # fmt: skip
