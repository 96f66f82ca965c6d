"""The model beside a single person: on all of its labels, and on the same labels that a threshold accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sklearn.metrics import cohen_kappa_score, f1_score

from selflearn.inference.audit import AuditedLabel, by_task
from selflearn.inference.rows import NO, YES
from selflearn.trust import PairedDifference, paired_difference

RARE = {"success": NO, "defect": YES}
"""Tasks of two answers, with the rare one, whose F1 is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How well labels agree with the gold ones.

    Attributes:
        n: labels.
        accuracy: share that is right.
        f1: of the rare answer; None for tasks that are not in :data:`RARE`.
        kappa: Cohen's; None there too, and where only one answer occurs.
    """

    n: int
    accuracy: float
    f1: float | None = None
    kappa: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskComparison:
    """One task on dialogues that no promise was made from.

    Attributes:
        model: on all of its labels.
        accepted: on those that are accepted; None where none is.
        coverage: share of the labels that is accepted.
        person: a single person on all labels; None where nobody labelled alone.
        person_accepted: the same person on the accepted labels.
        difference: model minus person on the accepted labels, paired.
    """

    model: Agreement
    accepted: Agreement | None
    coverage: float
    person: Agreement | None
    person_accepted: Agreement | None
    difference: PairedDifference | None


def compare(labels: Sequence[AuditedLabel]) -> dict[str, TaskComparison]:
    """Compare task by task; labels that the person did not answer are left out of the person's figures.

    Args:
        labels: with ``row.accepted``, and ``person_right`` where a person labelled the same.
    """
    return {task: _compare(task, found) for task, found in by_task(labels).items()}


def _compare(task: str, labels: Sequence[AuditedLabel]) -> TaskComparison:
    accepted = [label for label in labels if label.row.accepted]
    by_both = [label for label in labels if label.person_right is not None]
    both_accepted = [label for label in accepted if label.person_right is not None]
    return TaskComparison(
        model=_agreement(task, labels, [label.right for label in labels]),
        accepted=_agreement(task, accepted, [label.right for label in accepted]) if accepted else None,
        coverage=len(accepted) / len(labels),
        person=_of_person(task, by_both),
        person_accepted=_of_person(task, both_accepted),
        difference=paired_difference(
            [label.right for label in both_accepted], [bool(label.person_right) for label in both_accepted],
            [label.row.dialogue_id for label in both_accepted],
        ) if both_accepted else None,
    )  # fmt: skip


def _of_person(task: str, labels: Sequence[AuditedLabel]) -> Agreement | None:
    return _agreement(task, labels, [bool(label.person_right) for label in labels]) if labels else None


def _agreement(task: str, labels: Sequence[AuditedLabel], right: Sequence[bool]) -> Agreement:
    accuracy = sum(right) / len(labels)
    rare = RARE.get(task)
    if rare is None:
        return Agreement(n=len(labels), accuracy=accuracy)
    # of two answers, who is wrong says the other one
    gold = [(label.row.label == rare) == label.right for label in labels]
    said = [value == correct for value, correct in zip(gold, right, strict=True)]
    varied = len({*gold, *said}) > 1
    return Agreement(
        n=len(labels), accuracy=accuracy, f1=float(f1_score(gold, said, zero_division=0.0)),
        kappa=float(cohen_kappa_score(gold, said)) if varied else None,
    )  # fmt: skip
