"""Rates of a world that are other than its files have them, without a copy of the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from selflearn.simulation.files import Value, WorldError, rate_names, read_file, with_rate
from selflearn.simulation.world import World

RATE_FILES = ("people", "assistant", "annotators")
"""Files of a world, without their suffix, that hold its rates."""


def dotted_rates(rates: Mapping[Any, Any]) -> dict[str, Any]:
    """Rates by dotted name; they may be nested, as a command line makes them.

    Example:
        >>> dotted_rates({"people": {"goals": {"mean": 3}}, "assistant.result.stale": 0.1})
        {'people.goals.mean': 3, 'assistant.result.stale': 0.1}
    """

    def inside(node: Mapping[Any, Any], path: str) -> Iterator[tuple[str, Any]]:
        for key, value in node.items():
            if isinstance(value, Mapping):
                yield from inside(value, f"{path}{key}.")
            else:
                yield f"{path}{key}", value

    return dict(inside(rates, ""))


def read_rates(world: World, name: str) -> Value:
    """One of :data:`RATE_FILES`, with the other values that were asked for.

    Raises:
        WorldError: the file is not there or is no YAML.
    """
    value = read_file(world.directory / f"{name}.yaml")
    for rate, data in world.rates.items():
        file, _, place = rate.partition(".")
        if file == name:
            value = with_rate(value, place, data, rate=rate)
    return value


def check_rates(directory: Path, rates: Mapping[str, Any]) -> None:
    """See that each rate is one of those of the world; its value is checked by whoever reads the file.

    Raises:
        WorldError: there is no such rate; names the nearest one.
    """
    known = [
        f"{name}.{rate}" for name in RATE_FILES if rates for rate in rate_names(read_file(directory / f"{name}.yaml"))
    ]
    for rate in rates:
        if rate not in known:
            near = get_close_matches(rate, known, n=1, cutoff=0.0)
            raise WorldError(f"rates.{rate}: the world in {directory} has no such rate; nearest: {near[0]!r}")
