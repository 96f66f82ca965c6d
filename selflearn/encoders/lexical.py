"""The wide part: a sum of embeddings of hashed word n-grams, beside the turn encoder.

A bag of words with its neighbours is strong on these tasks, and a fine-tuned encoder needs many examples to learn what
a table of words learns from few. The idea is that of Cheng et al., "Wide & Deep Learning", 2016.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class LexicalEncoder(nn.Module):
    """Vectors of utterances from their n-grams.

    Args:
        buckets: size of the hash table.
        size: width of the vectors, ``X``.
        dropout: share of n-grams dropped in training.
    """

    def __init__(self, buckets: int, size: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(buckets, size, mode="sum")
        self.dropout = dropout
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, ngrams: Tensor, starts: Tensor) -> Tensor:
        """Sum of the embeddings, divided by the root of their number.

        Args:
            ngrams: numbers of the n-grams of all utterances, long, ``[n-grams]``.
            starts: where each utterance begins, long, ``[V]``.

        Returns:
            float, ``[V, X]``.
        """
        if not len(starts):
            return self.embedding.weight.new_zeros(0, self.embedding.embedding_dim)
        counts = torch.diff(starts, append=starts.new_tensor([len(ngrams)]))
        each = counts.clamp(min=1).rsqrt().repeat_interleave(counts)
        weights = functional.dropout(each.to(self.embedding.weight.dtype), self.dropout, self.training)
        vectors: Tensor = self.embedding(ngrams, starts, per_sample_weights=weights)
        return vectors
