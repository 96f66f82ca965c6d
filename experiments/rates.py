"""What a command line changes of a simulated log: rates (``rates.people.reactions.barge_in=0.2``), components."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf


def flat_rates(rates: DictConfig) -> dict[str, Any]:
    """Rates of a config by dotted name."""
    from selflearn.simulation.rates import dotted_rates  # here: every program imports this file, few simulate

    return dotted_rates(cast(dict[Any, Any], OmegaConf.to_container(rates, resolve=True)))


def plain_components(components: DictConfig | None) -> dict[str, Any]:
    """Components of a config that are not the assistant's own; a run from before there were any has none."""
    found = cast(dict[str, Any], OmegaConf.to_container(components, resolve=True)) if components else {}
    return {name: spec for name, spec in found.items() if spec is not None}


def log_suffix(rates: DictConfig, components: DictConfig, development: bool) -> str:
    """What the name of a log's directory ends with, so that logs of other settings have other ones.

    Example:
        >>> none = OmegaConf.create({})
        >>> log_suffix(none, none, False), log_suffix(OmegaConf.create({"people": {"goals": {"mean": 3}}}), none, False)
        ('', '-3d04c857')
        >>> log_suffix(none, none, True)
        '-development'
    """
    changed = flat_rates(rates) if rates else {}
    if others := plain_components(components):
        changed = {**changed, "components": others}
    suffix = f"-{hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:8]}" if changed else ""
    return f"-development{suffix}" if development else suffix
