"""Word errors and values of slots: capitals, nothing to measure, dialogues, and errors."""

from __future__ import annotations

import pytest
import torch
from nltk.metrics.distance import edit_distance

from selflearn.metrics import functional

SAID = ["Play Blue", "stop", "", "straße und platz"]
HEARD = ["play  blue please", "", "oh", "STRASSE platz"]


def test_word_errors_agree_with_nltk():
    pairs = [(one.casefold().split(), said.casefold().split()) for one, said in zip(HEARD, SAID, strict=True)]
    errors, words = sum(edit_distance(*pair) for pair in pairs), sum(len(said) for _, said in pairs)
    assert functional.word_error_rate(HEARD, SAID).item() == pytest.approx(errors / words, abs=1e-12)


def test_values_are_counted_where_gold_has_one():
    assert functional.value_accuracy(["BLUE", "Straße", None, "x"], ["blue", "STRASSE", "y", None]).item() == 2 / 3


@pytest.mark.parametrize("name", ["word_error_rate", "transcript_accuracy", "value_accuracy"])
def test_nothing_to_measure_gives_nan_without_a_warning(name: str):
    assert getattr(functional, name)([], []).isnan()


def test_texts_without_a_word_and_slots_without_a_value_are_nothing_to_measure():
    assert functional.word_error_rate(["oh"], [" "]).isnan()
    assert functional.value_accuracy(["blue"], [None]).isnan()
    assert functional.transcript_accuracy([""], [" "]).item() == 1.0


def test_statistics_are_per_dialogue():
    groups = torch.tensor([0, 2, 2, 3])
    assert functional.word_error_statistics(HEARD, SAID, groups, 4).tolist() == [[1, 2], [0, 0], [2, 1], [1, 3]]
    assert functional.transcript_accuracy_statistics(SAID, SAID, groups).tolist() == [[1, 1], [0, 0], [2, 2], [1, 1]]
    assert functional.value_statistics(["a", None], ["A", "b"], torch.tensor([1, 1])).tolist() == [[0, 0], [1, 2]]


def test_errors_say_what_was_expected():
    for name in ("word_error_rate", "transcript_accuracy", "value_accuracy"):
        with pytest.raises(ValueError, match="preds has 2 texts and target 1; expected two lists of one length"):
            getattr(functional, name)(["a", "b"], ["a"])
    with pytest.raises(ValueError, match=r"groups is torch.int64 \(1,\); expected torch.int64 \(2,\), one a row"):
        functional.value_statistics(["a", "b"], ["a", "b"], torch.tensor([0]))
