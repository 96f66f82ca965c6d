"""The model beside a single person: on all of its labels, and on the same labels that a threshold accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from sklearn.metrics import cohen_kappa_score, f1_score

from selflearn.corpora.splits import owner_of
from selflearn.evaluation.bootstrap import bootstrap_weights, interval
from selflearn.inference.audit import AuditedLabel, by_task
from selflearn.inference.rows import NO, YES
from selflearn.metrics import functional
from selflearn.trust import PairedDifference, paired_difference

YES_NO = ("success", "defect")
"""Tasks of two answers, of which the F1 of the rarer one is measured."""

HEADINGS = (
    "task",
    "labels",
    "who",
    "accepted",
    "accuracy",
    "F1 of the rarer answer",
    "kappa",
    "minus person [95%]",
)
"""Of :func:`comparison_rows`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How well labels agree with the gold ones.

    Attributes:
        n: labels.
        accuracy: share that is right.
        f1: of the rare answer; None for tasks that are not in :data:`YES_NO`.
        kappa: Cohen's; None there too, and where only one answer occurs.
        intervals: low and high end of each by its name, 95%, bootstrap over people where they are known,
            else over dialogues.
    """

    n: int
    accuracy: float
    f1: float | None = None
    kappa: float | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskComparison:
    """One task on dialogues that no promise was made from.

    Attributes:
        rare: of the two answers of a task of :data:`YES_NO` the one that is right less often, in all of the labels.
        model: on all of its labels.
        accepted: on those that are accepted; None where none is.
        coverage: share of the labels that is accepted.
        person: a single person on all labels; None where nobody labelled alone.
        person_accepted: the same person on the accepted labels.
        difference: model minus person on the labels that both answered, paired.
        difference_accepted: the same on those of them that are accepted.
    """

    rare: str | None
    model: Agreement
    accepted: Agreement | None
    coverage: float
    person: Agreement | None
    person_accepted: Agreement | None
    difference: PairedDifference | None
    difference_accepted: PairedDifference | None


def compare(labels: Sequence[AuditedLabel]) -> dict[str, TaskComparison]:
    """Compare task by task; labels that the person did not answer are left out of the person's figures.

    Args:
        labels: with ``row.accepted``, and ``person_right`` where a person labelled the same.
    """
    return {task: _compare(task, found) for task, found in by_task(labels).items()}


def comparison_rows(found: Mapping[str, TaskComparison], *, system: str = "model") -> list[list[str]]:
    """A table with :data:`HEADINGS`: system and person on all labels, and on those that are accepted.

    Args:
        found: by task.
        system: what the system is called.
    """
    cells = []
    for task, one in found.items():
        share = f"{one.coverage:.1%}"
        cells.append(_cells(task, system, "all", one.model, one.difference))
        if one.person is not None:
            cells.append(_cells(task, "person", "all", one.person))
        if one.accepted is None:
            cells.append([task, "", system, "nothing", "", "", "", ""])
            continue
        cells.append(_cells(task, system, share, one.accepted, one.difference_accepted))
        if one.person_accepted is not None:
            cells.append(_cells(task, "person", share, one.person_accepted))
    return cells


def _cells(
    task: str, who: str, accepted: str, agreement: Agreement, paired: PairedDifference | None = None
) -> list[str]:
    scores = [_score(agreement, name) for name in ("accuracy", "f1", "kappa")]
    change = "" if paired is None else f"{paired.difference:+.3f} [{paired.low:+.3f}, {paired.high:+.3f}]"
    return [task, f"{agreement.n:,}", who, accepted, *scores, change]


def _score(agreement: Agreement, name: str) -> str:
    value, ends = getattr(agreement, name), agreement.intervals.get(name)
    if value is None or ends is None:
        return "" if value is None else f"{value:.3f}"
    return f"{value:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"


def _compare(task: str, labels: Sequence[AuditedLabel]) -> TaskComparison:
    rare = _rare(labels) if task in YES_NO else None
    accepted = [label for label in labels if label.row.accepted]
    by_both = [label for label in labels if label.person_right is not None]
    both_accepted = [label for label in accepted if label.person_right is not None]
    return TaskComparison(
        rare=rare,
        model=_agreement(rare, labels, [label.right for label in labels]),
        accepted=_agreement(rare, accepted, [label.right for label in accepted]) if accepted else None,
        coverage=len(accepted) / len(labels),
        person=_of_person(rare, by_both),
        person_accepted=_of_person(rare, both_accepted),
        difference=_paired(by_both),
        difference_accepted=_paired(both_accepted),
    )


def _of_person(rare: str | None, labels: Sequence[AuditedLabel]) -> Agreement | None:
    return _agreement(rare, labels, [bool(label.person_right) for label in labels]) if labels else None


def _paired(labels: Sequence[AuditedLabel]) -> PairedDifference | None:
    if not labels:
        return None
    return paired_difference(
        [label.right for label in labels], [bool(label.person_right) for label in labels],
        [owner_of(label.user, label.row.dialogue_id) for label in labels],
    )  # fmt: skip


def _rare(labels: Sequence[AuditedLabel]) -> str:
    yes = sum(_is_yes(label) for label in labels)
    return YES if 2 * yes <= len(labels) else NO


def _is_yes(label: AuditedLabel) -> bool:
    """The right answer: of two, who is wrong says the other one."""
    return (label.row.label == YES) == label.right


def _agreement(rare: str | None, labels: Sequence[AuditedLabel], right: Sequence[bool]) -> Agreement:
    accuracy = sum(right) / len(labels)
    owners = np.unique([owner_of(label.user, label.row.dialogue_id) for label in labels], return_inverse=True)[1]
    if rare is None:
        return Agreement(n=len(labels), accuracy=accuracy, intervals=_intervals(np.array(right), None, owners))
    gold = [_is_yes(label) == (rare == YES) for label in labels]
    said = [value == correct for value, correct in zip(gold, right, strict=True)]
    varied = len({*gold, *said}) > 1
    return Agreement(
        n=len(labels), accuracy=accuracy, f1=float(f1_score(gold, said, zero_division=0.0)),
        kappa=float(cohen_kappa_score(gold, said)) if varied else None,
        intervals=_intervals(np.array(right), np.array(gold), owners),
    )  # fmt: skip


def _intervals(
    right: np.ndarray, gold: np.ndarray | None, owners: np.ndarray
) -> dict[str, tuple[float, float]]:  # fmt: skip
    """Of the accuracy, and where there are two answers of F1 and kappa; ``owners`` numbers whose each label is."""
    correct, groups = torch.from_numpy(right.astype(bool)), torch.from_numpy(owners.astype(np.int64))
    number = int(owners.max()) + 1
    weights = bootstrap_weights(range(number))
    ones = torch.ones_like(correct)
    each = functional.accuracy_statistics(correct, ones, groups, number)
    samples = {"accuracy": functional.accuracy_from_statistics(weights @ each)}
    if gold is not None:
        target = torch.from_numpy(gold.astype(bool))
        counts = weights @ functional.binary_statistics(target == correct, target, groups, number)
        samples |= {"f1": functional.binary_f1_from_statistics(counts),
                    "kappa": functional.binary_cohen_kappa_from_statistics(counts)}  # fmt: skip
    found = {name: interval(values) for name, values in samples.items()}
    return {name: ends for name, ends in found.items() if ends is not None}
