from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selflearn.batching.rows import DialogueRows
from selflearn.corpora import load_dialogues
from selflearn.corpora.table import write_parquet
from selflearn.inference.audit import audited_labels
from selflearn.inference.rows import UNAUDITED, Acceptance, label_rows, review_key
from selflearn.reports import ReportError, dialogues
from selflearn.reports.dialogues import ROW_FIELDS, TURN_FIELDS, collect
from selflearn.schema import Dialogue, Interpretation, Label, Labels, Turn, TurnLabels
from tests.fixtures.labelled import labelled_dialogues
from tests.reports.conftest import ACCEPT


def unpacked(found):
    """The packed dialogues with names in the place of numbers."""

    def text(number):
        return None if number == -1 else found["strings"][number]

    items = []
    for place, name, turns, rows in found["items"]:
        fields = [dict(zip(TURN_FIELDS, turns[i : i + 3], strict=True)) for i in range(0, len(turns), 3)]
        labels = [dict(zip(ROW_FIELDS, rows[i : i + 12], strict=True)) for i in range(0, len(rows), 12)]
        for turn in fields:
            turn |= {key: text(turn[key]) for key in ("request", "response")}
        for label in labels:
            label |= {key: text(label[key]) for key in ("label", "value", "gold")}
            label["task"] = found["tasks"][label["task"]]
        items.append((place, text(name), fields, labels))
    return items


@given(labelled_dialogues())
@settings(max_examples=50)
def test_all_texts_and_labels_come_through(dialogue):
    ((place, name, turns, labels),) = unpacked(collect([dialogue], ACCEPT).to_json())
    rows = [row for row in label_rows(dialogue, accept=ACCEPT) if row.task != "slots" or row.label is not None]
    assert (place, name) == (0, dialogue.id)
    assert [(turn["request"], turn["response"]) for turn in turns] == [(t.request, t.response) for t in dialogue.turns]
    assert [(label["task"], label["label"], label["value"]) for label in labels] == [
        (row.task, row.label, row.value) for row in rows
    ]
    for label, row in zip(labels, rows, strict=True):
        assert label["score"] == (-1 if row.score is None else round(row.score * 10_000))
        assert label["accepted"] == (-1 if row.accepted is None else row.accepted)
        assert (label["start"], label["end"]) == ((-1, -1) if row.start is None else (row.start, row.end))
        assert (label["first"], label["last"]) == (row.first_turn, row.last_turn)
        assert (label["right"], label["gold"]) == (-1, None)


def test_each_label_has_the_promise_it_is_accepted_by_also_one_of_a_domain_read_from_a_file(tmp_path):
    heard = (Interpretation(intent="Play", domain="music"), Interpretation(domain="films"))
    said = TurnLabels(intent=Label(value="Play", source="model", score=0.9))
    dialogue = Dialogue(id="1", corpus="c", split="s", turns=(Turn(request="play", interpretations=heard),))
    write_parquet([dialogue.with_labels(Labels(turns=(said,)))], tmp_path / "log.parquet")
    read = DialogueRows(load_dialogues("table", root=tmp_path / "log.parquet", split="all", cache_dir=tmp_path / "c"))
    for name, accepted in (("music", 1), ("films", 0)):
        accept = {f"intent@{name}": Acceptance(threshold=0.5, promise="five")}
        found = collect(read, accept).to_json()
        ((_, _, _, (label,)),) = unpacked(found)
        assert label["accepted"] == accepted
        assert found["promises"][label["promise"]] == ("five" if accepted else UNAUDITED.promise)


def test_of_a_large_log_the_most_uncertain_dialogues_are_kept_in_the_order_of_the_log(labelled):
    by_review = sorted(labelled, key=lambda one: review_key(label_rows(one, accept=ACCEPT)))
    kept = {dialogue.id for dialogue in by_review[:7]}
    found = collect(iter(labelled), ACCEPT, most=7).to_json()
    assert found["total"] == len(labelled)
    assert [name for _, name, *_ in unpacked(found)] == [one.id for one in labelled if one.id in kept]


def test_a_page_of_long_dialogues_holds_fewer(labelled, monkeypatch):
    monkeypatch.setattr(dialogues, "MOST_CHARACTERS", 500)
    found = collect(labelled, ACCEPT).to_json()
    assert 1 <= len(found["items"]) < len(labelled)
    monkeypatch.setattr(dialogues, "MOST_CHARACTERS", 1)
    assert len(collect(labelled, ACCEPT).to_json()["items"]) == 1


def test_what_is_wrong_stands_beside_what_would_be_right(labelled, gold):
    found = collect(labelled, ACCEPT, gold=gold)
    expected = [
        audited.right
        for one, other in zip(labelled, gold, strict=True)
        for audited in audited_labels(one, other.labels)
    ]
    shown = [label["right"] for *_, labels in unpacked(found.to_json()) for label in labels if label["right"] != -1]
    assert shown == expected
    assert sum(len(one.scores) for one in found.compared.tasks.values()) == len(expected)


def test_a_wrong_intent_and_a_wrong_answer_name_the_right_one(labelled, gold):
    said = labelled[0]
    first = said.labels.turns[0]
    wrong = replace(
        first,
        intent=replace(first.intent, value="Nonsense"),
        defect=replace(first.defect, value=not first.defect.value),
    )
    changed = said.with_labels(replace(said.labels, turns=(wrong, *said.labels.turns[1:])))
    ((*_, labels),) = unpacked(collect([changed], ACCEPT, gold=gold[:1]).to_json())
    found = {label["task"]: label["gold"] for label in labels if label["first"] == 0 and label["right"] == 0}
    assert found == {"intent": first.intent.value, "defect": "yes" if first.defect.value else "no"}


def test_labels_of_a_model_are_no_gold(labelled):
    assert collect(labelled, ACCEPT, gold=labelled).compared.tasks == {}


@pytest.mark.parametrize(("other", "there"), [(slice(1, None), "'home-1'"), (slice(0, 3), "none")])
def test_gold_of_other_dialogues_is_refused(labelled, gold, other, there):
    with pytest.raises(ReportError, match=rf"the input has {there} there; the input has changed since"):
        collect(labelled, ACCEPT, gold=gold[other])


def test_rows_of_a_file_come_out_the_same(labelled, gold, tmp_path):
    rows = []
    for name, dialogues_of in (("said", labelled), ("gold", gold)):
        write_parquet(dialogues_of, tmp_path / f"{name}.parquet")
        file = tmp_path / f"{name}.parquet"
        rows.append(DialogueRows(load_dialogues("table", root=file, split="all", cache_dir=tmp_path / "cache")))
    from_file, in_memory = collect(rows[0], ACCEPT, gold=rows[1]), collect(labelled, ACCEPT, gold=gold)
    assert from_file.to_json() == in_memory.to_json()
    assert from_file.compared.tasks == in_memory.compared.tasks


def test_no_dialogue_is_an_empty_list():
    assert collect([], {}).to_json() == {"total": 0, "strings": [], "tasks": [], "promises": [], "items": []}


@given(st.integers(0, 3))
def test_none_may_be_kept(most):
    assert collect([], {}, most=most).to_json()["items"] == []
