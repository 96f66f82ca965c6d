from __future__ import annotations

import json
import pickle
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from selflearn.inference.export import (
    Masker,
    ReviewError,
    export_dialogues,
    ratings_from_argilla,
    ratings_from_label_studio,
    with_ratings,
)
from selflearn.schema import Goal, Label, Labels, Slot, TurnLabels
from selflearn.simulation.annotators import labels_by
from tests.fixtures.dialogues import plain_dialogue
from tests.fixtures.labelled import home_labelled, labelled_dialogues

ON_FILES = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
EMAIL = "rea@example.org"


def label_studio_reviewed(folder, dialogues, change=lambda result: result, **more):
    """The export of a project in which one annotator has accepted the predictions, after ``change``."""
    export_dialogues(dialogues, folder, to="label_studio", **more)
    tasks = json.loads((folder / "tasks.json").read_text("utf-8"))
    for number, task in enumerate(tasks):
        result = change(task["predictions"][0]["result"])
        by = {"id": 1, "email": EMAIL}
        task.update(
            id=100 + number, annotations=[{"id": 7, "completed_by": by, "result": result, "was_cancelled": False}]
        )
    return write(folder / "reviewed.json", tasks)


def argilla_reviewed(folder, dialogues, change=lambda name, value: value, **more):
    """The exported records of a dataset in which one annotator has accepted the suggestions, after ``change``."""
    export_dialogues(dialogues, folder, to="argilla", **more)
    records = json.loads((folder / "records.json").read_text("utf-8"))
    for record in records:
        record["responses"] = {
            name: [{"value": change(name, suggestion["value"]), "user_id": "u-1"}]
            for name, suggestion in record["suggestions"].items()
        }
        record.update(status="completed", _server_id="s")
    return write(folder / "reviewed.json", records)


def write(path, content):
    path.write_text(json.dumps(content), "utf-8")
    return path


def asked_labels(labels: Labels) -> tuple:
    """The part of labels that reviewers are asked about, without sources and scores."""
    goals = [(goal.start, goal.end, goal.success) for goal in labels.goals or ()]
    turns = [
        (turn.intent and turn.intent.value, turn.defect and turn.defect.value,
         sorted((slot.start, slot.end, slot.name, slot.text) for slot in turn.slots or ()))
        for turn in labels.turns
    ]  # fmt: skip
    return goals, turns


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("reviewed", "read", "rater"),
    [(label_studio_reviewed, ratings_from_label_studio, f"label_studio:{EMAIL}"),
     (argilla_reviewed, ratings_from_argilla, "argilla:u-1")],
)  # fmt: skip
def test_accepted_labels_come_back_as_ratings_that_say_the_same(tmp_path, reviewed, read, rater, masked):
    dialogues = home_labelled(8)
    reviews = read(reviewed(tmp_path, dialogues, masker=Masker(slots={"record": "NAME"}) if masked else None))
    back = with_ratings(dialogues, reviews, masker=Masker(slots={"record": "NAME"}) if masked else None)
    assert [d.id for d in back] == [d.id for d in dialogues]
    for before, after in zip(dialogues, back, strict=True):
        assert replace(after, ratings=()) == before
        assert {rating.rater for rating in after.ratings} == {rater}
        assert asked_labels(labels_by(after, rater)) == asked_labels(before.labels)
    assert reviews.counts["ratings"] == sum(len(d.ratings) for d in back)


@ON_FILES
@given(labelled_dialogues())
def test_any_labels_make_the_round_trip_through_label_studio(tmp_path_factory, dialogue):
    for masker in (None, Masker()):
        folder = tmp_path_factory.mktemp("review")
        reviews = ratings_from_label_studio(label_studio_reviewed(folder, [dialogue], masker=masker))
        check_round_trip(dialogue, reviews, f"label_studio:{EMAIL}")


@ON_FILES
@given(labelled_dialogues())
def test_any_labels_make_the_round_trip_through_argilla(tmp_path_factory, dialogue):
    for masker in (None, Masker()):
        folder = tmp_path_factory.mktemp("review")
        reviews = ratings_from_argilla(argilla_reviewed(folder, [dialogue], masker=masker))
        check_round_trip(dialogue, reviews, "argilla:u-1")


