"""Corpora in which several people judged each response: single ratings in the record, and the label they make together.

A record keeps every rating; whether a turn was a defect is what the raters say together. One of them can be kept out of
that: a person compared with a label that they helped to make would look better than they are.
"""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar

from selflearn.corpora.corpus import Corpus
from selflearn.schema import Dialogue, Label, Labels, Rating, RecordError, TurnLabels

TEAM = 3
"""Raters that are drawn, again and again, to see how sure a label is."""


@dataclass(frozen=True, kw_only=True)
class RatedCorpus(Corpus):
    """A corpus whose defects are what raters say together.

    Attributes:
        hold_out_rater: leave one rater of each dialogue, drawn by its id, out of the labels: the single annotator that
            is compared with the others (baseline ``annotator``). Their ratings stay in the record.
    """

    hold_out_rater: bool = False

    seats: ClassVar[str] = "raters"
    """What :meth:`seat` tells apart, in words."""

    @abstractmethod
    def is_defect(self, ratings: Sequence[Rating]) -> bool:
        """Whether the response was a defect, by one rating or more of the same turn, together."""

    def labelled(self, dialogue: Dialogue) -> Dialogue:
        """The dialogue with ``defect`` of each turn that was rated, and of no other; other labels stay.

        Its score is the probability that :data:`TEAM` of the raters, drawn with replacement, say the same together.

        Raises:
            RecordError: a rater is to be held out, and there are not two, or none rated every turn.
        """
        without = self.single_annotator(dialogue) if self.hold_out_rater and dialogue.ratings else None
        return dialogue.with_labels(
            self._labels(dialogue, [rating for rating in dialogue.ratings if rating.rater != without], "gold")
        )

    def seat(self, rater: str) -> str:
        """Who is compared as one annotator: the rater, or, where nobody is known in two dialogues, their place."""
        return rater

    def labels_by(self, dialogue: Dialogue, rater: str) -> Labels:
        """What one rater said, as labels."""
        ratings = [rating for rating in dialogue.ratings if rating.rater == rater]
        return self._labels(dialogue.with_labels(Labels()), ratings, f"rater:{rater}")

    def single_pass(self, dialogue: Dialogue) -> Labels:
        """What the rater who is held out said.

        Raises:
            ValueError: nobody is held out, so that every rater helped to make the labels.
        """
        if not self.hold_out_rater:
            raise ValueError(
                f"every rater of {self.name} helped to make the labels, so that none can be compared with them; "
                "expected the option hold_out_rater=true of the corpus, or no baseline annotator"
            )
        return self.labels_by(dialogue, self.single_annotator(dialogue))

    def single_annotator(self, dialogue: Dialogue) -> str:
        """The rater of a dialogue who is compared with the others: drawn by its id from those who rated every turn.

        Drawn, as the order of raters in a release means something (in USS the first are the milder ones).

        Raises:
            RecordError: fewer than two people rated the dialogue, or none of them every turn.
        """
        turns = {rating.turn for rating in dialogue.ratings if rating.turn is not None}
        rated: dict[str, set[int | None]] = {}
        for rating in dialogue.ratings:
            rated.setdefault(rating.rater, set()).add(rating.turn)
        candidates = [rater for rater, own in rated.items() if turns <= own]
        if not candidates or len(rated) < 2:
            expected = "two raters or more, of whom one at least rated every turn, where one is held out"
            raise RecordError("ratings", f"{len(rated)} raters, {len(candidates)} of every turn", expected)
        return random.Random(f"{self.name}/{dialogue.id}").choice(candidates)

    def _labels(self, dialogue: Dialogue, ratings: Sequence[Rating], source: str) -> Labels:
        by_turn: dict[int, list[Rating]] = {}
        for rating in ratings:
            if rating.turn is not None:
                by_turn.setdefault(rating.turn, []).append(rating)
        defects = [
            self._defect(by_turn[turn], source) if turn in by_turn else None for turn in range(len(dialogue.turns))
        ]
        before = dialogue.labels.turns or (TurnLabels(),) * len(dialogue.turns)
        turns = (replace(labels, defect=defect) for labels, defect in zip(before, defects, strict=True))
        return replace(dialogue.labels, turns=tuple(turns))

    def _defect(self, ratings: Sequence[Rating], source: str) -> Label[bool]:
        value = self.is_defect(ratings)
        if len(ratings) == 1:
            return Label(value=value, source=source)
        counts = Counter(rating.answer for rating in ratings)
        one_each = {rating.answer: rating for rating in ratings}
        agreed = 0
        for drawn in product(one_each, repeat=TEAM):
            if self.is_defect([one_each[answer] for answer in drawn]) == value:
                agreed += math.prod(counts[answer] for answer in drawn)
        return Label(value=value, source=source, score=agreed / len(ratings) ** TEAM)
