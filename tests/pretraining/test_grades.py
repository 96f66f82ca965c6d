import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from selflearn.pretraining import (
    ExchangedValues,
    NearestResponse,
    PooledResponse,
    RandomResponse,
    SameHypothesisResponse,
    collect_responses,
)
from selflearn.pretraining.annotated import SameActsResponse
from selflearn.pretraining.build import GRADES, FrozenEncoder, make_grades
from selflearn.pretraining.grades import dialogue_key, hypothesis_of, near_duplicates
from selflearn.schema import Interpretation, Labels, Turn
from tests.fixtures.dialogues import home_dialogues, plain_dialogue

DIALOGUES = home_dialogues(40)
OBSERVED = [dialogue.observed() for dialogue in DIALOGUES]
POOL = collect_responses(OBSERVED, size=1000, seed=0)


def bags_of_letters(texts):
    """Stands for the frozen encoder."""
    counts = np.array(
        [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], float
    )
    return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


def all_grades():
    return {
        "random": RandomResponse(POOL), "hypothesis": SameHypothesisResponse(POOL),
        "nearest": NearestResponse(POOL, bags_of_letters), "exchanged": ExchangedValues(POOL),
        "same_acts": SameActsResponse(DIALOGUES),
    }  # fmt: skip


@pytest.mark.parametrize("name", GRADES)
def test_a_wrong_response_is_of_another_dialogue_and_no_near_duplicate(name):
    grade, rng = all_grades()[name], np.random.default_rng(0)
    owner = {entry.text: entry.dialogue for entry in POOL}
    drawn = 0
    for dialogue in OBSERVED:
        for t, turn in enumerate(dialogue.turns):
            wrong = grade.draw(dialogue, t, rng)
            if wrong is None:
                continue
            drawn += 1
            assert wrong != turn.response
            if name == "exchanged":
                continue
            assert not near_duplicates(wrong, turn.response)
            if name != "same_acts":  # whose candidates are not made distinct
                assert owner[wrong] != dialogue_key(dialogue)
    assert drawn > 20


@pytest.mark.parametrize("name", GRADES)
def test_what_is_drawn_depends_on_the_generator_alone(name):
    def drawn(dialogues):
        grade = all_grades()[name]
        return {(d.id, t): grade.draw(d, t, np.random.default_rng(t)) for d in dialogues for t in range(len(d.turns))}

    assert drawn(OBSERVED) == drawn(OBSERVED[::-1])


def test_a_dialogue_whose_responses_are_all_there_is_gets_none():
    dialogue = plain_dialogue(("a", "one thing"), ("b", "something else")).observed()
    pool = collect_responses([dialogue], size=10, seed=0)
    for grade in (RandomResponse(pool), NearestResponse(pool, bags_of_letters)):
        assert grade.draw(dialogue, 0, np.random.default_rng(0)) is None


def test_the_hypothesis_grade_reads_what_the_assistant_understood_and_no_label():
    bare = [replace(d, labels=Labels(), truth=None, ratings=()) for d in DIALOGUES]
    pool = collect_responses((d.observed() for d in bare), size=1000, seed=0)
    assert pool == POOL
    grade, rng = SameHypothesisResponse(pool), np.random.default_rng(0)
    kinds = {entry.text: entry.hypothesis for entry in pool}
    for dialogue in OBSERVED:
        for t in range(len(dialogue.turns)):
            wrong = grade.draw(dialogue, t, rng)
            assert wrong is None or kinds[wrong] == hypothesis_of(dialogue, t)


def test_without_a_hypothesis_that_grade_has_nothing_to_offer():
    turn = Turn(request="a", response="b", interpretations=(Interpretation(domain="x"),))
    dialogue = replace(plain_dialogue(("a", "b")), turns=(turn, Turn(request="a", response="b"))).observed()
    assert [hypothesis_of(dialogue, t) for t in range(2)] == [None, None]
    assert SameHypothesisResponse(POOL).draw(dialogue, 0, np.random.default_rng(0)) is None


def test_the_nearest_are_nearer_than_chance_and_a_neighbourhood_bounds_them():
    nearest, random = NearestResponse(POOL, bags_of_letters, neighbours=2), RandomResponse(POOL)

    def likeness(grade):
        rng, found = np.random.default_rng(0), []
        for dialogue in OBSERVED:
            for t, turn in enumerate(dialogue.turns):
                wrong = grade.draw(dialogue, t, rng)
                if wrong is not None:
                    found.append(float(bags_of_letters([turn.response])[0] @ bags_of_letters([wrong])[0]))
        return np.mean(found)

    assert likeness(nearest) > likeness(random) + 0.05
    drawn = {nearest.draw(OBSERVED[0], 0, np.random.default_rng(i)) for i in range(30)}
    assert len(drawn) <= 2


def test_the_frozen_encoder_is_asked_for_the_pool_once_and_for_other_texts_one_by_one():
    """Digits of a vector depend on what is encoded beside it, and a resumed run must draw what it would have drawn."""
    asked = []
    grade = NearestResponse(POOL, lambda texts: asked.append(list(texts)) or bags_of_letters(texts))
    new = plain_dialogue(("a", "a response of no pool"), ("b", POOL[3].text)).observed()
    for t in range(2):
        grade.draw(new, t, np.random.default_rng(0))
    assert asked == [[entry.text for entry in POOL], ["a response of no pool"]]


