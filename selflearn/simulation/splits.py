"""What only the people of the test split say: a quarter of all phrasings, and of the names that there are to ask for.

Which ones is decided by their text alone, so that a world that grows keeps its splits, and every world has the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from selflearn.simulation.grammar import Phrasing

HELD_OUT = 0.25
"""Share of phrasings, and of the names in open catalogues, that only the people of the test split use."""

ROUNDS = 50
"""How often lists are gone through before they are said to have no split; two or three times are enough as a rule."""

Part = Literal["any", "train", "test"]


@dataclass(frozen=True, slots=True)
class Phrasings:
    """Ways to say the same, and who says them.

    Attributes:
        all: every one, as they were written down.
        train: those that people of the test split do not use.
        test: those that only they use.
    """

    all: tuple[Phrasing, ...] = ()
    train: tuple[Phrasing, ...] = ()
    test: tuple[Phrasing, ...] = ()

    def of(self, part: Part) -> tuple[Phrasing, ...]:
        """Those of people of a split; "any" has all."""
        return self.all if part == "any" else self.test if part == "test" else self.train


class NoSplitError(ValueError):
    """Some phrasings cannot be divided between the splits; ``number`` is that of the first such list."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def split_phrasings(lists: Sequence[Phrasings]) -> list[Phrasings]:
    """Hold out about a quarter of what a world can say, the same in every list where it stands.

    Phrasings that differ in the names of their slots alone (``play {song}``, ``play {film}``) are held out together.
    Every list gets at least one of each side; one whose phrasings all have the same shape cannot be split and is
    everybody's.

    Raises:
        NoSplitError: lists that share their few phrasings leave no such split.
    """
    shapes = [{_shape(phrasing) for phrasing in phrasings.all} for phrasings in lists]
    held = {shape for found in shapes for shape in found if _draw(shape) < HELD_OUT}
    kept = set[str]()
    for _ in range(ROUNDS):
        unsplit = [found for found in shapes if len(found) > 1 and (not found & held or found <= held)]
        for found in unsplit:
            if not found & held:
                held.add(min(found - kept or found, key=_draw))
            elif found <= held:
                kept.add(max(found, key=_draw))
                held -= kept
        if not unsplit:
            break
    else:
        raise NoSplitError(
            f"no side for each of {sorted(unsplit[0])}: they stand in too many short lists; add phrasings",
            shapes.index(unsplit[0]),
        )
    return [
        Phrasings(
            phrasings.all,
            tuple(phrasing for phrasing in phrasings.all if len(found) < 2 or _shape(phrasing) not in held),
            tuple(phrasing for phrasing in phrasings.all if len(found) < 2 or _shape(phrasing) in held),
        )
        for phrasings, found in zip(lists, shapes, strict=True)
    ]


def _shape(phrasing: Phrasing) -> str:
    return re.sub(r"\{[a-z_]+\}", "{}", phrasing.source)


def held_out_names(together: Iterable[tuple[str, ...]]) -> set[str]:
    """The names that only people of the test split say.

    Args:
        together: names that are said together, such as a song and its artist; a name alone is a tuple of one. A name
            joins all that it stands with: whoever asks for a song may name its artist, and who likes the artist may ask
            for another song, so that none of them can be held out alone.
    """
    group: dict[str, set[str]] = {}
    for names in together:
        joined = set[str]().union(*(group.get(name, {name}) for name in names))
        group.update(dict.fromkeys(joined, joined))
    return {name for name, names in group.items() if _draw(min(names)) < HELD_OUT}


def _draw(text: str) -> float:
    """A number in [0, 1) that is always the same for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2.0**64
