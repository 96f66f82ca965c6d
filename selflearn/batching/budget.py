"""Which dialogues go into which batch: filled to a number of tokens, the same for a seed and an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


def fill_batches(sizes: Sequence[int] | np.ndarray, order: Sequence[int] | np.ndarray, budget: int) -> list[list[int]]:
    """Fill batches in ``order`` until the next dialogue would exceed ``budget`` tokens.

    A dialogue that exceeds the budget by itself gets a batch of its own.

    Args:
        sizes: tokens of each dialogue.
        order: dialogue numbers, in the order of filling.
        budget: most tokens of a batch.

    Raises:
        ValueError: the budget is below 1.

    Example:
        >>> fill_batches([5, 4, 9, 1], [0, 1, 2, 3], budget=9)
        [[0, 1], [2], [3]]
    """
    if budget < 1:
        raise ValueError(f"the token budget is {budget}; expected 1 or more")
    batches: list[list[int]] = []
    room = 0
    for i in order:
        size = int(sizes[i])
        if not batches or size > room:
            batches.append([])
            room = budget
        batches[-1].append(int(i))
        room -= size
    return batches


class EpochBatches:
    """Batches of every epoch, each epoch in another order that depends on (seed, epoch) alone.

    Args:
        sizes: tokens of each dialogue.
        budget: most tokens of a batch.
        seed: of the shuffles.
        world_size: number of processes; each gets the same number of batches.
    """

    def __init__(self, sizes: Sequence[int] | np.ndarray, *, budget: int, seed: int, world_size: int = 1) -> None:
        self.sizes, self.budget, self.seed, self.world_size = np.asarray(sizes), budget, seed, world_size

    def epoch(self, epoch: int, rank: int = 0) -> list[list[int]]:
        """The batches of one process in one epoch."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.sizes))
        batches = fill_batches(self.sizes, order, self.budget)
        if self.world_size > 1:  # equal shares, or a process would wait for a gradient that never comes
            short = -len(batches) % self.world_size
            batches += [batches[i % len(batches)] for i in range(short)]
        return batches[rank :: self.world_size]

    def steps(self, num_steps: int, *, start: int = 0, rank: int = 0) -> Iterator[tuple[int, list[int]]]:
        """(epoch, batch) of the steps ``start`` to ``num_steps`` of endless epochs: what is left after a resume."""
        step, epoch = 0, 0
        while step < num_steps and len(self.sizes):
            for batch in self.epoch(epoch, rank):
                if start <= step < num_steps:
                    yield epoch, batch
                step += 1
            epoch += 1

    def num_steps(self, epochs: float) -> int:
        """Optimiser steps of a number of epochs (a fraction is allowed)."""
        whole = sum(len(self.epoch(e)) for e in range(int(epochs)))
        part = epochs - int(epochs)
        return whole + (round(part * len(self.epoch(int(epochs)))) if part else 0)
