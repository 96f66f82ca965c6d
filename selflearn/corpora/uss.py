"""User Satisfaction Simulation (Sun et al., 2021, https://arxiv.org/abs/2105.03748): task dialogues rated line by line.

Dialogues of four other corpora; 3 to 7 raters graded each line of the user, and the whole, from 1 to 5. A turn is what
the user says until the system has answered; consecutive lines of one side are joined with a blank and counted in
``Turn.joins``. How each label is derived:

* **defect** of a turn: the mean grade is less than 3, as the raters read on: a grade stands on a line of the *user* and
  judges the dialogue so far, so a response is judged by the grade on the user's next line. (The files do not say so;
  it is how the task reads.) Left out and counted are grades that judge no response of their own: those of a first line
  that follows none, and those of further lines of the user in a row. The last response has no grade of its own.
* **ratings**: every grade, ``question`` "satisfaction", ``answer`` and ``score`` the grade, of the turn that is
  judged, or of the dialogue (line OVERALL). Raters have no ids: column k of a dialogue is one person, "ID/k", and
  nobody is known in two dialogues. Columns are not alike: the first ones grade more mildly.
* **response_acts**: the act of each system line, where the part has acts.

Most grades are 3: accuracy says nothing here. A model reads the next request, which carries the grade, or does not:
``model.dialogue.causal=true`` hides all that follows the response.

Ids are PART-NUMBER by the order of the file, from 1. **All dialogues of the part "sgd" come from the training split of
SGD**, those of "mwoz" from all splits of MultiWOZ: keep them out of pretraining that is evaluated here. The release has
no ids of its sources: :func:`selflearn.corpora.splits.same_dialogues` finds them by their text, and ``data.leave_out``
leaves them out of a training split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from selflearn.corpora._exchanges import Utterance, exchanges, turn_of
from selflearn.corpora.corpus import CorpusError, ReadReport, reading
from selflearn.corpora.rated import RatedCorpus
from selflearn.schema import Dialogue, Labels, Rating, RecordError, TurnLabels

PARTS = {"sgd": "SGD.txt", "mwoz": "MWOZ.txt", "ccpe": "CCPE.txt", "redial": "ReDial.txt"}
"""The file of each split."""

QUESTION = "satisfaction"
OVERALL = "OVERALL"
"""The text of the line, the last of each dialogue, whose grades are of the whole."""

GRADES = ("1", "2", "3", "4", "5")
NEUTRAL = 3
"""The grade between dissatisfied and satisfied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line(Utterance):
    act: str
    grades: tuple[str, ...]
    row: int


@dataclass(frozen=True, kw_only=True)
class UserSatisfaction(RatedCorpus):
    """Reader of the release: ``dataset/PART.txt``, a line ROLE, text, act and grades, a blank one after dialogues."""

    name: ClassVar[str] = "uss"
    version: ClassVar[int] = 2
    seats: ClassVar[str] = "columns of grades"
    splits: ClassVar[Mapping[str, str]] = {
        "sgd": "1,000 dialogues of the training split of SGD",
        "mwoz": "1,000 dialogues of MultiWOZ 2.1, of all its splits",
        "ccpe": "500 dialogues of CCPE: a person's taste in films is asked for",
        "redial": "1,000 dialogues of ReDial: films are recommended",
    }
    source: ClassVar[str] = (
        "The release is https://github.com/sunnweiwei/user-satisfaction-simulation (no licence is stated): the root is "
        "the folder that holds dataset"
    )

    def is_defect(self, ratings: Sequence[Rating]) -> bool:
        """Whether the mean grade is less than neutral."""
        return sum(int(rating.answer) for rating in ratings) < NEUTRAL * len(ratings)

    def seat(self, rater: str) -> str:
        """The column of the grade, for want of ids: what stands there is not of one person, but in one order."""
        return f"column {rater.rpartition('/')[2]}"

    def files(self, root: Path, split: str) -> list[Path]:
        """The file of the part."""
        path = root / "dataset" / PARTS[split]
        if not path.is_file() and any((root / "dataset" / name).is_file() for name in PARTS.values()):
            self.missing(f"the split {split!r} is not in {root}: no {path}")
        if not path.is_file():
            self.not_this_corpus(root, f"dataset/{PARTS[split]}")
        return [path]

    def read(self, root: Path, split: str, report: ReadReport) -> Iterator[Dialogue]:
        """Yield the dialogues of the part, one in memory at a time."""
        (path,) = self.files(root, split)
        for number, lines in enumerate(_dialogues(path), start=1):
            with reading(path, lines[0].row):
                dialogue = self._dialogue(f"{split}-{number}", split, lines, report)
            yield dialogue

    def _dialogue(self, name: str, split: str, lines: Sequence[_Line], report: ReadReport) -> Dialogue:
        *said, overall = lines
        _check_grades(said, overall)
        found = exchanges(said)
        dialogue = self.labelled(
            Dialogue(
                id=name,
                corpus=self.name,
                split=split,
                turns=tuple(turn_of(exchange) for exchange in found),
                labels=Labels(turns=tuple(_acts(exchange) for exchange in found)),
                ratings=(*_ratings(name, found, report), *_grades(name, overall, None)),
            )
        )
        report.add("dialogues")
        report.add("turns", len(dialogue.turns))
        report.add("user_lines", sum(line.by_user for line in said))
        report.add("system_lines", sum(not line.by_user for line in said))
        report.add("lines_joined", sum(turn.joins for turn in dialogue.turns))
        report.add("grades", sum(len(line.grades) for line in said))
        report.add("overall_grades", len(overall.grades))
        report.add("turns_without_ratings", sum(labels.defect is None for labels in dialogue.labels.turns))
        report.add("defects", sum(bool(labels.defect and labels.defect.value) for labels in dialogue.labels.turns))
        return dialogue


