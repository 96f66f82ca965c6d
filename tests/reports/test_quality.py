from __future__ import annotations

from array import array
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from selflearn.inference.rows import Acceptance
from selflearn.reports.dialogues import collect
from selflearn.reports.headline import headline
from selflearn.reports.quality import NOTHING, OTHERS, confusions, name_table, precision_coverage, quality, reliability
from selflearn.reports.scored import ScoredLabels, by_people, scored_table
from selflearn.schema import Label, Labels, TurnLabels
from tests.reports.conftest import ACCEPT


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    scores = rng.random(3000).round(2)  # with ties
    return scores, rng.random(3000) < scores


def test_a_curve_holds_the_precision_of_what_a_threshold_accepts(drawn):
    scores, right = drawn
    points = precision_coverage(scores, right)
    assert points[-1] == [1.0, round(right.mean(), 4)]
    expected = {
        (round((scores >= threshold).mean(), 4), round(right[scores >= threshold].mean(), 4))
        for threshold in np.unique(scores)
    }
    assert {tuple(point) for point in points} <= expected
    assert len(points) <= 200


def test_a_curve_begins_where_there_are_some_labels():
    points = precision_coverage(np.linspace(1, 0, 100), np.arange(100) > 0)
    assert points[0] == [0.1, 0.9]
    assert precision_coverage(np.array([]), np.array([])) == []


def test_bins_have_as_many_labels_each_and_scores_that_are_right_as_often_as_they_say(drawn):
    bins = reliability(*drawn)
    assert [count for *_, count in bins] == [300] * 10
    assert all(abs(score - share) < 0.1 for score, share, _ in bins)


def test_names_are_counted_where_both_and_where_one_sees_something():
    pairs = Counter({("a", "a"): 3, ("a", "b"): 2, ("b", None): 1, (None, "c"): 4})
    assert name_table(pairs) == {"rows": [["a", 5, 3, 3], ["b", 1, 2, 0], ["c", 0, 4, 0]], "more": 0}
    assert name_table(Counter()) is None


def test_rare_names_are_one_row_of_the_confusions():
    pairs = Counter({(f"n{i:02}", f"n{i:02}"): 100 - i for i in range(20)} | {("n00", "n19"): 7, ("n19", None): 2})
    found = confusions(pairs)
    assert found["names"] == [*(f"n{i:02}" for i in range(15)), OTHERS, NOTHING]
    counts = np.array(found["counts"])
    assert counts.sum() == pairs.total()
    assert counts[0].tolist() == [100, *[0] * 14, 7, 0]
    assert counts[15].tolist() == [*[0] * 15, sum(100 - i for i in range(15, 20)), 2]
    assert found["others"] == 15  # of these, hits and misses stand in one cell
    assert confusions(Counter({("a", "a"): 3}))["others"] is None
    assert confusions(Counter({(None, "a"): 1})) is None


def frame(**columns):
    return pd.DataFrame({"dialogue_id": ["a", "a", "a", "b"], **columns})


def test_a_table_of_decisions_is_scored_by_what_was_decided():
    decisions = frame(
        gold=[True, True, False, False], prediction=[True, False, False, True], score=[0.9, 0.2, 0.1, 0.7]
    )
    found = scored_table("defect", decisions, accept=Acceptance(threshold=0.8))
    assert list(found.scores) == pytest.approx([0.9, 0.8, 0.9, 0.7])
    assert list(found.right) == [1, 0, 1, 0]
    assert list(found.accepted) == [1, 1, 1, 0]
    assert found.pairs == {("yes", "yes"): 1, ("yes", "no"): 1, ("no", "no"): 1, ("no", "yes"): 1}


def test_a_threshold_takes_the_best_of_a_dialogue_and_calibrated_scores():
    names = frame(gold=["x"] * 4, prediction=["x", "y", "x", "x"], score=[0.9, 0.8, 0.7, 0.3])
    accept = Acceptance(threshold=0.6, max_items=2)
    assert list(scored_table("intent", names, accept=accept).accepted) == [1, 1, 0, 0]
    half = scored_table("intent", names, accept=accept, calibrate=lambda scores: scores / 2)
    assert list(half.accepted) == [0, 0, 0, 0]
    assert list(scored_table("intent", names, accept=Acceptance()).accepted) == [0, 0, 0, 0]


