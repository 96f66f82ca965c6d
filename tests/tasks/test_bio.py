from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selflearn.batching.texts import Tokenization
from selflearn.encoders.pretrained import byte_level_tokenizer
from selflearn.schema import Slot
from selflearn.tasks.bio import OUTSIDE, begin_tag, best_tags, read_slots, tag_tokens

NAMES = ("artist", "room")
NUMBERS = {name: i for i, name in enumerate(NAMES)}
TOKENIZATION = Tokenization(byte_level_tokenizer(), max_tokens=512)


def tokens_of(text):
    (tokens,) = TOKENIZATION([text])
    return [span for span in tokens.spans if span[1] > span[0]]


def slot(text, start, end, name):
    return Slot(name=name, start=start, end=end, text=text[start:end])


@st.composite
def labelled_requests(draw):
    """A request of words in any script with disjoint slots that begin and end with its words."""
    alphabet = st.characters(categories=["L", "N", "So"])
    words = draw(st.lists(st.text(alphabet, min_size=1, max_size=5), min_size=1, max_size=8))
    blanks = [draw(st.sampled_from([" ", "  ", "\n", "\u3000"])) for _ in words]
    text, places = "", []
    for word, blank in zip(words, blanks, strict=True):
        places.append((len(text), len(text) + len(word)))
        text += word + blank
    slots, first = [], 0
    while first < len(places):
        last = first + draw(st.integers(0, 2))
        if last < len(places) and draw(st.booleans()):
            slots.append(slot(text, places[first][0], places[last][1], draw(st.sampled_from(NAMES))))
        first = last + 1
    return text, slots


@given(labelled_requests())
def test_slots_survive_the_way_to_tags_and_back(case):
    text, slots = case
    spans = tokens_of(text)
    tags = tag_tokens(spans, slots, NUMBERS)
    read = read_slots(text, spans, tags, [1.0] * len(tags), NAMES)
    assert [(s.name, s.start, s.end, s.text) for s in read] == [(s.name, s.start, s.end, s.text) for s in slots]
    assert {s.source for s in read} <= {"model"}


@given(labelled_requests(), st.data())
def test_offsets_of_what_any_valid_tags_say_hold_the_text_and_never_overlap(case, data):
    text, _ = case
    spans = tokens_of(text)
    tags = []
    for _ in spans:
        allowed = [0, 1, 3] + ([tags[-1] + tags[-1] % 2] if tags and tags[-1] else [])
        tags.append(data.draw(st.sampled_from(allowed)))
    scores = data.draw(st.lists(st.floats(0, 1.0000001), min_size=len(tags), max_size=len(tags)))
    read = read_slots(text, spans, tags, scores, NAMES)
    assert all(text[s.start : s.end] == s.text for s in read)
    assert all(a.end <= b.start for a, b in pairwise(read))
    assert all(0 <= s.score <= 1 for s in read)


def brute_force(log_probs):
    """The best of all tag sequences in which I-x follows B-x or I-x."""
    n, tags = log_probs.shape

    def valid(path):
        pairs = zip((0, *path), path, strict=False)
        return all(tag == OUTSIDE or tag % 2 == 1 or before in (tag, tag - 1) for before, tag in pairs)

    paths = [path for path in product(range(tags), repeat=n) if valid(path)]
    return max(sum(log_probs[i, tag] for i, tag in enumerate(path)) for path in paths), valid


@settings(max_examples=60)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_the_best_tags_are_the_best_of_all_valid_ones(lengths, labels, seed):
    rng = np.random.default_rng(seed)
    rows = [np.log(rng.dirichlet(np.ones(2 * labels + 1) * 0.3, n) + 1e-12) for n in lengths]
    starts = np.cumsum([0, *lengths])
    found = np.split(best_tags(np.concatenate(rows), starts[:-1]), starts[1:-1])
    for row, path in zip(rows, found, strict=True):
        best, valid = brute_force(row)
        assert valid(path.tolist())
        assert sum(row[i, tag] for i, tag in enumerate(path)) == pytest.approx(best)


