from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from experiments.label import main
from selflearn.corpora.table import write_jsonl
from selflearn.models import save_model
from tests.fixtures.dialogues import home_dialogues, tiny_model

ROWS = [
    {"session": "a", "said": "dim the lights in the hall", "told": "ok", "seconds": 0.0},
    {"session": "a", "said": "brighter", "told": None, "seconds": 4.5},
    {"session": "b", "said": "wake me in 5 minutes", "told": "I will", "seconds": 0.0},
]
COLUMNS = ["columns.dialogue_id=session", "columns.request=said", "columns.response=told"]


@pytest.fixture(scope="module")
def model_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("trained") / "model"
    save_model(*tiny_model(home_dialogues(12)), directory)
    return directory


@pytest.fixture
def command(tmp_path, model_directory, program):
    """Runs the program with the model and a log."""
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS), "utf-8")
    given = {
        "labeler": model_directory, "input": "log.jsonl", "paths.output_dir": "out", "cache": "cache", "device": "cpu",
    }  # fmt: skip
    return lambda *arguments: program(main, arguments, given)


def test_a_log_is_labelled_and_what_was_done_is_said(command, tmp_path):
    code, out, err = command(*COLUMNS)
    goals = pd.read_parquet(tmp_path / "out" / "goals.parquet")
    assert code == 0
    assert list(pd.read_parquet(tmp_path / "out" / "dialogues")["id"]) == ["a", "b"]
    assert set(goals["dialogue_id"]) == {"a", "b"}
    assert "labelled: dialogues │ 2" in out
    assert f"labelled: goals │ {len(goals)}" in out
    assert "read: columns_not_mapped (seconds) │ 1" in out
    assert "2/2 dialogues" in err
    assert "goal records: out/goals.parquet" in err
    assert "page to read: out/report.html" in err
    assert '"dialogues":{"total":2,' in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_what_it_took_is_said_beside_the_pace_of_a_person(command, tmp_path):
    code, out, _ = command(*COLUMNS, "person.seconds_per_label=36", "person.source=a stopwatch")
    assert code == 0
    assert re.search(r"labelling adds to reading and encoding │ [\d.]+%", out)
    assert re.search(r"labelling adds to encoding alone │ [\d.]+%", out)
    assert "accepted labels an hour │ nothing is promised" in out
    assert "labels an hour of a person (a stopwatch) │ 100" in out
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert '["labels an hour of a person (a stopwatch)","100"]' in page
    (part,) = json.loads((tmp_path / "out" / "labelling.json").read_text("utf-8"))["times"]
    assert {"read", "prepare", "encode", "predict", "decode", "accept", "write"} == set(part["seconds"])
    table = pd.read_parquet(tmp_path / "out" / "labels")
    assert part["labels"] == (table["label"].notna() | table["value"].notna()).sum()


def test_how_fast_it_was_can_stand_on_the_page_of_results(command, tmp_path):
    assert command(*COLUMNS, "page=pace.md", "bf16=true")[0] == 0
    page = (tmp_path / "pace.md").read_text("utf-8")
    assert page.startswith("## How fast labels are made\n")
    assert "python -m experiments.label labeler=DIR/model paths.output_dir=DIR/labelled input=" in page
    assert " bf16=true" in page
    assert "page=" not in page
    assert "| labelling adds to encoding alone | " in page
    assert "| labels an hour | " in page


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(command, monkeypatch):
    monkeypatch.setattr("experiments.label.Labeler", None)
    code, _, err = command(*COLUMNS, "page=nowhere/pace.md")
    assert (code, "page is nowhere/pace.md; expected a file in a folder that is there" in err) == (2, True)


def test_a_page_can_be_left_out_or_hold_less(command, tmp_path):
    assert command(*COLUMNS, "report=false")[0] == 0
    assert not (tmp_path / "out" / "report.html").exists()
    assert command(*COLUMNS, "report_dialogues=1")[0] == 0
    assert '"dialogues":{"total":2,' in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_where_people_have_labelled_the_input_the_page_measures_the_model(command, tmp_path):
    write_jsonl(home_dialogues(5), tmp_path / "people.jsonl")
    assert command("input=people.jsonl", "format=jsonl")[0] == 0
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert '"task":"segmentation","unit":"goals","source":"the labelled dialogues"' in page


def test_a_plan_says_how_much_and_how_long_and_labels_nothing(command, tmp_path):
    code, out, _ = command(*COLUMNS, "plan=true")
    assert code == 0
    assert "to label: dialogues │ 2" in out
    assert "files of labelled dialogues │ 1" in out
    assert "by 2 dialogues │ 0:00:00" in out
    assert not (tmp_path / "out").exists()


def test_started_again_it_finds_that_all_is_done(command):
    first, second = command(*COLUMNS, "progress=false"), command(*COLUMNS, "progress=false")
    assert first == second


def test_a_mapping_can_be_given_whole(command):
    assert command("columns={dialogue_id: session, request: said, seconds: seconds}", "format=jsonl")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["labeler=absent"], "missing value: give labeler=..."),
        (["input=absent"], "missing value: give input=..."),
        (["paths.output_dir=absent"], "missing value: give paths.output_dir=..."),
        (["labeler=nowhere"], "nowhere: no such directory; expected a directory with config.json"),
        (["input=nowhere.jsonl"], "nowhere.jsonl does not exist"),
        ([], "log.jsonl:1: neither our record format (no field 'turns') nor a flat table with our names"),
        (
            [*COLUMNS, "columns.status=outcome"],
            "log.jsonl: no column 'outcome', which columns maps to the field 'status'",
        ),
        ([*COLUMNS, "columns.requst=said"], "columns: unknown field 'requst'; did you mean 'request'?"),
        (
            [*COLUMNS, "person.seconds_per_label=0"],
            "a person labels in 0 seconds (source: 'assumed, not measured'); expected more than 0 seconds",
        ),
        (["input=nowhere.jsonl", "person.seconds_per_label=6s"], "person.seconds_per_label is '6s'; expected a number"),
        (["input=nowhere.jsonl", "person=6"], "Person needs a mapping of settings; found 6"),
        ([*COLUMNS, "shards=3"], "unknown key 'shards'"),
        ([*COLUMNS, "lableer=x"], "unknown key 'lableer'; nearest: 'labeler'"),
        ([*COLUMNS, "corpus=tables"], "unknown corpus 'tables'; did you mean 'table'?"),
        ([*COLUMNS, "on_overflow=windw"], "on_overflow is 'windw'; expected one of window, truncate, error"),
        ([*COLUMNS, "format=csv"], "format is 'csv'; expected one of parquet, jsonl"),
        ([*COLUMNS, "bf16=perhaps"], "bf16 is 'perhaps'; expected true or false"),
        ([*COLUMNS, "token_budget=many"], "token_budget is 'many'; expected a whole number, 1 or more"),
        (["input=nowhere.jsonl", "token_budget=0"], "token_budget is 0; expected a whole number, 1 or more"),
        ([*COLUMNS, "shard_size=1.5"], "shard_size is 1.5; expected a whole number, 1 or more"),
        (["columns=session"], "columns is 'session'; expected fields and their columns: columns={FIELD: COLUMN}"),
    ],
)
def test_a_users_fault_is_said_in_words_and_nothing_is_written(command, tmp_path, arguments, message):
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()
