import pytest
import torch

from selflearn.batching.texts import Tokenization, make_buckets
from selflearn.encoders import TurnEncoder, load_encoder

TEXTS = [
    "hi",
    "switch the light on",
    "a" * 40,
    "",
    "and now something rather long, so that it stands in another bucket",
]


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    model, tokenizer = load_encoder("tiny")
    return model.eval(), tokenizer


def encode(tiny, texts, parts):
    model, tokenizer = tiny
    buckets, position, first = make_buckets(Tokenization(tokenizer, max_tokens=128)(texts), tokenizer.pad_token_id)
    out = TurnEncoder(model, num_parts=parts).eval()(tuple(buckets))
    return out, position, first


def test_the_vector_of_a_text_is_the_mean_of_its_token_states(tiny):
    out, position, first = encode(tiny, TEXTS, 1)
    model, tokenizer = tiny
    for text, place, start in zip(TEXTS, position, first, strict=True):
        ids = tokenizer(text, return_tensors="pt").input_ids
        states = model(input_ids=ids).last_hidden_state[0]
        torch.testing.assert_close(out.vectors[place, 0], states.mean(0), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(out.tokens[start : start + len(states)], states, atol=1e-5, rtol=1e-5)


def test_a_pair_has_a_vector_for_each_half(tiny):
    pairs = [("switch it on", "done"), ("no", "a very long answer to a very short question"), ("hello", "")]
    out, position, _ = encode(tiny, pairs, 2)
    model, tokenizer = tiny
    assert out.vectors.shape == (3, 2, 32)
    for (request, response), place in zip(pairs, position, strict=True):
        encoded = tokenizer(request, response, return_tensors="pt")
        states = model(input_ids=encoded.input_ids).last_hidden_state[0]
        second = len(tokenizer(request).input_ids) + 1
        if response:
            torch.testing.assert_close(out.vectors[place, 0], states[:second].mean(0), atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(out.vectors[place, 1], states[second:].mean(0), atol=1e-5, rtol=1e-5)
        else:
            assert (out.vectors[place, 1] == 0).all()


def test_attention_is_not_planned_anew_for_every_shape(tiny, monkeypatch):
    model, _ = tiny
    asked, forward = [], type(model).forward

    def note(self, *args, **kwargs):
        asked.append(torch.backends.cuda.cudnn_sdp_enabled())
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(model), "forward", note)
    before = torch.backends.cuda.cudnn_sdp_enabled()
    encode(tiny, TEXTS, 1)
    assert asked
    assert not any(asked)
    assert torch.backends.cuda.cudnn_sdp_enabled() == before  # a caller's own attention is left as it was
