from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from selflearn.inference.export import Acceptance, ExportError, export_dialogues
from selflearn.inference.export.label_studio import (
    label_studio_config,
    label_studio_task,
    paragraphs,
)
from selflearn.inference.export.survey import survey
from selflearn.schema import Goal, Label, Labels, TurnLabels
from tests.fixtures.dialogues import plain_dialogue
from tests.fixtures.labelled import home_labelled, labelled_dialogues
from tests.inference.export.schemas import LABEL_STUDIO_TASKS

ACCEPT = {"intent": Acceptance(threshold=0.3)}


def written(tmp_path, dialogues, **more):
    export_dialogues(dialogues, tmp_path, to="label_studio", model="abc", **more)
    return json.loads((tmp_path / "tasks.json").read_text("utf-8")), (tmp_path / "config.xml").read_text("utf-8")


def controls(config: str) -> dict[str, tuple[str, list[str]]]:
    """Tag and options of every control of a configuration."""
    return {
        tag.get("name"): (tag.tag, [option.get("value") for option in tag])
        for tag in ElementTree.fromstring(config).iter()
        if tag.get("toName")
    }


def check_against(config: str, task: dict) -> None:
    """What Label Studio checks of a prediction when it is imported: known controls, types and options."""
    known = controls(config)
    for region in task["predictions"][0]["result"]:
        tag, options = known[region["from_name"]]
        assert tag.lower() == region["type"]
        assert set(region["value"][region["type"]]) <= set(options)


def test_tasks_are_what_label_studio_imports_one_a_dialogue(tmp_path):
    dialogues = home_labelled(8)
    tasks, config = written(tmp_path, dialogues)
    Draft202012Validator(LABEL_STUDIO_TASKS).validate(tasks)
    assert sorted(task["data"]["dialogue_id"] for task in tasks) == sorted(d.id for d in dialogues)
    for task in tasks:
        check_against(config, task)


@given(labelled_dialogues())
def test_any_texts_and_labels_make_valid_tasks(dialogue):
    found = survey([dialogue])
    task = json.loads(json.dumps(label_studio_task(dialogue, found)))
    Draft202012Validator(LABEL_STUDIO_TASKS).validate([task])
    check_against(label_studio_config(found), task)


@given(labelled_dialogues())
def test_regions_lie_on_the_text_that_they_quote(dialogue):
    task = label_studio_task(dialogue, survey([dialogue]))
    shown = [part["text"] for part in task["data"]["dialogue"]]
    for region in task["predictions"][0]["result"]:
        value = region["value"]
        first, last = int(value["start"]), int(value["end"])
        units = [text.encode("utf-16-le") for text in shown[first : last + 1]]
        units[-1] = units[-1][: 2 * value["endOffset"]]
        units[0] = units[0][2 * value["startOffset"] :]
        assert b"".join(units).decode("utf-16-le") == value["text"]


@given(labelled_dialogues())
def test_every_label_that_is_asked_for_is_there_once_with_its_score(dialogue):
    result = label_studio_task(dialogue, survey([dialogue]))["predictions"][0]["result"]

    def found(name):
        return [
            (r["value"]["text"], r["value"][r["type"]][0], r.get("score")) for r in result if r["from_name"] == name
        ]

    slots = [(s.text, s.name, s.score) for t in dialogue.labels.turns for s in t.slots or ()]
    assert found("slot") == slots
    if "intent" in survey([dialogue]).asked:
        assert [row[1:] for row in found("intent")] == [
            (t.intent.value, t.intent.score) for t in dialogue.labels.turns if t.intent
        ]
    assert [row[1:] for row in found("defect")] == [
        ("yes" if t.defect.value else "no", t.defect.score) for t in dialogue.labels.turns if t.defect]  # fmt: skip
    goals = dialogue.labels.goals or ()
    assert [row[2] for row in found("goal")] == [goal.score for goal in goals]
    assert [row[1] for row in found("success")] == [
        "yes" if g.success else "no" for g in goals if g.success is not None
    ]


@given(labelled_dialogues())
def test_goals_cover_their_paragraphs(dialogue):
    shown = paragraphs(dialogue)
    result = label_studio_task(dialogue, survey([dialogue]))["predictions"][0]["result"]
    ranges = [(int(r["value"]["start"]), int(r["value"]["end"])) for r in result if r["from_name"] == "goal"]
    turns = [(shown[first].turn, shown[last].turn + 1) for first, last in ranges]
    assert turns == [(goal.start, goal.end) for goal in dialogue.labels.goals or ()]
    if ranges:
        assert [i for first, last in ranges for i in range(first, last + 1)] == list(range(len(shown)))


def test_rejected_dialogues_come_first_then_the_least_certain(tmp_path):
    tasks, _ = written(tmp_path, home_labelled(12), accept=ACCEPT)
    keys = [(task["data"]["rejected"] == 0, task["data"]["lowest_score"]) for task in tasks]
    assert keys == sorted(keys)
    assert {rejected for rejected, _ in keys} == {True, False}
    assert all(task["predictions"][0]["score"] == task["data"]["lowest_score"] for task in tasks)
    assert {task["predictions"][0]["model_version"] for task in tasks} == {"abc"}


def test_names_and_texts_with_markup_are_escaped(tmp_path):
    name = 'a<b & "c"'
    turns = (TurnLabels(intent=Label(value=name, source="model", score=0.5)),)
    dialogue = plain_dialogue(("<script>alert(1)</script>", None), labels=Labels(turns=turns))
    tasks, config = written(tmp_path, [dialogue])
    assert controls(config)["intent"][1] == [name, "other"]
    assert "a<b" not in config
    assert tasks[0]["data"]["dialogue"][0]["text"] == "<script>alert(1)</script>"


def test_only_what_is_labelled_is_asked(tmp_path):
    dialogue = plain_dialogue(("a", "b"), labels=Labels(goals=(Goal(start=0, end=1, source="model"),)))
    tasks, config = written(tmp_path, [dialogue])
    assert list(controls(config)) == ["goal"]
    assert tasks[0]["data"]["asked"] == ["goal"]


def test_a_turn_in_which_nothing_was_said_has_a_paragraph():
    assert [(part.author, part.turn) for part in paragraphs(plain_dialogue(("", None), (None, "b")))] == [
        ("nobody", 0), ("assistant", 1)]  # fmt: skip


def test_no_dialogue_gives_an_empty_list(tmp_path):
    tasks, config = written(tmp_path, [])
    assert (tasks, controls(config)) == ([], {})


@pytest.mark.parametrize("name", ["a\x00b", " "])
def test_a_name_that_xml_cannot_hold_is_said_and_nothing_is_written(tmp_path, name):
    turns = (TurnLabels(intent=Label(value=name, source="model", score=0.5)),)
    with pytest.raises(ExportError, match="cannot be an option in Label Studio"):
        written(tmp_path, [plain_dialogue(("a", None), labels=Labels(turns=turns))])
    assert not list(tmp_path.iterdir())
