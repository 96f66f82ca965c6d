"""What a turn encoder says of texts while it does not learn: each text is read once, for all epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from hashlib import blake2b

import torch
from torch import Tensor

from selflearn._progress import Progress
from selflearn.batching.batch import TextBucket
from selflearn.encoders import TurnEncoder

Buckets = tuple[TextBucket, ...]


class KnownTexts:
    """Text vectors of a frozen turn encoder, without dropout.

    The texts of the training dialogues are read in one pass before the first step, in the same batches whenever a
    training is begun or goes on: the last digits of a vector depend on the texts read beside it, and a vector that was
    remembered from a step would be another one after a resume. Other texts (responses with exchanged values) are read
    in the batch that has them, and are not remembered.

    Args:
        encoder: does not learn.
        batches: makes the batches of that pass, each with the number of its dialogues.
        most: texts that are remembered; those beyond it are read in every batch.
        bar: shows how many dialogues are read.
    """

    def __init__(
        self,
        encoder: TurnEncoder,
        batches: Callable[[], Iterator[tuple[int, Buckets]]] = lambda: iter(()),
        *,
        most: int = 200_000,
        bar: Callable[[], AbstractContextManager[Progress]] | None = None,
    ) -> None:
        self.encoder, self.batches, self.most = encoder, batches, most
        self.bar = bar or (lambda: nullcontext(lambda _: None))
        self.rows: dict[bytes, int] = {}
        self.table = torch.zeros(1, encoder.num_parts, encoder.hidden_size)  # row 0: a text that is not known

    def read(self) -> None:
        """Read the texts of the training dialogues."""
        tables, count = [self.table[:1]], 1
        self.rows.clear()
        with self.bar() as progress:
            for number, buckets in self.batches():
                for bucket in buckets:
                    keys = _keys(bucket)
                    new = [i for i, key in enumerate(keys) if key not in self.rows][: self.most + 1 - count]
                    if new:
                        tables.append(self._vectors(bucket, torch.tensor(new)).cpu())
                        self.rows |= {keys[i]: count + place for place, i in enumerate(new)}
                        count += len(new)
                progress(number)
        self.table = torch.cat(tables)

    def __call__(self, buckets: Buckets) -> Tensor:
        """Text vectors of a batch, ``[sum(U), P, H]``, as :class:`~selflearn.encoders.TurnEncoder` gives them."""
        found = []
        for bucket in buckets:
            rows = torch.tensor([self.rows.get(key, 0) for key in _keys(bucket)])
            vectors, unknown = self.table[rows].to(bucket.input_ids.device), (rows == 0).nonzero().squeeze(1)
            if len(unknown):
                vectors[unknown] = self._vectors(bucket, unknown)
            found.append(vectors)
        return torch.cat(found)

    @torch.no_grad()
    def _vectors(self, bucket: TextBucket, numbers: Tensor) -> Tensor:
        """Of some texts of a bucket."""
        training = self.encoder.training
        self.encoder.eval()
        some = TextBucket(
            input_ids=bucket.input_ids[numbers], parts=bucket.parts[numbers], token_types=bucket.token_types[numbers]
        ).to(next(self.encoder.parameters()).device)
        vectors: Tensor = self.encoder((some,)).vectors
        self.encoder.train(training)
        return vectors


def _keys(bucket: TextBucket) -> list[bytes]:
    """What tells the texts of a bucket apart: their tokens, and which half of a pair each is of."""
    ids, parts = bucket.input_ids.cpu().numpy(), bucket.parts.cpu().numpy()
    return [
        blake2b(tokens[kept].tobytes() + halves[kept].tobytes(), digest_size=16).digest()
        for tokens, halves, kept in zip(ids, parts, parts > 0, strict=True)
    ]