def test_exchanged_values_change_values_and_nothing_else():
    pool = [
        PooledResponse(text=text, dialogue="x")
        for text in (
            "It costs $12.50 for 3 people at 7:45 pm.",
            "I found, in Port Alder, the Blue Door.",
            "on June 3rd",
        )
    ]
    grade = ExchangedValues(pool)
    said = "Your 4 seats at 6:30 pm cost $20.10 and the place is Little Fenwick, near Mill Lane."
    wrong = grade.draw(plain_dialogue(("a", said)).observed(), 0, np.random.default_rng(0))
    assert wrong == "Your 3 seats at 7:45 pm cost $12.50 and the place is Port Alder, near Blue Door." or (
        re.sub(r"Port Alder|Blue Door", "X", wrong) == "Your 3 seats at 7:45 pm cost $12.50 and the place is X, near X."
    )


@given(st.text(alphabet="ab A5,.$:&'é", max_size=60), st.integers(0, 99))
def test_exchanging_keeps_the_shape_of_any_response(said, seed):
    grade = ExchangedValues([*POOL, PooledResponse(text=", Aa bb, Bb 5 55 5.5 $5", dialogue="x")])
    wrong = grade.draw(plain_dialogue(("a", said or None)).observed(), 0, np.random.default_rng(seed))
    if wrong is not None:
        shape = [re.sub(r"[^\W\d]+", "A", re.sub(r"\d+", "0", text)) for text in (said, wrong)]
        assert shape[0] == shape[1]
        assert wrong != said


def test_a_response_without_values_is_not_exchanged():
    assert (
        ExchangedValues(POOL).draw(plain_dialogue(("a", "no, sorry")).observed(), 0, np.random.default_rng(0)) is None
    )


def test_same_acts_are_of_the_same_service_and_acts():
    grade, rng = SameActsResponse(DIALOGUES), np.random.default_rng(1)
    kinds = {
        "It is": "lights",
        "Sorry, the": "lights",
        "Here": "music",
        "I do": "music",
        "I will": "clock",
        "That": "clock",
    }

    def service(text):
        return next(kind for start, kind in kinds.items() if text.startswith(start))

    drawn = Counter()
    for dialogue in OBSERVED:
        for t, turn in enumerate(dialogue.turns):
            wrong = grade.draw(dialogue, t, rng)
            if wrong is not None:
                drawn[service(wrong) == service(turn.response)] += 1
    assert set(drawn) == {True}


@given(st.integers(1, 12), st.integers(0, 3))
def test_the_pool_is_of_bounded_size_distinct_and_of_the_corpus(size, seed):
    pool = collect_responses(OBSERVED, size=size, seed=seed)
    assert len(pool) == min(size, len(POOL))
    assert len({entry.text for entry in pool}) == len(pool)
    assert {entry.text for entry in pool} <= {entry.text for entry in POOL}
    assert pool == collect_responses(OBSERVED, size=size, seed=seed)


def test_every_response_has_the_same_chance_of_the_pool():
    dialogues = [plain_dialogue(("a", f"response number {i}"), id=str(i)).observed() for i in range(20)]
    counts = Counter(e.text for seed in range(400) for e in collect_responses(dialogues, size=5, seed=seed))
    assert len(counts) == 20
    assert all(60 < n < 140 for n in counts.values())  # 100 expected, standard deviation 9


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Your table is booked.", "your table is booked!", True),
        ("Your table is booked for two.", "Your table is booked for four.", False),
        ("a b c d e f g h i j", "a b c d e f g h i k", False),
        ("a b c d e f g h i j k l m n o p q r s t", "a b c d e f g h i j k l m n o p q r s u", True),
        ("", "", True), ("...", "!", True), ("hello", "", False),
        ("好的现在为您播放林小梅的新歌", "好的我现在为您播放林小梅的新歌", True),
        ("好的现在为您播放林小梅的新歌", "好的现在为您播放王一山的新歌", False),
    ],
)  # fmt: skip
def test_near_duplicates_share_nine_tenths_of_their_words(a, b, same):
    assert near_duplicates(a, b) is same
    assert near_duplicates(b, a) is same


def test_a_frozen_encoder_gives_unit_vectors_and_encodes_a_text_once():
    torch.manual_seed(0)
    encode = FrozenEncoder("tiny", cache_size=4, batch_size=2)
    texts = ["one", "two", "one", "a longer text"]
    vectors = encode(texts)
    assert vectors.shape == (4, 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-2)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    encode.encoder.forward = None  # nothing is encoded again
    np.testing.assert_array_equal(encode(texts[::-1]), vectors[::-1])


def test_texts_are_encoded_in_an_order_that_is_the_same_in_every_process(monkeypatch):
    """The order of a set is not, and digits of a vector depend on what is encoded beside it."""
    encode, seen = FrozenEncoder("tiny", batch_size=3), []
    tokenize = encode.tokenization
    monkeypatch.setattr(encode, "tokenization", lambda texts: seen.append(list(texts)) or tokenize(texts))
    encode(["dd", "b", "aa", "c", "eee", "a", "bb"])
    assert seen == [["a", "b", "c"], ["aa", "bb", "dd"], ["eee"]]


def test_a_frozen_encoder_with_a_full_cache_begins_anew():
    encode = FrozenEncoder("tiny", cache_size=3)
    assert encode(["a", "b"]).shape == encode(["c", "d"]).shape
    assert encode(list("abcdefg")).shape == (7, 32)


def test_unknown_grades_and_a_log_without_responses_are_refused():
    with pytest.raises(
        ValueError, match="no grade of swapped answers is called 'nearst'; there are random, hypothesis"
    ):
        make_grades(["nearst"], DIALOGUES, encoder="tiny", pool_size=9, seed=0)
    with pytest.raises(ValueError, match=r"none of the 1 dialogues has a response, .* \(pretraining=none;"):
        make_grades(["random"], [plain_dialogue(("a", None))], encoder="tiny", pool_size=9, seed=0)
    assert set(make_grades(GRADES, DIALOGUES, encoder="tiny", pool_size=9, seed=0)) == set(GRADES)
