"""How an audit was drawn: what in it is independent of the rest, and what its promises are therefore counted over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selflearn.inference.audit import AuditedLabel
from selflearn.schema import Dialogue

DESIGNS = ("dialogues", "users")
"""What was drawn: whole dialogues, or users with their dialogues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Independence:
    """What :func:`selflearn.trust.certify` is told of the labels that it is given.

    Attributes:
        groups: the dialogue of each label, which at most so many labels are accepted of.
        units: what repeats beyond it, the user of each label; None where nothing does.
        unit: the word for it.
    """

    groups: list[str]
    units: list[str] | None
    unit: str


def drawn_as(audited: Sequence[AuditedLabel], design: str | None) -> str:
    """The design of an audit where none is declared: of users, if a user has several of the dialogues.

    Args:
        audited: all labels of the audit.
        design: one of :data:`DESIGNS`, or None.

    Raises:
        ValueError: another design.
    """
    if design is None:
        pairs = {(label.user, label.row.dialogue_id) for label in audited if label.user is not None}
        return "users" if len({user for user, _ in pairs}) < len(pairs) else "dialogues"
    if design not in DESIGNS:
        raise ValueError(f"audited is {design!r}; expected one of {', '.join(DESIGNS)}, or null (users where they "
                         "are known and repeat, else dialogues)")  # fmt: skip
    return design


def independence(labels: Sequence[AuditedLabel], design: str) -> Independence:
    """Dialogue, and what repeats beyond it, of each label.

    Args:
        labels: of one task.
        design: one of :data:`DESIGNS`.
    """
    dialogues = [label.row.dialogue_id for label in labels]
    if design == "dialogues":
        return Independence(groups=dialogues, units=None, unit="dialogue")
    users = [_unit(label.user, label.row.dialogue_id) for label in labels]
    return Independence(groups=dialogues, units=users, unit="user")


def unit_of(dialogue: Dialogue) -> str:
    """What the dialogues of a split share with no dialogue of another: the user, or where none is known nothing."""
    return _unit(dialogue.user_id, dialogue.id)


def _unit(user: str | None, dialogue: str) -> str:
    return f"dialogue {dialogue}" if user is None else f"user {user}"
