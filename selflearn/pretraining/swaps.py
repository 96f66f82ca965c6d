"""Swapped and hidden responses: the batches of self-supervised pretraining.

In each epoch, for each dialogue, some responses are replaced by wrong ones (to be detected), some are hidden (to be
found among the responses of the batch), the rest stays. What happens depends on (seed, epoch, dialogue) alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from selflearn._limits import Limit, check_each, check_values
from selflearn.batching.batch import DialogueBatch, Movable, TextBucket
from selflearn.batching.collator import Collator
from selflearn.batching.texts import make_buckets
from selflearn.pretraining.grades import Grade, dialogue_key, near_duplicates
from selflearn.schema import ObservedDialogue

INTACT, SWAPPED, HIDDEN = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapConfig:
    """How much is changed, and how.

    Attributes:
        swapped: share of the responses that are replaced.
        hidden: share of the responses that are hidden.
        shares: weight of each grade; where a grade has nothing to offer, the next of the list is tried.

    Raises:
        SettingError: a value is not of its kind, or a weight is negative.
        ValueError: all weights are 0, or ``swapped`` and ``hidden`` have no sum in (0, 1].
    """

    swapped: float = 0.3
    hidden: float = 0.2
    shares: Mapping[str, float]

    def __post_init__(self) -> None:
        """Check shares."""
        check_values(self)
        if not 0 < self.swapped + self.hidden <= 1 or min(self.swapped, self.hidden) < 0:
            raise ValueError(f"swapped={self.swapped} and hidden={self.hidden}; expected shares with a sum in (0, 1]")
        check_each("shares", self.shares, Annotated[float, Limit(least=0)])
        if sum(self.shares.values()) <= 0:
            raise ValueError(f"the shares of the grades are {dict(self.shares)}; expected weights of 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingBatch(Movable):
    """A batch of changed dialogues and what was changed.

    Attributes:
        inputs: the changed dialogues.
        swapped: float ``[D, T]``; 1 swapped, 0 intact, -1 no response or hidden.
        hidden_turns: long ``[Q]``: turns whose response was hidden, as ``dialogue * T + turn``.
        candidates: buckets of the distinct hidden responses.
        candidate_order: long ``[Q]``: the candidate that is the true response.
        forbidden: bool ``[Q, candidates]``: near-duplicates of the true response, which are no negatives.
    """

    inputs: DialogueBatch
    swapped: Tensor
    hidden_turns: Tensor
    candidates: tuple[TextBucket, ...]
    candidate_order: Tensor
    forbidden: Tensor

    @property
    def num_tokens(self) -> int:
        """Tokens that the turn encoder has to read."""
        return self.inputs.num_tokens + sum(bucket.input_ids.numel() for bucket in self.candidates)


class SwapCollator:
    """Makes pretraining batches.

    Args:
        collator: makes inputs.
        grades: by name, every name of ``config.shares``.
        config: shares.
        seed: of everything drawn.

    Attributes:
        drawn: responses that were replaced so far, by the grade that the wrong one is of.

    Raises:
        ValueError: ``grades`` lacks one that has a share.
    """

    def __init__(self, collator: Collator, grades: Mapping[str, Grade], config: SwapConfig, *, seed: int) -> None:
        missing = sorted({name for name, share in config.shares.items() if share > 0} - set(grades))
        if missing:
            raise ValueError(f"no grade is called {missing[0]!r}; there are {', '.join(sorted(grades))}")
        used = {name: grade for name, grade in grades.items() if config.shares.get(name, 0) > 0}
        self.collator, self.grades, self.config, self.seed = collator, used, config, seed
        self.drawn: Counter[str] = Counter()

    def change(self, dialogue: ObservedDialogue, epoch: int) -> tuple[ObservedDialogue, list[int]]:
        """The dialogue with some responses swapped or hidden, and what was done to each turn (-1: no response).

        Features of the log are left as they are; the model leaves them out in pretraining, as those of a swapped turn
        would give it away.
        """
        rng = np.random.default_rng([self.seed, epoch, crc32(dialogue_key(dialogue).encode())])
        turns, done = list(dialogue.turns), []
        for t, turn in enumerate(dialogue.turns):
            lot = rng.random()
            grade, wrong = self._wrong(dialogue, t, rng) if turn.response and lot < self.config.swapped else ("", None)
            if not turn.response:
                done.append(-1)
            elif wrong is not None:
                turns[t] = replace(turn, response=wrong)
                done.append(SWAPPED)
                self.drawn[grade] += 1
            elif self.config.swapped <= lot < self.config.swapped + self.config.hidden:
                turns[t] = replace(turn, response=None)
                done.append(HIDDEN)
            else:
                done.append(INTACT)
        return replace(dialogue, turns=tuple(turns)), done

    def _wrong(self, dialogue: ObservedDialogue, turn: int, rng: np.random.Generator) -> tuple[str, str | None]:
        """A wrong response and the grade that it is of: the one drawn, or the next that has something to offer."""
        names = list(self.grades)
        weights = np.array([self.config.shares[name] for name in names])
        first = int(rng.choice(len(names), p=weights / weights.sum()))
        for name in (*names[first:], *names[:first]):
            wrong = self.grades[name].draw(dialogue, turn, rng)
            if wrong is not None:
                return name, wrong
        return "", None

    def __call__(self, dialogues: Sequence[ObservedDialogue], epoch: int) -> PretrainingBatch:
        """A batch of an epoch."""
        changed = [self.change(dialogue, epoch) for dialogue in dialogues]
        inputs = self.collator.inputs([dialogue for dialogue, _ in changed])
        swapped = torch.full(tuple(inputs.turn_mask.shape), -1.0)
        hidden: list[tuple[int, str]] = []
        for d, (_, done) in enumerate(changed):
            for t, what in enumerate(done):
                if what in (INTACT, SWAPPED):
                    swapped[d, t] = float(what)
                elif what == HIDDEN:
                    hidden.append((d * inputs.num_turns + t, dialogues[d].turns[t].response or ""))
        texts = list(dict.fromkeys(text for _, text in hidden))
        buckets, position, _ = make_buckets(
            self.collator.tokenization(texts), self.collator.tokenization.tokenizer.pad_token_id or 0
        )
        number = {text: int(place) for text, place in zip(texts, position, strict=True)}
        by_place = sorted(texts, key=number.__getitem__)
        return PretrainingBatch(
            inputs=inputs, swapped=swapped, hidden_turns=torch.tensor([turn for turn, _ in hidden], dtype=torch.long),
            candidates=tuple(buckets), candidate_order=torch.tensor([number[text] for _, text in hidden]).long(),
            forbidden=torch.tensor([[a != b and near_duplicates(a, b) for b in by_place] for _, a in hidden],
                                   dtype=torch.bool).reshape(len(hidden), len(texts)),
        )  # fmt: skip
