from __future__ import annotations

import pytest

from selflearn.corpora import CorpusError, ReadReport, iter_dialogues
from selflearn.schema import RecordError

USER, SYSTEM = "USER", "SYSTEM"


def write(tmp_path, *lines, name="CCPE.txt"):
    """A part with these lines: (ROLE, text, act, grades), or a text as it stands."""
    path = tmp_path / "dataset" / name
    path.parent.mkdir(exist_ok=True)
    rows = [line if isinstance(line, str) else "\t".join(line) for line in lines]
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def read(tmp_path, *lines, report=None):
    write(tmp_path, *lines)
    return list(iter_dialogues("uss", tmp_path, "ccpe", report=report))


def defects(dialogue):
    return [labels.defect and labels.defect.value for labels in dialogue.labels.turns]


def test_a_response_is_judged_by_the_grades_on_the_next_line_of_the_user(tmp_path):
    report = ReadReport("uss", "ccpe")
    (dialogue,) = read(
        tmp_path,
        "",
        (USER, "a taxi", "INFORM", "1,1,1"),
        (SYSTEM, "where to", "REQUEST", ""),
        (USER, "to the lake", "INFORM", "3,3,2"),
        (SYSTEM, "and when", "REQUEST", ""),
        (USER, "now", "INFORM", "5,3,3"),
        (SYSTEM, "it comes", "NOTIFY", ""),
        (USER, "OVERALL", "", "4,3,2"),
        "",
        report=report,
    )
    assert dialogue.id == "ccpe-1"
    assert [(t.request, t.response) for t in dialogue.turns] == [
        ("a taxi", "where to"), ("to the lake", "and when"), ("now", "it comes")
    ]  # fmt: skip
    assert defects(dialogue) == [True, False, None]
    assert [(r.rater, r.answer, r.turn) for r in dialogue.ratings] == [
        ("ccpe-1/1", "3", 0), ("ccpe-1/2", "3", 0), ("ccpe-1/3", "2", 0), ("ccpe-1/1", "5", 1), ("ccpe-1/2", "3", 1),
        ("ccpe-1/3", "3", 1), ("ccpe-1/1", "4", None), ("ccpe-1/2", "3", None), ("ccpe-1/3", "2", None),
    ]  # fmt: skip
    assert {(r.question, r.score == float(r.answer)) for r in dialogue.ratings} == {("satisfaction", True)}
    assert [labels.response_acts for labels in dialogue.labels.turns] == [("REQUEST",), ("REQUEST",), ("NOTIFY",)]
    assert report.dropped == {"dropped/grades_of_first_user_lines": 3}


@pytest.mark.parametrize(("grades", "defect"), [("3,3,3", False), ("1,4,4", False), ("2,3,3", True), ("5,1,2", True)])
def test_a_defect_is_a_mean_of_less_than_three(tmp_path, grades, defect):
    (dialogue,) = read(tmp_path, (SYSTEM, "hi", "", ""), (USER, "well", "", grades), (USER, "OVERALL", "", "3,3,3"))
    assert defects(dialogue) == [defect, None]


def test_lines_of_one_side_in_a_row_are_one_turn_judged_once(tmp_path):
    report = ReadReport("uss", "ccpe")
    (dialogue,) = read(
        tmp_path,
        (SYSTEM, "hi", "", ""),
        (SYSTEM, "what do you like", "", ""),
        (USER, "swans", "", "2,2"),
        (USER, "and owls", "", "5,5"),
        (SYSTEM, "I see", "", ""),
        (USER, "OVERALL", "", "3,3"),
        report=report,
    )
    assert [(t.request, t.response, t.joins) for t in dialogue.turns] == [
        (None, "hi what do you like", 1), ("swans and owls", "I see", 1)
    ]  # fmt: skip
    assert defects(dialogue) == [True, None]
    assert report.dropped == {"dropped/grades_of_further_user_lines_in_a_row": 2}
    assert report.counts["grades"] == 4


def test_parts_are_splits(uss_release):
    for part in ("sgd", "mwoz", "ccpe", "redial"):
        dialogues = list(iter_dialogues("uss", uss_release, part))
        assert [dialogue.id for dialogue in dialogues] == [f"{part}-{i}" for i in range(1, 17)]
        assert {dialogue.labels.turns[0].response_acts is None for dialogue in dialogues} == {part == "redial"}


# ---------------------------------------------------------------------------------------------------------- bad input

GOOD = [
    (USER, "hi", "", "3,3,3"),
    (SYSTEM, "hello", "", ""),
    (USER, "bye", "", "3,4,3"),
    (USER, "OVERALL", "", "3,3,3"),
]


@pytest.mark.parametrize(
    ("line", "instead", "field", "value", "expected"),
    [
        (2, (USER, "bye", "", "3,4"), "grades", "3,4", "3 grades, one a rater, as of the whole dialogue"),
        (2, (USER, "bye", "", "3,4,"), "grades", "3,4,", "whole numbers from 1 to 5"),
        (2, (USER, "bye", "", "3,4,6"), "grades", "3,4,6", "whole numbers from 1 to 5"),
        (2, (USER, "bye", "", ""), "grades", "", "whole numbers from 1 to 5"),
        (1, (SYSTEM, "hello", "", "3,3,3"), "grades", "3,3,3", "nothing on a SYSTEM line"),
        (1, ("BOT", "hello", "", ""), "role", "BOT", "USER or SYSTEM"),
        (1, (SYSTEM, "hello", ""), "columns", 3, "4, ROLE, text, act and grades"),
        (2, (USER, "OVERALL", "", "3,3,3"), "text", "OVERALL", "it on the last line of a dialogue only"),
        (3, (USER, "more", "", "3,3,3"), "text", "more", "is the file cut short?"),
    ],
)  # fmt: skip
def test_faults_are_named(tmp_path, line, instead, field, value, expected):
    lines = [*GOOD, "", *GOOD]
    lines[5 + line] = instead
    with pytest.raises(RecordError) as caught:
        read(tmp_path, *lines)
    assert (caught.value.field, caught.value.value) == (field, value)
    assert expected in caught.value.expected
    assert (caught.value.file, caught.value.row) == (str(tmp_path / "dataset" / "CCPE.txt"), str(6 + line))


def test_a_file_that_ends_in_the_middle_is_an_error(tmp_path):
    path = write(tmp_path, *GOOD, "", *GOOD)
    content = path.read_bytes()
    last = content.rindex(b"USER")
    for cut, said in (
        (last, "is the file cut short"),
        (last + 6, "a file cut short"),
        (-len("3,3,3\n"), "whole numbers"),
    ):
        path.write_bytes(content[:cut])
        with pytest.raises(RecordError, match=said):
            list(iter_dialogues("uss", tmp_path, "ccpe"))
    path.write_bytes(content[:40] + b"\xff" + content[40:])
    with pytest.raises(CorpusError, match=r"CCPE\.txt:\d+: not UTF-8 text at byte \d+ of the line"):
        list(iter_dialogues("uss", tmp_path, "ccpe"))


def test_a_part_that_is_not_there_is_named(tmp_path):
    write(tmp_path, *GOOD)
    with pytest.raises(CorpusError, match=r"the split 'mwoz' is not in .*: no .*MWOZ\.txt"):
        list(iter_dialogues("uss", tmp_path, "mwoz"))
