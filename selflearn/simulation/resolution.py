"""Entity resolution: from the words of a mention to an entry of the assistant's catalogue, by similarity.

The catalogue of the assistant lacks some entries that people ask for. Of entries with the same name the most popular is
taken: that is where it fails when somebody means the other Wilkerson.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from selflearn.simulation.settings import ResolutionSettings
from selflearn.simulation.world import Entity, SlotSpec, World


@dataclass(frozen=True, slots=True)
class Match:
    """What a mention was resolved to: ``entity`` is None where nothing was similar enough; ``score`` in [0, 1]."""

    mention: str
    entity: Entity | None
    score: float


@dataclass(slots=True)
class _Names:
    """What can be said of the entries of a type: names in order of popularity, and the entry of each."""

    names: list[str] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    first: dict[str, Entity] = field(default_factory=dict)


class CatalogueResolver:
    """Resolves mentions.

    Args:
        world: catalogues.
        settings: what is known of them, and when nothing matches.
        seed: of what is not known.
    """

    def __init__(self, world: World, settings: ResolutionSettings, seed: int) -> None:
        self.settings = settings
        rng = random.Random(f"{seed}/catalogue")
        self._names: dict[str, _Names] = {}
        for name, kind in world.types.items():
            known = [e for e in kind.entities if not kind.open or rng.random() < settings.known]
            self._names[name] = _index(known or list(kind.entities[:1]))
        self._cache: dict[tuple[str, str], Match] = {}

    def catalogue(self) -> dict[str, list[str]]:
        """Names of the entries that are known, by type."""
        return {kind: list(names.first) for kind, names in self._names.items()}

    def resolve(self, slot: SlotSpec, mention: str, owned: Mapping[str, Sequence[Entity]]) -> Match:
        """The entry of a slot's type that a mention names.

        Args:
            slot: what it is the value of.
            mention: as recognised.
            owned: entries by type that the person is known to have; where the slot is of things that people own, only
                those are searched.
        """
        mine = owned.get(slot.type) if slot.own else None
        if mine:
            return self._match(mention, _index(mine))
        key = slot.type, mention
        if key not in self._cache:
            if len(self._cache) > 200_000:
                self._cache.clear()
            self._cache[key] = self._match(mention, self._names[slot.type])
        return self._cache[key]

    def _match(self, mention: str, names: _Names) -> Match:
        exact = names.first.get(mention)
        if exact is not None:
            return Match(mention, exact, 1.0)
        best = process.extractOne(mention, names.names, scorer=fuzz.ratio, score_cutoff=self.settings.reject)
        if best is None:
            return Match(mention, None, 0.0)
        return Match(mention, names.entities[best[2]], round(best[1] / 100, 4))


def _index(entities: Sequence[Entity]) -> _Names:
    found = _Names()
    for entity in entities:
        for name in entity.spoken:
            found.names.append(name)
            found.entities.append(entity)
            found.first.setdefault(name, entity)
    return found
