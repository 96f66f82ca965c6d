"""A flat table of turns, one row a turn, as dialogues: which column is which field, and what the rows then say.

See :class:`selflearn.corpora.table.Table` for the fields and their meaning.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from selflearn.corpora.corpus import CorpusError, ReadReport, parsed_json
from selflearn.corpora.rows import Row
from selflearn.schema import Dialogue, Feedback, Goal, Label, Labels, RecordError, Slot, Turn, TurnLabels

_TEXT, _NUMBER, _FLAG, _ID, _SPANS = (
    "a string",
    "a finite number",
    "true or false",
    "a string or a whole number",
    "spans",
)

DIALOGUE_FIELDS = {
    "dialogue_id": _ID, "user_id": _ID, "device_id": _ID, "started_at": _NUMBER, "system_version": _TEXT, "split": _TEXT
}  # fmt: skip
TURN_FIELDS = {
    "request": _TEXT, "response": _TEXT, "seconds": _NUMBER, "status": _TEXT, "device_type": _TEXT, "location": _TEXT,
    "audio": _TEXT, "propensity": _NUMBER,
}  # fmt: skip
FEEDBACK_FIELDS = {
    "barge_in": _FLAG, "rephrase": _FLAG, "termination": _FLAG, "repetition": _FLAG, "answer": _FLAG, "rating": _NUMBER
}  # fmt: skip
GOAL_FIELDS = {"goal_start": _FLAG, "goal_id": _ID, "goal_name": _TEXT, "goal_domain": _TEXT, "success": _FLAG}
_GOAL_STARTS = ("goal_start", "goal_id")
TURN_LABEL_FIELDS = {"intent": _TEXT, "slots": _SPANS, "transcript": _TEXT, "defect": _FLAG}
FIELDS = DIALOGUE_FIELDS | TURN_FIELDS | FEEDBACK_FIELDS | GOAL_FIELDS | TURN_LABEL_FIELDS
"""Every field that a column can be mapped to, with the kind of value it takes."""

FREE_FIELDS = {"categorical": _ID, "numeric": _NUMBER}
"""Fields that take any number of columns, each under its own name."""

_NAMES = ("dialogue_id", "goal_id", "goal_name", "goal_domain", "intent")
"""Fields of which an empty text is no value: whoever fills empty cells with it means that there is none."""

_SPAN_KEYS = {"name", "start", "end", "text", "value"}
"""What is read of a span in a cell of ``slots``."""

_FEATURES = ("status", "device_type", "location", *FREE_FIELDS)
"""Fields that say the same in every dialogue and are inputs: a label in one of them would be read off."""


@dataclass(frozen=True, slots=True)
class FlatTable:
    """Which column holds which field; ``free`` holds the columns of the free-form features.

    Attributes:
        columns: column by field of ``FIELDS``.
        free: columns by field of ``FREE_FIELDS``.
        corpus: goes into the records.
        split: goes into the records where no column says it.
    """

    columns: Mapping[str, str]
    free: Mapping[str, Sequence[str]]
    corpus: str
    split: str

    def dialogues(self, rows: Iterable[Row], report: ReadReport) -> Iterator[tuple[Path, Dialogue]]:
        """Yield a dialogue for each run of rows with one dialogue id, and the file that it begins in.

        Raises:
            RecordError: the rows of a dialogue do not stand together, or a value breaks the record contract; names
                file, row and column.
        """
        seen: set[int] = set()
        for name, run in groupby(rows, key=self._dialogue_id):
            group = list(run)
            if hash(name) in seen:
                expected = (
                    "rows of a dialogue together: sort the table by it, or give each dialogue an id of its own, as "
                )
                expected += "where files count theirs anew"
                raise self._error(group[0], "dialogue_id", name, expected)
            seen.add(hash(name))
            report.add("dialogues_that_go_on_in_another_file", group[-1].file != group[0].file, where=name)
            yield group[0].file, self._dialogue(name, group, report)

    def names(self) -> set[str]:
        """All columns that are mapped."""
        return set(self.columns.values()).union(*self.free.values())

    def _dialogue(self, name: str, rows: Sequence[Row], report: ReadReport) -> Dialogue:
        turns = tuple(self._turn(row) for row in rows)
        self._check_times(rows, turns)
        fixed = {field: self._agreed(rows, field) for field in DIALOGUE_FIELDS if field not in ("dialogue_id", "split")}
        report.add("turns_without_request", sum(not turn.request for turn in turns), where=name)
        return Dialogue(
            id=name,
            corpus=self.corpus,
            split=self._agreed(rows, "split") or self.split,
            turns=turns,
            feedback=tuple(Feedback(**self._row(row, FEEDBACK_FIELDS)) for row in rows)
            if self._any(FEEDBACK_FIELDS)
            else (),
            labels=Labels(
                goals=self._goals(name, rows, report),
                turns=tuple(self._turn_labels(row, report) for row in rows) if self._any(TURN_LABEL_FIELDS) else (),
            ),
            **fixed,
        )

    def _dialogue_id(self, row: Row) -> str:
        name = self._value(row, "dialogue_id")
        if name is None:
            raise self._error(row, "dialogue_id", name, _ID)
        return str(name)

    def _turn(self, row: Row) -> Turn:
        free: dict[str, dict[str, Any]] = {}
        for field, kind in FREE_FIELDS.items():
            values = {column: _checked(row, column, kind, field) for column in self.free.get(field, ())}
            free[field] = {column: value for column, value in values.items() if value is not None}
        try:
            return Turn(**(self._row(row, TURN_FIELDS) | free))
        except RecordError as error:
            raise self._error(row, error.field, error.value, error.expected) from None

    def _check_times(self, rows: Sequence[Row], turns: Sequence[Turn]) -> None:
        before = 0.0
        for row, turn in zip(rows, turns, strict=True):
            if turn.seconds is not None and turn.seconds < before:
                raise self._error(row, "seconds", turn.seconds, f"{before} or more: rows of a dialogue in time order")
            before = before if turn.seconds is None else turn.seconds

    def _goals(self, name: str, rows: Sequence[Row], report: ReadReport) -> tuple[Goal, ...] | None:
        said = [field for field in GOAL_FIELDS if any(self._value(row, field) is not None for row in rows)]
        if not said:
            return None  # nobody labelled this dialogue
        if self._any(_GOAL_STARTS) and not any(field in said for field in _GOAL_STARTS):
            report.add("dropped/goal_labels_of_dialogues_without_goal_starts", len(said), where=name)
            return None
        starts, current = [0], None
        marks = [(self._value(row, "goal_start"), self._value(row, "goal_id")) for row in rows]
        for i, (starts_here, goal_id) in enumerate(marks):
            changes = current is not None and goal_id not in (None, current)
            if i and (starts_here or changes):
                starts.append(i)
            current = current if goal_id is None else goal_id
        goals = []
        for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            inside = rows[start:end]
            called, domain, success = (self._agreed(inside, field) for field in ("goal_name", "goal_domain", "success"))
            goals.append(Goal(start=start, end=end, name=called, domain=domain, success=success))
        return tuple(goals)

    def _turn_labels(self, row: Row, report: ReadReport) -> TurnLabels:
        values = self._row(row, TURN_LABEL_FIELDS)
        spans = values.pop("slots", None)
        labels: dict[str, Any] = {field: None if v is None else Label(value=v) for field, v in values.items()}
        return TurnLabels(slots=None if spans is None else self._slots(row, spans, report), **labels)

    def _slots(self, row: Row, spans: Sequence[Mapping[str, Any]], report: ReadReport) -> tuple[Slot, ...]:
        request = self._value(row, "request") or ""
        found = []
        for span in spans:
            if not isinstance(span, Mapping) or not {"name", "start", "end"} <= span.keys():
                raise self._error(row, "slots", span, 'a list of {"name": ..., "start": ..., "end": ...}')
            if span["name"] == "":
                raise self._error(row, "slots", span, "a name for each")
            start, end = span["start"], span["end"]
            if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(request):
                raise self._error(row, "slots", span, f"0 <= start < end <= {len(request)}, the request's length")
            text = request[start:end]
            if span.get("text") not in (None, text):
                raise self._error(row, "slots", span, f"the text {text!r}, which stands at these offsets")
            try:
                found.append(Slot(name=span["name"], start=start, end=end, text=text, value=span.get("value")))
            except RecordError as error:
                raise self._error(row, "slots", error.value, f"{error.expected} as {error.field}") from None
            for key in sorted(span.keys() - _SPAN_KEYS):
                report.add(f"keys_of_slots_not_read/{key}", span[key] is not None)  # Parquet has all keys in each span
        return tuple(found)

    def _any(self, fields: Iterable[str]) -> bool:
        return any(field in self.columns for field in fields)

    def _row(self, row: Row, fields: Iterable[str]) -> dict[str, Any]:
        return {field: self._value(row, field) for field in fields if field in self.columns}

    def _value(self, row: Row, field: str) -> Any:
        return _checked(row, self.columns[field], FIELDS[field], field) if field in self.columns else None

    def _agreed(self, rows: Sequence[Row], field: str) -> Any:
        """The one value that rows give a field of their dialogue or goal; None where none does."""
        agreed = None
        for row in rows if field in self.columns else ():
            value = self._value(row, field)
            if agreed is not None and value not in (None, agreed):
                raise self._error(row, field, value, f"{agreed!r}, as in the rows before, or nothing")
            agreed = value if agreed is None else agreed
        return agreed

    def _error(self, row: Row, field: str, value: object, expected: str) -> RecordError:
        return _error(row, self.columns.get(field, field), value, expected, field)


def flat_table(columns: Mapping[str, Any], corpus: str, split: str) -> FlatTable:
    """Check a mapping of fields to columns.

    Raises:
        CorpusError: no mapping, an unknown field, a column that is not a name, no ``dialogue_id``, both ways to mark
            goals, or a column that is a label and an input.
    """
    import difflib

    if not isinstance(columns, Mapping):
        raise CorpusError(f"columns is {columns!r}; expected {{field: column}}. Fields: {', '.join(FIELDS)}")
    single, free = {}, {}
    for field, column in columns.items():
        said = () if column is None else column
        names = list(said) if isinstance(said, Sequence) and not isinstance(said, str) else [said]
        if field not in FIELDS and field not in FREE_FIELDS:
            near = difflib.get_close_matches(str(field), [*FIELDS, *FREE_FIELDS], n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise CorpusError(f"columns: unknown field {field!r}; {hint}Known: {', '.join([*FIELDS, *FREE_FIELDS])}")
        if not all(isinstance(name, str) for name in names) or (field in FIELDS and len(names) != 1):
            expected = "the name of a column" if field in FIELDS else "names of columns"
            quoted = f", in quotes: '{column}'" if isinstance(column, int | float) else ""
            raise CorpusError(f"columns: {field} is {column!r}; expected {expected}{quoted}")
        if field in FIELDS:
            single[field] = names[0]
        else:
            free[field] = tuple(names)
    if "dialogue_id" not in single:
        raise CorpusError(f"columns: no column is mapped to 'dialogue_id' (mapped: {', '.join(columns) or 'nothing'})")
    if {"goal_start", "goal_id"} <= single.keys():
        raise CorpusError("columns: goal_start and goal_id both say where goals begin; map one of them")
    _check_inputs(single, free)
    return FlatTable(single, free, corpus, split)


def _check_inputs(single: Mapping[str, str], free: Mapping[str, Sequence[str]]) -> None:
    """No label is an input: what is to be found out would be told."""
    labels = {single[field]: field for field in (*GOAL_FIELDS, *TURN_LABEL_FIELDS) if field in single}
    for field in _FEATURES:
        for column in free.get(field, [single[field]] if field in single else ()):
            if column in labels:
                raise CorpusError(
                    f"columns: {column!r} is mapped to the label {labels[column]!r} and to {field!r}, which models "
                    "read: they would be told what they are to find out; map it to one of the two"
                )


def _checked(row: Row, column: str, kind: str, field: str) -> Any:
    """The cell, if it is of that kind; ids become strings, spans a list, whole numbers of a number field floats."""
    value = row.values.get(column)
    if value is None:
        return None
    if kind == _SPANS:
        return _spans(row, column, value, field)
    if kind == _NUMBER:
        if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:  # NaN, too, is not
            raise _error(row, column, value, f"{kind}, or nothing where it is missing", field, _as_seconds(field))
        return float(value)
    types = {_TEXT: (str,), _FLAG: (bool,), _ID: (str, int)}[kind]
    if type(value) not in types:
        raise _error(row, column, value, f"{kind}, or nothing", field, _as_kind(column, value, kind))
    if field in _NAMES and not str(value).strip():
        advice = f"; to empty such cells: frame[{column!r}].replace({{{value!r}: None}})"
        raise _error(row, column, value, "a name, or nothing (null) where there is none", field, advice)
    return str(value) if kind == _ID else value


def _spans(row: Row, column: str, value: Any, field: str) -> list[Any]:
    try:
        spans = parsed_json(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise _error(row, column, value, f"JSON ({error})", field) from None
    if not isinstance(spans, list):
        raise _error(row, column, value, 'a list of {"name": ..., "start": ..., "end": ...}', field)
    return spans


def _as_kind(column: str, value: object, kind: str) -> str:
    """How pandas makes true and false of such a column, or whole numbers again of ids of which some are missing."""
    if kind == _ID and isinstance(value, float) and value.is_integer():
        return (
            f'; pandas makes such of whole numbers if some are missing: frame[{column!r}].astype("Int64") converts them'
        )
    if kind != _FLAG:
        return ""
    pairs = "'yes': True, 'no': False" if isinstance(value, str) else "1: True, 0: False"
    return f'; to convert it: frame[{column!r}].map({{{pairs}}}).astype("boolean")'


def _as_seconds(field: str) -> str:
    """What a time is counted from: dates are no numbers."""
    since = {"seconds": "the start of the dialogue", "started_at": "1970-01-01 UTC"}.get(field)
    return f"; {field} counts from {since}, in seconds" if since else ""


def _error(row: Row, column: str, value: object, expected: str, field: str, advice: str = "") -> RecordError:
    said = expected if field == column else f"{expected} (column of the field {field!r})"
    return RecordError(column, value, f"{said}{advice}", file=str(row.file), row=row.number)
