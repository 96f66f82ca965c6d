"""What a configuration may say: the keys, types and ranges of its fields, before anything is built from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from functools import partial
from reprlib import repr as short
from typing import Annotated, Any, NamedTuple, NoReturn

from selflearn._limits import Count, Index, Limit, Share, fits, in_words
from selflearn.batching.collator import Pairing
from selflearn.batching.likeness import AROUND, seen_around


class _Rule(NamedTuple):
    """What is expected of a value, in words and as a test."""

    expected: str
    holds: Callable[[Any], bool]


def _of(hint: Any) -> _Rule:
    return _Rule(in_words(hint), partial(fits, hint))


def _sequence(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _scale(value: Any) -> bool:
    return _sequence(value) and len(value) == 2 and all(fits(float, number) for number in value) and value[1] > 0


def _or_none(rule: _Rule) -> _Rule:
    return _Rule(f"{rule.expected}, or null", lambda value: value is None or rule.holds(value))


# a threshold that no probability reaches says no to everything
_THRESHOLD = _Rule(in_words(Share), partial(fits, Annotated[float, Limit(least=0, most=math.nextafter(1, math.inf))]))
_NAMES = _Rule("a list of names", lambda value: _sequence(value) and all(isinstance(name, str) for name in value))
_SCALE = _Rule("a mean and a deviation above 0", _scale)
_SCALES = _Rule("a list of means and deviations above 0", lambda value: _sequence(value) and all(map(_scale, value)))
_FIELDS = _Rule("a dictionary", lambda value: isinstance(value, Mapping) and all(isinstance(key, str) for key in value))
_MODEL = _Rule(
    "the config.json of a model, with its model_type",
    lambda value: _FIELDS.holds(value) and isinstance(value.get("model_type"), str),
)

_RULES = {
    "encoder": _or_none(_MODEL),
    "pairing": _of(Pairing),
    "max_tokens": _of(Count),
    "max_turns": _of(Count),
    "size": _of(Count),
    "layers": _of(Index),
    "heads": _of(Annotated[int | None, Limit(least=1)]),
    "dropout": _of(Share),
    "window_before": _of(Index),
    "window_after": _of(Index),
    "causal": _of(bool),
    "ngram_buckets": _of(Index),
    "ngram_size": _of(Count),
    "ngram_dropout": _of(Share),
    "feature_dropout": _of(Share),
    "features": _or_none(_FIELDS),
    "inputs": _or_none(_FIELDS),
    "audio_encoder": _or_none(_MODEL),
    "audio_extractor": _or_none(_FIELDS),
    "audio_frozen": _of(bool),
    "readings": _or_none(_FIELDS),
    "tasks": _or_none(_FIELDS),
    "thresholds": _or_none(_FIELDS),
    "seen_domains": _or_none(_NAMES),
}

_NESTED: dict[str, dict[str, _Rule]] = {
    "features": {"categorical": _FIELDS, "numeric": _FIELDS, "audio": _SCALES, "times": _of(bool)},
    "inputs": {"shares": _FIELDS, "gap": _of(float | None)},
    "readings": {"intents": _NAMES, "slots": _NAMES},
}
"""The keys of fields that have some of their own."""

_EACH = {
    "features.categorical": _NAMES,
    "features.numeric": _SCALE,
    "inputs.shares": _of(Share),
    "tasks": _NAMES,
    "thresholds": _THRESHOLD,
}
"""What stands under any name in a field, or in a key of it."""


def check_fields(values: Mapping[str, Any]) -> None:
    """Check the values of a :class:`~selflearn.models.LabelGeneratorConfig`.

    Args:
        values: of every field, by its name.

    Raises:
        ValueError: a value is of another type or out of its range, a key of a field is unknown, a threshold is of a
            task that the model does not have, or a feature is of a turn that the model must not see; names the field,
            the value and what was expected.
    """
    for field, rule in _RULES.items():
        _check(field, values[field], rule)
    for field, rules in _NESTED.items():
        for key, value in (values[field] or {}).items():
            if key not in rules:
                refuse_key(key, value, rules, of=f"LabelGeneratorConfig.{field}")
            _check(f"{field}.{key}", value, rules[key])
    for place, rule in _EACH.items():
        field, _, key = place.partition(".")
        held = values[field] or {}
        for name, value in (held.get(key, {}) if key else held).items():
            _check(f"{place}[{name!r}]", value, rule)
    tasks = values["tasks"] or {}
    for name, value in (values["thresholds"] or {}).items():
        if name not in tasks:
            near = get_close_matches(name, tasks, n=1) or list(tasks)
            raise ValueError(
                f"LabelGeneratorConfig.thresholds has one for {name!r} (= {value!r}), and the model has no such task; "
                + (f"nearest: {near}" if tasks else "it has none at all")
            )
    if (values["audio_encoder"] is None) != (values["audio_extractor"] is None):
        raise ValueError("audio_encoder and audio_extractor belong together; expected both, or neither")
    _check_sight(values)


def _check_sight(values: Mapping[str, Any]) -> None:
    """See that no feature shows a request around the turn to a model that must not see it."""
    causal, layers = values["causal"], values["layers"]
    numeric = (values["features"] or {}).get("numeric", {})
    seen = seen_around(context=layers > 0, causal=causal)
    for offset, place in AROUND.items():
        if offset not in seen and f"likeness.{place}" in numeric:
            raise ValueError(
                f"LabelGeneratorConfig.features.numeric has 'likeness.{place}', and a model with causal={causal} and "
                f"layers={layers} must not see that request; expected FeatureVocabulary.fit(..., offsets={seen})"
            )


def refuse_key(key: str, value: Any, known: Collection[str], *, of: str) -> NoReturn:
    """Say that a key is unknown, and which known one is nearest; all of them where none is near.

    Raises:
        ValueError: always; names the key, its value and the nearest known one.
    """
    near = get_close_matches(key, known, n=1) or list(known)
    raise ValueError(f"{of} has no key {key!r} (= {short(value)}); nearest: {near}")


def _check(place: str, value: Any, rule: _Rule) -> None:
    if not rule.holds(value):
        raise ValueError(f"LabelGeneratorConfig.{place} is {short(value)}; expected {rule.expected}")
