from contextlib import contextmanager

import pytest
import torch

from selflearn.pretraining import RandomResponse, SwapCollator, SwapConfig, SwapObjectives, collect_responses
from selflearn.pretraining.known_texts import KnownTexts
from tests.fixtures.dialogues import home_dialogues, tiny_model

DIALOGUES = home_dialogues(30)
OBSERVED = [dialogue.observed() for dialogue in DIALOGUES]


def batches(collator, size=4):
    for start in range(0, len(OBSERVED), size):
        some = OBSERVED[start : start + size]
        yield len(some), collator.inputs(some).buckets


@pytest.fixture(params=["separate", "pair"])
def made(request):
    """A model whose encoder has dropout, its collator, and how many texts its encoder has read since."""
    model, tokenizer = tiny_model(DIALOGUES, pairing=request.param, dropout=0.0)
    read = []
    encode = model.turn_encoder.forward
    model.turn_encoder.forward = lambda buckets: read.append(sum(len(b.input_ids) for b in buckets)) or encode(buckets)
    return model, model.collator(tokenizer, with_targets=False), read


def test_vectors_are_those_of_the_encoder_and_every_text_is_read_once(made):
    model, collator, read = made
    known = KnownTexts(model.turn_encoder, lambda: batches(collator))
    known.read()
    distinct = {row.tobytes() for _, b in batches(collator, 1) for row in padded(b)}
    assert sum(read) == len(known.rows) == len(distinct)
    read.clear()
    buckets = collator.inputs(OBSERVED[3:11]).buckets
    found = known(buckets)
    assert not read
    torch.testing.assert_close(found, model.turn_encoder(buckets).vectors, rtol=1e-5, atol=1e-5)
    known.read()  # a training that goes on
    torch.testing.assert_close(known(buckets), found, rtol=0, atol=0)


def padded(buckets):
    for bucket in buckets:
        both = torch.stack([bucket.input_ids * (bucket.parts > 0), bucket.parts], -1)
        yield from torch.nn.functional.pad(both, (0, 0, 0, 200 - both.shape[1])).numpy()


def test_what_is_not_known_is_read_in_its_batch_and_not_remembered(made):
    model, collator, read = made
    known = KnownTexts(model.turn_encoder, lambda: batches(collator), most=5)
    known.read()
    assert len(known.rows) == 5
    buckets = collator.inputs(OBSERVED[:8]).buckets
    texts = sum(len(bucket.input_ids) for bucket in buckets)
    for _ in range(2):
        read.clear()
        torch.testing.assert_close(known(buckets), model.turn_encoder(buckets).vectors, rtol=1e-5, atol=1e-5)
        assert sum(read) == 2 * texts - 5  # the comparison reads all of them
    assert len(known.rows) == 5


def test_dropout_of_a_frozen_encoder_does_not_tell_what_is_known(made):
    """Responses with exchanged values are not; with dropout in them alone they would be given away."""
    model, collator, _ = made
    for module in model.turn_encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    model.train()
    buckets = collator.inputs(OBSERVED[:8]).buckets
    known = KnownTexts(model.turn_encoder)
    torch.testing.assert_close(known(buckets), known(buckets), rtol=0, atol=0)
    assert model.turn_encoder.training


def test_objectives_are_the_same_with_known_texts_and_without(made):
    model, collator, _ = made
    grades = {"random": RandomResponse(collect_responses(OBSERVED, size=500, seed=0))}
    batch = SwapCollator(collator, grades, SwapConfig(shares={"random": 1.0}), seed=5)(OBSERVED[:8], 0)
    model.turn_encoder.requires_grad_(False)
    outs = []
    known = KnownTexts(model.turn_encoder, lambda: batches(collator))
    known.read()
    for given in (None, known):
        torch.manual_seed(0)
        heads = SwapObjectives(size=model.config.size, text_size=model.turn_encoder.hidden_size, known=given)
        outs.append(heads(model, batch))
    for name in ("detection_logits", "contrast_logits"):
        torch.testing.assert_close(getattr(outs[0], name), getattr(outs[1], name), rtol=1e-4, atol=1e-4)


def test_a_bar_counts_dialogues(made):
    model, collator, _ = made
    done = []

    @contextmanager
    def bar():
        yield done.append

    KnownTexts(model.turn_encoder, lambda: batches(collator), bar=bar).read()
    assert sum(done) == len(OBSERVED)
