"""Settings given on the command line or by an experiment: are they settings that somebody reads?

Hydra answers a misspelt key with "not in struct, use +", and a person who follows that trains with a setting that
nothing reads. Here an unknown key is refused with the nearest known one, and nothing can be added, except

* in a mapping that stands empty in ``conf/`` (for example ``data.columns: {}``): its keys are the user's,
* below ``extra``, which nothing reads but which is saved with the run,
* an argument that the ``_target_`` of its node takes, whether the file mentions it or not,
* below ``hydra``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeGuard

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf._utils import split_key
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from experiments.check import OWN_CODE, ConfigError, check_config, list_faults, nearest, target_parameters

WHOLE_RUN_GROUPS = ("experiment", "debug")
"""Groups whose files set keys of all others (``# @package _global_``): they may set keys, not make new ones."""


def checked_overrides(
    loader: ConfigLoaderImpl, config_name: str | None, lines: Sequence[str], *, sweep: bool, values_needed: bool
) -> list[str]:
    """Check a command's overrides and the configs they compose to, for every combination of swept groups.

    Args:
        loader: Hydra's loader, with its search path set.
        config_name: the primary config.
        lines: the overrides as typed.
        sweep: whether several values of a setting mean several runs (``-m``).
        values_needed: also check that no value is missing and that targets can be built.

    Returns:
        The overrides with ``++`` before those that fill an open mapping, as Hydra wants it.

    Raises:
        ConfigError: with all faults found.
    """
    overrides = _parse(loader, lines)
    faults = dict.fromkeys(_sweep_faults(overrides, sweep))
    if faults:
        raise ConfigError(list(faults))
    opens: set[int] = set()
    composer = _Composer(loader, config_name)
    for job in _jobs(loader, overrides):
        checker = _JobChecker(composer)
        checker.check(job)
        faults |= dict.fromkeys(checker.faults)
        opens |= checker.opens
    if faults:
        raise ConfigError(list(faults))
    ready = [f"++{line}" if i in opens else line for i, line in enumerate(lines)]
    for job in _jobs(loader, _parse(loader, ready)) if values_needed else ():
        check_config(composer.compose([str(override.input_line) for override in job])[0])
    return ready


def _parse(loader: ConfigLoaderImpl, lines: Sequence[str]) -> list[Override]:
    parser, overrides, faults = OverridesParser.create(config_loader=loader), [], []
    for line in lines:
        try:
            overrides.extend(parser.parse_overrides([line]))
        except HydraException as error:
            faults.append(f"cannot read {line!r} as key=value: {_tidy(error)}")
    if faults:
        raise ConfigError(faults)
    return overrides


class _Composer:
    """The configs of one command, each composed once: the jobs of a sweep mostly choose the same groups."""

    def __init__(self, loader: ConfigLoaderImpl, config_name: str | None) -> None:
        self.loader = loader
        self.config_name = config_name
        self.known: dict[tuple[str, ...], tuple[DictConfig, dict[str, Any]]] = {}

    def compose(self, lines: Sequence[str]) -> tuple[DictConfig, dict[str, Any]]:
        """The config without Hydra's own part, to be read only, and what was chosen of each group."""
        key = tuple(lines)
        if key not in self.known:
            try:
                cfg = self.loader.load_configuration(self.config_name, list(lines), run_mode=RunMode.RUN)
            except (HydraException, OmegaConfBaseException, YAMLError) as error:
                raise ConfigError([_tidy(error)]) from error
            OmegaConf.set_struct(cfg, False)
            chosen = dict(cfg.hydra.runtime.choices)
            del cfg["hydra"]
            self.known[key] = cfg, chosen
        return self.known[key]


def _tidy(error: BaseException) -> str:
    """Hydra's own message with its cause, without the advice to add keys and without links."""
    whole = f"{error}\n{error.__cause__ or ''}"
    noise = ("To append to", "See https://", "full_key:", "object_type=", "Search path:")
    lines = [line.strip().rstrip(".") for line in whole.splitlines()]
    return "; ".join(line for line in lines if line and not line.startswith(noise))


def _sweep_faults(overrides: Sequence[Override], sweep: bool) -> Iterator[str]:
    for override in overrides:
        line = override.input_line
        if override.is_sweep_override() and not sweep:
            yield f"{line!r} has several values: add -m to run each of them, or write [a,b] for one list"
        elif override.is_sweep_override() and not override.is_discrete_sweep():
            yield f"{line!r} is a range without steps: list its values, as in 1,2,5 or range(1,10,2)"


def _jobs(loader: ConfigLoaderImpl, overrides: Sequence[Override]) -> Iterator[list[Override]]:
    """One list of single values for each combination of swept groups and mappings.

    Of other swept values the first stands for all; of mappings it may be the empty one, which opens nothing.
    """
    choices = []
    for override in overrides:
        if not override.is_sweep_override():
            choices.append([str(override.input_line)])
            continue
        values = list(override.sweep_string_iterator())
        several = _is_group(loader, override) or any(value.startswith("{") for value in values)
        values = values if several else values[:1]
        choices.append([f"{override.get_key_element()}={value}" for value in values])
    for lines in itertools.product(*choices):
        yield _parse(loader, lines)


def _is_group(loader: ConfigLoaderImpl, override: Override) -> bool:
    is_mapping = not override.is_sweep_override() and isinstance(override.value(), dict)
    return loader.repository.group_exists(override.key_or_group) and not is_mapping


class _JobChecker:
    """Looks for faults in the overrides of one job; ``opens`` are the numbers of those that fill an open mapping."""

    def __init__(self, composer: _Composer) -> None:
        self.composer = composer
        self.loader = composer.loader
        self.faults: list[str] = []
        self.opens: set[int] = set()

    def check(self, overrides: Sequence[Override]) -> None:
        """Compose what the groups choose, then hold every key against it."""
        ours = [(i, override) for i, override in enumerate(overrides) if not override.is_hydra_override()]
        values = [(i, override) for i, override in ours if not _is_group(self.loader, override)]
        numbers = {i for i, _ in values}
        choices = [override for i, override in enumerate(overrides) if i not in numbers]
        for override in choices:
            self.faults.extend(() if override.is_hydra_override() else self._choice_faults(override))
        if self.faults:
            return
        cfg, chosen = self.composer.compose([str(override.input_line) for override in choices])
        self._check_experiment(cfg, chosen)
        for number, override in values:
            self._check_key(cfg, number, override)

    def _choice_faults(self, override: Override) -> Iterator[str]:
        group, values = override.key_or_group, override.value()
        if override.is_add() or override.is_force_add():
            yield f"{override.input_line!r}: write {str(override.input_line).lstrip('+')!r}, without '+'"
        if values is None and not override.is_delete():
            yield f"{override.input_line!r}: write '~{group}' to choose none"
            return
        for value in values if isinstance(values, list) else [values]:
            if value is None or self.loader.repository.config_exists(f"{group}/{value}"):
                continue
            options = self.loader.get_group_options(group)
            near = nearest(str(value), options)
            yield f"unknown {group} {str(value)!r}; {f'nearest: {near!r}; ' if near else ''}known: {', '.join(options)}"

    def _check_experiment(self, cfg: DictConfig, choices: Mapping[str, Any]) -> None:
        """An experiment's file may hold no key that the groups it chooses do not have."""
        whole = {group: choice for group, choice in choices.items() if group in WHOLE_RUN_GROUPS and choice}
        if not whole:
            return
        without = [f"~{group}" for group in whole]
        _, plain = self.composer.compose(without)
        chosen = [
            _choice_line(group, choice, group in plain)
            for group, choice in choices.items()
            if "hydra/" not in group and group not in whole and choice != plain.get(group)
        ]
        base, _ = self.composer.compose([*chosen, *without])
        source = ", ".join(f"{group}={choice}" for group, choice in whole.items())
        self.faults.extend(
            f"{source} sets the unknown key {key!r}; {self._hint(key, base)}"
            for key in _new_keys(cfg, base, "")
            if key.partition(".")[0] not in ("extra", "hydra")
        )

    def _check_key(self, cfg: DictConfig, number: int, override: Override) -> None:
        line, added = str(override.input_line), override.is_add() or override.is_force_add()
        for key in _keys_set(cfg, override):
            place = _place(cfg, key)
            if place is None and override.is_add():
                known = self._hint(key, cfg)
                self.faults.append(f"{line!r} adds a key that nothing reads; {known}; own notes go below 'extra'")
            elif place is None:
                self.faults.append(f"unknown key {key!r}; {self._hint(key, cfg)}")
            elif place == "there" and override.is_add():
                self.faults.append(f"{line!r}: the key is there; write {line.lstrip('+')!r}")
            elif place == "open" and not added and not override.is_delete():
                self.opens.add(number)
            elif place == "there" and key == override.key_or_group and isinstance(_select(cfg, key), ListConfig):
                self._check_list(key, override)

    def _check_list(self, key: str, override: Override) -> None:
        if override.is_delete():
            return
        if override.value() is None:
            self.faults.append(f"{key} is null; expected a list, which may be empty: {key}=[]")
        self.faults.extend(list_faults(key, override.value()))

    def _hint(self, key: str, cfg: DictConfig) -> str:
        known = [name for name in _names(cfg, "") if name.partition(".")[0] != "hydra"]
        known += [group for group in _groups(self.loader, "") if group not in known]
        near = nearest(key, known)
        if near is not None:
            return f"nearest: {near!r}"
        parent = key.rpartition(".")[0]
        here = [name for name in known if name.rpartition(".")[0] == parent]
        here = here or [name for name in known if "." not in name]
        return f"known: {', '.join(sorted(here))}"


def _choice_line(group: str, choice: Any, in_defaults: bool) -> str:
    """The override that makes a choice; null is no choice to Hydra, there is only ``~group``."""
    if choice is None:
        return f"~{group}"
    text = f"[{','.join(map(str, choice))}]" if isinstance(choice, ListConfig | list) else str(choice)
    return f"{'' if in_defaults else '+'}{group}={text}"


def _keys_set(cfg: DictConfig, override: Override) -> list[str]:
    """Dotted keys that an override sets: its own, or those inside where it merges a mapping into a mapping."""

    def inside(key: str, value: Any) -> Iterator[str]:
        if isinstance(value, dict) and value and isinstance(_select(cfg, key), DictConfig):
            for name, child in value.items():
                yield from inside(f"{key}.{name}", child)
        else:
            yield key

    return list(inside(override.key_or_group, None if override.is_sweep_override() else override.value()))


def _select(cfg: DictConfig, key: str) -> Any:
    try:
        return OmegaConf.select(cfg, key)
    except OmegaConfBaseException:
        return None


def _place(cfg: DictConfig, key: str) -> Literal["there", "open"] | None:
    """Whether a dotted key is there, would stand in an open mapping, or neither."""
    parts = split_key(key)
    node: Any = cfg
    for depth, part in enumerate(parts):
        node = _followed(node)
        if isinstance(node, ListConfig):
            if not part.isdigit() or int(part) >= len(node):
                return None
            node = node._get_node(int(part))
        elif _is_mapping(node) and node._get_node(part) is not None:
            node = node._get_node(part)  # `part in node` would deny a missing value, ???
        else:
            return "open" if parts[0] == "extra" or (depth and _takes(node, part)) else None
    return "there"


def _is_mapping(node: Any) -> TypeGuard[DictConfig]:
    """Whether a node has keys of its own: a mapping that is not null, ``???`` or an interpolation."""
    return isinstance(node, DictConfig) and not (node._is_none() or node._is_missing() or node._is_interpolation())


def _followed(node: Any) -> Any:
    """What an interpolation points to, where it can be resolved."""
    try:
        return node._maybe_dereference_node() if hasattr(node, "_maybe_dereference_node") else node
    except OmegaConfBaseException:
        return node


def _takes(node: Any, name: str) -> bool:
    if not _is_mapping(node):
        return False
    if not len(node):
        return True
    if node._get_node("_target_") is None:
        return False
    if OWN_CODE.fullmatch(node._get_full_key(None)):
        return True
    try:
        known = target_parameters(node["_target_"])
    except (ConfigError, OmegaConfBaseException):  # reported as a fault of the target itself
        return False
    return known is None or name in known


def _new_keys(node: DictConfig, base: DictConfig, path: str) -> Iterator[str]:
    """Dotted keys of ``node`` that ``base`` has no place for."""
    for key in node:
        name = f"{path}.{key!s}".lstrip(".")
        child, there = node._get_node(key), base._get_node(key)
        if there is None:
            if not (path and (_takes(base, str(key)) or _takes(node, str(key)))):
                yield name
        elif _is_mapping(child) and _is_mapping(there):
            yield from _new_keys(child, there, name)


def _names(node: Any, path: str) -> Iterator[str]:
    """All dotted names, sections and values."""
    if path:
        yield path
    if _is_mapping(node):
        for key in node:
            yield from _names(node._get_node(key), f"{path}.{key!s}".lstrip("."))


def _groups(loader: ConfigLoaderImpl, parent: str) -> Iterator[str]:
    for name in loader.list_groups(parent):
        group = f"{parent}/{name}".lstrip("/")
        if group != "hydra":
            yield group
            yield from _groups(loader, group)
