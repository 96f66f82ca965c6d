"""How a request sounded: one vector a recording, from the mean and the spread of its log-mel spectrum.

Where a pretrained encoder reads the recordings instead, :mod:`selflearn.batching.sounds` makes them ready. The vector
here is fixed, not learned: :data:`MELS` means over the frames, as many standard deviations, and the log of the
seconds. It tells voice, level, noise and tempo, not words.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from functools import cache
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import resample_poly
from transformers.audio_utils import mel_filter_bank

from selflearn.schema import ObservedDialogue

RATE = 16_000
"""Samples a second; recordings of another rate are converted."""

FRAME, HOP = 400, 160
"""Samples of a frame (25 ms), and from one frame to the next (10 ms)."""

MELS = 40
"""Bands, from 50 to 7,600 Hz."""

AUDIO_SIZE = 2 * MELS + 1
"""Width of the vectors."""

QUIET = 1e-10
"""Least power of a band, before the logarithm."""

KEPT = 100_000
"""Vectors that are remembered."""

Array = NDArray[np.float32]


def log_mel(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log-mel spectrum of a sound, ``[frames, MELS]``.

    Args:
        samples: ``[samples]`` in [-1, 1], :data:`RATE` a second; what is shorter than a frame ends in silence.
    """
    filled = np.pad(samples, (0, max(FRAME - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(filled, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME + 1)[:-1])) ** 2
    spectrum: NDArray[np.float64] = np.log(np.maximum(power @ _filters(), QUIET))
    return spectrum


@cache
def _filters() -> NDArray[np.float64]:
    """Triangular filters, ``[frequencies, MELS]``."""
    bank: NDArray[np.float64] = mel_filter_bank(FRAME // 2 + 1, MELS, 50.0, 7600.0, RATE)
    return bank


def audio_vector(samples: NDArray[np.float64]) -> Array:
    """Means and deviations of the log-mel spectrum and the log of the seconds, ``[AUDIO_SIZE]``."""
    spectrum = log_mel(samples)
    seconds = max(len(samples), 1) / RATE
    return np.concatenate([spectrum.mean(0), spectrum.std(0), [math.log(seconds)]]).astype(np.float32)


def read_sound(path: Path, rate: int = RATE) -> NDArray[np.float64]:
    """Samples of a WAV file of any rate, in [-1, 1], ``[samples]``, ``rate`` a second; channels are averaged.

    Raises:
        ValueError: it is no WAV file, or holds no sound.
    """
    try:
        given, data = wavfile.read(path)
    except (ValueError, EOFError, struct.error, UnboundLocalError) as error:  # the last two: a header that is cut short
        raise ValueError(f"{path}: expected a WAV file; {error or 'it ends too early'}") from error
    if not data.size:
        raise ValueError(f"{path} holds no sound; expected at least one sample")
    if data.dtype == np.uint8:  # the one form without a sign
        data = ((data.astype(np.int32) - 128) * 256).astype(np.int16)
    scale = float(-np.iinfo(data.dtype).min) if np.issubdtype(data.dtype, np.integer) else 1.0
    samples: NDArray[np.float64] = data.astype(np.float64).reshape(len(data), -1).mean(1) / scale
    if given != rate:
        shared = gcd(given, rate)
        samples = resample_poly(samples, rate // shared, given // shared)
    return samples


class Recordings:
    """The recordings of a log, read when they are needed.

    Args:
        root: folder that relative references start from: that of the log; of a log in one file, the file.
    """

    def __init__(self, root: str | Path) -> None:
        given = Path(root).expanduser()
        self.root = given.parent if given.is_file() else given
        self._vectors: dict[str, Array | None] = {}

    def vector(self, reference: str | None) -> Array | None:
        """The vector of a recording, ``[AUDIO_SIZE]``; None where there is none, or its file is missing.

        Raises:
            ValueError: there is a file, and it is no recording.
        """
        if reference is None:
            return None
        if reference not in self._vectors:
            if len(self._vectors) >= KEPT:
                del self._vectors[next(iter(self._vectors))]
            path = self.root / reference
            self._vectors[reference] = audio_vector(read_sound(path)) if path.is_file() else None
        return self._vectors[reference]

    def samples(self, reference: str | None, rate: int = RATE) -> NDArray[np.float64] | None:
        """The sound itself, ``[samples]``, read anew each time; None where there is none, or its file is missing.

        Raises:
            ValueError: there is a file, and it is no recording.
        """
        path = None if reference is None else self.root / reference
        return None if path is None or not path.is_file() else read_sound(path, rate)

    def missing(self, dialogue: ObservedDialogue) -> list[str]:
        """References of a dialogue whose files are not there; nothing is read."""
        found = [turn.audio for turn in dialogue.turns if turn.audio is not None]
        return [reference for reference in found if not (self.root / reference).is_file()]

    def scale(self, references: Iterable[str]) -> tuple[tuple[float, float], ...]:
        """Mean and deviation of each entry of the vectors; empty where there are fewer than two recordings."""
        vectors = [vector for vector in map(self.vector, references) if vector is not None]
        if len(vectors) < 2:
            return ()
        every = np.stack(vectors).astype(np.float64)
        deviation = np.maximum(every.std(0), 1e-3)  # what is the same everywhere stays near 0
        return tuple(zip(every.mean(0).tolist(), deviation.tolist(), strict=True))
