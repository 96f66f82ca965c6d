"""Transcript: what was really said? One of the recogniser's hypotheses, or a request that came later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import pandas as pd
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn
from torch.nn import functional

from selflearn.batching.batch import DialogueBatch, Targets
from selflearn.encoders.dialogue import shift_turns
from selflearn.metrics import catalogue
from selflearn.metrics.items import ItemTable
from selflearn.schema import Dialogue, ObservedDialogue, Turn, TurnLabels
from selflearn.tasks.base import EncodedBatch, StateSizes, Task, domains_by_turn
from selflearn.tasks.prediction import DialoguePrediction, Thresholds

NO_TARGET = -100

HYPOTHESES, LATER = 5, 2
"""How many entries of the n-best list, and how many later requests, are candidates."""


class TranscriptHead(nn.Module):
    """Scores candidates against the state of the turn: entries of the n-best list, and the requests that come next.

    A causal model, and one without context, do not see the later requests.
    """

    def __init__(self, sizes: StateSizes, *, dropout: float) -> None:
        super().__init__()
        self.turn, self.text = nn.Linear(sizes.turn, sizes.turn), nn.Linear(sizes.token, sizes.turn)
        self.kind = nn.Parameter(torch.randn(HYPOTHESES + LATER, sizes.turn) * 0.02)
        self.confidence = nn.Linear(2, sizes.turn)
        self.score = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(sizes.turn, 1))

    def forward(self, encoded: EncodedBatch) -> Tensor:
        """Logits of the candidates, ``[D, T, 5 + 2]``; the least number where there is none."""
        batch = encoded.inputs
        num_heard = batch.hypothesis_index.shape[2]
        missing = HYPOTHESES - num_heard
        later_ok = encoded.context and not encoded.causal
        asked = batch.utterance_index[:, :, :1] >= 0
        later = [shift_turns(encoded.texts[:, :, 0], offset) for offset in range(1, LATER + 1)]
        vectors = torch.cat(
            [
                functional.pad(encoded.hypotheses, (0, 0, 0, missing)),
                torch.stack(later, 2).to(encoded.hypotheses.dtype),
            ],
            2,
        )
        there = [shift_turns(asked.float(), offset)[..., 0] > 0 for offset in range(1, LATER + 1)]
        known = torch.cat(
            [functional.pad(batch.hypothesis_index >= 0, (0, missing)), torch.stack(there, 2) & later_ok], 2
        )
        scores = functional.pad(batch.hypothesis_scores, (0, missing + LATER), value=float("nan"))
        numbers = torch.stack([torch.logit(scores.clamp(1e-4, 1 - 1e-4)), torch.ones_like(scores)], -1)
        numbers = torch.where(scores.isnan()[..., None], torch.zeros_like(numbers), numbers)
        states = self.turn(encoded.turns)[:, :, None] + self.text(vectors) + self.kind + self.confidence(numbers)
        logits: Tensor = self.score(states).squeeze(-1).float()
        return logits.masked_fill(~known, torch.finfo(torch.float32).min)


class TranscriptTask(Task):
    """Which candidate says what was meant; an item is a turn with a transcript and a request.

    Trained on the candidate with the fewest word errors, the first of equals; scored by the word errors of the one that
    is chosen.
    """

    name = "transcript"
    items = ItemTable(keys=("turn",), metrics=catalogue.TRANSCRIPT_METRICS, values="name")
    level = "turn"
    num_hypotheses = HYPOTHESES
    empty_answer = ("", 0.0)

    @classmethod
    def fit(cls, dialogues: Iterable[Dialogue]) -> Self | None:
        """Needs a turn with a transcript and a choice."""
        return (
            cls() if any(len(t.recognition) > 1 and n.transcript for d in dialogues for t, n in _labelled(d)) else None
        )

    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """A :class:`TranscriptHead`."""
        return TranscriptHead(sizes, dropout=dropout)

    def targets(self, dialogues: Sequence[Dialogue], batch: DialogueBatch) -> Targets:
        """``choice``: long ``[D, T]``, number of the best candidate; -100 where there is no transcript or no choice."""
        choice = torch.full((len(dialogues), batch.num_turns), NO_TARGET)
        for d, dialogue in enumerate(dialogues):
            for t, (_, labels) in enumerate(_labelled(dialogue)):
                texts = candidates(dialogue.turns, t)
                if labels.transcript is not None and len(texts) > 1:
                    said = labels.transcript.value.split()
                    choice[d, t] = min(texts, key=lambda k: (Levenshtein.distance(texts[k].split(), said), k))
        return {"choice": choice} if bool((choice >= 0).any()) else {}

    def loss(self, head: nn.Module, encoded: EncodedBatch, targets: Targets, logits: Mapping[str, Tensor]) -> Tensor:
        """Cross-entropy over the candidates. One that this model does not see is no target."""
        scores, choice = logits[self.name].flatten(0, 1), targets["choice"].flatten()
        seen = scores.gather(1, choice.clamp(min=0)[:, None])[:, 0] > torch.finfo(torch.float32).min
        choice = torch.where(seen, choice, NO_TARGET)
        return functional.cross_entropy(scores, choice, ignore_index=NO_TARGET, reduction="sum")

    def count(self, targets: Targets) -> int:
        """Turns with a target."""
        return int((targets["choice"] >= 0).sum())

    def decode(
        self, logits: Tensor, batch: DialogueBatch, dialogues: Sequence[ObservedDialogue]
    ) -> list[tuple[tuple[str, float], ...]]:
        """The text of the best candidate and its probability; the request where there is no n-best list."""
        scores, best = logits.float().softmax(-1).max(-1)
        found = []
        for dialogue, row, numbers in zip(dialogues, scores.tolist(), best.tolist(), strict=True):
            texts = [candidates(dialogue.turns, t) for t in range(len(dialogue.turns))]
            found.append(tuple(
                (known[k], p) if k in known else (turn.request or "", 0.0)
                for known, turn, k, p in zip(texts, dialogue.turns, numbers, row, strict=False)
            ))  # fmt: skip
        return found

    def tables(
        self, dialogues: Sequence[Dialogue], predictions: Sequence[DialoguePrediction], thresholds: Thresholds
    ) -> dict[str, pd.DataFrame]:
        """One row a turn with a transcript and a request."""
        rows = [
            (dialogue.id, t, labels.transcript.value, *answer[t], domain)
            for dialogue, prediction in zip(dialogues, predictions, strict=True)
            if (answer := self.answer(prediction)) is not None
            for t, ((turn, labels), domain) in enumerate(
                zip(_labelled(dialogue), domains_by_turn(dialogue), strict=False)
            )
            if labels.transcript is not None and turn.request is not None
        ]
        columns = ["dialogue_id", "turn", "gold", "prediction", "score", "domain"]
        return {self.name: pd.DataFrame(rows, columns=columns)}


def candidates(turns: Sequence[Turn], turn: int) -> dict[int, str]:
    """Number and text of each candidate of a turn: the n-best list from 0, the next requests from 5 on."""
    found = {k: hypothesis.text for k, hypothesis in enumerate(turns[turn].recognition[:HYPOTHESES])}
    for offset in range(1, LATER + 1):
        request = turns[turn + offset].request if turn + offset < len(turns) else None
        if request is not None:
            found[HYPOTHESES + offset - 1] = request
    return found


def _labelled(dialogue: Dialogue) -> Iterable[tuple[Turn, TurnLabels]]:
    """Turns with their labels; none where no turn is labelled."""
    return zip(dialogue.turns, dialogue.labels.turns, strict=False)
