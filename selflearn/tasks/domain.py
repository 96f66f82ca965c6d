"""Domain: which service is the turn about?

Slot names differ from one service to the next ("city" here, "destination" there), so a turn state that knows the
service helps the other tasks, and a goal record says which service it was.
"""

from __future__ import annotations

from selflearn.schema import Dialogue
from selflearn.tasks.base import domains_by_turn
from selflearn.tasks.turn_name import NamedTurnTask


class DomainTask(NamedTurnTask):
    """Name of the domain (service) per turn: that of the goal which the turn belongs to."""

    name = "domain"
    place = 40

    def names(self, dialogue: Dialogue) -> list[str | None]:
        """The domain of each turn's goal."""
        return domains_by_turn(dialogue)
