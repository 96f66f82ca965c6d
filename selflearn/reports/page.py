"""``report.html`` as one file: template, style, scripts and data put together, with nothing to fetch.

Whatever comes from a log is data: it stands as JSON in a script element that no browser runs, with every character
escaped that could end that element, and the script puts it into the page as text. A policy in the page forbids every
other script, style and connection, should that ever fail.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from selflearn._replacing import replace_text

NAME = "report.html"

_SCRIPTS = ("report.js", "charts.js", "dialogues.js", "start.js")
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")  # half a surrogate pair cannot be written as UTF-8
_PLACE = re.compile(r"\{\{(\w+)\}\}")


class ReportError(ValueError):
    """A report cannot be made: says what, where, and what to do."""


def write_page(data: Mapping[str, Any], file: Path, *, title: str) -> Path:
    """Put the page together and write it; it appears whole or not at all.

    Args:
        data: what ``report.js`` reads, see :mod:`selflearn.reports.report`.
        file: where to; its folder is made.
        title: of the page.

    Raises:
        ReportError: the file cannot be written; says where and why.
    """
    text = page(data, title=title)
    try:
        replace_text(file, text)
    except OSError as error:
        raise ReportError(f"{file} cannot be written ({error}); make room or give another folder, and run the command "
                          "again: what was computed is kept") from error  # fmt: skip
    return file


def page(data: Mapping[str, Any], *, title: str) -> str:
    """The text of the page.

    Example:
        >>> "</script><script>" in page({"title": "</script><script>alert(1)"}, title="a")
        False
    """
    style, script = _part("report.css"), "\n".join(_part(name) for name in _SCRIPTS)
    parts = {
        "title": escape(title), "style": style, "script": script, "data": script_json(data),
        "style_hash": _hash(style), "script_hash": _hash(script),
    }  # fmt: skip
    # in one pass: what is filled in is not searched for places
    return _PLACE.sub(lambda place: parts[place[1]], _part("report.html"))


def script_json(data: Any) -> str:
    r"""JSON that may stand in a script element of a page: no text in it can end the element or begin another.

    Raises:
        ValueError: a number is not finite: JSON has none such.

    Example:
        >>> script_json({"said": "</script>"})
        '{"said":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _part(name: str) -> str:
    return files("selflearn.reports").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
