"""How a label generator is made from dialogues: build, pretrain, fine-tune, choose thresholds."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only

from selflearn._limits import Index, SettingError, fits, in_words
from selflearn._progress import progress_bar
from selflearn.batching.audio import Recordings
from selflearn.batching.batch import TextBucket
from selflearn.batching.budget import fill_batches
from selflearn.batching.texts import OnOverflow
from selflearn.batching.windows import cut_dialogue
from selflearn.corpora.views import VIEWS
from selflearn.models import LabelGenerator
from selflearn.models.system import ModelSystem, ReadCounts
from selflearn.pretraining import SwapCollator, SwapObjectives
from selflearn.pretraining.build import make_swaps
from selflearn.pretraining.known_texts import KnownTexts
from selflearn.pretraining.measures import SwapJudge
from selflearn.schema import Dialogue
from selflearn.tasks import Thresholds, task_classes
from selflearn.tasks.success import asked_goals
from selflearn.training.build import build_model, fit_tasks, known_tasks
from selflearn.training.data import TrainingData
from selflearn.training.identity import stage_identity
from selflearn.training.module import FineTuning, Pretraining, check_weighted
from selflearn.training.settings import ModelSettings, PretrainingSettings, TrainingSettings
from selflearn.training.stage import (
    StageConfig,
    check_finite,
    load_encoders,
    load_finished,
    placement,
    precision,
    read_measures,
    run_stage,
)

log = logging.getLogger(__name__)


def pretrain(
    model: LabelGenerator,
    tokenizer: Any,
    dialogues: Sequence[Dialogue],
    settings: PretrainingSettings,
    encoder: str,
    stage: StageConfig,
    *,
    seed: int,
    on_overflow: OnOverflow = "window",
    workers: int = 0,
    held_out: Sequence[Dialogue] = (),
) -> dict[str, float]:
    """Train the encoders on swapped answers; no label is read.

    Args:
        model: trained in place.
        tokenizer: its tokenizer.
        dialogues: labelled or not; what is observed in them is used.
        settings: how.
        encoder: name of the frozen encoder that finds the nearest responses.
        stage: where checkpoints go.
        seed: of swaps, order and dropout.
        on_overflow: what happens to dialogues that are too long.
        workers: processes that make batches, which takes long here: the nearest responses are looked up for them.
        held_out: dialogues to measure on what was learned, none of those above.

    Returns:
        What :meth:`SwapJudge.measures` measures; of a stage that was done before, what it measured then. Empty without
        pretraining.

    Raises:
        ValueError: there is no response to swap, or the training has diverged.
    """
    if settings.weights is not None:
        load_encoders(model, Path(settings.weights))
        return {}
    if not settings.epochs:
        return {}
    identity = stage_identity(model, dialogues, settings=settings, encoder=encoder, seed=seed, on_overflow=on_overflow)
    if load_finished(model, stage, identity):
        check_finite(model, "pretraining")
        return read_measures(stage)
    swaps = make_swaps(
        model, tokenizer, dialogues, settings.swaps, encoder=encoder, pool_size=settings.pool_size, seed=seed
    )
    inputs = model.collator(tokenizer, with_targets=False)
    data = TrainingData(
        dialogues, lambda batch, epoch: swaps([dialogue.observed() for dialogue in batch], epoch),
        num_tokens=lambda dialogue: inputs.num_tokens(dialogue.observed()),
        token_budget=settings.token_budget, max_turns=model.config.max_turns, epochs=settings.epochs, seed=seed + 1,
        on_overflow=on_overflow, workers=workers,
        world_size=placement(stage.hardware)[0],
        truncated=(lambda dialogue: inputs.truncated(dialogue.observed())) if on_overflow == "error" else None,
    )  # fmt: skip
    known = None if settings.optimization.encoder_lr else _known_texts(model, swaps, dialogues, settings, stage)
    objectives = SwapObjectives(size=model.config.size, text_size=model.turn_encoder.hidden_size, known=known)
    module = Pretraining(model, objectives, optimization=settings.optimization, num_steps=data.num_steps, seed=seed)
    judge = SwapJudge(
        model=model, objectives=objectives, tokenizer=tokenizer, dialogues=held_out, encoder=encoder,
        pool_size=settings.pool_size, seed=seed,
    )  # fmt: skip
    measure = partial(_judged, judge, settings, placement(stage.hardware)[1])
    run_stage(module, data, stage, identity, measure=measure)
    check_finite(model, "pretraining")
    return read_measures(stage)


def _known_texts(
    model: LabelGenerator,
    swaps: SwapCollator,
    dialogues: Sequence[Dialogue],
    settings: PretrainingSettings,
    stage: StageConfig,
) -> KnownTexts:
    """Of a frozen encoder; the texts of the dialogues are read as the stage begins."""

    def batches() -> Iterator[tuple[int, tuple[TextBucket, ...]]]:
        sizes = [swaps.collator.num_tokens(dialogue.observed()) for dialogue in dialogues]
        for members in fill_batches(sizes, range(len(sizes)), settings.token_budget):
            yield len(members), swaps.collator.inputs([dialogues[i].observed() for i in members]).buckets

    bar = partial(progress_bar, "texts", len(dialogues)) if stage.progress and _leads() else None
    return KnownTexts(model.turn_encoder, batches, bar=bar)


def _leads() -> bool:
    """Whether this is the process that shows bars, of several."""
    return bool(rank_zero_only.rank == 0)  # type: ignore[attr-defined]


def _judged(judge: SwapJudge, settings: PretrainingSettings, device: torch.device) -> dict[str, float]:
    """What was learned, measured and said."""
    for part in (judge.model, judge.objectives):
        torch.nn.Module.to(part, device)  # Lightning leaves them on the CPU
    learned = judge.measures(settings.swaps)
    for what, value in learned.items():
        log.info("pretraining, on dialogues that it did not read: %s %.3f", what, value)
    return learned


def fine_tune(
    model: LabelGenerator,
    tokenizer: Any,
    dialogues: Sequence[Dialogue],
    settings: TrainingSettings,
    stage: StageConfig,
    *,
    seed: int,
) -> TrainingData:
    """Train everything on labelled dialogues; returns the data with its counts.

    Raises:
        ValueError: there is no dialogue, or the training has diverged.
        TooLongError: something is too long and ``on_overflow`` is "error".
    """
    collator = model.collator(tokenizer)

    def collate(batch: Sequence[Dialogue], epoch: int) -> Any:
        shown = [_shown(dialogue, settings, seed=seed, epoch=epoch) for dialogue in batch]
        return collator(shown)

    data = TrainingData(
        dialogues, collate, num_tokens=lambda dialogue: collator.num_tokens(dialogue.observed()),
        token_budget=settings.token_budget, max_turns=model.config.max_turns, on_overflow=settings.on_overflow,
        epochs=settings.epochs, seed=seed, workers=settings.workers, world_size=placement(stage.hardware)[0],
        truncated=lambda dialogue: collator.truncated(dialogue.observed()),
        untrained=lambda dialogue: sum(t.untrained(dialogue, collator.request_spans) for t in model.tasks.values()),
    )  # fmt: skip
    module = FineTuning(
        model, loss_weights=settings.loss_weights, optimization=settings.optimization, num_steps=data.num_steps,
        seed=seed,
    )  # fmt: skip
    # how many processes make batches decides nothing of what is learned
    identity = stage_identity(model, dialogues, settings=replace(settings, workers=0), seed=seed, tasks=[*model.tasks])
    run_stage(module, data, stage, identity)
    check_finite(model, "training")
    return data


def _shown(dialogue: Dialogue, settings: TrainingSettings, *, seed: int, epoch: int) -> Dialogue:
    """The dialogue whole or in a view, the same for (seed, epoch, dialogue)."""
    if not settings.views:
        return dialogue
    rng = np.random.default_rng([seed, epoch, *dialogue.id.encode()])
    if rng.random() >= settings.view_share:
        return dialogue
    shown = VIEWS[settings.views[int(rng.integers(len(settings.views)))]](dialogue)
    return shown[int(rng.integers(len(shown)))] if shown else dialogue


def choose_thresholds(system: ModelSystem, dialogues: Sequence[Dialogue]) -> Thresholds:
    """Set the thresholds that are best on dialogues which training did not see; they are saved with the model.

    A task that decides by one says which is best (:meth:`Task.tune_threshold`); where it cannot, it keeps what it has.
    What is not read of a long dialogue (``on_overflow="truncate"``) has no say: its answers are no scores.
    """
    ends = [system.windows(len(d.turns), name=f"dialogue {d.id!r}")[-1][1] for d in dialogues]
    dialogues = [cut_dialogue(dialogue, 0, end) for dialogue, end in zip(dialogues, ends, strict=True)]
    observed = [dialogue.observed() for dialogue in dialogues]
    predictions = system.predict(observed, asked_goals(dialogues))
    chosen = system.thresholds
    for name, task in system.model.tasks.items():
        best = task.tune_threshold(task.tables(dialogues, predictions, chosen)[name])
        if best is not None:
            chosen[name] = best
    system.model.config.thresholds = dict(chosen)
    system.model.config.check()  # what would be refused when the model is loaded
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All settings of a label generator, and :meth:`train` to follow them.

    Attributes:
        model: what is built.
        pretraining: on swapped answers.
        training: fine-tuning.
        tasks: names, in the order of the heads; every known task where they are left out.
        seed: of everything random.
        recordings: folder that the log's relative audio references start from; None reads no audio.

    Raises:
        SettingError: the seed is no whole number, or less than 0.
        ValueError: there is no task of that name, or none at all, or one is named twice, or a loss weight is of a task
            that nobody knows.
    """

    model: ModelSettings = field(default_factory=ModelSettings)
    pretraining: PretrainingSettings = field(default_factory=PretrainingSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    tasks: tuple[str, ...] = field(default_factory=lambda: tuple(task_classes()))
    seed: int = 1
    recordings: str | None = None

    def __post_init__(self) -> None:
        """Check the seed, and the names of tasks: pretraining, which asks for none of them, takes long."""
        if not fits(Index, self.seed):
            raise SettingError("seed", self.seed, in_words(Index))
        known_tasks(self.tasks)
        if self.training.loss_weights != "learned":
            check_weighted(self.training.loss_weights)

    def without_context(self) -> Recipe:
        """The baseline ``no_context``: the same in everything but the dialogue encoder, which has no layers."""
        return replace(self, model=replace(self.model, dialogue=replace(self.model.dialogue, layers=0)))

    def train(
        self,
        labelled: Sequence[Dialogue],
        tune: Sequence[Dialogue],
        stage: StageConfig,
        *,
        unlabelled: Sequence[Dialogue] | None = None,
    ) -> ModelSystem:
        """Build, pretrain, fine-tune and choose thresholds.

        Args:
            labelled: dialogues to fine-tune on.
            tune: dialogues to choose thresholds on.
            stage: ``stage.directory`` gets a folder for each stage.
            unlabelled: dialogues to pretrain on; None = the labelled ones.

        Raises:
            ValueError: a task is unknown or none is labelled, there is no dialogue, texts may be longer than the
                encoder reads, an audio encoder has no recording, or there is no response to swap.
            TooLongError: something is too long and ``training.on_overflow`` is "error".
        """
        tasks = fit_tasks(self.tasks, labelled)
        recordings = None
        if self.recordings is not None and "audio" not in self.model.without:
            recordings = Recordings(self.recordings)
        model, tokenizer = build_model(self.model, tasks, labelled, seed=self.seed, recordings=recordings)
        missing = 0 if recordings is None else _missing(recordings, labelled)
        learned = pretrain(
            model, tokenizer, labelled if unlabelled is None else unlabelled, self.pretraining, self.model.encoder,
            replace(stage, directory=stage.directory / "pretraining"), seed=self.seed,
            on_overflow=self.training.on_overflow, workers=self.training.workers,
            held_out=tune if self.model.dialogue.layers else (),  # without context there is little to learn from them
        )  # fmt: skip
        data = fine_tune(
            model, tokenizer, labelled, self.training, replace(stage, directory=stage.directory / "fine_tuning"),
            seed=self.seed,
        )  # fmt: skip
        torch.nn.Module.to(model, placement(stage.hardware)[1])  # Lightning leaves it on the CPU
        system = ModelSystem(
            model, tokenizer, on_overflow=self.training.on_overflow, bf16=precision(stage.hardware) == "bf16-mixed",
            bar=partial(progress_bar, "labelling") if stage.progress and _leads() else None,
            trained_on=ReadCounts(
                truncated_texts=data.truncated_texts, windowed_dialogues=data.windowed,
                dropped_turns=data.dropped_turns, missing_recordings=missing, labels_left_out=data.labels_left_out,
            ),
            pretrained=learned,
        )  # fmt: skip
        choose_thresholds(system, tune)
        return system


def _missing(recordings: Recordings, dialogues: Sequence[Dialogue]) -> int:
    """Recordings of training dialogues that are not there, counted and said."""
    lost = [reference for dialogue in dialogues for reference in recordings.missing(dialogue.observed())]
    if lost:
        log.warning("%d recordings of the training dialogues are not in %s, for example %s", len(lost),
                    recordings.root, lost[0])  # fmt: skip
    return len(lost)
