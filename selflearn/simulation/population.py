"""Rates of the people of a world, read from ``people.yaml``, checked with file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from selflearn.simulation.files import Value
from selflearn.simulation.rates import read_rates
from selflearn.simulation.world import PARTS_OF_DAY, World

RETRIES = ("repeat", "reword", "detail", "simplify", "correct", "complain")
"""How somebody tries again: the same words, other words, more of it, less of it, a correction, a complaint."""

GAPS = ("barge_in", "retry", "follow_up", "next_goal")
"""Seconds: from the start of a response to an interruption, or from its end to thanks and dismissals; to another
attempt, to what follows, to the next goal."""

MOST_SPREAD = 5
"""Of the logarithm of seconds: one standard deviation is a factor of 148. What is above was meant in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appliances:
    """One kind of appliance: the share of homes that have it, and the rooms it can stand in."""

    share: float
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """What a device may report when a session begins: shares of values, and the part of the day it is limited to."""

    values: Mapping[str, float]
    part_of_day: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How people talk: probabilities; ``detailed`` is a range over people, ``polite`` the mean over them."""

    polite: float
    hesitant: float
    detailed: tuple[float, float]
    own_phrasing: float
    own_follow_up: float
    same_words: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactions:
    """What people do after a response.

    Attributes:
        notice_wrong: probability that a wrong action is seen as one.
        notice_stale: the same of an answer that is out of date, or the wrong version.
        barge_in: interrupts, after a failure that was noticed.
        barge_in_anyway: interrupts a right response.
        persist: range over people of the probability to try again.
        most_attempts: at a goal.
        retry: shares of the ways to try again (:data:`RETRIES`).
        dismiss: of those who give up, who say so.
        thanks: says thanks after success.
        prompt: the assistant asks whether it answered the question.
        answer_given: the person answers that.
        answer_wrong: with the opposite of the truth.
        gap: median and log-normal spread of seconds (:data:`GAPS`); of ``barge_in``, after a response began.
        pace: seconds that a word takes, and that the assistant takes to answer.
        asks_again: for something that the assistant cannot do.
        leaves: ends the session where a goal was given up.
        overheard: before something is asked for, the device hears somebody who does not speak to it.
    """

    notice_wrong: float
    notice_stale: float
    barge_in: float
    barge_in_anyway: float
    persist: tuple[float, float]
    most_attempts: int
    retry: Mapping[str, float]
    dismiss: float
    thanks: float
    prompt: float
    answer_given: float
    answer_wrong: float
    gap: Mapping[str, tuple[float, float]]
    pace: tuple[float, float]
    asks_again: float
    leaves: float
    overheard: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Who the people are; see the comments of ``people.yaml``.

    Attributes:
        devices: shares of device types.
        device_rooms: weights of the rooms that devices stand in.
        home: type of the places people live in.
        tastes: share of requests that go to one's own favourites, by type.
        other_tastes: of types not named in ``tastes``.
        favourites: number of favourites of each type.
        owned: how many entries of a type a person has.
        appliances: by name.
        this_room: share of requests for an appliance that are for the one in the room of the device.
        optional: share of wishes that have the value of an optional slot.
        states: device states by name.
        habits: share of people by habit.
        routines: requests that a person makes again and again.
        routine_share: share of goals that are one of them.
        sessions_mean: sessions of a person.
        weeks: over which they are spread.
        goals_mean: goals of a session.
        most_goals: at most.
        hours: weights of the 24 hours.
        style: of talking.
        reactions: to responses.
    """

    devices: Mapping[str, float]
    device_rooms: Mapping[str, float]
    home: str
    tastes: Mapping[str, float]
    other_tastes: float
    favourites: int
    owned: Mapping[str, int]
    appliances: Mapping[str, Appliances]
    this_room: float
    optional: float
    states: Mapping[str, DeviceState]
    habits: Mapping[str, float]
    routines: int
    routine_share: float
    sessions_mean: float
    weeks: float
    goals_mean: float
    most_goals: int
    hours: tuple[float, ...]
    style: Style
    reactions: Reactions


def load_population(world: World) -> Population:
    """Read ``people.yaml`` of a world.

    Raises:
        WorldError: says file, line, what was found and what was expected.
    """
    root = read_rates(world, "people")
    found = root.fields(
        ["devices", "device_rooms", "home", "tastes", "other_tastes", "favourites", "owned", "appliances",
         "this_room", "optional", "states",
         "habits", "routines", "routine_share", "sessions", "goals", "hours", "style", "reactions"]
    )  # fmt: skip
    sessions, goals = found["sessions"].fields(["mean", "weeks"]), found["goals"].fields(["mean", "most"])
    hours = tuple(row.number() for row in found["hours"].rows())
    if len(hours) != 24 or not sum(hours):
        raise found["hours"].fault(f"{len(hours)} weights; expected one for each of the 24 hours, not all 0")
    for name in ("tastes", "owned"):
        for kind, value in found[name].table().items():
            _known(kind, world.types, value, "type")
    _known(found["home"].text(), world.types, found["home"], "type")
    _check_slots(world, found["home"], found["owned"])
    return Population(
        devices=_shares(found["devices"]), device_rooms=_weights(found["device_rooms"], world),
        home=found["home"].text(), tastes=_probabilities(found["tastes"]),
        other_tastes=found["other_tastes"].number(0, 1), favourites=found["favourites"].whole(),
        owned={kind: value.whole() for kind, value in found["owned"].table().items()},
        appliances=_appliances(found["appliances"], world), this_room=found["this_room"].number(0, 1),
        optional=found["optional"].number(0, 1), states=_states(found["states"]),
        habits=_probabilities(found["habits"]), routines=found["routines"].whole(),
        routine_share=found["routine_share"].number(0, 1), sessions_mean=sessions["mean"].number(1),
        weeks=sessions["weeks"].number(0.1), goals_mean=goals["mean"].number(1), most_goals=goals["most"].whole(),
        hours=hours, style=_style(found["style"]), reactions=_reactions(found["reactions"]),
    )  # fmt: skip


