"""Rows of a ``datasets.Dataset`` as dialogues, made when they are asked for: memory does not grow with the corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from selflearn.schema import Dialogue

if TYPE_CHECKING:
    from datasets import Dataset


class DialogueRows(Sequence[Dialogue]):
    """A read-only sequence of dialogues over a dataset on disk.

    Args:
        dataset: from :func:`selflearn.corpora.load_dialogues`.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        """Number of dialogues."""
        return len(self.dataset)

    @overload
    def __getitem__(self, index: int) -> Dialogue: ...
    @overload
    def __getitem__(self, index: slice) -> DialogueRows: ...
    def __getitem__(self, index: int | slice) -> Dialogue | DialogueRows:
        """One dialogue, or the rows of a slice."""
        if isinstance(index, slice):
            return self.take(range(*index.indices(len(self))))
        return Dialogue.from_dict(self.dataset[index])

    def __iter__(self) -> Iterator[Dialogue]:
        """One dialogue after the other."""
        return (Dialogue.from_dict(row) for row in self.dataset)

    def ids(self) -> list[str]:
        """The id of each dialogue, without the rest of it."""
        found: list[str] = self.dataset.with_format(None)["id"][:]
        return found

    @property
    def fingerprint(self) -> str:
        """Of what the dialogues are: the same for the same rows of the same files, wherever these lie."""
        return str(self.dataset._fingerprint)

    def take(self, indices: Sequence[int]) -> DialogueRows:
        """The rows of these indices, in this order."""
        return DialogueRows(self.dataset.select(indices))
