"""Which promises were asked of an audit before: a second choice from the same labels spends their confidence again.

An audit that is enlarged is the old one too: who sees that nothing is accepted, labels more and certifies all of them
has chosen twice. So audits are told apart by their dialogues, and count together where they share one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from selflearn._replacing import replace_text
from selflearn.batching.rows import DialogueRows

FILE = "audits.json"
"""Beside the model: by its fingerprint, the dialogues and the settings of each try."""

Audit = frozenset[str]
"""The dialogues of an audit, a few letters each."""


class _Try(TypedDict):
    dialogues: list[str]
    asked: dict[str, Any]


def audit_of(dialogues: DialogueRows) -> Audit:
    """The dialogues of an audit; they are known by corpus, split and id."""
    columns = dialogues.dataset.select_columns(["corpus", "split", "id"])
    return frozenset(
        hashlib.sha256(json.dumps([row["corpus"], row["split"], row["id"]]).encode()).hexdigest()[:12]
        for row in columns
    )


def number_of_try(directory: Path, audit: Audit, asked: Mapping[str, Any], *, model: str, again: bool) -> int:
    """Whether these settings are the first that are asked of an audit (1), or the second, and so on.

    Args:
        directory: of the model.
        audit: from :func:`audit_of`.
        asked: settings that decide what is promised.
        model: its fingerprint.
        again: whether another choice than before is meant.

    Raises:
        ValueError: some of the dialogues were audited before, or other settings were asked of them, and ``again`` is
            not set; or the file is damaged.
    """
    tries = [one for one in _read(directory).get(model, []) if not audit.isdisjoint(one["dialogues"])]
    for number, one in enumerate(tries, start=1):
        if audit == frozenset(one["dialogues"]) and one["asked"] == dict(asked):
            return number
    if tries and not again:
        last = tries[-1]
        shared = len(audit.intersection(last["dialogues"]))
        changed = ", ".join(f"{name}={last['asked'].get(name)}" for name in asked
                            if asked[name] != last["asked"].get(name))  # fmt: skip
        which = "these dialogues" if shared == len(audit) else f"{shared:,} of these {len(audit):,} dialogues"
        how = f", with {changed}" if changed else ", among others"
        raise ValueError(
            f"{which} have been audited before{how}: a second choice from the same labels spends their confidence "
            "again. Audit other dialogues, or give again=true, and the promises say so"
        )
    return len(tries) + 1


def note_try(directory: Path, audit: Audit, asked: Mapping[str, Any], *, model: str) -> None:
    """Remember what was asked of an audit."""
    known = _read(directory)
    tries = known.setdefault(model, [])
    this: _Try = {"dialogues": sorted(audit), "asked": dict(asked)}
    if this not in tries:
        tries.append(this)
        replace_text(directory / FILE, json.dumps(known) + "\n")


def _read(directory: Path) -> dict[str, list[_Try]]:
    file = directory / FILE
    if not file.is_file():
        return {}
    try:
        found: dict[str, list[_Try]] = json.loads(file.read_text("utf-8"))
        if not all(isinstance(tries, list) and all(map(_is_try, tries)) for tries in found.values()):
            raise ValueError("it does not list the tries of each model")
        return found
    except (ValueError, AttributeError) as error:
        what_to_do = "an undamaged file; without it nobody knows what was asked of audits before"
        raise ValueError(f"{file} cannot be read ({error}); expected {what_to_do}") from error


def _is_try(one: object) -> bool:
    return isinstance(one, dict) and {"dialogues", "asked"} <= one.keys()
