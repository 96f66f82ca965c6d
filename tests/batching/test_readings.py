import pytest
import torch

from selflearn.batching.readings import ReadingVocabulary, find_words, slot_places
from selflearn.schema import Interpretation, NamedValue, ObservedDialogue, Turn


def reading(intent, score=None, **slots):
    named = tuple(NamedValue(name=name, value=value) for name, value in slots.items())
    return Interpretation(domain="music", intent=intent, score=score, slots=named)


TURNS = (
    Turn(request="play blue by nina", interpretations=(reading("play", 0.9, artist="nina", song="blue"),
                                                       reading("buy", 0.05), reading("sing", 0.0))),
    Turn(request="no the film", interpretations=(reading("watch"), reading("play"))),
    Turn(request="hello"),
)  # fmt: skip
DIALOGUE = ObservedDialogue(id="a", corpus="home", split="train", turns=TURNS)
WORDS = torch.tensor([[0, 4], [5, 9], [10, 12], [13, 17], [0, 2], [3, 6], [7, 11], [0, 5]])
OWNERS = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2])


def test_names_of_all_entries_and_slots_of_the_best():
    vocabulary = ReadingVocabulary.fit([DIALOGUE])
    assert vocabulary == ReadingVocabulary(intents=("buy", "play", "sing", "watch"), slots=("artist", "song"))
    assert ReadingVocabulary.fit([]) == ReadingVocabulary()


@pytest.mark.parametrize("words", ["", " "])
def test_no_words_stand_nowhere(words):
    assert find_words("play jazz?", words) is None


def test_evidence_grows_with_the_score_and_the_best_is_marked():
    intents = ReadingVocabulary.fit([DIALOGUE]).encode([DIALOGUE], 4, OWNERS, WORDS).intents
    assert intents.shape == (1, 4, 4, 2)
    buy, play, sing, watch = intents[0, 0].unbind(0)
    assert 0 < buy[0] < play[0] < 1
    assert sing.tolist() == [0.0, 0.0]  # a score below the floor says nothing
    assert watch.tolist() == [0.0, 0.0]
    assert [float(row[1]) for row in (buy, play, sing, watch)] == [0, 1, 0, 0]
    assert intents[0, 1, 3, 0] > intents[0, 1, 1, 0] > 0  # without scores the rank says which is likelier
    assert not intents[0, 2:].any()


def test_tokens_know_what_the_assistant_took_them_for():
    taken = ReadingVocabulary.fit([DIALOGUE]).encode([DIALOGUE], 4, OWNERS, WORDS).token_slots
    assert taken.tolist() == [0, 2, 0, 1, 0, 0, 0, 0]


def test_a_name_that_training_never_saw_is_nothing():
    known = ReadingVocabulary(intents=("buy",), slots=("song",))
    found = known.encode([DIALOGUE], 3, OWNERS, WORDS)
    assert found.intents[0, :, 0, 1].tolist() == [0, 0, 0]
    assert found.token_slots.tolist() == [0, 1, 0, 0, 0, 0, 0, 0]


def test_a_log_without_interpretations_has_no_readings():
    found = ReadingVocabulary().encode([DIALOGUE], 3, OWNERS, WORDS)
    assert found.intents.shape == (1, 3, 0, 2)
    assert not found.token_slots.any()


def test_slots_that_overlap_or_are_not_in_the_request_have_no_place():
    turn = Turn(
        request="play blue moon", interpretations=(reading("play", song="blue moon", film="moon", artist="nina"),)
    )
    assert slot_places(turn) == [(5, 14, "song")]


@pytest.mark.parametrize(("words", "place"), [("art", (10, 13)), ("show", (14, 18)), ("ar", None), ("", None)])
def test_words_are_found_whole(words, place):
    assert find_words("start the art show", words) == place


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [("播放林小梅的歌", "林小梅", (2, 5)), ("播放nina的歌", "nina", (2, 6)), ("播放ninas的歌", "nina", None)],
)
def test_words_of_a_script_without_blanks_are_found(text, words, place):
    assert find_words(text, words) == place
