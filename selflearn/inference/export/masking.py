"""Masking of personal data in what is exported: names, numbers, addresses, e-mails and phone numbers become ``[NAME]``.

What is masked, in this order:

* slots whose name says so (``contact_name``, ``phone_number``, ``street``, ...; :func:`slot_kind`);
* what looks like it: e-mail addresses (also spoken, "ann at mail dot org"), house numbers with English names of
  streets, phone numbers, numbers of four digits and more, four spoken digits;
* the values of those slots, and of what the assistant understood as such, wherever else the dialogue says them, of a
  person's name each word; and names after "my name is" and after titles, also where only a transcript has them;
* where it is said, a surname in small letters that ends the phrase ("my name is ann lee and");
* which rater a label is from.

It is no guarantee: a name that no slot holds and nothing introduces stays, and so do ids. Offsets stay right: no mask
reaches over the border of a slot, so that every slot begins and ends where it did, in the new text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, TypeVar

from selflearn._record import Record
from selflearn.batching.lexical import whole_words
from selflearn.inference.rows import ExportError
from selflearn.schema import Dialogue, Interpretation, Labels, Slot, Turn, TurnLabels

NAME, NUMBER, ADDRESS, EMAIL, PHONE = KINDS = ("NAME", "NUMBER", "ADDRESS", "EMAIL", "PHONE")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PERSONS = _words("person contact recipient sender caller callee passenger attendee patient doctor dentist therapist "
                  "stylist friend nickname surname username firstname lastname fullname")  # fmt: skip
_OF_A_NAME = _words("name first last middle full given family user customer guest host")
_BY_PART: Mapping[str, str] = {
    **dict.fromkeys(_words("email mail"), EMAIL),
    **dict.fromkeys(_words("phone telephone mobile fax"), PHONE),
    **dict.fromkeys(_words("address street zip zipcode postcode postal"), ADDRESS),
    **dict.fromkeys(_words("account iban card ssn passport pin password passcode license licence"), NUMBER),
    **dict.fromkeys(_PERSONS, NAME),
}
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_COMMON = _words("a an and at for he her him his i in it me my of on or our she the their them they to us we you your")
"""Words that stand for a person without naming one."""

_DIGIT = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)"
_STREET = r"(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|square|sq|place|pl|way|highway)"
_LOOKS = (
    (EMAIL, re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    (EMAIL, re.compile(r"\b\w+(?: dot \w+)* at \w+(?: dot \w+)+\b", re.I)),
    (ADDRESS, re.compile(rf"\b\d+\w?\s+(?:[^\W\d]+\s+){{1,3}}?{_STREET}\b", re.I)),
    (NUMBER, re.compile(r"\d(?:[ -]?\d){15,}")),  # longer than a phone number: an account, a card
    (PHONE, re.compile(r"(?<!\w)\+?\(?\d(?:[\s().-]{0,2}\d){6,14}(?!\w)")),
    (NUMBER, re.compile(r"\d(?:[ -]?\d){3,}")),
    (NUMBER, re.compile(rf"\b{_DIGIT}(?:[\s-]+{_DIGIT}){{3,}}\b", re.I)),
)
_WORD = r"[^\W\d]+(?:['\u2019-][^\W\d]+)*"
_LARGE = "".join(letter for letter in map(chr, range(0x590)) if letter.isupper())  # Latin, Greek, Cyrillic, Armenian
_PERSON = (
    rf"{_WORD}(?:\s+(?-i:[{_LARGE}])[^\W\d]*(?:['\u2019-][^\W\d]+)*)*"  # what is written large belongs to the name
)
_AFTER_A_NAME = "|".join(
    sorted(_COMMON | _words("but can could from hello hey is please so thank thanks that what who with"))
)
_SURNAME_WRITTEN_SMALL = re.compile(  # "my name is ann lee and ..."; not "my name is ann play jazz"
    rf"(?<=\bmy name is ){_WORD}\s+(?!(?:{_AFTER_A_NAME})\b){_WORD}(?=\s*(?:$|[^\w\s]|\b(?:{_AFTER_A_NAME})\b))", re.I
)
_TITLES = ("mr", r"mr\.", "mrs", r"mrs\.", "ms", r"ms\.", "dr", r"dr\.")
_INTRODUCED = tuple(
    re.compile("|".join(rf"(?<=\b{words} ){_PERSON}" for words in introductions), re.I)
    for introductions in (("my name is", "i am called"), _TITLES)
)


def _words_of(name: str) -> list[str]:
    """The words of a name as others say them: of "Ann's" and "Lee, Ann" without what was written beside them."""
    return re.findall(r"\w+", name)


class Edit(NamedTuple):
    """Characters ``[start, end)`` of a text that are replaced by ``[KIND]``."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class MaskedText:
    """A text with what was replaced in it, and how offsets go from one to the other.

    Attributes:
        original: the text.
        edits: what is replaced, in order and disjoint.
    """

    original: str
    edits: tuple[Edit, ...]

    @property
    def text(self) -> str:
        """The masked text."""
        parts, last = [], 0
        for start, end, kind in self.edits:
            parts += [self.original[last:start], f"[{kind}]"]
            last = end
        return "".join((*parts, self.original[last:]))

    def masked_span(self, start: int, end: int) -> tuple[int, int]:
        """Where the characters ``[start, end)`` of the original are in the masked text; a mask is taken whole."""
        return _moved(start, end, list(self._pieces()))

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Where the characters ``[start, end)`` of the masked text are in the original; a mask is taken whole."""
        return _moved(start, end, [(new, old) for old, new in self._pieces()])

    def _pieces(self) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Each edit in the original and in the masked text."""
        shift = 0
        for start, end, kind in self.edits:
            length = len(kind) + 2
            yield (start, end), (start + shift, start + shift + length)
            shift += length - (end - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masker:
    """Masks the texts and labels of dialogues.

    Attributes:
        slots: kind by slot name, one of :data:`KINDS` or None for a slot that is not personal; goes before what
            :func:`slot_kind` makes of its name.

    Raises:
        ExportError: a slot is to be masked as something that is not one of :data:`KINDS`.

    Example:
        >>> from selflearn import Turn
        >>> turn = Turn(request="mail ann@mail.org, my name is Ann")
        >>> masked, counts = Masker().mask(Dialogue(id="1", corpus="mine", split="all", turns=(turn,)))
        >>> masked.turns[0].request, dict(counts)
        ('mail [EMAIL], my name is [NAME]', {'EMAIL': 1, 'NAME': 1})
    """

    slots: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in self.slots.items():
            if kind is not None and kind not in KINDS:
                raise ExportError(
                    f"slot {name!r} is masked as {kind!r}; expected one of {', '.join(KINDS)}, or nothing"
                )

    def kind(self, slot: str) -> str | None:
        """The kind of personal data that the values of a slot are, or None."""
        return self.slots[slot] if slot in self.slots else slot_kind(slot)

    def mask(self, dialogue: Dialogue) -> tuple[Dialogue, Counter[str]]:
        """The part of a dialogue that exports write (texts, times, domains, labels), masked.

        Returns:
            The dialogue, and the number of masks by kind in requests, responses and transcripts. Everything else but
            seconds and domains is left out: who spoke, devices, places, what else the assistant understood, feedback,
            ratings, truth.
        """
        known = self._known(dialogue)
        counts: Counter[str] = Counter()

        def counted(masked: MaskedText) -> str:
            counts.update(edit.kind for edit in masked.edits)
            return masked.text

        labels = dialogue.labels.turns or (TurnLabels(),) * len(dialogue.turns)
        turns, new_labels = [], []
        for turn, said in zip(dialogue.turns, labels, strict=True):
            request = None if turn.request is None else self._masked(turn.request, said.slots or (), known)
            response = None if turn.response is None else self._masked(turn.response, (), known)
            understood = tuple(
                Interpretation(domain=r.domain) for r in turn.interpretations[:1] if r.domain is not None
            )
            turns.append(Turn(request=None if request is None else counted(request), seconds=turn.seconds,
                              response=None if response is None else counted(response),
                              interpretations=understood))  # fmt: skip
            if said.slots and request is not None:
                said = replace(said, slots=tuple(self._slot(slot, request, known) for slot in said.slots))
            if said.transcript is not None:
                text = counted(self._masked(said.transcript.value, (), known))
                said = replace(said, transcript=replace(said.transcript, value=text))
            new_labels.append(_without_rater(replace(said, response_acts=None)))  # they may hold values
        goals = dialogue.labels.goals
        kept = Labels(
            goals=None if goals is None else tuple(_without_rater(goal) for goal in goals),
            turns=tuple(new_labels) if dialogue.labels.turns else (),
        )
        masked = Dialogue(id=dialogue.id, corpus=dialogue.corpus, split=dialogue.split, turns=tuple(turns), labels=kept)
        return masked, counts

    def requests(self, dialogue: Dialogue) -> list[MaskedText]:
        """What :meth:`mask` makes of the requests, with their offsets; an absent request is an empty text."""
        known = self._known(dialogue)
        labels = dialogue.labels.turns or (TurnLabels(),) * len(dialogue.turns)
        return [
            self._masked(turn.request or "", said.slots or (), known)
            for turn, said in zip(dialogue.turns, labels, strict=True)
        ]

    def _known(self, dialogue: Dialogue) -> list[tuple[str, re.Pattern[str]]]:
        """Personal values that slots of the dialogue hold, as whole words wherever they are said; longest first."""
        held = [(slot.name, text) for labels in dialogue.labels.turns for slot in labels.slots or ()
                for text in (slot.text, slot.value)]  # fmt: skip
        for turn in dialogue.turns:
            held += [(slot.name, slot.value) for guess in turn.interpretations for slot in guess.slots]
            held += [(entity.slot, text) for entity in turn.entities for text in (entity.mention, entity.entity)]
        said = [text for turn in dialogue.turns for text in (turn.request, turn.response)]
        said += [labels.transcript.value for labels in dialogue.labels.turns if labels.transcript is not None]
        texts = [text for text in (*said, *(text for _, text in held)) if text is not None]
        introduced = [match.group() for text in texts for pattern in _INTRODUCED for match in pattern.finditer(text)]
        words = [word for name in introduced for word in (name, *_words_of(name)) if len(word) > 1]
        values = {name: NAME for name in words if name.lower() not in _COMMON}
        for name, text in held:
            kind = self.kind(name)
            if kind is not None and text is not None:
                for value in (text.strip(), *(_words_of(text) if kind == NAME else ())):
                    if sum(map(str.isalnum, value)) > 1 and value.lower() not in _COMMON:
                        values.setdefault(value, kind)
        longest = sorted(values, key=lambda value: (-len(value), value))
        return [(values[value], re.compile(whole_words(value), re.I)) for value in longest]

    def _masked(self, text: str, slots: Iterable[Slot], known: Iterable[tuple[str, re.Pattern[str]]]) -> MaskedText:
        slots = tuple(slots)
        found: list[Edit] = [
            Edit(slot.start, slot.end, kind) for slot in slots if (kind := self.kind(slot.name)) is not None
        ]
        for kind, pattern in (*_LOOKS, (NAME, _SURNAME_WRITTEN_SMALL), *known):
            found += [Edit(*match.span(), kind) for match in pattern.finditer(text)]
        borders = sorted({border for slot in slots for border in (slot.start, slot.end)})
        return MaskedText(text, tuple(_disjoint(text, found, borders)))

    def _slot(self, slot: Slot, request: MaskedText, known: Iterable[tuple[str, re.Pattern[str]]]) -> Slot:
        start, end = request.masked_span(slot.start, slot.end)
        text, value, kind = request.text[start:end], slot.value, self.kind(slot.name)
        if value is not None:
            hidden = f"[{kind}]" if kind is not None else text
            value = hidden if text != slot.text else self._masked(value, (), known).text
        return replace(slot, start=start, end=end, text=text, value=value)


RATER = "rater:masked"
"""The source of a label by whoever it was: ids of raters are often addresses."""

_R = TypeVar("_R", bound=Record)


def _without_rater(record: _R) -> _R:
    """A label, or a record of labels, that does not say which person it is from."""
    new: dict[str, Any] = {}
    for name in (one.name for one in fields(record)):  # type: ignore[arg-type]
        value = getattr(record, name)
        if isinstance(value, Record):
            new[name] = _without_rater(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Record):
            new[name] = tuple(map(_without_rater, value))
        elif name == "source" and value.startswith("rater:"):
            new[name] = RATER
    return replace(record, **new)  # type: ignore[type-var]


def slot_kind(name: str) -> str | None:
    """The kind of personal data that the name of a slot speaks of, or None.

    Names of people are: words for people ("contact", "doctor"), and "name" alone or with words such as "first" and
    "user". "restaurant_name" and "city_name" are none.

    Example:
        >>> slot_kind("contact_name"), slot_kind("phoneNumber"), slot_kind("restaurant_name"), slot_kind("first_name")
        ('NAME', 'PHONE', None, 'NAME')
    """
    parts = [part.lower() for part in _PART.findall(name)]
    kinds = {kind for part in parts if (kind := _BY_PART.get(part)) is not None}
    if "name" in parts and _OF_A_NAME.union(_PERSONS).issuperset(parts):
        return NAME
    return next((kind for kind in (EMAIL, PHONE, ADDRESS, NUMBER, NAME) if kind in kinds), None)


def _disjoint(text: str, found: Iterable[Edit], borders: list[int]) -> Iterator[Edit]:
    """Edits that do not overlap (who comes first has a character), cut at borders and without white space around."""
    owner = [0] * len(text)
    kinds = [""]
    for edit in found:
        kinds.append(edit.kind)
        for i in range(edit.start, edit.end):
            owner[i] = owner[i] or len(kinds) - 1
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and owner[end] == owner[start] and end not in borders:
            end += 1
        piece = text[start:end]
        if owner[start] and piece.strip():
            first = start + len(piece) - len(piece.lstrip())
            yield Edit(first, first + len(piece.strip()), kinds[owner[start]])
        start = end


def _moved(start: int, end: int, pieces: list[tuple[tuple[int, int], tuple[int, int]]]) -> tuple[int, int]:
    """A span from one text to the other, given the pieces that differ; a piece that it touches is taken whole."""
    starts = [here[0] for here, _ in pieces]

    def piece_with(position: int) -> tuple[tuple[int, int], tuple[int, int]]:
        number = bisect_right(starts, position) - 1
        return pieces[number] if number >= 0 else ((0, 0), (0, 0))

    (first, last), (new_first, new_last) = piece_with(start)
    new_start = new_first if first <= start < last else start - last + new_last
    (first, last), (new_first, new_last) = piece_with(end - 1)
    new_end = new_last if first <= end - 1 < last else end - last + new_last
    return new_start, new_end
