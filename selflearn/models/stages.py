"""Seconds that a system spends in each of its stages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StageClock:
    """Adds up seconds by stage. A stage inside of another one stops the clock of the outer one.

    It looks at a clock twice a stage and does not wait for a GPU: there, work that was started in one stage may be paid
    for in the next one.

    Attributes:
        seconds: by stage, since the clock was made; a stage that is open is added when it ends or another one begins.

    Example:
        >>> clock = StageClock()
        >>> with clock.stage("predict"), clock.stage("encode"):
        ...     pass
        >>> sorted(clock.seconds)
        ['encode', 'predict']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time until the block ends for a stage."""
        self._count()
        self._open.append(name)
        try:
            yield
        finally:
            self._count()
            self._open.pop()

    def _count(self) -> None:
        now = time.perf_counter()
        if self._open:
            name = self._open[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now
