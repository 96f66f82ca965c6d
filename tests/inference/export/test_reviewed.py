from __future__ import annotations

import json
from dataclasses import replace

import pytest

from selflearn.corpora import load_dialogues
from selflearn.corpora.table import write_jsonl
from selflearn.inference.audit_design import DRAWN_DIALOGUES, REVIEW_QUEUE, SAMPLING, check_design
from selflearn.inference.export import (
    Audit,
    ExportError,
    Masker,
    ReviewError,
    export_dialogues,
    import_reviews,
    ratings_from_argilla,
    ratings_from_label_studio,
    review_labels,
    reviewed_dialogues,
)
from selflearn.schema import Label, Labels, Rating, Turn, TurnLabels
from tests.fixtures.dialogues import home_dialogues, plain_dialogue
from tests.fixtures.labelled import home_labelled
from tests.inference.export.test_reviews import (
    EMAIL,
    argilla_reviewed,
    asked_labels,
    label_studio_reviewed,
    one,
    region,
    write,
)

ANN = f"label_studio:{EMAIL}"


@pytest.fixture
def imported(tmp_path):
    """Imports a reviewed file of dialogues that are written as a log."""

    def run(file, dialogues, **more):
        write_jsonl(dialogues, tmp_path / "log.jsonl")
        settings = {
            "tool": "label_studio",
            "output": tmp_path / "reviewed.jsonl",
            "cache_dir": tmp_path / "cache",
        } | more
        report = import_reviews(file, tmp_path / "log.jsonl", settings.pop("output"), **settings)
        return report, as_written(report.output, tmp_path)

    return run


def as_written(file, tmp_path):
    from selflearn.batching.rows import DialogueRows

    return list(DialogueRows(load_dialogues("table", root=file, split="all", cache_dir=tmp_path / "cache")))


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("reviewed", "tool", "rater"),
    [(label_studio_reviewed, "label_studio", ANN), (argilla_reviewed, "argilla", "argilla:u-1")],
)
def test_a_log_holds_the_labels_and_the_ratings_of_the_annotator(imported, tmp_path, reviewed, tool, rater, suffix):
    dialogues = home_labelled(6)
    file = reviewed(tmp_path, dialogues, masker=Masker())
    report, written = imported(file, dialogues, tool=tool, output=tmp_path / f"new.{suffix}")
    assert [dialogue.id for dialogue in written] == [dialogue.id for dialogue in dialogues]
    for before, after in zip(dialogues, written, strict=True):
        assert asked_labels(after.labels) == asked_labels(before.labels)
        assert after.labels.sources() == {f"rater:{rater}"}
        assert {rating.rater for rating in after.ratings} == {rater}
        assert (after.turns, after.feedback, after.truth) == (before.turns, before.feedback, before.truth)
    assert report.raters == {rater: 6}
    assert all(one.shown == one.agreed > 0 for one in report.tasks.values())
    assert set(report.tasks) == {"segmentation", "success", "intent", "slots", "defect"}
    for dialogue in written:  # one rating more than was read says how it was chosen
        (way,) = [rating.answer for rating in dialogue.ratings if rating.question == SAMPLING]
        assert way == REVIEW_QUEUE
    assert report.counts["read/ratings"] == sum(len(dialogue.ratings) - 1 for dialogue in written)


def test_what_changed_is_counted_by_task(imported, tmp_path):
    def corrected(result):
        region(result, "intent")["value"]["choices"] = ["other"]
        region(result, "slot")["value"].update(
            startOffset=3, endOffset=7, text="ring"
        )  # another slot than the one shown
        return [r for r in result if r["from_name"] != "defect"]

    report, (back,) = imported(label_studio_reviewed(tmp_path, one(), corrected), one())
    counts = {task: (r.shown, r.agreed, r.changed, r.unanswered, r.added) for task, r in report.tasks.items()}
    assert counts == {
        "segmentation": (2, 2, 0, 0, 0), "success": (2, 2, 0, 0, 0), "intent": (2, 1, 1, 0, 0),
        "slots": (1, 0, 1, 0, 1), "defect": (2, 0, 0, 2, 0),
    }  # fmt: skip
    assert [turn.intent.value for turn in back.labels.turns] == ["other", "Ring"]
    assert [turn.defect for turn in back.labels.turns] == [None, None]


