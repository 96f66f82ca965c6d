"""TF-IDF of the item with its neighbours: the floor that a model of whole dialogues has to pass."""

from __future__ import annotations

from typing import ClassVar

from selflearn.baselines.bag_of_words import BagOfWords
from selflearn.baselines.windows import NEIGHBOURS


class TfidfContext(BagOfWords):
    """Reads the item and the turns around it; which ones, the tuning dialogues choose for each task."""

    name: ClassVar[str] = "tfidf_context"

    def __init__(self, *, causal: bool = False) -> None:
        super().__init__(NEIGHBOURS.causal() if causal else NEIGHBOURS, causal=causal)
