"""Which dialogues a model learned from: its labels of them are righter than others, so that they are no audit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from selflearn._replacing import replacing
from selflearn.schema import Dialogue

FILE = "learned_from.npy"
"""Beside the model: 64 bits of a hash of each dialogue, sorted. It tells nothing of what was said in them."""


def write_learned_from(dialogues: Iterable[Dialogue], directory: Path) -> None:
    """Remember beside a model what it was trained and tuned on.

    Args:
        dialogues: as the model was given them, with labels or without.
        directory: of the model.
    """
    with replacing(directory / FILE) as file:
        np.save(file, np.unique(_hashes(dialogues)))


def check_not_learned_from(dialogues: Iterable[Dialogue], directory: Path) -> None:
    """Refuse dialogues that a model was trained or tuned on, as nothing about others follows from its labels of them.

    A dialogue is known again by its id and what people said in it, however the rest was read. Where nothing was
    remembered, nothing is refused.

    Args:
        dialogues: of an audit.
        directory: of the model.

    Raises:
        ValueError: the model learned from some of them; names the first.
    """
    file = directory / FILE
    if not file.is_file():
        return
    audit = list(dialogues)
    known = np.isin(_hashes(audit), np.load(file))
    if known.any():
        first = audit[int(known.argmax())]
        raise ValueError(
            f"the model was trained or tuned on {known.sum():,} of the {len(audit):,} dialogues, dialogue {first.id!r} "
            "the first of them: its labels there are righter than elsewhere, and would promise too much. Expected "
            "dialogues that it has never seen, for example split=test, or another log"
        )


def _hashes(dialogues: Iterable[Dialogue]) -> NDArray[np.uint64]:
    return np.array([_hash(dialogue) for dialogue in dialogues], dtype=np.uint64)


def _hash(dialogue: Dialogue) -> int:
    said = [dialogue.id, *(turn.request for turn in dialogue.turns)]  # not responses: a log may be read without them
    return int.from_bytes(hashlib.sha256(json.dumps(said).encode()).digest()[:8])
