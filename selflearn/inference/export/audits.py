"""Samples for an audit: what people label by themselves, drawn at random and without the labels of the model.

The review queue begins with what is least certain and shows what the model said. Neither may be so where a promise is
to follow: its dialogues are the hard ones, and whoever is shown a label agrees with it too easily.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from selflearn.inference.rows import ExportError
from selflearn.schema import Dialogue
from selflearn.trust import audit_plan

TURNS, WHOLE = "argilla", "label_studio"
"""Formats that people label in: one asks about single turns, the other about whole dialogues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """How much is drawn.

    Attributes:
        number: of items, as the format has them: dialogues, or turns.
        seed: of the draw, from 0 on.

    Raises:
        ExportError: the seed or the number is no whole number, or the seed is below 0.
    """

    number: int
    seed: int = 0

    def __post_init__(self) -> None:
        if type(self.number) is not int:  # True would be an audit of one
            raise ExportError(f"audit is {self.number!r}; expected a whole number of dialogues or turns")
        if type(self.seed) is not int or self.seed < 0:
            raise ExportError(f"seed is {self.seed!r}; expected a whole number from 0 on")

    def check(self, to: str) -> None:
        """Refuse formats that nobody labels in.

        Raises:
            ExportError: names the format.
        """
        if to not in (TURNS, WHOLE):
            raise ExportError(f"an audit is to be exported to {to!r}; expected {WHOLE} (whole dialogues) or {TURNS} "
                              "(single turns), where people label")  # fmt: skip

    def dialogues(self, pool: int) -> list[int]:
        """Indices of the dialogues, each as likely as any other.

        Their order is random too: whoever stops early has a sample still.

        Raises:
            ExportError: there are not so many.
        """
        self._fits(pool, "dialogues")
        found: list[int] = np.random.default_rng(self.seed).permutation(pool)[: self.number].tolist()
        return found

    def turns(self, dialogues: Iterable[Dialogue]) -> dict[int, list[int]]:
        """Numbers of the turns by index of their dialogue, each turn as likely as any other; dialogues in random order.

        Raises:
            ExportError: there are not so many.
        """
        sizes = {str(i): len(dialogue.turns) for i, dialogue in enumerate(dialogues)}
        self._fits(sum(sizes.values()), "turns")
        chosen: dict[int, list[int]] = {}
        for name, turn in audit_plan(sizes, self.number, seed=self.seed).items:
            chosen.setdefault(int(name), []).append(turn)
        return {i: chosen[i] for i in np.random.default_rng(self.seed).permutation(list(chosen)).tolist()}

    def _fits(self, pool: int, items: str) -> None:
        if not 1 <= self.number <= pool:
            raise ExportError(f"the audit is of {self.number} {items} and there are {pool}; expected from 1 to as many "
                              "as there are")  # fmt: skip
