"""A log that is not like that of training is labelled, and its user is told."""

import logging
from dataclasses import replace

import pytest

from selflearn.corpora.table import write_jsonl
from selflearn.inference import input_doubts, label_file, plan_file


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
