"""The world: what there is, what people can want, and how they say it. Read from YAML, checked with file and line.

A world is a directory: ``world.yaml`` (its name, and manners of speech), ``catalogues/*.yaml`` (one type of entity
each), ``domains/*.yaml`` (the intents of one domain each), ``people.yaml``, ``assistant.yaml`` and ``annotators.yaml``
(:mod:`selflearn.simulation.settings`). Another directory of the same form is another world; no code changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from selflearn.simulation.files import Value, WorldError, read_file, yaml_files
from selflearn.simulation.grammar import Phrasing

WORLDS = Path(__file__).parent / "worlds"
"""Where the worlds are that come with the library."""

HELD_OUT = 0.25
"""Share of phrasings, and of the entities of an open type, that only the people of the test split use."""

_NAME = re.compile(r"[a-z][a-z_]*")
_SPOKEN = re.compile(r"[a-z]+(?:['-][a-z]+)*'?(?: [a-z]+(?:['-][a-z]+)*'?)*")
_BRACED = re.compile(r"\{([a-z_]+)\}")

Part = Literal["any", "train", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Something that can be asked for.

    Attributes:
        id: type and full name; unique in the world.
        type: name of its type.
        name: as a response writes it.
        spoken: ways to say it, the most common first; small letters.
        attributes: what else is known of it, for example the artist of a song; names of entities where those are.
        rank: place in the catalogue from 0; people ask more for what stands first.
        part: "test" where only people of the test split ask for it.
    """

    id: str
    type: str
    name: str
    spoken: tuple[str, ...]
    attributes: Mapping[str, str]
    rank: int
    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
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
        return tuple(entity for entity in self.entities if entity.name == name)


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
    say: tuple[Phrasing, ...]


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
    say: tuple[Phrasing, ...]
    short: tuple[Phrasing, ...]
    follow: tuple[FollowUp, ...]
    done: tuple[str, ...]
    stale: tuple[str, ...]

    def phrasings(self, part: Part) -> tuple[Phrasing, ...]:
        """The phrasings of people of a split: "test" has its own quarter, "train" the rest, "any" all."""
        return _part(self.say, part)


def _part(phrasings: tuple[Phrasing, ...], part: Part) -> tuple[Phrasing, ...]:
    if part == "any":
        return phrasings
    # phrasings that differ in the names of their slots alone ("play {song}", "play {film}") are held out together
    draws = {phrasing: _draw(_BRACED.sub("{}", phrasing.source)) for phrasing in phrasings}
    held = [phrasing for phrasing in phrasings if draws[phrasing] < HELD_OUT]
    if not held or len(held) == len(phrasings):
        held = [min(phrasings, key=draws.__getitem__)]
    return tuple(phrasing for phrasing in phrasings if (phrasing in held) == (part == "test"))


def _draw(text: str) -> float:
    """A number in [0, 1) that is always the same for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2.0**64


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
        yes: agreement.
        no: disagreement.
        babble: what a television says, which no one asked.
    """

    polite: tuple[str, ...]
    asking: tuple[str, ...]
    unframed: frozenset[str]
    hesitations: tuple[str, ...]
    corrections: tuple[str, ...]
    complaints: tuple[str, ...]
    thanks: tuple[str, ...]
    dismissals: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    babble: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that does not depend on a person.

    Attributes:
        name: of the world.
        directory: where it was read from.
        digest: of all its files; goes into what is made from it.
        types: catalogues by name.
        intents: by name.
        manners: of speech.
    """

    name: str
    directory: Path
    digest: str
    types: Mapping[str, EntityType]
    intents: Mapping[str, Intent]
    manners: Manners

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains, in alphabetical order."""
        return tuple(sorted({intent.domain for intent in self.intents.values()}))


