"""The assistant's language understanding: linear models of the words, trained on a limited set, and wrong at times.

One model names the intent from words, pairs of words and the intent of the turn before; one tags words as begin, inside
or outside of each slot. For each of the likeliest intents the tags are read again with that intent's slots alone, which
makes the n-best list of interpretations.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from selflearn.simulation.grammar import Phrasing, Span
from selflearn.simulation.settings import UnderstandingSettings
from selflearn.simulation.world import Intent, World

SEEN = 2
"""How often a feature must have been seen in training to be known."""

OTHER = "other"
"""What requests are called that the assistant cannot serve."""

THINNING = 0.4
"""Share of the features of words that are left out in training."""

_OUTSIDE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A labelled request.

    Attributes:
        text: the words.
        before: intent of the turn before, "" at the beginning.
        intent: what is wanted.
        spans: where the values are.
    """

    text: str
    before: str
    intent: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One reading of a request.

    Attributes:
        intent: name.
        mentions: words of each slot.
        score: probability of the intent times that of the tags, as the models have it.
    """

    intent: str
    mentions: Mapping[str, str]
    score: float


class Gazetteer:
    """Names that the assistant's catalogue has: the longest one that begins at each word of a request.

    Args:
        names: words of each name, by type.
    """

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        self._kinds: dict[tuple[str, ...], list[str]] = {}
        lengths: dict[str, set[int]] = {}
        for kind, texts in names.items():
            for text in texts:
                words = tuple(text.split())
                self._kinds.setdefault(words, []).append(kind)
                lengths.setdefault(words[0], set()).add(len(words))
        self._lengths = {first: sorted(found, reverse=True) for first, found in lengths.items()}  # by the first word

    def match(self, words: Sequence[str]) -> list[list[str]]:
        """For each word "B type" or "I type" for the types of the name that it is part of."""
        found: list[list[str]] = [[] for _ in words]
        at = 0
        while at < len(words):
            step = 1
            for length in self._lengths.get(words[at], ()):
                kinds = self._kinds.get(tuple(words[at : at + length]))
                if kinds is not None and at + length <= len(words):
                    step = length
                    for i in range(step):
                        found[at + i] = [f"{'I' if i else 'B'} {kind}" for kind in kinds]
                    break
            at += step
        return found


class _Linear(nn.Module):
    """A linear model of named features; what it has not seen in training counts for nothing."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.set_features([])

    def set_features(self, names: Sequence[str]) -> None:
        """Forget everything, and know these features."""
        self.names = tuple(names)
        self._numbers = {name: i + 1 for i, name in enumerate(names)}
        self.table = nn.EmbeddingBag(len(names) + 1, self.outputs, mode="sum", padding_idx=0)
        nn.init.zeros_(self.table.weight)

    def read(self, features: Iterable[str]) -> list[int]:
        """Numbers of the features that are known."""
        return [number for name in features if (number := self._numbers.get(name))]

    def forward(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Scores of rows of feature numbers, ``[len(rows), outputs]``."""
        return self._scores(*_flat(rows))

    def _scores(self, numbers: np.ndarray, lengths: np.ndarray) -> Tensor:
        starts = np.cumsum(lengths) - lengths
        scores: Tensor = self.table(torch.from_numpy(numbers), torch.from_numpy(starts))
        return scores

    def learn(
        self, features: Sequence[Sequence[str]], gold: Sequence[int], *, fixed: str, epochs: int, seed: int
    ) -> None:
        """Fit to labelled rows by Adam; the same digits for the same rows and seed.

        Features are left out at random while training, but for those that begin with ``fixed``: what has been seen
        once must not decide where a name is known.
        """
        counts = Counter(name for row in features for name in row)
        self.set_features(sorted(name for name, number in counts.items() if number >= SEEN))
        numbers, lengths = _flat([self.read(row) for row in features])
        starts, targets = np.cumsum(lengths) - lengths, torch.tensor(gold)
        thinned = np.array([False, *(not name.startswith(fixed) for name in self.names)])
        order, lots = torch.Generator().manual_seed(seed), _lots(seed)
        optimizer = torch.optim.Adam(self.parameters(), lr=0.1)
        for _ in range(epochs):
            for batch in torch.randperm(len(lengths), generator=order).split(512):  # type: ignore[no-untyped-call]
                rows = batch.numpy()
                row = np.repeat(np.arange(len(rows)), lengths[rows])  # of each feature of the batch
                chosen = numbers[np.concatenate([np.arange(starts[i], starts[i] + lengths[i]) for i in rows])]
                left = np.ones(len(chosen), bool)
                may_go = thinned[chosen]
                left[may_go] = lots.random(int(may_go.sum())) >= THINNING
                scores = self._scores(chosen[left], np.bincount(row[left], minlength=len(rows)))
                loss = functional.cross_entropy(scores, targets[batch])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()


def _flat(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows one after the other, and the length of each."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    return np.fromiter(chain.from_iterable(rows), np.int64, int(lengths.sum())), lengths


def _lots(seed: int) -> np.random.Generator:
    """Draws what ``random.Random(seed)`` draws, but many at a time."""
    (*key, position), twister = random.Random(seed).getstate()[1], np.random.MT19937()
    twister.state = {"bit_generator": "MT19937", "state": {"key": np.array(key, np.uint32), "pos": position}}
    return np.random.Generator(twister)


class UnderstandingModel:
    """Two linear models: one names the intent of a request, one tags its words.

    Args:
        gazetteer: names of the assistant's catalogue.
        intents: names, :data:`OTHER` among them.
        slots: names of all slots.
        allowed: slots of each intent.
    """

    def __init__(
        self, gazetteer: Gazetteer, intents: Sequence[str], slots: Sequence[str],
        allowed: Mapping[str, Iterable[str]],
    ) -> None:  # fmt: skip
        self.gazetteer = gazetteer
        self.intents, self.slots = tuple(intents), tuple(slots)
        number = {slot: i for i, slot in enumerate(self.slots)}
        self._mask = torch.full((len(self.intents), 2 * len(self.slots) + 1), float("-inf"))
        self._mask[:, _OUTSIDE] = 0.0
        for i, intent in enumerate(self.intents):
            for slot in allowed.get(intent, ()):
                self._mask[i, 1 + 2 * number[slot] : 3 + 2 * number[slot]] = 0.0
        self._of_text, self._of_word = _Linear(len(self.intents)), _Linear(2 * len(self.slots) + 1)

    @classmethod
    def for_world(cls, world: World, catalogue: Mapping[str, Iterable[str]]) -> UnderstandingModel:
        """An untrained model with the intents that are supported, and the slots of the world.

        Args:
            world: intents.
            catalogue: names of the entries that the assistant knows, by type.
        """
        served = [intent for intent in world.intents.values() if intent.supported]
        return cls(
            Gazetteer(catalogue),
            [*sorted(intent.name for intent in served), OTHER],
            sorted({slot for intent in served for slot in intent.slots}),
            {intent.name: list(intent.slots) for intent in served},
        )

    def learn(self, examples: Sequence[Example], *, epochs: int = 8, seed: int = 0) -> None:
        """Fit both models to labelled requests; the same digits for the same examples and seed."""
        numbers = {intent: i for i, intent in enumerate(self.intents)}
        split = [example.text.split() for example in examples]
        known = [self.gazetteer.match(words) for words in split]
        texts = [text_features(words, e.before, names) for words, e, names in zip(split, examples, known, strict=True)]
        self._of_text.learn(texts, [numbers[e.intent] for e in examples], fixed="n ", epochs=epochs, seed=seed)
        words = [row for each, names in zip(split, known, strict=True) for row in word_features(each, names)]
        tags = [tag for example in examples for tag in self._tags(example)]
        self._of_word.learn(words, tags, fixed="n ", epochs=epochs, seed=seed)

    def _tags(self, example: Example) -> list[int]:
        tags, place = [], 0
        for word in example.text.split():
            span = next((s for s in example.spans if s.start <= place < s.end and s.slot in self.slots), None)
            tags.append(0 if span is None else 1 + 2 * self.slots.index(span.slot) + (span.start != place))
            place += len(word) + 1
        return tags

    @torch.inference_mode()
    def understand(self, requests: Sequence[tuple[str, str]], *, hypotheses: int) -> list[tuple[Hypothesis, ...]]:
        """The likeliest readings of requests, each with the intent of the turn before; best first."""
        if not requests:
            return []
        split = [text.split() for text, _ in requests]
        known = [self.gazetteer.match(words) for words in split]
        texts = [
            self._of_text.read(text_features(words, before, names))
            for words, (_, before), names in zip(split, requests, known, strict=True)
        ]
        probabilities, best = self._of_text(texts).softmax(-1).topk(min(hypotheses, len(self.intents)), sorted=True)
        tags = self._of_word(
            [
                self._of_word.read(row)
                for each, names in zip(split, known, strict=True)
                for row in word_features(each, names)
            ]
        )
        # all words of all requests in one tensor, [words, readings, tags]: calls for each would take most of the time
        request = torch.arange(len(split)).repeat_interleave(torch.tensor([len(words) for words in split]))
        log_probs = (tags[:, None] + self._mask[best[request]]).log_softmax(-1).numpy()
        likeliest, certainties = log_probs.argmax(-1).T.tolist(), log_probs.max(-1).T.tolist()
        found, end = [], 0
        for words, intents, scores in zip(split, best.tolist(), probabilities.tolist(), strict=True):
            start, end = end, end + len(words)
            readings = [
                self._reading(words, likeliest[i][start:end], certainties[i][start:end], self.intents[intent], score)
                for i, (intent, score) in enumerate(zip(intents, scores, strict=True))
            ]
            found.append(tuple(sorted(readings, key=lambda reading: -reading.score)))
        return found

    def _reading(
        self, words: list[str], tags: Sequence[int], log_probs: Sequence[float], intent: str, score: float
    ) -> Hypothesis:
        """The reading as one intent: from the likeliest tag of each word among those that it has."""
        mentions: dict[str, list[str]] = {}
        total, inside = 0.0, 0
        for word, tag, log_prob in zip(words, tags, log_probs, strict=True):
            if tag and tag % 2 == 0 and inside != tag - 1:
                tag -= 1  # an inside without a beginning begins
            elif tag % 2 == 1 and inside == tag:
                tag += 1  # a value is named once: a beginning right after it goes on with it
            total += log_prob
            slot = self.slots[(tag - 1) // 2] if tag else None
            inside = tag if tag % 2 else inside if tag else 0
            if slot is not None and (tag % 2 == 0 or slot not in mentions):
                mentions.setdefault(slot, []).append(word)
        certainty = float(np.exp(total / max(len(words), 1)))
        return Hypothesis(
            intent=intent, mentions={slot: " ".join(said) for slot, said in mentions.items()},
            score=round(score * certainty, 4),
        )  # fmt: skip

    def save(self, file: Path) -> None:
        """Write features and weights (safetensors)."""
        parts = {"text": self._of_text, "word": self._of_word}
        tensors = {name: part.table.weight.detach().contiguous() for name, part in parts.items()}
        made = save(tensors, {name: "\n".join(part.names) for name, part in parts.items()})
        file.write_bytes(made)  # an OSError says of a full disk that it is full, and where; safetensors' own does not

    def load(self, file: Path) -> None:
        """Read what :meth:`save` wrote."""
        with safe_open(file, "pt") as stored:
            for name, part in (("text", self._of_text), ("word", self._of_word)):
                part.set_features(stored.metadata()[name].split("\n"))
                part.table.load_state_dict({"weight": stored.get_tensor(name)})


def text_features(words: Sequence[str], before: str, names: Sequence[Sequence[str]]) -> list[str]:
    """Features of a request: its words, their pairs, the types of known names, and the intent of the turn before."""
    found = [f"w {word}" for word in words]
    found += [f"p {a} {b}" for a, b in zip(["<s>", *words], [*words, "</s>"], strict=True)]
    found += [f"b {before}", f"b {before} {words[0] if words else ''}", f"b {before} {len(words) < 4}"]
    return found + [f"n {name}" for name in sorted({name for row in names for name in row if name.startswith("B")})]


def word_features(words: Sequence[str], names: Sequence[Sequence[str]]) -> list[list[str]]:
    """Features of each word of a request: itself, its neighbours, pairs with them, and the known name it is part of."""
    padded = ["<2>", "<1>", *words, "</1>", "</2>"]
    rows = []
    for i in range(len(words)):
        a, b, word, c, d = padded[i : i + 5]
        row = [f"0 {word}", f"-1 {b}", f"-2 {a}", f"1 {c}", f"2 {d}", f"-1 0 {b} {word}", f"0 1 {word} {c}",
               f"-2 -1 {a} {b}", f"s {word[-3:]}"]  # fmt: skip
        place = names[i][0][0] if names[i] else "O"  # whatever the type is: it begins a name, or goes on with one
        rows.append(
            [*row, f"n {place}", *(f"n {name}" for name in names[i]), *(f"n -1 {b} {name}" for name in names[i])]
        )
    return rows


def training_examples(world: World, settings: UnderstandingSettings, seed: int) -> list[Example]:
    """The limited set that the assistant was trained on: some of the phrasings and entities of its world.

    Which ones has nothing to do with the splits of the log: an assistant is no better at serving those whose sessions
    train the label generator. Most are whole requests, in proportion to the root of how often they are wanted; the
    others are follow-ups and corrections, which need the intent before. Requests that cannot be served are among them
    as :data:`OTHER`.
    """
    rng = random.Random(f"{seed}/understanding")
    known = {
        name: [text for e in kind.entities if rng.random() < settings.entities for text in e.spoken]
        or [kind.entities[0].spoken[0]]
        for name, kind in world.types.items()
    }
    said = {
        name: [p for p in intent.say.all if rng.random() < settings.phrasings] or [intent.say.all[0]]
        for name, intent in world.intents.items()
    }

    def example(intent: Intent, phrasing: Phrasing, before: str) -> Example:
        values = {}
        for name, slot in intent.slots.items():
            able = [text for value in slot.only for text in world.types[slot.type].named(value)[0].spoken]
            choices = able or known[slot.type]
            values[name] = choices[int(len(choices) * rng.random() ** 1.5)]
        utterance = phrasing.say(values, rng)
        name = intent.name if intent.supported else OTHER
        return Example(text=utterance.text, before=before, intent=name, spans=utterance.spans)

    intents = list(world.intents.values())
    weights = [intent.weight**0.5 for intent in intents]
    found = []
    for intent in rng.choices(intents, weights, k=settings.utterances):
        follow = intent.follow[int(rng.random() * len(intent.follow))] if intent.follow else None
        lot = rng.random()
        if follow is not None and lot < 0.1:
            phrasing = follow.say.all[int(rng.random() * len(follow.say.all))]
            found.append(example(world.intents[follow.intent], phrasing, intent.name))
        elif intent.short.all and intent.supported and lot > 0.95:
            phrasing = intent.short.all[int(rng.random() * len(intent.short.all))]
            words = example(intent, phrasing, intents[int(rng.random() * len(intents))].name)
            frame = world.manners.corrections[int(rng.random() * len(world.manners.corrections))]
            found.append(_framed(words, frame))
        else:
            phrasing = said[intent.name][int(rng.random() * len(said[intent.name]))]
            found.append(example(intent, phrasing, "" if rng.random() < 0.5 else rng.choice(intents).name))
    return found


def _framed(example: Example, frame: str) -> Example:
    before = frame.split("{value}")[0]
    spans = tuple(Span(s.slot, s.start + len(before), s.end + len(before)) for s in example.spans)
    text = frame.replace("{value}", example.text)
    return Example(text=text, before=example.before, intent=example.intent, spans=spans)
