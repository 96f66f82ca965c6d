"""Label Studio's JSON export becomes ratings. What is read: the list of tasks, each with ``data`` and ``annotations``
whose ``result`` is a list of regions and choices (labelstud.io/guide/task_format)."""  # noqa: D205, D209

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from selflearn.inference.audit_design import DRAWN_DIALOGUES, REVIEW_QUEUE
from selflearn.inference.export.label_studio import (
    ASSISTANT,
    DEFECT,
    GOAL,
    INTENT,
    OBJECT,
    PERSON,
    SLOT,
    SUCCESS,
    TURN,
    Paragraph,
)
from selflearn.inference.export.reviews import DialogueKey, Review, ReviewError, Reviews, read_json_list, slots_answer
from selflearn.inference.export.units import from_units
from selflearn.inference.rows import NO, YES, yes_no
from selflearn.schema import Rating

_EXPECTED = "the export of Label Studio in its format JSON (not JSON-MIN), of a project made from tasks.json"


def ratings_from_label_studio(file: str | Path) -> Reviews:
    """Read what annotators said from the export of a project that was made by ``to=label_studio``.

    A goal begins where a region "goal" begins; where it ends is where the next one begins, or the dialogue ends. Where
    an annotator left no goal at all, nothing is said of boundaries. Cancelled (skipped) annotations, predictions, and
    controls that were added to the project are left out and counted.

    Args:
        file: Label Studio's export in its format "JSON".

    Returns:
        Ratings by ``label_studio:ID``, the e-mail address or number of the annotator.

    Raises:
        ReviewError: another file, a region outside of its dialogue, an offset outside of its text, a slot that is not
            in one request, a text that is not where the offsets say; names task and region.
    """
    path = Path(file).expanduser()
    counts: Counter[str] = Counter()
    reviews = []
    for number, task in enumerate(read_json_list(path, _EXPECTED)):
        where = f"task {task.get('id', number)}" if isinstance(task, dict) else f"task {number}"
        data = task.get("data") if isinstance(task, dict) else None
        if not isinstance(data, dict) or "dialogue_id" not in data or not isinstance(task.get("annotations"), list):
            raise ReviewError(path, where, "no data.dialogue_id, or no annotations", _EXPECTED)
        shown = _Task(path, where, data)
        ratings: list[Rating] = []
        for annotation in task["annotations"]:
            if not isinstance(annotation, dict) or not isinstance(annotation.get("result") or [], list):
                raise ReviewError(path, where, "an annotation without a list of results", _EXPECTED)
            if annotation.get("was_cancelled"):
                counts["annotations_cancelled"] += 1
                continue
            counts["annotations"] += 1
            ratings += shown.ratings(annotation, counts)
        if ratings:
            reviews.append(shown.review(ratings))
            counts["ratings"] += len(ratings)
        else:
            counts["tasks_without_ratings"] += 1
    return Reviews(file=path, reviews=tuple(reviews), counts=counts)