def test_dialogues_that_nobody_reviewed_are_left_out_and_counted_not_labelled_by_the_model(imported, tmp_path):
    dialogues = home_labelled(5)
    tasks = json.loads(label_studio_reviewed(tmp_path, dialogues).read_text("utf-8"))
    tasks[0]["annotations"][0]["was_cancelled"] = True
    tasks[1]["annotations"] = []
    report, written = imported(write(tmp_path / "part.json", tasks), dialogues)
    assert {d.id for d in written} == {task["data"]["dialogue_id"] for task in tasks[2:]}
    assert {name: report.counts[name] for name in ("dialogues", "dialogues_written", "dialogues_not_reviewed")} == {
        "dialogues": 5, "dialogues_written": 3, "dialogues_not_reviewed": 2}  # fmt: skip
    assert report.counts["read/annotations_cancelled"] == 1
    assert report.counts["read/tasks_without_ratings"] == 2


def by_two(tmp_path):
    """A dialogue that two annotators reviewed, the second with another intent, and one that only the second has."""
    dialogues = home_labelled(2)
    tasks = json.loads(label_studio_reviewed(tmp_path, dialogues).read_text("utf-8"))
    second = json.loads(json.dumps(tasks[0]["annotations"][0])) | {"completed_by": 5}
    region(second["result"], "intent")["value"]["choices"] = ["other"]
    tasks[0]["annotations"].append(second)
    tasks[1]["annotations"][0]["completed_by"] = 5
    return dialogues, write(tmp_path / "two.json", tasks), [task["data"]["dialogue_id"] for task in tasks]


def test_of_several_annotators_one_must_be_named(imported, tmp_path):
    dialogues, file, (both, single) = by_two(tmp_path)
    with pytest.raises(ReviewError, match=rf"'{both}' was reviewed by {ANN}, label_studio:5; expected rater=NAME"):
        imported(file, dialogues)
    with pytest.raises(ReviewError, match=f"has no annotator 'bob'; expected one of label_studio:5, {ANN}"):
        imported(file, dialogues, rater="bob")
    assert not (tmp_path / "reviewed.jsonl").exists()
    report, written = imported(file, dialogues, rater="5")
    assert {d.id for d in written} == {both, single}
    assert next(d for d in written if d.id == both).labels.turns[0].intent.value == "other"
    report, written = imported(file, dialogues, rater=ANN, output=tmp_path / "ann.jsonl")
    assert ([d.id for d in written], report.counts["dialogues_of_other_raters"]) == ([both], 1)
    assert {r.rater for r in written[0].ratings} == {ANN, "label_studio:5"}


def test_goals_are_not_made_of_boundaries_that_nobody_answered(tmp_path):
    dialogues = [d for d in home_labelled(6) if len(d.turns) > 2]
    records = json.loads(argilla_reviewed(tmp_path, dialogues).read_text("utf-8"))
    for record in records:
        if record["metadata"]["turn"] == 1:
            record["responses"].pop("boundary")
    found = reviewed_dialogues(dialogues, ratings_from_argilla(write(tmp_path / "records.json", records)))
    assert {d.labels.goals for d in found.dialogues} == {None}
    goals = found.tasks["segmentation"]
    assert (goals.unanswered, goals.agreed + goals.changed) == (goals.shown, 0)
    assert all(turn.intent is not None for d in found.dialogues for turn in d.labels.turns)


def test_a_dialogue_of_one_turn_is_a_goal_only_for_who_was_asked_of_goals():
    """It has no boundary to answer: with its goal, which is always right, goals would be certified for nothing."""
    intent = Rating(rater="ann", question="intent", answer="x", turn=0)
    success = Rating(rater="ann", question="success", answer="yes", turn=0)
    dialogue = plain_dialogue(("a", "b"))
    assert review_labels(replace(dialogue, ratings=(intent,)), "ann").goals is None
    (goal,) = review_labels(replace(dialogue, ratings=(intent, success)), "ann").goals
    assert (goal.start, goal.end, goal.success) == (0, 1, True)