def check_round_trip(dialogue, reviews, rater):
    (back,) = with_ratings([dialogue], reviews)
    said = {(r.question, r.turn): r.answer for r in back.ratings}
    assert {r.rater for r in back.ratings} <= {rater}
    assert len(said) == len(back.ratings)
    starts = [goal.start for goal in dialogue.labels.goals or ()]
    if starts:
        assert {turn for (q, turn), a in said.items() if q == "boundary" and a == "yes"} == set(starts[1:])
    for goal in dialogue.labels.goals or ():
        expected = None if goal.success is None else "yes" if goal.success else "no"
        assert said.get(("success", goal.end - 1)) == expected
    names = {t.intent.value for t in dialogue.labels.turns if t.intent} - {"other"}
    for i, labels in enumerate(dialogue.labels.turns):
        assert said.get(("defect", i)) == (None if labels.defect is None else "yes" if labels.defect.value else "no")
        assert said.get(("intent", i)) == (labels.intent.value if labels.intent and names else None)
        if labels.slots:
            assert json.loads(said["slots", i]) == sorted(
                ([s.name, s.start, s.end] for s in labels.slots), key=lambda span: (span[1], span[2], span[0])
            )


def one() -> list:
    """A dialogue of two turns with an emoji before its slot, and every label that is asked for."""
    request = "\U0001f3b5 ring Ann Lee"
    slot = Slot(name="contact", start=7, end=14, text="Ann Lee", source="model", score=0.5)
    turns = tuple(
        TurnLabels(intent=Label(value="Ring", source="model", score=0.5), slots=slots,
                   defect=Label(value=False, source="model", score=0.5)) for slots in ((slot,), ())
    )  # fmt: skip
    goals = (Goal(start=0, end=1, success=True, source="model"), Goal(start=1, end=2, success=False, source="model"))
    return [plain_dialogue((request, "ok"), ("louder", None), labels=Labels(goals=goals, turns=turns))]


def test_corrections_arrive(tmp_path):
    def corrected(result):
        kept = [region for region in result if region["id"] != "goal-1"]  # one goal only
        for region in kept:
            if region["from_name"] == "slot":
                region["value"].update(startOffset=8, endOffset=11, text="Ann", paragraphlabels=["person"])
            if region["from_name"] == "intent":
                region["value"]["choices"] = ["other"]
        return kept

    reviews = ratings_from_label_studio(label_studio_reviewed(tmp_path, one(), corrected))
    (back,) = with_ratings(one(), reviews)
    labels = labels_by(back, f"label_studio:{EMAIL}")
    assert asked_labels(labels) == (
        [(0, 2, True)],
        [("other", False, [(7, 10, "person", "Ann")]), ("other", False, [])],
    )


def test_each_annotator_keeps_an_opinion_and_skipped_ones_are_counted(tmp_path):
    path = label_studio_reviewed(tmp_path, one())
    (task,) = json.loads(path.read_text("utf-8"))
    (first,) = task["annotations"]
    other = {**first, "completed_by": 5, "result": [r for r in first["result"] if r["from_name"] == "slot"]}
    task["annotations"] += [other, {**first, "was_cancelled": True}, {**other, "completed_by": None}]
    reviews = ratings_from_label_studio(write(path, [task]))
    (back,) = with_ratings(one(), reviews)
    assert {r.rater for r in back.ratings} == {f"label_studio:{EMAIL}", "label_studio:5", "label_studio:unknown"}
    assert {r.question for r in back.ratings if r.rater == "label_studio:5"} == {"slots"}
    assert (reviews.counts["annotations"], reviews.counts["annotations_cancelled"]) == (3, 1)


def test_controls_that_were_added_are_counted_not_read(tmp_path):
    def added(result):
        return [*result, {"id": "x", "from_name": "comment", "type": "textarea", "value": {"text": ["hm"]}}]

    reviews = ratings_from_label_studio(label_studio_reviewed(tmp_path, one(), added))
    assert reviews.counts["ignored/comment"] == 1