def _known(name: str, names: Mapping[str, Any], place: Value, what: str) -> None:
    if name not in names:
        raise place.fault(f"{name!r} is no {what}; there are {', '.join(sorted(names))}")


def _check_slots(world: World, home: Value, owned: Value) -> None:
    """What slots say of people has to be so: where somebody lives, and that they own such things."""
    for intent in world.intents.values():
        for slot in intent.slots.values():
            place = f"the slot {slot.name!r} of {intent.name} ({slot.type})"
            if slot.unspoken == "home" and slot.type != home.text():
                raise home.fault(f"people live in a {home.text()}, and {place} says by `unspoken` home")
            if slot.own and slot.type != "appliance" and slot.type not in owned.table():
                raise owned.fault(f"nobody owns a {slot.type}, and {place} is `own`; say how many people have")


def _appliances(value: Value, world: World) -> dict[str, Appliances]:
    found = {}
    for name, row in value.table().items():
        entry = row.fields(["share", "rooms"])
        for kind, names in (("appliance", [(row, name)]), ("room", [(r, r.text()) for r in entry["rooms"].rows()])):
            _known(kind, world.types, row, "type")
            for place, label in names:
                if not world.types[kind].named(label):
                    raise place.fault(f"{label!r} is no entry of {kind}")
        found[name] = Appliances(share=entry["share"].number(0, 1), rooms=entry["rooms"].texts())
    return found


def _states(value: Value) -> dict[str, DeviceState]:
    found = {}
    for name, row in value.table().items():
        entry = row.fields(["values"], ["part_of_day"])
        part = entry["part_of_day"].text() if "part_of_day" in entry else None
        if part not in (None, *PARTS_OF_DAY):
            raise entry["part_of_day"].fault(f"{part!r}; expected one of {', '.join(PARTS_OF_DAY)}")
        found[name] = DeviceState(values=_shares(entry["values"]), part_of_day=part)
    return found


def _style(value: Value) -> Style:
    single = ("polite", "hesitant", "own_phrasing", "own_follow_up", "same_words")
    found = value.fields([*single, "detailed"])
    return Style(detailed=found["detailed"].range(), **{name: found[name].number(0, 1) for name in single})


def _reactions(value: Value) -> Reactions:
    found = value.fields(["notice", "barge_in", "barge_in_anyway", "persist", "most_attempts", "retry", "dismiss",
                          "thanks", "prompt", "answer", "gap", "pace", "asks_again", "leaves",
                          "overheard"])  # fmt: skip
    pace = found["pace"].fields(["word", "wait"])
    notice, answer = found["notice"].fields(["wrong", "stale"]), found["answer"].fields(["given", "wrong"])
    retry = _shares(found["retry"])
    found["retry"].fields(RETRIES)
    gap = {}
    for name, row in found["gap"].fields(GAPS).items():
        numbers = [entry.number() for entry in row.rows()]
        if len(numbers) != 2 or not numbers[0] or numbers[1] > MOST_SPREAD:
            raise row.fault(
                f"{numbers}; expected [median in seconds, spread], the spread (log-normal) at most {MOST_SPREAD}"
            )
        gap[name] = (numbers[0], numbers[1])
    single = {key: found[key].number(0, 1) for key in ("barge_in", "barge_in_anyway", "dismiss", "thanks", "prompt",
                                                        "asks_again", "leaves", "overheard")}  # fmt: skip
    return Reactions(
        notice_wrong=notice["wrong"].number(0, 1), notice_stale=notice["stale"].number(0, 1),
        persist=found["persist"].range(), most_attempts=found["most_attempts"].whole(), retry=retry,
        answer_given=answer["given"].number(0, 1), answer_wrong=answer["wrong"].number(0, 1), gap=gap,
        pace=(pace["word"].number(), pace["wait"].number()), **single,
    )  # fmt: skip


def _probabilities(value: Value) -> dict[str, float]:
    return {key: row.number(0, 1) for key, row in value.table().items()}


def _shares(value: Value) -> dict[str, float]:
    found = _probabilities(value)
    if abs(sum(found.values()) - 1) > 1e-6:
        raise value.fault(f"the shares {found} add up to {sum(found.values()):g}; expected 1")
    return found


def _weights(value: Value, world: World) -> dict[str, float]:
    """Weights of rooms, which are entries of the catalogue of rooms where a world has one."""
    rooms, found = world.types.get("room"), {}
    for room, row in value.table().items():
        if rooms is not None and not rooms.named(room):
            raise row.fault(f"{room!r} is no entry of room")
        found[room] = row.number()
    if not sum(found.values()):
        raise value.fault(f"{found or 'no weight'}; expected at least one room with a weight above 0")
    return found