def load_world(directory: str | Path = WORLDS / "home") -> World:
    """Read and check a world.

    Raises:
        WorldError: something in it is wrong; says file, line, what was found and what was expected.
    """
    root = Path(directory)
    if not root.is_dir():
        shipped = ", ".join(sorted(path.name for path in WORLDS.iterdir() if path.is_dir()))
        raise WorldError(f"{root} is no directory; expected a world (with the library come: {shipped})")
    types: dict[str, EntityType] = {}
    for file in yaml_files(root / "catalogues"):
        value = read_file(file)
        entity_type = _entity_type(value)
        if entity_type.name in types:
            raise value.fault(f"the type {entity_type.name!r} has a catalogue already")
        types[entity_type.name] = entity_type
    intents: dict[str, Intent] = {}
    places: dict[str, Value] = {}
    for file in yaml_files(root / "domains"):
        for name, value, intent in _intents(read_file(file), types):
            if name in intents:
                raise value.fault(f"the intent {name!r} is in the domain {intents[name].domain!r} already")
            intents[name], places[name] = intent, value
    for name, intent in intents.items():
        _check_references(intent, places[name], intents)
    head = read_file(root / "world.yaml").fields(["name", "manners"])
    return World(
        name=head["name"].text(), directory=root, digest=_directory_digest(root), types=types, intents=intents,
        manners=_manners(head["manners"]),
    )  # fmt: skip


def _directory_digest(root: Path) -> str:
    seen = hashlib.sha256()
    for file in sorted(root.rglob("*.yaml")):
        seen.update(f"{file.relative_to(root).as_posix()}\0".encode())
        seen.update(file.read_bytes())
    return seen.hexdigest()[:16]


# -------------------------------------------------------------------------------------------------------- catalogues


def _entity_type(value: Value) -> EntityType:
    found = value.fields(["type", "entries"], ["open", "full_name"])
    name = _name(found["type"])
    is_open = found["open"].flag() if "open" in found else True
    pattern = found["full_name"].text() if "full_name" in found else "{name}"
    rows = [_entry(row) for row in found["entries"].rows()]
    full: list[str] = []
    for row, (label, _, attributes) in zip(found["entries"].rows(), rows, strict=True):
        try:
            text = pattern.format_map({"name": label, **attributes})
        except KeyError as error:
            raise row.fault(f"{label!r} lacks {error.args[0]!r}, which full_name ({pattern!r}) needs") from None
        if text.lower() in full:
            raise row.fault(f"{text!r} is there already; tell them apart by an attribute in full_name")
        full.append(text.lower())
    # by name alone: a title that is a film and a book is held out as both
    held = {i for i, row in enumerate(rows) if is_open and _draw(row[0].lower()) < HELD_OUT}
    return EntityType(
        name=name, open=is_open,
        entities=tuple(
            Entity(id=f"{name}/{full[i]}", type=name, name=label, spoken=spoken, attributes=attributes, rank=i,
                   part=("test" if i in held else "train") if is_open else "any")
            for i, (label, spoken, attributes) in enumerate(rows)
        ),
    )  # fmt: skip


def _entry(row: Value) -> tuple[str, tuple[str, ...], dict[str, str]]:
    if not isinstance(row.data, dict):
        label = row.text()
        return label, (_spoken(label, row),), {}
    table = row.table()
    if "name" not in table:
        raise row.fault("the key 'name' is missing")
    label = table["name"].text()
    also = table["also"].texts() if "also" in table else ()
    attributes = {key: value.text() for key, value in table.items() if key not in ("name", "also", "say")}
    first = table["say"].text() if "say" in table else label
    spoken = tuple(dict.fromkeys(_spoken(text, row) for text in (first, *also)))
    return label, spoken, attributes


def _spoken(text: str, where: Value) -> str:
    plain = re.sub(r"[.,!?:&]", " ", text.lower().replace("&", " and "))
    plain = " ".join(plain.split())
    if not _SPOKEN.fullmatch(plain):
        raise where.fault(f"{text!r} cannot be said as it stands; expected words of letters (give `say` in words)")
    return plain


# ----------------------------------------------------------------------------------------------------------- domains


def _intents(value: Value, types: Mapping[str, EntityType]) -> Iterator[tuple[str, Value, Intent]]:
    found = value.fields(["domain", "intents"])
    domain = _name(found["domain"])
    table = found["intents"].table()
    if not table:
        raise found["intents"].fault("there is no intent; expected at least one")
    for name, row in table.items():
        if not _NAME.fullmatch(name):
            raise row.fault(f"{name!r} is no name of an intent; expected small letters and _")
        yield name, row, _intent(name, domain, row, types)


