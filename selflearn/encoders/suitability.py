"""What an encoder must be able to do to read turns: heed the mask, know words, have places enough."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from selflearn.batching.batch import TextBucket
from selflearn.encoders.turn import TurnEncoder

_WORKS = "BERT, RoBERTa, DistilBERT, ModernBERT, or the encoder of T5 or BART"


_LEAK = 1e-4
"""Share of the largest state by which padding may change others: rounding is far below it."""


def check_words(tokenizer: Any, place: str) -> None:
    """See that a tokenizer has a vocabulary: where its files are missing, transformers makes one of special tokens.

    Raises:
        ValueError: it does not know the plainest words; names where it should be.
    """
    known = set(tokenizer("hello world", add_special_tokens=False).input_ids) - {tokenizer.unk_token_id}
    if not known:
        raise ValueError(
            f"the tokenizer of {place} has {len(tokenizer)} tokens and knows no word, as where its files are missing; "
            "expected tokenizer.json, or the vocabulary of the model, beside its weights"
        )


def check_encoder(encoder: PreTrainedModel) -> None:
    """Read two short texts alone and padded in one batch, as the turn encoder does, and compare their token states.

    Raises:
        ValueError: the encoder cannot be called in that way, or ignores the attention mask; names the architecture.
    """
    name = type(encoder).__name__
    try:
        ids, mask = _token_ids(encoder, 12).view(2, 6), torch.tensor([[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]])
        padding = getattr(encoder.config, "pad_token_id", None)
        ids = torch.where(mask > 0, ids, ids[:, -1:] if padding is None else padding)
        together = _states(encoder, ids, mask).view(2, 6, -1)
        alone = [_states(encoder, ids[i : i + 1, :n], mask[i : i + 1, :n]) for i, n in enumerate((3, 6))]
    except Exception as error:  # whatever an architecture raises that is called in a way which is not its own
        problem = " ".join(str(error).split())
        raise ValueError(
            f"{name} cannot read turns ({type(error).__name__}: {problem}); expected an architecture that takes "
            f"`inputs_embeds` and `attention_mask`, and returns a state a token as `last_hidden_state`: {_WORKS}"
        ) from error
    change = max(float((row[: len(own)] - own).abs().max()) for row, own in zip(together, alone, strict=True))
    if not change <= _LEAK * float(together.abs().max()):
        raise ValueError(
            f"{name} lets padding into its token states, whatever the attention mask says (they change by "
            f"{change:.2g}): labels would depend on the batch; expected an architecture that heeds the mask: {_WORKS}"
        )


def check_length(encoder: PreTrainedModel, tokens: int) -> None:
    """Read a text of so many tokens once: some encoders have fewer places, and say so only when one comes.

    Raises:
        ValueError: the encoder cannot read it, or none at all (:func:`check_encoder`).
    """
    try:
        _states(encoder, _token_ids(encoder, tokens)[None], torch.ones(1, tokens, dtype=torch.long))
    except Exception as error:
        check_encoder(encoder)  # what can read no text is not too short
        places = getattr(encoder.config, "max_position_embeddings", "fewer")
        raise ValueError(
            f"model.max_tokens is {tokens}, and {type(encoder).__name__} has {places} places for tokens (with those "
            f"that it keeps for itself); expected fewer tokens, or an encoder that reads longer texts ({error})"
        ) from error


def _token_ids(encoder: PreTrainedModel, number: int) -> Tensor:
    """So many tokens of the vocabulary that are not padding, ``[number]``."""
    padding = getattr(encoder.config, "pad_token_id", None)
    table = cast("nn.Embedding", encoder.get_input_embeddings())
    known = [token for token in range(min(len(table.weight), 64)) if token != padding]
    return torch.tensor(known).repeat(1 + number // len(known))[:number]


def _states(encoder: PreTrainedModel, ids: Tensor, mask: Tensor) -> Tensor:
    """Token states as the turn encoder has them, ``[U * L, H]``; ``ids [U, L]``, ``mask [U, L]``."""
    training, bucket = encoder.training, TextBucket(input_ids=ids, parts=mask, token_types=torch.zeros_like(ids))
    reader = TurnEncoder(encoder, num_parts=1)
    try:
        with torch.no_grad():
            states: Tensor = reader.eval()((bucket.to(encoder.device),)).tokens
    finally:
        encoder.train(training)
    if states.shape != (ids.numel(), reader.hidden_size):
        raise ValueError(f"{len(states)} states of width {states.shape[-1]} for {ids.numel()} tokens and a width of "
                         f"{reader.hidden_size}")  # fmt: skip
    return states
