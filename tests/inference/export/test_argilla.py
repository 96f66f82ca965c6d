from __future__ import annotations

import json

from hypothesis import given
from jsonschema import Draft202012Validator

from selflearn.inference.export import Acceptance, export_dialogues
from selflearn.inference.export.argilla import CONTEXT, argilla_records, argilla_settings
from selflearn.inference.export.survey import survey
from selflearn.schema import Goal, Labels, Slot, TurnLabels
from tests.fixtures.dialogues import plain_dialogue
from tests.fixtures.labelled import home_labelled, labelled_dialogues
from tests.inference.export.schemas import ARGILLA_RECORDS, ARGILLA_SETTINGS


def written(tmp_path, dialogues, **more):
    export_dialogues(dialogues, tmp_path, to="argilla", model="abc", **more)
    files = (tmp_path / "records.json", tmp_path / ".argilla" / "settings.json", tmp_path / ".argilla" / "dataset.json")
    return tuple(json.loads(path.read_text("utf-8")) for path in files)


def check_against(settings, records) -> None:
    """What Argilla checks of suggestions: known questions, known options, spans inside of their text."""
    options = {q["name"]: {option["value"] for option in q["settings"]["options"]} for q in settings["questions"]}
    for record in records:
        for name, suggestion in record["suggestions"].items():
            value, score = suggestion["value"], suggestion["score"]
            if name == "slots":
                assert {span["label"] for span in value} <= options[name]
                assert all(0 <= span["start"] < span["end"] <= len(record["fields"]["request"]) for span in value)
                assert score is None or len(score) == len(value)
            else:
                assert value in options[name]


def test_records_are_what_argilla_imports_one_a_turn(tmp_path):
    dialogues = home_labelled(8)
    records, settings, dataset = written(tmp_path, dialogues)
    Draft202012Validator(ARGILLA_RECORDS).validate(records)
    Draft202012Validator(ARGILLA_SETTINGS).validate(settings)
    check_against(settings, records)
    assert dataset["name"] == "selflearn"
    assert sorted((r["metadata"]["dialogue_id"], r["metadata"]["turn"]) for r in records) == sorted(
        (d.id, i) for d in dialogues for i in range(len(d.turns)))  # fmt: skip
    assert len({record["id"] for record in records}) == len(records)


@given(labelled_dialogues())
def test_any_texts_and_labels_make_valid_records(dialogue):
    found = survey([dialogue])
    records = json.loads(json.dumps(list(argilla_records(dialogue, found))))
    Draft202012Validator(ARGILLA_RECORDS).validate(records)
    if found.asked:
        Draft202012Validator(ARGILLA_SETTINGS).validate(argilla_settings(found))
    check_against(argilla_settings(found), records)


@given(labelled_dialogues())
def test_every_label_that_is_asked_for_is_a_suggestion_with_its_score(dialogue):
    records = list(argilla_records(dialogue, survey([dialogue])))
    goals, turns = dialogue.labels.goals or (), dialogue.labels.turns

    def found(name):
        return [(i, r["suggestions"][name]["value"], r["suggestions"][name]["score"])
                for i, r in enumerate(records) if name in r["suggestions"]]  # fmt: skip

    if "intent" in survey([dialogue]).asked:
        assert found("intent") == [(i, t.intent.value, t.intent.score) for i, t in enumerate(turns) if t.intent]
    assert [(i, value) for i, value, _ in found("success")] == [
        (goal.end - 1, "yes" if goal.success else "no") for goal in goals if goal.success is not None]  # fmt: skip
    assert [(i, score) for i, value, score in found("boundary") if value == "yes"] == [
        (g.start, g.score) for g in goals
    ]
    assert [(i, span["label"], span["start"], span["end"]) for i, spans, _ in found("slots") for span in spans] == [
        (i, s.name, s.start, s.end) for i, t in enumerate(turns) for s in t.slots or ()]  # fmt: skip


def test_the_order_is_that_of_the_review_queue_and_turns_stay_in_theirs(tmp_path):
    dialogues, accept = home_labelled(12), {"intent": Acceptance(threshold=0.3)}
    records, *_ = written(tmp_path, dialogues, accept=accept)
    order = [dialogues[i] for i in survey(dialogues, accept).order]
    assert [(r["metadata"]["dialogue_id"], r["metadata"]["turn"]) for r in records] == [
        (d.id, i) for d in order for i in range(len(d.turns))]  # fmt: skip
    assert sum(r["metadata"]["rejected"] for r in records) > 0
    assert {s["agent"] for r in records for s in r["suggestions"].values()} == {"selflearn:abc"}


def test_an_emoji_shifts_no_slot_in_a_browser():
    turns = (TurnLabels(slots=(Slot(name="contact", start=7, end=10, text="Ann"),)),)
    dialogue = plain_dialogue(("\U0001f3b5 ring Ann", "ok"), labels=Labels(turns=turns))
    (record,) = argilla_records(dialogue, survey([dialogue]))
    (span,) = record["suggestions"]["slots"]["value"]
    units = record["fields"]["request"].encode("utf-16-le")
    assert units[2 * span["start"] : 2 * span["end"]].decode("utf-16-le") == "Ann"
    assert record["fields"]["dialogue"][0]["content"] == "\U0001f3b5 ring Ann"


def test_a_long_dialogue_is_shown_around_its_turn():
    dialogue = plain_dialogue(*[(f"said {i}", f"told {i}") for i in range(50)])
    records = list(argilla_records(dialogue, survey([dialogue])))
    chat = records[25]["fields"]["dialogue"]
    assert len(chat) == 2 * (2 * CONTEXT + 1)
    assert chat[2 * CONTEXT] == {"role": "person 26", "content": "said 25"}


def test_one_question_is_required_and_has_an_answer_for_every_turn():
    dialogue = plain_dialogue(("a", "b"), ("c", None), labels=Labels(goals=(Goal(start=0, end=2, success=True),)))
    questions = argilla_settings(survey([dialogue]))["questions"]
    assert [(q["name"], q["required"]) for q in questions] == [("boundary", True), ("success", False)]


def test_no_dialogue_gives_an_empty_list(tmp_path):
    records, settings, _ = written(tmp_path, [])
    assert (records, settings["questions"]) == ([], [])
