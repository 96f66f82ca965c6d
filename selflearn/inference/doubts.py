"""Before a log is labelled: whether it looks like the one that the model was trained on."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from selflearn.batching.presence import Presence
from selflearn.inference.labeler import Labeler
from selflearn.schema import Dialogue

log = logging.getLogger(__name__)

MOST = 500
"""Dialogues that are looked at, evenly over the log: a field that one of them has is there."""


def input_doubts(labeler: Labeler, dialogues: Sequence[Dialogue]) -> list[str]:
    """What dialogues lack that the training turns had, and times of another unit, each in a sentence.

    A field that is absent is read as missing: the labels are made, and are worse than those that were measured.

    Args:
        labeler: with the model.
        dialogues: to be labelled; up to :data:`MOST` of them are looked at.
    """
    return labeler.system.model.config.presence().differences(given_fields(dialogues))


def given_fields(dialogues: Sequence[Dialogue]) -> Presence:
    """Which fields dialogues have; up to :data:`MOST` of them are looked at, evenly."""
    looked_at = range(0, len(dialogues), max(1, -(-len(dialogues) // MOST)))
    return Presence.of(dialogues[i].observed() for i in looked_at)


def warn_of_doubts(labeler: Labeler, dialogues: Sequence[Dialogue]) -> None:
    """Log each of :func:`input_doubts` as a warning."""
    for doubt in input_doubts(labeler, dialogues):
        log.warning("the input: %s", doubt)
