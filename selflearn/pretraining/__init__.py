"""Self-supervised pretraining on swapped answers: no labels are read."""

from selflearn.pretraining.grades import (
    ExchangedValues,
    Grade,
    NearestResponse,
    PooledResponse,
    RandomResponse,
    SameHypothesisResponse,
    collect_responses,
)
from selflearn.pretraining.objectives import SwapObjectives, SwapObjectivesOutput
from selflearn.pretraining.swaps import PretrainingBatch, SwapCollator, SwapConfig

__all__ = [
    "ExchangedValues",
    "Grade",
    "NearestResponse",
    "PooledResponse",
    "PretrainingBatch",
    "RandomResponse",
    "SameHypothesisResponse",
    "SwapCollator",
    "SwapConfig",
    "SwapObjectives",
    "SwapObjectivesOutput",
    "collect_responses",
]
