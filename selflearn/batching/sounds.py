"""Recordings as a pretrained speech encoder takes them: cut into pieces, made ready, those of similar length together.

Padding changes nothing: how much of it a model bears is said by its feature extractor. One that gives a mask pads
recordings of similar length. One that always fills the same window (Whisper) pads to that, and its mask tells the
frames that count. One that gives no mask comes with a model that was trained without, whose normalisation over time
would see the padding (wav2vec2-base): there, only recordings of equal length are read together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import SequenceFeatureExtractor

from selflearn.batching.audio import Recordings
from selflearn.batching.batch import SoundBucket
from selflearn.schema import ObservedDialogue

LONGEST = 30.0
"""Seconds of a piece; a longer recording is read in several, and its vector is the mean over all of them."""

SHORTEST = 0.1
"""Seconds of a piece; a shorter one ends in silence, as speech encoders need a few frames."""

TOGETHER = 60.0
"""Seconds of sound, padding included, that are read at once."""

Sound = NDArray[np.float64]


class SoundReader:
    """Makes the recordings of a batch ready for a speech encoder.

    Args:
        extractor: its feature extractor.
    """

    def __init__(self, extractor: SequenceFeatureExtractor) -> None:
        self.extractor, self.rate = extractor, int(extractor.sampling_rate)
        window = getattr(extractor, "n_samples", None)  # of Whisper, which always reads a window of one length
        self.fills_window = window is not None
        self.longest = min(window or round(LONGEST * self.rate), round(LONGEST * self.rate))
        self.pads = bool(extractor.return_attention_mask) or self.fills_window

    def __call__(
        self, dialogues: Sequence[ObservedDialogue], num_turns: int, recordings: Recordings
    ) -> tuple[tuple[SoundBucket, ...], Tensor]:
        """The recordings, each once, and the number of each turn's recording.

        Args:
            dialogues: of the batch.
            num_turns: turns that they are padded to.
            recordings: where the sounds are.

        Returns:
            Buckets, and ``[D, T]``, -1 where there is no recording or its file is missing.

        Raises:
            ValueError: a file is no recording.
        """
        numbers: dict[str, int] = {}
        pieces: list[tuple[int, Sound]] = []
        index = np.full((len(dialogues), num_turns), -1, np.int64)
        for d, dialogue in enumerate(dialogues):
            for t, turn in enumerate(dialogue.turns):
                if turn.audio is not None and turn.audio not in numbers:
                    samples = recordings.samples(turn.audio, self.rate)
                    if samples is None:
                        continue
                    numbers[turn.audio] = len(numbers)
                    pieces += [(numbers[turn.audio], piece) for piece in self._pieces(samples)]
                if turn.audio is not None:
                    index[d, t] = numbers[turn.audio]
        buckets = tuple(self._bucket(group) for group in self._groups(pieces))
        return buckets, torch.from_numpy(index)

    def _pieces(self, samples: Sound) -> list[Sound]:
        shortest = round(SHORTEST * self.rate)
        cut = [samples[start : start + self.longest] for start in range(0, len(samples), self.longest)]
        return [np.pad(piece, (0, max(shortest - len(piece), 0))) for piece in cut]

    def _groups(self, pieces: Sequence[tuple[int, Sound]]) -> list[list[tuple[int, Sound]]]:
        """Pieces that are padded together, the short ones first."""
        groups: list[list[tuple[int, Sound]]] = []
        for number, piece in sorted(pieces, key=lambda pair: len(pair[1])):
            shortest = len(groups[-1][0][1]) if groups else 0
            similar = self.fills_window or len(piece) == shortest or (self.pads and 3 * len(piece) <= 4 * shortest)
            width = self.longest if self.fills_window else len(piece)
            if groups and similar and width * (len(groups[-1]) + 1) <= TOGETHER * self.rate:
                groups[-1].append((number, piece))
            else:
                groups.append([(number, piece)])
        return groups

    def _bucket(self, group: Sequence[tuple[int, Sound]]) -> SoundBucket:
        extractor: Any = self.extractor  # what all of them take is in no common base
        found = extractor(
            [piece.astype(np.float32) for _, piece in group], sampling_rate=self.rate, return_tensors="np",
            padding="max_length" if self.fills_window else True, return_attention_mask=self.pads,
        )  # fmt: skip
        inputs = np.asarray(found[extractor.model_input_names[0]], dtype=np.float32)
        mask = torch.from_numpy(np.asarray(found["attention_mask"], dtype=np.int64)) if self.pads else None
        owners = torch.tensor([number for number, _ in group])
        return SoundBucket(inputs=torch.from_numpy(inputs), mask=mask, recordings=owners)
