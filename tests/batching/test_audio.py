import dataclasses

import numpy as np
import pytest
import torch
from scipy.io import wavfile
from transformers.audio_utils import spectrogram, window_function

from selflearn.batching import audio
from selflearn.batching.audio import (
    AUDIO_SIZE,
    FRAME,
    HOP,
    MELS,
    QUIET,
    RATE,
    Recordings,
    audio_vector,
    log_mel,
    read_sound,
)
from selflearn.batching.features import FeatureVocabulary
from selflearn.schema import Turn
from tests.fixtures.dialogues import plain_dialogue


def tone(hertz, seconds=0.5, level=0.3, rate=RATE):
    return level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def write(path, samples, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, np.rint(samples * 32767).astype(np.int16))
    return path


def log(*references):
    turns = tuple(Turn(request="play jazz", audio=reference) for reference in references)
    return dataclasses.replace(plain_dialogue(("x", "y")), turns=turns).observed()


@pytest.fixture
def folder(tmp_path):
    for i, hertz in enumerate((200, 500, 1500, 4000)):
        write(tmp_path / "recordings" / f"{i}.wav", tone(hertz, 0.3 + 0.1 * i))
    return tmp_path


def references(*numbers):
    return [f"recordings/{number}.wav" for number in numbers]


def test_the_spectrum_agrees_with_that_of_transformers():
    samples = np.random.default_rng(0).normal(0, 0.1, RATE)
    other = spectrogram(
        samples, window_function(FRAME, "hann"), FRAME, HOP, fft_length=FRAME, power=2.0, center=False,
        mel_filters=audio._filters(), mel_floor=QUIET, log_mel="log",
    )  # fmt: skip
    np.testing.assert_allclose(log_mel(samples), other.T, atol=1e-4)


def test_the_vector_tells_pitch_level_and_length():
    low, high = audio_vector(tone(200)), audio_vector(tone(4000))
    assert low.shape == (AUDIO_SIZE,)
    assert low.dtype == np.float32
    assert low[:MELS].argmax() < high[:MELS].argmax()
    louder = audio_vector(tone(200, level=0.6))
    assert louder[:MELS].max() - low[:MELS].max() == pytest.approx(2 * np.log(2), abs=1e-3)
    assert audio_vector(tone(200, seconds=1.0))[-1] - low[-1] == pytest.approx(np.log(2))


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.zeros(10)], ids=["silence", "a moment"])
def test_silence_and_moments_have_finite_vectors(samples):
    assert np.isfinite(audio_vector(samples)).all()


def test_other_rates_channels_and_forms_are_converted(tmp_path):
    expected = audio_vector(read_sound(write(tmp_path / "a.wav", tone(440))))
    samples = tone(440, rate=8000)
    wavfile.write(tmp_path / "stereo.wav", 8000, np.rint(np.stack([samples, samples], 1) * 32767).astype(np.int16))
    wavfile.write(tmp_path / "float.wav", RATE, tone(440).astype(np.float32))
    wavfile.write(tmp_path / "byte.wav", RATE, np.rint(tone(440) * 127 + 128).astype(np.uint8))
    loudest = expected[:MELS].argmax()
    for name in ("stereo", "float", "byte"):
        found = audio_vector(read_sound(tmp_path / f"{name}.wav"))
        assert found[:MELS].argmax() == loudest
        assert found[loudest] == pytest.approx(expected[loudest], abs=0.1)
        assert found[-1] == pytest.approx(expected[-1], abs=1e-3)


def test_what_is_no_recording_is_refused(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no sound at all")
    with pytest.raises(ValueError, match=r"a\.wav: expected a WAV file"):
        Recordings(tmp_path).vector("a.wav")
    wavfile.write(tmp_path / "b.wav", RATE, np.zeros(0, np.int16))
    with pytest.raises(ValueError, match=r"b\.wav holds no sound"):
        Recordings(tmp_path).vector("b.wav")


@pytest.mark.parametrize("size", [4, 12, 16, 30, 42])
def test_a_recording_that_is_cut_short_is_named(tmp_path, size):
    wavfile.write(tmp_path / "a.wav", RATE, np.ones(10, np.int16))
    whole = (tmp_path / "a.wav").read_bytes()
    for content in (whole[:size], whole[:4] + bytes(4) + whole[8:12]):
        (tmp_path / "a.wav").write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.wav: expected a WAV file; "):
            Recordings(tmp_path).vector("a.wav")


def test_a_log_with_recordings_has_audio_vectors(folder):
    recordings = Recordings(folder)
    dialogues = [log(*references(0, 1)), log(None, *references(2, 3))]
    vocabulary = FeatureVocabulary.fit(dialogues, recordings=recordings)
    assert vocabulary.audio_size == AUDIO_SIZE
    found = vocabulary.encode(dialogues, 3, recordings)
    assert found.audio.shape == (2, 3, AUDIO_SIZE)
    assert found.audio_mask.tolist() == [[True, True, False], [False, True, True]]
    known = found.audio[found.audio_mask]
    torch.testing.assert_close(known.mean(0), torch.zeros(AUDIO_SIZE), atol=1e-3, rtol=0)
    assert (found.audio[~found.audio_mask] == 0).all()


def test_recordings_are_read_once_and_only_when_they_are_needed(folder, monkeypatch):
    read = []
    real = audio.read_sound
    monkeypatch.setattr(audio, "read_sound", lambda path: read.append(path.name) or real(path))
    recordings = Recordings(folder)
    dialogues = [log(*references(0, 1))]
    assert recordings.missing(dialogues[0]) == []
    assert read == []
    vocabulary = FeatureVocabulary.fit(dialogues, recordings=recordings)
    vocabulary.encode(dialogues, 2, recordings)
    assert read == ["0.wav", "1.wav"]


def test_the_memory_of_vectors_is_bounded(folder, monkeypatch):
    monkeypatch.setattr(audio, "KEPT", 2)
    recordings = Recordings(folder)
    first = [recordings.vector(reference) for reference in references(0, 1, 2, 3)]
    again = [recordings.vector(reference) for reference in references(0, 1, 2, 3)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len(recordings._vectors) == 2


def test_a_missing_file_is_masked_and_named(folder):
    recordings = Recordings(folder)
    dialogue = log(*references(0, 9, 1))
    vocabulary = FeatureVocabulary.fit([dialogue], recordings=recordings)
    assert vocabulary.encode([dialogue], 3, recordings).audio_mask.tolist() == [[True, False, True]]
    assert recordings.missing(dialogue) == references(9)


@pytest.mark.parametrize("how", ["no folder", "left out", "no files"])
def test_audio_is_read_only_where_it_is_there_and_wanted(folder, how):
    given = {"no folder": None, "left out": Recordings(folder), "no files": Recordings(folder / "elsewhere")}[how]
    dialogue = log(*references(0, 1))
    without = ("audio",) if how == "left out" else ()
    vocabulary = FeatureVocabulary.fit([dialogue], recordings=given, without=without)
    assert vocabulary.audio == ()
    assert vocabulary.encode([dialogue], 2, given).audio is None


def test_references_are_relative_to_the_log_even_where_it_is_one_file(folder):
    (folder / "log.jsonl").write_text("")
    for root in (folder, str(folder), folder / "log.jsonl"):
        assert Recordings(root).vector(references(0)[0]) is not None
    assert Recordings("elsewhere").vector(str(folder / references(0)[0])) is not None
