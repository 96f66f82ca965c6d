"""Settings of the library from the nodes of a config."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

T = TypeVar("T")


def settings(cls: type[T], node: DictConfig | Mapping[str, Any], **extra: Any) -> T:
    """An object of a settings class; nodes inside become settings of their own.

    Args:
        cls: a dataclass whose fields bear the names of the keys.
        node: the config node.
        extra: fields that are not in the config.

    Raises:
        ValueError: a key is no field; names the nearest one's class.
    """
    plain: Any = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    if not isinstance(plain, Mapping):
        raise ValueError(f"{cls.__name__} needs a mapping of settings; found {plain!r}")
    return cls(**_arguments(cls, plain), **extra)


def _arguments(cls: type, plain: Mapping[str, Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    unknown = [key for key in plain if key not in names]
    if unknown:
        raise ValueError(f"{cls.__name__} has no setting {unknown[0]!r}; it has {', '.join(names)}")
    return {key: _value(hints[key], value) for key, value in plain.items()}


def _value(hint: Any, value: Any) -> Any:
    inner = list(typing.get_args(hint)) if typing.get_origin(hint) in (typing.Union, UnionType) else [hint]
    for part in inner:
        if isinstance(part, type) and is_dataclass(part) and isinstance(value, Mapping):
            return part(**_arguments(part, value))
        if typing.get_origin(part) is tuple and isinstance(value, list):
            return tuple(value)
    return value
