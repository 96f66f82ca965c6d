"""Words: where they end, and hashed n-grams of them, which are the wide part of the turn's input."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

_WORD = re.compile(r"\w+|[^\w\s]")  # of n-grams: models have learned their numbers

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana and Chinese characters: written without blanks, any of them may end a word."""
_MARKS = "\u200c\u200d" + "".join(c for c in map(chr, range(0x300, 0x11000)) if unicodedata.category(c)[0] == "M")
"""Accents and vowel signs that are written with the letter before them, and joiners: no word begins with one."""
_INSIDE = re.sub(f"[{_UNSPACED}\ufe00-\ufe0f]", "", _MARKS)
"""Marks inside words of scripts that have blanks between these; the last sixteen choose between forms of emoji."""
_MARK, _LETTER = re.compile(f"[{_MARKS}]"), re.compile(rf"[^\W_{_UNSPACED}]|[{_INSIDE}]")

SPOKEN = rf"[{_UNSPACED}][{_MARKS}]*|(?:[^\W{_UNSPACED}]|[{_INSIDE}])+"
"""A regular expression of one word, or one character of a script without blanks."""

WORD = rf"{SPOKEN}|[^\w\s]"
"""The same, or one mark of punctuation: question marks and words of one letter carry much here."""


def in_one_word(character: str, following: str) -> bool:
    """Whether no word can end between two characters that stand together.

    Example:
        >>> in_one_word("a", "b"), in_one_word("a", "-"), in_one_word("\u97f3", "\u4e50"), in_one_word("e", "\u0301")
        (True, False, False, True)
    """
    return bool(_MARK.match(following) or (_LETTER.match(character) and _LETTER.match(following)))


def whole_words(words: str) -> str:
    """A regular expression for a text where it begins and ends with a word.

    Example:
        >>> re.search(whole_words("art"), "start the art show").span()
        (10, 13)
    """
    before, after = (
        "" if re.match(f"[{_UNSPACED}]", edge) else rf"[^\W{_UNSPACED}]" for edge in (words[:1], words[-1:])
    )
    return (f"(?<!{before})" if before else "") + re.escape(words) + (f"(?!{after})" if after else "")


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
