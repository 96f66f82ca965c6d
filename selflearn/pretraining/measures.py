"""What pretraining learned: how well swapped and hidden responses of dialogues that it never read are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn import functional

from selflearn.batching.windows import cut_dialogue
from selflearn.models import LabelGenerator
from selflearn.pretraining.build import make_swaps
from selflearn.pretraining.objectives import SwapObjectives, SwapObjectivesOutput
from selflearn.pretraining.swaps import INTACT, SWAPPED, PretrainingBatch, SwapCollator, SwapConfig
from selflearn.schema import Dialogue

_DIALOGUES = 32
"""Of a batch: a hidden response is looked for among those of as many dialogues."""

_MOST = 128
"""Dialogues that are read; more of them take longer and say the same."""

_HIDDEN = 0.2
"""Share of the responses that are hidden to be looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapJudge:
    """Held-out dialogues for a pretrained model to tell swaps in.

    Attributes:
        model: pretrained.
        objectives: the two heads that it was pretrained with.
        tokenizer: of the model.
        dialogues: that pretraining did not read, of which the first 128 are used; wrong responses come from them too.
            What is observed in them alone is read, except by the grade ``same_acts``.
        encoder: name of the frozen encoder that finds the nearest responses.
        pool_size: responses in the pool.
        seed: of what is swapped and hidden.
    """

    model: LabelGenerator
    objectives: SwapObjectives
    tokenizer: object
    dialogues: Sequence[Dialogue]
    encoder: str
    pool_size: int
    seed: int

    @torch.inference_mode()
    def measures(self, swaps: SwapConfig) -> dict[str, float]:
        """How well swaps are told, grade by grade, and hidden responses found.

        Args:
            swaps: as pretraining used them.

        Raises:
            ValueError: the model's answers are no numbers: pretraining has diverged.

        Returns:
            ``share@GRADE`` of the swapped responses that are of a grade, which is less than its weight where it offers
            nothing for many turns; ``detection_auc@GRADE`` over ``pairs@GRADE`` for each that does; ``found``, the
            share of the hidden responses that are ranked first among ``candidates`` (a mean), which are those of 32
            dialogues without near-duplicates of the right one; and the mean ``cosine`` of two different ones, which is
            near 1 where the encoder has come to say the same of all texts. Empty where no response is held out.
        """
        if not any(turn.response for dialogue in self.dialogues[:_MOST] for turn in dialogue.turns):
            return {}
        training = self.model.training
        self.model.eval()  # type: ignore[no-untyped-call]
        found = self._found() | self._shares(swaps)
        for grade in (name for name, share in swaps.shares.items() if share > 0):
            found |= {f"{name}@{grade}": value for name, value in self._detected(grade).items()}
        self.model.train(training)
        return found

    def _shares(self, swaps: SwapConfig) -> dict[str, float]:
        """What each grade really gets: where it has nothing to offer, the next one does."""
        made = self._swaps(swaps)
        for dialogue in self.dialogues[:_MOST]:
            made.change(dialogue.observed(), 0)
        return {f"share@{grade}": count / made.drawn.total() for grade, count in sorted(made.drawn.items())}

    def _detected(self, grade: str) -> dict[str, float]:
        """Each dialogue is read twice; a response that is true once and once swapped is a pair.

        A grade that offers wrong responses for some turns alone is so not told by the turn.
        """
        swaps = SwapConfig(swapped=0.5, hidden=0.0, shares={grade: 1.0})
        first, second = (
            [
                turn
                for batch, out in reading
                if out.detection_logits is not None
                for turn in zip(batch.swapped.flatten().tolist(), out.detection_logits.flatten().tolist(), strict=True)
            ]
            for reading in self._readings(swaps, 2)
        )
        pairs = [both for both in zip(first, second, strict=True) if {done for done, _ in both} == {INTACT, SWAPPED}]
        if not pairs:
            return {}
        swapped, logits = zip(*(one for both in pairs for one in both), strict=True)
        return {"detection_auc": float(roc_auc_score(swapped, logits)), "pairs": float(len(pairs))}

    def _found(self) -> dict[str, float]:
        right: list[bool] = []
        cosines: list[Tensor] = []
        candidates = 0
        (reading,) = self._readings(SwapConfig(swapped=0.0, hidden=_HIDDEN, shares={"random": 1.0}), 1)
        for batch, out in reading:
            if out.contrast_logits is not None:
                right += (out.contrast_logits.argmax(-1) == batch.candidate_order).tolist()
                candidates += int((~batch.forbidden).sum())
                vectors = functional.normalize(self.model.turn_encoder(batch.candidates).vectors[:, 0].float(), dim=-1)
                cosines.append((vectors @ vectors.T)[~torch.eye(len(vectors), dtype=torch.bool)])
        if not right:
            return {}
        found = {"found": sum(right) / len(right), "candidates": candidates / len(right)}
        different = torch.cat(cosines)
        return found | ({"cosine": different.mean().item()} if len(different) else {})

    def _swaps(self, swaps: SwapConfig) -> SwapCollator:
        return make_swaps(
            self.model, self.tokenizer, self.dialogues[:_MOST], swaps, encoder=self.encoder, pool_size=self.pool_size,
            seed=self.seed,
        )  # fmt: skip

    def _readings(self, swaps: SwapConfig, number: int) -> list[list[tuple[PretrainingBatch, SwapObjectivesOutput]]]:
        """The dialogues with so many draws of what is swapped."""
        longest, made = self.model.config.max_turns, self._swaps(swaps)
        dialogues = [
            cut_dialogue(dialogue, 0, min(len(dialogue.turns), longest)).observed()
            for dialogue in self.dialogues[:_MOST]
        ]
        parts = [dialogues[start : start + _DIALOGUES] for start in range(0, len(dialogues), _DIALOGUES)]
        batches = [[made(part, epoch).to(self.model.device) for part in parts] for epoch in range(number)]
        found = [[(batch, self.objectives(self.model, batch)) for batch in reading] for reading in batches]
        logits = [out.detection_logits for reading in found for _, out in reading if out.detection_logits is not None]
        if not all(bool(one.isfinite().all()) for one in logits):
            raise ValueError(
                "after pretraining the model's answers are no finite numbers; expected a loss that falls: lower "
                "pretraining.optimization.lr or encoder_lr, and take another output directory"
            )
        return found
