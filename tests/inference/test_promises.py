from __future__ import annotations

import json
import random
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selflearn.batching.presence import Presence
from selflearn.corpora.table import write_jsonl
from selflearn.inference import Labeler, label_file
from selflearn.inference.audit import AuditedLabel
from selflearn.inference.audit_design import check_design
from selflearn.inference.promises import (
    Promises,
    acceptance,
    certify_names,
    certify_tasks,
    read_promises,
    write_promises,
)
from selflearn.inference.rows import (
    EACH,
    TASKS,
    UNAUDITED,
    Acceptance,
    ExportError,
    LabelRow,
    check_acceptance,
    label_rows,
    promise_key,
    split_key,
)
from selflearn.models import save_model
from selflearn.schema import Dialogue, Goal, Interpretation, Label, Labels, Turn, TurnLabels
from selflearn.trust.calibration import Temperature
from tests.fixtures.dialogues import home_dialogues, tiny_model


def audited(task, share_right, number=600, seed=0):
    """Labels of which so many are right, one a dialogue."""
    rng, place = random.Random(seed), {"corpus": "c", "split": "s", "first_turn": 0, "last_turn": 0, "task": task}
    return [
        AuditedLabel(
            row=LabelRow(dialogue_id=f"{task}-{i}", score=rng.random(), **place),
            right=rng.random() < share_right,
        )
        for i in range(number)
    ]  # fmt: skip


@pytest.fixture
def promises():
    return certify_tasks(
        [*audited("intent", 0.99), *audited("segmentation", 0.5)], target_error=0.05, confidence=0.9, method="auto"
    )


@pytest.fixture
def directory(tmp_path):
    save_model(*tiny_model(home_dialogues(20), max_turns=8), tmp_path / "model")
    return tmp_path / "model"


def test_tasks_are_certified_by_themselves(promises):
    assert set(promises) == {"intent", "segmentation"}
    assert promises["intent"].coverage == 1.0
    assert promises["segmentation"].threshold is None
    assert "Nothing is accepted" in acceptance(promises["segmentation"]).promise
    assert acceptance(promises["intent"]).max_items == 1
    with pytest.raises(ValueError, match="no label was audited"):
        certify_tasks([], target_error=0.05, confidence=0.9)


def of_users(labels, users):
    return [replace(label, user=f"user {i % users}") for i, label in enumerate(labels)]


def test_promises_are_counted_over_users_where_they_repeat():
    labels = audited("intent", 0.99, number=600)
    asked = {"target_error": 0.05, "confidence": 0.9}
    each_another = certify_tasks(of_users(labels, 600), **asked)["intent"]
    assert (each_another.unit, each_another.units, each_another.coverage) == ("dialogue", 600, 1.0)
    few = certify_tasks(of_users(labels, 12), **asked)["intent"]
    assert (few.unit, few.units, few.threshold) == ("user", 12, None)
    assert f"an audit of about {few.n + few.more_items} items of about {12 + few.more_units} users" in few.promise
    # one by one they would do: declared, nobody is asked who said it
    assert certify_tasks(of_users(labels, 12), **asked, design="dialogues")["intent"].units == 600
    names, _ = certify_names(of_users(labels, 12), "label", **asked)
    assert {(one.unit, one.units) for one in names.values()} == {("user", 12)}
    # who is not known is nobody's double
    half = [*of_users(labels[:300], 100), *labels[300:]]
    assert certify_tasks(half, **asked)["intent"].units == 400
    with pytest.raises(ValueError, match="audited is 'turn'; expected one of"):
        certify_tasks(labels, **asked, design="turn")


def test_turns_that_were_drawn_one_by_one_are_independent_whatever_dialogue_they_are_of():
    labels = audited("intent", 0.99, number=200)
    twice = [replace(label, row=replace(label.row, dialogue_id=f"d{i // 2}", first_turn=i % 2, last_turn=i % 2))
             for i, label in enumerate(labels)]  # fmt: skip
    asked = {"target_error": 0.05, "confidence": 0.9}
    assert certify_tasks(twice, **asked)["intent"].method == "betting"
    found = certify_tasks(of_users(twice, 12), **asked, design="items")["intent"]
    assert (found.method, found.unit, found.units, found.max_items) == ("binomial", "turn", 200, None)
    assert found.coverage == 1.0
    assert "each drawn by itself (not with others of its dialogue)" in found.promise
    certify_tasks(twice, **asked, method="binomial", design="items")
    # but not the slots of one turn
    slots = [replace(x, row=replace(x.row, task="slots")) for x in (*twice, *twice)]
    assert certify_tasks(slots, **asked, design="items")["slots"].method == "betting"
    with pytest.raises(ValueError, match="goals are seen only in whole dialogues; expected audited=dialogues"):
        certify_tasks(audited("success", 0.9), **asked, design="items")


