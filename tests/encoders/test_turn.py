import pytest
import torch
from tokenizers import processors
from transformers import BertConfig, BertModel

from selflearn.batching.texts import Tokenization, make_buckets
from selflearn.encoders import TurnEncoder, load_encoder
from selflearn.encoders.pretrained import byte_level_tokenizer

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


@pytest.fixture(scope="module")
def bert():
    """A BERT with two segment embeddings, and a tokenizer that marks the halves of a pair as BERT's does."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=261, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, pad_token_id=1
    )
    tokenizer = byte_level_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s>:0 $A:0 </s>:0", pair="<s>:0 $A:0 </s>:0 $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    model = BertModel(config, add_pooling_layer=False)
    torch.nn.init.normal_(model.embeddings.token_type_embeddings.weight)  # wide enough to tell
    return model.eval(), tokenizer


PAIRS = [("switch it on", "done"), ("no", "a very long answer to a very short question"), ("hello", ""), ("", "who?")]


def test_an_encoder_with_segments_is_told_the_halves_of_a_pair_as_its_tokenizer_has_them(bert):
    model, tokenizer = bert
    out, position, first = encode(bert, PAIRS, 2)
    for (request, response), place, start in zip(PAIRS, position, first, strict=True):
        encoded = tokenizer([request], [response], return_tensors="pt")  # alone, an empty response would be left out
        assert encoded.token_type_ids[0, -1] == 1
        states = model(**encoded).last_hidden_state[0]
        torch.testing.assert_close(out.tokens[start : start + len(states)], states, atol=1e-5, rtol=1e-5)
        untold = model(input_ids=encoded.input_ids).last_hidden_state[0]
        assert (untold - states).abs().max() > 0.1
        if response and request:
            half = int((encoded.token_type_ids == 0).sum())
            torch.testing.assert_close(out.vectors[place, 0], states[:half].mean(0), atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(out.vectors[place, 1], states[half:].mean(0), atol=1e-5, rtol=1e-5)


def test_single_texts_are_read_as_ever_to_the_digit(bert, monkeypatch):
    model, _ = bert
    alone = encode(bert, TEXTS, 1)[0]
    beside_pairs = encode(bert, TEXTS, 2)[0]  # as candidate responses are, which stand alone
    given, forward = [], type(model).forward

    def note(self, *args, **kwargs):
        given.append(kwargs.pop("token_type_ids", None))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(model), "forward", note)
    untold = encode(bert, TEXTS, 1)[0]
    assert set(given) == {None}
    for found in (alone, beside_pairs):
        assert torch.equal(found.tokens, untold.tokens)


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
