"""The result: what the assistant does with an interpretation whose entities are resolved, and what it says.

A skill can be out of date (it answers with yesterday's forecast, plays the wrong version), can lack the thing that was
asked for, can need a value that nobody said or want to know which of two things of one name is meant, and cannot do
what is not its job.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from selflearn.simulation.settings import Responses, ResultSettings
from selflearn.simulation.world import Entity, Intent, World

Status = Literal["done", "not_understood", "unsupported", "no_match", "missing", "which_value", "which_intent",
                 "bye", "welcome"]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was done.

    Attributes:
        status: as the assistant logs it. What is out of date is logged as done: the assistant does not know.
        response: what it says.
        intent: that was served, or None.
        values: the entity of each slot that it was served with.
        stale: whether it was out of date.
        options: intents between which it asks the person to choose.
        asked: the slot whose value it asks for.
    """

    status: Status
    response: str
    intent: str | None = None
    values: Mapping[str, Entity] | None = None
    stale: bool = False
    options: tuple[str, ...] = ()
    asked: str | None = None


class WorldSkills:
    """Serves intents.

    Args:
        world: intents and what they answer.
        responses: what is said where nothing is served.
        settings: how often a skill fails.
    """

    def __init__(self, world: World, responses: Responses, settings: ResultSettings) -> None:
        self.world, self.responses, self.settings = world, responses, settings

    def serve(
        self, intent: Intent, values: Mapping[str, Entity], rng: random.Random, *, said: Collection[str]
    ) -> Result:
        """Do what was understood; a value that is missing and has no default is asked for.

        So is, at times, what tells things of one name apart: the state, where a town was named that is in two.

        Args:
            intent: what to do.
            values: entities that were resolved or are known without words.
            rng: decides whether the skill fails or asks.
            said: slots whose values are from the request itself.
        """
        names = {name: entity.name for name, entity in values.items()}
        needed = [s.name for s in intent.slots.values() if not s.optional and s.name not in values]
        unclear = [] if needed else self._unclear(intent, values, said)
        asks, lacks, lags = (rng.random() for _ in range(3))  # one each, so that a replay has the same luck
        if needed or (unclear and asks < self.settings.ambiguous):
            asked = (needed or unclear)[0]
            return replace(
                self.decline("which_value", rng, slot=_plain(asked)), intent=intent.name, values=values, asked=asked
            )
        main = next((values[name] for name, slot in intent.slots.items() if name in values and not slot.own), None)
        if main is not None and self.world.types[main.type].open and lacks < self.settings.missing:
            return replace(self.decline("missing", rng, value=main.name), intent=intent.name, values=values)
        stale = bool(intent.stale) and lags < self.settings.stale
        response = _fill(intent.stale if stale else intent.done, rng, names)
        return Result(status="done", response=response, intent=intent.name, values=values, stale=stale)

    def _unclear(self, intent: Intent, values: Mapping[str, Entity], said: Collection[str]) -> list[str]:
        """Slots that nobody said, though somebody might have, and that tell what was named from its namesakes."""
        found = []
        for slot in intent.slots.values():
            source, attribute = slot.follows or ("", "")
            if source in said and slot.name not in said:
                alike = self.world.types[values[source].type].named(values[source].name)
                differ = len({entity.attributes[attribute] for entity in alike}) > 1
                # what a request never leaves out or never says (who wrote it) is what it asks for
                if differ and any(slot.name in phrasing.slots - phrasing.needed for phrasing in intent.say.all):
                    found.append(slot.name)
        return found

    def decline(self, status: Status, rng: random.Random, **words: str) -> Result:
        """Say that nothing is done, with ``words`` in place of the braces."""
        return Result(status=status, response=_fill(getattr(self.responses, status), rng, words))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _fill(texts: tuple[str, ...], rng: random.Random, names: Mapping[str, str]) -> str:
    """One of the texts whose braces all have a value (else the first, with what is known filled in)."""
    start = int(rng.random() * len(texts))
    for i in range(len(texts)):
        text = texts[(start + i) % len(texts)]
        try:
            return _capital(text.format_map(names))
        except KeyError:
            continue
    return _capital(texts[0].format_map(_Known(names)))


class _Known(dict[str, str]):
    """Leaves out what has no value."""

    def __missing__(self, key: str) -> str:
        return "it"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
