"""Batches of a training stage: the same for a seed, from any step on, on any number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import lightning
import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler

from selflearn.batching.budget import EpochBatches
from selflearn.batching.texts import OnOverflow, TooLongError
from selflearn.batching.windows import cut_dialogue, turn_windows
from selflearn.schema import Dialogue

Step = tuple[int, list[int]]
Collate = Callable[[Sequence[Dialogue], int], Any]


class _StepDataset(Dataset[Any]):
    """Maps (epoch, dialogue numbers) to a batch."""

    def __init__(self, dialogues: Sequence[Dialogue], items: Sequence[tuple[int, int, int]], collate: Collate) -> None:
        self.dialogues, self.items, self.collate = dialogues, items, collate

    def __getitem__(self, step: Step) -> Any:
        epoch, numbers = step
        rows = [self.items[i] for i in numbers]
        return self.collate([cut_dialogue(self.dialogues[row], start, end) for row, start, end in rows], epoch)

    def __len__(self) -> int:
        return len(self.items)


class _StepSampler(Sampler[Step]):
    """The steps that are left; its length is that of the whole stage, as Lightning counts from the first step."""

    def __init__(self, batches: EpochBatches, num_steps: int, rank: int, done: Callable[[], int]) -> None:
        self.batches, self.num_steps, self.rank, self.done = batches, num_steps, rank, done

    def __iter__(self) -> Iterator[Step]:
        return self.batches.steps(self.num_steps, start=self.done(), rank=self.rank)

    def __len__(self) -> int:
        return self.num_steps


class TrainingData(lightning.LightningDataModule):
    """Batches filled to a token budget.

    A stage is one pass over ``num_steps`` batches, which may be several epochs of the data; after a resume it goes on
    with the batch after the last one that was trained on.

    Args:
        dialogues: training dialogues; read when needed.
        collate: makes a batch of dialogues in an epoch.
        num_tokens: size of a dialogue in tokens.
        token_budget: most tokens of a batch.
        max_turns: longest dialogue; longer ones are handled as ``on_overflow`` says.
        on_overflow: "window", "truncate" or "error".
        epochs: passes over the data; fractions are allowed.
        seed: of the order.
        workers: processes that make batches; 0 = the training process itself.
        world_size: processes that train together.
        truncated: how many texts of a dialogue are longer than the encoder reads; None = nobody counts them.
        untrained: how many labels of a dialogue there is no target for; None = nobody counts them.

    Attributes:
        windowed: dialogues that are read in several windows.
        dropped_turns: turns beyond the longest dialogue that are not trained on.
        truncated_texts: texts of which only the beginning is read.
        labels_left_out: labels that there is no target for.

    Raises:
        ValueError: there is no dialogue.
        TooLongError: something is too long and ``on_overflow`` is "error".
    """

    def __init__(
        self,
        dialogues: Sequence[Dialogue],
        collate: Collate,
        *,
        num_tokens: Callable[[Dialogue], int],
        token_budget: int,
        max_turns: int,
        on_overflow: OnOverflow = "window",
        epochs: float = 1,
        seed: int = 0,
        workers: int = 0,
        world_size: int = 1,
        truncated: Callable[[Dialogue], int] | None = None,
        untrained: Callable[[Dialogue], int] | None = None,
    ) -> None:
        super().__init__()
        if not len(dialogues):
            raise ValueError("there is no dialogue to train on; look at the counts of the reader and at data.limit")
        self.items, sizes = [], []
        self.windowed = self.dropped_turns = self.truncated_texts = self.labels_left_out = 0
        for row, dialogue in enumerate(dialogues):
            windows = turn_windows(len(dialogue.turns), max_turns, on_overflow, name=f"dialogue {dialogue.id!r}")
            self.windowed += len(windows) > 1
            self.dropped_turns += len(dialogue.turns) - windows[-1][1]
            read = cut_dialogue(dialogue, 0, windows[-1][1])
            self.labels_left_out += untrained(read) if untrained is not None else 0
            cut = truncated(read) if truncated is not None else 0
            if cut and on_overflow == "error":
                raise TooLongError(
                    f"dialogue {dialogue.id!r} has a text that is longer than model.max_tokens; expected none, "
                    "or data.on_overflow=window or truncate"
                )
            self.truncated_texts += cut
            for start, end in windows:
                self.items.append((row, start, end))
                sizes.append(num_tokens(cut_dialogue(dialogue, start, end)))
        self.dataset = _StepDataset(dialogues, self.items, collate)
        self.batches = EpochBatches(np.array(sizes), budget=token_budget, seed=seed, world_size=world_size)
        self.num_steps = max(1, self.batches.num_steps(epochs))
        self.workers = workers

    def train_dataloader(self) -> DataLoader[Any]:
        """The batches that are left of the stage.

        Raises:
            RuntimeError: the data is not attached to a trainer: ``trainer.fit(module, data)`` does that.
        """
        trainer = self.trainer
        if trainer is None:
            raise RuntimeError("the data is not attached to a trainer; call trainer.fit(module, data)")
        sampler = _StepSampler(
            self.batches,
            self.num_steps,
            trainer.global_rank,
            lambda: trainer.fit_loop.epoch_loop.batch_progress.current.ready,
        )
        return DataLoader(
            self.dataset, batch_size=None, sampler=sampler, num_workers=self.workers,
            persistent_workers=self.workers > 0, pin_memory=trainer.strategy.root_device.type == "cuda",
        )  # fmt: skip
