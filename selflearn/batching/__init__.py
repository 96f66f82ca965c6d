"""From records to tensors."""

from selflearn.batching.batch import DialogueBatch, FeatureValues, TextBucket
from selflearn.batching.budget import EpochBatches, fill_batches
from selflearn.batching.collator import Collator
from selflearn.batching.features import FeatureVocabulary
from selflearn.batching.texts import Tokenization

__all__ = [
    "Collator",
    "DialogueBatch",
    "EpochBatches",
    "FeatureValues",
    "FeatureVocabulary",
    "TextBucket",
    "Tokenization",
    "fill_batches",
]
