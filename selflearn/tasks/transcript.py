"""Transcript: what was really said? One of the recogniser's hypotheses, or a request that came later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Self

import pandas as pd
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn
from torch.nn import functional

from selflearn.batching.batch import DialogueBatch, Targets
from selflearn.batching.likeness import AROUND, seen_around
from selflearn.metrics import catalogue
from selflearn.metrics.items import ItemTable
from selflearn.schema import Dialogue, ObservedDialogue, Turn, TurnLabels
from selflearn.tasks.base import EncodedBatch, StateSizes, Task, domains_by_turn
from selflearn.tasks.prediction import DialoguePrediction, Thresholds

NO_TARGET = -100

HYPOTHESES, LATER = 5, 2
"""How many entries of the n-best list, and how many later requests, are candidates."""

_SPEED = 30.0
"""Makes the few weights of the head learn in the steps that large matrices learn in."""

_SHARED = 10.0
"""Shares of words, which differ by tenths, in the size of log-odds."""


class TranscriptHead(nn.Module):
    """Scores candidates: entries of the n-best list, and the requests that come next.

    What speaks for a candidate is its place, and for an entry of the list also the recogniser's confidence and how many
    words it shares with the requests before and after it. These few weights are the same everywhere: weights that
    depend on the state of the turn learn the names of the training dialogues by heart, and correct new names into them.
    A causal model, and one without context, do not see the later requests.
    """

    def __init__(self) -> None:
        super().__init__()
        # The recogniser puts first what is most often right, and most requests that follow say something else.
        self.place = nn.Parameter(torch.tensor([2.0] + [0.0] * (HYPOTHESES - 1) + [-2.0] * LATER) / _SPEED)
        self.confidence = nn.Parameter(torch.zeros(()))
        self.likeness = nn.Parameter(torch.zeros(len(AROUND)))

    def forward(self, encoded: EncodedBatch) -> Tensor:
        """Logits of the candidates, ``[D, T, 5 + 2]``; the least number where there is none."""
        nbest, asked = encoded.inputs.nbest, (encoded.inputs.utterance_index[:, :, :1] >= 0).float()
        known, scores, likeness = (values[:, :, :HYPOTHESES] for values in (nbest.known, nbest.scores, nbest.likeness))
        there = torch.cat([encoded.shifted(asked, offset) > 0 for offset in range(1, LATER + 1)], 2)
        visible = seen_around(context=encoded.context, causal=encoded.causal)
        seen = [offset in visible for offset in AROUND]
        alike = likeness[..., seen] @ self.likeness[seen]
        heard = self.confidence * _confidence(scores) + _SHARED * alike
        logits = _SPEED * (self.place + functional.pad(heard, (0, LATER)))
        masked: Tensor = logits.masked_fill(~torch.cat([known, there], 2), torch.finfo(torch.float32).min)
        return masked


def _confidence(scores: Tensor) -> Tensor:
    """Log-odds of the scores of n-best lists, less those of the best entry, ``[D, T, K]``; 0 where unknown."""
    odds = torch.logit(scores.clamp(1e-4, 1 - 1e-4))
    relative: Tensor = (odds - odds[..., :1]).nan_to_num()
    return relative


class TranscriptTask(Task):
    """Which candidate says what was meant; an item is a turn with a transcript and a request.

    Trained on the candidate with the fewest word errors, the first of equals, of those that the model sees; scored by
    the word errors of the one that is chosen.
    """

    name = "transcript"
    place = 70
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
        return TranscriptHead()

    def targets(self, dialogues: Sequence[Dialogue], batch: DialogueBatch) -> Targets:
        """``errors``: long ``[D, T, 5 + 2]``, word errors of each candidate; -1 where it, or a transcript, is missing.

        A turn with a single candidate has no choice, and -1 throughout.
        """
        errors = torch.full((len(dialogues), batch.num_turns, HYPOTHESES + LATER), -1)
        for d, dialogue in enumerate(dialogues):
            for t, (_, labels) in enumerate(_labelled(dialogue)):
                texts = candidates(dialogue.turns, t)
                if labels.transcript is not None and len(texts) > 1:
                    said = labels.transcript.value.split()
                    for k, text in texts.items():
                        errors[d, t, k] = Levenshtein.distance(text.split(), said)
        return {"errors": errors} if bool((errors >= 0).any()) else {}

    def loss(self, head: nn.Module, encoded: EncodedBatch, targets: Targets, logits: Mapping[str, Tensor]) -> Tensor:
        """Cross-entropy over the candidates that this model sees."""
        scores, errors = logits[self.name].flatten(0, 1), targets["errors"].flatten(0, 1)
        seen = (errors >= 0) & (scores > torch.finfo(torch.float32).min)
        ranks = errors * errors.shape[1] + torch.arange(errors.shape[1], device=errors.device)  # the first of equals
        best = ranks.masked_fill(~seen, torch.iinfo(torch.long).max).argmin(1)
        return functional.cross_entropy(
            scores, torch.where(seen.any(1), best, NO_TARGET), ignore_index=NO_TARGET, reduction="sum"
        )

    def count(self, targets: Targets) -> int:
        """Turns with a target."""
        return int((targets["errors"] >= 0).any(2).sum())

    def decode(
        self, logits: Tensor, batch: DialogueBatch, dialogues: Sequence[ObservedDialogue]
    ) -> list[tuple[tuple[str, float], ...]]:
        """The candidate with the fewest errors to be expected, and its probability; the request where there is none.

        Minimum Bayes risk (Goel & Byrne, Computer Speech & Language 2000, equation 3): the likeliest candidate may
        differ in many words from all the others, which together are likelier.
        """
        found = []
        seen = (logits > torch.finfo(torch.float32).min).tolist()
        for dialogue, row, may in zip(dialogues, logits.float().softmax(-1).tolist(), seen, strict=True):
            texts = [
                {k: text for k, text in candidates(dialogue.turns, t).items() if may[t][k]}
                for t in range(len(dialogue.turns))
            ]
            found.append(tuple(
                _least_risk(known, p) if known else (turn.request or "", 0.0)
                for known, turn, p in zip(texts, dialogue.turns, row, strict=False)
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


def _least_risk(texts: Mapping[int, str], probabilities: Sequence[float]) -> tuple[str, float]:
    """The text with the fewest expected word errors, and the probability of its own; the likelier one of equals.

    One that is likelier than all others together has the fewest: errors between texts are a metric, so that another
    text k has at least ``errors[best, k] * (2 p[best] - 1)`` more.
    """
    likeliest = max(texts, key=lambda k: probabilities[k])
    if probabilities[likeliest] > 0.5:
        return texts[likeliest], probabilities[likeliest]
    words = {k: text.split() for k, text in texts.items()}
    errors = {pair: Levenshtein.distance(words[pair[0]], words[pair[1]]) for pair in combinations(words, 2)}
    errors |= {(j, k): number for (k, j), number in errors.items()}
    risks = {k: sum(probabilities[j] * errors[k, j] for j in words if j != k) for k in words}
    best = min(words, key=lambda k: (risks[k], -probabilities[k]))
    return texts[best], probabilities[best]


def candidates(turns: Sequence[Turn], turn: int) -> dict[int, str]:
    """Number and text of each candidate of a turn: the n-best list from 0, the next requests from 5 on.

    A turn that was not recognised, but typed, has none: its request is what was meant.
    """
    if not turns[turn].recognition:
        return {}
    found = {k: hypothesis.text for k, hypothesis in enumerate(turns[turn].recognition[:HYPOTHESES])}
    for offset in range(1, LATER + 1):
        request = turns[turn + offset].request if turn + offset < len(turns) else None
        if request is not None:
            found[HYPOTHESES + offset - 1] = request
    return found


def _labelled(dialogue: Dialogue) -> Iterable[tuple[Turn, TurnLabels]]:
    """Turns with their labels; none where no turn is labelled."""
    return zip(dialogue.turns, dialogue.labels.turns, strict=False)
