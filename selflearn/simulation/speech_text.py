"""The text channel: a recogniser that errs as recognisers do, without sound.

Each word that is said competes with words that sound like it. The evidence for each is its phonetic distance plus
noise; the best of each place make the first hypothesis, the nearest runners-up the others. Hence errors are real words,
n-best lists hold the truth more often than the first hypothesis does, and confidences follow the margins of the race
without saying who should have won.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import jellyfish
import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from selflearn.schema import RecognitionHypothesis
from selflearn.simulation.settings import RecognitionSettings
from selflearn.simulation.world import World

RIVALS = 6
"""Words that sound most like each word."""

MOST_ERRORS = 0.6
"""Largest rate of wrong words of anybody: beyond it nothing that was said would be left."""

SHARPNESS = 6.0
"""How fast a rival's chances fall with its distance."""

EASE_OF_SHORT = 1.5
"""How much less a short, frequent word is mistaken for another one, in logits: it is lost instead."""

SHORT = frozenset(("a", "an", "and", "at", "by", "do", "for", "in", "is", "it", "me", "my", "of", "on", "that", "the",
                   "to", "with"))  # fmt: skip
"""Words that are easily lost."""


Called = Literal["word", "button", "nobody"]
"""How a device was called: by its word, by its button; by nobody, who did not speak to it."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Something that was said where a device can hear it.

    Attributes:
        text: the words.
        noise: how much worse than usual it can be heard in the room, as a factor on the error rate.
        accent: how much worse than average this person is heard, in standard deviations.
        key: the same for the same utterance of the same person; decides every random number.
        speaker: the same for the same person; decides their voice.
        called: how the device was called before.
        wake_key: of that call; decides its random number.
    """

    text: str
    noise: float
    accent: float
    key: str
    speaker: str = ""
    called: Called = "word"
    wake_key: str = ""


@dataclass(frozen=True, slots=True)
class Recognized:
    """What was recognised.

    Attributes:
        hypotheses: n-best list, best first; ``score`` is a confidence in (0, 1).
        alignment: for each word that was said the word of the first hypothesis it became, or None if it was lost.
        audio: reference to the recording, where there is one.
    """

    hypotheses: tuple[RecognitionHypothesis, ...]
    alignment: tuple[int | None, ...]
    audio: str | None = None


def vocabulary(world: World) -> tuple[str, ...]:
    """Every word that can be said in a world, in alphabetical order."""
    words: set[str] = set()
    for kind in world.types.values():
        for entity in kind.entities:
            words.update(word for text in entity.spoken for word in text.split())
    for intent in world.intents.values():
        for phrasing in (
            *intent.say.all,
            *intent.short.all,
            *(say for follow in intent.follow for say in follow.say.all),
        ):
            words |= phrasing.words
    manners = world.manners
    words.update(word for phrasing in manners.babble.all for word in phrasing.words)
    lists = (manners.polite, manners.asking, manners.hesitations, manners.corrections, manners.complaints,
             manners.thanks, manners.dismissals)  # fmt: skip
    for text in (text for texts in lists for text in texts):
        words.update(text.replace("{}", " ").replace("{value}", " ").split())
    return tuple(sorted(words))


def sounds(word: str) -> str:
    """A word as it sounds, roughly: its Metaphone code."""
    code: str = jellyfish.metaphone(word) or word.upper()
    return code


