"""How an audit was drawn: what in it is independent of the rest, and what its promises are therefore counted over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from selflearn.corpora.splits import owner_of
from selflearn.inference.audit import AuditedLabel, is_labelled
from selflearn.schema import Dialogue

DESIGNS = ("items", "dialogues", "users")
"""What was drawn: turns one by one, whole dialogues, or users with their dialogues."""

SAMPLING = "sampling"
"""The question of a rating that says how the dialogue came to be labelled by its rater; the answer is one of these."""

REVIEW_QUEUE, DRAWN_DIALOGUES, DRAWN_TURNS = "review queue", "audit of dialogues", "audit of turns"

_OF_GOALS = ("segmentation", "success")
_WHOLE = "expected audited=dialogues or audited=users, or turns of experiments.export to=argilla audit=NUMBER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Independence:
    """What :func:`selflearn.trust.certify` is told of the labels that it is given.

    Attributes:
        groups: the dialogue of each label, which at most so many labels are accepted of; None where turns were drawn.
        units: what is independent, where it is no dialogue: the user or the turn of each label.
        unit: the word for it.
    """

    groups: list[str] | None
    units: list[str] | None
    unit: str


def drawn_as(audited: Sequence[AuditedLabel], design: str | None) -> str:
    """The design of an audit where none is declared: of users, if a user has several of the dialogues.

    Args:
        audited: all labels of the audit.
        design: one of :data:`DESIGNS`, or None.

    Raises:
        ValueError: another design; or turns are said to be drawn one by one, and goals were audited.
    """
    if design is None:
        pairs = {(_owner(label), label.row.dialogue_id) for label in audited}
        return "users" if len({owner for owner, _ in pairs}) < len(pairs) else "dialogues"
    if design not in DESIGNS:
        raise ValueError(f"audited is {design!r}; expected one of {', '.join(DESIGNS)}, or null (users where they "
                         "are known and repeat, else dialogues)")  # fmt: skip
    of_goals = sorted({label.row.task for label in audited} & set(_OF_GOALS)) if design == "items" else []
    if of_goals:
        raise ValueError(f"audited is 'items' and {of_goals[0]} was labelled: goals are seen only in whole dialogues; "
                         f"{_WHOLE}")  # fmt: skip
    return design


def check_design(dialogues: Iterable[Dialogue], design: str | None) -> None:
    """Refuse an audit that was drawn otherwise than it is said to be, or not at all.

    Where ratings say how the labels of a dialogue came about (:data:`SAMPLING`), that holds; of the others it is told
    by how many of their turns are labelled.

    Args:
        dialogues: with labels of people.
        design: one of :data:`DESIGNS`, or None: not of items.

    Raises:
        ValueError: dialogues are from a review queue, or were drawn otherwise than declared; names the first. Or, of
            the dialogues of several turns with a labelled one whose ratings say nothing, most are labelled throughout
            although turns are said to have been drawn; or nothing is declared either, no goal is labelled, and most
            have no label on half of their turns.
    """
    known = list(dialogues)
    _check_sampling(known, design)
    untold = [dialogue for dialogue in known if not _ways(dialogue)]
    of_goals = any(d.labels.goals is not None for d in untold)
    labelled = [(sum(map(is_labelled, d.labels.turns)), len(d.turns)) for d in untold]
    several = [(some, turns) for some, turns in labelled if turns > 1 and some]
    whole, few = (sum(some == turns for some, turns in several), sum(2 * some <= turns for some, turns in several))
    if design == "items" and whole > len(several) / 2:
        raise ValueError(f"audited is 'items' and {whole} of {len(several)} dialogues of several turns have labels of "
                         f"people on every turn: they were not drawn one by one; {_WHOLE}")  # fmt: skip
    if design is None and few > len(several) / 2 and not of_goals:
        raise ValueError(f"{few} of {len(several)} dialogues of several turns have labels of people on half of their "
                         "turns or fewer, as if turns had been drawn: of whole dialogues that would promise nothing. "
                         "Expected audited=items check=0, or audited=dialogues if they were drawn whole")  # fmt: skip


def _check_sampling(dialogues: Sequence[Dialogue], design: str | None) -> None:
    """Refuse a review queue, and what was drawn otherwise than declared, where ratings say it."""
    found: dict[str, list[str]] = {REVIEW_QUEUE: [], DRAWN_DIALOGUES: [], DRAWN_TURNS: []}
    for dialogue in dialogues:
        for way in _ways(dialogue):
            found.setdefault(way, []).append(dialogue.id)
    if queue := found[REVIEW_QUEUE]:
        raise ValueError(f"{len(queue):,} of {len(dialogues):,} dialogues, dialogue {queue[0]!r} the first of them, "
                         "are from a review queue: they were not drawn at random, but the least certain ones first, "
                         "and people saw what the model said, so that nothing follows about other dialogues. Expected "
                         "an audit: draw one with experiments.export audit=NUMBER, let people label it, and give what "
                         "experiments.import_reviews makes of that")  # fmt: skip
    if turns := found[DRAWN_TURNS] if design != "items" else []:
        raise ValueError(f"of {len(turns):,} of {len(dialogues):,} dialogues, dialogue {turns[0]!r} the first of them, "
                         f"turns were drawn one by one, and audited is {design!r}: of whole dialogues that would "
                         "promise nothing. Expected audited=items check=0")  # fmt: skip
    if whole := found[DRAWN_DIALOGUES] if design == "items" else []:
        raise ValueError(f"{len(whole):,} of {len(dialogues):,} dialogues, dialogue {whole[0]!r} the first of them, "
                         f"were drawn whole, and audited is 'items'; {_WHOLE}")  # fmt: skip


def _ways(dialogue: Dialogue) -> set[str]:
    """How it came to those whose labels it has; to any rater, where labels are of several people together."""
    marks = [rating for rating in dialogue.ratings if rating.question == SAMPLING]
    own = [mark for mark in marks if f"rater:{mark.rater}" in dialogue.labels.sources()]
    return {mark.answer for mark in own or marks}


def independence(labels: Sequence[AuditedLabel], design: str) -> Independence:
    """Dialogue, and what repeats beyond it, of each label.

    Args:
        labels: of one task.
        design: one of :data:`DESIGNS`. Of ``"items"`` each is independent, but for those of one turn (its slots).
    """
    if design == "items":
        turns = [f"turn {label.row.first_turn} of {label.row.dialogue_id}" for label in labels]
        return Independence(groups=None, units=turns, unit="turn")
    dialogues = [label.row.dialogue_id for label in labels]
    if design == "dialogues":
        return Independence(groups=dialogues, units=None, unit="dialogue")
    return Independence(groups=dialogues, units=[_owner(label) for label in labels], unit="user")


def unit_of(dialogue: Dialogue, design: str | None) -> str:
    """What stays in one part where an audit is cut in two: what was drawn for it by itself.

    Args:
        dialogue: of the audit.
        design: one of :data:`DESIGNS`; None: users where they are known, which are dialogues where none repeats.

    Returns:
        The user (:func:`~selflearn.corpora.splits.owner_of`), or the dialogue: where dialogues were drawn, and where
        turns were, whose dialogue stays whole.
    """
    return dialogue.id if design in ("items", "dialogues") else owner_of(dialogue.user_id, dialogue.id)


def _owner(label: AuditedLabel) -> str:
    return owner_of(label.user, label.row.dialogue_id)
