"""Reviewed labels on their way back: what annotators said in a labelling tool, as ratings on the dialogues.

Questions and answers are those of the simulated annotators, so that
:func:`~selflearn.simulation.annotators.labels_by` makes labels of them: "boundary" of every turn but the first,
"success" of the last turn of a goal, "defect" (each "yes" or "no"), "intent" (a name), and "slots" (the JSON of a list
of ``[name, start, end]``, in characters of the request) of every turn with a request.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from selflearn.inference.audit_design import REVIEW_QUEUE
from selflearn.inference.export.masking import MaskedText, Masker
from selflearn.inference.export.units import one_unit_each
from selflearn.schema import Dialogue, Rating

SLOTS = "slots"


class ReviewError(ValueError):
    """A reviewed file cannot be used: says which file, where in it, what stands there and what was expected."""

    def __init__(self, file: Path, where: str, problem: str, expected: str) -> None:
        self.file, self.where, self.problem, self.expected = file, where, problem, expected
        super().__init__(f"{file}: {where}{': ' if where else ''}{problem}; expected {expected}")

    def __reduce__(self) -> tuple[type[ReviewError], tuple[Path, str, str, str]]:
        """Keep the fields across processes."""
        return ReviewError, (self.file, self.where, self.problem, self.expected)


class DialogueKey(NamedTuple):
    """What tells dialogues apart."""

    corpus: str
    split: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What one or several annotators said of one dialogue.

    Attributes:
        key: of the dialogue.
        where: it stands in the file, for messages.
        ratings: their answers; offsets of slots count in ``requests``.
        requests: by turn, the request as it was shown: the dialogue's, or its masked form.
        responses: the same of the responses.
        turns: how many the dialogue had; None where the file does not say.
        sampling: how it came to be labelled, see :data:`~selflearn.inference.audit_design.SAMPLING`: in a review queue,
            with the labels of a model; or drawn for an audit, as a dialogue or a turn, and without them.
    """

    key: DialogueKey
    where: str
    ratings: tuple[Rating, ...]
    requests: Mapping[int, str]
    responses: Mapping[int, str] = field(default_factory=dict)
    turns: int | None = None
    sampling: str = REVIEW_QUEUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviews:
    """What was read from a reviewed file.

    Attributes:
        file: the file.
        reviews: one a dialogue (of Argilla: a turn) that somebody has answered for, in the order of the file.
        counts: ``annotations`` and ``ratings`` that were read, and what was left out and why.
    """

    file: Path
    reviews: tuple[Review, ...]
    counts: Mapping[str, int] = field(default_factory=Counter)


def with_ratings(dialogues: Iterable[Dialogue], reviews: Reviews, *, masker: Masker | None = None) -> list[Dialogue]:
    """The dialogues with the ratings of a reviewed file added to their own.

    Args:
        dialogues: those that were exported, labels and all: masks depend on the labelled slots.
        reviews: from :func:`~selflearn.inference.export.ratings_from_label_studio` or
            :func:`~selflearn.inference.export.ratings_from_argilla`.
        masker: the one of the export, where it was not the default one. Offsets into masked requests become offsets
            into the requests; a slot that touches a mask takes all that it hides.

    Returns:
        One for each dialogue given, in order; those that nobody reviewed as they are.

    Raises:
        ReviewError: a reviewed dialogue is not among them, has another number of turns or another text, or an annotator
            has answered a question twice.
    """
    by_key: dict[DialogueKey, list[Review]] = {}
    for review in reviews.reviews:
        by_key.setdefault(review.key, []).append(review)
    found = []
    for dialogue in dialogues:
        own = by_key.pop(DialogueKey(dialogue.corpus, dialogue.split, dialogue.id), [])
        added = _placed(dialogue, own, reviews.file, masker or Masker()) if own else ()
        _once(dialogue, added, own, reviews.file)
        found.append(replace(dialogue, ratings=(*dialogue.ratings, *added)) if own else dialogue)
    if by_key:
        (missing, first), *others = by_key.items()
        more = f" (and {len(others)} more)" if others else ""
        raise ReviewError(reviews.file, first[0].where,
                          f"dialogue {missing.id!r} of {missing.corpus} ({missing.split}) is unknown{more}",
                          "reviews of the dialogues that are given")  # fmt: skip
    return found


