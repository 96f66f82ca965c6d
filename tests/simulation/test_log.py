"""What a simulated log holds of the record."""

import hashlib
import json
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

from selflearn.simulation.annotators import Annotators, load_annotators
from selflearn.simulation.people import Wishes
from selflearn.simulation.simulate import LOG_VERSION, build_assistant, plan, simulate
from selflearn.simulation.understanding import Hypothesis

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


def test_where_people_live_is_told_from_other_towns_of_that_name(home, home_log):
    names = {entity.id: entity.full_name for entity in home.world.types["town"].entities}
    assert len(set(names.values())) == len(names)
    for dialogue in home_log:
        assert {turn.location for turn in dialogue.turns} == {names[dialogue.truth.facts["home"]]}


class Parrot:
    """Reads by the first word, without a sum that another machine might round in another way."""

    def __init__(self, world):
        self.intents = sorted(intent for intent, spec in world.intents.items() if spec.supported)

    def understand(self, requests, *, hypotheses):
        numbers = [len(text.split()[0]) % len(self.intents) if text else 0 for text, _ in requests]
        return [(Hypothesis(intent=self.intents[i], mentions={}, score=0.8),) for i in numbers]


def test_who_changes_what_a_log_holds_counts_its_version(small):
    """A log that was made before is taken up again by its version: the same must come to the same words and labels."""
    assistant, wishes = build_assistant(small, Parrot(small.world)), Wishes(small.world, small.population)
    seen = hashlib.sha256()
    for dialogue in (d for block in plan(small, 60) for d in simulate(small, assistant, wishes, block)):
        labels = [(t.intent and t.intent.value, t.failure_point.value) for t in dialogue.labels.turns]
        turns = [(t.request, t.response, t.status, t.seconds, t.location) for t in dialogue.turns]
        ratings = [(r.rater, r.question, r.answer) for r in dialogue.ratings]
        kinds = [t.components["kind"] for t in dialogue.truth.turns]
        seen.update(json.dumps([turns, labels, kinds, ratings]).encode())
    assert (LOG_VERSION, seen.hexdigest()[:16]) == (5, "68af6f058b169564")
