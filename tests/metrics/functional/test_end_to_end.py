"""Success end to end: the answer about a gold goal is that about the goal that was found for it."""

from __future__ import annotations

import pytest
import sklearn.metrics

from selflearn.metrics import functional

GOLD = [[(0, 2), (2, 3), (3, 6)], [(0, 4)], [(0, 1), (1, 2)], []]
FAILED = [[False, None, True], [True], [False, True], []]
FOUND = [[(0, 3), (3, 6)], [(0, 1), (1, 4)], [(0, 2)], [(0, 2)]]
SCORES = [[0.9, 0.8], [0.1, 0.6], [0.2], [0.7]]
SAID = [0.9, 0.8, 0.6, 0.2, 0.0]  # the last goal is lost: its match is the earlier one's
TRUE = [0, 1, 1, 0, 1]


def test_values_agree_with_sklearn_on_answers_matched_by_hand():
    found = functional.success_end_to_end(GOLD, FAILED, FOUND, SCORES, threshold=0.5)
    decided = [score >= 0.5 for score in SAID]
    want = {
        "auc": sklearn.metrics.roc_auc_score(TRUE, SAID),
        "f1": sklearn.metrics.f1_score(TRUE, decided),
        "kappa": sklearn.metrics.cohen_kappa_score(TRUE, decided),
        "accuracy": sklearn.metrics.accuracy_score(TRUE, decided),
    }
    assert {name: value.item() for name, value in found.items()} == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.5])
def test_a_goal_that_was_not_found_is_wrong_whatever_the_threshold(threshold: float):
    goals = [[(0, 4), (4, 8)]], [[False, True]], [[(i, i + 1) for i in range(8)]], [[0.5] * 8]
    found = functional.success_end_to_end(*goals, threshold=threshold)
    assert found["accuracy"] == found["auc"] == 0.0


def test_without_goals_f1_is_zero_and_the_others_are_nan():
    for goals in ([[], [], [], []], [[[]], [[]], [[(0, 2)]], [[0.5]]]):
        found = functional.success_end_to_end(*goals, threshold=0.5)
        assert found["f1"] == 0.0
        assert all(found[name].isnan() for name in ("auc", "kappa", "accuracy"))


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match="found has 1 goals and answers 2 values; expected one for each"):
        functional.answers_end_to_end([(0, 2)], [True], [(0, 2)], [0.1, 0.2])
    with pytest.raises(ValueError, match="gold has 2 goals and failed 1 values"):
        functional.answers_end_to_end([(0, 2), (2, 3)], [True], [], [])
    with pytest.raises(ValueError, match=r"are of \[1, 1, 0, 0\] dialogues; expected the same ones"):
        functional.success_end_to_end([[(0, 2)]], [[True]], [], [], threshold=0.5)
