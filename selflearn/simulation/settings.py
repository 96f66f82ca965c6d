"""Rates of the assistant of a world, read from ``assistant.yaml``, checked with file and line."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from selflearn.simulation.files import Value
from selflearn.simulation.rates import read_rates
from selflearn.simulation.world import World

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """What the assistant says where it did not do what it was asked; what it was asked about stands in braces."""

    not_understood: tuple[str, ...]
    unsupported: tuple[str, ...]
    no_match: tuple[str, ...]
    missing: tuple[str, ...]
    which_value: tuple[str, ...]
    which_intent: tuple[str, ...]
    bye: tuple[str, ...]
    welcome: tuple[str, ...]
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeSettings:
    """Of the wake word detector: evidence in logits.

    Attributes:
        word: mean where the word was said, by an average speaker in an average room.
        other: mean where it was not.
        spread: standard deviation of both.
        speakers: what an accent of one standard deviation takes away.
        threshold: score (0 to 1) from which on the device wakes.
    """

    word: float
    other: float
    spread: float
    speakers: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionSettings:
    """Of the text channel.

    Attributes:
        error: rate of wrong words, for an average speaker and room; whoever is understood worst has
            0.6 at most (:data:`selflearn.simulation.speech_text.MOST_ERRORS`).
        speakers: log-normal spread of that rate over people.
        dropped: rate of short words that are lost.
        hypotheses: length of the n-best list.
        confidence_noise: spread of what is added to the confidence, on the scale of its logit.
    """

    error: float
    speakers: float
    dropped: float
    hypotheses: int
    confidence_noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSettings:
    """Of the speech channel; the section ``speech`` of ``assistant.yaml``, which may be missing. All are assumptions.

    Attributes:
        signal_to_noise: of an average speaker in an average room, in dB.
        distance: spread over people of how loud they are heard, in dB.
        tempo: log-normal spread over people of how long they take to say something.
    """

    signal_to_noise: float = 28.0
    distance: float = 3.0
    tempo: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderstandingSettings:
    """Of the understanding component.

    Attributes:
        utterances: it was trained on.
        phrasings: share of the phrasings that it has seen.
        entities: share of the entities that it has seen.
        hypotheses: length of the n-best list.
        reject: score below which it says that it did not understand.
        margin: difference of two scores below which it asks.
    """

    utterances: int
    phrasings: float
    entities: float
    hypotheses: int
    reject: float
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionSettings:
    """Of entity resolution.

    Attributes:
        reject: similarity (0 to 100) below which nothing matches.
        known: share of the entities in the assistant's catalogue.
        profile: share of the people and types whose favourite is in the assistant's profile of them.
    """

    reject: float
    known: float
    profile: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSettings:
    """Of the skills, shares.

    Attributes:
        stale: of results, those that are out of date.
        missing: of entities, those that are not available.
        ambiguous: of requests for one of several things of the same name, those after which it asks which.
    """

    stale: float
    missing: float
    ambiguous: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantSettings:
    """The assistant as it was shipped.

    ``memory`` is the time in seconds after which it has forgotten what the conversation was about.
    """

    version: str
    memory: float
    responses: Responses
    wake: WakeSettings
    recognition: RecognitionSettings
    speech: SpeechSettings
    understanding: UnderstandingSettings
    resolution: ResolutionSettings
    result: ResultSettings


_ASKED_ABOUT = {
    "no_match": ("value",), "missing": ("value",), "which_value": ("slot",), "which_intent": ("first", "second")
}  # fmt: skip
"""What may stand in the braces of each response of the assistant."""


def load_assistant(world: World) -> AssistantSettings:
    """Read ``assistant.yaml`` of a world.

    Raises:
        WorldError: says file, line, what was found and what was expected.
    """
    root = read_rates(world, "assistant")
    found = root.fields(
        ["version", "memory", "responses", "wake", "recognition", "understanding", "resolution", "result"], ["speech"]
    )
    said = found["responses"].fields([field.name for field in fields(Responses)])
    responses: dict[str, Any] = {
        key: tuple(row.template(_ASKED_ABOUT.get(key, ()), f"what {key} is about") for row in value.rows())
        for key, value in said.items()
        if key != "prompt"
    }
    return AssistantSettings(
        version=found["version"].text(), memory=found["memory"].number(),
        responses=Responses(**responses, prompt=said["prompt"].text()), wake=_numbers(WakeSettings, found["wake"]),
        recognition=_numbers(RecognitionSettings, found["recognition"]),
        speech=_numbers(SpeechSettings, found["speech"]) if "speech" in found else SpeechSettings(),
        understanding=_numbers(UnderstandingSettings, found["understanding"]),
        resolution=_numbers(ResolutionSettings, found["resolution"]), result=_numbers(ResultSettings, found["result"]),
    )  # fmt: skip


_NO_SHARE = {
    "utterances", "hypotheses", "speakers", "confidence_noise", "signal_to_noise", "distance", "tempo",
    "word", "other", "spread",
}  # fmt: skip


def _numbers(cls: type[S], value: Value) -> S:
    """A settings class whose fields are all numbers: shares in [0, 1] except the few that are not."""
    kinds = {field.name: field.type for field in fields(cls)}  # type: ignore[arg-type]
    found: dict[str, Any] = {}
    for name, row in value.fields(list(kinds)).items():
        if kinds[name] == "int":
            found[name] = row.whole()
        else:
            high = math.inf if name in _NO_SHARE else 100 if cls is ResolutionSettings and name == "reject" else 1
            found[name] = row.number(-math.inf if name == "other" else 0, high)
    return cls(**found)
