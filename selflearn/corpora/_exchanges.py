"""From the utterances of two sides to turns: a turn is what the person says until the assistant has answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from selflearn.schema import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What one side said at once; readers add the fields that they need."""

    by_user: bool
    text: str


U = TypeVar("U", bound=Utterance)


def exchanges(said: Iterable[U]) -> list[list[U]]:
    """Utterances in order, cut before each one by the person that follows one by the assistant.

    Example:
        >>> hello = Utterance(by_user=False, text="Hello")
        >>> ask = Utterance(by_user=True, text="Lights on")
        >>> [len(exchange) for exchange in exchanges([hello, ask, ask, hello])]
        [1, 3]
    """
    found: list[list[U]] = []
    for utterance in said:
        if not found or (utterance.by_user and not found[-1][-1].by_user):
            found.append([])
        found[-1].append(utterance)
    return found


def turn_of(exchange: Sequence[Utterance], *, seconds: float | None = None) -> Turn:
    """One exchange as a turn; utterances of one side are joined with a blank, and the joins counted."""
    requests = [utterance.text for utterance in exchange if utterance.by_user]
    responses = [utterance.text for utterance in exchange if not utterance.by_user]
    return Turn(
        request=" ".join(requests) if requests else None,
        response=" ".join(responses) if responses else None,
        seconds=seconds,
        joins=len(exchange) - bool(requests) - bool(responses),
    )
