"""What is wrong with a composed config, said before any work: every fault at once, each with the nearest valid name."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.utils import _locate
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

TARGET_PACKAGES = ("selflearn.", "torch.", "lightning.", "torchmetrics.")
"""A config file may build objects of these packages only, so that a config from elsewhere cannot run any code."""


class ConfigError(ValueError):
    """The settings cannot be run; one line a fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


OWN_CODE = re.compile(r"(?:.*\.)?components\.[a-z]+")
"""Nodes whose target may be of any package: components of the simulated assistant, which users write themselves. Who
makes them checks them (:mod:`selflearn.simulation.components`)."""


def check_config(cfg: DictConfig) -> None:
    """Refuse a composed config with missing values, targets that cannot be built, or no place to write; builds nothing.

    Raises:
        ConfigError: with all faults found.
    """
    faults = [*missing_faults(cfg), *number_faults(cfg), *text_faults(cfg), *target_faults(cfg), *place_faults(cfg)]
    if faults:
        raise ConfigError(faults)


def missing_faults(cfg: DictConfig) -> Iterator[str]:
    """Yield one line for each value that has to be given (``???`` in the files) and was not."""
    for path, node in _nodes(OmegaConf.to_container(cfg, resolve=False), ""):  # missing_keys() resolves ${hydra:...}
        for key in (key for key, value in node.items() if value == "???"):
            yield f"missing value: give {path}.{key}=...".replace(" .", " ")


NUMBERS = {"seed": (0, 2**32 - 1), "resamples": (0, None), "draws": (1, None)}
"""What is a whole number wherever a program has it, with its least and its most; the largest seed is that of numpy."""


def number_faults(cfg: DictConfig) -> Iterator[str]:
    """Yield a line for each of :data:`NUMBERS` that is none or lies outside."""
    for name in (name for name in NUMBERS if name in cfg and not OmegaConf.is_missing(cfg, name)):
        (least, most), value = NUMBERS[name], cfg[name]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < least or (most is not None and value > most):
            limits = f"{least:,} or more" if most is None else f"from {least} to {most}"
            yield f"{name} is {value!r}; expected a whole number, {limits}"


TEXTS = ("input", "output", "page", "cache", "recordings", "split", "corpus", "to", "tool", "labeler", "run",
         "data.corpus", "data.root", "data.train_split", "data.test_split", "paths.output_dir", "paths.runs",
         "paths.cache", "paths.corpora")  # fmt: skip
"""What is a text wherever a program has it. A folder or a split may be called 2024, which would be read as a number."""


def text_faults(cfg: DictConfig) -> Iterator[str]:
    """Yield a line for each of :data:`TEXTS` that was read as a number, or as true or false."""
    values = OmegaConf.to_container(cfg, resolve=False)  # what was typed: interpolations are texts
    for name in TEXTS:
        found: Any = values
        for key in name.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, int | float):
            said = str(found).lower() if isinstance(found, bool) else found
            yield f"{name} is {found!r}; expected a text: write \"{name}='{said}'\""


def place_faults(cfg: DictConfig) -> Iterator[str]:
    """Yield a line where the output folder cannot be one: Hydra makes it before the program begins."""
    try:
        place = OmegaConf.select(cfg, "paths.output_dir")
    except OmegaConfBaseException:  # of a sweep, whose folders are below one that Hydra knows
        return
    if isinstance(place, str):
        there = next(path for path in (Path(place), *Path(place).parents) if path.exists())
        if not there.is_dir():
            yield f"paths.output_dir = {place!r}: {there} is a file; expected a folder, or a name that is free"


def target_faults(cfg: DictConfig) -> Iterator[str]:
    """Yield one line for each ``_target_`` that is not allowed, cannot be found, or does not take its arguments.

    Example:
        >>> list(target_faults(OmegaConf.create({"model": {"_target_": "torch.nn.Linear", "out_feature": 4}})))
        ["model.out_feature: torch.nn.Linear takes no 'out_feature'; nearest: 'out_features'"]
    """
    for path, node in _nodes(OmegaConf.to_container(cfg, resolve=False), ""):
        if "_target_" not in node or OWN_CODE.fullmatch(path):
            continue
        place = f"{path}._target_".lstrip(".")
        target = node["_target_"]
        if isinstance(target, str) and "${" in target:
            try:
                target = OmegaConf.select(cfg, place)
            except OmegaConfBaseException as error:
                yield f"{place} = {target!r}: {error}"
                continue
        try:
            known = target_parameters(target)
        except ConfigError as error:
            yield f"{place} = {target!r}: {error}"
            continue
        for key in (str(key) for key in node if not str(key).startswith("_")):
            if known is not None and key not in known:
                place = f"{path}.{key}".lstrip(".")
                yield f"{place}: {target} takes no {key!r}; {hint(key, known)}"


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    children: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(node, Mapping):
        yield path, node
        children = iter(node.items())
    elif isinstance(node, list):
        children = iter(enumerate(node))
    for key, child in children:
        yield from _nodes(child, f"{path}.{key}".lstrip("."))


