"""Reads worlds from YAML, and points at what is wrong with file and line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from selflearn.simulation.files import Value, WorldError, read_file, yaml_files
from selflearn.simulation.grammar import Phrasing
from selflearn.simulation.rates import check_rates
from selflearn.simulation.signals import Signals
from selflearn.simulation.splits import NoSplitError, Phrasings, held_out_names, split_phrasings
from selflearn.simulation.world import (
    WORLDS,
    Entity,
    EntityType,
    FollowUp,
    Intent,
    Manners,
    SlotSpec,
    World,
    said_together,
    spoken_values,
)

_TOLD_BY_PERSON = ("favourite", "home", "here")
"""What `unspoken` may say instead of an entry: it hangs on who speaks, and where."""

_NAME = re.compile(r"[a-z][a-z_]*")
_SPOKEN = re.compile(r"[a-z]+(?:['-][a-z]+)*'?(?: [a-z]+(?:['-][a-z]+)*'?)*")


def load_world(directory: str | Path = WORLDS / "home", rates: Mapping[str, Any] | None = None) -> World:
    """Read and check a world.

    Args:
        directory: of the world.
        rates: other values than those of its files, by file and place: ``{"people.reactions.barge_in": 0.2}``. They
            are checked as those of the files are, by whoever reads these.

    Raises:
        WorldError: something in it is wrong; says file, line, what was found and what was expected. Or there is no
            rate of that name.
    """
    root = Path(directory)
    if not root.is_dir():
        shipped = ", ".join(sorted(path.name for path in WORLDS.iterdir() if path.is_dir()))
        raise WorldError(f"{root} is no directory; expected a world (with the library come: {shipped})")
    types: dict[str, EntityType] = {}
    catalogues: dict[str, Value] = {}
    for file in yaml_files(root / "catalogues"):
        value = read_file(file)
        entity_type = _entity_type(value)
        if entity_type.name in types:
            raise value.fault(f"the type {entity_type.name!r} has a catalogue already")
        types[entity_type.name], catalogues[entity_type.name] = entity_type, value
    signals = Signals.of(root, types)
    intents: dict[str, Intent] = {}
    places: dict[str, Value] = {}
    for file in yaml_files(root / "domains"):
        for name, value, intent in _intents(read_file(file), types, signals):
            if name in intents:
                raise value.fault(f"the intent {name!r} is in the domain {intents[name].domain!r} already")
            intents[name], places[name] = intent, value
    for name, intent in intents.items():
        _check_references(intent, places[name], intents)
    head = read_file(root / "world.yaml").fields(["name", "manners"])
    types, intents = _split_types(types, intents, catalogues), _split_intents(intents, places, types)
    for name, intent in intents.items():
        _check_held_out(intent, places[name], types)
    check_rates(root, rates or {})
    return World(
        name=head["name"].text(), directory=root, rates=dict(rates or {}), digest=_digest(root, rates or {}),
        types=types, intents=intents, manners=_manners(head["manners"]),
    )  # fmt: skip


def _split_intents(
    intents: Mapping[str, Intent], places: Mapping[str, Value], types: Mapping[str, EntityType]
) -> dict[str, Intent]:
    """The intents with the part of each phrasing."""
    lists: list[tuple[Phrasings, Value]] = []
    for name, intent in intents.items():
        row = places[name].table()
        follows = [value.table()["say"] for value in row["follow"].rows()] if intent.follow else []
        lists += zip(intent.lists, (row["say"], row.get("short", places[name]), *follows), strict=True)
    try:
        sides = iter(split_phrasings([phrasings for phrasings, _ in lists], spoken_values(types)))
    except NoSplitError as error:
        raise lists[error.number][1].fault(str(error)) from None
    return {name: intent.with_lists(*islice(sides, len(intent.lists))) for name, intent in intents.items()}


def _split_types(
    types: Mapping[str, EntityType], intents: Mapping[str, Intent], places: Mapping[str, Value]
) -> dict[str, EntityType]:
    """The types with the part of each entity, by name: a title that is a film and a book is held out as both.

    So are those that are said alike, such as two doctors.
    """
    held = held_out_names(said_together(types, intents))
    return {name: _split_type(kind, held, places[name]) if kind.open else kind for name, kind in types.items()}


def _split_type(kind: EntityType, held: set[str], place: Value) -> EntityType:
    entities = tuple(
        replace(entity, part="test" if entity.name.lower() in held else "train") for entity in kind.entities
    )
    if len({entity.part for entity in entities}) < 2:
        raise place.table()["entries"].fault(f"all {len(entities)} entries of the open type {kind.name!r} fall to one "
                                             "split; add some, or give `open: false`")  # fmt: skip
    return replace(kind, entities=entities)


def _check_held_out(intent: Intent, place: Value, types: Mapping[str, EntityType]) -> None:
    """A slot must not rely on names that people of one split alone say."""
    for slot in intent.slots.values():
        kind = types[slot.type]
        if not kind.open:
            continue
        if slot.unspoken is not None and slot.unspoken not in _TOLD_BY_PERSON:
            raise place.fault(
                f"the slot {slot.name!r} says by `unspoken` {slot.unspoken!r}, which people of one split alone say; "
                f"give {kind.name} `open: false`"
            )
        if slot.only and not slot.own and len({entity.part for value in slot.only for entity in kind.named(value)}) < 2:
            raise place.fault(
                f"the slot {slot.name!r} has an `only` of names that people of one split alone say; add some, or give "
                f"{kind.name} `open: false`"
            )


def _digest(root: Path, rates: Mapping[str, Any]) -> str:
    """Of the files of a world, and of other rates where there are any."""
    seen = hashlib.sha256()
    if rates:
        seen.update(json.dumps(rates, sort_keys=True).encode())
    for file in sorted(root.rglob("*.yaml")):
        seen.update(f"{file.relative_to(root).as_posix()}\0".encode())
        seen.update(file.read_bytes())
    return seen.hexdigest()[:16]


# -------------------------------------------------------------------------------------------------------- catalogues


def _entity_type(value: Value) -> EntityType:
    found = value.fields(["type", "entries"], ["open", "full_name"])
    name = _name(found["type"])
    is_open = found["open"].flag() if "open" in found else True
    rows = [_entry(row) for row in found["entries"].rows()]
    known = {"name", *(name for _, _, attributes in rows for name in attributes)}
    pattern = found["full_name"].template(known, "what entries have") if "full_name" in found else "{name}"
    full: dict[str, str] = {}
    for row, (label, _, attributes) in zip(found["entries"].rows(), rows, strict=True):
        try:
            text = pattern.format_map({"name": label, **attributes})
        except KeyError as error:
            raise row.fault(f"{label!r} lacks {error.args[0]!r}, which full_name ({pattern!r}) needs") from None
        if text.lower() in full:
            raise row.fault(f"{text!r} is there already; tell them apart by an attribute in full_name")
        full[text.lower()] = text
    return EntityType(
        name=name, open=is_open,
        entities=tuple(
            Entity(id=f"{name}/{small}", type=name, name=label, full_name=text, spoken=spoken, attributes=attributes,
                   rank=i, part="any")
            for i, ((label, spoken, attributes), (small, text)) in enumerate(zip(rows, full.items(), strict=True))
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


def _intents(value: Value, types: Mapping[str, EntityType], signals: Signals) -> Iterator[tuple[str, Value, Intent]]:
    found = value.fields(["domain", "intents"])
    domain = _name(found["domain"])
    table = found["intents"].table()
    if not table:
        raise found["intents"].fault("there is no intent; expected at least one")
    for name, row in table.items():
        if not _NAME.fullmatch(name):
            raise row.fault(f"{name!r} is no name of an intent; expected small letters and _")
        yield name, row, _intent(name, domain, row, types, signals)


def _intent(name: str, domain: str, row: Value, types: Mapping[str, EntityType], signals: Signals) -> Intent:
    found = row.fields(["say"], ["weight", "slots", "when", "short", "follow", "done", "stale", "supported",
                                 "side_effects"])  # fmt: skip
    supported = found["supported"].flag() if "supported" in found else True
    slots = {key: _slot(key, spec, types) for key, spec in found["slots"].table().items()} if "slots" in found else {}
    if "slots" in found:
        _check_slots(slots, found["slots"].table(), types, signals.rooms)
    say = _phrasings(found["say"], slots, complete=True)
    if len(say.all) < 4:
        raise found["say"].fault(
            f"{len(say.all)} phrasings; expected at least 4, as a quarter is kept for the test split"
        )
    if supported and "done" not in found:
        raise row.fault(f"{name} has no `done`; expected at least one response")
    return Intent(
        name=name, domain=domain, supported=supported, slots=slots, say=say,
        weight=found["weight"].number(0.01) if "weight" in found else 1.0,
        side_effects=found["side_effects"].flag() if "side_effects" in found else False,
        conditions=tuple(map(signals.condition, found["when"].rows())) if "when" in found else (),
        short=_phrasings(found["short"], slots, complete=False) if "short" in found else Phrasings(),
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
    if unspoken is not None and unspoken not in _TOLD_BY_PERSON and not types[kind].named(unspoken):
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


def _check_slots(
    slots: Mapping[str, SlotSpec], places: Mapping[str, Value], types: Mapping[str, EntityType], rooms: Collection[str]
) -> None:
    for name, slot in slots.items():
        for other in (slot.beside, slot.follows[0] if slot.follows else None):
            if other is not None and other not in slots:
                raise places[name].fault(f"the slot {name!r} depends on {other!r}, which is no slot of the intent")
        if slot.beside is not None and (slot.type, slots[slot.beside].type) != ("room", "appliance"):
            raise places[name].fault(
                f"the slot {name!r} ({slot.type}) stands with {slot.beside!r} ({slots[slot.beside].type}); expected a "
                "room with an appliance, whose room it is"
            )
        if slot.beside is not None and slots[slot.beside].optional:
            raise places[name].fault(
                f"the slot {name!r} stands with {slot.beside!r}, which is optional; expected one that is always there"
            )
        if slot.unspoken == "here" and not any(map(types[slot.type].named, rooms)):
            raise places[name].fault(
                f"the slot {name!r} says by `unspoken` here, and no entry of {slot.type} is a place of a device"
            )
        if slot.follows is None:
            continue
        source, attribute = slots[slot.follows[0]].type, slot.follows[1]
        for entity in types[source].entities:
            value = entity.attributes.get(attribute)
            if value is None or not types[slot.type].named(value):
                raise places[name].fault(
                    f"{entity.id} has {attribute} = {value!r}; expected the name of an entry of {slot.type}"
                )


def _phrasings(value: Value, slots: Mapping[str, SlotSpec], *, complete: bool) -> Phrasings:
    found: list[Phrasing] = []
    for row in value.rows():
        phrasing = row.parsed(Phrasing.parse)
        unknown = phrasing.slots - slots.keys()
        if unknown:
            raise row.fault(f"{{{min(unknown)}}} is no slot of it; it has {', '.join(slots) or 'none'}")
        unsaid = [
            name for name, slot in slots.items()
            if complete and not (slot.optional or slot.unspoken or slot.follows) and name not in phrasing.needed
        ]  # fmt: skip
        if unsaid:
            raise row.fault(f"{{{unsaid[0]}}} may go unsaid; say it, or tell by `unspoken` what is meant then")
        if any(phrasing.source == other.source for other in found):
            raise row.fault(f"{phrasing.source!r} is there twice")
        found.append(phrasing)
    return Phrasings(tuple(found))


def _follow(row: Value) -> FollowUp:
    found = row.fields(["intent", "probability", "say"], ["new", "new_goal"])
    return FollowUp(
        intent=found["intent"].text(),
        new=found["new"].texts() if "new" in found else (),
        probability=found["probability"].number(0.0, 1.0),
        new_goal=found["new_goal"].flag() if "new_goal" in found else False,
        say=Phrasings(tuple(phrasing.parsed(Phrasing.parse) for phrasing in found["say"].rows())),
    )


def _responses(value: Value, slots: Mapping[str, SlotSpec]) -> tuple[str, ...]:
    return tuple(row.template(slots, "the slots of the intent") for row in value.rows())


def _check_references(intent: Intent, place: Value, intents: Mapping[str, Intent]) -> None:
    """What an intent says of others, once all are known."""
    for condition in intent.conditions:
        if condition.after is not None and condition.after not in intents:
            raise place.fault(f"{intent.name} has a condition after {condition.after!r}, which is no intent")
    if sum(follow.probability for follow in intent.follow) > 1 + 1e-6:
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
        for phrasing in follow.say.all:
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
        "babble",
    )
    found = value.fields(names)
    for name, mark in (("polite", "{}"), ("asking", "{}"), ("corrections", "{value}")):
        for row in found[name].rows():
            if row.text().count(mark) != 1:
                raise row.fault(f"{row.text()!r}; expected {mark} once")
    said = [name for name in names if name not in ("unframed", "babble")]
    for row in (row for name in said for row in found[name].rows()):
        _spoken(re.sub(r"\{(value)?\}", " a ", row.text()), row)
    lists = {name: found[name].texts() for name in said}
    babble = _phrasings(found["babble"], {}, complete=False)
    return Manners(unframed=frozenset(found["unframed"].text().split()), babble=split_phrasings([babble])[0], **lists)


def _name(value: Value) -> str:
    if not _NAME.fullmatch(value.text()):
        raise value.fault(f"{value.text()!r} is no name; expected small letters and _")
    return value.text()
