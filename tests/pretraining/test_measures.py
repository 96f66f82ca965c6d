"""What pretraining is said to have learned."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from selflearn.pretraining import SwapConfig, SwapObjectives, SwapObjectivesOutput
from selflearn.pretraining.measures import SwapJudge
from selflearn.training import PretrainingSettings
from tests.fixtures.dialogues import FAST, home_dialogues, stage, tiny_model
from tests.training.conftest import make_recipe

RANDOM = SwapConfig(shares={"random": 1.0})
TRAIN, HELD_OUT = home_dialogues(24), home_dialogues(40, seed=1, split="dev")


def judge(dialogues, *, objectives=None):
    model, tokenizer = tiny_model(TRAIN)
    objectives = objectives or SwapObjectives(size=model.config.size, text_size=model.turn_encoder.hidden_size)
    return SwapJudge(
        model=model, objectives=objectives, tokenizer=tokenizer, dialogues=dialogues, encoder="tiny", pool_size=100,
        seed=3,
    )  # fmt: skip


def test_a_grade_is_measured_in_pairs_of_a_true_and_a_wrong_response_of_the_same_turn():
    class Cheat(torch.nn.Module):
        """Knows what was swapped, or says 0 of every turn."""

        def __init__(self, knows):
            super().__init__()
            self.knows = knows

        def forward(self, model, batch):
            return SwapObjectivesOutput(detection_logits=batch.swapped if self.knows else batch.swapped * 0)

    for knows, auc in ((False, 0.5), (True, 1.0)):
        found = judge(HELD_OUT, objectives=Cheat(knows)).measures(SwapConfig(shares={"nearest": 0.5, "exchanged": 0.5}))
        assert found["detection_auc@nearest"] == auc
        turns = sum(bool(turn.response) for dialogue in HELD_OUT for turn in dialogue.turns)
        assert 0.3 * turns < found["pairs@nearest"] < 0.7 * turns
        assert found["pairs@exchanged"] <= found["pairs@nearest"]  # responses without a value cannot exchange it
        assert found["share@nearest"] + found["share@exchanged"] == pytest.approx(1)
        assert 0 < found["share@exchanged"] < 0.5  # where it offers nothing, the other one does
        assert "found" not in found


@pytest.mark.slow
def test_a_model_that_learned_nothing_is_at_chance_and_one_that_learned_is_not(tmp_path):
    many = home_dialogues(80, seed=1, split="dev")  # of few, chance alone may rank a third first
    untrained = judge(many).measures(RANDOM)
    assert untrained["detection_auc@random"] == pytest.approx(0.5, abs=0.2)
    settings = PretrainingSettings(
        epochs=60.0, token_budget=700, optimization=replace(FAST, encoder_lr=5e-4), pool_size=100,
        swaps=RANDOM,
    )  # fmt: skip
    recipe = make_recipe(pretraining=settings, training=replace(make_recipe().training, epochs=0.1), seed=1)
    system = recipe.train(TRAIN, many, stage(tmp_path))
    assert system.pretrained["detection_auc@random"] > untrained["detection_auc@random"] + 0.15
    assert -1 < system.pretrained["cosine"] < untrained["cosine"]
    assert system.pretrained["found"] > 1.5 / system.pretrained["candidates"]  # chance, and two standard errors of it


def test_dialogues_without_a_response_measure_nothing():
    silent = [replace(d, turns=tuple(replace(t, response=None) for t in d.turns)) for d in HELD_OUT[:3]]
    assert judge(silent).measures(RANDOM) == {}
    assert judge([]).measures(RANDOM) == {}


def test_a_resumed_run_has_the_measures_of_the_run_that_measured(tmp_path):
    first = make_recipe().train(TRAIN, HELD_OUT[:8], stage(tmp_path))
    assert {"found", "candidates", "detection_auc@nearest", "pairs@exchanged"} <= first.pretrained.keys()
    assert make_recipe().train(TRAIN, HELD_OUT[:8], stage(tmp_path)).pretrained == first.pretrained