def test_an_audit_shows_no_label_and_comes_back_as_one(imported, tmp_path):
    dialogues, gold = home_labelled(8), {d.id: d for d in home_labelled(8)}
    export_dialogues(dialogues, tmp_path, to="label_studio", audit=Audit(number=5, seed=1))
    tasks = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    drawn = [task["data"]["dialogue_id"] for task in tasks]
    assert len(set(drawn)) == 5
    for task in tasks:
        assert {"lowest_score", "rejected"}.isdisjoint(task["data"])
        marks = task["predictions"][0]["result"]
        assert {mark["from_name"] for mark in marks} == {"turn"}
        assert len(marks) == task["data"]["turns"]
    full = json.loads(label_studio_reviewed(tmp_path / "full", list(gold.values())).read_text("utf-8"))
    said = {task["data"]["dialogue_id"]: task["annotations"] for task in full}
    report, written = imported(
        write(tmp_path / "r.json", [{**t, "annotations": said[t["data"]["dialogue_id"]]} for t in tasks]), dialogues
    )
    assert report.counts["dialogues_of_an_audit"] == report.counts["dialogues_written"] == 5
    assert all(asked_labels(d.labels) == asked_labels(gold[d.id].labels) for d in written)
    check_design(written, "dialogues")
    with pytest.raises(ValueError, match=r"5 of 5 dialogues, dialogue .* were drawn whole, and audited is 'items'"):
        check_design(written, "items")
    again = export_dialogues(dialogues, tmp_path / "again", to="label_studio", audit=Audit(number=3, seed=1)).files[0]
    assert [t["data"]["dialogue_id"] for t in json.loads(again.read_text("utf-8"))] == drawn[:3]  # who stops early


def test_an_audit_of_turns_asks_only_what_a_turn_says(tmp_path):
    dialogues = home_labelled(8)
    export_dialogues(dialogues, tmp_path, to="argilla", audit=Audit(number=6))
    records = json.loads((tmp_path / "records.json").read_text("utf-8"))
    settings = json.loads((tmp_path / ".argilla" / "settings.json").read_text("utf-8"))
    assert [question["name"] for question in settings["questions"]] == ["intent", "slots", "defect"]
    assert len({record["id"] for record in records}) == 6
    assert all(record["suggestions"] == {} for record in records)
    for record in records:
        record["responses"] = {"intent": [{"value": "other", "user_id": "u"}]}
    found = reviewed_dialogues(dialogues, ratings_from_argilla(write(tmp_path / "done.json", records)))
    labelled = [turn for d in found.dialogues for turn in d.labels.turns if turn.intent is not None]
    assert (len(labelled), {d.labels.goals for d in found.dialogues if len(d.turns) > 1}) == (6, {None})
    assert found.counts["dialogues_of_an_audit"] == len(found.dialogues)
    tally = {task: (one.shown, one.agreed + one.changed, one.unanswered) for task, one in found.tasks.items()}
    assert {task for task in tally if tally[task][1]} == {"intent"}  # nobody was asked of goals, nor of other turns
    assert tally["intent"] == (6, 6, 0)
    assert {"segmentation", "success"}.isdisjoint(tally)
    assert found.counts["labels_not_asked/intent"] == sum(len(d.turns) for d in found.dialogues) - 6
    check_design(found.dialogues, "items")
    for design in (None, "dialogues", "users"):
        with pytest.raises(ValueError, match=f"turns were drawn one by one, and audited is {design!r}"):
            check_design(found.dialogues, design)


def test_how_an_audit_was_drawn_is_not_guessed_where_its_ratings_say_it(tmp_path):
    dialogues = home_labelled(8)
    every = sum(len(dialogue.turns) for dialogue in dialogues)  # of a small log all turns may be drawn
    export_dialogues(dialogues, tmp_path, to="argilla", audit=Audit(number=every))
    records = json.loads((tmp_path / "records.json").read_text("utf-8"))
    for record in records:
        record["responses"] = {"defect": [{"value": "no", "user_id": "u"}]}
    found = reviewed_dialogues(dialogues, ratings_from_argilla(write(tmp_path / "done.json", records)))
    check_design(found.dialogues, "items")
    sparing = [
        replace(dialogue.with_labels(Labels(turns=(TurnLabels(defect=Label(value=False)), *others))), ratings=(way,))
        for dialogue in dialogues
        for others in [(TurnLabels(),) * (len(dialogue.turns) - 1)]
        for way in [Rating(rater="ann", question=SAMPLING, answer=DRAWN_DIALOGUES)]
    ]
    check_design(sparing, None)
    with pytest.raises(ValueError, match="as if turns had been drawn"):
        check_design([replace(dialogue, ratings=()) for dialogue in sparing], None)


