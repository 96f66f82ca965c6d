import pytest

from selflearn.pretraining import SwapConfig
from selflearn.training import PretrainingSettings, Recipe, TrainingSettings
from tests.fixtures.dialogues import FAST, tiny_settings


def make_recipe(**changes):
    """A recipe of seconds: both stages take some dozen steps."""
    defaults = {
        "model": tiny_settings(max_turns=4, max_tokens=48),
        "pretraining": PretrainingSettings(
            epochs=1.5, token_budget=700, optimization=FAST, pool_size=50,
            swaps=SwapConfig(shares={"nearest": 0.5, "exchanged": 0.3, "hypothesis": 0.2}),
        ),
        "training": TrainingSettings(epochs=2.0, token_budget=700, optimization=FAST),
        "tasks": ("segmentation", "success", "intent", "slots", "defect"),
        "seed": 11,
    }  # fmt: skip
    return Recipe(**defaults | changes)


@pytest.fixture
def recipe():
    return make_recipe
