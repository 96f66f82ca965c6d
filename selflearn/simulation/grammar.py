"""Phrasings: small grammars that say one thing in many ways, and where in the words each value stands.

``[please] (play|put on) {song} [by {artist}]`` has an optional part, alternatives, and slots. Parts may be nested. An
optional part or an alternative that names a slot is said only where the slot has a value.

Example:
    >>> phrasing = Phrasing.parse("(play|put on) {song} [by {artist}]")
    >>> sorted(phrasing.slots), sorted(phrasing.needed)
    (['artist', 'song'], ['song'])
    >>> phrasing.say({"song": "blue bird"}, random.Random(1))
    Utterance(text='play blue bird', spans=(Span(slot='song', start=5, end=14),))
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

_TOKEN = re.compile(r"\{[^{}]*\}|[\[\]()|]|[^\s\[\](){}|]+|[{}]")
_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*'?")
_SLOT = re.compile(r"\{[a-z_]+\}")


class GrammarError(ValueError):
    """A phrasing cannot be read; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``[start, end)`` of an utterance that say the value of a slot."""

    slot: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said, and where the values are in it."""

    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class _Slot:
    name: str


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of several sequences; an empty one among them makes the part optional."""

    options: tuple[_Sequence, ...]


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[str | _Slot | _Choice, ...]
    slots: frozenset[str]
    needed: frozenset[str]


@dataclass(frozen=True)
class Phrasing:
    """A parsed phrasing.

    Attributes:
        source: as it was written.
    """

    source: str
    _root: _Sequence

    @classmethod
    def parse(cls, source: str) -> Phrasing:
        """Read a phrasing.

        Raises:
            GrammarError: a bracket is open, a slot or word is malformed, or nothing would be said. Digits are no words:
                people say "seven", and a recogniser writes what they say.
        """
        tokens = _TOKEN.findall(source)
        root, rest = _sequence(tokens, 0)
        if rest != len(tokens):
            raise GrammarError(f"{source!r} has {tokens[rest]!r} without its beginning")
        if not root.parts or (any(isinstance(part, _Choice) for part in root.parts) and _may_be_empty(root)):
            raise GrammarError(f"{source!r} may come out empty; expected at least one word that is always said")
        return cls(source, root)

    @property
    def slots(self) -> frozenset[str]:
        """Slots that may be said."""
        return self._root.slots

    @property
    def needed(self) -> frozenset[str]:
        """Slots without whose value the phrasing cannot be used (where alternatives differ, those of all)."""
        return self._root.needed

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word that may be said, values aside."""
        return frozenset(_words(self._root))

    def renderings(self) -> set[str]:
        """Everything that can be said, with ``{}`` in place of each value."""
        return {" ".join(pieces) for pieces in _renderings(self._root)}

    def fits(self, values: Mapping[str, str]) -> bool:
        """Whether it can be said with these values, some of which may stay unsaid."""
        return _fits(self._root, values)

    def say(
        self, values: Mapping[str, str], rng: random.Random, *, detail: float = 0.5, aloud: Collection[str] = ()
    ) -> Utterance:
        """One way to say it.

        Args:
            values: words of each slot that may be said.
            rng: chooses among the parts.
            detail: probability of an optional part.
            aloud: slots that must not be left out where the phrasing has a place for them.

        Raises:
            GrammarError: a slot that is needed has no value.
        """
        if not _fits(self._root, values):
            raise GrammarError(f"{self.source!r} cannot be said with {sorted(values)}; it needs {sorted(self.needed)}")
        pieces: list[str] = []
        spans: list[Span] = []
        length = 0
        for part in _choose(self._root, values, rng, detail, frozenset(aloud)):
            text = values[part.name] if isinstance(part, _Slot) else part
            start = length + bool(pieces)
            length = start + len(text)
            pieces.append(text)
            if isinstance(part, _Slot):
                spans.append(Span(part.name, start, length))
        return Utterance(" ".join(pieces), tuple(spans))


def _sequence(tokens: list[str], at: int) -> tuple[_Sequence, int]:
    parts: list[str | _Slot | _Choice] = []
    while at < len(tokens) and tokens[at] not in ("|", ")", "]"):
        token = tokens[at]
        if token in ("(", "["):
            choice, at = _choice(tokens, at)
            parts.append(choice)
            continue
        if token.startswith("{"):
            if not _SLOT.fullmatch(token):
                raise GrammarError(f"{token!r} is no slot; expected a name of small letters and _ in braces")
            parts.append(_Slot(token[1:-1]))
        elif _WORD.fullmatch(token):
            parts.append(token)
        else:
            raise GrammarError(f"{token!r} is no word; expected small letters, with ' or - inside, as they are spoken")
        at += 1
    slots: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    for part in parts:
        if isinstance(part, _Slot):
            slots |= {part.name}
            needed |= {part.name}
        elif isinstance(part, _Choice):
            slots = slots.union(*(option.slots for option in part.options))
            needed |= frozenset.intersection(*(option.needed for option in part.options))
    return _Sequence(tuple(parts), slots, needed), at


def _choice(tokens: list[str], at: int) -> tuple[_Choice, int]:
    opening, closing = tokens[at], ")" if tokens[at] == "(" else "]"
    options: list[_Sequence] = []
    while True:
        option, at = _sequence(tokens, at + 1)
        options.append(option)
        if at >= len(tokens) or tokens[at] not in ("|", closing):
            raise GrammarError(f"a {opening!r} is not closed by {closing!r} in {' '.join(tokens)!r}")
        if tokens[at] == closing:
            break
    if not all(option.parts for option in options):
        raise GrammarError(f"an empty alternative in {' '.join(tokens)!r}; write [...] for what may be left out")
    if opening == "[":
        options.append(_Sequence((), frozenset(), frozenset()))
    return _Choice(tuple(options)), at + 1


def _may_be_empty(sequence: _Sequence) -> bool:
    return all(
        isinstance(part, _Choice) and any(_may_be_empty(option) for option in part.options) for part in sequence.parts
    )


def _words(sequence: _Sequence) -> Iterator[str]:
    for part in sequence.parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, _Choice):
            for option in part.options:
                yield from _words(option)


def _renderings(sequence: _Sequence) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = {()}
    for part in sequence.parts:
        if isinstance(part, _Choice):
            ends = set[tuple[str, ...]]().union(*map(_renderings, part.options))
        else:
            ends = {("{}",) if isinstance(part, _Slot) else (part,)}
        found = {start + end for start in found for end in ends}
    return found


def _fits(sequence: _Sequence, values: Mapping[str, str]) -> bool:
    for part in sequence.parts:
        if isinstance(part, _Slot):
            if part.name not in values:
                return False
        elif isinstance(part, _Choice) and not any(_fits(option, values) for option in part.options):
            return False
    return True


def _choose(
    sequence: _Sequence, values: Mapping[str, str], rng: random.Random, detail: float, aloud: frozenset[str]
) -> Iterator[str | _Slot]:
    for part in sequence.parts:
        if not isinstance(part, _Choice):
            yield part
            continue
        options = [option for option in part.options if option.parts and _fits(option, values)]
        wanted = [option for option in options if aloud & option.slots]
        optional = len(part.options[-1].parts) == 0
        if wanted or (options and not (optional and rng.random() >= detail)):
            options = wanted or options
            yield from _choose(options[int(rng.random() * len(options))], values, rng, detail, aloud)
