"""Turns the type hints of a record class into checks, dictionaries and ``datasets.Features``.

The record classes of :mod:`selflearn.schema` are the only description of the format: everything here is derived from
their hints, so that a Python object, a JSON object, an Arrow row and a ``datasets`` row cannot disagree.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from datasets import Features

_SCALARS: dict[type, tuple[str, str]] = {
    str: ("a string", "string"),
    bool: ("true or false", "bool"),
    int: ("a whole number", "int64"),
    float: ("a finite number", "float64"),
}
_LIMITS: dict[type, tuple[Callable[[Any], bool], str]] = {
    str: (lambda v: v.isascii() or not any("\ud800" <= c <= "\udfff" for c in v), " without lone surrogates"),
    bool: (lambda v: True, ""),
    int: (lambda v: -(2**63) <= v < 2**63, " of 64 bits"),
    float: (lambda v: math.isfinite(v) if type(v) is float else abs(v) <= 2**53, ""),
}
"""What UTF-8 and Arrow can hold without loss."""
_AT_ONCE: dict[type, Callable[[Any], bool]] = {str: str.isascii, float: math.isfinite}
"""What nearly all values fit by, told without a call back into Python: records are checked by the million."""


class RecordError(ValueError):
    """A value breaks the record contract: says which file, row and field, what stands there and what was expected."""

    def __init__(
        self, field: str, value: object, expected: str, *, file: str | None = None, row: int | str | None = None
    ) -> None:
        self.field, self.value, self.expected, self.file, self.row = field, value, expected, file, row
        place = "" if file is None else f"{file}: " if row is None else f"{file}:{row}: "
        super().__init__(f"{place}field {field!r} is {_shown(value)}; expected {expected}")

    def at(self, *, prefix: str = "", file: str | None = None, row: int | str | None = None) -> RecordError:
        """Return the same error with an outer field, a file or a row added."""
        inner = self.field if not prefix else prefix + ("" if self.field.startswith("[") else ".") + self.field
        file, row = (self.file or file), (row if self.row is None else self.row)
        return RecordError(inner, self.value, self.expected, file=file, row=row)

    def __reduce__(self) -> tuple[Callable[..., RecordError], tuple[Any, ...]]:
        """Keep the fields across processes (``datasets`` workers pickle exceptions)."""
        return _rebuild_error, (self.field, self.value, self.expected, self.file, self.row)


def _shown(value: object) -> str:
    try:
        shown = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or a whole number of more digits than Python writes
        return f"{type(value).__name__} too large to be shown"
    return shown if len(shown) <= 120 else shown[:117] + "..."


def _rebuild_error(field: str, value: object, expected: str, file: str | None, row: int | str | None) -> RecordError:
    return RecordError(field, value, expected, file=file, row=row)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a type hint means for one field; ``feature`` is the Arrow side, as ``datasets`` spells it.

    ``encode`` and ``decode`` are :func:`_as_it_is` where values stay as they are: there are so many that a call for
    each takes time. ``decode`` leaves checks to the record that is made of what it gives.
    """

    check: Callable[[Any], None]
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    feature: Callable[[], Any]


def _as_it_is(value: Any) -> Any:
    return value


def _fail(value: object, expected: str) -> typing.NoReturn:
    raise RecordError("", value, expected)


def _inside(name: str, call: Callable[[Any], Any], value: Any) -> Any:
    try:
        return call(value)
    except RecordError as error:
        raise _placed(error, name) from None


def _placed(error: RecordError, name: str) -> RecordError:
    """The error, of the value in a field or at a place of that name."""
    return error.at(prefix=name) if error.field else RecordError(name, error.value, error.expected)


def _scalar(kind: type) -> Kind:
    expected, arrow = _SCALARS[kind]
    fits, limit = _LIMITS[kind]
    fits_at_once = _AT_ONCE.get(kind, fits)

    def check(value: Any) -> None:
        if type(value) is kind and fits_at_once(value):
            return
        if type(value) is not kind and not (kind is float and type(value) is int):
            _fail(value, expected)
        if not fits(value):
            _fail(value, expected + limit)

    def feature() -> Any:
        from datasets import Value

        return Value(arrow)

    return Kind(check, _as_it_is, _as_float if kind is float else _as_it_is, feature)


