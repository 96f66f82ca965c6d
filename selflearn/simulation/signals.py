"""The signals that change what people want, and the names that conditions on them may use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from selflearn.simulation.files import Value, read_file
from selflearn.simulation.world import PARTS_OF_DAY, Condition, EntityType

Signal = tuple[str, str | bool]
"""A name, and the value that it has."""


def signals_around(
    device: str, room: str, part_of_day: str, weekend: bool, states: Mapping[str, str], habits: Collection[str],
    after: str | None,
) -> frozenset[Signal]:  # fmt: skip
    """The signals that are there: each of them may be asked for by a condition."""
    return frozenset((
        ("device", device), ("room", room), ("part_of_day", part_of_day), ("weekend", weekend),
        *((f"state {name}", value) for name, value in states.items()), *(("habit", habit) for habit in habits),
        *(() if after is None else (("after", after),)),
    ))  # fmt: skip


class Conditions:
    """The conditions of many intents, by what they ask for.

    Few hold at a time. Each is kept under one of its signals, a rare one, so that the others need not be looked at.

    Args:
        of_intents: the conditions of each intent.
    """

    def __init__(self, of_intents: Sequence[Sequence[Condition]]) -> None:
        self._always: list[tuple[int, int, float, frozenset[Signal]]] = []
        self._by_signal: dict[Signal, list[tuple[int, int, float, frozenset[Signal]]]] = {}
        for i, conditions in enumerate(of_intents):
            for j, condition in enumerate(conditions):
                asked = _asked_for(condition)
                kept = self._by_signal.setdefault(asked[0], []) if asked else self._always
                kept.append((i, j, condition.times, frozenset(asked)))

    def factors(self, signals: frozenset[Signal]) -> list[tuple[int, float]]:
        """Of the conditions that hold, the number of the intent and the factor; in the order they were written in.

        That order is kept as a product of many factors is rounded by it.
        """
        near = (*self._always, *(row for signal in signals for row in self._by_signal.get(signal, ())))
        holding = sorted((i, j, times) for i, j, times, asked in near if asked <= signals)
        return [(i, times) for i, _, times in holding]


def _asked_for(condition: Condition) -> list[Signal]:
    """Signals that all have to be there; those that are rarely there come first."""
    rare = (("after", condition.after), ("habit", condition.habit))
    often = (("room", condition.room), ("device", condition.device), ("part_of_day", condition.part_of_day),
             ("weekend", condition.weekend))  # fmt: skip
    states = ((f"state {name}", value) for name, value in condition.states.items())
    return [(name, value) for name, value in (*rare, *states, *often) if value is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a world can report: a condition on anything else would never hold.

    Attributes:
        devices: types of devices.
        rooms: where devices stand, and the catalogue of rooms.
        states: values by name of a device state.
        habits: of people.
    """

    devices: Collection[str]
    rooms: Collection[str]
    states: Mapping[str, Collection[str]]
    habits: Collection[str]

    @classmethod
    def of(cls, directory: Path, types: Mapping[str, EntityType]) -> Signals:
        """Read the names from ``people.yaml``; the rest of the file is checked by whoever reads the rates.

        Raises:
            WorldError: the file is not there, or lacks one of the sections.
        """
        found = read_file(directory / "people.yaml")
        names = {}
        for section in ("devices", "device_rooms", "states", "habits"):
            if section not in found.table():
                raise found.fault(f"the key {section!r} is missing")
            names[section] = found.table()[section].table()
        rooms = [entity.name for entity in types["room"].entities] if "room" in types else []
        states = {name: row.table()["values"].table() for name, row in names["states"].items()
                  if "values" in row.table()}  # fmt: skip
        return cls(
            devices=list(names["devices"]), rooms=list(dict.fromkeys([*names["device_rooms"], *rooms])),
            states={name: list(values) for name, values in states.items()}, habits=list(names["habits"]),
        )  # fmt: skip

    def condition(self, row: Value) -> Condition:
        """Read a condition.

        Raises:
            WorldError: it names no signal, or one that the world does not have.
        """
        found = row.fields(["times"], ["device", "room", "part_of_day", "weekend", "state", "after", "habit"])
        stated = "state" in found and found["state"].table()
        if not stated and found.keys() <= {"times", "state"}:
            raise row.fault(
                "the condition names no signal; expected one of device, room, part_of_day, weekend, state, ..."
            )
        known = {"device": self.devices, "room": self.rooms, "part_of_day": PARTS_OF_DAY, "habit": self.habits}
        names = {signal: _known(found[signal], signal, among) for signal, among in known.items() if signal in found}
        states = {}
        for state, value in found["state"].table().items() if "state" in found else ():
            _known(Value(state, value.file, value.line), "state", self.states)
            states[state] = _known(value, f"value of {state}", self.states[state])
        return Condition(
            times=found["times"].number(0.0),
            weekend=found["weekend"].flag() if "weekend" in found else None,
            states=states,
            after=found["after"].text() if "after" in found else None,
            **names,
        )


def _known(value: Value, what: str, known: Collection[str]) -> str:
    name = value.text()
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.0)
        hint = f"nearest: {near[0]!r}; known: {', '.join(known)}" if near else "people.yaml has none"
        raise value.fault(f"unknown {what} {name!r}; {hint}")
    return name