def test_dialogues_that_were_audited_whole_are_no_turns_drawn_one_by_one():
    gold = [d.with_labels(replace(d.labels, goals=None)) for d in home_dialogues(20)]
    with pytest.raises(ValueError, match="have labels of people on every turn: they were not drawn one by one"):
        check_design(gold, "items")
    drawn = []
    for i, d in enumerate(gold):
        turns = [turn if n == i % len(d.turns) else TurnLabels() for n, turn in enumerate(d.labels.turns)]
        drawn.append(d.with_labels(Labels(turns=tuple(turns))))
    check_design(drawn, "items")
    with pytest.raises(ValueError, match="as if turns had been drawn"):
        check_design(drawn, None)
    check_design(gold, None)


def test_names_are_certified_by_themselves_and_cost_something():
    good, bad = audited("intent", 0.99, number=400), audited("intent", 0.5, number=400, seed=1)
    named = [
        replace(label, row=replace(label.row, label=name, domain="music", dialogue_id=f"{name}-{i}"))
        for name, labels in (("Play", good), ("Stop", bad)) for i, label in enumerate(labels)
    ]  # fmt: skip
    asked = {"target_error": 0.05, "confidence": 0.9, "method": "binomial"}
    each, price = certify_names([*named, *audited("transcript", 0.99)], "label", **asked)
    assert set(each) == set(price) == {"intent/Play", "intent/Stop", "transcript/"}
    assert each["intent/Play"].threshold is not None
    assert each["intent/Stop"].threshold is None
    assert each["intent/Play"].confidence == pytest.approx(0.95)  # both hold together with 0.9
    assert price["intent/Play"] >= 0
    assert set(certify_names(named, "domain", **asked)[0]) == {"intent@music"}
    with pytest.raises(ValueError, match="each is 'task'"):
        certify_names(named, "task", **asked)
    with pytest.raises(ValueError, match="no label was audited"):
        certify_names([], "label", **asked)


def test_a_label_is_accepted_by_the_promise_of_its_own_name_or_domain():
    heard = Interpretation(intent="Play", domain="music")
    dialogue = Dialogue(id="1", corpus="c", split="s", turns=(Turn(request="a", interpretations=(heard,)),) * 3)
    said = tuple(TurnLabels(intent=Label(value=name, source="model", score=0.8)) for name in ("Play", "Stop", "New"))
    labelled = dialogue.with_labels(Labels(turns=said))
    kept, higher = Acceptance(threshold=0.7, promise="kept"), Acceptance(threshold=0.9, promise="higher")
    rows = label_rows(labelled, accept={"intent/Play": kept, "intent/Stop": higher})
    assert [row.accepted for row in rows] == [True, False, False]
    assert [row.promise for row in rows] == ["kept", "higher", UNAUDITED.promise]
    assert [row.accepted for row in label_rows(labelled, accept={"intent@music": kept})] == [True, True, True]
    assert [row.accepted for row in label_rows(labelled, accept={"intent@film": kept})] == [False, False, False]
    check_acceptance({"intent/Play": kept, "slots@music": kept, "transcript/": kept})
    with pytest.raises(ExportError, match="'intent' has promises for each label and for all labels"):
        check_acceptance({"intent/Play": kept, "intent": kept})
    with pytest.raises(ExportError, match="unknown task 'intents'"):
        check_acceptance({"intents/Play": kept})


def test_the_promise_of_nameless_labels_is_for_no_other():
    said = (TurnLabels(transcript=Label(value="a", source="model", score=0.8), slots=()),
            TurnLabels(intent=Label(value="Play", source="model", score=0.8)))  # fmt: skip
    turns = (Turn(request="a"), Turn(request="b", interpretations=(Interpretation(domain="music"),)))
    labelled = Dialogue(id="1", corpus="c", split="s", turns=turns).with_labels(Labels(turns=said))
    kept = Acceptance(threshold=0.7, promise="kept")
    rows = label_rows(labelled, accept={"transcript/": kept, "intent@": kept, "slots/room": kept})
    assert [(row.task, row.accepted) for row in rows] == [("slots", None), ("transcript", True), ("intent", False)]
    assert [row.promise for row in rows] == [None, "kept", UNAUDITED.promise]  # no slot found is no label