def test_no_tokens_have_no_tags():
    assert best_tags(np.empty((0, 5)), []).tolist() == []


def test_a_request_is_tagged_the_same_alone_and_beside_longer_ones():
    rng = np.random.default_rng(3)
    rows = [np.log(rng.dirichlet(np.ones(5), n)) for n in (3, 9, 1, 6)]
    together = np.split(best_tags(np.concatenate(rows), [0, 3, 12, 13]), [3, 12, 13])
    for row, path in zip(rows, together, strict=True):
        assert best_tags(row, [0]).tolist() == path.tolist()


def test_a_span_that_ends_inside_a_word_is_widened_to_the_word():
    text = "play nina-simone2 now"
    spans = [(0, 4), (5, 7), (7, 9), (9, 10), (10, 16), (16, 17), (18, 21)]
    (read,) = read_slots(text, spans, [0, 0, 1, 0, 0, 0, 0], [0.5] * 7, NAMES)
    assert (read.text, read.start, read.end) == ("nina", 5, 9)  # a hyphen ends a word
    (read,) = read_slots(text, spans, [0, 0, 0, 0, 3, 0, 0], [0.5] * 7, NAMES)
    assert (read.name, read.text) == ("room", "simone2")


def test_a_span_of_a_script_without_blanks_keeps_its_characters():
    for text, word in (
        ("播放林小梅的歌", "林小梅"),
        ("ジャズをかけて", "ジャズ"),
        ("播放nina的歌", "nina"),
        ("เปิดเพลงนีน่า", "นีน่า"),
    ):
        start = text.index(word)
        spans = [(i, i + 1) for i in range(len(text))]
        slot = Slot(name="artist", start=start, end=start + len(word), text=word)
        tags = tag_tokens(spans, [slot], {"artist": 0})
        assert [found.text for found in read_slots(text, spans, tags, [0.5] * len(tags), NAMES)] == [word]


def test_a_span_is_widened_over_accents_and_vowel_signs_that_are_characters_of_their_own():
    for text, word in (
        ("in orle\u0301ans now", "orle\u0301ans"),
        ("दिल्ली जाना है", "दिल्ली"),
        ("cafe\u0301 now", "cafe\u0301"),
    ):
        start, spans = text.index(word), [(i, i + 1) for i in range(len(text))]
        for inside in range(start, start + len(word)):
            (read,) = read_slots(text, spans, [int(i == inside) for i in range(len(text))], [0.5] * len(text), NAMES)
            assert (read.text, read.start) == (word, start)


def test_a_slot_is_as_sure_as_its_least_sure_token():
    (read,) = read_slots("a b c", [(0, 1), (2, 3), (4, 5)], [1, 2, 2], [0.9, 0.2, 0.7], NAMES)
    assert (read.text, read.score) == ("a b c", 0.2)


def test_two_slots_in_one_word_become_one():
    read = read_slots("ninasimone", [(0, 4), (4, 10)], [1, 3], [0.5, 0.9], NAMES)
    assert [(s.name, s.text) for s in read] == [("artist", "ninasimone")]


def test_of_overlapping_slots_the_longer_one_counts_and_unknown_names_are_left_out():
    text = "the big blue room"
    spans = tokens_of(text)
    slots = [slot(text, 8, 12, "artist"), slot(text, 4, 17, "room"), slot(text, 0, 3, "colour")]
    tags = tag_tokens(spans, slots, NUMBERS)
    read = read_slots(text, spans, tags, [1.0] * len(tags), NAMES)
    assert [(s.name, s.text) for s in read] == [("room", "big blue room")]


def test_a_slot_behind_the_cut_leaves_no_tag():
    assert tag_tokens([(0, 2)], [Slot(name="room", start=5, end=7, text="xy")], NUMBERS) == [OUTSIDE]
    assert tag_tokens([], [], NUMBERS) == []
    assert begin_tag(1) == 3
