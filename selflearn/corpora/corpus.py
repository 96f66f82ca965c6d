"""What a corpus is: a release directory, its splits, and a reader that turns it into dialogues and counts what it did.

A new corpus is one file in this package that sets ``CORPUS`` to a :class:`Corpus`; in another package it is such an
object, or its class, behind an entry point of the group ``selflearn.corpora``.
"""

from __future__ import annotations

import json
import re
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self

from selflearn.schema import Dialogue, RecordError

EXAMPLES = 5
"""How many places a report keeps for each kind of event."""


class CorpusError(ValueError):
    """A corpus cannot be read: unknown, not there, another corpus, or a damaged file. Says what to do about it."""


@dataclass(slots=True)
class ReadReport:
    """What a reader did with a split: how many of each thing it read, joined, left out or could not use.

    Attributes:
        corpus: name of the corpus.
        split: name of the split.
        counts: number by event, for example ``{"dialogues": 12, "dropped/fewer_than_2_utterances": 1}``; everything
            that was left out begins with ``dropped/``.
        examples: the first few places (dialogue ids, file:row) of each event that has places.
        files: dialogues of each file, in reading order; empty where the dialogues of a corpus are no file's own.
    """

    corpus: str
    split: str
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    files: list[int] = field(default_factory=list)

    def add(self, event: str, number: int = 1, *, where: object = None) -> None:
        """Count ``number`` more of ``event``; ``where`` is kept while there are fewer than five places."""
        if number:
            self.counts[event] = self.counts.get(event, 0) + number
            places = self.examples.setdefault(event, []) if where is not None else None
            if places is not None and len(places) < EXAMPLES:
                places.append(str(where))

    @property
    def dropped(self) -> dict[str, int]:
        """The part of ``counts`` that says what was left out."""
        return {event: n for event, n in self.counts.items() if event.startswith("dropped/")}

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "corpus": self.corpus, "split": self.split, "counts": self.counts, "examples": self.examples,
            "files": self.files,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        return cls(**data)

    def __str__(self) -> str:
        """One line an event, with its first places."""
        lines = [f"{self.corpus} ({self.split})"]
        for event, number in self.counts.items():
            places = ", ".join(self.examples.get(event, ()))
            lines.append(f"  {event}: {number:,}" + (f" (first: {places})" if places else ""))
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class Corpus(ABC):
    """A corpus in the layout of its original release. Subclasses add their options as dataclass fields.

    Attributes:
        name: as in ``load_dialogues(name, ...)``; the name of the module, for those of this package.
        version: of the reader; raise it when the same files give other records, so that caches are made anew.
        splits: what each split is; empty where any name goes.
        source: where the release is to be had, and what to put where; shown when it is missing.
        checks_ids: whether the reader itself refuses an id that is used twice, at its row; else it is done for it.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    splits: ClassVar[Mapping[str, str]]
    source: ClassVar[str]
    checks_ids: ClassVar[bool] = False

    @abstractmethod
    def files(self, root: Path, split: str) -> list[Path]:
        """Every file that the records of this split depend on, in reading order.

        Raises:
            CorpusError: the split is not there or the directory is not this release.
        """

    @abstractmethod
    def read(self, root: Path, split: str, report: ReadReport) -> Iterator[Dialogue]:
        """Yield the dialogues of a split in the order of the release, a file at a time, counting into ``report``.

        Raises:
            CorpusError: as :meth:`files`, or a file is damaged.
            RecordError: a value breaks the record contract.
        """

    def missing(self, what: str) -> NoReturn:
        """Raise the error for a release, or a part of one, that is not there.

        Raises:
            CorpusError: always; says what is missing and where the release is from.
        """
        raise CorpusError(f"{self.name}: {what}. {self.source}")

    def not_this_corpus(self, root: Path, expected: str) -> NoReturn:
        """Raise the error for a directory that holds something else, or a root that is a file.

        Raises:
            CorpusError: always; says what was expected and what is there.
        """
        if not root.is_dir():
            raise CorpusError(
                f"{self.name}: the root {root} is a file; expected the folder of the {self.name} release, with "
                f"{expected}. {self.source}"
            )
        held = sorted(path.name for path in root.iterdir())[:8]
        inside = f"; perhaps {root / self.name} is meant" if (root / self.name).is_dir() else ""
        raise CorpusError(
            f"{self.name}: {root} is not the {self.name} release: expected {expected}, found "
            f"{', '.join(held) or 'nothing'}{inside}. {self.source}"
        )


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        CorpusError: the file is empty, not UTF-8 or not JSON; names the file and the position.
    """
    try:
        return parsed_json(path.read_bytes())
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 text at byte {error.start}; get the file again") from error
    except json.JSONDecodeError as error:
        raise CorpusError(
            f"{path}: not valid JSON at line {error.lineno}, column {error.colno} (character {error.pos} of "
            f"{len(error.doc)}): {error.msg}; the file is empty, cut short or damaged: get it again"
        ) from error


def parsed_json(data: str | bytes) -> Any:
    """``json.loads``, with its own error for what is JSON and cannot be read all the same.

    Raises:
        UnicodeDecodeError: bytes are not UTF-8.
        json.JSONDecodeError: not JSON, brackets that are nested too deeply, a number of too many digits, or an object
            that has a key twice, of which Python would keep the last value.
    """
    try:
        return json.loads(data, object_pairs_hook=_object)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except _TwiceError as error:
        text, quoted = _text(data), json.dumps(error.key, ensure_ascii=False)
        place = max(text.find(quoted, text.find(quoted) + 1), 0)
        raise json.JSONDecodeError(f"an object has the key {quoted} twice", text, place) from None
    except RecursionError:
        text = _text(data)
        raise json.JSONDecodeError("lists and objects are nested too deeply", text, 0) from None
    except ValueError:  # Python's only other one: a whole number that it does not convert
        text, most = _text(data), sys.get_int_max_str_digits()
        found = re.search(rf"\d{{{most + 1}}}", text)
        raise json.JSONDecodeError(
            f"a number of more than {most} digits", text, found.start() if found else 0
        ) from None


class _TwiceError(Exception):
    """An object has a key twice."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(key for key, _ in pairs)
        raise _TwiceError(next(key for key in times if times[key] > 1))
    return found


def _text(data: str | bytes) -> str:
    return data if isinstance(data, str) else data.decode(json.detect_encoding(data), "replace")


@contextmanager
def reading(file: Path, row: object) -> Iterator[None]:
    """Add the file and the row (dialogue id, line) to errors, and name the field where the layout is another one.

    Raises:
        RecordError: a value breaks the record contract, or the layout is another one; with file and row.
        CorpusError: as it was raised inside.
    """
    place = str(row)
    try:
        yield
    except RecordError as error:
        raise error.at(file=str(file), row=place) from None
    except KeyError as error:
        expected = "a field of the original release: is this another corpus or version?"
        raise RecordError(str(error.args[0]), "absent", expected, file=str(file), row=place) from error
    except CorpusError:
        raise
    except (TypeError, AttributeError, IndexError, ValueError, OverflowError) as error:
        expected = f"the layout of the original release ({error}): is this another corpus or version?"
        raise RecordError("dialogue", "something else", expected, file=str(file), row=place) from error