def test_a_table_of_other_items_than_labels_is_not_accepted_by_their_threshold():
    gaps = frame(gold=[True] * 4, prediction=[True] * 4, score=[0.9] * 4)
    assert scored_table("segmentation", gaps, accept=Acceptance(threshold=0.5)).accepted is None


def test_a_transcript_is_right_where_its_words_are_as_everywhere_else():
    said = frame(gold=["Play jazz", "stop", "go", "go"], prediction=["play  jazz", "top", "go", "Go"], score=[0.5] * 4)
    assert list(scored_table("transcript", said).right) == [1, 0, 1, 1]
    assert list(scored_table("intent", said).right) == [0, 0, 1, 0]


def test_spans_that_were_missed_have_a_name_and_no_score():
    spans = frame(gold=["x", None, "y", "x"], prediction=["x", "x", None, "y"], score=[0.9, 0.5, None, 0.4])
    found = scored_table("slots", spans)
    assert (list(found.scores), list(found.right)) == ([0.9, 0.5, 0.4], [1, 0, 0])
    assert found.pairs == {("x", "x"): 1, (None, "x"): 1, ("y", None): 1, ("x", "y"): 1}


def test_labels_beside_gold_ones_give_the_same_names_and_the_accepted_point(labelled, gold):
    found = collect(labelled, ACCEPT, gold=gold).compared.tasks
    assert list(found) == ["segmentation", "success", "intent", "slots", "defect"]
    shown = quality(found["intent"], accept=ACCEPT["intent"], source="a test")
    scores = np.array(found["intent"].scores)
    assert shown["precision"] == 1.0  # the home labels are the gold ones
    assert shown["certified"] == [round((scores >= 0.6).mean(), 4), 1.0]
    assert shown["threshold"] == 0.6
    turns = sum(len(dialogue.turns) for dialogue in gold) - 1
    assert sum(row[1] for row in shown["names"]["rows"]) == turns
    assert quality(found["slots"], accept=ACCEPT["slots"], source="a test")["certified"] is None


def test_a_task_without_scores_has_no_figures():
    empty = quality(ScoredLabels(task="own", unit="turns"), source="a test")
    assert (empty["items"], empty["curve"], empty["bins"], empty["precision"], empty["error"]) == (
        0,
        [],
        [],
        None,
        None,
    )
    one = quality(ScoredLabels(task="own", unit="turns", scores=array("d", [0.5]), right=array("b", [1])), source="")
    assert one["curve"] == [[1.0, 1.0]]


def test_the_headline_says_which_side_a_difference_lies_on():
    metrics = {
        "test/defect/auc": 0.9, "test/defect/auc/low": 0.8, "test/defect/auc/high": 0.95, "count/defect_items": 1200.0,
        "baseline/tfidf/test/defect/auc": 0.7, "delta/tfidf/defect/auc": 0.2, "delta/tfidf/defect/auc/low": 0.1,
        "delta/tfidf/defect/auc/high": 0.3, "test/defect/auc@seen": 0.5, "time/total_seconds": 3.0,
    }  # fmt: skip
    found = headline(metrics)
    assert found["systems"] == ["model", "tfidf"]
    assert found["rows"] == [
        ["defect/auc ↑", "1,200", False, [[".900 [.800, .950]", "", 0], [".700", "Δ +.200 [+.100, +.300]", 1]]],
        ["defect/auc@seen ↑", "", True, [[".500", "", 0], ["-", "", 0]]],
    ]
    assert headline({"time/total_seconds": 3.0}) is None


@pytest.mark.parametrize(("sources", "people"), [((), False), (("gold",), True), (("rater:7",), True),
                                                 (("feedback",), False), (("gold", "model"), False)])  # fmt: skip
def test_labels_are_of_people_where_nothing_made_them_otherwise(sources, people):
    turns = tuple(TurnLabels(intent=Label(value="play", source=source)) for source in sources)
    assert by_people(Labels(turns=turns)) == people