def test_a_task_that_nobody_has_reviewed_has_no_ratings(tmp_path):
    path = label_studio_reviewed(tmp_path, one())
    (task,) = json.loads(path.read_text("utf-8"))
    reviews = ratings_from_label_studio(write(path, [{**task, "annotations": []}]))
    assert (reviews.reviews, reviews.counts["tasks_without_ratings"]) == ((), 1)
    assert with_ratings(one(), reviews) == one()
    assert ratings_from_label_studio(write(path, [])).reviews == ()
    assert ratings_from_argilla(write(path, [])).reviews == ()


def test_argilla_leaves_out_and_counts_what_it_cannot_use(tmp_path):
    path = argilla_reviewed(tmp_path, one())
    records = json.loads(path.read_text("utf-8"))
    records[0]["responses"].update(
        mood=[{"value": "calm", "user_id": "u-1"}], intent=[{"value": None, "user_id": "u-1"}]
    )
    reviews = ratings_from_argilla(write(tmp_path / "records.json", records))
    assert {name: reviews.counts[name] for name in ("ignored/mood", "answers_empty", "boundaries_of_first_turns")} == {
        "ignored/mood": 1, "answers_empty": 1, "boundaries_of_first_turns": 1}  # fmt: skip
    assert reviews.reviews == ratings_from_argilla(tmp_path).reviews


def region(result, name):
    return next(region for region in result if region["from_name"] == name)


def value(name, **more):
    def change(result):
        region(result, name)["value"].update(more)
        return result

    return change


def twice(name):
    return lambda result: [*result, {**region(result, name), "id": "again"}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (value("goal", start="9"), r"task 100, region goal-0: start is paragraph 9, out of range; expected 0 to 2"),
        (value("intent", start="-1"), r"task 100, region turn-0: start is paragraph -1, out of range"),
        (value("intent", start=None), r"region turn-0: start is None; expected the number of a paragraph"),
        (
            value("slot", end="1"),
            r"region slot-0-0: a slot in the paragraphs 0 to 1; expected a slot within one request",
        ),
        (value("slot", start="1", end="1"), r"a slot in the paragraphs 1 to 1; expected a slot within one request"),
        (value("slot", endOffset=99), r"endOffset is 99 in turn 0 \(offset 99 is outside of the text, which has 15"),
        (value("slot", startOffset=1), r"startOffset is 1 in turn 0 \(offset 1 is inside a character\)"),
        (value("slot", startOffset=3), r"characters 2 to 14 of turn 0 are 'ring Ann Lee'; expected .*, 'Ann Lee'"),
        (value("slot", endOffset=8), r"characters 7 to 7 of turn 0 are ''"),
        (value("success", choices=["maybe"]), r"region goal-0: choices are \['maybe'\]; expected one of yes, no"),
        (value("success", start="1"), None),  # the response of the same turn: the same goal
        (value("success", start="2"), r"region goal-1: a second success for the goal of turn 1; expected one a goal"),
        (value("intent", choices=["a", "b"]), r"choices are \['a', 'b'\]; expected one of the intents"),
        (twice("goal"), r"region again: a second goal starts in turn 0; expected one goal a turn at most"),
        (twice("intent"), r"region again: a second intent for turn 0; expected one a turn"),
    ],
)
def test_a_region_that_cannot_be_is_said_with_its_place(tmp_path, change, message):
    path = label_studio_reviewed(tmp_path, one(), change)
    if message is None:
        assert ratings_from_label_studio(path).counts["ratings"]
    else:
        with pytest.raises(ReviewError, match=rf"reviewed\.json: .*{message}"):
            ratings_from_label_studio(path)


def test_a_success_where_no_goal_starts_is_said(tmp_path):
    def change(result):
        return [r for r in result if not (r["from_name"] == "goal" and r["id"] == "goal-1")]

    with pytest.raises(ReviewError, match=r"region goal-1: a success on turn 1, where no goal starts"):
        ratings_from_label_studio(label_studio_reviewed(tmp_path, one(), change))


