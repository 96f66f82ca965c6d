"""A model that reads audio, from training to labelling."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from selflearn.batching.audio import AUDIO_SIZE, Recordings
from selflearn.inference import Labeler
from selflearn.models import LabelGenerator, LabelGeneratorConfig, load_tokenizer, save_model
from selflearn.models.system import ReadCounts
from selflearn.training import AudioSettings, PretrainingSettings
from selflearn.training.build import build_model, fit_tasks
from tests.fixtures.dialogues import TASKS, home_dialogues, stage, tiny_settings
from tests.fixtures.sounds import save_speech_encoder
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
    recipe = make_recipe(recordings=str(folder), pretraining=PretrainingSettings(epochs=0.0))
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
    made = make_recipe(recordings=str(tmp_path), pretraining=PretrainingSettings(epochs=0.0))
    with caplog.at_level(logging.WARNING, "selflearn"):
        system = made.train(TRAIN, TUNE, stage(tmp_path / "run"))
    turns = sum(len(d.turns) for d in TRAIN)
    assert f"{turns} recordings of the training dialogues are not in {tmp_path}" in caplog.text
    assert system.trained_on == ReadCounts(
        missing_recordings=turns, windowed_dialogues=system.trained_on.windowed_dialogues
    )
    assert system.model.config.feature_vocabulary().audio == ()


def test_audio_that_is_left_out_is_neither_read_nor_missed(tmp_path, folder):
    made = make_recipe(recordings=str(folder), pretraining=PretrainingSettings(epochs=0.0))
    made = replace(made, model=replace(made.model, without=("audio",)))
    system = made.train(TRAIN, TUNE, stage(tmp_path))
    assert system.model.recordings is None
    assert system.model.config.feature_vocabulary().audio == ()


@pytest.fixture(scope="module")
def speech_encoder(tmp_path_factory):
    return {
        kind: save_speech_encoder(tmp_path_factory.mktemp("encoder"), kind)
        for kind in ("masked", "unmasked", "whisper")
    }


def with_encoder(recipe, directory, *, frozen=True):
    return replace(recipe, model=replace(recipe.model, audio=AudioSettings(encoder=directory, frozen=frozen)))


def built(directory, folder):
    settings = replace(tiny_settings(), audio=AudioSettings(encoder=directory))
    return build_model(settings, fit_tasks(TASKS, TRAIN), TRAIN, seed=0, recordings=Recordings(folder))


def states(model, tokenizer, dialogues):
    batch = model.collator(tokenizer, with_targets=False).inputs([d.observed() for d in dialogues])
    with torch.no_grad():
        return model.eval().encode(batch).turns


@pytest.mark.parametrize("kind", ["masked", "unmasked", "whisper"])
def test_a_model_with_a_speech_encoder_is_its_directory_alone(kind, speech_encoder, folder, tmp_path):
    model, tokenizer = built(speech_encoder[kind], folder)
    assert model.config.feature_vocabulary().audio == ()
    assert model.config.reads_audio
    save_model(model, tokenizer, tmp_path)
    loaded = LabelGenerator.from_pretrained(tmp_path)
    assert loaded.state_dict().keys() == model.state_dict().keys()
    loaded.recordings = model.recordings
    expected = states(model, tokenizer, TUNE)
    torch.testing.assert_close(states(loaded, load_tokenizer(tmp_path), TUNE), expected, rtol=0, atol=0)
    loaded.recordings = None
    assert not torch.allclose(states(loaded, tokenizer, TUNE), expected)


@pytest.mark.parametrize("kind", ["masked", "unmasked", "whisper"])
def test_what_is_heard_does_not_depend_on_the_batch(kind, speech_encoder, folder):
    model, tokenizer = built(speech_encoder[kind], folder)
    together = states(model, tokenizer, TUNE)
    for dialogue, row in zip(TUNE, together, strict=True):
        alone = states(model, tokenizer, [dialogue])[0]
        torch.testing.assert_close(alone, row[: len(alone)], atol=1e-5, rtol=1e-5)


def test_a_missing_recording_has_the_learned_missing(speech_encoder, folder):
    model, tokenizer = built(speech_encoder["masked"], folder)
    silent = [replace(d, turns=tuple(replace(turn, audio=None) for turn in d.turns)) for d in TUNE]
    lost = [replace(d, turns=tuple(replace(turn, audio="gone.wav") for turn in d.turns)) for d in TUNE]
    torch.testing.assert_close(states(model, tokenizer, lost), states(model, tokenizer, silent), rtol=0, atol=0)
    collator = model.collator(tokenizer)
    assert [collator.missing_recordings(d.observed()) for d in lost] == [len(d.turns) for d in lost]
    collator([TRAIN[0]])
    loss = model.train()(collator(silent[:4])).loss
    loss.backward()
    assert model.feature_encoder.audio_missing.grad.abs().sum() > 0


@pytest.mark.parametrize("frozen", [True, False])
def test_a_speech_encoder_learns_only_where_it_is_not_frozen(frozen, speech_encoder, folder, tmp_path):
    made = make_recipe(recordings=str(folder), pretraining=PretrainingSettings(epochs=0.0))
    system = with_encoder(made, speech_encoder["masked"], frozen=frozen).train(TRAIN, TUNE, stage(tmp_path / "run"))
    before = built(speech_encoder["masked"], folder)[0].audio_encoder.state_dict()
    after = system.model.audio_encoder.state_dict()
    layer = "model.encoder.layers.0.attention.k_proj.weight"
    assert torch.equal(before[layer], after[layer]) is frozen
    assert not torch.equal(before["norm.weight"], after["norm.weight"])
    save_model(system.model, system.tokenizer, tmp_path / "model")
    labels = [item.dialogue.labels for item in Labeler(system).label(TUNE)]
    hearing = Labeler.from_pretrained(tmp_path / "model", device="cpu", recordings=folder)
    assert [item.dialogue.labels for item in hearing.label(TUNE)] == labels


def test_a_speech_encoder_without_recordings_is_refused(speech_encoder, tmp_path):
    made = with_encoder(make_recipe(recordings=str(tmp_path)), speech_encoder["masked"])
    with pytest.raises(ValueError, match=r"model\.audio\.encoder is .* the recordings .* are not in .*expected turns"):
        made.train(TRAIN, TUNE, stage(tmp_path))


def test_half_a_speech_encoder_in_a_configuration_is_refused():
    with pytest.raises(ValueError, match="audio_encoder and audio_extractor belong together"):
        LabelGeneratorConfig(audio_encoder={"model_type": "wav2vec2"})
    with pytest.raises(ValueError, match="no key 'audio_encode'"):
        LabelGeneratorConfig(audio_encode={})
    unknown = LabelGeneratorConfig(
        audio_encoder={"model_type": "wav2vec2"}, audio_extractor={"feature_extractor_type": "Ear"}
    )
    with pytest.raises(ValueError, match="feature_extractor_type is 'Ear'"):
        unknown.sound_reader()
