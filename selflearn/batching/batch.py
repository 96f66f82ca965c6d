"""The tensors of a batch of dialogues.

Letters of shapes, here and in all packages; what has none is spelled out.

Of a batch: ``D`` dialogues, ``T`` turns of the longest one, ``U`` distinct texts of a bucket, ``L`` tokens of the
longest text of it, ``P`` vectors of a text (1, or 2 where it is a pair), ``V`` distinct utterances, ``K`` entries of an
n-best list, ``O`` neighbours that these are compared with, ``I`` intents of the assistant, ``C`` names of a task, ``Q``
turns whose response is hidden.

Widths: ``H`` of the turn encoder, ``M`` of the dialogue encoder, ``X`` of the vector of an utterance's n-grams.

Of what stands one after the other: ``N`` things that are listed (in a batch request tokens, in a table items), ``W``
words, ``F`` features of a row that a linear system reads.

Of metrics and of audits: ``G`` dialogues, one group of items each, ``S`` sums that a dialogue adds to a metric, ``R``
resamples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

Targets = dict[str, Tensor]


class Movable:
    """Moves every tensor of a dataclass to a device, also those inside tuples and dictionaries."""

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """The same values on ``device``."""
        moved = {f.name: _move(getattr(self, f.name), device, non_blocking) for f in fields(self)}  # type: ignore[arg-type]
        return replace(self, **moved)  # type: ignore[type-var]

    def pin_memory(self) -> Self:
        """The same values in page-locked memory (called by a ``DataLoader`` with ``pin_memory=True``)."""
        moved = {f.name: _pin(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]
        return replace(self, **moved)  # type: ignore[type-var]


def _move(value: Any, device: torch.device | str, non_blocking: bool) -> Any:
    if isinstance(value, Tensor | Movable):
        return value.to(device, non_blocking=non_blocking)
    if isinstance(value, tuple):
        return tuple(_move(item, device, non_blocking) for item in value)
    if isinstance(value, Mapping):
        return {key: _move(item, device, non_blocking) for key, item in value.items()}
    return value


def _pin(value: Any) -> Any:
    if isinstance(value, Tensor | Movable):
        return value.pin_memory()
    if isinstance(value, tuple):
        return tuple(_pin(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _pin(item) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBucket(Movable):
    """Texts of similar length, padded together.

    Attributes:
        input_ids: ``[U, L]``.
        parts: ``[U, L]``; 0 padding, 1 tokens of the text (in pair mode of the request), 2 tokens of the response.
        token_types: ``[U, L]``; the tokenizer's own ``token_type_ids``, 0 on padding.
    """

    input_ids: Tensor
    parts: Tensor
    token_types: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundBucket(Movable):
    """Pieces of recordings that a pretrained audio encoder reads together (:mod:`selflearn.batching.sounds`).

    Attributes:
        inputs: as its feature extractor makes them, ``[pieces, ...]``.
        mask: what is no padding, ``[pieces, samples]``; None where nothing is padded.
        recordings: number of the recording that each piece is of, ``[pieces]``.
    """

    inputs: Tensor
    mask: Tensor | None
    recordings: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureValues(Movable):
    """Features of every turn; where a mask is False the value is meaningless and the learned "missing" is used.

    Attributes:
        categorical: ``[D, T, names]`` value numbers, 0 = missing, 1 = a value that training never saw.
        numeric: ``[D, T, names]`` transformed values; ``numeric_mask`` the same shape, bool.
        audio: ``[D, T, width]`` or None; ``audio_mask`` ``[D, T]``.
        sounds: the recordings, for a pretrained audio encoder, which makes ``audio`` of them.
        sound_index: recording of each turn, ``[D, T]``, -1 where there is none; None without such an encoder.
    """

    categorical: Tensor
    numeric: Tensor
    numeric_mask: Tensor
    audio: Tensor | None = None
    audio_mask: Tensor | None = None
    sounds: tuple[SoundBucket, ...] = ()
    sound_index: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings(Movable):
    """What the assistant understood (:class:`~selflearn.batching.readings.ReadingVocabulary`).

    Attributes:
        intents: ``[D, T, I, 2]``: evidence of each intent in [0, 1], and 1 for the best of the n-best list.
        token_slots: slot that the assistant took each request token for, ``[N]``; 0 = none.
    """

    intents: Tensor
    token_slots: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class NBest(Movable):
    """The recogniser's n-best lists (:func:`selflearn.batching.nbest.encode_nbest`).

    Attributes:
        known: ``[D, T, K]``, False where there is no entry; ``K`` is 0 where no task reads them.
        scores: of the entries, ``[D, T, K]``, NaN where unknown.
        likeness: to the requests of the turns around, less that of the first entry, ``[D, T, K, O]``; 0 where there is
            no such request.
    """

    known: Tensor
    scores: Tensor
    likeness: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueBatch(Movable):
    """A batch of dialogues as tensors; holds no label outside ``targets``.

    Attributes:
        buckets: the distinct texts; together they number ``sum(U)`` texts in order.
        text_index: text of each turn, ``[D, T, 2]`` (request, response) or ``[D, T]`` (pairs); -1 where there is none.
        ngrams: hashed word n-grams of the distinct utterances, ``[n-grams]``, utterance after utterance.
        ngram_starts: where each utterance begins in ``ngrams``, ``[V]``.
        utterance_index: utterance of each turn and side, ``[D, T, 2]``; -1 where there is none.
        turn_mask: ``[D, T]``, False on padding.
        seconds: since the start of the dialogue, ``[D, T]``, NaN where unknown.
        features: categorical, numeric and audio features.
        token_index: for each request token its place among all ``sum(U * L)`` token states, ``[N]``.
        token_turn: for each request token its turn, as ``dialogue * T + turn``, ``[N]``.
        token_spans: for each request token its characters ``[start, end)``, ``[N, 2]``.
        nbest: what else the recogniser may have heard.
        readings: how the assistant understood each turn.
        targets: per task what its head is trained on; empty when labelling.
    """

    buckets: tuple[TextBucket, ...]
    text_index: Tensor
    ngrams: Tensor
    ngram_starts: Tensor
    utterance_index: Tensor
    turn_mask: Tensor
    seconds: Tensor
    features: FeatureValues
    token_index: Tensor
    token_turn: Tensor
    token_spans: Tensor
    nbest: NBest
    readings: Readings
    targets: Mapping[str, Targets]

    @property
    def num_turns(self) -> int:
        """``T``, padding included."""
        return self.turn_mask.shape[1]

    @property
    def lengths(self) -> Tensor:
        """Turns of each dialogue, ``[D]``."""
        return self.turn_mask.sum(1)

    @property
    def num_tokens(self) -> int:
        """Tokens of the distinct texts, padding included: what the turn encoder has to read."""
        return sum(bucket.input_ids.numel() for bucket in self.buckets)


def token_runs(token_turn: Tensor) -> dict[int, slice]:
    """Where the request tokens of each turn stand, by the number of the turn; turns without any are left out.

    Args:
        token_turn: turn of each token, as ``dialogue * T + turn``, tokens of a turn standing together, ``[N]``.

    Example:
        >>> token_runs(torch.tensor([0, 0, 3]))
        {0: slice(0, 2, None), 3: slice(2, 3, None)}
    """
    turns, lengths = torch.unique_consecutive(token_turn.cpu(), return_counts=True)
    ends = lengths.cumsum(0)
    places = zip(turns.tolist(), (ends - lengths).tolist(), ends.tolist(), strict=True)
    return {turn: slice(start, end) for turn, start, end in places}
