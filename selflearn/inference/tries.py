"""Which promises were asked of an audit before: a second choice from the same labels spends their confidence again.

An audit that is enlarged is the old one too: who sees that nothing is accepted, labels more and certifies all of them
has chosen twice. So audits are told apart by their dialogues alone, and count together where they share one: whoever
reads them by other columns or as another split, computes in bfloat16, corrects labels or calibrates or trains the model
anew has seen what came of them before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from selflearn._replacing import replace_text
from selflearn.schema import Dialogue

FILE = "audits.json"
"""Beside the model: the dialogues of each try, and what was asked of them."""

Audit = frozenset[str]
"""The dialogues of an audit, a few letters each."""


HASHES = {"model": "another model, calibration or precision", "log": "other labels, or read otherwise"}
"""Of what is asked, what no reader of a message knows by its value, and what a difference means: the fingerprint of the
model, and the digest of the log."""


class _Try(TypedDict):
    dialogues: list[str]
    asked: dict[str, Any]


def audit_of(dialogues: Iterable[Dialogue]) -> Audit:
    """The dialogues of an audit: they are known by their id and what people said, however the rest was read."""
    return frozenset(
        hashlib.sha256(json.dumps([one.id, *(turn.request for turn in one.turns)]).encode()).hexdigest()[:12]
        for one in dialogues
    )


def number_of_try(directory: Path, audit: Audit, asked: Mapping[str, Any], *, again: bool) -> int:
    """Whether these settings are the first that are asked of an audit (1), or the second, and so on.

    Args:
        directory: of the model.
        audit: from :func:`audit_of`.
        asked: all that decides what is promised: settings, and the hashes of :data:`HASHES`.
        again: whether another choice than before is meant.

    Raises:
        ValueError: some of the dialogues were audited before, or other settings were asked of them, and ``again`` is
            not set; or the file is damaged.
    """
    tries = [one for one in _read(directory) if not audit.isdisjoint(one["dialogues"])]
    for number, one in enumerate(tries, start=1):
        if audit == frozenset(one["dialogues"]) and one["asked"] == dict(asked):
            return number
    if tries and not again:
        last = tries[-1]
        shared = len(audit.intersection(last["dialogues"]))
        changed = ", ".join(HASHES.get(name, f"{name}={last['asked'].get(name)}") for name in asked
                            if asked[name] != last["asked"].get(name))  # fmt: skip
        which = "these dialogues" if shared == len(audit) else f"{shared:,} of these {len(audit):,} dialogues"
        how = f", with {changed}" if changed else ", among others"
        raise ValueError(
            f"{which} have been audited before{how}: a second choice from the same labels spends their confidence "
            "again. Audit other dialogues, or give again=true, and the promises say so"
        )
    return len(tries) + 1


def note_try(directory: Path, audit: Audit, asked: Mapping[str, Any]) -> None:
    """Remember what was asked of an audit."""
    tries = _read(directory)
    this: _Try = {"dialogues": sorted(audit), "asked": dict(asked)}
    if this not in tries:
        replace_text(directory / FILE, json.dumps([*tries, this]) + "\n")


def _read(directory: Path) -> list[_Try]:
    file = directory / FILE
    if not file.is_file():
        return []
    try:
        found: list[_Try] = json.loads(file.read_text("utf-8"))
        if not isinstance(found, list) or not all(map(_is_try, found)):
            raise ValueError("it does not list tries")
        return found
    except ValueError as error:
        what_to_do = "an undamaged file; without it nobody knows what was asked of audits before"
        raise ValueError(f"{file} cannot be read ({error}); expected {what_to_do}") from error


def _is_try(one: object) -> bool:
    return isinstance(one, dict) and {"dialogues", "asked"} <= one.keys()
