from __future__ import annotations

import pytest
import torch

from selflearn.tasks import EncodedBatch, SegmentationTask, StateSizes


def encoded(turns: torch.Tensor, *, causal: bool = False, context: bool = True) -> EncodedBatch:
    texts = turns[:, :, None].expand(-1, -1, 2, -1)
    return EncodedBatch(
        turns=turns,
        texts=texts,
        lexical=None,
        tokens=turns,
        inputs=None,
        causal=causal,
        context=context,
    )


@pytest.mark.parametrize(
    ("settings", "seen"),
    [({}, {0, 1, 2}), ({"causal": True}, {0, 1}), ({"context": False}, {1})],
    ids=["bidirectional", "causal", "no context"],
)
def test_a_head_sees_the_neighbours_of_a_turn_as_far_as_the_model_may(settings: dict[str, bool], seen: set[int]):
    head = SegmentationTask().build_head(StateSizes(turn=4, token=4), dropout=0.0)
    turns = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(0))
    before = head(encoded(turns, **settings))[0, 1]
    for changed in range(3):
        other = turns.clone()
        other[0, changed] += 1.0
        after = head(encoded(other, **settings))[0, 1]
        assert torch.equal(before, after) == (changed not in seen)


@pytest.mark.parametrize("context", [True, False])
def test_the_response_before_is_seen_where_there_is_one_and_with_context_alone(context: bool):
    turns = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(0))
    before = encoded(turns, context=context).response_before()
    assert torch.equal(before[0, 0], torch.zeros(4))
    assert torch.equal(before[0, 1:], turns[0, :2] if context else torch.zeros(2, 4))
