from dataclasses import replace

import pytest

from selflearn.baselines import Assistant, NBestOracle
from selflearn.schema import (
    Dialogue,
    Interpretation,
    Label,
    Labels,
    NamedValue,
    RecognitionHypothesis,
    Turn,
    TurnLabels,
)
from tests.fixtures.dialogues import plain_dialogue


def interpreted(request, intent, **slots):
    dialogue = plain_dialogue((request, "okay"))
    values = tuple(NamedValue(name=name, value=value) for name, value in slots.items())
    best = Interpretation(intent=intent, domain="media", slots=values, score=0.7)
    readings = best, Interpretation(intent="other thing", score=0.1)
    turn = replace(dialogue.turns[0], interpretations=readings)
    return replace(dialogue, turns=(turn,))


def said(dialogue):
    system = Assistant().fit([dialogue], [], tasks=["intent", "slots", "success"], seed=0)
    return system, system.predict([dialogue.observed()], [[]])[0]


def test_it_says_its_best_interpretation_and_slots_where_their_words_stand():
    dialogue = interpreted("play art by art garfunkel", "play_song", song="art", artist="art garfunkel", year="1970")
    system, answer = said(dialogue)
    assert answer.intents == (("play_song", 0.7),)
    assert [(slot.name, slot.start, slot.end) for slot in answer.slots[0]] == [("song", 5, 8), ("artist", 12, 25)]
    assert answer.extra == {"domain": (("media", 0.7),), "transcript": (("play art by art garfunkel", 1.0),)}
    assert answer.boundaries is None
    assert system.choices["success"] == {"skipped": "the log does not say it"}


def test_a_value_is_found_as_a_whole_word_and_no_character_is_in_two_slots():
    dialogue = interpreted("start the art show", "play_show", show="art show", genre="art", name="tar")
    assert [(slot.name, slot.text) for slot in said(dialogue)[1].slots[0]] == [("show", "art show")]


@pytest.mark.parametrize("score", [87.5, -3.2, None])
def test_a_score_that_is_no_probability_says_nothing_of_how_sure_an_answer_is(score):
    dialogue = interpreted("play jazz", "play_song", genre="jazz")
    (turn,) = dialogue.turns
    best = replace(turn.interpretations[0], score=score)
    dialogue = replace(dialogue, turns=(replace(turn, interpretations=(best, *turn.interpretations[1:])),))
    for answer in (said(dialogue)[1], NBestOracle([dialogue]).predict([dialogue.observed()], [[]])[0]):
        assert answer.intents == (("play_song", 0.0),)
        assert [(slot.text, slot.score) for slot in answer.slots[0]] == [("jazz", None)]


def test_a_log_without_interpretations_has_no_best_one_either():
    """Only the recogniser's list is there: the oracle bounds transcripts, and not intents and slots by nothing."""
    dialogue = plain_dialogue(("play it", "okay"))
    (answer,) = NBestOracle([dialogue]).predict([dialogue.observed()], [[]])
    assert (answer.intents, answer.slots) == (None, None)
    assert answer.extra == {"transcript": (("play it", 1.0),)}


def test_it_is_fitted_first():
    with pytest.raises(ValueError, match="assistant has not been fitted; call fit before predict"):
        Assistant().predict([plain_dialogue(("play it", "okay")).observed()], [[]])


def test_a_log_without_interpretations_has_nothing_to_say():
    system, answer = said(plain_dialogue(("play it", "okay")))
    assert answer.intents is answer.slots is None
    assert system.choices["intent"] == {"skipped": "the log has no interpretations"}


def test_a_turn_without_an_interpretation_abstains():
    one, other = interpreted("play it", "play_song"), plain_dialogue(("and that", "okay"))
    system = Assistant().fit([one], [], tasks=["intent"], seed=0)
    (answer,) = system.predict([other.observed()], [[]])
    assert answer.intents == answer.extra["domain"] == (("other", 0.0),)
    with pytest.raises(ValueError, match="1 dialogues, 2 rows of goals"):
        system.predict([other.observed()], [[], []])


def test_the_oracle_takes_the_best_of_each_list():
    dialogue = interpreted("play jess", "play_song")
    heard = tuple(RecognitionHypothesis(text=text) for text in ("play jess", "play jazz now", "play jazz"))
    dialogue = replace(dialogue, turns=(replace(dialogue.turns[0], recognition=heard),))
    for gold, said in [("other thing", "other thing"), ("play_song", "play_song"), ("unheard of", "play_song")]:
        labels = TurnLabels(intent=Label(value=gold), transcript=Label(value="play jazz"))
        known = dialogue.with_labels(Labels(turns=(labels,)))
        answer = NBestOracle([known]).predict([known.observed()], [[]])[0]
        assert answer.intents[0][0] == said
        assert answer.extra["transcript"] == (("play jazz", 1.0),)
    with pytest.raises(ValueError, match="the oracle does not know dialogue"):
        NBestOracle([]).predict([dialogue.observed()], [[]])


def test_what_the_oracle_takes_has_the_fewest_word_errors_as_they_are_counted():
    """Capitals are no errors: else what it takes would be no bound."""
    heard = tuple(RecognitionHypothesis(text=text) for text in ("play blue beard", "PLAY BLUE BIRD"))
    turn = Turn(request="play blue beard", recognition=heard)
    known = Dialogue(id="1", corpus="table", split="test", turns=(turn,)).with_labels(
        Labels(turns=(TurnLabels(transcript=Label(value="play blue bird")),))
    )
    answer = NBestOracle([known]).predict([known.observed()], [[]])[0]
    assert answer.extra["transcript"] == (("PLAY BLUE BIRD", 1.0),)


def test_the_slots_of_the_oracle_are_those_of_the_interpretation_whose_intent_is_right():
    """Else slots on defects would have no bound beside them."""
    readings = tuple(
        Interpretation(intent=intent, slots=(NamedValue(name=slot, value="blue bird"),), score=score)
        for intent, slot, score in [("play_film", "film", 0.6), ("play_song", "song", 0.3), ("play_song", "album", 0.1)]
    )
    turn = Turn(request="play blue bird", interpretations=readings)
    dialogue = Dialogue(id="1", corpus="table", split="test", turns=(turn,))
    for gold, slot in [("play_song", "song"), ("play_film", "film"), ("stop", "film"), (None, "film")]:
        labels = TurnLabels(intent=Label(value=gold) if gold else None)
        known = dialogue.with_labels(Labels(turns=(labels,)))
        ((found,),) = NBestOracle([known]).predict([known.observed()], [[]])[0].slots
        assert (found.name, found.start, found.end, found.text) == (slot, 5, 14, "blue bird")
