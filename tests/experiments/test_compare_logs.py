from __future__ import annotations

import json

import pytest

from experiments.compare_logs import main

ROWS = [
    {"session": "17", "t": 0.0, "text": "play some jazz", "said": "Which speaker?"},
    {"session": "17", "t": 4.2, "text": "the kitchen", "said": "Playing jazz."},
    {"session": "18", "t": 0.0, "text": "stop", "said": None},
]
COLUMNS = "columns:{dialogue_id:session,seconds:t,request:text,response:said}"


@pytest.fixture
def command(program, tmp_path):
    (tmp_path / "calls.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    own = ["data=table", "data.root=calls.jsonl", "paths.output_dir=out"]
    return lambda more: program(main, [*own, f"logs=[{{name:mine,corpus:table,root:calls.jsonl,split:all{more}}}]"], {})


def test_ones_own_flat_table_is_a_log_too(command, tmp_path):
    code, _, err = command(f",{COLUMNS}")
    assert code == 0, err
    assert json.loads((tmp_path / "out" / "logs.json").read_text())["mine/turns"] == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (f",{COLUMNS},limt:2", "table has no option 'limt'; Known: columns, corpus_name"),
        (f",{COLUMNS},limit:many", "limit of mine is 'many'; expected a whole number"),
        (f",{COLUMNS},limit:0", "limit of mine is 0; expected 1 or more"),
    ],
)
def test_what_cannot_be_meant_of_a_log_is_not_passed_over(command, more, message):
    code, _, err = command(more)
    assert code == 2
    assert message in err
