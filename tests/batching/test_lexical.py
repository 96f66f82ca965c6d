import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from selflearn.batching.lexical import hashed_ngrams


@given(st.text(max_size=40), st.integers(1, 10_000))
def test_numbers_are_distinct_and_in_range_and_any_text_has_some(text, buckets):
    grams = hashed_ngrams(text, buckets)
    assert len(set(grams)) == len(grams) >= 1
    assert all(0 <= gram < buckets for gram in grams)


def test_words_and_neighbours_count_and_case_does_not():
    def alike(a, b):
        return set(hashed_ngrams(a, 2**20)) & set(hashed_ngrams(b, 2**20))

    assert hashed_ngrams("Play Jazz", 2**20) == hashed_ngrams("play  jazz", 2**20)
    assert len(alike("play jazz", "jazz play")) == 2  # the words, not the pairs
    assert not alike("play jazz", "stop")


def test_numbers_are_the_same_in_another_process():
    code = "from selflearn.batching.lexical import hashed_ngrams; print(hashed_ngrams('wake me at 6:30!', 65536))"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert printed.stdout.strip() == str(hashed_ngrams("wake me at 6:30!", 65536))
    assert len(hashed_ngrams("wake me at 6:30!", 2**30)) == 7 + 8  # words and marks; pairs, edges included
