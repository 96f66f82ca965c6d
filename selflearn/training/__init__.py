"""Training stages on top of Lightning, and the recipe that a label generator is made by."""

from selflearn.training.optimization import OptimizationConfig
from selflearn.training.recipe import Recipe
from selflearn.training.settings import (
    AudioSettings,
    DialogueSettings,
    LexicalSettings,
    ModelSettings,
    PretrainingSettings,
    TrainingSettings,
)
from selflearn.training.stage import HardwareConfig, StageConfig

__all__ = [
    "AudioSettings",
    "DialogueSettings",
    "HardwareConfig",
    "LexicalSettings",
    "ModelSettings",
    "OptimizationConfig",
    "PretrainingSettings",
    "Recipe",
    "StageConfig",
    "TrainingSettings",
]
