"""Distinct texts of a batch: tokenised once, sorted into buckets of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from selflearn.batching.batch import TextBucket

# A bucket more costs a pass of the encoder and a sum over all its gradients; padding costs its tokens. With MiniLM on
# one core, in single precision, a pass costs about as much as a hundred tokens.
_PASS = 100

OnOverflow = Literal["window", "truncate", "error"]


class TooLongError(ValueError):
    """A text or a dialogue is longer than the model reads, and the caller asked for an error."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One tokenised text or pair: ids, part (1 request or single text, 2 response), and characters of part-1 tokens.

    ``types`` is what the tokenizer itself tells an encoder of the two halves (``token_type_ids``).
    ``spans`` is ``[start, end)`` for word pieces of part 1, without blanks before or after, and ``(0, 0)`` for special
    tokens, blanks and part 2.
    """

    ids: tuple[int, ...]
    parts: tuple[int, ...]
    types: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    truncated: bool


class Tokenization:
    """Tokenises texts or (request, response) pairs with a fast tokenizer, cutting at ``max_tokens``.

    Args:
        tokenizer: a fast Hugging Face tokenizer (offsets are needed).
        max_tokens: longest sequence, special tokens included.
        cache_size: how many tokenised texts are kept; people repeat themselves.

    Raises:
        ValueError: the tokenizer is not a fast one.
    """

    def __init__(self, tokenizer: Any, *, max_tokens: int, cache_size: int = 100_000) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ValueError(f"{type(tokenizer).__name__} gives no character offsets; expected a fast tokenizer")
        self.tokenizer, self.max_tokens, self._cache_size = tokenizer, max_tokens, cache_size
        self._cache: dict[str | tuple[str, str], Tokens] = {}

    def __call__(self, texts: Sequence[str | tuple[str, str]]) -> list[Tokens]:
        """Tokens of each text, in order; a text seen before is not tokenised again."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._cache]
        if len(self._cache) + len(missing) > self._cache_size:
            self._cache.clear()
            missing = list(dict.fromkeys(texts))
        if missing:
            self._cache.update(zip(missing, self._encode(missing), strict=True))
        return [self._cache[text] for text in texts]

    def _encode(self, texts: list[str | tuple[str, str]]) -> list[Tokens]:
        firsts = [text if isinstance(text, str) else text[0] for text in texts]
        seconds = None if isinstance(texts[0], str) else [text[1] for text in texts]
        # A few characters a token at the most: cutting first keeps a text of megabytes from being tokenised whole.
        enough = 40 * self.max_tokens
        cut = [len(a) > enough or (seconds is not None and len(seconds[i]) > enough) for i, a in enumerate(firsts)]
        encoded = self.tokenizer(
            [text[:enough] for text in firsts],
            None if seconds is None else [text[:enough] for text in seconds],
            truncation=True, max_length=self.max_tokens, return_offsets_mapping=True,
            return_overflowing_tokens=False, verbose=False,
        )  # fmt: skip
        return [self._tokens(encoding, firsts[i], cut[i]) for i, encoding in enumerate(encoded.encodings)]

    def _tokens(self, encoding: Any, text: str, cut: bool) -> Tokens:
        sides = encoding.sequence_ids
        second = sides.index(1) if 1 in sides else len(sides)
        # Special tokens belong to the part they close: <s> request </s> is 1, response </s> is 2.
        parts = tuple(1 if i < second else 2 for i in range(len(sides)))
        spans = tuple(
            _without_blanks(text, *span) if side == 0 else (0, 0)
            for span, side in zip(encoding.offsets, sides, strict=True)
        )
        return Tokens(tuple(encoding.ids), parts, tuple(encoding.type_ids), spans, cut or bool(encoding.overflowing))


def _without_blanks(text: str, start: int, end: int) -> tuple[int, int]:
    """A token's characters: many tokenizers (T5, ModernBERT) count the blank before a word, which no slot holds."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else (0, 0)


def make_buckets(texts: Sequence[Tokens], pad_id: int) -> tuple[list[TextBucket], np.ndarray, np.ndarray]:
    """Pad texts of similar length together.

    Returns:
        The buckets; for each text its number in bucket order, ``[U]``; and where its first token state stands when the
        states of all buckets are laid out one after the other, ``[U]``.
    """
    lengths = np.array([len(text.ids) for text in texts])
    order = np.argsort(lengths, kind="stable")
    groups = [order[start:end].tolist() for start, end in _cheapest_groups(lengths[order])]
    buckets, position, first, offset = [], np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64), 0
    position[order] = np.arange(len(texts))
    for group in groups:
        width = len(texts[group[-1]].ids)
        ids = np.full((len(group), width), pad_id, np.int64)
        parts, types = np.zeros_like(ids), np.zeros_like(ids)
        for row, i in enumerate(group):
            n = len(texts[i].ids)
            ids[row, :n], parts[row, :n], types[row, :n] = texts[i].ids, texts[i].parts, texts[i].types
            first[i] = offset + row * width
        offset += ids.size
        input_ids, in_part, token_types = map(torch.from_numpy, (ids, parts, types))
        buckets.append(TextBucket(input_ids=input_ids, parts=in_part, token_types=token_types))
    return buckets, position, first


def _cheapest_groups(lengths: np.ndarray) -> list[tuple[int, int]]:
    """Where to cut ascending lengths ``[U]``, so that padded tokens and passes cost least: ``[start, end)`` each.

    Dynamic programming over the distinct lengths: the cheapest way to pad all texts up to one of them ends with a group
    that is padded to it.
    """
    widths, counts = np.unique(lengths, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(counts)])
    cheapest, begins = np.zeros(len(ends), np.int64), np.zeros(len(ends), np.int64)
    for j, width in enumerate(widths, start=1):
        costs = cheapest[:j] + width * (ends[j] - ends[:j]) + _PASS
        begins[j] = costs.argmin()
        cheapest[j] = costs[begins[j]]
    groups, j = [], len(ends) - 1
    while j:
        groups.append((int(ends[begins[j]]), int(ends[j])))
        j = int(begins[j])
    return groups[::-1]
