"""Puts together the grades that a configuration names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional

from selflearn.batching.texts import Tokenization, make_buckets
from selflearn.encoders import TurnEncoder, load_encoder
from selflearn.encoders.bfloat16 import computes_bfloat16
from selflearn.models import LabelGenerator
from selflearn.pretraining.annotated import SameActsResponse
from selflearn.pretraining.grades import (
    ExchangedValues,
    Grade,
    NearestResponse,
    RandomResponse,
    SameHypothesisResponse,
    collect_responses,
)
from selflearn.pretraining.swaps import SwapCollator, SwapConfig
from selflearn.schema import Dialogue

GRADES = ("random", "hypothesis", "nearest", "exchanged", "same_acts")
"""Names of the grades; ``same_acts`` reads annotation and is for comparison only."""


class FrozenEncoder:
    """Unit vectors of texts from an encoder as it was pretrained by others; a text is encoded once.

    Args:
        name: of the encoder.
        cache_size: texts whose vectors are kept.
        batch_size: texts encoded at a time.
    """

    def __init__(self, name: str, *, cache_size: int = 100_000, batch_size: int = 256) -> None:
        model, tokenizer = load_encoder(name, dropout=0.0)
        self.bf16 = computes_bfloat16(torch.device("cpu"))
        self.encoder = TurnEncoder(model, num_parts=1).eval()
        self.tokenization = Tokenization(tokenizer, max_tokens=64)
        self.pad_id = tokenizer.pad_token_id or 0
        self.cache_size, self.batch_size = cache_size, batch_size
        self.cache: dict[str, np.ndarray] = {}

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """``[len(texts), H]``, float32."""
        missing = sorted({text for text in texts if text not in self.cache}, key=_by_length)
        if len(self.cache) + len(missing) > self.cache_size:
            self.cache.clear()
            missing = sorted(set(texts), key=_by_length)
        for start in range(0, len(missing), self.batch_size):
            chunk = missing[start : start + self.batch_size]
            buckets, position, _ = make_buckets(self.tokenization(chunk), self.pad_id)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
                vectors = self.encoder(tuple(buckets)).vectors[:, 0].float()
            rows = functional.normalize(vectors, dim=-1).numpy()
            self.cache.update((text, rows[place]) for text, place in zip(chunk, position, strict=True))
        return np.stack([self.cache[text] for text in texts])


def _by_length(text: str) -> tuple[int, str]:
    """An order that is the same in every process: of a set, Python makes it anew in each."""
    return len(text), text


def check_grades(names: Sequence[str]) -> None:
    """Refuse what is none of :data:`GRADES`.

    Raises:
        ValueError: a name is unknown.
    """
    unknown = [name for name in names if name not in GRADES]
    if unknown:
        raise ValueError(f"no grade of swapped answers is called {unknown[0]!r}; there are {', '.join(GRADES)}")


def make_grades(
    names: Sequence[str], dialogues: Sequence[Dialogue], *, encoder: str, pool_size: int, seed: int
) -> dict[str, Grade]:
    """The named grades over the responses of these dialogues.

    Args:
        names: of :data:`GRADES`.
        dialogues: only what is observed in them is read, except for ``same_acts``.
        encoder: name of the frozen encoder for ``nearest``.
        pool_size: responses in the pool.
        seed: of the pool.

    Raises:
        ValueError: a name is unknown, or the dialogues have no response.
    """
    check_grades(names)
    pool = collect_responses((dialogue.observed() for dialogue in dialogues), size=pool_size, seed=seed)
    if not pool:
        raise ValueError(
            f"none of the {len(dialogues)} dialogues has a response, so that there is nothing to swap; "
            "leave pretraining out (pretraining=none; in Python, no epochs of it)"
        )
    makers: dict[str, Callable[[], Grade]] = {
        "random": lambda: RandomResponse(pool),
        "hypothesis": lambda: SameHypothesisResponse(pool),
        "nearest": lambda: NearestResponse(pool, FrozenEncoder(encoder)),
        "exchanged": lambda: ExchangedValues(pool),
        "same_acts": lambda: SameActsResponse(dialogues),
    }
    return {name: makers[name]() for name in names}


def make_swaps(
    model: LabelGenerator,
    tokenizer: object,
    dialogues: Sequence[Dialogue],
    config: SwapConfig,
    *,
    encoder: str,
    pool_size: int,
    seed: int,
) -> SwapCollator:
    """What makes pretraining batches for a model, with wrong responses out of these dialogues.

    Raises:
        ValueError: as :func:`make_grades`.
    """
    used = [name for name, share in config.shares.items() if share > 0]
    grades = make_grades(used, dialogues, encoder=encoder, pool_size=pool_size, seed=seed)
    inputs = model.collator(tokenizer, with_targets=False)  # type: ignore[arg-type]
    inputs.recordings = None  # features are not read here, and sounds take long
    return SwapCollator(inputs, grades, config, seed=seed)
