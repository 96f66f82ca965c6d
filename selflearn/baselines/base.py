"""What every baseline is: a system that is fitted on the training dialogues and tuned on the same cut as the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Self

from selflearn.schema import Dialogue, ObservedDialogue
from selflearn.tasks.prediction import DialoguePrediction, Span, Thresholds, goals_from_boundaries

Choice = dict[str, Any]
"""What was chosen for one task: plain numbers and strings for the report."""

NOT_LABELLED: Choice = {"skipped": "nothing is labelled in the training dialogues"}
UNKNOWN: Choice = {"skipped": "no baseline of this kind does the task"}


class Baseline(ABC):
    """A system that answers in the same terms as the model, so that it is scored on the same items.

    Attributes:
        name: as in the keys of the results.
        thresholds: chosen on the tuning dialogues.
        choices: for each task what was chosen there (window, regularisation, threshold, the value reached), or
            ``skipped`` with the reason.

    Args:
        causal: read nothing later than the turn's response (for success, than the goal), as a causal model does. One
            that reads the item alone is causal in any case.
    """

    name: ClassVar[str]

    def __init__(self, *, causal: bool = False) -> None:
        self.causal = causal
        self.thresholds = Thresholds()
        self.choices: dict[str, Choice] = {}

    @abstractmethod
    def fit(self, train: Sequence[Dialogue], tune: Sequence[Dialogue], *, tasks: Collection[str], seed: int) -> Self:
        """Fit on labelled dialogues.

        Args:
            train: what the classifiers learn from.
            tune: what window, regularisation and thresholds are chosen on; disjoint from ``train``.
            tasks: names of the tasks to do; one without a labelled item in ``train``, or that no baseline knows, is
                left out and noted in ``choices``.
            seed: of everything random.

        Raises:
            ValueError: ``train`` is empty.
        """

    @abstractmethod
    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """Label dialogues, in order; see :class:`selflearn.tasks.System`.

        Raises:
            ValueError: there are not as many rows of goals as dialogues, or nothing was fitted before.
        """


def check_train(train: Sequence[Dialogue]) -> None:
    """Refuse to fit on nothing.

    Raises:
        ValueError: ``train`` is empty.
    """
    if not train:
        raise ValueError("there are 0 training dialogues; expected at least one")


def check_goals(dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]) -> None:
    """Refuse goals that cannot belong to the dialogues.

    Raises:
        ValueError: there are not as many rows of goals as dialogues.
    """
    if len(dialogues) != len(goals):
        raise ValueError(f"{len(dialogues)} dialogues, {len(goals)} rows of goals; expected one row a dialogue")


def add_goals(fields: dict[str, Any], thresholds: Thresholds) -> None:
    """Say of a prediction in the making that its first turn is a boundary, and which goals its boundaries make.

    Args:
        fields: of the :class:`DialoguePrediction`; without ``boundaries`` they stay as they are.
        thresholds: of the system.
    """
    if "boundaries" in fields:
        said = fields["boundaries"]
        fields["boundaries"] = (1.0, *said[1:])[: len(said)]
        fields["goals"] = goals_from_boundaries(fields["boundaries"], thresholds["segmentation"])
