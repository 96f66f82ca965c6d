"""One training stage: runs to its end, goes on after a kill with the same digits, and is skipped when it was done."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.loggers import Logger
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from selflearn._limits import Checked, Count
from selflearn._replacing import replace_text, replacing, replacing_path
from selflearn.encoders.bfloat16 import computes_bfloat16
from selflearn.training.data import TrainingData
from selflearn.training.loggers import LoggerSettings, close_loggers, make_loggers
from selflearn.training.module import SteppedModule

log = logging.getLogger(__name__)


Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
"""What there is of Lightning's: weights of another kind would meet features and times in single precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareConfig(Checked):
    """Where and how a stage computes; the fields are those of ``lightning.Trainer``.

    Attributes:
        accelerator: "auto", "cpu" or "gpu".
        devices: how many, or "auto".
        strategy: how several devices share the work.
        precision: "32-true", "bf16-mixed", "16-mixed"; or "auto": :func:`precision` of the machine.

    Raises:
        SettingError: a value is not of its kind.
    """

    accelerator: str = "auto"
    devices: int | str = 1
    strategy: str = "auto"
    precision: Precision = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig(Checked):
    """What every stage of a run shares.

    Attributes:
        directory: of this stage's checkpoint and final weights.
        hardware: where it computes.
        checkpoint_every: steps between checkpoints.
        resume: whether a checkpoint that is found is used; otherwise the stage starts anew.
        progress: show progress bars: of the stage, and of what the trained system labels afterwards.
        loggers: what losses are written to; made anew for each stage, as its steps begin at 0.

    Raises:
        SettingError: a value is not of its kind or range.
    """

    directory: Path
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    checkpoint_every: Count = 200
    resume: bool = True
    progress: bool = True
    loggers: LoggerSettings = field(default_factory=LoggerSettings)


_ADVICE = (
    ".*does not have many workers.*",  # making a batch takes a hundredth of a training step
    ".*smaller than the logging interval.*",
    ".*overridden `transfer_batch_to_device`.*",  # on purpose: batches know how to move themselves
    ".*`isinstance\\(treespec, LeafSpec\\)`.*",  # Lightning's own, of torch
    ".*`training_step` returned `None`.*",  # nothing is labelled in that batch
    ".*module\\(s\\) in eval mode at the start of training.*",  # an encoder that is frozen
    ".*dataloader is not resumable.*",  # its sampler is: it goes on with the batch after the last one
)
"""Beginnings of warnings that Lightning gives for what is meant here."""


FINAL = "weights.safetensors"
"""Name of the file with the weights at the end of a stage."""

IDENTITY = "identity.txt"
"""Name of the file that tells a stage from others."""

SECONDS = "seconds.txt"
"""Name of the file with the time that a stage took, over all calls that it was killed and resumed in."""

MEASURES = "measures.json"
"""Name of the file with what was measured at the end of a stage."""


class _CheckpointFiles(TorchCheckpointIO):
    """Writes a checkpoint beside the one before and renames it.

    Lightning's own is moved there from the folder for temporary files. Where that is another file system the move is a
    copy, and a kill in the middle of it leaves half a checkpoint in the place of a whole one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        with replacing(Path(path)) as file:
            torch.save(checkpoint, file)


class _Checkpoints(lightning.Callback):
    """Replaces the one checkpoint every so many steps.

    The time that led to a checkpoint is written with it: what a kill undoes is done again, and counts once.

    Args:
        path: of the checkpoint.
        every: steps between two.
        before: seconds that led to the checkpoint which the stage goes on from.
    """

    def __init__(self, path: Path, every: int, *, before: float) -> None:
        self.path, self.every = path, every
        self._start = time.perf_counter() - before

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        if trainer.global_step % self.every == 0 and trainer.global_step < trainer.max_steps:
            trainer.save_checkpoint(self.path)
            if trainer.is_global_zero:
                self.write_seconds()

    def write_seconds(self) -> None:
        """Write down how long the stage has taken so far."""
        replace_text(self.path.with_name(SECONDS), f"{time.perf_counter() - self._start:.3f}")


class _Progress(RichProgressBar):
    """A bar over all steps of the stage, with what is left; a stage is one pass, so epochs are not shown."""

    def __init__(self, stage: str) -> None:
        super().__init__(leave=True)
        self._stage = stage

    def _get_train_description(self, current_epoch: int) -> str:
        return self._stage

    def get_metrics(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> dict[str, Any]:
        """Everything that the module puts on the bar, without the number of the logger's version."""
        metrics: dict[str, Any] = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return metrics


