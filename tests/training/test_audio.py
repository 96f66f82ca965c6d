"""A model that reads audio, from training to labelling."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import wavfile

from selflearn.batching.audio import AUDIO_SIZE
from selflearn.inference import Labeler
from selflearn.models import save_model
from selflearn.models.system import ReadCounts
from selflearn.training import PretrainingSettings
from tests.fixtures.dialogues import home_dialogues, stage
from tests.training.conftest import make_recipe


def with_audio(dialogues):
    return [
        replace(d, turns=tuple(replace(turn, audio=f"{d.id}-{t}.wav") for t, turn in enumerate(d.turns)))
        for d in dialogues
    ]


TRAIN, TUNE = with_audio(home_dialogues(24)), with_audio(home_dialogues(8, seed=1, split="dev"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recording of noise for every turn."""
    root, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    for dialogue in (*TRAIN, *TUNE):
        for turn in dialogue.turns:
            sound = rng.normal(0, rng.uniform(100, 5000), 4000)
            wavfile.write(root / turn.audio, 16_000, np.clip(sound, -32767, 32767).astype(np.int16))
    return root


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    recipe = make_recipe(recordings=str(folder), pretraining=PretrainingSettings())
    return recipe.train(TRAIN, TUNE, stage(tmp_path_factory.mktemp("run")))


def test_a_saved_model_hears_what_it_heard_before(trained, folder, tmp_path):
    assert trained.model.config.feature_vocabulary().audio_size == AUDIO_SIZE
    assert trained.trained_on.missing_recordings == trained.counts.missing_recordings == 0
    save_model(trained.model, trained.tokenizer, tmp_path)
    labels = [item.dialogue.labels for item in Labeler(trained).label(TUNE)]
    hearing = Labeler.from_pretrained(tmp_path, device="cpu", recordings=folder)
    assert [item.dialogue.labels for item in hearing.label(TUNE)] == labels
    assert [item.read.missing_recordings for item in hearing.label(TUNE)] == [0] * len(TUNE)


def test_recordings_that_are_not_given_are_counted_and_change_what_is_said(trained, tmp_path):
    save_model(trained.model, trained.tokenizer, tmp_path)
    deaf = Labeler.from_pretrained(tmp_path, device="cpu")
    answers = deaf.label(TUNE)
    assert [item.read.missing_recordings for item in answers] == [len(d.turns) for d in TUNE]
    assert deaf.system.counts.missing_recordings == sum(len(d.turns) for d in TUNE)
    assert [item.dialogue.labels for item in answers] != [item.dialogue.labels for item in Labeler(trained).label(TUNE)]


def test_recordings_that_are_missing_in_training_are_counted_and_said(tmp_path, caplog):
    made = make_recipe(recordings=str(tmp_path), pretraining=PretrainingSettings())
    with caplog.at_level(logging.WARNING, "selflearn"):
        system = made.train(TRAIN, TUNE, stage(tmp_path / "run"))
    turns = sum(len(d.turns) for d in TRAIN)
    assert f"{turns} recordings of the training dialogues are not in {tmp_path}" in caplog.text
    assert system.trained_on == ReadCounts(
        missing_recordings=turns, windowed_dialogues=system.trained_on.windowed_dialogues
    )
    assert system.model.config.feature_vocabulary().audio == ()


def test_audio_that_is_left_out_is_neither_read_nor_missed(tmp_path, folder):
    made = make_recipe(recordings=str(folder), pretraining=PretrainingSettings())
    made = replace(made, model=replace(made.model, without=("audio",)))
    system = made.train(TRAIN, TUNE, stage(tmp_path))
    assert system.model.recordings is None
    assert system.model.config.feature_vocabulary().audio == ()