def _once(dialogue: Dialogue, added: Iterable[Rating], own: Sequence[Review], file: Path) -> None:
    """Refuse a second answer to a question: nobody could say which one counts."""
    seen = {(rating.rater, rating.question, rating.turn) for rating in dialogue.ratings}
    for rating in added:
        answer = (rating.rater, rating.question, rating.turn)
        if answer in seen:
            problem = f"{rating.rater} answers {rating.question!r} of turn {rating.turn} of {dialogue.id!r} once more"
            raise ReviewError(file, own[0].where, problem, "one annotation of each annotator, and dialogues that do "
                              "not have it yet; delete the others in the tool")  # fmt: skip
        seen.add(answer)


def read_json_list(file: Path, expected: str) -> list[Any]:
    """The list that a JSON file holds.

    Raises:
        ReviewError: the file is not there, not JSON, or holds something else.
    """
    if file.is_dir():
        raise ReviewError(file, "", "a folder", expected)
    try:
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ReviewError(file, "", "no such file", expected) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReviewError(file, "", f"not JSON ({error})", expected) from error
    if not isinstance(found, list):
        raise ReviewError(file, "", f"holds a {type(found).__name__}", expected)
    return found


def slots_answer(spans: Iterable[tuple[str, int, int]]) -> str:
    """The answer to the question "slots", in the order of the request."""
    ordered = sorted(spans, key=lambda span: (span[1], span[2], span[0]))
    return json.dumps([list(span) for span in ordered], ensure_ascii=False)


def _placed(dialogue: Dialogue, reviews: Sequence[Review], file: Path, masker: Masker) -> list[Rating]:
    """Ratings of one dialogue, with offsets into its own requests."""
    n, masked = len(dialogue.turns), None
    ratings = []
    for review in reviews:
        turns = [*review.requests, *(rating.turn for rating in review.ratings if rating.turn is not None)]
        if turns and max(turns) >= n:
            problem = f"turn {max(turns)} is reviewed, and dialogue {dialogue.id!r} has {n} turns"
            raise ReviewError(file, review.where, problem, f"turns below {n}, counted from 0")
        if review.turns is not None and review.turns != n:
            problem = f"dialogue {dialogue.id!r} was shown with {review.turns} turns, and has {n}"
            raise ReviewError(file, review.where, problem, "the dialogues that were exported")
        _check_responses(review, dialogue, file, masker)
        if any(not _same(text, dialogue.turns[turn].request or "") for turn, text in review.requests.items()):
            masked = masked or masker.requests(dialogue)
            ratings += _unmasked(review, masked, dialogue, file)
        else:
            ratings += review.ratings
    return ratings


def _check_responses(review: Review, dialogue: Dialogue, file: Path, masker: Masker) -> None:
    """Whoever judged a response judged the one of the dialogue, masked or not."""
    other = [turn for turn, text in review.responses.items() if text != (dialogue.turns[turn].response or "")]
    masked = masker.mask(dialogue)[0].turns if other else ()
    for turn in other:
        if review.responses[turn] != (masked[turn].response or ""):
            raise _another_text(review, turn, "response", dialogue, file)


def _another_text(review: Review, turn: int, which: str, dialogue: Dialogue, file: Path) -> ReviewError:
    return ReviewError(file, f"{review.where}, turn {turn}", f"the reviewed {which} is not that of dialogue "
                       f"{dialogue.id!r}, masked or not", "the dialogues that were exported (and the masker of the "
                       "export, where it was not the default one)")  # fmt: skip


def _same(shown: str, text: str) -> bool:
    """Whether a text is the one that was shown, which may have had one unit for each of its characters."""
    return shown in (text, one_unit_each(text))


def _unmasked(review: Review, masked: Sequence[MaskedText], dialogue: Dialogue, file: Path) -> list[Rating]:
    for turn, text in review.requests.items():
        if not _same(text, masked[turn].text):
            raise _another_text(review, turn, "request", dialogue, file)
    ratings = []
    for rating in review.ratings:
        if rating.question == SLOTS and rating.turn is not None:
            shown = masked[rating.turn]
            spans = [(name, *shown.original_span(start, end)) for name, start, end in json.loads(rating.answer)]
            rating = replace(rating, answer=slots_answer(spans))
        ratings.append(rating)
    return ratings
