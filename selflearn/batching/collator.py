"""From dialogues to a :class:`~selflearn.batching.batch.DialogueBatch`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from selflearn.batching.audio import Recordings
from selflearn.batching.batch import DialogueBatch, Targets
from selflearn.batching.features import FeatureVocabulary
from selflearn.batching.lexical import hashed_ngrams
from selflearn.batching.nbest import encode_nbest
from selflearn.batching.readings import ReadingVocabulary
from selflearn.batching.sounds import SoundReader
from selflearn.batching.texts import Tokenization, Tokens, make_buckets
from selflearn.schema import Dialogue, ObservedDialogue, Turn

Pairing = Literal["separate", "pair"]


class TargetBuilder(Protocol):
    """Turns the labels of dialogues into the tensors that one task's loss needs."""

    def targets(self, dialogues: Sequence[Dialogue], batch: DialogueBatch) -> Targets:
        """Targets for a batch whose inputs are ready; empty where no dialogue is labelled for the task."""
        ...


class Collator:
    """Makes batches. Inputs are built from :class:`ObservedDialogue` alone, targets from the labels alone.

    Args:
        tokenization: tokenises and caches texts.
        pairing: "separate" reads request and response as two texts, "pair" as one.
        ngram_buckets: size of the hash table of word n-grams; 0 leaves them out.
        features: which features beside the text there are.
        tasks: what makes the targets, by task.
        hypotheses: most entries of a turn's n-best list that are read; 0 leaves them out.
        readings: names of what the assistant understands.
        recordings: what the requests sounded like.
        sounds: makes recordings ready for a pretrained audio encoder; None where there is none.
    """

    def __init__(
        self,
        tokenization: Tokenization,
        *,
        pairing: Pairing = "separate",
        ngram_buckets: int = 0,
        features: FeatureVocabulary | None = None,
        tasks: Mapping[str, TargetBuilder] | None = None,
        hypotheses: int = 0,
        readings: ReadingVocabulary | None = None,
        recordings: Recordings | None = None,
        sounds: SoundReader | None = None,
    ) -> None:
        self.tokenization, self.pairing, self.ngram_buckets = tokenization, pairing, ngram_buckets
        self.features = features or FeatureVocabulary()
        self.tasks, self.hypotheses = dict(tasks or {}), hypotheses
        self.readings, self.recordings, self.sounds = readings or ReadingVocabulary(), recordings, sounds

    def __call__(self, dialogues: Sequence[Dialogue]) -> DialogueBatch:
        """Inputs and targets of labelled dialogues."""
        batch = self.inputs([dialogue.observed() for dialogue in dialogues])
        found = {name: task.targets(dialogues, batch) for name, task in self.tasks.items()}
        return replace(batch, targets={name: targets for name, targets in found.items() if targets})

    def inputs(self, dialogues: Sequence[ObservedDialogue]) -> DialogueBatch:
        """Inputs alone.

        Raises:
            ValueError: there is no dialogue, or one without turns.
        """
        if not dialogues or not all(dialogue.turns for dialogue in dialogues):
            raise ValueError("a batch needs at least one dialogue, and every dialogue at least one turn")
        shape = (len(dialogues), max(len(dialogue.turns) for dialogue in dialogues))
        mask, seconds = np.zeros(shape, bool), np.full(shape, np.nan, np.float32)
        for d, dialogue in enumerate(dialogues):
            mask[d, : len(dialogue.turns)] = True
            if not self.features.times:
                continue
            # since the first turn that has a time: of the seconds since 1970 single precision keeps no gap
            begin = next((turn.seconds for turn in dialogue.turns if turn.seconds is not None), 0.0)
            seconds[d, : len(dialogue.turns)] = [
                np.nan if turn.seconds is None else turn.seconds - begin for turn in dialogue.turns
            ]
        turns = [(d, t, turn) for d, dialogue in enumerate(dialogues) for t, turn in enumerate(dialogue.turns)]
        utterances, utterance_index = _distinct_utterances(turns, shape)
        texts: list[Text] = list(utterances) if self.pairing == "separate" else list(_pairs(turns))
        tokens = self.tokenization(texts or [""])
        buckets, position, first = make_buckets(tokens, self.tokenization.tokenizer.pad_token_id or 0)
        numbers = utterance_index if self.pairing == "separate" else _pair_index(turns, texts, shape)
        text_index = np.where(numbers >= 0, position[np.maximum(numbers, 0)], -1)
        requests = numbers[..., 0] if self.pairing == "separate" else np.where(utterance_index[..., 0] < 0, -1, numbers)
        index, owner, spans = _request_tokens(requests, tokens, first, shape[1])
        ngrams, starts = self._ngrams(utterances)
        features = self.features.encode(dialogues, shape[1], self.recordings)
        if self.sounds is not None and self.recordings is not None:
            buckets_of_sound, sound_index = self.sounds(dialogues, shape[1], self.recordings)
            features = replace(features, sounds=buckets_of_sound, sound_index=sound_index)
        return DialogueBatch(
            buckets=tuple(buckets), text_index=torch.from_numpy(text_index), ngrams=ngrams, ngram_starts=starts,
            utterance_index=torch.from_numpy(utterance_index), turn_mask=torch.from_numpy(mask),
            seconds=torch.from_numpy(seconds), features=features,
            token_index=index, token_turn=owner, token_spans=spans,
            nbest=encode_nbest(dialogues, shape[1], self.hypotheses),
            readings=self.readings.encode(dialogues, shape[1], owner, spans), targets={},
        )  # fmt: skip

    def truncated(self, dialogue: ObservedDialogue) -> int:
        """How many texts of a dialogue are longer than the encoder reads."""
        turns = [(0, t, turn) for t, turn in enumerate(dialogue.turns)]
        texts = _distinct_utterances(turns, (1, len(turns)))[0] if self.pairing == "separate" else _pairs(turns)
        return sum(tokens.truncated for tokens in self.tokenization(texts))

    def request_spans(self, turn: Turn) -> list[tuple[int, int]]:
        """Characters ``[start, end)`` of the request tokens that are read of a turn."""
        request, response = turn.request or "", turn.response or ""
        (tokens,) = self.tokenization([request if self.pairing == "separate" else (request, response)])
        return [span for span in tokens.spans if span[1] > span[0]]

    def missing_recordings(self, dialogue: ObservedDialogue) -> int:
        """How many recordings of a dialogue should be read, and are not there."""
        if not self.features.audio and self.sounds is None:
            return 0
        if self.recordings is None:
            return sum(turn.audio is not None for turn in dialogue.turns)
        return len(self.recordings.missing(dialogue))

    def num_tokens(self, dialogue: ObservedDialogue) -> int:
        """Tokens that the turn encoder reads for a dialogue by itself: its share of a token budget.

        A dialogue without any text takes one a turn: a batch of such dialogues must be full some time.
        """
        texts: list[Text]
        if self.pairing == "separate":
            texts = [text for turn in dialogue.turns for text in (turn.request, turn.response) if text is not None]
        else:
            texts = [(turn.request or "", turn.response or "") for turn in dialogue.turns]
        return sum(len(tokens.ids) for tokens in self.tokenization(texts)) or len(dialogue.turns)

    def _ngrams(self, utterances: Sequence[str]) -> tuple[Tensor, Tensor]:
        if not self.ngram_buckets:
            return torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long)
        bags = [hashed_ngrams(text, self.ngram_buckets) for text in utterances]
        starts = np.cumsum([0, *map(len, bags[:-1])]) if bags else np.zeros(0, np.int64)
        return torch.tensor([gram for bag in bags for gram in bag], dtype=torch.long), torch.from_numpy(starts).long()


