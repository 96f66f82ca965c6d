"""From a log to a certified model, with people in between: label, draw an audit, answer, import, certify."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from experiments import certify, export, label
from experiments.import_reviews import main
from selflearn.batching.rows import DialogueRows
from selflearn.corpora import load_dialogues
from selflearn.corpora.table import write_jsonl
from selflearn.inference.export.label_studio import label_studio_task
from selflearn.inference.export.survey import survey
from selflearn.models import save_model
from selflearn.schema import Labels
from selflearn.training.build import fit_tasks
from tests.fixtures.dialogues import home_dialogues, tiny_model

LOG = [replace(dialogue, ratings=(), user_id=dialogue.id) for dialogue in home_dialogues(30, seed=3)]
EMAIL = "rea@example.org"


def answered(file, gold):
    """Label Studio's export of a project in which one person has labelled every task as in ``gold``."""
    by_id, found = {dialogue.id: dialogue for dialogue in gold}, survey(gold)
    tasks = json.loads(file.read_text("utf-8"))
    for task in tasks:
        said = label_studio_task(by_id[task["data"]["dialogue_id"]], found)["predictions"][0]["result"]
        task["annotations"] = [{"id": 1, "completed_by": {"email": EMAIL}, "result": said, "was_cancelled": False}]
    return json.dumps(tasks)


@pytest.fixture
def run(tmp_path, program):
    """Runs the programs on a log without labels, which is labelled, drawn from and answered."""
    save_model(*tiny_model(home_dialogues(12)), tmp_path / "model")
    write_jsonl([d.with_labels(Labels()) for d in LOG], tmp_path / "log.jsonl")
    settings = {
        label.main: {"labeler": "model", "input": "log.jsonl", "paths.output_dir": "labelled", "device": "cpu"},
        export.main: {"input": "labelled", "to": "label_studio", "output": "audit"},
        main: {"input": "answered.json", "tool": "label_studio", "dialogues": "labelled", "output": "people.parquet"},
        certify.main: {"labeler": "model", "input": "people.parquet", "device": "cpu", "check": 0, "progress": "false"},
    }
    return lambda of, *arguments: program(of, arguments, settings[of] | {"cache": "cache"})


def test_an_audit_by_people_certifies_the_model_that_labelled(run, tmp_path):
    assert run(label.main, "report=false")[0] == 0
    assert run(export.main, "audit=30", "mask=true")[0] == 0
    (tmp_path / "answered.json").write_text(answered(tmp_path / "audit" / "tasks.json", LOG), "utf-8")
    code, out, err = run(main)
    assert (code, "written: people.parquet" in err, "of no audit" in err) == (0, True, False)
    assert f"dialogues labelled by label_studio:{EMAIL} │ 30" in out
    assert "dialogues of an audit │ 30" in out
    assert "read: annotations │ 30" in out

    rows = load_dialogues("table", root="people.parquet", split="all", cache_dir=tmp_path / "cache")
    for written, gold in zip(DialogueRows(rows), LOG, strict=True):
        assert [goal.end for goal in written.labels.goals] == [goal.end for goal in gold.labels.goals]
        for ours, theirs in zip(written.labels.turns, gold.labels.turns, strict=True):
            assert (ours.intent.value, ours.defect.value) == (theirs.intent.value, theirs.defect.value)
            assert [(s.name, s.text) for s in ours.slots] == [(s.name, s.text) for s in theirs.slots]
    assert fit_tasks(["intent"], DialogueRows(rows))["intent"].labels == fit_tasks(["intent"], LOG)["intent"].labels

    code, out, err = run(certify.main)
    assert (code, "from 30 audited dialogues" in err) == (0, True)
    promised = promises_in(tmp_path / "model")
    write_jsonl(LOG, tmp_path / "gold.jsonl")  # the same people's labels, without the way through the tool
    assert run(certify.main, "input=gold.jsonl", "again=true")[0] == 0
    assert promises_in(tmp_path / "model") == promised
    assert run(label.main, "paths.output_dir=again", "report=false")[0] == 0
    assert pd.read_parquet(tmp_path / "again" / "labels")["promise"].notna().any()


def promises_in(model):
    """What is promised of a model, without the words, which say of which log."""
    found = json.loads((model / "promises.json").read_text("utf-8"))
    return found["audited"], {task: one | {"promise": None} for task, one in found["tasks"].items()}


