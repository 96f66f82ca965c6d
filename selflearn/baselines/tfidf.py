"""TF-IDF of the item alone: what single turns and goals say without their surroundings."""

from __future__ import annotations

from typing import ClassVar

from selflearn.baselines.bag_of_words import BagOfWords
from selflearn.baselines.windows import ALONE


class Tfidf(BagOfWords):
    """Reads the turn (for success the goal, for slots the request) and nothing around it."""

    name: ClassVar[str] = "tfidf"

    def __init__(self, *, causal: bool = False) -> None:
        super().__init__(ALONE, causal=causal)