def _intent(name: str, domain: str, row: Value, types: Mapping[str, EntityType]) -> Intent:
    found = row.fields(["say"], ["weight", "slots", "when", "short", "follow", "done", "stale", "supported",
                                 "side_effects"])  # fmt: skip
    supported = found["supported"].flag() if "supported" in found else True
    slots = {key: _slot(key, spec, types) for key, spec in found["slots"].table().items()} if "slots" in found else {}
    if "slots" in found:
        _check_slots(slots, found["slots"].table(), types)
    say = _phrasings(found["say"], slots, complete=True)
    if len(say) < 4:
        raise found["say"].fault(f"{len(say)} phrasings; expected at least 4, as a quarter is kept for the test split")
    if supported and "done" not in found:
        raise row.fault(f"{name} has no `done`; expected at least one response")
    return Intent(
        name=name, domain=domain, supported=supported, slots=slots, say=say,
        weight=found["weight"].number(0.01) if "weight" in found else 1.0,
        side_effects=found["side_effects"].flag() if "side_effects" in found else False,
        conditions=tuple(_condition(entry) for entry in found["when"].rows()) if "when" in found else (),
        short=_phrasings(found["short"], slots, complete=False) if "short" in found else (),
        follow=tuple(_follow(entry) for entry in found["follow"].rows()) if "follow" in found else (),
        done=_responses(found["done"], slots) if "done" in found else (),
        stale=_responses(found["stale"], slots) if "stale" in found else (),
    )  # fmt: skip


def _slot(name: str, spec: Value, types: Mapping[str, EntityType]) -> SlotSpec:
    if not isinstance(spec.data, dict):
        found: dict[str, Value] = {"type": spec}
    else:
        found = spec.fields(["type"], ["from", "optional", "unspoken", "own", "with", "only"])
    kind = found["type"].text()
    if kind not in types:
        raise found["type"].fault(f"there is no catalogue of the type {kind!r}; there are {', '.join(sorted(types))}")
    follows: tuple[str, str] | None = None
    if "from" in found:
        slot, dot, attribute = found["from"].text().partition(".")
        if not dot:
            raise found["from"].fault(f"{slot!r}; expected slot.attribute")
        follows = slot, attribute
    unspoken = found["unspoken"].text() if "unspoken" in found else None
    if unspoken not in (None, "favourite", "home", "here") and not types[kind].named(unspoken or ""):
        raise found["unspoken"].fault(f"{unspoken!r} is neither favourite, home, here nor an entry of {kind}")
    only = found["only"].texts() if "only" in found else ()
    for value in only:
        if not types[kind].named(value):
            raise found["only"].fault(f"{value!r} is no entry of {kind}")
    return SlotSpec(
        name=name, type=kind, follows=follows, unspoken=unspoken, only=only,
        optional=found["optional"].flag() if "optional" in found else False,
        own=found["own"].flag() if "own" in found else False,
        beside=found["with"].text() if "with" in found else None,
    )  # fmt: skip


def _check_slots(slots: Mapping[str, SlotSpec], places: Mapping[str, Value], types: Mapping[str, EntityType]) -> None:
    for name, slot in slots.items():
        for other in (slot.beside, slot.follows[0] if slot.follows else None):
            if other is not None and other not in slots:
                raise places[name].fault(f"the slot {name!r} depends on {other!r}, which is no slot of the intent")
        if slot.follows is None:
            continue
        source, attribute = slots[slot.follows[0]].type, slot.follows[1]
        for entity in types[source].entities:
            value = entity.attributes.get(attribute)
            if value is None or not types[slot.type].named(value):
                raise places[name].fault(
                    f"{entity.id} has {attribute} = {value!r}; expected the name of an entry of {slot.type}"
                )


def _phrasings(value: Value, slots: Mapping[str, SlotSpec], *, complete: bool) -> tuple[Phrasing, ...]:
    found: list[Phrasing] = []
    for row in value.rows():
        phrasing = row.parsed(Phrasing.parse)
        unknown = phrasing.slots - slots.keys()
        if unknown:
            raise row.fault(f"{{{min(unknown)}}} is no slot of the intent; it has {', '.join(slots) or 'none'}")
        unsaid = [
            name for name, slot in slots.items()
            if complete and not (slot.optional or slot.unspoken or slot.follows) and name not in phrasing.needed
        ]  # fmt: skip
        if unsaid:
            raise row.fault(f"{{{unsaid[0]}}} may go unsaid; say it, or tell by `unspoken` what is meant then")
        if any(phrasing.source == other.source for other in found):
            raise row.fault(f"{phrasing.source!r} is there twice")
        found.append(phrasing)
    return tuple(found)


