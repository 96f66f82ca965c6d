"""What tells one stage of training from another: only the same one goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

import torch
from torch import nn

from selflearn.batching.rows import DialogueRows
from selflearn.schema import Dialogue

_SCORE = re.compile(r'"(success_)?score": [^,}]*')


def stage_identity(model: nn.Module, dialogues: Sequence[Dialogue], **settings: object) -> str:
    """What a stage trains, on what and how, in a few letters: a stage goes on only where all of that is the same.

    Args:
        model: as it is before the stage.
        dialogues: that it learns from, with their labels.
        settings: everything else that decides what is learned, the seed among it.
    """
    known = hashlib.sha256(json.dumps({name: repr(value) for name, value in settings.items()}).encode())
    if isinstance(dialogues, DialogueRows):
        known.update(dialogues.fingerprint.encode())
    else:
        for dialogue in dialogues:
            known.update(_content(dialogue).encode())
    for name, value in model.state_dict().items():
        known.update(name.encode())
        known.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return known.hexdigest()[:16]


def _content(dialogue: Dialogue) -> str:
    """All that a dialogue says but the scores of labels: estimated ones may differ elsewhere, in their last digits."""
    row = dialogue.to_dict()
    labels = _SCORE.sub("", json.dumps(row.pop("labels")))
    return json.dumps(row) + labels
