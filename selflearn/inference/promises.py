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
from selflearn.inference.audited_log import AuditedLog
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
        log: that was audited; None where it is not known.
    """

    tasks: Mapping[str, Certificate] = field(default_factory=dict)
    audited: Presence = field(default_factory=Presence)
    log: AuditedLog | None = None

    def of(self, given: Presence, *, cut_off: bool = False) -> Mapping[str, Certificate]:
        """The promises of dialogues with these fields: nothing is accepted where they are not like the audited ones.

        Args:
            given: of the dialogues to be labelled.
            cut_off: the end of some of them is left out; audited ones are read to their end.
        """
        why = self.audited.differences(given, known="audited")
        if cut_off:
            why = [*why, "those were read to their end: here the end of long ones is left out (on_overflow=truncate)"]
        if not why:
            return self.tasks
        said = "Nothing is accepted: what was certified is of dialogues like the audited ones, and " + "; ".join(why)
        return {key: replace(one, threshold=None, coverage=0.0, promise=f"{said}.") for key, one in self.tasks.items()}


def write_promises(promises: Promises, directory: Path, *, model: str) -> Path:
    """Write them into the directory of the model; ``model`` is its fingerprint."""
    tasks = {task: asdict(certificate) for task, certificate in promises.tasks.items()}
    file = directory / FILE
    log_of = None if promises.log is None else asdict(promises.log)
    found = {"model": model, "log": log_of, "audited": promises.audited.to_dict(), "tasks": tasks}
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
    certified, promises = _read(file)
    if certified != model:
        raise AnotherModelError(f"{file} promises something of the model {certified}, this is {model}: its scores are "
                                f"others; {_WHAT_TO_DO}")  # fmt: skip
    return promises


_WHAT_TO_DO = (
    "certify this model (python -m experiments.certify, with the same bf16), or remove the file to label without "
    "promises"
)


def _read(file: Path) -> tuple[str, Promises]:
    """The model that something is promised of, and what."""
    try:
        found = json.loads(file.read_text("utf-8"))
        promises = Promises(
            tasks={task: Certificate(**fields) for task, fields in found["tasks"].items()},
            audited=Presence(**found["audited"]),
            log=None if found.get("log") is None else AuditedLog(**found["log"]),
        )
        return found["model"], promises
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} cannot be read ({error!r}); {_WHAT_TO_DO}") from error


def check_replaces_no_other(directory: Path, log: AuditedLog, *, again: bool) -> None:
    """See that promises of one log are not replaced by those of another unawares.

    Args:
        directory: of the model.
        log: that is to be audited now.
        again: whether that is meant.

    Raises:
        ValueError: what is promised there is of another log, or does not say of which, and ``again`` is not set; or the
            file is damaged.
    """
    file = directory / FILE
    if again or not file.is_file():
        return
    before = _read(file)[1].log
    if before != log:
        of = "does not say which log was audited" if before is None else f"promises what was certified on {before}"
        raise ValueError(f"{file} {of}, and this audit, of {log}, would replace it; give again=true if it is to, or "
                         "copy the folder of the model to have both")  # fmt: skip


def telling(promises: Mapping[str, Certificate], log: AuditedLog, number: int) -> dict[str, Certificate]:
    """The same promises, whose words say which log was audited, and where it was not the first try on it.

    Args:
        promises: by :func:`~selflearn.inference.rows.promise_key`.
        log: that was audited.
        number: of the try (:func:`~selflearn.inference.tries.number_of_try`).
    """
    said = f" Audited: {log}."
    if number > 1:
        said += f" It is try {number} on this audit: the confidence is that of one, chosen before its labels were seen."
    return {key: replace(one, promise=one.promise + said) for key, one in promises.items()}


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
