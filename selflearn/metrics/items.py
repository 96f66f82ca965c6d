"""Tables of items (one row an item: gold, prediction, score) and how a metric is computed from one.

Tables are what evaluation reads and what ``predictions/*.parquet`` holds. A task describes its table by an
:class:`ItemTable`; a metric of a table is a :class:`TableMetric`. It is computed for many weightings of the dialogues
at once, because a bootstrap resample of dialogues is a weighting of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

Weighted = Callable[[Tensor], Tensor]
"""Weights of the dialogues, float64, ``(..., G)``, to values of the metric, ``(...)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The items of one task as one system labelled them; ``N`` rows, ``G`` dialogues.

    Attributes:
        frame: ``N`` rows; rows of one dialogue in the order of its turns. Where a column ``fold`` says which of several
            systems scored a row, scores of different folds are on different scales, and are not compared.
        groups: the dialogue of each row, int64, ``(N,)``.
        num_groups: ``G``, dialogues without an item counted.
        window: ``k`` of Pk and WindowDiff, in turns; None where the task has no use for it.
    """

    frame: pd.DataFrame
    groups: Tensor
    num_groups: int
    window: int | None = None

    def flags(self, column: str) -> Tensor:
        """A column of decisions: bool, ``(N,)``."""
        return torch.from_numpy(self.frame[column].to_numpy(dtype=bool, copy=True))

    def scores(self, column: str = "score") -> Tensor:
        """A column of numbers: float64, ``(N,)``."""
        return torch.from_numpy(self.frame[column].to_numpy(dtype=float, copy=True))

    def comparable(self) -> Tensor:
        """Which scores are of one system: int64, ``(N,)``, the same number where they are."""
        if "fold" not in self.frame:
            return torch.zeros_like(self.groups)
        return torch.from_numpy(self.frame["fold"].to_numpy(dtype="int64", copy=True))

    def texts(self, column: str) -> list[str | None]:
        """A column of texts, ``N``; None where one is missing."""
        return [None if pd.isna(text) else str(text) for text in self.frame[column]]

    def numbered(self, *columns: str) -> tuple[Tensor, int]:
        """Number the names of some columns together, in sorted order; -1 for no name.

        Returns:
            int64 ``(columns, N)``, and how many names there are.
        """
        together = pd.concat([self.frame[column] for column in columns], ignore_index=True)
        codes, names = pd.factorize(together, sort=True)
        return torch.from_numpy(codes).long().view(len(columns), len(self.frame)), len(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMetric:
    """One metric of a table.

    Attributes:
        name: under which it is reported, after ``<task>/``.
        measure: prepares the items (sorts, counts) and returns the function of the weights.
        higher_is_better: for reading the table of results.
        needs: columns beyond the task's own; without them the table does not have the metric.
        whole_dialogues: defined on whole dialogues only: undefined on a slice that cuts through one.
    """

    name: str
    measure: Callable[[Items], Weighted]
    higher_is_better: bool = True
    needs: tuple[str, ...] = ()
    whole_dialogues: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTable:
    """What the table of a task looks like, and what is measured on it.

    Attributes:
        keys: columns that identify an item within its dialogue.
        metrics: in the order in which they are reported.
        values: ``"decision"`` (bool gold and prediction) or ``"name"`` (strings).
        optional: gold and prediction may be empty (a span that only one side has).
        consecutive: ``turn`` runs without a gap in each dialogue: the items are the gaps between turns.

    Raises:
        ValueError: ``values`` is neither of the two, or two metrics have one name.
    """

    keys: tuple[str, ...]
    metrics: tuple[TableMetric, ...]
    values: str = "decision"
    optional: bool = False
    consecutive: bool = False

    def __post_init__(self) -> None:
        if self.values not in ("decision", "name"):
            raise ValueError(f"ItemTable.values is {self.values!r}; expected 'decision' or 'name'")
        names = [metric.name for metric in self.metrics]
        if len(set(names)) < len(names):
            raise ValueError(f"ItemTable.metrics has a name twice: {names}; expected each once")


def additive(
    statistics: Callable[[Items], Tensor], from_statistics: Callable[[Tensor], Tensor]
) -> Callable[[Items], Weighted]:
    """A measure whose dialogues add up: one matrix product gives all resamples.

    Args:
        statistics: of each dialogue, ``(G, S)``.
        from_statistics: summed statistics ``(..., S)`` to values ``(...)``.
    """

    def measure(items: Items) -> Weighted:
        each = statistics(items)
        return lambda weights: from_statistics(weights @ each)

    return measure
