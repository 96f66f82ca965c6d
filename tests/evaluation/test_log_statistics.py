"""Statistics of logs, on dialogues whose numbers are counted by hand."""

import itertools
import math
from collections import Counter
from dataclasses import replace

import pytest

from selflearn.evaluation.log_statistics import (
    describe,
    expected_kinds,
    log_statistics,
    quantile,
    sample_sizes,
    statistics_curves,
    statistics_markdown,
)
from selflearn.schema import Goal, Label, Labels, RecognitionHypothesis, TurnLabels
from tests.fixtures.dialogues import plain_dialogue


def dialogue(*requests, seconds=None, goals=None, defects=None, **fields):
    made = plain_dialogue(*((request, "fine") for request in requests), **fields)
    if seconds is not None:
        turns = tuple(replace(turn, seconds=at) for turn, at in zip(made.turns, seconds, strict=True))
        made = replace(made, turns=turns)
    labels = Labels(
        goals=goals,
        turns=tuple(TurnLabels(defect=None if d is None else Label(value=d)) for d in defects or ()),
    )
    return made.with_labels(labels)


@pytest.fixture(scope="module")
def log():
    return log_statistics(
        [
            dialogue("Play it!", "play it", "lights off", seconds=[0, 4, 34.5],
                     goals=(Goal(start=0, end=2, success=True), Goal(start=2, end=3, success=False)),
                     defects=[True, False, None]),
            dialogue("stop", goals=(Goal(start=0, end=1),)),
            dialogue("what's on", None, "play it"),
        ]
    )  # fmt: skip


def test_everything_is_counted(log):
    assert log.turns_of_dialogue == Counter({3: 2, 1: 1})
    assert log.goals_of_dialogue == Counter({2: 1, 1: 1})  # the third dialogue has no goals labelled
    assert log.turns_of_goal == Counter({1: 2, 2: 1})
    assert log.gaps == Counter({4.0: 1, 30.5: 1})
    assert log.requests == Counter({"play it": 3, "lights off": 1, "stop": 1, "what's on": 1})
    assert log.words_of_request == Counter({2: 5, 1: 1})
    assert log.words == Counter(play=3, it=3, lights=1, off=1, stop=1, on=1, **{"what's": 1})
    assert log.goals == Counter({True: 1, False: 1})
    assert log.defects == Counter({True: 1, False: 1})


def test_the_figures_of_a_log(log):
    found = describe(log, requests=6, words=11)
    assert found["dialogues"] == 3
    assert found["turns"] == 7
    assert found["requests"] == 6
    assert found["turns_of_dialogue/0.5"] == 3
    assert found["gaps/0.1"] == 4.0
    assert found["gaps/0.9"] == 30.5
    assert found["different_requests"] == pytest.approx(4 / 6)
    assert found["requests_made_once"] == pytest.approx(3 / 6)
    assert found["frequent_requests"] == pytest.approx(3 / 6)  # one of the four is the 1% most frequent
    assert found["different_requests_in_sample"] == pytest.approx(4 / 6)  # the sample is all
    assert found["different_words_in_sample"] == pytest.approx(7 / 11)
    half = 3 * 1 / 2 + (1 - 1 / math.comb(6, 3))  # three of six: each single one in half the draws
    assert found["heaps_exponent"] == pytest.approx(math.log2(4 / half))
    assert found["failed_goals"] == found["defects"] == 0.5


def heard(*turns):
    """A dialogue of requests as they were heard, with the recogniser's confidence and what was said."""
    made = dialogue(*(text for text, _, _ in turns))
    lists = [(RecognitionHypothesis(text=text, score=score), RecognitionHypothesis(text="no", score=0.01))
             for text, score, _ in turns]  # fmt: skip
    made = replace(made, turns=tuple(replace(t, recognition=r) for t, r in zip(made.turns, lists, strict=True)))
    return made.with_labels(Labels(turns=tuple(
        TurnLabels(transcript=None if said is None else Label(value=said)) for _, _, said in turns
    )))  # fmt: skip


def test_how_well_a_recogniser_hears_and_knows_it():
    log = log_statistics([
        heard(("play it", 0.9, "play it"), ("lights of", 0.4, "lights off now"), ("stop", 0.8, None)),
        heard(("on", 0.4, "on"), ("play a", 0.6, "play")),
    ])  # fmt: skip
    found = describe(log, requests=1, words=1)
    assert found["word_error_rate"] == pytest.approx(3 / 7)
    assert found["heard_right"] == 0.5
    assert found["confidence"] == pytest.approx(0.575)
    assert found["confidence_auc"] == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    assert "| AUC of its confidence for heard right | 0.62 |" in statistics_markdown({"mine": log})


