import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from selflearn.batching.texts import Tokenization, Tokens, make_buckets
from selflearn.encoders.pretrained import byte_level_tokenizer

TOKENIZER = byte_level_tokenizer()
TEXT = st.text(max_size=30)


def tokenization(max_tokens=64, **options):
    return Tokenization(TOKENIZER, max_tokens=max_tokens, **options)


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_spans_hold_the_characters_of_the_text_in_order_and_leave_none_out_but_blanks(texts):
    for text, tokens in zip(texts, tokenization(256)(texts), strict=True):
        spans = [span for span in tokens.spans if span != (0, 0)]
        assert spans == sorted(spans)
        assert all(0 <= start < end <= len(text) for start, end in spans)
        covered = {i for start, end in spans for i in range(start, end)}
        assert {i for i, char in enumerate(text) if not char.isspace()} <= covered
        assert set(tokens.parts) == {1}
        assert not tokens.truncated


def test_a_character_of_several_bytes_is_one_place_in_the_text():
    (tokens,) = tokenization()(["é🎵x"])
    assert [span for span in tokens.spans if span != (0, 0)] == [(0, 1)] * 2 + [(1, 2)] * 4 + [(2, 3)]


def words_with_the_blanks_before_them():
    """As the tokenizers of T5 and ModernBERT, whose tokens have the blank before a word among their characters."""
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("▁", -3.0), ("▁play", -1.0), ("▁nina", -1.0)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


@pytest.mark.parametrize("text", ["play nina simone", " play  nina\tsimone "])
def test_spans_hold_no_blank_whatever_the_tokenizer_counts_to_a_word(text):
    reads = Tokenization(words_with_the_blanks_before_them(), max_tokens=64)
    for tokens in (*reads([text]), *reads([(text, "nina")])):
        spans = [span for span in tokens.spans if span != (0, 0)]
        assert "".join(text[start:end] for start, end in spans) == "playninasimone"
        assert not any(char.isspace() for start, end in spans for char in text[start:end])


def test_a_pair_has_the_request_in_part_1_and_the_response_in_part_2_and_spans_of_the_request_alone():
    (tokens,) = tokenization()([("ab", "cdé")])
    assert tokens.parts == (1,) * 5 + (2,) * 5  # <s> a b </s> </s> | c d e-acute (two bytes) </s>
    assert [span for span in tokens.spans if span != (0, 0)] == [(0, 1), (1, 2)]


@pytest.mark.parametrize("pair", [("", "yes"), ("yes", ""), ("", "")])
def test_an_empty_half_of_a_pair_has_no_spans_of_the_other_half(pair):
    (tokens,) = tokenization()([pair])
    assert len([span for span in tokens.spans if span != (0, 0)]) == len(pair[0])
    assert len(tokens.ids) == len(tokens.parts) == len(tokens.spans)


@pytest.mark.parametrize(
    ("text", "cut"), [("a" * 14, False), ("a" * 15, True), ("word " * 5000, True), ("a" * 10**6, True)]
)
def test_a_text_that_is_too_long_is_cut_and_says_so(text, cut):
    (tokens,) = tokenization(16)([text])
    assert len(tokens.ids) <= 16
    assert tokens.truncated is cut


@pytest.mark.parametrize(
    ("pair", "cut"),
    [(("a" * 6, "b" * 6), False), (("a" * 40, "b"), True), (("a", "b" * 40), True), (("a", "b" * 10**6), True)],
)
def test_a_pair_that_is_too_long_is_cut_and_says_so_and_keeps_both_halves(pair, cut):
    (tokens,) = tokenization(16)([pair])
    assert (len(tokens.ids) <= 16, tokens.truncated, set(tokens.parts)) == (True, cut, {1, 2})


def test_a_text_is_tokenised_once_and_the_cache_stays_small(monkeypatch):
    calls = []
    tokens = tokenization(cache_size=3)
    monkeypatch.setattr(tokens, "_encode", lambda texts, encode=tokens._encode: calls.append(texts) or encode(texts))
    first = tokens(["a", "b", "a"])
    assert first[0] is first[2]
    assert tokens(["b", "c"])[0] is first[1]
    tokens(["a", "d"])  # four would be too many: it begins anew
    assert calls == [["a", "b"], ["c"], ["a", "d"]]
    assert len(tokens(["e", "f", "g", "h", "i"])) == 5


def test_a_tokenizer_without_offsets_is_refused():
    class Slow:
        is_fast = False

    with pytest.raises(ValueError, match="Slow gives no character offsets; expected a fast tokenizer"):
        Tokenization(Slow(), max_tokens=8)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=200))
def test_buckets_hold_every_text_once_in_the_place_they_say(lengths):
    texts = tokenization(80)(["x" * n for n in lengths])
    buckets, position, first = make_buckets(texts, TOKENIZER.pad_token_id)
    assert sorted(position) == list(range(len(texts)))
    assert sum(len(bucket.input_ids) for bucket in buckets) == len(texts)
    flat = np.concatenate([bucket.input_ids.numpy().ravel() for bucket in buckets])
    parts = np.concatenate([bucket.parts.numpy().ravel() for bucket in buckets])
    rows = [row for bucket in buckets for row in bucket.input_ids.tolist()]
    assert (parts > 0).sum() == sum(len(text.ids) for text in texts)
    for text, place, start in zip(texts, position, first, strict=True):
        n = len(text.ids)
        assert tuple(rows[place][:n]) == text.ids
        assert tuple(flat[start : start + n]) == text.ids
        assert set(rows[place][n:]) <= {TOKENIZER.pad_token_id}


def padded(lengths):
    texts = [Tokens((0,) * n, (1,) * n, (0,) * n, ((0, 0),) * n, False) for n in lengths]
    return [bucket.input_ids.shape for bucket in make_buckets(texts, 0)[0]]


def cost(shapes):
    """Padded tokens, and a hundred for each pass."""
    return sum(rows * width + 100 for rows, width in shapes)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=7))
def test_no_other_buckets_cost_less(lengths):
    lengths = sorted(lengths)
    cuts = itertools.product([False, True], repeat=len(lengths) - 1)
    ways = []
    for cut in cuts:
        edges = [0, *(i + 1 for i, here in enumerate(cut) if here), len(lengths)]
        ways.append([(end - start, lengths[end - 1]) for start, end in itertools.pairwise(edges)])
    assert cost(padded(lengths)) == min(map(cost, ways))


def test_long_and_short_texts_in_number_are_not_padded_together_and_few_are():
    assert padded([5] * 500 + [150] * 20) == [(500, 5), (20, 150)]
    assert padded([5, 9, 12]) == [(3, 12)]