def target_parameters(target: object) -> Collection[str] | None:
    """Names of the arguments that a ``_target_`` takes; None where it takes any.

    Raises:
        ConfigError: the target is of another package, or cannot be imported; says the real cause.
    """
    if not isinstance(target, str) or not target.startswith(TARGET_PACKAGES):
        raise ConfigError([f"a target must begin with {', '.join(TARGET_PACKAGES)}"])
    try:
        found: Callable[..., Any] = _locate(target)  # get_object would log what is reported here
    except Exception as error:  # a target's module may fail in any way when it is imported
        while error.__cause__ is not None:
            error = error.__cause__  # type: ignore[assignment]
        raise ConfigError([f"{type(error).__name__}: {error}"]) from error
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):  # some compiled classes show no signature
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return None
    return list(parameters)


def list_faults(key: str, value: object) -> Iterator[str]:
    """Yield a line where a single value stands for a list: of a text each letter would be taken for an entry of it.

    Example:
        >>> list(list_faults("runs", "runs/a")), list(list_faults("runs", ["runs/a"]))
        (["runs is 'runs/a'; expected a list: runs=[runs/a]"], [])
    """
    if isinstance(value, str | int | float):
        yield f"{key} is {str(value)!r}; expected a list: {key}=[{value}]"


def check_lists(cfg: DictConfig, *keys: str) -> None:
    """See that settings that stand empty in their file are lists, where they are given.

    Raises:
        ConfigError: a single value, or an entry that is no text.
    """
    found = {key: OmegaConf.select(cfg, key) for key in keys}
    faults = [fault for key, value in found.items() for fault in list_faults(key, value)]
    for key, value in found.items():
        odd = [entry for entry in value if not isinstance(entry, str)] if isinstance(value, ListConfig) else []
        faults += [f"{key} has {entry!r}; expected texts: {key}=['{entry}']" for entry in odd]
    if faults:
        raise ConfigError(faults)


def check_mappings(cfg: DictConfig, **expected: str) -> None:
    """See that settings that stand empty in their file, as mappings, are mappings where they are given.

    Args:
        cfg: the whole config.
        expected: by the name of a setting, what it is to hold, in words.

    Raises:
        ConfigError: a single value, or null.
    """
    found = {key: OmegaConf.select(cfg, key) for key in expected}
    faults = [f"{key} is {value!r}; expected {expected[key]}"
              for key, value in found.items() if not isinstance(value, DictConfig)]  # fmt: skip
    if faults:
        raise ConfigError(faults)


def check_columns(cfg: DictConfig) -> None:
    """See that the columns of a flat table are mapped to fields.

    Raises:
        ConfigError: ``columns`` is no mapping.
    """
    check_mappings(cfg, columns="fields and their columns: columns={FIELD: COLUMN}")


def check_page(page: str | None) -> None:
    """See that a page can be written, before there is something to write.

    Raises:
        ConfigError: its folder is not there.
    """
    if page is not None and not Path(page).absolute().parent.is_dir():
        raise ConfigError([f"page is {page}; expected a file in a folder that is there"])


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known dotted name that was probably meant, or None.

    The last part counts most: people know what a setting is called sooner than where it stands.

    Example:
        >>> nearest("epochs", ["training.epochs", "training.seed"])
        'training.epochs'
        >>> nearest("training.epocs", ["training.epochs", "training.seed"])
        'training.epochs'
    """
    leaf = name.rpartition(".")[2]
    same_leaf = [key for key in known if key.rpartition(".")[2] == leaf]
    close = (
        difflib.get_close_matches(name, same_leaf, n=1, cutoff=0.0)
        or difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        or difflib.get_close_matches(leaf, {key.rpartition(".")[2] for key in known}, n=1, cutoff=0.75)
    )
    if close and close[0] not in known:
        close = [key for key in known if key.rpartition(".")[2] == close[0]]
    return close[0] if close else None


def hint(name: str, known: Collection[str]) -> str:
    """What to say of an unknown name: the nearest known one, or all of them where none is near."""
    near = nearest(name, known)
    return f"known: {', '.join(sorted(known))}" if near is None else f"nearest: {near!r}"