class TextRecognizer:
    """Recognises :class:`Speech` with errors.

    Args:
        words: the vocabulary.
        settings: rates.
    """

    def __init__(self, words: Iterable[str], settings: RecognitionSettings) -> None:
        self.settings = settings
        self.words = tuple(words)
        self._rivals = dict(zip(self.words, _rivals(self.words), strict=True))
        every = [math.exp(-SHARPNESS * distance) for rivals in self._rivals.values() for _, distance in rivals]
        self._strength = max(sum(every) / max(len(self._rivals), 1), 1e-6)

    def recognize(self, speech: Sequence[Speech]) -> list[Recognized]:
        """Recognise utterances; each by its own random numbers, so that their company changes nothing."""
        return [self._one(one, random.Random(one.key)) for one in speech]

    def _one(self, speech: Speech, rng: random.Random) -> Recognized:
        spread = self.settings.speakers
        noise = speech.noise * math.exp(spread * speech.accent - spread**2 / 2)
        error = min(MOST_ERRORS, self.settings.error * noise)
        # With Gumbel noise the truth wins with probability exp(lead) / (exp(lead) + sum of exp(-SHARPNESS * distance)):
        # at the wanted rate for a word with average rivals, more rarely for one that is easily mistaken.
        # At no errors there is no race.
        lead = math.log(self._strength * (1 - error) / error) if error else 0.0
        heard: list[list[tuple[float, str]]] = []
        alignment: list[int | None] = []
        for word in speech.text.split():
            if word in SHORT and rng.random() < self.settings.dropped * noise:
                alignment.append(None)
                continue
            race = [(lead + _gumbel(rng), word)]
            ease = EASE_OF_SHORT if word in SHORT else 0.0
            rivals = self._rivals.get(word, ()) if error else ()
            race += [(_gumbel(rng) - ease - SHARPNESS * distance, rival) for rival, distance in rivals]
            race.sort(reverse=True)
            alignment.append(len(heard))
            heard.append(race)
        if not heard:  # everything was lost: the last word is heard after all
            heard = [[(1.0, speech.text.split()[-1])]]
            alignment[-1] = 0
        return Recognized(self._hypotheses(heard, rng), tuple(alignment))

    def _hypotheses(
        self, heard: list[list[tuple[float, str]]], rng: random.Random
    ) -> tuple[RecognitionHypothesis, ...]:
        best = [race[0][1] for race in heard]
        margins = [race[0][0] - race[1][0] if len(race) > 1 else 4.0 for race in heard]
        # the n-best: the first, then the changes of one or two places that cost least
        changes = sorted((margins[i], i) for i in range(len(heard)) if len(heard[i]) > 1)[: self.settings.hypotheses]
        candidates = [(0.0, best)]
        for j, (margin, i) in enumerate(changes):
            candidates.append((margin, [*best[:i], heard[i][1][1], *best[i + 1 :]]))
            for other, k in changes[:j]:
                both = list(best)
                both[i], both[k] = heard[i][1][1], heard[k][1][1]
                candidates.append((margin + other, both))
        candidates.sort(key=lambda candidate: candidate[0])
        doubt = sum(math.exp(-margin) for margin in margins)
        logit = 2.2 - 1.6 * math.log(0.3 + doubt) + rng.gauss(0, self.settings.confidence_noise)
        found: dict[str, float] = {}
        for cost, words in candidates:
            confidence = 1 / (1 + math.exp(-max(-30.0, logit - 0.7 * cost)))  # of less, exp would overflow
            found.setdefault(" ".join(words), round(confidence, 4))
        kept = list(found.items())[: self.settings.hypotheses]
        return tuple(RecognitionHypothesis(text=text, score=score) for text, score in kept)


def _gumbel(rng: random.Random) -> float:
    return -math.log(-math.log(rng.random() or 1e-12))


def _rivals(words: Sequence[str]) -> list[tuple[tuple[str, float], ...]]:
    """For each word the words that sound most like it, with a distance from 0 (sounds the same) to 1."""
    if len(words) < 2:
        return [() for _ in words]
    codes, code_of = np.unique([sounds(word) for word in words], return_inverse=True)  # many words share one
    distance = 0.7 * process.cdist(codes, codes, scorer=Levenshtein.normalized_distance)[code_of][:, code_of]
    distance += 0.3 * process.cdist(words, words, scorer=Levenshtein.normalized_distance)
    np.fill_diagonal(distance, np.inf)
    number = min(RIVALS, len(words) - 1)
    farthest = np.partition(distance, number - 1, axis=1)[:, number - 1]  # no need to sort all words for each
    found = []
    for row, limit in zip(distance, farthest, strict=True):
        near = np.flatnonzero(row <= limit)
        nearest = near[np.argsort(row[near], kind="stable")[:number]]
        found.append(tuple((words[j], float(row[j])) for j in nearest))
    return found
