"""Slots in two steps: where a span is (begin, inside or outside for each word), then what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from selflearn.baselines.classifiers import Floats, NameClassifier
from selflearn.baselines.search import Items, Trial, name_accuracy, search
from selflearn.baselines.spans import GoldSpans, Spans, decode_tags, labelled_slots
from selflearn.baselines.vectors import Matrix, TurnVectors, neighbour_rows
from selflearn.baselines.windows import Window
from selflearn.baselines.words import PairVectorizer, Words, WordVectorizer, read_words
from selflearn.schema import Dialogue, ObservedDialogue, Slot
from selflearn.tasks.prediction import DEFAULT_THRESHOLD
from selflearn.tasks.thresholds import Cut

TAG_REACH, NAME_REACH = 3, 2
"""How many words on either side of a word say whether it is in a span, and on either side of a span its name."""

PAIR_REACH = 2
"""How many words on either side of a word are read in pairs, too."""

STRENGTHS = (10.0, 3.0)
"""Values of C to try, in both steps."""

WORDS_BESIDE = Window(name=f"{TAG_REACH} words on either side")


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests with their words, and the vectors of the turns that they belong to."""

    words: Words
    forms: Matrix
    pairs: PairVectorizer
    turns: TurnVectors

    def around_words(self) -> Matrix:
        """Each word with its neighbours and the pairs that they make, sparse ``(W, F)``."""
        at = (neighbour_rows(self.words.owner, offset) for offset in range(-TAG_REACH, TAG_REACH + 1))
        beside = [read_words(self.forms, self.words, rows) for rows in at]
        pairs = [self.pairs.transform(self.words, offset) for offset in range(-PAIR_REACH, PAIR_REACH)]
        return sp.hstack([*beside, *pairs], format="csr", dtype=np.float32)

    def around_spans(self, spans: Spans, window: Window) -> Matrix:
        """Words of each span as a bag, the words beside it, and the window of its turn, sparse ``(N, F)``."""
        lengths = spans.end - spans.first
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        inside = np.repeat(spans.first - bounds[:-1], lengths) + np.arange(bounds[-1])
        shape = (len(lengths), self.forms.shape[0])
        bag = sp.csr_matrix((np.ones(len(inside), np.float32), self.words.ids[inside], bounds), shape) @ self.forms
        owner = self.words.owner
        before = [neighbour_rows(owner, -step)[spans.first] for step in range(1, NAME_REACH + 1)]
        after = [neighbour_rows(owner, step)[spans.end - 1] for step in range(1, NAME_REACH + 1)]
        beside = [read_words(self.forms, self.words, rows) for rows in before + after]
        return sp.hstack([bag, *beside, self.turns.read(window, owner[spans.first])], format="csr")


class TagClassifier:
    """Words into outside, begin and inside."""

    def __init__(self, *, strength: float, seed: int) -> None:
        self._classifier = NameClassifier(strength=strength, seed=seed)

    def fit(self, rows: Matrix, gold: NDArray[np.int64]) -> Self:
        """Learn from rows ``(W, F)`` and their tags ``(W,)``."""
        self._classifier.fit(rows, gold)
        return self

    def answers(self, rows: Matrix) -> Floats:
        """Probability of each tag, ``(W, 3)``; 0 for one that was not among those learned."""
        probabilities = np.zeros((rows.shape[0], 3))
        probabilities[:, self._classifier.names.astype(np.int64)] = self._classifier.probabilities(rows)
        return probabilities


