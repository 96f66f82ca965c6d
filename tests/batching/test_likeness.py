import pytest
from hypothesis import given
from hypothesis import strategies as st

from selflearn.batching.features import FeatureVocabulary
from selflearn.batching.likeness import AROUND, common_words, likeness_features
from selflearn.models.config import LabelGeneratorConfig, plain_features
from selflearn.schema import Dialogue, RecognitionHypothesis, Turn

HEARD = (RecognitionHypothesis(text="a", score=0.6), RecognitionHypothesis(text="b", score=0.4))
WORDS = st.lists(st.sampled_from(["play", "some", "jazz", "now"]), max_size=6)


def log(*requests, heard=HEARD):
    turns = tuple(Turn(request=request, recognition=heard) for request in requests)
    return Dialogue(id="1", corpus="c", split="s", turns=turns).observed()


@given(WORDS, WORDS)
def test_words_in_common_are_a_share_that_does_not_depend_on_who_said_them_first(one, other):
    assert 0 <= common_words(one, other) <= 1
    assert common_words(one, other) == pytest.approx(common_words(other, one))
    assert common_words(one, one) == 1


def test_a_turn_is_compared_with_the_requests_that_are_there():
    turns = (Turn(request="play jazz"), Turn(request="play jazz"), Turn(response="what?"), Turn(request="stop"))
    assert likeness_features(turns) == [
        {"likeness.next": 1.0}, {"likeness.before": 1.0, "likeness.after_next": 0.0}, {}, {}
    ]  # fmt: skip
    assert likeness_features(turns, [-1]) == [{}, {"likeness.before": 1.0}, {}, {}]
    assert likeness_features(turns, []) == [{}] * 4
    assert likeness_features([Turn(request=""), Turn(request=" ")]) == [{}, {}]


def test_likeness_is_read_where_people_may_have_been_misheard():
    requests = ("play jazz", "play jazz now", "stop", "stop jazz")
    spoken = FeatureVocabulary.fit([log(*requests)])
    assert {f"likeness.{name}" for name in AROUND.values()} <= set(spoken.numeric)
    for vocabulary in (
        FeatureVocabulary.fit([log(*requests, heard=())]),
        FeatureVocabulary.fit([log(*requests, heard=HEARD[:1])]),
        FeatureVocabulary.fit([log(*requests)], without=["likeness"]),
        FeatureVocabulary.fit([log(*requests)], offsets=[]),
    ):
        assert not any(name.startswith("likeness.") for name in vocabulary.numeric)


def test_what_may_not_be_seen_changes_no_feature():
    kept = LabelGeneratorConfig(features=plain_features(FeatureVocabulary.fit(
        [log("play jazz", "play jazz now", "stop", "stop now")], offsets=[-1]))).feature_vocabulary()  # fmt: skip
    assert [name for name in kept.numeric if name.startswith("likeness.")] == ["likeness.before"]
    one, other = (kept.encode([log("play jazz", later)], 2) for later in ("play jazz", "stop now"))  # two words each
    assert one.numeric[0, 0].equal(other.numeric[0, 0])
    assert not one.numeric[0, 1].equal(other.numeric[0, 1])
