"""Features of a turn beside its text: which there are, and their numbers.

:class:`FeatureVocabulary` is fitted on training dialogues and saved with the model. Only observed fields are read.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from selflearn.batching.audio import Recordings
from selflearn.batching.batch import FeatureValues
from selflearn.batching.likeness import AROUND, likeness_features
from selflearn.schema import ObservedDialogue, Turn

MISSING, UNSEEN = 0, 1

GROUPS: dict[str, tuple[str, ...]] = {
    "hypotheses": ("domain", "intent"),
    "confidence": ("recognition.", "interpretation.", "entity."),
    "status": ("status",),
    "device": ("device_type", "location", "device_state."),
    "counts": ("request.log_words", "response.log_words"),
    "times": ("seconds",),
    "likeness": ("likeness.",),
    "others": ("propensity", "categorical.", "numeric."),
    "audio": (),
}
"""Features that belong together, to be left out together: names, or how they begin.

Without ``hypotheses`` the readings (:mod:`selflearn.batching.readings`) are left out as well; ``audio`` is a vector
(:mod:`selflearn.batching.audio`). ``likeness`` is there where people may have been misheard: where the training turns
have n-best lists of a recogniser.
"""

MOST_HEARD = 2000
"""Recordings that mean and deviation of the audio vectors are taken from, evenly over the training turns."""


def categorical_features(turn: Turn) -> dict[str, str]:
    """Named categories of a turn; a feature that is absent is missing."""
    best = turn.interpretations[0] if turn.interpretations else None
    named = {
        "status": turn.status,
        "device_type": turn.device_type,
        "location": turn.location,
        "domain": best.domain if best else None,
        "intent": best.intent if best else None,
        **{f"device_state.{name}": value for name, value in turn.device_state.items()},
        **{f"categorical.{name}": value for name, value in turn.categorical.items()},
    }
    return {name: value for name, value in named.items() if value is not None}


def _logit(score: float) -> float:
    p = min(max(score, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def _confidence(scores: Sequence[float | None]) -> dict[str, float]:
    """The best score, and its lead over the second; as log-odds where it is a probability, as it is elsewhere."""
    known = [score for score in scores if score is not None]
    if not known:
        return {}
    best = _logit(known[0]) if 0 <= known[0] <= 1 else known[0]
    return {"confidence": best} | ({"margin": known[0] - known[1]} if len(known) > 1 else {})


def numeric_features(turn: Turn) -> dict[str, float]:
    """Named numbers of a turn: log word counts, confidences, propensity, and the log's own; absent = missing."""
    numbers: dict[str, float] = {}
    for side, text in (("request", turn.request), ("response", turn.response)):
        if text is not None:
            numbers[f"{side}.log_words"] = math.log1p(len(text.split()))
    for name, scores in (
        ("recognition", [hypothesis.score for hypothesis in turn.recognition]),
        ("interpretation", [hypothesis.score for hypothesis in turn.interpretations]),
        ("entity", [entity.score for entity in turn.entities]),
    ):
        numbers |= {f"{name}.{key}": value for key, value in _confidence(scores).items()}
    if turn.propensity is not None:
        numbers["propensity"] = turn.propensity
    return numbers | {f"numeric.{name}": value for name, value in turn.numeric.items()}


