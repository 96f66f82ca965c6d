"""What the page on promises does in Python, done on a small log with an untrained model."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from selflearn.corpora.table import write_jsonl
from selflearn.models import save_model
from tests.fixtures.dialogues import home_dialogues, tiny_model

PAGE = (Path(__file__).parents[2] / "docs" / "trust.md").read_text("utf-8")
LOG, MODEL = "runs/logs/home-text-20000-2", "runs/simulated/seed_1/model"


def test_losses_of_dialogues_and_a_finished_data_set_can_be_certified_as_the_page_says(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    save_model(*tiny_model(home_dialogues(12)), tmp_path / "model")
    write_jsonl(home_dialogues(40, seed=3, split="test"), tmp_path / "log.jsonl")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        if "certify_losses(" in block or "pac_labels(" in block:
            exec(block.replace(LOG, str(tmp_path / "log.jsonl")).replace(MODEL, str(tmp_path / "model")), names)
    slots, goals, whole_set = capsys.readouterr().out.splitlines()
    assert re.match(r"Nothing is accepted: from \d+ audited items of \d users .* mean loss of at most 0\.1 with", slots)
    assert re.match(r"Nothing is accepted: from \d+ audited items of 7 users .* mean loss of at most 0\.1 with", goals)
    assert "WHOLE data set" in whole_set
    gold = names["people"][0]
    assert (names["slot_loss"](gold, gold), names["boundary_error"](gold, gold)) == (0, 0)
    for said, people in names["pairs"]:
        assert 0 <= names["slot_loss"](said, people) <= 1
    first, *others = names["slots"](gold)
    turns = [replace(turn, slots=()) for turn in gold.labels.turns]
    turns[first[0]] = gold.labels.turns[first[0]]
    one = gold.with_labels(replace(gold.labels, turns=tuple(turns)))
    assert names["slot_loss"](one, gold) == pytest.approx(1 - 2 / (2 + len(others)))
    whole = replace(gold.labels.goals[0], start=0, end=len(gold.turns))
    missed = len(gold.labels.goals) - 1
    undivided = gold.with_labels(replace(gold.labels, goals=(whole,)))
    assert names["boundary_error"](undivided, gold) == missed / (len(gold.turns) - 1)
