"""Lightning modules: one for fine-tuning, one for pretraining; both draw their dropout from (seed, step) alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import lightning
import torch
from torch import Tensor

from selflearn.batching.batch import DialogueBatch
from selflearn.models import LabelGenerator
from selflearn.pretraining import PretrainingBatch, SwapObjectives
from selflearn.tasks import task_classes
from selflearn.training.loss_weights import FixedWeights, UncertaintyWeights
from selflearn.training.optimization import OptimizationConfig, make_optimizer


class SteppedModule(lightning.LightningModule):
    """What both have in common: optimiser, device transfer, and random numbers that a resume does not change.

    Args:
        model: the label generator.
        optimization: rates and schedule.
        num_steps: optimiser steps of the whole stage.
        seed: of dropout and everything else drawn while training.
    """

    def __init__(self, model: LabelGenerator, *, optimization: OptimizationConfig, num_steps: int, seed: int) -> None:
        super().__init__()
        self.model, self.optimization, self.num_steps, self.seed = model, optimization, num_steps, seed
        model.turn_encoder.requires_grad_(bool(optimization.encoder_lr))  # the stage before may have frozen it
        if model.audio_encoder is not None:
            model.audio_encoder.let_learn(bool(optimization.encoder_lr))

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed by step: a run that was killed and resumed draws what it would have drawn, and no process as another."""
        apart = self.global_rank * 500_000_003  # torch's generator reads 32 bits of a seed
        torch.manual_seed(self.seed * 1_000_003 + self.global_step + apart)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip here, as Lightning's own clipping refuses the fused optimiser under autocast."""
        torch.nn.utils.clip_grad_norm_(self.parameters(), self.optimization.clip)

    def configure_optimizers(self) -> Any:
        """AdamW, with a schedule that moves every step."""
        fused = self.trainer.precision != "16-mixed"  # loss scaling has to undo its scale before the clipping
        optimizer, schedule = make_optimizer(self.named_parameters(), self.optimization, self.num_steps, fused=fused)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Batches know how to move themselves."""
        return batch.to(device, non_blocking=True)

    def log_losses(self, losses: Mapping[str, Tensor], total: Tensor, num_tokens: int) -> None:
        """Every loss by itself, and their sum on the progress bar."""
        self.log("train/loss", total, prog_bar=True, batch_size=1)
        self.log_dict({f"train/{name}_loss": loss for name, loss in losses.items()}, batch_size=1)
        self.log("train/tokens", float(num_tokens), batch_size=1)


class FineTuning(SteppedModule):
    """Joint training of all tasks.

    Args:
        model: the label generator.
        loss_weights: "learned", or fixed weights by task.
        optimization: rates and schedule.
        num_steps: optimiser steps.
        seed: of dropout.
    """

    def __init__(
        self,
        model: LabelGenerator,
        *,
        loss_weights: Literal["learned"] | Mapping[str, float],
        optimization: OptimizationConfig,
        num_steps: int,
        seed: int,
    ) -> None:
        super().__init__(model, optimization=optimization, num_steps=num_steps, seed=seed)
        if loss_weights != "learned":
            check_weighted(loss_weights, model.tasks)
        self.weights = (
            UncertaintyWeights(list(model.tasks)) if loss_weights == "learned" else FixedWeights(dict(loss_weights))
        )

    def training_step(self, batch: DialogueBatch, batch_idx: int) -> Tensor | None:
        """The weighted loss; None (no step) for a batch in which nothing is labelled.

        Of several processes each item weighs the same, whichever of them has it. Where none of them has any, the loss
        is zero: all of them take the same steps.
        """
        out = self.model(batch) if batch.targets else None
        own: dict[str, Tensor] = dict(out.losses or {}) if out is not None else {}
        losses = own
        if self.trainer.world_size > 1:
            losses = self._of_all(own, (out.counts or {}) if out is not None else {})
        if not losses:
            return self._zero() if self.trainer.world_size > 1 else None
        total: Tensor = self.weights(losses)
        self.log_losses(own, total, batch.num_tokens)
        return total

    def _of_all(self, losses: Mapping[str, Tensor], counts: Mapping[str, int]) -> dict[str, Tensor]:
        """Losses whose mean over the processes is the loss of one that had the items of all; of no task without any.

        A process without items of a task has a loss of zero there, and gradients of zero everywhere: the others wait
        for them.
        """
        names = list(self.model.tasks)
        own = torch.tensor([float(counts.get(name, 0)) for name in names], device=self.device)
        each = torch.as_tensor(self.all_gather(own)).reshape(-1, len(names))
        shares = (len(each) * own / each.sum(0).clamp(min=1)).tolist()
        zero = self._zero()
        found = zip(names, shares, (each.sum(0) > 0).tolist(), strict=True)
        return {name: losses.get(name, zero) * share + zero for name, share, asked in found if asked}

    def _zero(self) -> Tensor:
        """A loss of zero, of which every parameter that learns has a gradient of zero."""
        return torch.stack([parameter.sum() for parameter in self.parameters() if parameter.requires_grad]).sum() * 0


class Pretraining(SteppedModule):
    """Swap detection and InfoNCE; their sum is the loss.

    Args:
        model: the label generator.
        objectives: the two heads; they are not saved with the model.
        optimization: rates and schedule.
        num_steps: optimiser steps.
        seed: of dropout.
    """

    def __init__(
        self,
        model: LabelGenerator,
        objectives: SwapObjectives,
        *,
        optimization: OptimizationConfig,
        num_steps: int,
        seed: int,
    ) -> None:
        super().__init__(model, optimization=optimization, num_steps=num_steps, seed=seed)
        self.objectives = objectives

    def on_fit_start(self) -> None:
        """Of a frozen encoder, read the texts: here the model is where it computes, in the precision that it does."""
        if self.objectives.known is not None:
            with self.trainer.precision_plugin.forward_context():
                self.objectives.known.read()

    def training_step(self, batch: PretrainingBatch, batch_idx: int) -> Tensor:
        """The sum of both losses."""
        out = self.objectives(self.model, batch)
        losses = {"detection": out.detection, "contrast": out.contrast}
        total: Tensor = out.detection + out.contrast
        self.log_losses(losses, total, batch.num_tokens)
        return total


def check_weighted(loss_weights: Iterable[str], tasks: Iterable[str] = ()) -> None:
    """See that weights are of tasks that somebody knows; they need not be labelled here.

    Args:
        loss_weights: names of the tasks that have one.
        tasks: names beside those that :func:`~selflearn.tasks.task_classes` finds.

    Raises:
        ValueError: nobody knows a task of that name.
    """
    known = {*task_classes(), *tasks}
    unknown = [name for name in loss_weights if name not in known]
    if unknown:
        raise ValueError(f"loss_weights has the task {unknown[0]!r}; there are {', '.join(sorted(known))}")
