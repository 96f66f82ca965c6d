"""Labels against what people say: which labels of a model, or of a person, are right where the model labelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from selflearn.inference.goal_records import ABSTENTION
from selflearn.inference.rows import Acceptance, LabelRow, label_rows
from selflearn.schema import Dialogue, Goal, Label, Labels, TurnLabels

MACHINE_MADE = frozenset({"model", "feedback"})
"""Sources of labels that nobody has looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedLabel:
    """A label with a score, and whether it is right.

    Attributes:
        row: the label.
        right: it agrees with the labels of people.
        person_right: so does a single person who labelled the same; None where nobody did.
        user: of the dialogue; None where it is not known.
    """

    row: LabelRow
    right: bool
    person_right: bool | None = None
    user: str | None = None


def audited_labels(
    labelled: Dialogue, gold: Labels, person: Labels | None = None, *, accept: Mapping[str, Acceptance] | None = None
) -> list[AuditedLabel]:
    """The scored labels of a dialogue of which people say what would be right.

    Args:
        labelled: the dialogue with the model's labels.
        gold: what is taken to be right.
        person: what a single person said, who had no part in ``gold``.
        accept: threshold and promise by task, where the rows are to say what is accepted.

    Example:
        >>> from selflearn import Label, Turn
        >>> def labels(name, source, score=None):
        ...     return Labels(turns=(TurnLabels(intent=Label(value=name, source=source, score=score)),))
        >>> dialogue = Dialogue(id="1", corpus="mine", split="all", turns=(Turn(request="play some jazz"),))
        >>> said = dialogue.with_labels(labels("PlayMusic", "model", 0.9))
        >>> [(found.row.task, found.right) for found in audited_labels(said, labels("PlayFilm", "gold"))]
        [('intent', False)]
    """
    found = []
    for row in label_rows(labelled, accept=accept):
        right = None if row.score is None else is_right(row, labelled.labels, gold)
        if right is not None:
            other = None if person is None else is_right(row, person, gold)
            found.append(AuditedLabel(row=row, right=right, person_right=other, user=labelled.user_id))
    return found


def unaudited(labelled: Iterable[tuple[Dialogue, Labels]], *, of_turns: bool = False) -> Counter[str]:
    """How many scored labels of a model people say nothing of, by task: no promise speaks of labels like them.

    Args:
        labelled: dialogues with the model's labels, each with those of people.
        of_turns: turns were drawn one by one: those without any label were not, and are like the others.
    """
    return Counter(
        row.task
        for said, gold in labelled
        for row in label_rows(said)
        if row.score is not None and is_right(row, said.labels, gold) is None
        if not of_turns or is_labelled(_turn(gold, row.first_turn))
    )


def with_abstentions(dialogue: Dialogue) -> Dialogue:
    """A dialogue whose labelled turns without an intent are those in which people found none: they say "other".

    The record cannot tell that from an intent that nobody labelled; whoever knows it of a log says it by this.

    Args:
        dialogue: with labels of people. Turns without any label stay as they are.

    Example:
        >>> from selflearn import Turn
        >>> dialogue = Dialogue(id="1", corpus="mine", split="all", turns=(Turn(request="thanks"),))
        >>> found = with_abstentions(dialogue.with_labels(Labels(turns=(TurnLabels(slots=()),))))
        >>> found.labels.turns[0].intent.value
        'other'
    """
    none = Label(value=ABSTENTION)
    turns = tuple(replace(t, intent=none) if is_labelled(t) and t.intent is None else t for t in dialogue.labels.turns)
    return dialogue.with_labels(replace(dialogue.labels, turns=turns))


def is_labelled(turn: TurnLabels) -> bool:
    """Whether people labelled anything of a turn."""
    return any(label is not None for label in (turn.intent, turn.slots, turn.defect, turn.transcript))


def is_audited(dialogue: Dialogue) -> bool:
    """Whether people labelled anything of a dialogue that the labels of a model can be compared with."""
    return dialogue.labels.goals is not None or any(map(is_labelled, dialogue.labels.turns))


def by_task(labels: Iterable[AuditedLabel]) -> dict[str, list[AuditedLabel]]:
    """Labels of each task, tasks in alphabetical order."""
    found: dict[str, list[AuditedLabel]] = {}
    for label in labels:
        found.setdefault(label.row.task, []).append(label)
    return dict(sorted(found.items()))


