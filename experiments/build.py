"""Settings of the library from the nodes of a config."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from selflearn._limits import SettingError

T = TypeVar("T")


def settings(cls: type[T], node: DictConfig | Mapping[str, Any], place: str = "", **extra: Any) -> T:
    """An object of a settings class; nodes inside become settings of their own.

    Args:
        cls: a dataclass whose fields bear the names of the keys.
        node: the config node.
        place: of the node in the config, for errors.
        extra: fields that are not in the config.

    Raises:
        SettingError: a value is not what the field takes; names it as it is typed.
        ValueError: a key is no field, or ``node`` is no mapping; names the class and its fields.
    """
    plain: Any = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    if not isinstance(plain, Mapping):
        raise ValueError(f"{cls.__name__} needs a mapping of settings; found {plain!r}")
    return _made(cls, plain, place, extra)


def _made(cls: type[T], plain: Mapping[str, Any], place: str, extra: Mapping[str, Any]) -> T:
    arguments = _arguments(cls, plain, place)
    try:
        return cls(**arguments, **extra)
    except SettingError as error:
        raise (error.inside(place) if place else error) from None


def _arguments(cls: type, plain: Mapping[str, Any], place: str) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    unknown = [key for key in plain if key not in names]
    if unknown:
        raise ValueError(f"{cls.__name__} has no setting {unknown[0]!r}; it has {', '.join(names)}")
    return {key: _value(hints[key], value, f"{place}.{key}".lstrip(".")) for key, value in plain.items()}


def _value(hint: Any, value: Any, place: str) -> Any:
    inner = list(typing.get_args(hint)) if typing.get_origin(hint) in (typing.Union, UnionType) else [hint]
    for part in inner:
        if isinstance(part, type) and is_dataclass(part) and isinstance(value, Mapping):
            return _made(part, value, place, {})
        if typing.get_origin(part) is tuple and isinstance(value, list):
            return tuple(value)
    return value
