"""Goal success: was the goal reached? Scored on the true goals and, end to end, on the goals that were found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from selflearn.batching.batch import DialogueBatch, Targets
from selflearn.metrics import catalogue
from selflearn.metrics.functional import answers_end_to_end
from selflearn.metrics.items import ItemTable
from selflearn.schema import Dialogue, Goal, ObservedDialogue
from selflearn.tasks.base import EncodedBatch, StateSizes, Task, turn_head
from selflearn.tasks.prediction import DialoguePrediction, Span, Thresholds, goals_from_boundaries
from selflearn.tasks.thresholds import binary_f1_cut


class GoalHead(nn.Module):
    """Scores goals: attention over the goal's turns, its last turn, and the turn after it.

    Beside it the n-grams of the goal, of its last turn and of the turn after go straight to the score, as a bag of
    words is strong here (wide and deep: Cheng et al. 2016, arXiv:1606.07792).

    The turn after is where people say thanks or try again; a causal model, and one without context, do not see it.
    """

    def __init__(self, sizes: StateSizes, *, dropout: float) -> None:
        super().__init__()
        self.attention = nn.Linear(sizes.turn, 1)
        self.score = turn_head(sizes, 1, dropout=dropout, width=3)
        self.wide = nn.Linear(3 * sizes.lexical, 1, bias=False) if sizes.lexical else None

    def forward(self, encoded: EncodedBatch, goals: Tensor) -> Tensor:
        """Logits that the goals were not reached.

        Args:
            encoded: the batch.
            goals: long ``[goals, 3]``: dialogue, first turn, one past the last.

        Returns:
            float ``[goals]``.
        """
        turns, (dialogue, start, end) = encoded.turns, goals.unbind(1)
        steps = torch.arange(turns.shape[1], device=turns.device)
        inside = (steps >= start[:, None]) & (steps < end[:, None])  # [goals, T]
        weights = self.attention(turns).squeeze(-1)[dialogue].masked_fill(~inside, float("-inf")).softmax(-1)
        pooled = torch.einsum("gt,gtm->gm", weights, turns[dialogue])
        after = encoded.neighbours(1)
        last = end - 1
        logits: Tensor = self.score(torch.cat([pooled, turns[dialogue, last], after[dialogue, last]], -1)).squeeze(-1)
        if self.wide is not None:
            words, next_words = encoded.lexical, encoded.shifted(encoded.lexical, 1)
            share = inside / inside.sum(1, keepdim=True).sqrt()
            bag = torch.einsum("gt,gtx->gx", share.to(words.dtype), words[dialogue])
            wide = self.wide(torch.cat([bag, words[dialogue, last], next_words[dialogue, last]], -1))
            logits = logits + wide.squeeze(-1)
        return logits


class SuccessTask(Task):
    """Failure of a goal; failure is the positive class, as it is the rare one.

    Half of the training items are the gold goals, half the goals that the segmentation head finds at that moment (the
    one that overlaps the gold goal most), so that the head does not meet wrong goals for the first time in use.
    """

    name = "success"
    items = ItemTable(keys=("goal",), metrics=catalogue.SUCCESS_METRICS)
    level = "goal"
    prediction_field = "failures"
    place = 20
    predicted_share = 0.5

    @classmethod
    def fit(cls, dialogues: Iterable[Dialogue]) -> Self | None:
        """Needs one goal with a success label."""
        return cls() if any(g.success is not None for d in dialogues for g in d.labels.goals or ()) else None

    def build_head(self, sizes: StateSizes, *, dropout: float) -> nn.Module:
        """A :class:`GoalHead`."""
        return GoalHead(sizes, dropout=dropout)

    def targets(self, dialogues: Sequence[Dialogue], batch: DialogueBatch) -> Targets:
        """``goals``: long ``[goals, 3]`` labelled goals; ``failed``: float ``[goals]``."""
        found = [(d, goal) for d, dialogue in enumerate(dialogues) for _, goal in labelled_goals(dialogue)]
        if not found:
            return {}
        return {
            "goals": torch.tensor([(d, goal.start, goal.end) for d, goal in found]),
            "failed": torch.tensor([float(not goal.success) for _, goal in found]),
        }

    def loss(self, head: nn.Module, encoded: EncodedBatch, targets: Targets, logits: Mapping[str, Tensor]) -> Tensor:
        """Binary cross-entropy over true and predicted goals."""
        goals = targets["goals"]
        if head.training and "segmentation" in logits:
            goals = self._with_predicted(goals, logits["segmentation"], encoded.inputs)
        scores = head(encoded, goals).float()
        return functional.binary_cross_entropy_with_logits(scores, targets["failed"], reduction="sum")

    def _with_predicted(self, goals: Tensor, boundary_logits: Tensor, batch: DialogueBatch) -> Tensor:
        rows = torch.sigmoid(boundary_logits.detach().float()).cpu().tolist()
        lengths = batch.lengths.tolist()
        chosen = torch.rand(len(goals)) < self.predicted_share
        out = goals.tolist()
        for i in chosen.nonzero().flatten().tolist():
            d, start, end = out[i]
            found = goals_from_boundaries(rows[d][: lengths[d]], 0.5)
            best = max(found, key=lambda span: min(end, span[1]) - max(start, span[0]))
            out[i] = [d, *best]
        return torch.tensor(out, device=goals.device)

    def count(self, targets: Targets) -> int:
        """Labelled goals."""
        return len(targets["failed"])

    def decode(self, logits: Tensor, batch: DialogueBatch, dialogues: Sequence[ObservedDialogue]) -> list[Any]:
        """Probability of failure of each goal that was scored, ``[goals]`` in order."""
        return torch.sigmoid(logits.float()).tolist()

    def tables(
        self, dialogues: Sequence[Dialogue], predictions: Sequence[DialoguePrediction], thresholds: Thresholds
    ) -> dict[str, pd.DataFrame]:
        """Labelled goals; under ``success@end_to_end`` with what was said of the goal that was found for each."""
        true, found = [], []
        for dialogue, prediction in zip(dialogues, predictions, strict=True):
            if prediction.failures is None:
                continue
            labelled = labelled_goals(dialogue)
            for (number, goal), score in zip(labelled, prediction.failures, strict=True):
                true.append(_row(dialogue, number, goal, score, score >= thresholds[self.name]))
            if prediction.goals is None or prediction.goal_failures is None or not labelled:
                continue
            gold = dialogue.labels.goals or ()
            spans = [(goal.start, goal.end) for goal in gold]
            failed = [None if goal.success is None else not goal.success for goal in gold]
            decisions = [score >= thresholds[self.name] for score in prediction.goal_failures]
            scored, decided = (
                answers_end_to_end(spans, failed, prediction.goals, answers)
                for answers in (prediction.goal_failures, decisions)
            )
            for (number, goal), score, decision in zip(labelled, scored, decided, strict=True):
                found.append(_row(dialogue, number, goal, score, bool(decision)))
        columns = ["dialogue_id", "goal", "start", "end", "gold", "prediction", "score", "domain"]
        tables = {self.name: pd.DataFrame(true, columns=columns)}
        return tables | ({f"{self.name}@end_to_end": pd.DataFrame(found, columns=columns)} if found else {})

    def tune_threshold(self, table: pd.DataFrame) -> float | None:
        """That with the highest F1 of the rarer outcome."""
        if table["gold"].nunique() < 2:
            return None
        return binary_f1_cut(table["score"], table["gold"], table["dialogue_id"].factorize()[0]).threshold


def labelled_goals(dialogue: Dialogue) -> list[tuple[int, Goal]]:
    """Number and goal of each goal with a success label: the goals whose failure is asked about."""
    return [(i, goal) for i, goal in enumerate(dialogue.labels.goals or ()) if goal.success is not None]


def asked_goals(dialogues: Iterable[Dialogue]) -> list[list[Span]]:
    """For each dialogue the spans of its labelled goals, as :meth:`System.predict` takes them."""
    return [[(goal.start, goal.end) for _, goal in labelled_goals(dialogue)] for dialogue in dialogues]


def _row(dialogue: Dialogue, number: int, goal: Goal, score: float, prediction: bool) -> tuple[Any, ...]:
    return (dialogue.id, number, goal.start, goal.end, not goal.success, prediction, score, goal.domain)
