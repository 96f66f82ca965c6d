"""Slots: which characters of the request name which value?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from selflearn.batching.batch import DialogueBatch, Targets, token_runs
from selflearn.batching.readings import with_values
from selflearn.metrics import catalogue
from selflearn.metrics.items import ItemTable
from selflearn.schema import Dialogue, ObservedDialogue, Slot, Turn
from selflearn.tasks.base import WORD_DROPOUT, EncodedBatch, StateSizes, Task, domains_by_turn
from selflearn.tasks.bio import OUTSIDE, best_tags, read_slots, tag_tokens, tagged_slots
from selflearn.tasks.prediction import DialoguePrediction, Thresholds
from selflearn.tasks.projection import projected

NO_TARGET = -100


class SlotHead(nn.Module):
    """Scores apart where a span is and what it is called: the probability of a tag is that of its edge times its name.

    Whether a token begins, continues or is outside of a span shows in the token. Its name depends on the service and
    the intent, which the turn state knows, and on what was asked: to "from which city?" a city is where one leaves.
    The question is read in the vector of the response before. Apart from sharing what all names have in common, this
    lets every token of a span teach its name, however it is tagged. What the assistant took a token for, where the log
    says it, is read beside its state.
    """

    def __init__(self, sizes: StateSizes, num_labels: int, *, dropout: float) -> None:
        super().__init__()
        self.of_edge = nn.Linear(sizes.token, sizes.turn)
        self.edge = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(sizes.turn, 3))
        self.taken_edge = nn.Embedding(3, sizes.turn) if sizes.readings.slots else None
        self.taken_name = nn.Embedding(1 + len(sizes.readings.slots), sizes.turn) if sizes.readings.slots else None
        self.token, self.turn = nn.Linear(sizes.token, sizes.turn), nn.Linear(sizes.turn, sizes.turn)
        self.question = nn.Linear(sizes.token, sizes.turn)
        self.name = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(sizes.turn, num_labels))
        self.dropout = nn.Dropout(dropout)
        self.hide_words = nn.Dropout(WORD_DROPOUT if sizes.readings.slots else 0.0)

    def forward(self, encoded: EncodedBatch) -> Tensor:
        """Log-probabilities of the BIO tags of every request token, ``[N, 2 C + 1]``."""
        tokens = self.hide_words(encoded.request_tokens())
        edges = self.of_edge(tokens)
        around = self.turn(self.dropout(encoded.turns)) + self.question(encoded.response_before())
        states = self.token(tokens) + encoded.of_tokens(around)
        if self.taken_edge is not None and self.taken_name is not None:
            taken, turns = encoded.inputs.readings.token_slots, encoded.inputs.token_turn
            states = states + self.taken_name(taken)
            edges = edges + self.taken_edge(_edges(taken, turns))
        outside, begin, inside = self.edge(edges).float().log_softmax(-1).split(1, -1)
        names = self.name(states).float().log_softmax(-1)
        return torch.cat([outside, torch.stack([begin + names, inside + names], -1).flatten(1)], -1)


def _edges(taken: Tensor, turns: Tensor) -> Tensor:
    """0 where the assistant took a token for nothing, 1 where a slot of its begins, 2 where it goes on; ``[N]``."""
    goes_on = torch.zeros_like(taken, dtype=torch.bool)
    goes_on[1:] = (taken[1:] == taken[:-1]) & (turns[1:] == turns[:-1])
    return torch.where(taken > 0, 1 + goes_on.long(), 0)


class SlotsTask(Task):
    """Named spans of the request. Turns whose slots are None are no items; an empty tuple says that there are none."""

    name = "slots"
    place = 50
    items = ItemTable(keys=("turn", "start", "end"), metrics=catalogue.SLOT_METRICS, values="name", optional=True)
    level = "token"
    prediction_field = "slots"

    @classmethod
    def fit(cls, dialogues: Iterable[Dialogue]) -> Self | None:
        """Names in alphabetical order."""
        names = {slot.name for d in dialogues for turn in d.labels.turns for slot in turn.slots or ()}
        return cls(sorted(names)) if names else None

    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """A :class:`SlotHead`."""
        return SlotHead(sizes, len(self.labels), dropout=dropout)

    def targets(self, dialogues: Sequence[Dialogue], batch: DialogueBatch) -> Targets:
        """``tags``: long ``[N]``; -100 for tokens of turns that are not labelled."""
        numbers = {name: i for i, name in enumerate(self.labels)}
        spans = batch.token_spans.tolist()
        tags = np.full(len(spans), NO_TARGET, np.int64)
        for owner, run in token_runs(batch.token_turn).items():
            d, t = divmod(owner, batch.num_turns)
            turns = dialogues[d].labels.turns
            slots = turns[t].slots if turns else None
            if slots is not None:
                tags[run] = tag_tokens(spans[run], slots, numbers)
        return {"tags": torch.from_numpy(tags)} if (tags >= 0).any() else {}

    def loss(self, head: nn.Module, encoded: EncodedBatch, targets: Targets, logits: Mapping[str, Tensor]) -> Tensor:
        """Cross-entropy."""
        return functional.nll_loss(logits[self.name], targets["tags"], ignore_index=NO_TARGET, reduction="sum")

    def count(self, targets: Targets) -> int:
        """Tokens with a target."""
        return int((targets["tags"] >= 0).sum())

    def untrained(self, dialogue: Dialogue, request_spans: Callable[[Turn], Sequence[Sequence[int]]]) -> int:
        """Slots without a token of their own: a longer one has it, or it is in a part that is not read."""
        labelled = zip(dialogue.turns, dialogue.labels.turns, strict=False)
        asked = [(turn, labels.slots) for turn, labels in labelled if labels.slots]
        return sum(len(slots) - len(tagged_slots(request_spans(turn), slots, self.labels)) for turn, slots in asked)

    def unscored(self, dialogue: Dialogue) -> int:
        """Slots on the very characters of another one."""
        each = (labels.slots or () for labels in dialogue.labels.turns)
        return sum(len(slots) - len({(slot.start, slot.end) for slot in slots}) for slots in each)

    def decode(
        self, logits: Tensor, batch: DialogueBatch, dialogues: Sequence[ObservedDialogue]
    ) -> list[tuple[tuple[Slot, ...], ...]]:
        """Slots of each turn, with offsets into the original request."""
        log_probs = logits.cpu().numpy()
        spans = batch.token_spans.tolist()
        runs = token_runs(batch.token_turn)
        tags = best_tags(log_probs, [run.start for run in runs.values()])
        scores = np.exp(np.take_along_axis(log_probs, tags[:, None], 1)[:, 0]).tolist()
        owners = batch.token_turn.cpu().numpy()
        found: dict[int, tuple[Slot, ...]] = {}
        for owner in np.unique(owners[tags != OUTSIDE]).tolist():
            d, t = divmod(owner, batch.num_turns)
            turn, run = dialogues[d].turns[t], runs[owner]
            read = read_slots(turn.request or "", spans[run], tags[run].tolist(), scores[run], self.labels)
            found[owner] = with_values(read, turn)
        return [
            tuple(found.get(d * batch.num_turns + t, ()) for t in range(n))
            for d, n in enumerate(batch.lengths.tolist())
        ]

    def tables(
        self, dialogues: Sequence[Dialogue], predictions: Sequence[DialoguePrediction], thresholds: Thresholds
    ) -> dict[str, pd.DataFrame]:
        """One row a span, gold or predicted, of labelled turns.

        A span has one name: of several the first in the record counts, here as in training (:meth:`unscored`).
        A gold span whose value is known has it in ``gold_value``; ``value`` is what was said of that slot in the turn,
        wherever it stands, and ``projected_value`` the same after projection (:mod:`selflearn.tasks.projection`).
        """
        rows = []
        for dialogue, prediction in zip(dialogues, predictions, strict=True):
            domains = domains_by_turn(dialogue)
            if prediction.slots is not None:
                slots = map(with_values, prediction.slots, dialogue.turns)
                prediction = replace(prediction, slots=tuple(slots))
            carried = projected(prediction, thresholds) or prediction
            for turn, labels in enumerate(dialogue.labels.turns):
                if labels.slots is None or prediction.slots is None:
                    continue
                gold, said = _by_span(labels.slots), _by_span(prediction.slots[turn])
                values = _values(gold.values(), prediction.slots[turn], (carried.slots or prediction.slots)[turn])
                for span in sorted(gold.keys() | said.keys()):
                    slot, right = said.get(span), gold[span].name if span in gold else None
                    name, score = (slot.name, slot.score) if slot else (None, None)
                    known = values.get(span, (None, None, None))
                    rows.append((dialogue.id, turn, *span, right, name, score, domains[turn], *known))
        names = ["gold_value", "value", "projected_value"]
        columns = ["dialogue_id", "turn", "start", "end", "gold", "prediction", "score", "domain", *names]
        table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(["gold", "prediction", *names], object))
        return {self.name: table if table["gold_value"].notna().any() else table.drop(columns=names)}


def _by_span(slots: Sequence[Slot]) -> dict[tuple[int, int], Slot]:
    """The first slot on each span."""
    return {(slot.start, slot.end): slot for slot in reversed(slots)}


def _values(
    gold: Iterable[Slot], said: Sequence[Slot], carried: Sequence[Slot]
) -> dict[tuple[int, int], tuple[str | None, str | None, str | None]]:
    """Value of each gold span that has one, and what was said of its slot, by the turn itself and after projection."""
    return {
        (slot.start, slot.end): (slot.value, _said_of(slot, slot.value, said), _said_of(slot, slot.value, carried))
        for slot in gold
        if slot.value is not None
    }


def _said_of(gold: Slot, value: str, said: Sequence[Slot]) -> str | None:
    """What was said of a slot: on its very span, else anywhere by its name.

    Of several values the right one counts, which is right whatever its capitals, as for the metric.
    """
    named = [slot for slot in said if slot.name == gold.name]
    values = [slot.value or slot.text for slot in named if (slot.start, slot.end) == (gold.start, gold.end)]
    values = values or [slot.value or slot.text for slot in named]
    right = (one for one in values if one is not None and one.casefold() == value.casefold())
    return next(right, next(reversed(values), None))
