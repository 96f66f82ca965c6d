from __future__ import annotations

import json
import random

import pandas as pd
import pytest

from selflearn.corpora.table import write_jsonl
from selflearn.inference import Labeler, label_file
from selflearn.inference.audit import AuditedLabel
from selflearn.inference.promises import acceptance, certify_tasks, read_promises, write_promises
from selflearn.inference.rows import LabelRow
from selflearn.models import save_model
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


def test_promises_go_with_their_model_and_with_no_other(promises, directory, tmp_path):
    model = Labeler.from_pretrained(directory, device="cpu").fingerprint
    write_promises(promises, directory, model=model)
    assert (
        Labeler.from_pretrained(directory, device="cpu").promises == promises == read_promises(directory, model=model)
    )
    write_promises(promises, directory, model="another")
    with pytest.raises(ValueError, match=r"promises something of the model another, this is .*experiments\.certify"):
        Labeler.from_pretrained(directory, device="cpu")
    assert Labeler.from_pretrained(directory, device="cpu", with_promises=False).promises == {}
    (directory / "promises.json").write_text('{"model": "x"}')
    with pytest.raises(ValueError, match=r"promises\.json cannot be read"):
        Labeler.from_pretrained(directory, device="cpu")


def test_other_calibration_is_another_model(directory):
    before = Labeler.from_pretrained(directory, device="cpu").fingerprint
    (directory / "calibration.json").write_text(json.dumps({"intent": {"temperature": 2.0}}))
    assert Labeler.from_pretrained(directory, device="cpu").fingerprint != before


def test_the_table_of_labels_says_what_is_accepted_and_what_that_promises(promises, directory, tmp_path):
    dialogues = home_dialogues(12, seed=5)
    write_jsonl(dialogues, tmp_path / "logs.jsonl")
    labeler = Labeler.from_pretrained(directory, device="cpu")
    write_promises(promises, directory, model=labeler.fingerprint)
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
    counts = report.counts
    assert counts["labels_accepted/intent"] == 12
    assert counts["labels_accepted/intent"] + counts["labels_rejected/intent"] == len(intents)
