"""Tests of words, spans and their gold labels."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from selflearn.baselines.spans import GoldSpans, Spans, decode_tags
from selflearn.baselines.vectors import neighbour_rows, take_rows
from selflearn.baselines.words import PairVectorizer, Words
from selflearn.schema import Dialogue, Labels, Slot, Turn, TurnLabels
from selflearn.tasks import bio


def one_turn(request, slots):
    turns = (TurnLabels(slots=slots),)
    return Dialogue(id="x", corpus="made", split="train", turns=(Turn(request=request),), labels=Labels(turns=turns))


@given(st.lists(st.text(max_size=30), max_size=4))
def test_words_stand_where_they_say_and_leave_out_blanks_alone(texts):
    words = Words.of(texts)
    rest = [list(text) for text in texts]
    for form, (start, end), owner in zip(words.ids, words.places, words.owner, strict=True):
        assert texts[owner][start:end] == words.forms[form]
        rest[owner][start:end] = " " * (end - start)
    assert all("".join(text).isspace() or not text for text in rest)


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.booleans()), max_size=12))
def test_spans_cover_the_tagged_words_once_and_stay_in_their_text(marks):
    tags = np.array([tag for tag, _ in marks], np.int64)
    owner = np.cumsum([new for _, new in marks]).astype(np.int64)
    found = Spans.of(tags, owner)
    covered = [word for first, end in zip(found.first, found.end, strict=True) for word in range(first, end)]
    assert covered == np.flatnonzero(tags).tolist()
    for first, end in zip(found.first, found.end, strict=True):
        assert len(set(owner[first:end])) == 1
        assert all(tag == 2 for tag in tags[first + 1 : end])


@given(st.lists(st.tuples(st.integers(0, 2**16), st.booleans()), max_size=8))
def test_decoded_tags_are_the_most_probable_valid_ones(marks):
    rng = np.random.default_rng([seed for seed, _ in marks])
    probabilities = rng.dirichlet(np.ones(3), len(marks))
    text = np.cumsum([new for _, new in marks]).astype(np.int64)
    found = decode_tags(probabilities, text)
    before = neighbour_rows(text, -1)

    def is_valid(tags):
        return all(before[i] >= 0 and tags[before[i]] for i, tag in enumerate(tags) if tag == 2)

    def value(tags):
        return sum(np.log(probabilities[i, tag]) for i, tag in enumerate(tags))

    assert is_valid(found)
    assert value(found) == pytest.approx(max(value(t) for t in product(range(3), repeat=len(marks)) if is_valid(t)))


def test_a_very_long_text_is_decoded_beside_short_ones(monkeypatch):
    lengths = [1, 3000, 2, 0, 5, 3]
    text = np.repeat(np.arange(len(lengths)), lengths)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), len(text))
    whole = decode_tags(probabilities, text)
    monkeypatch.setattr(bio, "PADDED_TOKENS", 4)
    assert decode_tags(probabilities, text).tolist() == whole.tolist()


def test_pairs_of_words_are_known_when_met_twice():
    words = Words.of(["go to Oslo", "Go to Lima"])
    pairs = PairVectorizer().fit(words)
    before, after = (pairs.transform(words, offset).toarray() for offset in (-1, 0))
    assert before.shape == after.shape
    assert before.sum(1).tolist() == [0, 1, 0, 0, 1, 0]  # "go to" ends at "to", in either case
    assert after.sum(1).tolist() == [1, 0, 0, 1, 0, 0]  # and begins at "go"
    assert (before[1] == after[0]).all()
    strange = Words.of(["then go to Perth", ""])
    assert pairs.transform(strange, 0).toarray().sum(1).tolist() == [0, 1, 0, 0]
    assert pairs.transform(Words.of([]), 0).shape[0] == 0


def test_gold_spans_keep_neighbours_apart_and_prefer_the_longer_of_two():
    request = "from New Delhi Oslo at 7"
    slots = (
        Slot(name="origin", start=5, end=14, text="New Delhi"),
        Slot(name="state", start=5, end=8, text="New"),
        Slot(name="destination", start=15, end=19, text="Oslo"),
    )
    gold = GoldSpans.of([one_turn(request, slots)], Words.of([request]))
    assert gold.tags.tolist() == [0, 1, 2, 1, 0, 0]
    assert gold.names.tolist() == ["origin", "destination"]


def test_rows_of_neighbours_stay_within_their_owner():
    owner = np.array([0, 0, 1, 1, 1])
    assert neighbour_rows(owner, -1).tolist() == [-1, 0, -1, 2, 3]
    assert neighbour_rows(owner, 2).tolist() == [-1, -1, 4, -1, -1]
    assert neighbour_rows(owner[:0], 1).tolist() == []


def test_absent_rows_are_zero():

    rows = take_rows(sp.csr_matrix(np.array([[1.0, 2.0], [3.0, 4.0]])), np.array([1, -1, 0]))
    assert rows.toarray().tolist() == [[3.0, 4.0], [0.0, 0.0], [1.0, 2.0]]