@pytest.mark.parametrize(
    ("question", "given", "message"),
    [
        ("slots", [{"start": 7, "end": 99, "label": "contact"}],
         r"record 'plain/train/plain/0': the slot 'contact' has the characters 7 to 99; expected .* which has 14"),
        ("slots", [{"start": 7}], r"slots are \[\{'start': 7\}\]; expected spans with start, end and label"),
        ("defect", "maybe", r"record 'plain/train/plain/0': defect is 'maybe'; expected yes or no"),
        ("intent", ["Ring"], r"intent is \['Ring'\]; expected the name of an intent"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_is_said_with_its_record(tmp_path, question, given, message):
    path = argilla_reviewed(tmp_path, one(), lambda name, value: given if name == question else value)
    with pytest.raises(ReviewError, match=message):
        ratings_from_argilla(path)


def reviews_of(tmp_path, tool, dialogues, **more):
    if tool == "argilla":
        return ratings_from_argilla(argilla_reviewed(tmp_path, dialogues, **more))
    return ratings_from_label_studio(label_studio_reviewed(tmp_path, dialogues, **more))


@pytest.mark.parametrize(("tool", "where"), [("label_studio", "task 100"), ("argilla", "record 'plain/train/plain/0'")])
def test_an_unknown_dialogue_is_said(tmp_path, tool, where):
    reviews = reviews_of(tmp_path, tool, one())
    with pytest.raises(ReviewError, match=rf"reviewed\.json: {where}: dialogue 'plain' of plain \(train\) is unknown"):
        with_ratings([replace(one()[0], id="another")], reviews)
    with pytest.raises(ReviewError, match="is unknown"):
        with_ratings([replace(one()[0], split="test")], reviews)


@pytest.mark.parametrize(("tool", "where"), [("label_studio", "task 100"), ("argilla", "record 'plain/train/plain/1'")])
def test_a_turn_out_of_range_is_said(tmp_path, tool, where):
    reviews = reviews_of(tmp_path, tool, one())
    shorter = replace(one()[0], turns=one()[0].turns[:1], labels=Labels())
    with pytest.raises(
        ReviewError, match=rf"{where}: turn 1 is reviewed, and dialogue 'plain' has 1 turns; expected .* below 1"
    ):
        with_ratings([shorter], reviews)


@pytest.mark.parametrize("tool", ["label_studio", "argilla"])
def test_another_text_or_another_masker_is_said(tmp_path, tool):
    masked = reviews_of(tmp_path, tool, one(), masker=Masker(slots={"contact": "PHONE"}))
    with pytest.raises(
        ReviewError, match="turn 0: the reviewed request is not that of dialogue 'plain', masked or not"
    ):
        with_ratings(one(), masked)
    (back,) = with_ratings(one(), masked, masker=Masker(slots={"contact": "PHONE"}))
    assert '["contact", 7, 14]' in {r.answer for r in back.ratings if r.question == "slots" and r.turn == 0}.pop()


@pytest.mark.parametrize("read", [ratings_from_label_studio, ratings_from_argilla])
@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), ("/", "a folder"), ("{", "not JSON"), ("{}", "holds a dict"), ('[{"id": 3}]', "3|0"),
     ("[7]", "0: no "),
     ('[{"id": 3, "data": {"dialogue_id": "a"}, "annotations": [], "metadata": {}}]', "metadata lacks|KeyError")],
)  # fmt: skip
def test_another_file_is_said(tmp_path, read, content, message):
    path = tmp_path / "file.json"
    if content == "/":
        (path / "records.json").mkdir(parents=True)
    elif content is not None:
        path.write_text(content, "utf-8")
    where = rf"file\.json(/records\.json)?: .*({message}).*; expected .*export"
    with pytest.raises(ReviewError, match=where) as caught:
        read(path)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_ratings_are_added_to_those_that_are_there(tmp_path):
    first = with_ratings(one(), reviews_of(tmp_path / "a", "argilla", one()))
    both = with_ratings(first, reviews_of(tmp_path / "b", "label_studio", one()))
    assert both[0].ratings[: len(first[0].ratings)] == first[0].ratings
    assert {r.rater for r in both[0].ratings} == {"argilla:u-1", f"label_studio:{EMAIL}"}
