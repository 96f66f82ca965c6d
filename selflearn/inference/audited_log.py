"""Which log an audit was of: what a promise speaks of, and what tells it from a promise of another log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from selflearn.batching.rows import DialogueRows
from selflearn.corpora import log_name


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedLog:
    """A log that people labelled.

    Attributes:
        name: of its file or folder, or of the release (:func:`~selflearn.corpora.log_name`).
        split: of it that was read.
        digest: hash of its files and of how they were read; not of where they lie.
    """

    name: str
    split: str
    digest: str

    @classmethod
    def of(cls, dialogues: DialogueRows, *, corpus: str, root: str | Path, split: str) -> Self:
        """The log that dialogues were read from.

        Args:
            dialogues: of :func:`~selflearn.corpora.load_dialogues` with the other arguments.
            corpus: the reader.
            root: the file or the folder.
            split: of it.
        """
        return cls(name=log_name(corpus, root), split=split, digest=dialogues.dataset._fingerprint)

    def __str__(self) -> str:
        """Name, split and the first letters of the digest."""
        split = "" if self.split == "all" else f", split `{self.split}`"
        return f"the log `{self.name}`{split} (digest {self.digest[:12]})"