def test_dialogues_of_a_review_queue_are_known_also_among_those_of_an_audit(tmp_path):
    dialogues = home_labelled(8)
    queue = reviewed_dialogues(dialogues, ratings_from_label_studio(label_studio_reviewed(tmp_path, dialogues)))
    tasks = json.loads((tmp_path / "reviewed.json").read_text("utf-8"))
    for task in tasks[:5]:
        task["data"]["audit"] = True
    mixed = reviewed_dialogues(dialogues, ratings_from_label_studio(write(tmp_path / "mixed.json", tasks)))
    assert (queue.counts["dialogues_of_an_audit"], mixed.counts["dialogues_of_an_audit"]) == (0, 5)
    first = next(d for d in mixed.dialogues if d.id in {task["data"]["dialogue_id"] for task in tasks[5:]})
    for found, message in ((queue, "8 of 8"), (mixed, f"3 of 8 dialogues, dialogue '{first.id}' the first of them,")):
        with pytest.raises(ValueError, match=f"{message}.* from a review queue: they were not drawn at random"):
            check_design(found.dialogues, None)
    together = [d.with_labels(gold.labels) for d, gold in zip(queue.dialogues, home_dialogues(8, seed=5), strict=True)]
    with pytest.raises(ValueError, match="from a review queue"):  # labels of no single rater, but made of the queue
        check_design(together, None)


def test_a_dialogue_that_was_reviewed_can_be_drawn_for_an_audit_by_somebody_else():
    ratings = [Rating(rater="a", question=SAMPLING, answer=REVIEW_QUEUE),
               Rating(rater="b", question=SAMPLING, answer=DRAWN_DIALOGUES),
               *(Rating(rater=rater, question="defect", answer="no", turn=0) for rater in "ab")]  # fmt: skip
    dialogue = replace(one()[0], ratings=tuple(ratings))
    check_design([dialogue.with_labels(review_labels(dialogue, "b"))], "dialogues")
    with pytest.raises(ValueError, match="from a review queue"):
        check_design([dialogue.with_labels(review_labels(dialogue, "a"))], "dialogues")


def test_an_audit_that_cannot_be_drawn_is_said_and_nothing_is_written(tmp_path):
    for audit, to, message in (
        (Audit(number=9), "label_studio", "the audit is of 9 dialogues and there are 3; expected from 1"),
        (Audit(number=0), "argilla", "the audit is of 0 turns and there are"),
        (Audit(number=2), "conll", "an audit is to be exported to 'conll'; expected label_studio .* or argilla"),
    ):
        with pytest.raises(ExportError, match=message):
            export_dialogues(home_labelled(3), tmp_path / "out", to=to, audit=audit)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [({"number": "few"}, "audit is 'few'; expected a whole number"),
     ({"number": 2, "seed": -1}, "seed is -1; expected a whole number from 0 on"),
     ({"number": 2, "seed": None}, "seed is None; expected a whole number from 0 on")],
)  # fmt: skip
def test_an_audit_of_no_number_is_refused(given, message):
    with pytest.raises(ExportError, match=message):
        Audit(**given)


def test_names_that_the_model_knows_can_be_chosen_though_it_never_said_them(imported, tmp_path):
    def renamed(result):
        region(result, "intent")["value"]["choices"] = ["Rung"]
        return result

    names = {"intent": ["Rung"], "slots": ["thing"]}
    file = label_studio_reviewed(tmp_path, one(), renamed, names=names)
    assert 'value="Rung"' in (tmp_path / "config.xml").read_text("utf-8")
    with pytest.raises(
        ReviewError,
        match=r"task 100, turn 0: intent 'Rung' is unknown; expected .*\(Ring\?\).*names=\{intent: \[Rung\]\}",
    ):
        imported(file, one())
    assert not (tmp_path / "reviewed.jsonl").exists()
    _, (back,) = imported(file, one(), names=names)
    assert back.labels.turns[0].intent.value == "Rung"