class SlotTagger:
    """Two classifiers: one of words into begin, inside and outside, one of spans by name.

    Attributes:
        tags: what was chosen for the first, by F1 of spans whose name counts for nothing.
        names: what was chosen for the second, by accuracy on gold spans.
    """

    tags: Trial[Window, TagClassifier]
    names: Trial[Window, NameClassifier]

    def fit(
        self,
        windows: Sequence[Window],
        train: tuple[Sequence[Dialogue], TurnVectors],
        tune: tuple[Sequence[Dialogue], TurnVectors],
        *,
        seed: int,
    ) -> Self:
        """Learn from dialogues of which at least one has a slot.

        Args:
            windows: candidates for what the second step reads beside the words of the span.
            train: dialogues to learn from, and the vectors of their turns.
            tune: dialogues to choose by, and the vectors of their turns.
            seed: of the classifiers.
        """
        words = [Words.of(_labelled_requests(dialogues)) for dialogues, _ in (train, tune)]
        self._vectorizer, self._pairs = WordVectorizer().fit(words[0]), PairVectorizer().fit(words[0])
        requests = [self._requests(part, turns) for part, (_, turns) in zip(words, (train, tune), strict=True)]
        gold = [GoldSpans.of(dialogues, part) for part, (dialogues, _) in zip(words, (train, tune), strict=True)]

        def make_tagger(strength: float) -> TagClassifier:
            return TagClassifier(strength=strength, seed=seed)

        def make_namer(strength: float) -> NameClassifier:
            return NameClassifier(strength=strength, seed=seed)

        learn, choose = map(_word_items, requests, gold)
        self.tags = search([WORDS_BESIDE], STRENGTHS, learn, choose, make=make_tagger, measure=_span_f1)
        learn, choose = map(_span_items, requests, gold)
        self.names = search(windows, STRENGTHS, learn, choose, make=make_namer, measure=name_accuracy)
        return self

    def predict(self, dialogues: Sequence[ObservedDialogue], turns: TurnVectors) -> list[tuple[tuple[Slot, ...], ...]]:
        """Slots of every turn; the score of one is the probability of its name, given that it is a span.

        Args:
            dialogues: what was observed.
            turns: the vectors of their turns.
        """
        texts = [turn.request or "" for d in dialogues for turn in d.turns]
        requests = self._requests(Words.of(texts), turns)
        words = requests.words
        tags = decode_tags(self.tags.model.answers(requests.around_words()), words.owner)
        spans = Spans.of(tags, words.owner)
        found: list[list[Slot]] = [[] for _ in texts]
        names, scores = self.names.model.scored_answers(requests.around_spans(spans, self.names.window))
        for first, end, name, score in zip(spans.first, spans.end, names, scores, strict=True):
            text, start, stop = words.owner[first], int(words.places[first, 0]), int(words.places[end - 1, 1])
            found[text].append(
                Slot(name=name, start=start, end=stop, text=texts[text][start:stop], source="model", score=float(score))
            )
        rows = iter(found)
        return [tuple(tuple(next(rows)) for _ in d.turns) for d in dialogues]

    def _requests(self, words: Words, turns: TurnVectors) -> Requests:
        return Requests(words, self._vectorizer.transform(words), self._pairs, turns)


def _labelled_requests(dialogues: Sequence[Dialogue]) -> list[str]:
    """Requests; empty where slots are not labelled, so that their words teach nothing."""
    requests = (turn.request or "" for d in dialogues for turn in d.turns)
    return [text if slots is not None else "" for text, slots in zip(requests, labelled_slots(dialogues), strict=True)]


def _word_items(requests: Requests, gold: GoldSpans) -> Items[Window]:
    owner = requests.words.owner
    return Items(
        read=lambda _: requests.around_words(), gold=gold.tags, dialogue=requests.turns.owner[owner], text=owner
    )


def _span_items(requests: Requests, gold: GoldSpans) -> Items[Window]:
    text = requests.words.owner[gold.spans.first]
    dialogue = requests.turns.owner[text]
    return Items(read=lambda window: requests.around_spans(gold.spans, window), gold=gold.names, dialogue=dialogue)


def _span_f1(probabilities: Floats, items: Items[Window]) -> Cut:
    """F1 of the edges of spans, NaN where no span is gold; there is no threshold."""
    found, gold = (Spans.of(tags, items.text) for tags in (decode_tags(probabilities, items.text), items.gold))
    both = set(zip(found.first, found.end, strict=True)) & set(zip(gold.first, gold.end, strict=True))
    value = 2 * len(both) / (len(found) + len(gold)) if len(gold) else float("nan")
    return Cut(threshold=DEFAULT_THRESHOLD, value=value)
