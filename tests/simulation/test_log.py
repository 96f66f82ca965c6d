"""What a simulated log holds of the record."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

from selflearn.simulation.annotators import Annotators, load_annotators

PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"


def filled(record, found):
    """Whether each field was ever filled, by class and field; False says something, nothing and zero do not."""
    for field in fields(record):
        value, name = getattr(record, field.name), f"{type(record).__name__}.{field.name}"
        found[name] = found.get(name, False) or value is False or bool(value)
        for one in value if isinstance(value, tuple) else (value,):
            if is_dataclass(one):
                filled(one, found)


def test_the_fields_that_stay_empty_are_those_of_the_page(home, home_log):
    team, found = Annotators(home.world, load_annotators(home.world), seed=1), {}
    for place, dialogue in enumerate(home_log[:200]):
        filled(team.annotate(dialogue, place), found)
    section = PAGE.read_text(encoding="utf-8").split("## What a simulated log leaves empty\n")[1].split("\n## ")[0]
    cells = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    listed = [name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)]
    assert sorted(listed) == sorted(name for name, ever in found.items() if not ever)
