"""What a set of labelled dialogues holds: names of intents and slots, kinds of labels, and the order of review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from selflearn.inference.goal_records import ABSTENTION
from selflearn.inference.rows import Acceptance, label_rows, review_key
from selflearn.schema import Dialogue

_ASKED = {"segmentation": "goal", "success": "success", "intent": "intent", "slots": "slot", "defect": "defect"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Names and order, over all dialogues of an export.

    Attributes:
        intents: their names, sorted, with "other", which says that none fits; empty where no other one is labelled.
        slots: their names, sorted.
        asked: what reviewers are asked: of "goal", "success", "intent", "slot" and "defect" those that are labelled;
            not of intents and slots without a name to choose.
        order: indices of the dialogues, those with a rejected label first, then by their least certain label.
    """

    intents: tuple[str, ...]
    slots: tuple[str, ...]
    asked: frozenset[str]
    order: tuple[int, ...]

    def of_turns(self) -> Survey:
        """Without what a single turn does not say: where goals begin and end, and whether they were reached."""
        return replace(self, asked=self.asked - {"goal", "success"})


def survey(
    dialogues: Iterable[Dialogue], accept: Mapping[str, Acceptance] | None = None,
    names: Mapping[str, Iterable[str]] | None = None,
) -> Survey:  # fmt: skip
    """Read all labels once; keeps names and a number a dialogue.

    Args:
        dialogues: labelled.
        accept: threshold by task, for the order.
        names: of "intent" and "slots", those to choose from beside the ones that occur: all that the model knows.
    """
    intents, slots = (set((names or {}).get(task, ())) for task in ("intent", "slots"))
    asked: set[str] = set()
    keys = []
    for dialogue in dialogues:
        rows = label_rows(dialogue, accept=accept)
        keys.append(review_key(rows))
        asked.update(_ASKED[row.task] for row in rows if row.task in _ASKED)
        for row in rows:
            if row.label is not None and row.task in ("intent", "slots"):
                (intents if row.task == "intent" else slots).add(row.label)
    if not slots:
        asked.discard("slot")  # without a name there is nothing to choose from
    if intents <= {ABSTENTION}:
        asked.discard("intent")
    return Survey(
        intents=tuple(sorted(intents | {ABSTENTION})) if "intent" in asked else (), slots=tuple(sorted(slots)),
        asked=frozenset(asked), order=tuple(sorted(range(len(keys)), key=keys.__getitem__)),
    )  # fmt: skip
