"""Training stages on top of Lightning, and the recipe that a label generator is made by."""

from selflearn.training.optimization import OptimizationConfig
from selflearn.training.recipe import (
    DialogueSettings,
    LexicalSettings,
    ModelSettings,
    PretrainingSettings,
    Recipe,
    TrainingSettings,
)
from selflearn.training.stage import HardwareConfig, StageConfig

__all__ = [
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
