"""What values a setting may have, declared beside its field: ``epochs: Annotated[float, Limit(above=0)] = 4.0``."""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal


class SettingError(ValueError):
    """A setting has a value that it cannot have: says which, what it is, and what was expected."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        self.name, self.value, self.expected = name, value, expected
        super().__init__(f"{name} is {value!r}; expected {expected}")

    def inside(self, place: str) -> SettingError:
        """The same error, of a setting inside of others."""
        return SettingError(f"{place}.{self.name}", self.value, self.expected)

    def __reduce__(self) -> tuple[type[SettingError], tuple[str, object, str]]:
        """Keep the fields across processes."""
        return SettingError, (self.name, self.value, self.expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The range of a number; an end that is None is open.

    Attributes:
        least: the smallest value.
        above: what every value is more than.
        most: the largest value.
        below: what every value is less than.

    Example:
        >>> str(Limit(least=0, below=1)), str(Limit(above=0))
        ('0 or more and less than 1', 'more than 0')
    """

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a number is in the range."""
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        """The range in words."""
        ends = [("{:,} or more", self.least), ("more than {:,}", self.above),
                ("at most {:,}", self.most), ("less than {:,}", self.below)]  # fmt: skip
        return " and ".join(text.format(end) for text, end in ends if end is not None)


Count = Annotated[int, Limit(least=1)]
"""A number of things, one at least."""

Index = Annotated[int, Limit(least=0)]
"""A number of things that may be none."""

Share = Annotated[float, Limit(least=0, most=1)]
"""A part of a whole."""

Dropout = Annotated[float, Limit(least=0, below=1)]
"""A share that is hidden: never all."""

_KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "a text"),
    bool: ((bool,), "true or false"),
    NoneType: ((NoneType,), "null"),
}


class Checked:
    """Base of settings dataclasses: checked when made. One that checks more calls :func:`check_values` first."""

    __slots__ = ()

    def __post_init__(self) -> None:
        check_values(self)


def check_values(settings: Any) -> None:
    """Check every field of a settings dataclass against its hint: numbers, texts and choices; others are let through.

    Raises:
        SettingError: of the first field whose value is of another kind, or out of its range.
    """
    cls: type = type(settings)
    for name, hint in _hints(cls).items():
        value = getattr(settings, name)
        if not fits(hint, value):
            raise SettingError(name, value, in_words(hint))


def check_each(name: str, values: Mapping[str, object], hint: Any) -> None:
    """Check what a setting holds under each of its own names, which :func:`check_values` lets through.

    Raises:
        SettingError: of the first value that is of another kind, or out of its range.
    """
    for key, value in values.items():
        if not fits(hint, value):
            raise SettingError(f"{name}.{key}", value, in_words(hint))


@cache
def _hints(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in fields(cls)}


def _parts(hint: Any) -> tuple[list[Any], Limit | None]:
    """The kinds that a hint allows, and the range of those that are numbers."""
    limit = None
    if typing.get_origin(hint) is Annotated:
        hint, *notes = typing.get_args(hint)
        limit = next((note for note in notes if isinstance(note, Limit)), None)
    union = typing.get_origin(hint) in (typing.Union, UnionType)
    return list(typing.get_args(hint)) if union else [hint], limit


def fits(hint: Any, value: object) -> bool:
    """Whether a value is of the kind that a hint says, and in its range."""
    parts, limit = _parts(hint)
    for part in parts:
        if typing.get_origin(part) is Literal:
            if value in typing.get_args(part):
                return True
        elif part not in _KINDS:
            if not isinstance(value, int | float | str | None):  # what holds other values checks them itself
                return True
        elif type(value) in _KINDS[part][0]:
            if limit is None or value is None or isinstance(value, str):
                return True
            assert isinstance(value, int | float)
            return math.isfinite(value) and limit.holds(value)
    return False


def in_words(hint: Any) -> str:
    """What a hint expects."""
    parts, limit = _parts(hint)
    said = []
    for part in parts:
        if typing.get_origin(part) is Literal:
            said.append(f"one of {', '.join(map(str, typing.get_args(part)))}")
        else:
            kind = _KINDS[part][1] if part in _KINDS else "settings"
            said.append(f"{kind}, {limit}" if limit is not None and part in (int, float) else kind)
    return ", or ".join(said)
