"""What only the people of the test split say: a quarter of all phrasings, and of the names that there are to ask for.

Which ones is decided by their text alone, so that a world that grows keeps its splits, and every world has the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from selflearn.simulation.grammar import Phrasing

HELD_OUT = 0.25
"""Share of phrasings, and of the names in open catalogues, that only the people of the test split use."""

ROUNDS = 50
"""How often lists are gone through before they are said to have no split; two or three times are enough as a rule."""

Part = Literal["any", "train", "test"]


def draw(text: str) -> float:
    """A number in [0, 1) that is always the same for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2.0**64


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


def split_phrasings(
    lists: Sequence[Phrasings], values: Collection[str] = (), draw: Callable[[str], float] = draw
) -> list[Phrasings]:
    """Hold out about a quarter of what a world can say, the same in every list where it stands.

    Phrasings that can come out as the same words, whatever the values of their slots are (``play {song}``,
    ``[just] play {film}``), are held out together, and so are those that each of them shares words with. Every list
    gets at least one of each side; one whose phrasings are all held together so cannot be split and is everybody's, and
    so is one that has nothing but phrasings of such lists.

    Args:
        lists: ways to say the same, list by list.
        values: words that may stand in a slot: ``turn it up`` is the same as ``turn it {change}``.
        draw: a number in [0, 1) for a text; what has a low one is held out.

    Raises:
        NoSplitError: lists that share their few phrasings leave no such split.
    """
    group = _groups((phrasing for phrasings in lists for phrasing in phrasings.all), values)
    groups = [{group[phrasing.source] for phrasing in phrasings.all} for phrasings in lists]
    # what is everybody's in one list cannot be held out in another
    shared = set[str]().union(*(found for found in groups if len(found) == 1))
    held = {name for found in groups for name in found - shared if draw(name) < HELD_OUT}
    kept = set(shared)
    for _ in range(ROUNDS):
        unsplit = [found for found in groups if not found <= shared and (not found & held or found <= held)]
        for found in unsplit:
            if not found & held:
                held.add(min(found - kept or found - shared, key=draw))
            elif found <= held:
                kept.add(max(found, key=draw))
                held -= kept
        if not unsplit:
            break
    else:
        raise NoSplitError(
            f"no side for each of {sorted(unsplit[0])}: they stand in too many short lists, or share words with "
            "phrasings of these; add phrasings that have words of their own",
            groups.index(unsplit[0]),
        )
    for name in sorted(held, key=draw, reverse=True):  # short lists were given theirs: others need not hold more
        if all(len(found & held) - 1 >= HELD_OUT * len(found) for found in groups if name in found):
            held.remove(name)
    return [
        Phrasings(
            phrasings.all,
            tuple(p for p in phrasings.all if found <= shared or group[p.source] not in held),
            tuple(p for p in phrasings.all if found <= shared or group[p.source] in held),
        )
        for phrasings, found in zip(lists, groups, strict=True)
    ]


class Shapes:
    """Texts with ``{}`` in place of what may be a value: phrasings of one shape can come out as the same words.

    Args:
        values: words that may stand in a slot: ``turn it up`` has the shape of ``turn it {change}``.
    """

    def __init__(self, values: Collection[str]) -> None:
        self._values = values if isinstance(values, (set, frozenset)) else set(values)
        self._most: dict[str, int] = {}  # words of the longest value that begins with a word
        for words in map(str.split, values):
            self._most[words[0]] = max(self._most.get(words[0], 0), len(words))

    def of(self, text: str) -> str:
        """The shape of a text, longer values first."""
        words, found, at = text.split(), list[str](), 0
        while at < len(words):
            ends = range(min(at + self._most.get(words[at], 0), len(words)), at, -1)
            end = next((end for end in ends if " ".join(words[at:end]) in self._values), None)
            found.append(words[at] if end is None else "{}")
            at = end or at + 1
        return " ".join(found)

    def of_phrasing(self, phrasing: Phrasing) -> set[str]:
        """The shapes of everything that a phrasing can say."""
        return set(map(self.of, phrasing.renderings()))


def _groups(phrasings: Iterable[Phrasing], values: Collection[str]) -> dict[str, str]:
    """By source the name of those that share words with it, one by one: the first of their shapes."""
    bare = Shapes(values)
    shapes: dict[str, set[str]] = {}
    sources: dict[str, str] = {}
    for phrasing in phrasings:
        shape = sources[phrasing.source] = re.sub(r"\{[a-z_]+\}", "{}", phrasing.source)
        if shape not in shapes:
            shapes[shape] = bare.of_phrasing(phrasing)
    saying: dict[str, set[str]] = {}
    for shape, renderings in shapes.items():
        for rendering in renderings:
            saying.setdefault(rendering, set()).add(shape)
    group = {shape: min(together) for together in _joined(saying.values()) for shape in together}
    return {source: group[shape] for source, shape in sources.items()}


def held_out_names(
    together: Iterable[tuple[str, ...]], draw: Callable[[str], float] = draw, shared: Collection[str] = ()
) -> set[str]:
    """The names that only people of the test split say.

    Args:
        together: names that are said together, such as a song and its artist; a name alone is a tuple of one. A name
            joins all that it stands with: whoever asks for a song may name its artist, and who likes the artist may ask
            for another song, so that none of them can be held out alone.
        draw: a number in [0, 1) for a text; what has a low one is held out.
        shared: names that are everybody's: what they join is not held out.
    """
    free = (names for names in _joined(together) if names.isdisjoint(shared))
    return {name for names in free if draw(min(names)) < HELD_OUT for name in names}


def _joined(sets: Iterable[Iterable[str]]) -> list[set[str]]:
    """The sets, those with a member in common made one."""
    group: dict[str, set[str]] = {}
    for members in sets:
        members = set(members)
        union = set[str]().union(members, *(group[name] for name in members & group.keys()))
        group.update(dict.fromkeys(union, union))
    return list({id(union): union for union in group.values()}.values())