def test_capitals_are_no_word_errors_as_in_all_metrics():
    log = log_statistics([heard(("play Blue Bird", 0.9, "Play blue bird"), ("stop", 0.4, "shop"))])
    found = describe(log, requests=1, words=1)
    assert found["word_error_rate"] == pytest.approx(1 / 4)
    assert found["heard_right"] == 0.5


def test_of_recognition_nothing_is_said_that_the_log_does_not_tell():
    names = {"word_error_rate", "heard_right", "confidence", "confidence_auc"}
    for turns, expected in (
        ([("a", 0.5, None)], set()),
        ([("a", None, "a")], {"word_error_rate"}),
        ([("a", 0.5, "a")], names - {"confidence_auc"}),  # one class
        ([("a", -20.0, "a"), ("b", -30.0, "c")], {"word_error_rate", "confidence_auc"}),  # a scale of its own
    ):
        found = describe(log_statistics([heard(*turns)]), requests=0, words=0)
        assert names & set(found) == expected


def test_what_a_log_does_not_tell_is_left_out():
    found = describe(log_statistics([dialogue("a", "b")]), requests=2, words=2)
    assert not {"gaps/0.5", "turns_of_goal/0.5", "failed_goals", "defects"} & set(found)
    assert found["heaps_exponent"] == 1.0  # nothing is said twice
    assert "different_requests" not in describe(log_statistics([dialogue(None)]), requests=0, words=0)


@pytest.mark.parametrize("drawn", range(8))
def test_the_expected_number_of_kinds_is_the_mean_over_all_draws(drawn):
    things = "aaabbcd"
    draws = [len(set(draw)) for draw in itertools.combinations(things, drawn)]
    assert expected_kinds(Counter(things).values(), drawn) == pytest.approx(sum(draws) / len(draws))


def test_more_than_there_is_cannot_be_drawn():
    with pytest.raises(ValueError, match="8 are drawn of 7; expected at most as many as there are"):
        expected_kinds([3, 2, 1, 1], 8)


@pytest.mark.parametrize(("share", "value"), [(0.1, 1), (0.5, 1), (0.51, 4), (0.9, 4), (0.91, 9), (1.0, 9)])
def test_quantiles_are_values_that_were_met(share, value):
    assert quantile({9: 1, 1: 5, 4: 4}, share) == value


def test_logs_are_compared_at_the_size_of_the_smallest(log):
    once = log_statistics([dialogue("a b", "c d", "a b", "e f g")])
    assert sample_sizes([log, once]) == (4, 9)
    table = statistics_markdown({"one": log, "other": once})
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:4]] for line in table.splitlines()
            if len(cells := line.split("|")) == 5}  # fmt: skip
    assert rows[""] == ["one", "other"]
    assert rows["dialogues"] == ["3", "1"]
    assert rows["turns of a dialogue"] == ["3 (1 to 3)", "4 (4 to 4)"]
    assert rows["seconds between turns"] == ["4 (4 to 30.5)", ""]
    assert rows["different requests, of all"] == ["66.7%", "75.0%"]
    four = sum(len(set(draw)) for draw in itertools.combinations("aaabcd", 4)) / math.comb(6, 4) / 4
    assert rows["different requests, of 4 drawn"] == [f"{four:.1%}", "75.0%"]
    assert rows["goals that failed, of those labelled"] == ["50.0%", ""]


def test_the_order_of_the_dialogues_says_nothing(log):
    dialogues = [dialogue("a", "b"), dialogue("a"), dialogue("c", "a")]
    one, other = log_statistics(dialogues), log_statistics(dialogues[::-1])
    assert one == other
    assert statistics_curves({"log": one}) == statistics_curves({"log": other})


def test_curves_rise_to_all_there_is(log):
    curves = statistics_curves({"log": log, "short": log_statistics([dialogue("a")])})
    assert curves["dialogues of at most so many turns"]["log"] == [(1, pytest.approx(1 / 3)), (3, 1.0)]
    assert set(curves["turns at most so many seconds after the last"]) == {"log"}
    assert curves["different requests among so many drawn"]["log"][0] == (1, pytest.approx(1.0))
    assert curves["different requests among so many drawn"]["log"][-1] == (6, pytest.approx(4 / 6))
    assert curves["requests that are one of the most frequent"]["log"] == [
        (1, 0.5), (2, pytest.approx(4 / 6)), (3, pytest.approx(5 / 6)), (4, 1.0)
    ]  # fmt: skip
    for panel in curves.values():
        for points in panel.values():
            assert all(place >= 1 and 0 <= share <= 1 + 1e-9 for place, share in points)


def test_a_bar_in_the_name_of_a_log_begins_no_other_cell():
    assert statistics_markdown({"mine|theirs": log_statistics([dialogue("stop")])}).startswith("|  | mine\\|theirs |\n")