_Placed = Sequence[tuple[int, int, Turn]]
Text = str | tuple[str, str]


def _distinct_utterances(turns: _Placed, shape: tuple[int, int]) -> tuple[list[str], np.ndarray]:
    numbers: dict[str, int] = {}
    index = np.full((*shape, 2), -1, np.int64)
    for d, t, turn in turns:
        for side, text in enumerate((turn.request, turn.response)):
            if text is not None:
                index[d, t, side] = numbers.setdefault(text, len(numbers))
    return list(numbers), index


def _pairs(turns: _Placed) -> list[tuple[str, str]]:
    return list(dict.fromkeys((turn.request or "", turn.response or "") for _, _, turn in turns))


def _pair_index(turns: _Placed, pairs: Sequence[str | tuple[str, str]], shape: tuple[int, int]) -> np.ndarray:
    numbers: dict[str | tuple[str, str], int] = {pair: i for i, pair in enumerate(pairs)}
    index = np.full(shape, -1, np.int64)
    for d, t, turn in turns:
        if turn.request is not None or turn.response is not None:
            index[d, t] = numbers[turn.request or "", turn.response or ""]
    return index


def _request_tokens(
    requests: np.ndarray, tokens: Sequence[Tokens], first: np.ndarray, num_turns: int
) -> tuple[Tensor, Tensor, Tensor]:
    index, owner, spans = [], [], []
    for d, t in np.argwhere(requests >= 0):
        text = int(requests[d, t])
        for place, span in enumerate(tokens[text].spans):
            if span[1] > span[0]:
                index.append(int(first[text]) + place)
                owner.append(int(d) * num_turns + int(t))
                spans.append(span)
    return (
        torch.tensor(index, dtype=torch.long),
        torch.tensor(owner, dtype=torch.long),
        torch.tensor(spans, dtype=torch.long).reshape(-1, 2),
    )