@dataclass(slots=True)
class _Moments:
    """Mean and deviation of numbers as they come (Welford, Technometrics 4, 1962): sums of squares would cancel."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, number: float) -> None:
        self.count += 1
        before = number - self.mean
        self.mean += before / self.count
        self.squares += before * (number - self.mean)

    @property
    def deviation(self) -> float:
        return math.sqrt(self.squares / self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureVocabulary:
    """Names of the features, the values of the categorical ones, mean and deviation of the numeric ones.

    Attributes:
        categorical: feature name -> values, the most frequent first; value ``i`` has the number ``i + 2``.
        numeric: feature name -> (mean, standard deviation) over training turns.
        audio: (mean, standard deviation) of each entry of the audio vectors; empty where they are not read.
        times: whether the seconds of the turns are read.
    """

    categorical: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numeric: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    audio: tuple[tuple[float, float], ...] = ()
    times: bool = True

    @property
    def audio_size(self) -> int:
        """Width of the audio vectors, 0 where there are none."""
        return len(self.audio)

    @classmethod
    def fit(
        cls,
        dialogues: Iterable[ObservedDialogue],
        *,
        min_count: int = 5,
        max_values: int = 1000,
        without: Collection[str] = (),
        recordings: Recordings | None = None,
        offsets: Collection[int] = tuple(AROUND),
    ) -> FeatureVocabulary:
        """Collect the features of training dialogues; constant numbers and rare values are left out.

        Args:
            dialogues: what was observed in the training split.
            min_count: a value seen less often is treated as unseen.
            max_values: values kept per categorical feature.
            without: names of :data:`GROUPS` that are left out.
            recordings: where the recordings are; None leaves the audio out.
            offsets: turns around, whose requests may be seen with a turn.
        """
        left_out = tuple(start for group in without for start in GROUPS[group])
        counts: dict[str, Counter[str]] = {}
        numbers: dict[str, _Moments] = {}
        heard: list[str] = []
        misheard = False
        offsets = () if "likeness" in without else offsets
        for dialogue in dialogues:
            for turn, likeness in zip(dialogue.turns, likeness_features(dialogue.turns, offsets), strict=True):
                misheard = misheard or len(turn.recognition) > 1
                if turn.audio is not None:
                    heard.append(turn.audio)
                for name, value in categorical_features(turn).items():
                    if name.startswith(left_out):
                        continue
                    counts.setdefault(name, Counter())[value] += 1
                for name, number in (numeric_features(turn) | likeness).items():
                    if name.startswith(left_out):
                        continue
                    numbers.setdefault(name, _Moments()).add(number)
        categorical = {
            name: tuple(value for value, n in counter.most_common(max_values) if n >= min_count)
            for name, counter in sorted(counts.items())
        }
        numeric = {}
        for name, moments in sorted(numbers.items()):
            if moments.deviation > 0 and (misheard or not name.startswith("likeness.")):
                numeric[name] = (moments.mean, moments.deviation)
        kept = {name: values for name, values in categorical.items() if values}
        audio: tuple[tuple[float, float], ...] = ()
        if recordings is not None and "audio" not in without:
            audio = recordings.scale(heard[:: 1 + len(heard) // MOST_HEARD])
        return cls(categorical=kept, numeric=numeric, audio=audio, times="times" not in without)

    def encode(
        self, dialogues: Sequence[ObservedDialogue], num_turns: int, recordings: Recordings | None = None
    ) -> FeatureValues:
        """Features of a batch, padded to ``num_turns``; numbers are standardised and clipped to +-5 deviations."""
        shape = (len(dialogues), num_turns)
        categories = np.zeros((*shape, len(self.categorical)), dtype=np.int64)
        numbers = np.zeros((*shape, len(self.numeric)), dtype=np.float32)
        known = np.zeros((*shape, len(self.numeric)), dtype=bool)
        numbering = {name: {v: i + 2 for i, v in enumerate(values)} for name, values in self.categorical.items()}
        compared = any(name.startswith("likeness.") for name in self.numeric)
        for d, dialogue in enumerate(dialogues):
            around = likeness_features(dialogue.turns) if compared else [{}] * len(dialogue.turns)
            for t, turn in enumerate(dialogue.turns):
                if numbering:
                    found = categorical_features(turn)
                    categories[d, t] = [
                        values.get(found[name], UNSEEN) if name in found else MISSING
                        for name, values in numbering.items()
                    ]
                values = numeric_features(turn) | around[t]
                for f, (name, (mean, deviation)) in enumerate(self.numeric.items()):
                    if name in values:
                        numbers[d, t, f] = min(max((values[name] - mean) / deviation, -5.0), 5.0)
                        known[d, t, f] = True
        sound, heard = self._sounds(dialogues, num_turns, recordings)
        return FeatureValues(
            categorical=torch.from_numpy(categories),
            numeric=torch.from_numpy(numbers),
            numeric_mask=torch.from_numpy(known),
            audio=sound,
            audio_mask=heard,
        )

    def _sounds(
        self, dialogues: Sequence[ObservedDialogue], num_turns: int, recordings: Recordings | None
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Audio vectors and their mask; a recording that is missing is masked."""
        if not self.audio:
            return None, None
        mean, deviation = np.array(self.audio, dtype=np.float32).T
        vectors = np.zeros((len(dialogues), num_turns, len(mean)), dtype=np.float32)
        known = np.zeros((len(dialogues), num_turns), dtype=bool)
        for d, dialogue in enumerate(dialogues):
            for t, turn in enumerate(dialogue.turns if recordings is not None else ()):
                vector = recordings.vector(turn.audio) if recordings is not None else None
                if vector is not None:
                    vectors[d, t], known[d, t] = np.clip((vector - mean) / deviation, -5.0, 5.0), True
        return torch.from_numpy(vectors), torch.from_numpy(known)
