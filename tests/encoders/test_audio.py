"""A pretrained speech encoder, from recordings to vectors."""

import copy
from dataclasses import replace

import pytest
import torch

from selflearn.batching import sounds
from selflearn.batching.audio import Recordings
from selflearn.batching.sounds import SoundReader
from selflearn.encoders import AudioEncoder, EncoderNotFoundError, load_audio_encoder, load_encoder
from selflearn.schema import Turn
from tests.fixtures.dialogues import plain_dialogue
from tests.fixtures.sounds import KINDS, save_speech_encoder, write_noise

SECONDS = {"short.wav": 0.3, "middle.wav": 0.37, "long.wav": 1.1, "blink.wav": 0.01}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("recordings")
    for seed, (name, seconds) in enumerate(SECONDS.items()):
        write_noise(root / name, seconds, seed=seed)
    return root


@pytest.fixture(scope="module", params=KINDS)
def loaded(request, tmp_path_factory):
    model, extractor = load_audio_encoder(save_speech_encoder(tmp_path_factory.mktemp("encoder"), request.param))
    torch.manual_seed(1)
    return AudioEncoder(model, frozen=False).eval(), SoundReader(extractor)


def log(*references):
    turns = tuple(Turn(request="play jazz", audio=reference) for reference in references)
    return replace(plain_dialogue(("x", "y")), turns=turns).observed()


def vectors(loaded, folder, *references):
    """The vector of each turn, ``[T, H]``."""
    encode, read = loaded
    buckets, index = read([log(*references)], len(references), Recordings(folder))
    with torch.no_grad():
        return encode(buckets)[index[0]]


def test_a_recording_has_the_same_vector_alone_and_among_longer_ones(loaded, folder):
    together = vectors(loaded, folder, *SECONDS)
    for name, row in zip(SECONDS, together, strict=True):
        torch.testing.assert_close(vectors(loaded, folder, name)[0], row, atol=1e-5, rtol=1e-5)
    assert torch.pdist(together).min() > 1e-3


def test_padding_is_told_by_the_mask_or_there_is_none(loaded, folder):
    read = loaded[1]
    buckets, _ = read([log(*SECONDS)], 4, Recordings(folder))
    assert sum(len(bucket.recordings) for bucket in buckets) == len(SECONDS)
    for bucket in buckets:
        assert (bucket.mask is None) is not read.pads
    if not read.pads:
        assert len(buckets) == len(SECONDS)
    elif not read.fills_window:  # 0.3 and 0.37 seconds are padded together
        assert [len(bucket.recordings) for bucket in buckets] == [1, 2, 1]


def test_only_frames_of_sound_are_averaged(loaded, folder):
    """The mean by hand: of the states of one recording, over as many frames as the model says are its own."""
    encode, read = loaded
    (bucket,), _ = read([log("middle.wav")], 1, Recordings(folder))
    mask = {} if bucket.mask is None else {"attention_mask": bucket.mask}
    with torch.no_grad():
        states = encode.model(bucket.inputs, **mask).last_hidden_state[0]
        if read.fills_window:  # 37 frames of the spectrum are sound, and the model halves them
            assert states.shape[0] == 100
            states = states[:19]
        expected = encode.norm(states.mean(0))
        torch.testing.assert_close(encode((bucket,))[0], expected, atol=1e-5, rtol=1e-5)


def test_a_recording_of_many_turns_is_read_once_and_a_missing_one_has_no_number(loaded, folder):
    encode, read = loaded
    dialogues = [log("short.wav", None, "short.wav"), log("nowhere.wav", "long.wav")]
    buckets, index = read(dialogues, 4, Recordings(folder))
    assert index.tolist() == [[0, -1, 0, -1], [-1, 1, -1, -1]]
    assert sum(len(bucket.recordings) for bucket in buckets) == 2
    assert encode(buckets).shape == (2, 16)
    assert read([log(None)], 1, Recordings(folder))[0] == ()


def test_a_long_recording_is_read_whole_in_pieces(loaded, folder, monkeypatch):
    encode, read = loaded
    monkeypatch.setattr(read, "longest", round(0.4 * read.rate))
    buckets, index = read([log("long.wav", "short.wav")], 2, Recordings(folder))
    owners = torch.cat([bucket.recordings for bucket in buckets]).tolist()
    assert sorted(owners) == [0, 0, 0, 1]
    with torch.no_grad():
        found = encode(buckets)[index[0]]
    torch.testing.assert_close(found[1], vectors(loaded, folder, "short.wav")[0], atol=1e-5, rtol=1e-5)
    pieces = [encode._frames(bucket) for bucket in buckets]
    total = sum(s[b.recordings == 0].sum(0) for (s, _), b in zip(pieces, buckets, strict=True))
    frames = sum(n[b.recordings == 0].sum() for (_, n), b in zip(pieces, buckets, strict=True))
    torch.testing.assert_close(found[0], encode.norm(total / frames), atol=1e-5, rtol=1e-5)


def test_a_bucket_holds_a_bounded_length_of_sound(loaded, folder, monkeypatch):
    monkeypatch.setattr(sounds, "TOGETHER", 0.1)
    buckets, _ = loaded[1]([log(*SECONDS)], 4, Recordings(folder))
    assert [len(bucket.recordings) for bucket in buckets] == [1] * len(SECONDS)


@pytest.mark.parametrize("frozen", [True, False])
def test_gradients_reach_the_model_where_it_is_to_learn(loaded, folder, frozen):
    encode = AudioEncoder(copy.deepcopy(loaded[0].model), frozen=frozen)
    encode.let_learn(True)
    assert encode.train().model.training is not frozen
    buckets, _ = loaded[1]([log(*SECONDS)], 4, Recordings(folder))
    encode(buckets).square().sum().backward()
    assert encode.norm.weight.grad is not None
    assert any(parameter.grad is not None for parameter in encode.model.parameters()) is not frozen
    encode.let_learn(False)
    assert not any(parameter.requires_grad for parameter in encode.model.parameters())


def test_nothing_of_a_sound_is_hidden_in_training(tmp_path):
    model, _ = load_audio_encoder(save_speech_encoder(tmp_path, "masked"))
    assert not model.config.apply_spec_augment


def test_what_is_no_speech_encoder_is_refused(tmp_path):
    model, _ = load_encoder("tiny")
    save_speech_encoder(tmp_path, "masked")  # for its feature extractor
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"RobertaModel is no speech encoder: .* expected a model such as Wav2Vec2"):
        load_audio_encoder(str(tmp_path))


@pytest.mark.parametrize("name", ["nobody/has-such-a-model", "no such name"])
def test_an_audio_encoder_that_is_nowhere_is_said_and_what_to_do(name, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderNotFoundError) as caught:
        load_audio_encoder(name)
    message = str(caught.value)
    assert f"audio encoder {name!r}" in message
    assert "Give a directory with config.json, model.safetensors and preprocessor_config.json" in message
    assert "model.audio.encoder=null" in message


def test_a_directory_without_a_model_is_said_to_have_none(tmp_path):
    with pytest.raises(EncoderNotFoundError, match=r"holds no audio encoder: .*preprocessor_config\.json"):
        load_audio_encoder(str(tmp_path))