def test_a_goal_says_what_domain_its_turns_are_of():
    goals = (Goal(start=0, end=1, domain="films", source="model"), Goal(start=1, end=2, source="model"))
    said = (TurnLabels(defect=Label(value=False, source="model", score=0.9)),) * 2
    turns = (Turn(interpretations=(Interpretation(intent="Play", domain="music"),)),) * 2
    labelled = Dialogue(id="1", corpus="c", split="s", turns=turns).with_labels(Labels(goals=goals, turns=said))
    assert [row.domain for row in label_rows(labelled) if row.task == "defect"] == ["films", "music"]
    assert [row.domain for row in label_rows(labelled) if row.task == "segmentation"] == ["films", "music"]


@given(st.sampled_from(TASKS), st.sampled_from([*EACH, None]), st.text(min_size=1))
def test_keys_of_promises_come_apart_again(task, each, name):
    assert split_key(promise_key(task, each, name)) == (task, each, None if each is None else name)
    assert split_key(promise_key(task, each)) == (task, each, None)


def test_promises_go_with_their_model_and_with_no_other(promises, directory, tmp_path):
    model = Labeler.from_pretrained(directory, device="cpu").fingerprint
    write_promises(Promises(tasks=promises), directory, model=model)
    assert Labeler.from_pretrained(directory, device="cpu").promises == promises
    assert read_promises(directory, model=model) == Promises(tasks=promises)
    write_promises(Promises(tasks=promises), directory, model="another")
    with pytest.raises(ValueError, match=r"promises something of the model another, this is .*experiments\.certify"):
        Labeler.from_pretrained(directory, device="cpu")
    assert Labeler.from_pretrained(directory, device="cpu", with_promises=False).promises == {}
    (directory / "promises.json").write_text('{"model": "x"}')
    with pytest.raises(ValueError, match=r"promises\.json cannot be read"):
        Labeler.from_pretrained(directory, device="cpu")


def test_a_model_that_replaces_another_does_not_keep_what_was_promised_of_it(promises, directory, caplog):
    labeler = Labeler.from_pretrained(directory, device="cpu")
    write_promises(Promises(tasks=promises), directory, model=labeler.fingerprint)
    labeler.save_pretrained(directory)
    assert Labeler.from_pretrained(directory, device="cpu").promises == promises
    other = Labeler(labeler.system, calibrators=labeler.calibrators | {"intent": Temperature(2.0)})
    other.save_pretrained(directory)
    assert "promised something of the model before this one and is removed" in caplog.text
    assert Labeler.from_pretrained(directory, device="cpu").promises == {}


def test_other_calibration_is_another_model(directory):
    before = Labeler.from_pretrained(directory, device="cpu").fingerprint
    (directory / "calibration.json").write_text(json.dumps({"intent": {"temperature": 2.0}}))
    assert Labeler.from_pretrained(directory, device="cpu").fingerprint != before


def test_the_table_of_labels_says_what_is_accepted_and_what_that_promises(promises, directory, tmp_path):
    dialogues = home_dialogues(12, seed=5)
    write_jsonl(dialogues, tmp_path / "logs.jsonl")
    labeler = Labeler.from_pretrained(directory, device="cpu")
    write_promises(Promises(tasks=promises), directory, model=labeler.fingerprint)
    labeler = Labeler.from_pretrained(directory, device="cpu")
    report = label_file(labeler, tmp_path / "logs.jsonl", tmp_path / "out", shard_size=5, cache_dir=tmp_path / "cache")
    table = pd.concat(pd.read_parquet(part) for part in sorted(report.labels.iterdir()))
    assert len(list(report.labels.iterdir())) == 3
    assert table["dialogue_id"].drop_duplicates().tolist() == [dialogue.id for dialogue in dialogues]
    intents = table[table["task"] == "intent"]
    assert len(intents) == sum(len(dialogue.turns) for dialogue in dialogues)
    assert set(intents["promise"]) == {promises["intent"].promise}
    # one label of a dialogue at most was audited, and so is accepted
    assert intents.groupby("dialogue_id")["accepted"].sum().eq(1).all()
    goals = table[table["task"] == "segmentation"]
    assert not goals["accepted"].any()
    assert goals["threshold"].isna().all()
    assert table.loc[table["task"] == "defect", "accepted"].isna().all()  # nothing was certified of it
    assert set(table["model"].dropna()) == {labeler.fingerprint}
    records = pd.read_parquet(report.goals)
    assert not records["accepted"].any()
    assert records["threshold"].isna().all()
    assert set(records["promise"]) == {promises["segmentation"].promise}
    assert records["success_accepted"].isna().all()  # nothing was certified of it
    named = records[records["intent"].notna()]
    accepted = set(intents.loc[intents["accepted"], ["dialogue_id", "first_turn"]].itertuples(index=False, name=None))
    of_turn = [pair in accepted for pair in named[["dialogue_id", "turn"]].itertuples(index=False, name=None)]
    assert any(of_turn)
    assert named["intent_accepted"].tolist() == of_turn
    assert set(named["intent_promise"]) == {promises["intent"].promise}
    assert records.loc[records["intent"].isna(), "intent_promise"].isna().all()
    counts = report.counts
    assert counts["labels_accepted/intent"] == 12
    assert counts["labels_accepted/intent"] + counts["labels_rejected/intent"] == len(intents)


