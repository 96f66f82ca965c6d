"""What a command line changes of a simulated log: rates (``rates.people.reactions.barge_in=0.2``), components."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf


def flat_rates(rates: DictConfig | None) -> dict[str, Any]:
    """Rates of a config by dotted name.

    Raises:
        ValueError: it is no mapping.
    """
    from selflearn.simulation.rates import dotted_rates  # here: every program imports this file, few simulate

    return dotted_rates(_plain("rates", rates, "rates.people.reactions.barge_in=0.2, say"))


def plain_components(components: DictConfig | None) -> dict[str, Any]:
    """Components of a config that are not the assistant's own; a run from before there were any has none.

    Raises:
        ValueError: it is no mapping.
    """
    found = _plain("components", components, "components.rewriter._target_=mine.Rewriter, say")
    return {name: spec for name, spec in found.items() if spec is not None}


def _plain(name: str, settings: object, expected: str) -> dict[str, Any]:
    if settings is None:
        return {}
    if not isinstance(settings, DictConfig):
        raise ValueError(f"{name} is {settings!r}; expected {expected}")
    return cast(dict[str, Any], OmegaConf.to_container(settings, resolve=True))


def log_suffix(rates: DictConfig, components: DictConfig, development: bool) -> str:
    """What the name of a log's directory ends with, so that logs of other settings have other ones.

    Example:
        >>> none = OmegaConf.create({})
        >>> log_suffix(none, none, False), log_suffix(OmegaConf.create({"people": {"goals": {"mean": 3}}}), none, False)
        ('', '-3d04c857')
        >>> log_suffix(none, none, True)
        '-development'
    """
    changed = flat_rates(rates)
    if others := plain_components(components):
        changed = {**changed, "components": others}
    suffix = f"-{hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:8]}" if changed else ""
    return f"-development{suffix}" if development else suffix