class _Task:
    """One task: what was shown, and the answers of its annotators."""

    def __init__(self, file: Path, where: str, data: Mapping[str, Any]) -> None:
        self.file, self.where = file, where
        try:
            self.key = DialogueKey(data["corpus"], data["split"], data["dialogue_id"])
            self.turns, self.asked = int(data["turns"]), frozenset(data["asked"])
            self.shown = [Paragraph(author=p["author"], text=p["text"], turn=p["turn"]) for p in data[OBJECT]]
            outside = [part.turn for part in self.shown if not 0 <= part.turn < self.turns]
        except (KeyError, TypeError, ValueError) as error:
            raise ReviewError(file, where, f"its data cannot be read ({error!r})", _EXPECTED) from error
        if outside:
            raise ReviewError(
                file, where, f"a paragraph of turn {outside[0]}", f"turns of the dialogue, which has {self.turns}"
            )
        self.sampling = DRAWN_DIALOGUES if data.get("audit") is True else REVIEW_QUEUE
        self.requests, self.responses = (
            {part.turn: part.text for part in self.shown if part.author == who} for who in (PERSON, ASSISTANT)
        )

    def review(self, ratings: Sequence[Rating]) -> Review:
        """What the annotators said, with what they were shown."""
        return Review(
            key=self.key, where=self.where, ratings=tuple(ratings), requests=self.requests, responses=self.responses,
            turns=self.turns, sampling=self.sampling,
        )  # fmt: skip

    def ratings(self, annotation: Mapping[str, Any], counts: Counter[str]) -> list[Rating]:
        """What one annotator said, by turn."""
        by: dict[str, list[Mapping[str, Any]]] = {name: [] for name in (GOAL, TURN, SLOT, SUCCESS, INTENT, DEFECT)}
        for number, found in enumerate(annotation.get("result") or ()):
            name = found.get("from_name") if isinstance(found, dict) else None
            if name in by and not isinstance(found.get("value"), dict):
                raise self._error({**found, "number": number}, "no value in it", _EXPECTED)
            if name in by:
                by[name].append({**found, "number": number})
            else:
                counts[f"ignored/{name or 'without a name'}"] += 1
        rater = f"label_studio:{_annotator(annotation)}"
        answers = sorted({*self._boundaries(by), *self._choices(by), *self._slots(by[SLOT])})
        return [Rating(rater=rater, question=question, answer=answer, turn=turn) for turn, question, answer in answers]

    def _boundaries(self, by: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[int, str, str]]:
        starts = self._starts(by[GOAL])
        if not starts:
            return
        yield from ((turn, "boundary", yes_no(turn in starts)) for turn in range(1, self.turns))
        ends = [*sorted(starts)[1:], self.turns]
        last = {start: end - 1 for start, end in zip(sorted(starts), ends, strict=True)}
        said: set[int] = set()
        for found in by[SUCCESS]:
            start = self._first(found)
            if start in said:
                raise self._error(found, f"a second success for the goal of turn {start}", "one a goal")
            said.add(start)
            if start not in last:
                raise self._error(found, f"a success on turn {start}, where no goal starts", "one on a region 'goal'")
            yield last[start], "success", self._choice(found, (YES, NO))

    def _starts(self, goals: Sequence[Mapping[str, Any]]) -> set[int]:
        starts: set[int] = set()
        for found in goals:
            start = self._first(found)
            if start in starts:
                raise self._error(found, f"a second goal starts in turn {start}", "one goal a turn at most")
            starts.add(start)
        return starts

    def _choices(self, by: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[int, str, str]]:
        for question, allowed in ((INTENT, None), (DEFECT, (YES, NO))):
            said: set[int] = set()
            for found in by[question]:
                turn = self._first(found)
                if turn in said:
                    raise self._error(found, f"a second {question} for turn {turn}", "one a turn")
                said.add(turn)
                yield turn, question, self._choice(found, allowed)

    def _slots(self, slots: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str, str]]:
        spans: dict[int, list[tuple[str, int, int]]] = {turn: [] for turn in self.requests}
        for found in slots:
            first, last = self._paragraph(found, "start"), self._paragraph(found, "end")
            part = self.shown[first]
            if first != last or part.author != PERSON:
                raise self._error(found, f"a slot in the paragraphs {first} to {last}", "a slot within one request")
            start, end = self._offset(found, part, "startOffset"), self._offset(found, part, "endOffset")
            quoted = found["value"].get("text")
            if start >= end or (quoted is not None and quoted != part.text[start:end]):
                raise self._error(found, f"characters {start} to {end} of turn {part.turn} are "
                                  f"{part.text[start:end]!r}", f"the text of the region, {quoted!r}")  # fmt: skip
            names = found["value"].get("paragraphlabels")
            if not isinstance(names, list) or not names:
                raise self._error(found, f"paragraphlabels are {names!r}", "the name of a slot")
            spans[part.turn] += [(str(name), start, end) for name in names]
        if SLOT in self.asked:
            yield from ((turn, "slots", slots_answer(inside)) for turn, inside in spans.items())

    def _first(self, found: Mapping[str, Any]) -> int:
        return self.shown[self._paragraph(found, "start")].turn

    def _paragraph(self, found: Mapping[str, Any], side: str) -> int:
        given = found["value"].get(side)
        try:
            number = int(given)
        except (TypeError, ValueError) as error:
            raise self._error(found, f"{side} is {given!r}", "the number of a paragraph") from error
        if not 0 <= number < len(self.shown):
            raise self._error(found, f"{side} is paragraph {number}, out of range", f"0 to {len(self.shown) - 1}")
        return number

    def _offset(self, found: Mapping[str, Any], part: Paragraph, side: str) -> int:
        given = found["value"].get(side)
        try:
            return from_units(part.text, int(given))
        except (TypeError, ValueError) as error:
            raise self._error(
                found, f"{side} is {given!r} in turn {part.turn} ({error})", "an offset in its text"
            ) from error

    def _choice(self, found: Mapping[str, Any], allowed: Sequence[str] | None) -> str:
        choices = found["value"].get("choices")
        if not isinstance(choices, list) or len(choices) != 1 or (allowed is not None and choices[0] not in allowed):
            raise self._error(found, f"choices are {choices!r}", f"one of {', '.join(allowed or ('the intents',))}")
        return str(choices[0])

    def _error(self, found: Mapping[str, Any], problem: str, expected: str) -> ReviewError:
        return ReviewError(self.file, f"{self.where}, region {found.get('id', found['number'])}", problem, expected)


def _annotator(annotation: Mapping[str, Any]) -> str:
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    return "unknown" if by is None else str(by)
