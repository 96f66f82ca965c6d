"""What is promised of a model's labels, a task at a time: certified on audited dialogues, kept beside the model."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

from selflearn._replacing import replace_text
from selflearn.batching.presence import Presence
from selflearn.inference.audit import AuditedLabel, by_task
from selflearn.inference.audit_design import drawn_as, independence
from selflearn.inference.rows import EACH, Acceptance, promise_key
from selflearn.trust import Certificate, certify, certify_each

log = logging.getLogger(__name__)

FILE = "promises.json"
"""In the directory of a model."""

NOTHING_AUDITED = "no label was audited; expected labelled dialogues with labels of the model's tasks"


class AnotherModelError(ValueError):
    """What is promised beside a model is of another one."""


@cache
def acceptance(certificate: Certificate) -> Acceptance:
    """What label rows are accepted by."""
    return Acceptance(threshold=certificate.threshold, promise=certificate.promise, max_items=certificate.max_items)


def certify_tasks(
    audited: Sequence[AuditedLabel], *, target_error: float, confidence: float, method: str = "auto",
    max_items: int | None = None, seed: int = 0, starts: int = 1, design: str | None = None,
) -> dict[str, Certificate]:  # fmt: skip
    """Certify the labels of each task by themselves, as they were drawn for the audit.

    Each promise has the confidence for itself; that all of them hold at once is less certain
    (:func:`selflearn.trust.certify_each` promises that).

    Args:
        audited: all scored labels of dialogues that had no part in training, tuning or calibration.
        target_error: see :func:`selflearn.trust.certify`, as are the others.
        confidence: of each promise.
        method: of certification.
        max_items: at most so many accepted labels of a task in a dialogue.
        seed: of betting.
        starts: of the walk of each task.
        design: what was drawn, one of :data:`selflearn.inference.audit_design.DESIGNS`; None: users, if a user has
            several of the dialogues, else dialogues.

    Raises:
        ValueError: nothing was audited, or an argument is out of range.
    """
    if not audited:
        raise ValueError(NOTHING_AUDITED)
    found, drawn = {}, drawn_as(audited, design)
    for task, labels in by_task(audited).items():
        scores, right = [label.row.score or 0.0 for label in labels], [label.right for label in labels]
        of_each = independence(labels, drawn)
        found[task] = certify(
            scores, right, of_each.groups, target_error, confidence, method, max_items=max_items, seed=seed,
            starts=starts, units=of_each.units, unit=of_each.unit,
        )  # fmt: skip
    return found


def certify_names(
    audited: Sequence[AuditedLabel], each: str, *, target_error: float, confidence: float, method: str = "auto",
    max_items: int | None = None, seed: int = 0, starts: int = 1, design: str | None = None,
) -> tuple[dict[str, Certificate], dict[str, float]]:  # fmt: skip
    """Certify the labels of each name, or of each domain, by themselves.

    The promises of a task hold together with the confidence. Labels without a name, such as transcripts, have a promise
    of their own.

    Args:
        audited: see :func:`certify_tasks`, as are the others.
        each: ``"label"`` or ``"domain"``.
        target_error: of the accepted labels of each name.
        confidence: that all promises of a task hold.
        method: of certification.
        max_items: at most so many accepted labels of a name in a dialogue.
        seed: of betting.
        starts: of each walk.
        design: see :func:`certify_tasks`.

    Returns:
        The certificates by :func:`~selflearn.inference.rows.promise_key`, and by the same key what it costs that those
        of a task hold together (:class:`selflearn.trust.CertificatesTogether`).

    Raises:
        ValueError: nothing was audited, or an argument is out of range.
    """
    if each not in EACH:
        raise ValueError(f"each is {each!r}; expected one of {', '.join(EACH)}")
    if not audited:
        raise ValueError(NOTHING_AUDITED)
    promises: dict[str, Certificate] = {}
    price: dict[str, float] = {}
    drawn = drawn_as(audited, design)
    for task, labels in by_task(audited).items():
        of_each = independence(labels, drawn)
        found = certify_each(
            [label.row.score or 0.0 for label in labels], [label.right for label in labels],
            [promise_key(task, each, getattr(label.row, each)) for label in labels],
            of_each.groups, target_error, confidence, method, max_items=max_items, seed=seed, starts=starts,
            units=of_each.units, unit=of_each.unit,
        )  # fmt: skip
        promises |= found.certificates
        price |= found.price
    return promises, price


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What is promised of a model.

    Attributes:
        tasks: by task or by name (:func:`~selflearn.inference.rows.promise_key`).
        audited: which fields the audited dialogues had: of dialogues that lack some, nothing is promised.
    """

    tasks: Mapping[str, Certificate] = field(default_factory=dict)
    audited: Presence = field(default_factory=Presence)

    def of(self, given: Presence) -> Mapping[str, Certificate]:
        """The promises of dialogues with these fields: nothing is accepted where they are not like the audited ones.

        Args:
            given: of the dialogues to be labelled.
        """
        why = self.audited.differences(given, known="audited")
        if not why:
            return self.tasks
        said = "Nothing is accepted: what was certified is of dialogues like the audited ones, and " + "; ".join(why)
        return {key: replace(one, threshold=None, coverage=0.0, promise=f"{said}.") for key, one in self.tasks.items()}


def write_promises(promises: Promises, directory: Path, *, model: str) -> Path:
    """Write them into the directory of the model; ``model`` is its fingerprint."""
    tasks = {task: asdict(certificate) for task, certificate in promises.tasks.items()}
    file = directory / FILE
    found = {"model": model, "audited": promises.audited.to_dict(), "tasks": tasks}
    replace_text(file, json.dumps(found, indent=1) + "\n")
    return file


def read_promises(directory: Path, *, model: str) -> Promises:
    """What :func:`write_promises` wrote; empty where nothing was.

    Raises:
        AnotherModelError: what is promised is of another model.
        ValueError: the file is damaged.
    """
    file = directory / FILE
    if not file.is_file():
        return Promises()
    what_to_do = ("certify this model (python -m experiments.certify, with the same bf16), or remove the file to label "
                  "without promises")  # fmt: skip
    try:
        found = json.loads(file.read_text("utf-8"))
        certified, tasks = found["model"], found["tasks"]
        promises = Promises(
            tasks={task: Certificate(**fields) for task, fields in tasks.items()}, audited=Presence(**found["audited"])
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} cannot be read ({error!r}); {what_to_do}") from error
    if certified != model:
        raise AnotherModelError(f"{file} promises something of the model {certified}, this is {model}: its scores are "
                                f"others; {what_to_do}")  # fmt: skip
    return promises


def remove_promises_of_others(directory: Path, *, model: str) -> None:
    """Where another model is written into a directory, what was promised of the one before it no longer holds.

    Args:
        directory: of the model.
        model: fingerprint of the one that is there now; promises of it, and a file that cannot be read, stay.
    """
    try:
        read_promises(directory, model=model)
    except AnotherModelError:
        (directory / FILE).unlink()
        log.warning("%s promised something of the model before this one and is removed; certify this one "
                    "(python -m experiments.certify) to have promises", directory / FILE)  # fmt: skip
    except ValueError:
        return
