"""Which promises were asked of an audit before: a second choice from the same labels spends their confidence again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selflearn._replacing import replacing
from selflearn.batching.rows import DialogueRows

FILE = "audits.json"
"""Beside the model: by fingerprint and by audit the settings of each try."""


def audit_of(dialogues: DialogueRows) -> str:
    """A few letters for the dialogues of an audit; they are known by corpus, split and id."""
    columns = dialogues.dataset.select_columns(["corpus", "split", "id"])
    keys = sorted([row["corpus"], row["split"], row["id"]] for row in columns)
    return hashlib.sha256(json.dumps(keys).encode()).hexdigest()[:16]


def number_of_try(directory: Path, audit: str, asked: Mapping[str, Any], *, model: str, again: bool) -> int:
    """Whether these settings are the first that are asked of an audit (1), or the second, and so on.

    Args:
        directory: of the model.
        audit: from :func:`audit_of`.
        asked: settings that decide what is promised.
        model: its fingerprint.
        again: whether other settings than before are meant.

    Raises:
        ValueError: others were asked before, and ``again`` is not set; or the file is damaged.
    """
    tries = _read(directory).get(model, {}).get(audit, [])
    if dict(asked) in tries:
        return tries.index(dict(asked)) + 1
    if tries and not again:
        last = tries[-1]
        changed = ", ".join(f"{name}={last.get(name)}" for name in asked if asked[name] != last.get(name))
        raise ValueError(
            f"these dialogues have been audited before, with {changed}: a second choice from the same labels spends "
            "their confidence again. Audit other dialogues, or give again=true, and the promises say so"
        )
    return len(tries) + 1


def note_try(directory: Path, audit: str, asked: Mapping[str, Any], *, model: str) -> None:
    """Remember what was asked of an audit."""
    known = _read(directory)
    tries = known.setdefault(model, {}).setdefault(audit, [])
    if dict(asked) not in tries:
        tries.append(dict(asked))
        with replacing(directory / FILE) as written:
            written.write((json.dumps(known, indent=1) + "\n").encode())


def _read(directory: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    file = directory / FILE
    if not file.is_file():
        return {}
    try:
        found: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(file.read_text("utf-8"))
        return found
    except ValueError as error:
        what_to_do = "an undamaged file; without it nobody knows what was asked of audits before"
        raise ValueError(f"{file} cannot be read ({error}); expected {what_to_do}") from error
