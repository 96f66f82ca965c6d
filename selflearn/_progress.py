"""A progress bar in the terminal, for what takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int], None]
"""Told how many more are done."""


@contextmanager
def progress_bar(what: str, total: int | None = None) -> Iterator[Progress]:
    """A bar that shows how many of ``total`` are done and how long the rest will take; without a total it counts.

    Args:
        what: stands before the bar.
        total: how many there are to do, where that is known.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Bars(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(what, total=total)
        yield lambda number: bars.advance(bar, number)
