"""Offsets as browsers count them: in UTF-16 units, of which a character beyond U+FFFF (an emoji) has two."""

from __future__ import annotations

import re

_TWO_UNITS = re.compile("[\U00010000-\U0010ffff]")


def to_units(text: str, offset: int) -> int:
    r"""A count of characters as a count of UTF-16 units.

    Example:
        >>> to_units("a\U0001f3b5b", 2)
        3
    """
    return len(text[:offset].encode("utf-16-le")) // 2


def from_units(text: str, units: int) -> int:
    """A count of UTF-16 units as a count of characters.

    Raises:
        ValueError: there are not so many, or the offset is inside a character.
    """
    encoded = text.encode("utf-16-le")
    if not 0 <= units * 2 <= len(encoded):
        raise ValueError(f"offset {units} is outside of the text, which has {len(encoded) // 2} UTF-16 units")
    try:
        return len(encoded[: units * 2].decode("utf-16-le"))
    except UnicodeDecodeError as error:
        raise ValueError(f"offset {units} is inside a character") from error


def one_unit_each(text: str) -> str:
    r"""The text with U+FFFD for every character of two units: offsets in it mean the same however they are counted.

    Example:
        >>> one_unit_each("a\U0001f3b5b") == "a\ufffdb"
        True
    """
    return _TWO_UNITS.sub("\ufffd", text)