def unknown_names(dialogues: Iterable[Dialogue], names: Mapping[str, Sequence[str]]) -> dict[str, Counter[str]]:
    """Names that people gave and a model does not know: no label of it can be right there.

    Args:
        dialogues: with labels of people.
        names: that the model chooses from, by task (:attr:`selflearn.inference.Labeler.names`). Compared are those of
            intents and slots; "other" is no name.

    Returns:
        How often each such name was given, by task; tasks without any are left out.

    Raises:
        ValueError: none of the names of a task is known: the corpus has other names.
    """
    given: dict[str, Counter[str]] = {task: Counter() for task in ("intent", "slots") if task in names}
    for dialogue in dialogues:
        for turn in dialogue.labels.turns:
            if "intent" in given and turn.intent is not None and turn.intent.value != ABSTENTION:
                given["intent"][turn.intent.value] += 1
            if "slots" in given:
                given["slots"].update(slot.name for slot in turn.slots or ())
    found = {}
    for task, counts in given.items():
        unknown = Counter({name: number for name, number in counts.items() if name not in names[task]})
        if counts and len(unknown) == len(counts):
            raise ValueError(f"{task}: people gave {_some(sorted(counts))}, the model knows {_some(names[task])}: not "
                             "one name is the same. Expected labels in the names that the model was trained with: "
                             "rename them, or take a model that was trained on this corpus")  # fmt: skip
        if unknown:
            found[task] = unknown
    return found


def _some(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def check_labelled_by_people(dialogues: Iterable[Dialogue]) -> None:
    """See that labels can audit a model.

    Raises:
        ValueError: a model gave some of them, or they follow from feedback; names the first such dialogue.
    """
    for dialogue in dialogues:
        if made := sorted(dialogue.labels.sources() & MACHINE_MADE):
            raise ValueError(f"dialogue {dialogue.id!r} has labels with the source {made[0]!r}; expected labels of "
                             "people: by labels that a machine made, a model is measured by itself. Give the log that "
                             "people labelled, or what experiments.import_reviews makes of their reviews")  # fmt: skip


def is_right(row: LabelRow, said: Labels, gold: Labels) -> bool | None:
    """Whether labels agree with the gold ones in what a row is about; None where either of them says nothing of it.

    Of goals: they begin and end in the same turns, as far as the row reaches; success is that of the goal which shares
    most turns with it. Of slots: the same names at the same characters, as far as the row reaches. A transcript is
    compared word by word, in small letters.

    Args:
        row: of any labels of the same dialogue: it says which goal, turn or span is meant.
        said: labels, for example those of the row itself.
        gold: what is taken to be right.
    """
    question = _QUESTIONS.get(row.task)
    return None if question is None else question(row, said, gold)


def _segment(row: LabelRow, said: Labels, gold: Labels) -> bool | None:
    if said.goals is None or gold.goals is None:
        return None
    ours, theirs = ({goal.start for goal in labels.goals or ()} for labels in (said, gold))
    reach = range(max(row.first_turn, 1), row.last_turn + 2)  # the first turn of a dialogue is no question
    return all((turn in ours) == (turn in theirs) for turn in reach)


def _success(row: LabelRow, said: Labels, gold: Labels) -> bool | None:
    ours, theirs = (_shared_most(row, labels.goals or ()) for labels in (said, gold))
    if ours is None or theirs is None or ours.success is None or theirs.success is None:
        return None
    return ours.success == theirs.success


def _shared_most(row: LabelRow, goals: Sequence[Goal]) -> Goal | None:
    return max(goals, key=lambda goal: min(goal.end, row.last_turn + 1) - max(goal.start, row.first_turn), default=None)


def _slots(row: LabelRow, said: Labels, gold: Labels) -> bool | None:
    ours, theirs = (_turn(labels, row.first_turn).slots for labels in (said, gold))
    if ours is None or theirs is None or row.start is None or row.end is None:
        return None
    start, end = row.start, row.end
    one, other = (
        {(slot.name, slot.start, slot.end) for slot in slots if slot.start < end and slot.end > start}
        for slots in (ours, theirs)
    )
    return one == other


def _turn_label(
    name: str, same: Callable[[object, object], bool] = lambda one, other: one == other
) -> Callable[[LabelRow, Labels, Labels], bool | None]:
    def question(row: LabelRow, said: Labels, gold: Labels) -> bool | None:
        ours, theirs = (getattr(_turn(labels, row.first_turn), name) for labels in (said, gold))
        return None if ours is None or theirs is None else same(ours.value, theirs.value)

    return question


def _words(text: object) -> list[str]:
    return str(text).casefold().split()


def _turn(labels: Labels, turn: int) -> TurnLabels:
    return labels.turns[turn] if turn < len(labels.turns) else TurnLabels()


_QUESTIONS: dict[str, Callable[[LabelRow, Labels, Labels], bool | None]] = {
    "segmentation": _segment,
    "success": _success,
    "intent": _turn_label("intent"),
    "slots": _slots,
    "transcript": _turn_label("transcript", lambda one, other: _words(one) == _words(other)),
    "defect": _turn_label("defect"),
}
