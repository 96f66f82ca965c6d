import math
import random
import wave

import numpy as np
import pytest

from selflearn.simulation.settings import SpeechSettings
from selflearn.simulation.speech_text import Speech
from selflearn.simulation.synthesis import (
    LOUDNESS,
    SAMPLE_RATE,
    VOICES,
    Sound,
    pink_noise,
    read_wav,
    require_flite,
    write_wav,
)

SETTINGS = SpeechSettings()


def speech(text="turn on the lamp", noise=1.0, accent=0.0, key="key", speaker="somebody"):
    return Speech(text, noise, accent, key, speaker)


def test_a_person_has_one_voice_and_a_strong_accent_another_one():
    people = [speech(accent=random.Random(i).gauss(0, 1), speaker=f"person-{i}", key=f"{i}/0") for i in range(400)]
    sounds = [Sound.of(one, SETTINGS) for one in people]
    shares = [sum(sound.voice == voice for sound in sounds) / len(sounds) for voice in VOICES]
    assert all(0.15 < share < 0.35 for share in shares)
    assert Sound.of(speech(accent=-3.0), SETTINGS).voice == VOICES[0]
    assert Sound.of(speech(accent=9.0), SETTINGS).voice == VOICES[-1]
    for one, sound in zip(people, sounds, strict=True):
        again = Sound.of(speech("and the heater", accent=one.accent, key=f"{one.key}/1", speaker=one.speaker), SETTINGS)
        assert (again.voice, again.level) == (sound.voice, sound.level)
        assert abs(math.log(again.stretch / sound.stretch)) < 0.2
    assert np.std([sound.level for sound in sounds]) == pytest.approx(SETTINGS.distance, rel=0.15)


def test_the_same_words_said_again_are_another_recording():
    one, other = (Sound.of(speech(key=key), SETTINGS) for key in ("1/2/3/0/heard", "1/2/3/1/heard"))
    assert one == Sound.of(speech(key="1/2/3/0/heard"), SETTINGS)
    assert one.key() == Sound.of(speech(key="1/2/3/0/heard"), SETTINGS).key()
    assert one.key() != other.key()


def test_noise_is_added_at_the_level_that_is_asked_for():
    quiet, loud = (Sound.of(speech(noise=noise), SETTINGS) for noise in (1.0, 2.0))
    assert loud.noise - quiet.noise == pytest.approx(20 * math.log10(2), abs=0.1)
    assert quiet.noise == pytest.approx(LOUDNESS - SETTINGS.signal_to_noise)


def test_the_noise_of_a_room_falls_with_the_frequency():
    noise = pink_noise(8 * SAMPLE_RATE, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    frequencies = np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE)
    bands = [power[(frequencies >= low) & (frequencies < 2 * low)].mean() for low in (100, 400, 1600)]
    assert np.mean(noise**2) == pytest.approx(1)
    # 6 dB less two octaves up
    assert bands[0] / bands[1] == pytest.approx(4, rel=0.2)
    assert bands[1] / bands[2] == pytest.approx(4, rel=0.2)


@pytest.mark.usefixtures("speech_programs")
def test_what_is_said_has_the_level_and_the_tempo_that_are_asked_for():
    sound = Sound(text="turn on the lamp", voice="slt", stretch=1.0, level=-20.0, noise=-90.0, seed=1)
    samples = sound.samples()
    assert samples.dtype == np.int16
    assert 20 * math.log10(np.sqrt(np.mean((samples / 32767.0) ** 2))) == pytest.approx(-20, abs=0.1)
    assert np.array_equal(samples, sound.samples())
    slow = Sound(text=sound.text, voice="slt", stretch=1.5, level=-20.0, noise=-90.0, seed=1).samples()
    assert len(slow) / len(samples) == pytest.approx(1.5, rel=0.15)
    noisy = Sound(text=sound.text, voice="slt", stretch=1.0, level=-20.0, noise=-30.0, seed=1).samples()
    difference = (noisy.astype(float) - samples) / 32767
    assert 20 * math.log10(np.sqrt(np.mean(difference**2))) == pytest.approx(-30, abs=0.2)


def test_a_recording_is_read_as_it_was_written(tmp_path):
    samples = np.array([0, 1, -1, 32767, -32767], dtype=np.int16)
    write_wav(samples, tmp_path / "a.wav")
    assert np.array_equal(read_wav(tmp_path / "a.wav"), samples)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_recording_of_another_form_is_refused(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as stream:
        stream.setnchannels(2)
        stream.setsampwidth(2)
        stream.setframerate(8000)
        stream.writeframes(b"\0" * 8)
    with pytest.raises(ValueError, match=r"a\.wav has .* \(2, 16, 8000\); expected \(1, 16, 16000\)"):
        read_wav(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(b"no sound")
    with pytest.raises(ValueError, match=r"b\.wav is no WAV file"):
        read_wav(tmp_path / "b.wav")


def fake_flite(folder, script):
    program = folder / "flite"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_missing_program_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"needs the program flite.*apt-get install flite"):
        require_flite()
    fake_flite(tmp_path, "echo Voices available: kal16 rms awb")
    with pytest.raises(OSError, match="lacks the voices slt"):
        require_flite()
    fake_flite(tmp_path, "echo out of order >&2; exit 3")
    with pytest.raises(OSError, match="ended with 3: out of order"):
        require_flite()
