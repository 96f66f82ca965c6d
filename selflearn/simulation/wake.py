"""Waking: whether the device takes what it hears for a call.

A detector errs both ways: it sleeps through its own word, so that people call again, and it wakes to a television. On
both channels it works on how well the word can be heard, not on sound.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from selflearn.simulation.settings import WakeSettings
from selflearn.simulation.speech_text import Speech


@dataclass(frozen=True, slots=True)
class Wake:
    """Whether the device woke, and the score in (0, 1) by which; None where it was woken by its button."""

    woken: bool
    score: float | None


class WakeWordDetector:
    """Wakes where the evidence for the wake word is strong enough.

    The evidence (a logit) is normal around ``word`` where the word was said, less what noise and accent take away, and
    around ``other`` where it was not.

    Args:
        settings: of the evidence, and the score from which on it wakes.
    """

    def __init__(self, settings: WakeSettings) -> None:
        self.settings = settings

    def detect(self, speech: Sequence[Speech]) -> list[Wake]:
        """One decision for each; a button always wakes."""
        return [Wake(True, None) if one.called == "button" else self._detect(one) for one in speech]

    def _detect(self, speech: Speech) -> Wake:
        rules = self.settings
        expected = rules.other
        if speech.called == "word":
            expected = rules.word - math.log(speech.noise) - rules.speakers * speech.accent
        evidence = random.Random(speech.wake_key or f"{speech.key}/called").gauss(expected, rules.spread)
        score = 1 / (1 + math.exp(-max(-30.0, min(30.0, evidence))))
        return Wake(score >= rules.threshold, score)