def test_a_person_is_not_set_beside_labels_of_their_own(run, tmp_path):
    assert run(label.main, "report=false")[0] == 0
    assert run(export.main, "audit=30")[0] == 0
    (tmp_path / "answered.json").write_text(answered(tmp_path / "audit" / "tasks.json", LOG), "utf-8")
    assert run(main)[0] == 0
    code, out, _ = run(certify.main, "check=0.5", "again=true")
    assert (code, "15 dialogues that no promise was made from" in out) == (0, True)
    assert "person │" not in out.replace("model minus person", "")


def test_the_review_queue_is_no_audit_and_nothing_is_certified_on_it(run, tmp_path):
    assert run(label.main, "report=false")[0] == 0
    assert run(export.main)[0] == 0
    (tmp_path / "answered.json").write_text(answered(tmp_path / "audit" / "tasks.json", LOG), "utf-8")
    code, _, err = run(main)
    assert code == 0
    assert "30 of 30 dialogues are of no audit: they were chosen, and people saw what the model said." in err
    code, _, err = run(certify.main)
    words = " ".join(err.split())
    assert (code, "Traceback" in err) == (2, False)
    assert "30 of 30 dialogues, dialogue 'home-0' the first of them, are from a review queue" in words
    assert "Expected an audit: draw one with experiments.export audit=NUMBER" in words
    assert not (tmp_path / "model" / "promises.json").exists()
    code, _, err = run(main)
    assert (code, "people.parquet is there already; give another output, or remove it" in err) == (2, True)


def test_an_annotator_who_is_a_number_can_be_chosen(run, tmp_path):
    """Label Studio says ``completed_by: 7`` where it does not say an address."""
    write_jsonl(LOG, tmp_path / "log.jsonl")
    tasks = [{"data": label_studio_task(LOG[0], survey(LOG))["data"], "annotations": []}]
    said = label_studio_task(LOG[0], survey(LOG))["predictions"][0]["result"]
    tasks[0]["annotations"] = [{"completed_by": number, "result": said} for number in (7, 8)]
    (tmp_path / "answered.json").write_text(json.dumps(tasks), "utf-8")
    assert run(main, "dialogues=log.jsonl")[0] == 2
    code, out, _ = run(main, "dialogues=log.jsonl", "rater=7")
    assert (code, "dialogues labelled by label_studio:7 │ 1" in out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["input=absent"], "missing value: give input=..."),
        (["input=nowhere.json"], "nowhere.json: no such file; expected the export of Label Studio in its format JSON"),
        (["tool=labelstudio"], "tool is 'labelstudio'; expected label_studio or argilla (label_studio?)"),
        (["output=people.csv"], "output is 'people.csv'; expected a name that ends in .jsonl or .parquet"),
        (["input=damaged.json"], "damaged.json: not JSON ("),
        (["dialogues=nowhere"], "nowhere does not exist"),
        (["dialogues=log.jsonl"], "answered.json: task 0: dialogue 'x' of home (train) is unknown"),
        (["mask_slots={room: ROOM}"], "slot 'room' is masked as 'ROOM'; expected one of NAME, NUMBER"),
        (["mask_slots=room"], "mask_slots is 'room'; expected slots and their kinds: mask_slots={SLOT: NAME}"),
        (["names=SetTimer"], "names is 'SetTimer'; expected tasks and names: names={TASK: [NAME]}"),
        (["names={intent: SetTimer}"], "names.intent is 'SetTimer'; expected a list: names.intent=[SetTimer]"),
        (["dialogues=log.jsonl", "rater=2"], "answered.json: has no annotator '2'; expected one of label_studio:1"),
        (["dialog=labelled"], "unknown key 'dialog'; nearest: 'dialogues'"),
    ],
)
def test_a_users_fault_is_said_in_words_and_nothing_is_written(run, tmp_path, arguments, message):
    part = {"author": "person", "text": "a", "turn": 0}
    data = {"dialogue_id": "x", "corpus": "home", "split": "train", "turns": 1, "asked": ["intent"], "dialogue": [part]}
    value = {"start": "0", "choices": ["SetTimer"]}
    annotation = {"completed_by": 1, "result": [{"from_name": "intent", "value": value}]}
    (tmp_path / "answered.json").write_text(json.dumps([{"data": data, "annotations": [annotation]}]), "utf-8")
    (tmp_path / "damaged.json").write_text('[{"data": ', "utf-8")
    code, out, err = run(main, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "people.parquet").exists()
