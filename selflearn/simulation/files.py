"""World files: YAML in which every value knows its file and line, so that a mistake can be pointed at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Any, TypeVar

import yaml  # type: ignore[import-untyped]

T = TypeVar("T")


class WorldError(ValueError):
    """A world cannot be used: says file, line, what is there, what was expected."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a file with the place where it stands.

    Attributes:
        data: a string, number, bool or None; a list of values; or a dictionary of values.
        file: the file.
        line: from 1.
        rate: dotted name of the rate where another value than that of the file was asked for.
    """

    data: Any
    file: Path
    line: int
    rate: str | None = None

    def fault(self, found: str) -> WorldError:
        """An error that points here."""
        place = f"{self.file}:{self.line}"
        return WorldError(f"{place}: {found}" if self.rate is None else f"rates.{self.rate} ({place}): {found}")

    def text(self) -> str:
        """A string that is not empty.

        Raises:
            WorldError: it is something else. YAML reads yes, no, on and off as truth values: quote them.
        """
        if isinstance(self.data, bool):
            raise self.fault(f"{self.data} is a truth value; expected text (yes, no, on and off have to be quoted)")
        if not isinstance(self.data, str) or not self.data.strip():
            raise self.fault(f"{_kind(self.data)}; expected text")
        return self.data.strip()

    def number(self, low: float = 0.0, high: float = float("inf")) -> float:
        """A number in ``[low, high]``.

        Raises:
            WorldError: it is none, or outside.
        """
        if isinstance(self.data, bool) or not isinstance(self.data, int | float):
            raise self.fault(f"{_kind(self.data)}; expected a number")
        if not low <= self.data <= high:
            raise self.fault(f"{self.data}; expected a number in [{low:g}, {high:g}]")
        if self.data > sys.float_info.max:  # infinity, or a whole number that no float holds
            raise self.fault(f"{self.data}; expected a finite number")
        return float(self.data)

    def whole(self, low: int = 1) -> int:
        """A whole number of at least ``low``.

        Raises:
            WorldError: it is no number, no whole one, or a lower one.
        """
        number = self.number(low)
        if number != int(number):
            raise self.fault(f"{number}; expected a whole number")
        return int(number)

    def range(self) -> tuple[float, float]:
        """A list of the lowest and the highest of a share, both in [0, 1].

        Raises:
            WorldError: it is no list of two such numbers, or they stand the other way round.
        """
        numbers = [row.number(0, 1) for row in self.rows()]
        if len(numbers) != 2 or numbers[0] > numbers[1]:
            raise self.fault(f"{numbers}; expected [lowest, highest] in [0, 1]")
        return numbers[0], numbers[1]

    def flag(self) -> bool:
        """True or false.

        Raises:
            WorldError: it is something else.
        """
        if not isinstance(self.data, bool):
            raise self.fault(f"{_kind(self.data)}; expected true or false")
        return self.data

    def rows(self, *, empty: bool = False) -> list[Value]:
        """The entries of a list.

        Raises:
            WorldError: it is no list, or an empty one.
        """
        if not isinstance(self.data, list):
            raise self.fault(f"{_kind(self.data)}; expected a list")
        if not self.data and not empty:
            raise self.fault("the list is empty; expected at least one entry")
        return self.data

    def texts(self, *, empty: bool = False) -> tuple[str, ...]:
        """A list of strings.

        Raises:
            WorldError: it is no list, an empty one, or an entry is no text.
        """
        return tuple(row.text() for row in self.rows(empty=empty))

    def table(self) -> dict[str, Value]:
        """The entries of a mapping with names that the author chooses.

        Raises:
            WorldError: it is no mapping.
        """
        if not isinstance(self.data, dict):
            raise self.fault(f"{_kind(self.data)}; expected a mapping")
        return self.data

    def fields(self, needed: Collection[str] = (), optional: Collection[str] = ()) -> dict[str, Value]:
        """The entries of a mapping with known names.

        Raises:
            WorldError: a key is unknown (the nearest known one is named) or missing.
        """
        found, known = self.table(), [*needed, *optional]
        for key, value in found.items():
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"nearest: {near[0]!r}" if near else f"known: {', '.join(known)}"
                raise value.fault(f"unknown key {key!r}; {hint}")
        for key in needed:
            if key not in found:
                raise self.fault(f"the key {key!r} is missing; expected {', '.join(needed)}")
        return found

    def template(self, known: Collection[str], of: str) -> str:
        """A text with names in braces, in whose place something is said.

        Args:
            known: the names that there are.
            of: whose they are, for the error.

        Raises:
            WorldError: a brace is not closed, or holds something else than one of the names alone.
        """
        text = self.text()
        for _, name, form, conversion in self.parsed(lambda said: [*Formatter().parse(said)]):
            if name is not None and name not in known:
                raise self.fault(f"{{{name}}} is none of {of}; expected {', '.join(sorted(known)) or 'no braces'}")
            if form or conversion:
                raise self.fault(f"{text!r}: a name stands alone in its braces; expected {{{name}}}")
        return text

    def parsed(self, read: Callable[[str], T]) -> T:
        """What ``read`` makes of the text; its ValueError is pointed here.

        Raises:
            WorldError: it is no text, or ``read`` refuses it.
        """
        try:
            return read(self.text())
        except WorldError:
            raise
        except ValueError as error:
            raise self.fault(str(error)) from error


def read_file(path: Path) -> Value:
    """Read a YAML file.

    Raises:
        WorldError: the file is not there, is no YAML, or has a key twice.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            root = yaml.compose(stream, Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        raise WorldError(f"{path} does not exist") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WorldError(f"{path}:{line}: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WorldError(f"{path}: {error}") from error
    if root is None:
        raise WorldError(f"{path}: the file is empty")
    return _value(root, path, yaml.CSafeLoader(""))


def _value(node: yaml.Node, path: Path, loader: Any) -> Value:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return Value([_value(child, path, loader) for child in node.value], path, line)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Value] = {}
        for key, child in node.value:
            name = str(key.value)
            if name in found:
                raise WorldError(f"{path}:{key.start_mark.line + 1}: the key {name!r} is there twice")
            value = _value(child, path, loader)
            found[name] = Value(value.data, path, key.start_mark.line + 1)
        return Value(found, path, line)
    try:
        return Value(loader.construct_object(node), path, line)
    except ValueError as error:  # a date that there is not
        raise WorldError(f"{path}:{line}: {error}") from error


def rate_names(value: Value) -> Iterator[str]:
    """Dotted names of what a file says in numbers: single numbers, and lists of them.

    Raises:
        WorldError: it is no mapping.
    """
    for key, child in value.table().items():
        if isinstance(child.data, dict):
            yield from (f"{key}.{name}" for name in rate_names(child))
        elif all(map(_is_number, child.data if isinstance(child.data, list) else [child])):
            yield key


def with_rate(value: Value, name: str, data: object, *, rate: str) -> Value:
    """The content of a file with another number, or list of numbers, at one of :func:`rate_names`.

    Args:
        value: of the whole file.
        name: one of the names.
        data: what stands there instead; whoever reads the file checks it.
        rate: how errors call it.

    Raises:
        KeyError: nothing of that name stands in the file.
        WorldError: it is no mapping.
    """
    for key, child in value.table().items():
        if key == name:
            new: Any = [replace(child, data=row, rate=rate) for row in data] if isinstance(data, list) else data
            return replace(value, data={**value.data, key: replace(child, data=new, rate=rate)})
        if name.startswith(f"{key}.") and isinstance(child.data, dict):
            changed = with_rate(child, name.removeprefix(f"{key}."), data, rate=rate)
            return replace(value, data={**value.data, key: changed})
    raise KeyError(name)


def _is_number(value: Value) -> bool:
    return isinstance(value.data, int | float) and not isinstance(value.data, bool)


def yaml_files(folder: Path) -> Iterator[Path]:
    """YAML files of a folder, in alphabetical order.

    Raises:
        WorldError: there is none.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise WorldError(f"{folder} holds no .yaml file; expected at least one")
    yield from files


def _kind(data: Any) -> str:
    if data is None:
        return "nothing"
    if isinstance(data, dict):
        return "a mapping"
    return "a list" if isinstance(data, list) else repr(data)