CORPUS = UserSatisfaction()


def _dialogues(path: Path) -> Iterator[list[_Line]]:
    """The lines of each dialogue; only line feeds end one."""
    lines: list[_Line] = []
    with path.open("rb") as file:
        for row, raw in enumerate(file, start=1):
            if raw.strip():
                with reading(path, row):
                    lines.append(_line(path, row, raw))
            elif lines:
                yield lines
                lines = []
    if lines:
        yield lines


def _line(path: Path, row: int, raw: bytes) -> _Line:
    try:
        columns = raw.decode("utf-8").rstrip("\n").split("\t")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}:{row}: not UTF-8 text at byte {error.start} of the line; get the file again"
        ) from error
    if len(columns) != 4:
        expected = "4, ROLE, text, act and grades, with tabs between them: is this another corpus, or a file cut short?"
        raise RecordError("columns", len(columns), expected)
    role, text, act, graded = columns
    if role not in ("USER", "SYSTEM"):
        raise RecordError("role", role, "USER or SYSTEM")
    grades = tuple(graded.split(",")) if graded else ()
    if (role == "USER") != bool(grades) or not set(grades) <= set(GRADES):
        expected = (
            "whole numbers from 1 to 5 with commas between them" if role == "USER" else "nothing on a SYSTEM line"
        )
        raise RecordError("grades", graded, expected)
    return _Line(by_user=role == "USER", text=text, act=act, grades=grades, row=row)


def _check_grades(said: Sequence[_Line], overall: _Line) -> None:
    if overall.text != OVERALL or not overall.by_user:
        expected = f"a dialogue that ends with USER and {OVERALL}, then a blank line: is the file cut short?"
        raise RecordError("text", overall.text, expected).at(row=str(overall.row))
    for line in said:
        if line.text == OVERALL:
            raise RecordError("text", line.text, "it on the last line of a dialogue only").at(row=str(line.row))
        if line.by_user and len(line.grades) != len(overall.grades):
            expected = f"{len(overall.grades)} grades, one a rater, as of the whole dialogue"
            raise RecordError("grades", ",".join(line.grades), expected).at(row=str(line.row))


def _acts(exchange: Sequence[_Line]) -> TurnLabels:
    return TurnLabels(response_acts=tuple(line.act for line in exchange if line.act and not line.by_user) or None)


def _ratings(name: str, found: Sequence[Sequence[_Line]], report: ReadReport) -> Iterator[Rating]:
    """The grades of the first line of the user after each response."""
    for turn, exchange in enumerate(found):
        rated = [line for line in exchange if line.by_user]
        further = sum(len(line.grades) for line in rated[1:])
        report.add("dropped/grades_of_further_user_lines_in_a_row", further, where=name)
        if rated and turn == 0:
            report.add("dropped/grades_of_first_user_lines", len(rated[0].grades))
        elif rated:
            yield from _grades(name, rated[0], turn - 1)


def _grades(name: str, line: _Line, turn: int | None) -> Iterator[Rating]:
    for column, grade in enumerate(line.grades, start=1):
        yield Rating(rater=f"{name}/{column}", question=QUESTION, answer=grade, score=float(grade), turn=turn)
