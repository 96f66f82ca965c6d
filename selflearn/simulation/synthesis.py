"""The sound of an utterance: flite speaks it, from some way off, in a room with its noise.

Who speaks decides voice, tempo and loudness, the room the noise. What is made depends on :class:`Sound` alone, so that
a recording can be kept and found again.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import shutil
import subprocess
import wave
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from selflearn._replacing import replacing
from selflearn.simulation.settings import SpeechSettings
from selflearn.simulation.speech_text import Speech

SAMPLE_RATE = 16_000
"""Samples a second of every recording."""

VOICES = ("kal16", "rms", "awb", "slt")
"""Voices of flite, each for a quarter of the people by accent; the one that pocketsphinx mistakes least comes first."""

LOUDNESS = -22.0
"""Root mean square of an average speaker, in dB below the loudest that 16 bits hold."""

WOBBLE = 0.03
"""Log-normal spread of the tempo over utterances of one person: nobody says the same twice in the same way."""

LOWEST = 50.0
"""Hertz; the power of a room's noise falls with the frequency from here on (pink noise)."""

_FULL = 32_767
_PHONES = {"AX": "AH"}  # flite tells the unstressed vowel apart, the CMU dictionary does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """All that decides a recording.

    Attributes:
        text: what is said.
        voice: of flite.
        stretch: duration beside that of the voice's own tempo.
        level: of the speech, in dB (:data:`LOUDNESS`).
        noise: of the room, in dB on the same scale.
        seed: of the noise.
    """

    text: str
    voice: str
    stretch: float
    level: float
    noise: float
    seed: int

    @classmethod
    def of(cls, speech: Speech, settings: SpeechSettings) -> Sound:
        """How something is said by whom it is said, in the room where it is said."""
        person, here = random.Random(f"{speech.speaker}/voice"), random.Random(f"{speech.key}/voice")
        rank = 0.5 * (1 + math.erf(speech.accent / math.sqrt(2)))  # share of the people who are heard better
        tempo = person.gauss(0, settings.tempo) + here.gauss(0, WOBBLE)
        level = LOUDNESS + person.gauss(0, settings.distance)
        noise = LOUDNESS - settings.signal_to_noise + 20 * math.log10(speech.noise)
        return cls(
            text=speech.text, voice=VOICES[min(int(rank * len(VOICES)), len(VOICES) - 1)],
            stretch=round(math.exp(tempo), 3), level=round(level, 1), noise=round(noise, 1), seed=here.getrandbits(32),
        )  # fmt: skip

    def key(self) -> str:
        """The same for the same recording: 32 hexadecimal digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]

    def samples(self) -> NDArray[np.int16]:
        """The recording, ``[samples]`` at :data:`SAMPLE_RATE`.

        Raises:
            FileNotFoundError: flite is not installed.
            OSError: flite fails.
        """
        spoken = speak(self.text, self.voice, self.stretch)
        spoken *= _amplitude(self.level) / max(math.sqrt(np.mean(spoken**2)), 1e-9)
        rng = np.random.default_rng(self.seed)
        heard = spoken + _amplitude(self.noise) * pink_noise(len(spoken), rng)
        return np.clip(np.rint(heard), -_FULL, _FULL).astype(np.int16)


def _amplitude(decibels: float) -> float:
    return float(_FULL * 10 ** (decibels / 20))


def pink_noise(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise whose power falls with the frequency, as that of rooms does; mean square 1, ``[samples]``."""
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(samples)) / np.sqrt(np.maximum(frequencies, LOWEST))
    noise: NDArray[np.float64] = np.fft.irfft(spectrum, samples)
    noise /= np.sqrt(np.mean(noise**2))
    return noise


def require_flite() -> None:
    """See that flite is there, with the voices that are used: it takes another one for a voice that it lacks.

    Raises:
        FileNotFoundError: it is not.
        OSError: it lacks a voice.
    """
    lacking = set(VOICES) - set(_flite("-lv").split())
    if lacking:
        raise OSError(f"flite lacks the voices {', '.join(sorted(lacking))}; Debian's flite has them")


def speak(text: str, voice: str, stretch: float) -> NDArray[np.float64]:
    """What flite makes of a text, ``[samples]`` at :data:`SAMPLE_RATE`.

    Raises:
        FileNotFoundError: flite is not installed.
        OSError: flite fails.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "spoken.wav"
        _flite("-voice", voice, "--setf", f"duration_stretch={stretch}", "-t", text, "-o", str(file))
        return read_wav(file).astype(np.float64)


def phones(word: str) -> str:
    """How flite pronounces a word, in the phones of the CMU dictionary: "HH EY Z".

    Raises:
        FileNotFoundError: flite is not installed.
        OSError: flite fails.
    """
    said = [phone.upper() for phone in _flite("-ps", "-t", word, "-o", "none").split() if phone != "pau"]
    return " ".join(_PHONES.get(phone, phone) for phone in said)


def _flite(*arguments: str) -> str:
    program = shutil.which("flite")
    if program is None:
        raise FileNotFoundError(
            "the speech channel needs the program flite, and there is none on the PATH: `apt-get install flite` "
            "(Debian, Ubuntu), or take channel=text"
        )
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(
            f"flite {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip() or 'no message'}"
        )
    return done.stdout


def read_wav(path: Path) -> NDArray[np.int16]:
    """Samples of a recording, ``[samples]``.

    Raises:
        ValueError: it is no file of one channel, 16 bits and :data:`SAMPLE_RATE`.
    """
    try:
        with wave.open(str(path), "rb") as stream:
            form = stream.getnchannels(), 8 * stream.getsampwidth(), stream.getframerate()
            data = stream.readframes(stream.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no WAV file: {error or 'it ends too early'}") from error
    if form != (1, 16, SAMPLE_RATE):
        raise ValueError(f"{path} has (channels, bits, samples a second) {form}; expected {(1, 16, SAMPLE_RATE)}")
    return np.frombuffer(data, "<i2").astype(np.int16)


def write_wav(samples: NDArray[np.int16], path: Path) -> None:
    """Write a recording; it is there whole or not at all."""
    with replacing(path) as file, wave.open(file, "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(SAMPLE_RATE)
        stream.writeframes(samples.astype("<i2").tobytes())
