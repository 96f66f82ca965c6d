"""A tiny untrained model in a directory, and a labeler that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from selflearn.inference import Labeler
from selflearn.models import save_model
from tests.fixtures.dialogues import home_dialogues, tiny_model


@pytest.fixture(scope="session")
def dialogues():
    return home_dialogues(12, seed=5)


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every task that reads 8 turns of 64 tokens."""
    directory = tmp_path_factory.mktemp("trained") / "model"
    save_model(*tiny_model(home_dialogues(20), max_turns=8), directory)
    return directory


@pytest.fixture(scope="session")
def labeler(model_directory) -> Labeler:
    return Labeler.from_pretrained(model_directory, device="cpu")
