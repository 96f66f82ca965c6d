"""Rates of a simulated world that are set on the command line: ``rates.people.reactions.barge_in=0.2``."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf


def flat_rates(rates: DictConfig) -> dict[str, Any]:
    """Rates of a config by dotted name."""
    from selflearn.simulation.rates import dotted_rates  # here: every program imports this file, few simulate

    return dotted_rates(cast(dict[Any, Any], OmegaConf.to_container(rates, resolve=True)))


def rates_suffix(rates: DictConfig) -> str:
    """What the name of a log's directory ends with, so that logs of different rates have different ones.

    Example:
        >>> rates_suffix(OmegaConf.create({})), rates_suffix(OmegaConf.create({"people": {"goals": {"mean": 3}}}))
        ('', '-3d04c857')
    """
    flat = flat_rates(rates) if rates else {}
    return f"-{hashlib.sha256(json.dumps(flat, sort_keys=True).encode()).hexdigest()[:8]}" if flat else ""
