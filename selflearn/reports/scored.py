"""Labels of one task beside what is right: from the tables of a run, or from labelled dialogues beside gold ones."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from selflearn.inference.audit import MACHINE_MADE
from selflearn.inference.rows import YES, Acceptance, LabelRow, yes_no
from selflearn.schema import Labels, TurnLabels
from selflearn.trust import accepted_items

Pair = tuple[str | None, str | None]
"""The gold name of an item and the one that the system gave it; None where one of them sees nothing there."""

FREE_TEXT = ("transcript",)
"""Tasks whose answers are texts, not names: they have no table of names."""

UNITS: Mapping[str, str] = {
    "segmentation": "gaps between turns", "success": "goals with their true turns", "slots": "slots that were found",
}  # fmt: skip
"""What an item of the table of a task is, where it is not a turn."""

TABLES_OF_LABELS = ("intent", "slots", "transcript", "defect")
"""Tasks whose table has the very items that labels are: thresholds of labels may be applied to it."""


@dataclass(slots=True, kw_only=True)
class ScoredLabels:
    """``N`` scored labels of one task, and the names of all its items.

    Attributes:
        task: its name.
        unit: what one item is, in words, in the plural.
        scores: probability that the label is right, ``(N,)``.
        right: whether it is, ``(N,)``.
        accepted: whether it is accepted, ``(N,)``; None where no threshold is for these items.
        pairs: how often each pair of names occurs, also of items without a score.
    """

    task: str
    unit: str
    scores: array[float] = field(default_factory=lambda: array("d"))
    right: array[int] = field(default_factory=lambda: array("b"))
    accepted: array[int] | None = None
    pairs: Counter[Pair] = field(default_factory=Counter)


def scored_table(
    table_name: str, frame: pd.DataFrame, *, accept: Acceptance | None = None,
    calibrate: Callable[[np.ndarray], np.ndarray] | None = None,
) -> ScoredLabels:  # fmt: skip
    """The items of a table of predictions.

    Args:
        table_name: of a task, without a variant.
        frame: one row an item: ``dialogue_id``, ``gold``, ``prediction``, ``score``; decisions are boolean and scored
            by the probability of true.
        accept: threshold of the task; used where an item of the table is what a label is.
        calibrate: of the task's scores, used there too.
    """
    found = ScoredLabels(task=table_name, unit=UNITS.get(table_name, "turns"))
    decides = frame["prediction"].dtype == bool
    gold, said = (_names(frame[column], decides) for column in ("gold", "prediction"))
    if table_name not in FREE_TEXT:
        found.pairs.update(zip(gold, said, strict=True))
    if "score" not in frame:
        return found
    given = frame["prediction"].notna() & frame["score"].notna()
    scores = frame.loc[given, "score"].to_numpy(dtype=float)
    if decides:
        scores = np.where(frame.loc[given, "prediction"], scores, 1 - scores)
    if table_name in TABLES_OF_LABELS:
        scores = scores if calibrate is None else calibrate(scores)
        if accept is not None:
            dialogues = frame.loc[given, "dialogue_id"].to_numpy()
            taken = accepted_items(scores, dialogues, threshold=accept.threshold, max_items=accept.max_items)
            found.accepted = array("b", taken.astype(int).tolist())
    said_and_gold = frame.loc[given, ["prediction", "gold"]]
    if table_name in FREE_TEXT:  # as a label is compared (is_right): by its words
        said_and_gold = said_and_gold.map(lambda text: " ".join(str(text).casefold().split()))
    right = said_and_gold["prediction"].eq(said_and_gold["gold"]).fillna(False)
    found.scores, found.right = array("d", scores.tolist()), array("b", right.astype(int).tolist())
    return found


class GoldComparison:
    """Collects labelled dialogues beside gold ones, a dialogue at a time.

    Attributes:
        tasks: what was found of each task.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, ScoredLabels] = {}

    def add(self, rows: Sequence[LabelRow], right: Sequence[bool | None], said: Labels, gold: Labels) -> None:
        """Take up one dialogue.

        Args:
            rows: its labels.
            right: of each, whether it is right; None where nobody says.
            said: the model's labels.
            gold: the people's.
        """
        for row, is_so in zip(rows, right, strict=True):
            if row.score is None or is_so is None:
                continue
            found = self._task(row.task)
            found.scores.append(row.score)
            found.right.append(is_so)
            if row.accepted is not None:
                found.accepted = array("b") if found.accepted is None else found.accepted
                found.accepted.append(row.accepted)
        for task, pair in name_pairs(said, gold):
            self._task(task).pairs[pair] += 1

    def _task(self, task: str) -> ScoredLabels:
        units = {"segmentation": "goals", "success": "goals", "slots": "slots that were found"}
        return self.tasks.setdefault(task, ScoredLabels(task=task, unit=units.get(task, "turns")))


def name_pairs(said: Labels, gold: Labels) -> Iterator[tuple[str, Pair]]:
    """Task and names of every turn and span that both labels speak of."""
    for ours, theirs in zip(said.turns, gold.turns, strict=False):
        for task, one, other in (("intent", ours.intent, theirs.intent), ("defect", ours.defect, theirs.defect)):
            if one is not None and other is not None:
                yield task, (_name(other.value), _name(one.value))
        yield from (("slots", pair) for pair in _slot_pairs(ours, theirs))


def gold_name(row: LabelRow, gold: Labels) -> str | None:
    """What should stand in the place of a label that is wrong; None where that is no single name."""
    if row.task in ("success", "defect"):  # of two answers, the other one
        return yes_no(row.label != YES)
    if row.task not in ("intent", "transcript") or row.first_turn >= len(gold.turns):
        return None
    label = getattr(gold.turns[row.first_turn], row.task)
    return None if label is None else str(label.value)


def by_people(labels: Labels) -> bool:
    """Whether labels are those of people, so that others can be measured by them: there are some and no others."""
    sources = labels.sources()
    return bool(sources) and not MACHINE_MADE & sources


def _slot_pairs(ours: TurnLabels, theirs: TurnLabels) -> Iterator[Pair]:
    if ours.slots is None or theirs.slots is None:
        return
    one, other = ({(slot.start, slot.end): slot.name for slot in turn.slots or ()} for turn in (ours, theirs))
    for place in one.keys() | other.keys():
        yield other.get(place), one.get(place)


def _name(value: str | bool) -> str:
    return yes_no(value) if isinstance(value, bool) else value


def _names(column: pd.Series[str], decides: bool) -> list[str | None]:
    return [None if pd.isna(value) else yes_no(bool(value)) if decides else str(value) for value in column]
