import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from selflearn.batching.features import (
    GROUPS,
    MISSING,
    UNSEEN,
    FeatureVocabulary,
    categorical_features,
    numeric_features,
)
from selflearn.schema import EntityResolution, Interpretation, RecognitionHypothesis, Turn
from tests.fixtures.dialogues import home_dialogues, plain_dialogue


def log(*turns):
    return dataclasses.replace(plain_dialogue(("x", "y")), turns=turns).observed()


def test_every_observed_field_but_references_and_counts_of_the_reader_becomes_a_feature_or_is_text():
    values = {
        "request": "a b", "response": "c", "recognition": (RecognitionHypothesis(text="a", score=0.9),),
        "interpretations": (Interpretation(domain="d", intent="i", score=0.4),),
        "entities": (EntityResolution(slot="s", mention="m", score=0.3),), "status": "ok", "device_type": "screen",
        "device_state": {"oven": "on"}, "location": "hall", "propensity": 0.5, "categorical": {"kind": "k"},
        "numeric": {"volume": 3.0},
    }  # fmt: skip
    unused = {"seconds", "joins", "audio"}  # seconds and audio have their own places in the batch
    assert {field.name for field in dataclasses.fields(Turn)} == values.keys() | unused
    nothing = categorical_features(Turn()) | numeric_features(Turn())
    assert nothing == {}
    for name, value in values.items():
        turn = Turn(**{name: value})
        assert categorical_features(turn) | numeric_features(turn), name


def test_categories_are_numbered_by_frequency_and_rare_ones_are_as_unseen_ones():
    turns = [Turn(status="ok")] * 6 + [Turn(status="error")] * 5 + [Turn(status="odd")] + [Turn()]
    vocabulary = FeatureVocabulary.fit([log(*turns)], min_count=5)
    assert vocabulary.categorical == {"status": ("ok", "error")}
    encoded = vocabulary.encode([log(Turn(status="error"), Turn(status="odd"), Turn(), Turn(status="new"))], 5)
    assert encoded.categorical[0, :, 0].tolist() == [3, UNSEEN, MISSING, UNSEEN, MISSING]


def test_only_so_many_values_are_kept():
    turns = [Turn(status=str(i // 5)) for i in range(50)]
    assert len(FeatureVocabulary.fit([log(*turns)], max_values=3).categorical["status"]) == 3


def test_a_category_none_of_whose_values_is_frequent_is_left_out():
    assert FeatureVocabulary.fit([log(Turn(status="a"), Turn(status="b"))]).categorical == {}


def test_numbers_are_standardised_clipped_and_masked_where_missing():
    turns = [Turn(numeric={"volume": float(v), "constant": 2.0}) for v in (0, 10) * 10]
    vocabulary = FeatureVocabulary.fit([log(*turns)])
    assert list(vocabulary.numeric) == ["numeric.volume"]
    encoded = vocabulary.encode([log(Turn(numeric={"volume": 10.0}), Turn(), Turn(numeric={"volume": 1e9}))], 4)
    assert encoded.numeric[0, :, 0].tolist() == [1.0, 0.0, 5.0, 0.0]
    assert encoded.numeric_mask[0, :, 0].tolist() == [True, False, True, False]


def test_small_differences_of_large_numbers_count_and_constants_do_not():
    clock = [1.7e9 + second for second in (0.0, 1.0) * 500]
    turns = [Turn(numeric={"clock": value, "constant": 0.1}) for value in clock]
    assert FeatureVocabulary.fit([log(*turns)]).numeric == {
        "numeric.clock": (pytest.approx(1.7e9 + 0.5), pytest.approx(0.5))
    }


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_mean_and_deviation_are_those_of_the_training_turns(values):
    vocabulary = FeatureVocabulary.fit([log(*(Turn(numeric={"v": value}) for value in values))])
    if np.std(values) > 1.0:
        mean, deviation = vocabulary.numeric["numeric.v"]
        assert mean == pytest.approx(np.mean(values), abs=1e-3)
        assert deviation == pytest.approx(np.std(values), rel=1e-3)


@given(st.one_of(st.floats(-50, 50), st.sampled_from([0.0, 1.0])), st.floats(-50, 50))
def test_any_score_gives_finite_confidences(first, second):
    turn = Turn(interpretations=(Interpretation(score=first), Interpretation(), Interpretation(score=second)))
    numbers = numeric_features(turn)
    assert numbers.keys() == {"interpretation.confidence", "interpretation.margin"}
    assert all(math.isfinite(number) for number in numbers.values())


def test_features_of_padding_are_missing_and_a_batch_is_as_its_dialogues():
    dialogues = [dialogue.observed() for dialogue in home_dialogues(8)]
    vocabulary = FeatureVocabulary.fit(dialogues)
    longest = max(len(dialogue.turns) for dialogue in dialogues)
    together = vocabulary.encode(dialogues, longest)
    for d, dialogue in enumerate(dialogues):
        n = len(dialogue.turns)
        alone = vocabulary.encode([dialogue], n)
        torch.testing.assert_close(together.categorical[d, :n], alone.categorical[0])
        torch.testing.assert_close(together.numeric[d, :n], alone.numeric[0])
        assert not together.numeric_mask[d, n:].any()
        assert (together.categorical[d, n:] == MISSING).all()


def test_without_features_the_tensors_are_empty():
    encoded = FeatureVocabulary().encode([log(Turn(), Turn(status="ok"))], 2)
    assert (encoded.categorical.shape, encoded.numeric.shape) == ((1, 2, 0), (1, 2, 0))


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_of_features_can_be_left_out_and_nothing_else_with_it(group):
    dialogues = [dialogue.observed() for dialogue in home_dialogues(30)]
    whole, rest = (FeatureVocabulary.fit(dialogues, without=without) for without in ((), [group]))
    names = {*whole.categorical, *whole.numeric} - {*rest.categorical, *rest.numeric}
    assert all(name.startswith(GROUPS[group]) for name in names)
    assert not any(name.startswith(GROUPS[group]) for name in (*rest.categorical, *rest.numeric))
    assert rest.times == (group != "times")


def test_every_feature_of_a_turn_is_in_one_group():
    turn = Turn(
        request="a", response="b", status="ok", device_type="screen", location="home", device_state={"oven": "on"},
        interpretations=(Interpretation(domain="d", intent="i", score=0.5), Interpretation(score=0.1)),
        recognition=(RecognitionHypothesis(text="a", score=0.5),),
        entities=(EntityResolution(slot="s", mention="m", score=1.0),), propensity=0.5,
        categorical={"c": "1"}, numeric={"n": 1.0},
    )  # fmt: skip
    names = {*categorical_features(turn), *numeric_features(turn)}
    assert len(names) == 15
    for name in names:
        assert sum(name.startswith(starts) for starts in GROUPS.values()) == 1, name
