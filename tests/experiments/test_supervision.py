"""What a run learns from."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from omegaconf import OmegaConf

from experiments.supervision import SIGNALS_PAGE, check_supervision, supervised
from selflearn.evaluation.benchmark import Split
from selflearn.schema import Feedback
from selflearn.simulation.simulate import Setting, simulated
from selflearn.training.feedback import SOURCE
from tests.fixtures.worlds import write_world


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    log = list(simulated(Setting.load(write_world(tmp_path_factory.mktemp("world")), seed=1), 120))
    return Split(train=log[:80], tune=log[80:100], test=log[100:])


def config(source):
    return OmegaConf.create({"seed": 1, "supervision": {"source": source}})


def sources(dialogues):
    return {turn.intent.source for dialogue in dialogues for turn in dialogue.labels.turns if turn.intent is not None}


def test_gold_labels_are_left_as_they_are(split, tmp_path):
    assert supervised(config("gold"), split, split.train, tmp_path) is split
    assert not list(tmp_path.iterdir())


def test_feedback_takes_the_place_of_gold_labels_but_for_those_that_test(split, tmp_path):
    found = supervised(config("feedback"), split, split.train, tmp_path / "run")
    assert sources(found.train) == sources(found.tune) == {SOURCE}
    assert found.test is split.test
    page = (tmp_path / "run" / SIGNALS_PAGE).read_text()
    barged, went_on = (re.search(rf"\| {name} \| True \| ([\d.]+) \| ([\d.]+) \|", page) for name in
                       ("barge_in", "rephrase"))  # fmt: skip
    assert float(barged[1]) < float(barged[2])  # rarer where the turn served
    assert went_on is not None
    assert "does the next request begin a goal?" in page
    bare = [replace(d, feedback=tuple(Feedback(barge_in=seen.barge_in) for seen in d.feedback),
                    turns=tuple(replace(t, seconds=None) for t in d.turns))
            for d in split.train]  # fmt: skip
    supervised(config("feedback"), replace(split, train=bare, tune=[]), bare, tmp_path / "bare")
    assert "does the next request begin a goal?" not in (tmp_path / "bare" / SIGNALS_PAGE).read_text()


def test_both_adds_the_dialogues_that_nobody_labelled(split, tmp_path):
    some = Split(train=split.train[:30], tune=split.tune, test=split.test)
    found = supervised(config("both"), some, split.train, tmp_path)
    assert found.train[:30] == some.train
    assert sources(found.train[30:]) == {SOURCE}
    assert found.tune is some.tune


def test_both_wants_dialogues_that_nobody_labelled(split, tmp_path):
    with pytest.raises(ValueError, match="every training dialogue counts as labelled by people"):
        supervised(config("both"), split, [*split.train, *split.tune], tmp_path)


def test_an_unknown_source_is_refused(split, tmp_path):
    with pytest.raises(ValueError, match=r"supervision.source is 'people'; expected gold, feedback or both"):
        supervised(config("people"), split, split.train, tmp_path)


def test_feedback_alone_does_not_pretrain_on_annotated_acts():
    shares = {"supervision": {"source": "feedback"},
              "pretraining": {"epochs": 1, "swaps": {"shares": {"same_acts": 0.5}}}}  # fmt: skip
    with pytest.raises(ValueError, match="reads annotated dialogue acts"):
        check_supervision(OmegaConf.create(shares))