def run_stage(
    module: SteppedModule,
    data: TrainingData,
    config: StageConfig,
    identity: str,
    *,
    measure: Callable[[], Mapping[str, float]] | None = None,
) -> None:
    """Train ``module.model`` in place; its weights at the end are kept in ``weights.safetensors``.

    Args:
        module: what is trained.
        data: with as many steps as the module was made for.
        config: where, and whether to resume.
        identity: of the stage, from :func:`~selflearn.training.identity.stage_identity`.
        measure: is called once training is over, before the stage counts as done; :func:`read_measures` has the answer.

    Raises:
        ValueError: the directory holds another stage.
    """
    if load_finished(module.model, config, identity):
        return
    final, checkpoint = config.directory / FINAL, config.directory / "last.ckpt"
    config.directory.mkdir(parents=True, exist_ok=True)
    if not config.resume:  # what is there must not come back if this is killed
        for file in (final, checkpoint, config.directory / SECONDS, config.directory / MEASURES):
            file.unlink(missing_ok=True)
    replace_text(config.directory / IDENTITY, identity)
    loggers = make_loggers(config.loggers, config.directory)
    found = checkpoint if config.resume and checkpoint.is_file() else None
    before = stage_seconds(config.directory) if found else 0.0
    checkpoints = _Checkpoints(checkpoint, config.checkpoint_every, before=before)
    trainer = _trainer(config, data.num_steps, loggers, checkpoints)
    module.train()  # a pretrained encoder comes in evaluation mode, which Lightning would keep: no dropout in it
    try:
        with warnings.catch_warnings():
            for advice in _ADVICE:
                warnings.filterwarnings("ignore", message=advice)
            trainer.fit(module, data, ckpt_path=found, weights_only=True)
    finally:
        close_loggers(loggers)
    if trainer.interrupted:
        raise KeyboardInterrupt
    if trainer.is_global_zero:
        if measure is not None:
            replace_text(config.directory / MEASURES, json.dumps(measure(), indent=2, allow_nan=False))
        checkpoints.write_seconds()
        save_weights(module.model, final)
        checkpoint.unlink(missing_ok=True)
    trainer.strategy.barrier()


def _trainer(
    config: StageConfig, num_steps: int, loggers: list[Logger], checkpoints: lightning.Callback
) -> lightning.Trainer:
    hardware, callbacks = config.hardware, [checkpoints]
    if config.progress:
        callbacks.append(_Progress(config.directory.name.replace("_", " ")))
    return lightning.Trainer(
        accelerator=hardware.accelerator, devices=hardware.devices, strategy=_strategy(hardware),
        precision=precision(hardware), max_steps=num_steps, callbacks=callbacks, logger=loggers,  # type: ignore[arg-type]
        plugins=_CheckpointFiles(),
        enable_progress_bar=config.progress, enable_model_summary=False, enable_checkpointing=False,
        use_distributed_sampler=False, num_sanity_val_steps=0, limit_val_batches=0, log_every_n_steps=10,
        default_root_dir=config.directory,
    )  # fmt: skip


def stage_seconds(directory: Path) -> float:
    """Seconds that the stages in a directory have taken, those of earlier calls included."""
    return sum(float(file.read_text("utf-8")) for file in directory.rglob(SECONDS))


def read_measures(config: StageConfig) -> dict[str, float]:
    """What was measured at the end of a stage; empty where nothing was."""
    file = config.directory / MEASURES
    measures: dict[str, float] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return measures


def load_finished(model: nn.Module, config: StageConfig, identity: str) -> bool:
    """Read the final weights of a stage that was done before; False where it was not, or is to be done again.

    Raises:
        ValueError: the directory holds another stage, done or begun.
    """
    final, checkpoint = config.directory / FINAL, config.directory / "last.ckpt"
    if not config.resume or not (final.is_file() or checkpoint.is_file()):
        return False
    file = config.directory / IDENTITY
    if not file.is_file() or file.read_text("utf-8") != identity:
        raise ValueError(
            f"{config.directory} holds a training of another model, or with other settings, another seed or other "
            "dialogues; expected a directory of its own for each, or resume=False, which begins this one anew"
        )
    if final.is_file():
        log.info("%s: done already, its weights are taken", config.directory)
        load_weights(model, final)
    return final.is_file()


