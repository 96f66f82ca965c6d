"""A log that is not like that of training is labelled, and its user is told."""

import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from selflearn.batching.audio import Recordings
from selflearn.batching.presence import Presence
from selflearn.corpora.table import write_jsonl
from selflearn.inference import input_doubts, label_file, plan_file
from selflearn.inference.doubts import fields_of, given_fields
from tests.fixtures.dialogues import plain_dialogue


@pytest.fixture
def timeless(dialogues):
    return [replace(d, turns=tuple(replace(turn, seconds=None) for turn in d.turns)) for d in dialogues]


def test_a_log_like_that_of_training_raises_none(labeler, dialogues):
    assert "seconds" in labeler.system.model.config.presence().shares
    assert input_doubts(labeler, dialogues) == []


@pytest.mark.parametrize("call", ["label", "plan"])
def test_a_column_that_is_not_mapped_is_said_before_the_work(labeler, timeless, tmp_path, caplog, call):
    write_jsonl(timeless, tmp_path / "log.jsonl")
    if call == "label":
        label_file(labeler, tmp_path / "log.jsonl", tmp_path / "out", cache_dir=tmp_path / "cache")
    else:
        plan_file(labeler, tmp_path / "log.jsonl", cache_dir=tmp_path / "cache")
    (said,) = (record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)
    assert said.startswith("the input: no turn has `seconds` (100% of the training turns had it): expect worse labels")


def test_a_model_that_does_not_know_what_it_was_trained_with_says_nothing(labeler, timeless, monkeypatch):
    monkeypatch.setattr(labeler.system.model.config, "inputs", None)
    assert input_doubts(labeler, timeless) == []


@pytest.mark.parametrize(("folder", "share"), [("there", 0.5), ("elsewhere", None), (None, None)])
def test_a_recording_whose_file_is_not_there_is_none_for_a_model_that_reads_audio(
    labeler, tmp_path, monkeypatch, folder, share
):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.wav").write_bytes(b"")
    said = plain_dialogue(("dim the lights", "Done."), ("stop", "Done."))
    turns = tuple(replace(turn, audio=name) for turn, name in zip(said.turns, ("a.wav", "b.wav"), strict=True))
    heard = [replace(said, turns=turns)]
    assert given_fields(labeler, heard).shares["audio"] == 1.0  # a model that does not read it
    collator = labeler.system.collator
    monkeypatch.setattr(collator, "recordings", None if folder is None else Recordings(tmp_path / folder))
    monkeypatch.setattr(collator, "features", SimpleNamespace(audio=("a",)))
    assert given_fields(labeler, heard).shares.get("audio") == fields_of(labeler, heard).shares.get("audio") == share
    if share is None:
        (doubt,) = Presence(shares={"audio": 1.0}).differences(given_fields(labeler, heard), known="audited")
        assert doubt.startswith("no turn has `audio` (100% of the audited turns had it)")
        assert doubt.endswith("the files of `audio` are to be in the folder of `recordings`")