def test_a_slot_without_a_name_or_an_unreadable_annotation_is_said(imported, tmp_path):
    def nameless(result):
        region(result, "slot")["value"].pop("paragraphlabels")
        return result

    with pytest.raises(ReviewError, match=r"region slot-0-0: paragraphlabels are None; expected the name of a slot"):
        imported(label_studio_reviewed(tmp_path, one(), nameless), one())
    (task,) = json.loads((tmp_path / "reviewed.json").read_text("utf-8"))
    for annotation in ("yes", {"result": {}, "id": 1} | {"result": {"a": 1}}):
        file = write(tmp_path / "x.json", [{**task, "annotations": [annotation]}])
        with pytest.raises(ReviewError, match="task 100: an annotation without a list of results"):
            imported(file, one())


def test_dialogues_that_changed_after_the_export_are_said(imported, tmp_path):
    file = label_studio_reviewed(tmp_path, one())
    (old,) = one()
    other = replace(old, turns=(replace(old.turns[0], response="no"), old.turns[1]))
    with pytest.raises(ReviewError, match="task 100, turn 0: the reviewed response is not that of dialogue 'plain'"):
        imported(file, [other])
    longer = replace(old, turns=(*old.turns, Turn(request="thanks")), labels=replace(old.labels, goals=None, turns=()))
    with pytest.raises(ReviewError, match="dialogue 'plain' was shown with 2 turns, and has 3"):
        imported(file, [longer])
    with pytest.raises(ReviewError, match=r"dialogue 'plain' of plain .* is unknown"):
        imported(file, [replace(old, id="another")])


def test_a_second_answer_of_an_annotator_is_said(imported, tmp_path):
    (task,) = json.loads(label_studio_reviewed(tmp_path, one()).read_text("utf-8"))
    twice = write(tmp_path / "twice.json", [{**task, "annotations": task["annotations"] * 2}])
    with pytest.raises(ReviewError, match=rf"task 100: {EMAIL}.* once more|{EMAIL} answers .* once more; expected one"):
        imported(twice, one())
    (old,) = one()
    had = replace(old, ratings=(Rating(rater=ANN, question="defect", answer="no", turn=0),))
    with pytest.raises(ReviewError, match="'defect' of turn 0 of 'plain' once more"):
        imported(tmp_path / "reviewed.json", [had])


def test_arguments_that_cannot_be_are_said(imported, tmp_path):
    file = label_studio_reviewed(tmp_path, one())
    empty = write(tmp_path / "empty.json", [])
    (tmp_path / "there.jsonl").write_text("", "utf-8")
    for given, more, message in (
        (
            file,
            {"tool": "label-studio"},
            r"tool is 'label-studio'; expected label_studio or argilla \(label_studio\?\)",
        ),
        (file, {"output": tmp_path / "log.csv"}, r"log\.csv'; expected a name that ends in \.jsonl or \.parquet"),
        (file, {"output": tmp_path / "there.jsonl"}, r"there\.jsonl is there already; give another output"),
        (file, {"names": {"intents": ["a"]}}, "names are given for 'intents'; expected intent or slots"),
        (empty, {}, r"empty\.json: nobody has answered anything in it; expected submitted annotations"),
    ):
        with pytest.raises((ExportError, ReviewError), match=message):
            imported(given, one(), **more)


def test_an_import_that_stops_leaves_no_log(imported, tmp_path, monkeypatch):
    file = label_studio_reviewed(tmp_path, home_labelled(3))

    def stop(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr("selflearn._replacing.os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        imported(file, home_labelled(3))
    assert not [path for path in tmp_path.iterdir() if "reviewed.jsonl" in path.name]


def test_an_annotator_of_one_dialogue_is_unknown_in_another(tmp_path):
    reviews = ratings_from_label_studio(label_studio_reviewed(tmp_path, one()))
    (found,) = reviewed_dialogues(one(), reviews).dialogues
    assert review_labels(found, ANN) == found.labels
    with pytest.raises(ValueError, match="bob has not labelled dialogue plain"):
        review_labels(found, "bob")