def _as_float(value: Any) -> Any:
    return float(value) if type(value) is int and _LIMITS[float][0](value) else value


def _optional(inner: Kind) -> Kind:
    def unless_none(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def called(value: Any) -> Any:
            if value is None:
                return None
            try:
                return call(value)
            except RecordError as error:
                if error.field:
                    raise
                raise RecordError("", error.value, f"{error.expected}, or nothing") from None

        return called

    encode, decode = (call if call is _as_it_is else unless_none(call) for call in (inner.encode, inner.decode))
    return Kind(unless_none(inner.check), encode, decode, inner.feature)


def _tuple(inner: Kind) -> Kind:
    def each(call: Callable[[Any], Any], values: Iterable[Any]) -> tuple[Any, ...]:
        found: list[Any] = []
        try:
            for value in values:
                found.append(call(value))  # its length is the place of an error
        except RecordError as error:
            raise _placed(error, f"[{len(found)}]") from None
        return tuple(found)

    def check(value: Any) -> None:
        if not isinstance(value, tuple):
            _fail(value, "a tuple")
        each(inner.check, value)

    def decode(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            _fail(value, "a list")
        return tuple(value) if inner.decode is _as_it_is else each(inner.decode, value)

    def feature() -> Any:
        from datasets import List

        return List(inner.feature())

    return Kind(check, lambda value: [inner.encode(item) for item in value], decode, feature)


def _mapping(inner: Kind) -> Kind:
    """Names and values: a ``dict`` in Python, a list of ``{"name", "value"}`` in Arrow, which has no open structs."""

    def check(value: Any) -> None:
        if not isinstance(value, Mapping):
            _fail(value, "a mapping of names to values")
        for name, item in value.items():
            if type(name) is not str or not _LIMITS[str][0](name):
                _fail(name, "a name (a string)")
            _inside(f"[{name!r}]", inner.check, item)

    def encode(value: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{"name": name, "value": inner.encode(value[name])} for name in sorted(value)]

    def decode(value: Any) -> dict[str, Any]:
        if isinstance(value, list | tuple):
            try:
                pairs = [(item["name"], item["value"]) for item in value]
            except (KeyError, TypeError):
                _fail(value, "a list of {'name': ..., 'value': ...}")
            twice = {name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1}
            if twice:
                _fail(sorted(map(str, twice)), "each name once")
            value = dict(pairs)
        if not isinstance(value, Mapping):
            _fail(value, "a mapping of names to values")
        return {name: _inside(f"[{name!r}]", inner.decode, item) for name, item in value.items()}

    def feature() -> Any:
        from datasets import List, Value

        return List({"name": Value("string"), "value": inner.feature()})

    return Kind(check, encode, decode, feature)


def _record(cls: type, arguments: Mapping[TypeVar, Any]) -> Kind:
    parts = _parts(cls, tuple(arguments.items()))
    required = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    # A record has checked itself, except for what its arguments say of it.
    open_parts = {name: parts[name] for name in _open_fields(cls)} if arguments else {}
    inner = {name: kind.encode for name, kind in parts.items() if kind.encode is not _as_it_is}
    read = {name: kind.decode for name, kind in parts.items() if kind.decode is not _as_it_is}
    values_of = _values_of(tuple(parts))

    def check(value: Any) -> None:
        if type(value) is not cls:
            _fail(value, f"a {cls.__name__}")
        for name, kind in open_parts.items():
            _inside(name, kind.check, getattr(value, name))

    def encode(value: Any) -> dict[str, Any]:
        found = dict(zip(parts, values_of(value), strict=True))
        for name, call in inner.items():
            found[name] = call(found[name])
        return found

    def decode(value: Any) -> Any:
        if not isinstance(value, Mapping):
            _fail(value, f"an object with the fields of {cls.__name__}")
        for name in value:
            if name not in parts:
                raise RecordError(str(name), value[name], f"one of the fields of {cls.__name__}: {', '.join(parts)}")
        for name in required:
            if name not in value:
                raise RecordError(name, "absent", f"a value: {cls.__name__} cannot be without {', '.join(required)}")
        name, found = "", dict(value)
        try:
            for name, call in read.items():
                if name in found:
                    found[name] = call(found[name])
        except RecordError as error:
            raise _placed(error, name) from None
        return cls(**found)

    return Kind(check, encode, decode, lambda: {name: kind.feature() for name, kind in parts.items()})


def _open_fields(cls: type) -> list[str]:
    """Fields of a generic record whose hints its arguments complete."""
    hints = typing.get_type_hints(cls)
    return [f.name for f in fields(cls)
            if isinstance(hints[f.name], TypeVar) or getattr(hints[f.name], "__parameters__", None)]  # fmt: skip


@cache
def _plain(cls: type) -> Kind:
    """A record class without type arguments."""
    return _record(cls, {})


@cache
def _parts(cls: type, arguments: tuple[tuple[TypeVar, Any], ...] = ()) -> dict[str, Kind]:
    hints = typing.get_type_hints(cls)
    return {f.name: _kind(hints[f.name], dict(arguments)) for f in fields(cls)}


def _kind(hint: Any, arguments: Mapping[TypeVar, Any]) -> Kind:
    if isinstance(hint, TypeVar):
        bound = arguments.get(hint)
        return Kind(lambda _: None, _as_it_is, _as_it_is, lambda: None) if bound is None else _kind(bound, {})
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (some,) = [part for part in inner if part is not type(None)]
        return _optional(_kind(some, arguments))
    if origin is tuple:
        return _tuple(_kind(inner[0], arguments))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_kind(inner[1], arguments))
    if hint in _SCALARS:
        return _scalar(hint)
    cls = origin or hint
    if is_dataclass(cls) and isinstance(cls, type):
        return _record(cls, dict(zip(getattr(cls, "__parameters__", ()), inner, strict=True)) if inner else {})
    raise TypeError(f"a record cannot hold {hint!r}")


def _values_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads all these attributes at once: there are so many records that a ``getattr`` for each takes time."""
    getter = attrgetter(*names)
    return getter if len(names) > 1 else lambda record: (getter(record),)


@cache
def _checks(cls: type) -> tuple[tuple[tuple[str, Any, Callable[[Any], None]], ...], Callable[[Any], tuple[Any, ...]]]:
    """Of each field its name, its default and its check; and what reads the values of all of them."""
    parts = _parts(cls)
    checks = tuple((f.name, f.default, parts[f.name].check) for f in fields(cls))
    return checks, _values_of(tuple(f.name for f in fields(cls)))


def check_fields(record: Any) -> None:
    """Check every field of a record against its hint; raises :class:`RecordError` with the field's name.

    Raises:
        RecordError: a value is not what its field takes; names the field.
    """
    cls: type = type(record)
    name = ""
    try:
        checks, values_of = _checks(cls)
        for (name, default, check), value in zip(checks, values_of(record), strict=True):  # noqa: B007 - of the error
            if value is not default:  # most fields have their default, which is right
                check(value)
    except RecordError as error:
        raise _placed(error, name) from None


def encode(record: Any) -> dict[str, Any]:
    """The record as plain dictionaries, lists, strings, numbers and None."""
    cls: type = type(record)
    return typing.cast("dict[str, Any]", _plain(cls).encode(record))


def decode(cls: type, data: Any) -> Any:
    """The record of class ``cls`` that :func:`encode` wrote; absent fields take their defaults."""
    return _plain(cls).decode(data)


def features(cls: type) -> Features:
    """``datasets.Features`` of a record class, to the last field."""
    from datasets import Features

    return Features(_plain(cls).feature())
