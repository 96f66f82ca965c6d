"""What any system - the model or a baseline - says of a dialogue, and the table of items made from it.

Every system answers in the same terms (:class:`DialoguePrediction`), so that every system is scored on the same items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from selflearn.schema import ObservedDialogue, Slot

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DialoguePrediction:
    """What a system says of one dialogue of ``T`` turns. A field is None where the system does not do the task.

    Attributes:
        boundaries: ``T`` probabilities that a goal starts at the turn; the first is 1.
        goals: the goals the system itself finds, ``[start, end)`` turns, covering the dialogue.
        failures: for each goal that was *asked about*, the probability that it was not reached.
        goal_failures: the same for each of ``goals``.
        intents: ``T`` pairs of the most probable name and its probability.
        slots: ``T`` tuples of named spans of the request, each with its score.
        defects: ``T`` probabilities that the response did not serve the person.
        extra: answers of tasks from elsewhere, one a turn, by the name of the task.
    """

    boundaries: tuple[float, ...] | None = None
    goals: tuple[Span, ...] | None = None
    failures: tuple[float, ...] | None = None
    goal_failures: tuple[float, ...] | None = None
    intents: tuple[tuple[str, float], ...] | None = None
    slots: tuple[tuple[Slot, ...], ...] | None = None
    defects: tuple[float, ...] | None = None
    extra: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


DEFAULT_THRESHOLD = 0.5
"""Of a task for which there was nothing to choose by."""


class Thresholds(dict[str, float]):
    """Probabilities from which a decision is taken, by the name of the task; 0.5 where none was chosen.

    They are chosen on dialogues that neither trained nor test the system.

    Example:
        >>> thresholds = Thresholds(defect=0.3)
        >>> thresholds["defect"], thresholds["success"]
        (0.3, 0.5)
    """

    def __missing__(self, task: str) -> float:
        return DEFAULT_THRESHOLD


class System(Protocol):
    """Anything that labels dialogues: the model, or a baseline."""

    @property
    def thresholds(self) -> Thresholds:
        """From which probability on it says yes."""
        ...

    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """Label dialogues, in order.

        Args:
            dialogues: what was observed.
            goals: for each dialogue the goals whose failure is asked about (may be empty).
        """
        ...


def goals_from_boundaries(boundaries: Sequence[float], threshold: float) -> tuple[Span, ...]:
    """Cut a dialogue where the probability of a boundary reaches the threshold; the first turn always opens a goal.

    Example:
        >>> goals_from_boundaries([1.0, 0.1, 0.9, 0.2], 0.5)
        ((0, 2), (2, 4))
    """
    starts = [i for i, p in enumerate(boundaries) if i == 0 or p >= threshold]
    return tuple(zip(starts, [*starts[1:], len(boundaries)], strict=True))
