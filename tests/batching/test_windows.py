from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selflearn.batching.texts import TooLongError
from selflearn.batching.windows import (
    causal_windows,
    central_window,
    cut_dialogue,
    cut_observed,
    first_window,
    turn_windows,
)
from selflearn.schema import Label
from tests.fixtures.dialogues import home_dialogue

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 40))


@given(SIZES)
def test_windows_cover_every_turn_and_none_is_longer_than_the_model_reads(sizes):
    num_turns, max_turns = sizes
    windows = turn_windows(num_turns, max_turns, "window")
    assert {turn for start, end in windows for turn in range(start, end)} == set(range(num_turns))
    assert all(end - start == min(num_turns, max_turns) for start, end in windows)
    assert len(windows) == len(set(windows))


@given(SIZES)
def test_no_turn_but_the_first_is_answered_from_the_beginning_of_a_window(sizes):
    num_turns, max_turns = sizes
    windows = turn_windows(num_turns, max_turns, "window")
    if max_turns > 1:  # a window of one turn has nothing but a beginning
        homes = [windows[central_window(turn, windows)] for turn in range(num_turns)]
        assert all(turn == 0 or turn > start for turn, (start, _) in enumerate(homes))


@given(SIZES)
def test_a_turn_is_answered_where_it_has_most_context(sizes):
    num_turns, max_turns = sizes
    windows = turn_windows(num_turns, max_turns, "window")

    def room(turn, window):
        return min(turn - window[0], window[1] - 1 - turn)

    for turn in range(num_turns):
        home = windows[central_window(turn, windows)]
        assert room(turn, home) == max(room(turn, window) for window in windows if window[0] <= turn < window[1])


@given(SIZES)
def test_a_causal_turn_has_half_a_window_before_it_and_the_same_one_however_the_dialogue_goes_on(sizes):
    num_turns, max_turns = sizes
    windows, longer = (causal_windows(n, max_turns, "window") for n in (num_turns, num_turns + 7))
    assert {turn for start, end in windows for turn in range(start, end)} == set(range(num_turns))
    assert all(end - start <= max_turns for start, end in windows)
    for turn in range(num_turns):
        start = windows[first_window(turn, windows)][0]
        assert start == longer[first_window(turn, longer)][0]
        assert turn - start >= min(turn, max_turns // 2)


def test_truncate_keeps_the_beginning_and_error_says_what_to_do():
    for windows in (turn_windows, causal_windows):
        assert windows(2000, 512, "truncate") == [(0, 512)]
        assert windows(512, 512, "error") == [(0, 512)]
        with pytest.raises(
            TooLongError, match=r"2000 turns and the model reads 512; .* data\.on_overflow=window or truncate"
        ):
            windows(2000, 512, "error")
    assert central_window(600, [(0, 512)]) is None
    assert first_window(600, [(0, 512)]) is None


@given(st.integers(0, 40), st.data())
def test_a_cut_keeps_the_turns_and_moves_their_labels(number, data):
    dialogue = home_dialogue(number)
    n = len(dialogue.turns)
    start = data.draw(st.integers(0, n - 1))
    end = data.draw(st.integers(start + 1, n))
    cut = cut_dialogue(dialogue, start, end)
    assert cut.turns == dialogue.turns[start:end]
    assert cut.labels.turns == dialogue.labels.turns[start:end]
    assert cut.feedback == dialogue.feedback[start:end]

    def named(whole, turn):
        return next(goal.name for goal in whole.labels.goals if goal.start <= turn < goal.end)

    assert [named(cut, t) for t in range(end - start)] == [named(dialogue, t) for t in range(start, end)]
    known = {goal.success for goal in cut.labels.goals}
    ends = {goal.success for goal in dialogue.labels.goals if start < goal.end <= end}
    assert known - {None} == ends  # whether a goal was reached may stand in the turns that were cut off
    assert cut_observed(dialogue.observed(), start, end) == replace(cut, id=dialogue.id).observed()


def test_a_rephrase_target_moves_with_its_turn_or_is_lost():
    dialogue = next(d for d in map(home_dialogue, range(99)) if len(d.turns) > 3)
    turns = list(dialogue.labels.turns)
    turns[1] = replace(turns[1], rephrase_target=Label(value=2))
    dialogue = dialogue.with_labels(replace(dialogue.labels, turns=tuple(turns)))
    assert cut_dialogue(dialogue, 1, 3).labels.turns[0].rephrase_target.value == 1
    assert cut_dialogue(dialogue, 1, 2).labels.turns[0].rephrase_target is None
