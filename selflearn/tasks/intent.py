"""Intent: which of the names of the training data does the person ask for in this turn?"""

from __future__ import annotations

from selflearn.schema import Dialogue
from selflearn.tasks.turn_name import NamedTurnTask


class IntentTask(NamedTurnTask):
    """Name of the intent per turn."""

    name = "intent"
    prediction_field = "intents"

    @staticmethod
    def names(dialogue: Dialogue) -> list[str | None]:
        """The label of each turn."""
        turns = dialogue.labels.turns
        return [turn.intent.value if turn.intent else None for turn in turns] or [None] * len(dialogue.turns)
