"""Before a log is labelled: whether it looks like the one that the model was trained on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from selflearn.batching.presence import Presence
from selflearn.inference.labeler import Labeler
from selflearn.schema import Dialogue, ObservedDialogue

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
    return labeler.system.model.config.presence().differences(given_fields(labeler, dialogues))


def given_fields(labeler: Labeler, dialogues: Sequence[Dialogue]) -> Presence:
    """Which fields dialogues have (:func:`fields_of`); up to :data:`MOST` of them are looked at, evenly."""
    looked_at = range(0, len(dialogues), max(1, -(-len(dialogues) // MOST)))
    return fields_of(labeler, (dialogues[i] for i in looked_at))


def fields_of(labeler: Labeler, dialogues: Iterable[Dialogue]) -> Presence:
    """Which fields dialogues have for a model: of one that reads audio, no recording whose file is not there.

    Args:
        labeler: with the model, and the folder of the recordings.
        dialogues: all of them are looked at.
    """
    return Presence.of(_without_lost_recordings(labeler, dialogue.observed()) for dialogue in dialogues)


def _without_lost_recordings(labeler: Labeler, dialogue: ObservedDialogue) -> ObservedDialogue:
    collator = labeler.system.collator
    if not collator.missing_recordings(dialogue):
        return dialogue
    found, every = collator.recordings, {turn.audio for turn in dialogue.turns}
    lost = every if found is None else set(found.missing(dialogue))
    turns = tuple(replace(turn, audio=None) if turn.audio in lost else turn for turn in dialogue.turns)
    return replace(dialogue, turns=turns)


def warn_of_doubts(labeler: Labeler, dialogues: Sequence[Dialogue]) -> None:
    """Log each of :func:`input_doubts` as a warning."""
    for doubt in input_doubts(labeler, dialogues):
        log.warning("the input: %s", doubt)
