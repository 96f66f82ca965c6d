from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from selflearn.inference.export import Acceptance, ExportError, LabelRow, export_dialogues, label_rows
from selflearn.inference.rows import review_key
from selflearn.schema import Goal, Label, Labels, RecordError, Slot, TurnLabels
from tests.fixtures.dialogues import plain_dialogue
from tests.fixtures.labelled import home_labelled, labelled_dialogues


def labels_of(rows: list[LabelRow], num_turns: int) -> Labels:
    """The labels that rows hold: what must come back for nothing to be lost."""
    goals = []
    for row in (row for row in rows if row.task == "segmentation"):
        same = {other.task: other for other in rows if (other.first_turn, other.task) in (
            (row.first_turn, "success"), (row.first_turn, "domain"))}  # fmt: skip
        success = same.get("success")
        goals.append(Goal(
            start=row.first_turn, end=row.last_turn + 1, name=row.label, source=row.source, score=row.score,
            domain=same["domain"].label if "domain" in same else None,
            success=None if success is None else success.label == "yes",
        ))  # fmt: skip
    turns = []
    for i in range(num_turns):
        own = [row for row in rows if row.first_turn == i and row.task in ("intent", "slots", "transcript", "defect")]

        def one(task, value, own=own):
            found = [row for row in own if row.task == task]
            return Label(value=value(found[0]), source=found[0].source, score=found[0].score) if found else None

        slots = [row for row in own if row.task == "slots"]
        turns.append(TurnLabels(
            intent=one("intent", lambda row: row.label), transcript=one("transcript", lambda row: row.value),
            defect=one("defect", lambda row: row.label == "yes"),
            slots=tuple(Slot(name=row.label, start=row.start, end=row.end, text=row.text, value=row.value,
                             source=row.source, score=row.score) for row in slots if row.label is not None)
            if slots else None,
        ))  # fmt: skip
    return Labels(goals=tuple(goals) or None, turns=tuple(turns))


@given(labelled_dialogues())
def test_the_rows_of_a_dialogue_hold_all_its_labels(dialogue):
    given = dialogue.labels
    goals = None if given.goals is None else tuple(replace(goal, success_score=None) for goal in given.goals)
    turns = given.turns or (TurnLabels(),) * len(dialogue.turns)
    assert labels_of(label_rows(dialogue), len(dialogue.turns)) == Labels(goals=goals, turns=turns)


@given(labelled_dialogues())
def test_offsets_hold_the_text_beside_them(dialogue):
    for row in label_rows(dialogue):
        if row.start is not None:
            assert dialogue.turns[row.first_turn].request[row.start : row.end] == row.text


def test_the_score_of_success_is_that_of_what_is_said():
    goals = (Goal(start=0, end=1, success=True, success_score=0.8, source="model"),
             Goal(start=1, end=2, success=False, success_score=0.7, source="model"))  # fmt: skip
    dialogue = plain_dialogue(("a", None), ("b", None), labels=Labels(goals=goals))
    found = [(row.label, row.score) for row in label_rows(dialogue) if row.task == "success"]
    assert found == [("yes", 0.8), ("no", pytest.approx(0.3))]


def test_acceptance_is_null_without_a_threshold_or_a_score_and_false_where_nothing_could_be_promised():
    turns = (TurnLabels(intent=Label(value="a", source="model", score=0.8), defect=Label(value=True, source="model"),
                        transcript=Label(value="b", source="model", score=1.0)),)  # fmt: skip
    dialogue = plain_dialogue(("b", None), labels=Labels(turns=turns))
    accept = {"intent": Acceptance(threshold=0.8, promise="wrong at most 5 % of the time"),
              "defect": Acceptance(threshold=0.1),
              "transcript": Acceptance(promise="nothing can be certified")}  # fmt: skip
    found = {row.task: (row.accepted, row.threshold, row.promise) for row in label_rows(dialogue, accept=accept)}
    assert found == {
        "intent": (True, 0.8, "wrong at most 5 % of the time"),
        "defect": (None, 0.1, None),
        "transcript": (False, None, "nothing can be certified"),
    }
    assert {row.accepted for row in label_rows(dialogue)} == {None}


def test_only_labels_of_the_model_carry_its_fingerprint():
    turns = (TurnLabels(intent=Label(value="a"), defect=Label(value=True, source="model", score=0.9)),)
    rows = label_rows(plain_dialogue(("b", None), labels=Labels(turns=turns)), model="abc")
    assert [(row.task, row.model) for row in rows] == [("intent", None), ("defect", "abc")]


def test_rejected_dialogues_come_first_for_review_and_then_the_least_certain():
    def dialogue(task, score):
        return plain_dialogue(("b", None), labels=Labels(turns=(TurnLabels(**{task: Label(
            value="x", source="model", score=score)}),)))  # fmt: skip

    accept = {"intent": Acceptance(threshold=0.9)}
    queue = {name: review_key(label_rows(dialogue(task, score), accept=accept)) for name, task, score in (
        ("rejected", "intent", 0.8), ("worse", "intent", 0.2), ("unsure", "transcript", 0.1), ("sure", "intent", 0.95),
        ("unknown", "transcript", None))}  # fmt: skip
    assert sorted(queue, key=queue.get) == ["worse", "rejected", "unsure", "sure", "unknown"]


@pytest.mark.parametrize("to", ["jsonl", "parquet", "datasets"])
def test_the_three_tables_hold_the_same_rows(tmp_path, to):
    dialogues = home_labelled(5)
    report = export_dialogues(dialogues, tmp_path, to=to, model="abc", accept={"intent": Acceptance(threshold=0.5)})
    (path,) = report.files
    if to == "jsonl":
        found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    elif to == "parquet":
        found = pq.read_table(path).to_pylist()
    else:
        from datasets import load_from_disk

        found = load_from_disk(str(path)).to_list()
    expected = [row for dialogue in dialogues for row in label_rows(
        dialogue, model="abc", accept={"intent": Acceptance(threshold=0.5)})]  # fmt: skip
    assert [LabelRow.from_dict(row) for row in found] == expected
    accepted = [row.accepted for row in expected if row.accepted is not None]
    assert report.counts == {
        "dialogues": 5, "turns": sum(len(d.turns) for d in dialogues), "labels": len(expected),
        "labels_accepted": sum(accepted), "labels_rejected": len(accepted) - sum(accepted),
    }  # fmt: skip


def test_an_empty_table_still_has_its_columns(tmp_path):
    report = export_dialogues([], tmp_path, to="parquet")
    assert list(pd.read_parquet(report.files[0]).columns) == list(LabelRow.features())


@pytest.mark.parametrize("threshold", [-0.1, 1.5])
def test_a_threshold_is_a_score(threshold):
    with pytest.raises(RecordError, match=r"field 'threshold' is .*; expected a score in \[0, 1\]"):
        Acceptance(threshold=threshold)


def test_a_threshold_for_an_unknown_task_is_refused(tmp_path):
    with pytest.raises(ExportError, match="accept: unknown task 'intents'; did you mean 'intent'"):
        export_dialogues([], tmp_path, to="jsonl", accept={"intents": Acceptance(threshold=0.5)})
    assert not list(tmp_path.iterdir())