def _condition(row: Value) -> Condition:
    found = row.fields(["times"], ["device", "room", "part_of_day", "weekend", "state", "after", "habit"])
    if len(found) < 2:
        raise row.fault("the condition names no signal; expected one of device, room, part_of_day, weekend, state, ...")
    part_of_day = found["part_of_day"].text() if "part_of_day" in found else None
    if part_of_day not in (None, *PARTS_OF_DAY):
        raise found["part_of_day"].fault(f"{part_of_day!r}; expected one of {', '.join(PARTS_OF_DAY)}")
    return Condition(
        times=found["times"].number(0.0),
        device=found["device"].text() if "device" in found else None,
        room=found["room"].text() if "room" in found else None,
        part_of_day=part_of_day,
        weekend=found["weekend"].flag() if "weekend" in found else None,
        states={key: value.text() for key, value in found["state"].table().items()} if "state" in found else {},
        after=found["after"].text() if "after" in found else None,
        habit=found["habit"].text() if "habit" in found else None,
    )


PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")
"""From 0, 6, 12 and 18 o'clock on."""


def _follow(row: Value) -> FollowUp:
    found = row.fields(["intent", "probability", "say"], ["new", "new_goal"])
    return FollowUp(
        intent=found["intent"].text(),
        new=found["new"].texts() if "new" in found else (),
        probability=found["probability"].number(0.0, 1.0),
        new_goal=found["new_goal"].flag() if "new_goal" in found else False,
        say=tuple(phrasing.parsed(Phrasing.parse) for phrasing in found["say"].rows()),
    )


def _responses(value: Value, slots: Mapping[str, SlotSpec]) -> tuple[str, ...]:
    for row in value.rows():
        for name in _BRACED.findall(row.text()):
            if name not in slots:
                raise row.fault(f"{{{name}}} is no slot of the intent; it has {', '.join(slots) or 'none'}")
    return value.texts()


def _check_references(intent: Intent, place: Value, intents: Mapping[str, Intent]) -> None:
    """What an intent says of others, once all are known."""
    for condition in intent.conditions:
        if condition.after is not None and condition.after not in intents:
            raise place.fault(f"{intent.name} has a condition after {condition.after!r}, which is no intent")
    if sum(follow.probability for follow in intent.follow) > 1:
        raise place.fault(f"the probabilities of what follows {intent.name} add up to more than 1")
    for row, follow in zip(place.table()["follow"].rows() if intent.follow else [], intent.follow, strict=True):
        target = intents.get(follow.intent)
        if target is None:
            raise row.fault(f"{follow.intent!r} is no intent")
        for name in follow.new:
            if name not in target.slots:
                known = ", ".join(target.slots) or "none"
                raise row.fault(f"`new` names {name!r}, which is no slot of {follow.intent}; it has {known}")
        for name, slot in target.slots.items():
            kept = name in intent.slots and intent.slots[name].type == slot.type and name not in follow.new
            if not (kept or name in follow.new or slot.optional or slot.unspoken or slot.follows):
                raise row.fault(f"{follow.intent} needs {name!r}, which {intent.name} does not have and `new` does not "
                                "name")  # fmt: skip
        for phrasing in follow.say:
            unknown = phrasing.slots - target.slots.keys()
            if unknown:
                raise row.fault(f"{{{min(unknown)}}} is no slot of {follow.intent}")
            unsaid = [name for name in follow.new if name not in phrasing.needed and not target.slots[name].follows]
            if unsaid:
                raise row.fault(f"{phrasing.source!r} does not say the new {{{unsaid[0]}}}")


def _manners(value: Value) -> Manners:
    names = (
        "polite",
        "asking",
        "unframed",
        "hesitations",
        "corrections",
        "complaints",
        "thanks",
        "dismissals",
        "yes",
        "no",
        "babble",
    )
    found = value.fields(names)
    for name, mark in (("polite", "{}"), ("asking", "{}"), ("corrections", "{value}")):
        for row in found[name].rows():
            if row.text().count(mark) != 1:
                raise row.fault(f"{row.text()!r}; expected {mark} once")
    lists = {name: found[name].texts() for name in names if name != "unframed"}
    return Manners(unframed=frozenset(found["unframed"].text().split()), **lists)


def _name(value: Value) -> str:
    if not _NAME.fullmatch(value.text()):
        raise value.fault(f"{value.text()!r} is no name; expected small letters and _")
    return value.text()
