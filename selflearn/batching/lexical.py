"""Hashed word n-grams: the wide part of the turn's input, what a bag of words would read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

_WORD = re.compile(r"\w+|[^\w\s]")


@lru_cache(maxsize=200_000)
def hashed_ngrams(text: str, buckets: int) -> tuple[int, ...]:
    """Numbers in ``[0, buckets)`` of the distinct word 1-grams and 2-grams of a text, in order of first occurrence.

    CRC-32 is used because it is the same in every process and release (Python's ``hash`` is not).

    Example:
        >>> len(hashed_ngrams("play some jazz", 1024))  # three words, and four pairs with the edges
        7
    """
    words = ["^", *_WORD.findall(text.lower()), "$"]
    grams: Iterable[str] = [*words[1:-1], *(f"{a} {b}" for a, b in pairwise(words))]
    return tuple(dict.fromkeys(crc32(gram.encode()) % buckets for gram in grams))