def test_of_a_log_that_lacks_what_the_audited_one_had_nothing_is_accepted(promises, directory, tmp_path):
    """The promise is of dialogues like the audited ones; those with fewer columns are others, and labelled worse."""
    dialogues = home_dialogues(12, seed=5)
    bare = [replace(d, turns=tuple(replace(turn, seconds=None) for turn in d.turns)) for d in dialogues]
    labeler = Labeler.from_pretrained(directory, device="cpu")
    for name, audited_ones, labelled_ones in (
        ("like", bare, bare),
        ("more", bare, dialogues),
        ("less", dialogues, bare),
    ):
        found = Promises(tasks=promises, audited=Presence.of(one.observed() for one in audited_ones))
        write_promises(found, directory, model=labeler.fingerprint)
        write_jsonl(labelled_ones, tmp_path / f"{name}.jsonl")
        certified = Labeler.from_pretrained(directory, device="cpu")
        report = label_file(certified, tmp_path / f"{name}.jsonl", tmp_path / name, cache_dir=tmp_path / "cache")
        table = pd.read_parquet(report.labels)
        intents = table[table["task"] == "intent"]
        assert intents["accepted"].any() == (name != "less")
        assert certified.promises == promises  # of the model, whatever it labelled
    assert intents["accepted"].eq(False).all()
    (said,) = set(intents["promise"])
    assert said.startswith(
        "Nothing is accepted: what was certified is of dialogues like the audited ones, and no turn "
    )
    assert "`seconds` (100% of the audited turns had it)" in said


def test_nothing_is_accepted_where_the_end_of_a_dialogue_is_left_out(promises, directory, tmp_path):
    """An audit is read in windows, to the end of each dialogue; labels beside a cut are others."""
    dialogues = home_dialogues(4, seed=5)
    turns = tuple(replace(turn, seconds=float(i)) for i, turn in enumerate(dialogues[0].turns * 9))
    first = replace(dialogues[0], turns=turns, labels=Labels(), truth=None, feedback=())
    long = [first, *dialogues[1:]]
    labeler = Labeler.from_pretrained(directory, device="cpu")
    write_promises(Promises(tasks=promises), directory, model=labeler.fingerprint)
    for name, log, on_overflow, kept in (
        ("read", long, "window", True), ("short", dialogues, "truncate", True), ("cut", long, "truncate", False)
    ):  # fmt: skip
        write_jsonl(log, tmp_path / f"{name}.jsonl")
        certified = Labeler.from_pretrained(directory, device="cpu", on_overflow=on_overflow)
        report = label_file(certified, tmp_path / f"{name}.jsonl", tmp_path / name, cache_dir=tmp_path / "cache")
        table = pd.read_parquet(report.labels)
        assert table.loc[table["task"] == "intent", "accepted"].any() == kept
    (said,) = set(table.loc[table["task"] == "intent", "promise"].dropna())
    assert "and those were read to their end: here the end of long ones is left out (on_overflow=truncate)." in said


def test_promises_that_cannot_be_written_leave_those_that_were_there(promises, tmp_path, monkeypatch):
    write_promises(Promises(tasks=promises), tmp_path, model="one")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_promises(Promises(), tmp_path, model="another")
    assert read_promises(tmp_path, model="one") == Promises(tasks=promises)
    assert [file.name for file in tmp_path.iterdir()] == ["promises.json"]
