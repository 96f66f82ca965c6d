"""Components of the assistant that are put in by config: the import path of each, and what it is called with.

As Hydra writes it: ``{"rewriter": {"_target_": "mine.Rewriter", "words": {"tern": "turn"}}}`` puts in what
``mine.Rewriter(setting, words={"tern": "turn"})`` returns. The first argument is the
:class:`~selflearn.simulation.simulate.Setting`: world, rates and seed. The interfaces of the components are the
protocols of :mod:`selflearn.simulation.assistant`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

TARGET = "_target_"

METHODS = {
    "wake": ("detect",), "recognition": ("recognize",), "rewriter": ("rewrite",),
    "understanding": ("understand",), "chooser": ("choose",), "resolution": ("resolve",),
    "skills": ("serve", "decline"),
}  # fmt: skip
"""The components in the order of the pipeline, and the methods of each."""


def checked_components(components: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Components by name as plain data, without those that are None: the assistant has its own.

    Raises:
        ValueError: there is no such component, no import path, or an argument that is not plain data.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, spec in components.items():
        if name not in METHODS:
            near = get_close_matches(name, METHODS, n=1, cutoff=0.0)[0]
            raise ValueError(f"components.{name}: there is no such component; nearest: {near!r}")
        if spec is None:
            continue
        if not isinstance(spec, Mapping) or not isinstance(spec.get(TARGET), str):
            raise ValueError(f"components.{name} is {spec!r}; expected {TARGET} (an import path) and its arguments")
        try:
            found[name] = json.loads(json.dumps(spec))  # what stands in a log's claim is compared with it
        except TypeError as error:
            raise ValueError(f"components.{name}: {error}; expected texts, numbers, lists and mappings") from None
    return found


def make_component(name: str, spec: Mapping[str, Any], setting: object) -> Any:
    """A component as :func:`checked_components` describes it.

    Args:
        name: one of :data:`METHODS`.
        spec: import path and arguments.
        setting: the first argument.

    Raises:
        ValueError: nothing is found under the import path, it does not take the arguments, or what it returns lacks a
            method.
    """
    path, arguments = spec[TARGET], {key: value for key, value in spec.items() if key != TARGET}
    place = f"components.{name}.{TARGET} = {path!r}"
    module, _, attribute = path.rpartition(".")
    try:
        target = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{place}: {error}; expected package.module.Class, as Python would import it from the "
                         "directory that the command is run in") from error  # fmt: skip
    try:
        inspect.signature(target).bind(setting, **arguments)
    except TypeError as error:
        raise ValueError(f"{place}: {error}; it is called with the setting and {sorted(arguments) or 'nothing else'}"
                         ) from None  # fmt: skip
    made = target(setting, **arguments)
    missing = [method for method in METHODS[name] if not callable(getattr(made, method, None))]
    if missing:
        raise ValueError(f"{place}: {type(made).__name__} has no method {missing[0]}(); expected "
                         f"{', '.join(METHODS[name])}, as selflearn.simulation.assistant describes them")  # fmt: skip
    return made
