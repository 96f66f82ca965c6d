"""What a labelling will be before time is spent on it: how much there is, what does not fit, how long it takes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selflearn.batching.rows import DialogueRows
from selflearn.corpora import ReadReport, load_dialogues, read_report
from selflearn.inference.doubts import warn_of_doubts
from selflearn.inference.labeler import Labeler, PreparedDialogue
from selflearn.inference.parts import check_shard_size, parts_of

SAMPLE = 32
"""Dialogues that are labelled, at most, to see how long one takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabellingPlan:
    """A labelling that was not made.

    Attributes:
        counts: ``dialogues``, ``turns``, ``tokens`` that the encoder reads, and what does not fit: ``truncated_texts``,
            ``windowed_dialogues``, ``turns_not_seen``, ``missing_recordings``.
        parts: files that will be written.
        seconds: that it will take on this machine, by the tokens of the dialogues that were tried.
        tried: how many were.
        read: what the reader of the input joined, left out and did not map.
    """

    counts: Mapping[str, int]
    parts: int
    seconds: float
    tried: int
    read: ReadReport


def plan_file(
    labeler: Labeler,
    file: str | Path,
    *,
    shard_size: int = 1000,
    corpus: str = "table",
    split: str = "all",
    cache_dir: str | Path | None = None,
    **options: object,
) -> LabellingPlan:
    """Read and count the input of :func:`~selflearn.inference.label_file`, and label a few dialogues to time them.

    The input is read once, a part at a time; nothing is written. Arguments and errors are those of ``label_file``.
    """
    check_shard_size(shard_size)
    where: dict[str, Any] = {"root": file, "split": split, "cache_dir": cache_dir, **options}
    rows, read = DialogueRows(load_dialogues(corpus, **where)), read_report(corpus, **where)
    warn_of_doubts(labeler, rows)
    parts = parts_of(read, len(rows), corpus=corpus, root=file, shard_size=shard_size, **options)
    counts: Counter[str] = Counter()
    tried = set(range(0, len(rows), max(1, -(-len(rows) // SAMPLE))))
    reading, labelling, tokens_tried = 0.0, 0.0, 0
    if tried:
        labeler.label([rows[0]])  # the first call is slower
    for start in range(0, len(rows), shard_size):
        before = time.perf_counter()
        shard = list(rows[start : start + shard_size])
        reading += time.perf_counter() - before
        prepared = labeler.prepare(shard)
        tokens = [labeler.num_tokens(one) for one in prepared]
        counts.update(_counts(prepared, tokens))
        chosen = [i for i in range(len(shard)) if start + i in tried]
        before = time.perf_counter()
        for labelled in labeler.label([shard[i] for i in chosen]):
            labeler.accept(labelled)
        labelling += time.perf_counter() - before
        tokens_tried += sum(tokens[i] for i in chosen)
    return LabellingPlan(
        counts=dict(counts), parts=len(parts), tried=len(tried), read=read,
        seconds=reading + labelling * counts["tokens"] / max(tokens_tried, 1),
    )  # fmt: skip


def _counts(prepared: list[PreparedDialogue], tokens: list[int]) -> dict[str, int]:
    return {
        "dialogues": len(prepared),
        "turns": sum(len(one.dialogue.turns) for one in prepared),
        "tokens": sum(tokens),
        "truncated_texts": sum(one.plan.truncated_texts for one in prepared),
        "windowed_dialogues": sum(one.plan.windows > 1 for one in prepared),
        "turns_not_seen": sum(len(one.dialogue.turns) - one.plan.turns_seen for one in prepared),
        "missing_recordings": sum(one.plan.missing_recordings for one in prepared),
    }
