"""A reviewed file becomes a log whose labels are people's: to certify a model on it, or to train one.

Every answer is kept as a rating by its annotator, and one more says how the dialogue came to them: in the review queue,
on which nothing can be certified, or drawn for an audit. The labels of a dialogue become those of one annotator; the
model's are not kept, not even where the annotator said nothing: on such a log a model would be measured by itself.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from selflearn.batching.rows import DialogueRows
from selflearn.corpora import load_dialogues
from selflearn.corpora.rows import SUFFIXES
from selflearn.corpora.table import write_jsonl, write_parquet
from selflearn.inference.audit import is_right
from selflearn.inference.audit_design import DRAWN_TURNS, REVIEW_QUEUE, SAMPLING
from selflearn.inference.export.argilla_reviews import ratings_from_argilla
from selflearn.inference.export.folder import labelled_dialogues
from selflearn.inference.export.label_studio_reviews import ratings_from_label_studio
from selflearn.inference.export.masking import Masker
from selflearn.inference.export.reviews import SLOTS, DialogueKey, ReviewError, Reviews, with_ratings
from selflearn.inference.goal_records import ABSTENTION
from selflearn.inference.rows import ExportError, LabelRow, label_rows
from selflearn.schema import Dialogue, Labels, Rating
from selflearn.simulation.annotators import labels_by

TOOLS: Mapping[str, Callable[[str | Path], Reviews]] = {
    "label_studio": ratings_from_label_studio,
    "argilla": ratings_from_argilla,
}
"""What reads the export of each tool."""

ASKED = ("segmentation", "success", "intent", "slots", "defect")
"""Tasks that reviewers are asked about."""


@dataclass(slots=True)
class TaskReview:
    """What became of the labels of one task.

    Attributes:
        shown: labels that the reviewed dialogues had.
        agreed: of these, how many the annotator agrees with.
        changed: how many are another.
        unanswered: how many the annotator said nothing about.
        added: slots where there was none.
    """

    shown: int = 0
    agreed: int = 0
    changed: int = 0
    unanswered: int = 0
    added: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewReport:
    """What was imported.

    Attributes:
        counts: ``dialogues`` that were given; ``dialogues_written``; left out: ``dialogues_not_reviewed`` and
            ``dialogues_of_other_raters``; ``dialogues_of_an_audit``, of those written; ``labels_not_asked/TASK``, which
            are not kept; and what was read from the file, as :class:`Reviews` counts it, after ``read/``.
        tasks: by task, what became of the labels.
        raters: whose answers became the labels, with the number of dialogues.
        output: the log.
    """

    counts: Mapping[str, int]
    tasks: Mapping[str, TaskReview]
    raters: Mapping[str, int]
    output: Path


def import_reviews(
    file: str | Path,
    dialogues: str | Path,
    output: str | Path,
    *,
    tool: str,
    rater: str | None = None,
    names: Mapping[str, Collection[str]] | None = None,
    masker: Masker | None = None,
    cache_dir: str | Path | None = None,
) -> ReviewReport:
    """Read what people answered in a tool, and write the dialogues that they reviewed with their labels.

    Args:
        file: what the tool exported, see :data:`TOOLS`.
        dialogues: that were exported: the output of :func:`~selflearn.inference.label_file`, or a log of records.
        output: the log, a ``.parquet`` or ``.jsonl`` file; never overwritten.
        tool: "label_studio" or "argilla".
        rater: whose answers become the labels, with or without the name of the tool before it; None where no dialogue
            has several annotators.
        names: of "intent" and "slots", those that were added in the tool.
        masker: the one of the export, where it was not the default one.
        cache_dir: of the read dialogues; default: the cache of ``datasets``.

    Raises:
        ReviewError: the file is damaged or of another tool, holds no answer, is about other dialogues or texts, or says
            a name that was not offered; or it does not say whose answers count. Names file and place.
        ExportError: unknown tool, the output is taken or has another suffix, or the labelling is not finished.
        CorpusError: there are no such dialogues, or their file is damaged.
    """
    if tool not in TOOLS:
        near = difflib.get_close_matches(tool, TOOLS, n=1)
        raise ExportError(f"tool is {tool!r}; expected {' or '.join(TOOLS)}" + (f" ({near[0]}?)" if near else ""))
    target = Path(output).expanduser()
    if target.suffix not in SUFFIXES:
        raise ExportError(f"output is {str(target)!r}; expected a name that ends in {' or '.join(SUFFIXES)}")
    if target.exists():
        raise ExportError(f"{target} is there already; give another output, or remove it")
    reviews = TOOLS[tool](file)
    pool = _Pool.read(dialogues, {review.key for review in reviews.reviews}, cache_dir)
    found = reviewed_dialogues(pool.reviewed, reviews, rater=rater, masker=masker)
    pool.check_names(reviews, names or {})
    counts = Counter({"dialogues": pool.number, "dialogues_written": len(found.dialogues)})
    counts["dialogues_not_reviewed"] = pool.number - len(pool.reviewed)
    counts.update(found.counts)
    counts.update({f"read/{what}": number for what, number in reviews.counts.items()})
    (write_parquet if target.suffix == ".parquet" else write_jsonl)(found.dialogues, target)
    raters = Counter(found.raters)
    return ReviewReport(counts=dict(counts), tasks=found.tasks, raters=dict(raters), output=target)


@dataclass(kw_only=True)
class ReviewedDialogues:
    """Dialogues that people have labelled.

    Attributes:
        dialogues: in their order, with all ratings, and as labels what one annotator said.
        raters: whose labels each has.
        tasks: what became of the labels that they had.
        counts: see :class:`ReviewReport`.
    """

    dialogues: list[Dialogue] = field(default_factory=list)
    raters: list[str] = field(default_factory=list)
    tasks: dict[str, TaskReview] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def reviewed_dialogues(
    dialogues: Iterable[Dialogue], reviews: Reviews, *, rater: str | None = None, masker: Masker | None = None
) -> ReviewedDialogues:
    """The dialogues that an annotator has reviewed, labelled by them.

    Args:
        dialogues: that were exported; those that nobody reviewed are left out.
        reviews: of the tool.
        rater: whose answers become the labels; see :func:`import_reviews`, also for the other argument.
        masker: of the export.

    Raises:
        ReviewError: nobody has answered anything, the reviews are of other dialogues or texts, an annotator has
            answered a question twice, or they do not say whose answers count; names file and place.
    """
    before = list(dialogues)
    whose = _whose(reviews, rater)
    ways = _sampling(reviews, whose)
    drawn = _drawn_turns(reviews, whose)
    found = ReviewedDialogues()
    for old, new in zip(before, with_ratings(before, reviews, masker=masker), strict=True):
        key = DialogueKey(old.corpus, old.split, old.id)
        if key not in whose:
            found.counts["dialogues_of_other_raters"] += new is not old
            continue
        labels = review_labels(new, whose[key])
        _tally(old, labels, drawn.get(key), found)
        found.dialogues.append(replace(new, labels=labels, ratings=(*new.ratings, *ways[key])))
        found.raters.append(whose[key])
        found.counts["dialogues_of_an_audit"] += all(mark.answer != REVIEW_QUEUE for mark in ways[key])
    return found


def review_labels(dialogue: Dialogue, rater: str) -> Labels:
    """What one annotator said, as labels.

    Goals are None where a boundary was not answered: nobody said that the dialogue goes on there. Of a dialogue of one
    turn, which has no boundary to ask for, they are None where its success was not answered either.

    Raises:
        ValueError: the annotator has not seen the dialogue.
    """
    labels = labels_by(dialogue, rater)
    own = [rating for rating in dialogue.ratings if rating.rater == rater]
    answered = {rating.turn for rating in own if rating.question == "boundary"}
    looked_at = answered or any(rating.question == "success" for rating in own)
    whole = answered.issuperset(range(1, len(dialogue.turns)))
    return labels if looked_at and whole else replace(labels, goals=None)


def _whose(reviews: Reviews, rater: str | None) -> dict[DialogueKey, str]:
    """The annotator of each dialogue; with ``rater`` only of those that this one has reviewed."""
    by_dialogue: dict[DialogueKey, dict[str, str]] = {}
    for review in reviews.reviews:
        own = by_dialogue.setdefault(review.key, {})
        own.update((rating.rater, review.where) for rating in review.ratings)
    everybody = sorted({name for own in by_dialogue.values() for name in own})
    if not everybody:
        raise ReviewError(reviews.file, "", "nobody has answered anything in it", "submitted annotations")
    chosen = everybody
    if rater is not None:
        chosen = [name for name in everybody if rater in (name, name.partition(":")[2])]
        if not chosen:
            raise ReviewError(reviews.file, "", f"has no annotator {rater!r}", f"one of {', '.join(everybody)}")
    found = {}
    for key, own in by_dialogue.items():
        names = [name for name in own if name in chosen]
        if len(names) > 1:
            raise ReviewError(reviews.file, own[names[0]], f"dialogue {key.id!r} was reviewed by {', '.join(names)}",
                              "rater=NAME, to say whose answers become its labels")  # fmt: skip
        if names:
            found[key] = names[0]
    return found


def _sampling(reviews: Reviews, whose: Mapping[DialogueKey, str]) -> dict[DialogueKey, list[Rating]]:
    """How each dialogue came to its annotator, as ratings: of the labels it cannot be told any more."""
    found: dict[DialogueKey, dict[str, Rating]] = {}
    for review in reviews.reviews:
        rater = whose.get(review.key)
        if any(rating.rater == rater for rating in review.ratings):
            mark = Rating(rater=str(rater), question=SAMPLING, answer=review.sampling)
            found.setdefault(review.key, {})[review.sampling] = mark
    return {key: list(marks.values()) for key, marks in found.items()}


def _drawn_turns(reviews: Reviews, whose: Mapping[DialogueKey, str]) -> dict[DialogueKey, set[int]]:
    """The turns that each annotator was asked about, of dialogues of which turns were drawn one by one."""
    found: dict[DialogueKey, set[int]] = {}
    for review in reviews.reviews:
        own = {r.turn for r in review.ratings if r.rater == whose.get(review.key) and r.turn is not None}
        if review.sampling == DRAWN_TURNS and own:
            found.setdefault(review.key, set()).update(own)
    return found


def _tally(shown: Dialogue, said: Labels, turns: Collection[int] | None, found: ReviewedDialogues) -> None:
    """Count what became of the labels; of turns that were drawn one by one (``turns``) nobody was asked of the rest."""
    for row in label_rows(shown):
        of_goal = row.task in ("segmentation", "success")
        if row.task not in ASKED or (turns is not None and (of_goal or row.first_turn not in turns)):
            found.counts[f"labels_not_asked/{row.task}"] += 1
        elif row.task != SLOTS or row.label is not None:
            task, right = found.tasks.setdefault(row.task, TaskReview()), is_right(row, shown.labels, said)
            task.shown += 1
            task.agreed += right is True
            task.changed += right is False
            task.unanswered += right is None
    for row in label_rows(shown.with_labels(said)):
        if row.task == SLOTS and row.label is not None and not _overlaps(row, shown):
            found.tasks.setdefault(SLOTS, TaskReview()).added += 1


def _overlaps(row: LabelRow, shown: Dialogue) -> bool:
    turns = shown.labels.turns
    slots = (turns[row.first_turn].slots or ()) if turns else ()
    start, end = row.start or 0, row.end or 0
    return any(slot.start < end and start < slot.end for slot in slots)


@dataclass
class _Pool:
    """Dialogues that were exported: those that were reviewed, the number of all, and the names that were offered."""

    names: dict[str, set[str]]
    reviewed: list[Dialogue] = field(default_factory=list)
    number: int = 0

    @classmethod
    def read(cls, path: str | Path, keys: Collection[DialogueKey], cache_dir: str | Path | None) -> _Pool:
        """One dialogue at a time: there may be many more than were reviewed."""
        folder = Path(path).expanduser()
        rows: Iterable[Dialogue]
        if (folder / "labelling.json").is_file():
            labelled = labelled_dialogues(folder, cache_dir=cache_dir)
            rows, known = labelled.dialogues, labelled.names
        else:
            rows = DialogueRows(load_dialogues("table", root=folder, split="all", cache_dir=cache_dir))
            known = {}
        pool = cls({"intent": {ABSTENTION, *known.get("intent", ())}, SLOTS: set(known.get(SLOTS, ()))})
        for dialogue in rows:
            pool.number += 1
            for turn in dialogue.labels.turns:
                pool.names["intent"] |= set() if turn.intent is None else {turn.intent.value}
                pool.names[SLOTS] |= {slot.name for slot in turn.slots or ()}
            if DialogueKey(dialogue.corpus, dialogue.split, dialogue.id) in keys:
                pool.reviewed.append(dialogue)
        return pool

    def check_names(self, reviews: Reviews, more: Mapping[str, Collection[str]]) -> None:
        """Refuse names that nobody offered: of a misspelt one a model would learn a class of its own."""
        unknown = set(more) - set(self.names)
        if unknown:
            raise ExportError(f"names are given for {sorted(unknown)[0]!r}; expected intent or slots")
        known = {task: own | set(more.get(task, ())) for task, own in self.names.items()}
        for review in reviews.reviews:
            for rating in review.ratings:
                given = [rating.answer] if rating.question == "intent" else []
                if rating.question == SLOTS:
                    given = [span[0] for span in json.loads(rating.answer)]
                for name in set(given) - known.get(rating.question, set()):
                    near = difflib.get_close_matches(name, known[rating.question], n=1)
                    raise ReviewError(
                        reviews.file, f"{review.where}, turn {rating.turn}", f"{rating.question} {name!r} is unknown",
                        f"a name that was offered{f' ({near[0]}?)' if near else ''}; one that was added in the tool is "
                        f"given with names={{{rating.question}: [{name}]}}",
                    )  # fmt: skip
