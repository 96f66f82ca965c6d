import random
import re

import pytest

from selflearn.simulation.grammar import GrammarError, Phrasing


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[please]", "may come out empty"),
        ("", "may come out empty"),
        ("(a|b", "'(' is not closed by ')'"),
        ("[a) b", "'[' is not closed by ']'"),
        ("a)", "has ')' without its beginning"),
        ("play {Song}", "'{Song}' is no slot"),
        ("play {", "'{' is no slot"),
        ("play 7 songs", "'7' is no word"),
        ("(a|)", "an empty alternative"),
        ("Play it", "'Play' is no word"),
    ],
)
def test_a_phrasing_that_cannot_be_read_is_refused(source, message):
    with pytest.raises(GrammarError, match=re.escape(message)):
        Phrasing.parse(source)


def test_everything_that_can_be_said_is_said_and_spans_hold_the_values():
    phrasing = Phrasing.parse("[now] (play|put on) {song} [(by|from) {artist}]")
    values = {"song": "blue bird", "artist": "ann lee"}
    said = set()
    for seed in range(300):
        utterance = phrasing.say(values, random.Random(seed))
        said.add(utterance.text)
        for span in utterance.spans:
            assert utterance.text[span.start : span.end] == values[span.slot]
        assert ("ann lee" in utterance.text) == any(span.slot == "artist" for span in utterance.spans)
    assert len(said) == 2 * 2 * 3


def test_a_part_is_said_only_with_a_value_for_its_slots():
    phrasing = Phrasing.parse("(play {song}|play {artist}) [at {time}]")
    assert phrasing.needed == frozenset()
    assert not phrasing.fits({"time": "noon"})
    assert {phrasing.say({"artist": "ann lee"}, random.Random(seed)).text for seed in range(20)} == {"play ann lee"}
    with pytest.raises(GrammarError, match="cannot be said with"):
        phrasing.say({}, random.Random(0))


def test_what_has_to_be_said_aloud_is_never_left_out():
    phrasing = Phrasing.parse("(weather|forecast [for {town}]) [in {town}]")
    for seed in range(50):
        assert "rome" in phrasing.say({"town": "rome"}, random.Random(seed), detail=0.0, aloud=["town"]).text


def test_the_same_random_numbers_say_the_same():
    phrasing = Phrasing.parse("[a] (b|c) [d [e]]")
    assert phrasing.say({}, random.Random(4)) == phrasing.say({}, random.Random(4))
    assert phrasing.words == {"a", "b", "c", "d", "e"}
