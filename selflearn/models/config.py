"""Everything that is needed to build a label generator again, saved as ``config.json`` beside its weights."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.feature_extraction_auto import feature_extractor_class_from_name

from selflearn.batching.features import FeatureVocabulary
from selflearn.batching.presence import Presence
from selflearn.batching.readings import ReadingVocabulary
from selflearn.batching.sounds import SoundReader
from selflearn.models.checks import check_fields, refuse_key
from selflearn.tasks.prediction import Thresholds

# What transformers itself hands over beside the fields when it reads a config.json.
_OF_TRANSFORMERS = {"_name_or_path", "attn_implementation", "_attn_implementation", "_commit_hash", "name_or_path",
                    "model_type", "auto_map", "torch_dtype", "transformers_weights", "output_attentions"}  # fmt: skip


class LabelGeneratorConfig(PreTrainedConfig):
    """Configuration of :class:`~selflearn.models.LabelGenerator`.

    Attributes:
        encoder: configuration of the turn encoder, as its own ``config.json`` has it.
        pairing: "separate" (request and response are two texts) or "pair" (they are read together).
        max_tokens: longest text (or pair) in tokens.
        max_turns: longest dialogue in turns; a longer one is handled as ``on_overflow`` says.
        size: width of turn states, ``M``.
        layers: layers of the dialogue encoder; 0 = no context.
        heads: attention heads; None = one for 64 channels.
        dropout: outside the turn encoder.
        window_before: turns that the window looks back.
        window_after: turns that it looks ahead.
        causal: nothing after the current turn is seen.
        ngram_buckets: size of the hash table of word n-grams; 0 = no wide part.
        ngram_size: width of their embeddings.
        ngram_dropout: share of n-grams dropped in training.
        feature_dropout: probability that a feature is hidden in training.
        features: names and values of the features (:class:`FeatureVocabulary`).
        inputs: what the training turns had (:class:`~selflearn.batching.presence.Presence`).
        audio_encoder: configuration of a pretrained audio encoder, as its own ``config.json`` has it; None where the
            mean and the spread of the log-mel spectrum are read, or no audio.
        audio_extractor: how recordings are made ready for it, as its own ``preprocessor_config.json`` has it.
        audio_frozen: the audio encoder does not learn.
        readings: names of what the assistant understands (:class:`ReadingVocabulary`).
        tasks: label names of each task, in the order of the head's outputs. The order of the tasks says nothing: keys
            are sorted when the configuration is saved.
        thresholds: decision thresholds by task (:class:`Thresholds`), of tasks that the model has.
        seen_domains: domains (services) of the training data.

    Raises:
        ValueError: a key is unknown, or a value cannot be (:func:`~selflearn.models.checks.check_fields`).
    """

    model_type = "selflearn-label-generator"

    encoder: dict[str, Any] | None = None
    pairing: str = "separate"
    max_tokens: int = 128
    max_turns: int = 512
    size: int = 256
    layers: int = 2
    heads: int | None = None
    dropout: float = 0.1
    window_before: int = 3
    window_after: int = 2
    causal: bool = False
    ngram_buckets: int = 65536
    ngram_size: int = 128
    ngram_dropout: float = 0.1
    feature_dropout: float = 0.1
    features: dict[str, Any] | None = None
    inputs: dict[str, Any] | None = None
    audio_encoder: dict[str, Any] | None = None
    audio_extractor: dict[str, Any] | None = None
    audio_frozen: bool = True
    readings: dict[str, list[str]] | None = None
    tasks: dict[str, list[str]] | None = None
    thresholds: dict[str, float] | None = None
    seen_domains: list[str] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        """Refuse keys that are neither fields nor transformers' own, and values that no model can have."""
        for key in kwargs:
            if key not in _OF_TRANSFORMERS:
                refuse_key(key, kwargs[key], _field_names(), of="LabelGeneratorConfig")
        self.check()
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]

    def check(self) -> None:
        """Check all fields, as is done when a configuration is made; for one whose fields were set since.

        Raises:
            ValueError: see :func:`~selflearn.models.checks.check_fields`.
        """
        check_fields({name: getattr(self, name) for name in _field_names()})

    def feature_vocabulary(self) -> FeatureVocabulary:
        """The features as an object, in alphabetical order: the one that a saved configuration comes back in."""
        stored = self.features or {}
        return FeatureVocabulary(
            categorical={name: tuple(values) for name, values in sorted(stored.get("categorical", {}).items())},
            numeric={name: (pair[0], pair[1]) for name, pair in sorted(stored.get("numeric", {}).items())},
            audio=tuple((pair[0], pair[1]) for pair in stored.get("audio", ())),
            times=stored.get("times", True),
        )

    def reading_vocabulary(self) -> ReadingVocabulary:
        """The names of what the assistant understands, as an object."""
        return ReadingVocabulary(**{name: tuple(values) for name, values in (self.readings or {}).items()})

    def presence(self) -> Presence:
        """What the training turns had, as an object; a model that does not say has nothing to compare with."""
        return Presence(**(self.inputs or {}))

    def decision_thresholds(self) -> Thresholds:
        """The thresholds as an object."""
        return Thresholds(self.thresholds or {})

    def encoder_config(self) -> PreTrainedConfig:
        """The turn encoder's configuration as an object.

        Raises:
            ValueError: ``encoder`` is None.
        """
        if self.encoder is None:
            raise ValueError("the configuration has no turn encoder; expected `encoder` to hold its config.json")
        return AutoConfig.for_model(**self.encoder)

    @property
    def reads_audio(self) -> bool:
        """Whether recordings are read, in one way or the other."""
        return self.audio_encoder is not None or bool(self.feature_vocabulary().audio)

    def audio_encoder_config(self) -> PreTrainedConfig:
        """The audio encoder's configuration as an object.

        Raises:
            ValueError: ``audio_encoder`` is None.
        """
        if self.audio_encoder is None:
            raise ValueError("the configuration has no audio encoder; expected `audio_encoder` to hold its config.json")
        return AutoConfig.for_model(**self.audio_encoder)

    def sound_reader(self) -> SoundReader | None:
        """What makes recordings ready for the audio encoder; None where there is none.

        Raises:
            ValueError: the installed version of transformers does not know the feature extractor.
        """
        if self.audio_extractor is None:
            return None
        name = self.audio_extractor.get("feature_extractor_type")
        found = None if name is None else feature_extractor_class_from_name(name)
        if found is None:
            raise ValueError(f"audio_extractor.feature_extractor_type is {name!r}; expected a feature extractor of the "
                             "installed version of transformers")  # fmt: skip
        return SoundReader(found.from_dict(self.audio_extractor))


def _field_names() -> list[str]:
    return [name for name in LabelGeneratorConfig.__annotations__ if name != "model_type"]


def plain_features(vocabulary: FeatureVocabulary) -> dict[str, Any]:
    """A feature vocabulary as plain lists and dictionaries for ``config.json``."""
    return {
        "categorical": {name: list(values) for name, values in vocabulary.categorical.items()},
        "numeric": {name: list(pair) for name, pair in vocabulary.numeric.items()},
        "audio": [list(pair) for pair in vocabulary.audio],
        "times": vocabulary.times,
    }


def plain_readings(vocabulary: ReadingVocabulary) -> dict[str, list[str]]:
    """A vocabulary of readings as plain lists for ``config.json``."""
    return {"intents": list(vocabulary.intents), "slots": list(vocabulary.slots)}
