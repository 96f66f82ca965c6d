"""The label generator with its configuration; the encoders are re-exported for those who compose their own."""

from selflearn.encoders import DialogueEncoder, FeatureEncoder, LexicalEncoder, TurnEncoder
from selflearn.models.config import LabelGeneratorConfig
from selflearn.models.label_generator import (
    LabelGenerator,
    LabelGeneratorOutput,
    WeightsError,
    load_tokenizer,
    save_model,
)

__all__ = [
    "DialogueEncoder",
    "FeatureEncoder",
    "LabelGenerator",
    "LabelGeneratorConfig",
    "LabelGeneratorOutput",
    "LexicalEncoder",
    "TurnEncoder",
    "WeightsError",
    "load_tokenizer",
    "save_model",
]
