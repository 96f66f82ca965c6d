from __future__ import annotations

import json

import pytest

from experiments.export import main
from selflearn.corpora.table import write_parquet
from tests.fixtures.labelled import home_labelled


@pytest.fixture
def command(tmp_path, program):
    """Runs the program on labelled dialogues."""
    write_parquet(home_labelled(4), tmp_path / "labelled" / "dialogues" / "part-00000.parquet")
    state = {"settings": {"promises": {}, "model": "abc"}, "finished": True, "shards": [{}]}
    (tmp_path / "labelled" / "labelling.json").write_text(json.dumps(state), "utf-8")
    given = {"input": "labelled", "to": "jsonl", "output": "out", "cache": "cache"}
    return lambda *arguments: program(main, arguments, given)


def test_a_review_queue_is_written_and_what_was_done_is_said(command, tmp_path):
    accept = "accept={intent: {threshold: 0.5, promise: wrong at most 5 % of the time}}"
    code, out, err = command("to=label_studio", "mask=true", "mask_slots={record: NAME}", accept)
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text("utf-8"))
    assert code == 0
    assert sum(task["data"]["rejected"] for task in tasks) > 0
    assert "exported: tasks │ 4" in out
    masks = sum(part["text"].count("[NAME]") for task in tasks for part in task["data"]["dialogue"])
    assert masks > 0
    assert f"masked: NAME │ {masks}" in out
    assert "4/4 dialogues" in err
    assert "written: out/tasks.json written: out/config.xml" in err


def test_promises_stand_beside_their_labels(command, tmp_path):
    assert command("accept={intent: {threshold: 0.5, promise: few are wrong}}", "progress=false")[0] == 0
    rows = [json.loads(line) for line in (tmp_path / "out" / "labels.jsonl").read_text("utf-8").splitlines()]
    assert {row["promise"] for row in rows if row["task"] == "intent"} == {"few are wrong"}
    assert {row["promise"] for row in rows if row["task"] != "intent"} == {None}
    assert all(row["accepted"] == (row["score"] >= 0.5) for row in rows if row["task"] == "intent")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["input=absent"], "missing value: give input=..."),
        (["to=absent"], "missing value: give to=..."),
        (["input=nowhere"], "nowhere holds no labelled dialogues: no such folder; expected the output folder of"),
        (
            ["to=labelstudio"],
            "to is 'labelstudio'; expected one of jsonl, parquet, datasets, conll, label_studio, argilla",
        ),
        (["mask_slots={room: NAME}"], "mask_slots is given and mask is false"),
        (["mask=true", "mask_slots={room: ROOM}"], "slot 'room' is masked as 'ROOM'; expected one of NAME, NUMBER"),
        (["accept={intent: 0.5}"], "accept.intent is 0.5; expected {threshold: SCORE, promise: WORDS}"),
        (["accept={intent: {treshold: 0.5}}"], "accept.intent: field 'treshold' is 0.5; expected one of the fields of"),
        (["accept={intent: {threshold: 5}}"], "accept.intent: field 'threshold' is 5.0; expected a score in [0, 1]"),
        (["accept={intents: {threshold: 0.5}}"], "accept: unknown task 'intents'; did you mean 'intent'?"),
        (["mask=no"], "mask is 'no'; expected true or false"),
        (["accept=0.8"], "accept is 0.8; expected tasks and their thresholds: accept={TASK: {threshold: SCORE}}"),
        (
            ["mask=true", "mask_slots=room"],
            "mask_slots is 'room'; expected slots and their kinds: mask_slots={SLOT: NAME}",
        ),
        (["to=label_studio", "audit=true"], "audit is True; expected a whole number of dialogues or turns"),
        (["to=label_studio", "audit=2", "seed=true"], "seed is True; expected a whole number, from 0 to 4294967295"),
        (["maks=true"], "unknown key 'maks'; nearest: 'mask'"),
    ],
)
def test_a_users_fault_is_said_in_words_and_nothing_is_written(command, tmp_path, arguments, message):
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_second_export_does_not_overwrite_the_first(command):
    assert command()[0] == 0
    code, _, err = command()
    assert code == 2
    assert "out/labels.jsonl is there already; give another output, or remove it" in err
