"""What every record class is: checked when made, and turned into plain data and back without loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from selflearn import _codec
from selflearn._codec import RecordError

if TYPE_CHECKING:
    from datasets import Features

T = TypeVar("T")


class Record:
    """Base of the record classes: checks on construction, conversion to and from plain data."""

    __slots__ = ()

    def __post_init__(self) -> None:
        _codec.check_fields(self)
        self._check()

    def _check(self) -> None:
        """Raise :class:`RecordError` where fields contradict each other; types have been checked already."""

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings, numbers and None; loses nothing."""
        return _codec.encode(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, file: str | None = None, row: int | str | None = None) -> Self:
        """Read what :meth:`to_dict` wrote; absent fields take their defaults, unknown ones are refused.

        Args:
            data: the plain dictionary.
            file: where it came from, for the error message.
            row: its line or row there, for the error message.

        Raises:
            RecordError: a field is missing, unknown, of the wrong type, or contradicts another.
        """
        try:
            return _codec.decode(cls, data)  # type: ignore[no-any-return]
        except RecordError as error:
            raise error.at(file=file, row=row) from None

    @classmethod
    def features(cls) -> Features:
        """The same fields as ``datasets.Features``."""
        return _codec.features(cls)


def require(ok: bool, name: str, value: object, expected: str) -> None:
    """Raise :class:`RecordError` unless ``ok``.

    Raises:
        RecordError: it is not.
    """
    if not ok:
        raise RecordError(name, value, expected)


def require_span(start: int, end: int) -> None:
    """Raise :class:`RecordError` unless ``[start, end)`` is a span that holds something."""
    require(start >= 0, "start", start, "0 or more")
    require(end > start, "end", end, f"more than start ({start})")


def check_source(source: str) -> None:
    """Raise :class:`RecordError` unless a label's source is one of the four kinds."""
    known = source in ("gold", "feedback", "model") or (source.startswith("rater:") and len(source) > len("rater:"))
    require(known, "source", source, "'gold', 'feedback', 'model' or 'rater:ID'")


def check_score(score: float | None) -> None:
    """Raise :class:`RecordError` unless a score is a probability or nothing."""
    require(score is None or 0 <= score <= 1, "score", score, "a probability in [0, 1], or nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Record, Generic[T]):
    """A value with where it comes from (gold, feedback, model, rater:ID) and how sure that is.

    Attributes:
        value: what is said.
        source: who says it.
        score: probability that it is right, from a model; of several raters, that others like them would say the same.
    """

    value: T
    source: str = "gold"
    score: float | None = None

    def _check(self) -> None:
        check_source(self.source)
        check_score(self.score)