def check_finite(model: nn.Module, settings: Literal["pretraining", "training"]) -> None:
    """See that a stage has not diverged; ``settings`` are its own, to be changed if it has.

    Raises:
        ValueError: weights are no finite numbers.
    """
    odd = [name for name, weights in model.named_parameters() if not bool(weights.isfinite().all())]
    if odd:
        stage = "fine-tuning" if settings == "training" else settings
        raise ValueError(
            f"{stage} has diverged: weights of the model ({odd[0]}, say) are no finite numbers; expected a loss that "
            f"falls: lower {settings}.optimization.lr or encoder_lr, and take another output directory"
        )


def precision(hardware: HardwareConfig) -> str:
    """What a stage computes in: as told; with "auto" in bfloat16 where that is faster, in full precision elsewhere."""
    if hardware.precision != "auto":
        return hardware.precision
    device = placement(hardware)[1]
    return "bf16-mixed" if computes_bfloat16(device) else "16-mixed" if device.type == "cuda" else "32-true"


def placement(hardware: HardwareConfig) -> tuple[int, torch.device]:
    """How many processes train together, and the device that this one computes on.

    Raises:
        ValueError: Lightning knows no such accelerator or strategy, or this machine has no such devices.
    """
    try:
        trainer = lightning.Trainer(
            accelerator=hardware.accelerator, devices=hardware.devices, strategy=_strategy(hardware), logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
    except (TypeError, ValueError, ImportError, MisconfigurationException) as error:
        raise ValueError(
            f"trainer.accelerator={hardware.accelerator}, trainer.devices={hardware.devices} and "
            f"trainer.strategy={hardware.strategy} are not what Lightning knows or this machine has: "
            f"{str(error).rstrip('.!')}; expected, for example, trainer.accelerator=auto and trainer.devices=1"
        ) from error
    return trainer.world_size, trainer.strategy.root_device


def _strategy(hardware: HardwareConfig) -> str:
    """Heads without targets in a batch have no gradient there, which plain data-parallel training does not expect."""
    several = hardware.devices not in (1, "1") and hardware.strategy == "auto"
    if several and (hardware.devices != "auto" or torch.cuda.device_count() > 1):
        return "ddp_find_unused_parameters_true"
    return hardware.strategy


def save_weights(model: nn.Module, file: Path) -> None:
    """Write all weights; the file appears whole or not at all."""
    with replacing_path(file) as part:
        save_file({name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}, part)


def load_weights(model: nn.Module, file: Path) -> None:
    """Read what :func:`save_weights` wrote.

    Raises:
        ValueError: the file is of another model.
    """
    _load(model, load_file(file), file, ("",), advice="use another output directory, or training.resume=never")


def load_encoders(model: nn.Module, file: Path) -> None:
    """Read the encoders alone: what pretraining has trained. Heads and features, which it has not, stay as they are.

    A model without context (``no_context``) has no layers over turns, and leaves those of the file out.

    Args:
        model: read into.
        file: ``weights.safetensors`` of a pretraining stage.

    Raises:
        ValueError: the file is not there, holds no weights, or those of encoders of another shape.
    """
    if not file.is_file():
        raise ValueError(f"pretraining.weights: there is no file {file}; expected the weights.safetensors of a run's "
                         "checkpoints/model/pretraining")  # fmt: skip
    parts = ("turn_encoder.", "lexical_encoder.", "fusion.", "dialogue_encoder.")
    try:
        weights = {name: value for name, value in load_file(file).items() if name.startswith(parts)}
    except SafetensorError as error:
        raise ValueError(f"pretraining.weights: {file} cannot be read ({error}); expected the weights.safetensors of a "
                         "run's checkpoints/model/pretraining") from error  # fmt: skip
    context = ("dialogue_encoder.layers.", "dialogue_encoder.window.")
    if not any(name.startswith(context) for name in model.state_dict()):
        weights = {name: value for name, value in weights.items() if not name.startswith(context)}
    _load(model, weights, file, parts, advice="take the settings of model that it was pretrained with")


def _load(model: nn.Module, weights: dict[str, Tensor], file: Path, parts: tuple[str, ...], *, advice: str) -> None:
    try:
        missing = [name for name in model.load_state_dict(weights, strict=False).missing_keys if name.startswith(parts)]
        problem = f"it lacks {missing[0]}" if missing else ""
        problem = problem or next((f"{name} is too much" for name in weights if name not in model.state_dict()), "")
    except RuntimeError as error:
        problem = str(error).splitlines()[-1].strip()
    if problem:
        raise ValueError(f"{file} does not fit the model ({problem}); it was written with other settings: {advice}")
