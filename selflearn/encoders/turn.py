"""The turn encoder: distinct texts to token states and text vectors, with an encoder of `transformers`."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from selflearn.batching.batch import TextBucket
from selflearn.encoders.attention import attention_kernels


@dataclass
class TurnEncoderOutput(ModelOutput):
    """Output of :class:`TurnEncoder`.

    Attributes:
        tokens: float, ``[sum(U * L), H]``: token states of every bucket, one text after the other, padding included.
        vectors: float, ``[sum(U), P, H]``: one vector per text (``P`` = 1) or per half of a pair (``P`` = 2).
    """

    tokens: Tensor | None = None
    vectors: Tensor | None = None


class TurnEncoder(nn.Module):
    """Reads texts, or request-response pairs, and returns token states and their means.

    The vector of a text is the mean of its token states, special tokens included, as the sentence encoders do that
    MiniLM comes from (Reimers & Gurevych, "Sentence-BERT", EMNLP 2019); of a pair, the mean of each half. An encoder
    that was pretrained with a segment embedding for each half (BERT, and MiniLM) is told which is which.

    Args:
        model: an encoder that takes ``inputs_embeds``, heeds ``attention_mask`` and returns ``last_hidden_state``; one
            from :func:`~selflearn.encoders.load_encoder` does.
        num_parts: 1 for single texts, 2 for pairs.
    """

    def __init__(self, model: PreTrainedModel, *, num_parts: int) -> None:
        super().__init__()
        self.model, self.num_parts = model, num_parts
        several = int(getattr(model.config, "type_vocab_size", None) or 0) > 1
        takes = inspect.signature(model.forward).parameters
        self._tells_halves = num_parts > 1 and several and "token_type_ids" in takes

    @property
    def hidden_size(self) -> int:
        """``H``."""
        return int(self.model.config.hidden_size)

    def forward(self, buckets: tuple[TextBucket, ...]) -> TurnEncoderOutput:
        """Encode the distinct texts of a batch, bucket by bucket."""
        tokens, vectors = [], []
        ids = [bucket.input_ids.flatten() for bucket in buckets]
        # Looked up once for all buckets: the gradient of every look-up is as large as the whole table.
        words = self.model.get_input_embeddings()(torch.cat(ids)).split([len(of_bucket) for of_bucket in ids])
        for bucket, of_bucket in zip(buckets, words, strict=True):
            inputs = {
                "inputs_embeds": of_bucket.view(*bucket.input_ids.shape, -1),
                "attention_mask": (bucket.parts > 0).long(),
            }
            if self._tells_halves:
                inputs["token_type_ids"] = bucket.token_types
            with attention_kernels():
                states = self.model(**inputs).last_hidden_state  # [U, L, H]
            tokens.append(states.reshape(-1, states.shape[-1]))
            members = torch.stack([bucket.parts == part + 1 for part in range(self.num_parts)], 1)  # [U, P, L]
            weights = members.to(states.dtype) / members.sum(-1, keepdim=True).clamp(min=1)
            vectors.append((weights @ states).float())
        return TurnEncoderOutput(tokens=torch.cat(tokens), vectors=torch.cat(vectors))
