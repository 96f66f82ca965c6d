import random
from dataclasses import replace

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein
from sklearn.metrics import roc_auc_score

from selflearn.simulation.settings import RecognitionSettings
from selflearn.simulation.simulate import Setting, simulated
from selflearn.simulation.speech_text import Speech, TextRecognizer, sounds, vocabulary
from tests.fixtures.worlds import write_world

SETTINGS = RecognitionSettings(error=0.08, speakers=0.5, dropped=0.02, hypotheses=4, confidence_noise=0.8)


@pytest.fixture(scope="module")
def heard(home):
    """Requests of the home world and what became of them."""
    rng = random.Random(0)
    texts = []
    for _ in range(1500):
        intent = rng.choice(list(home.world.intents.values()))
        phrasing = rng.choice(intent.say.all)
        values = {s.name: rng.choice(home.world.types[s.type].entities).spoken[0] for s in intent.slots.values()}
        texts.append(phrasing.say(values, rng).text)
    recognizer = TextRecognizer(vocabulary(home.world), SETTINGS)
    speech = [Speech(text, 1.0, 0.0, f"key{i}") for i, text in enumerate(texts)]
    return recognizer, speech, recognizer.recognize(speech)


def errors(one, other):
    return Levenshtein.distance(one.split(), other.split())


def test_words_are_wrong_at_about_the_rate_that_is_set(heard):
    _, speech, found = heard
    wrong = sum(errors(s.text, r.hypotheses[0].text) for s, r in zip(speech, found, strict=True))
    rate = wrong / sum(len(s.text.split()) for s in speech)
    assert 0.04 < rate < 0.12


def test_the_list_holds_more_of_the_truth_than_its_first_entry(heard):
    _, speech, found = heard
    first = [errors(s.text, r.hypotheses[0].text) for s, r in zip(speech, found, strict=True)]
    best = [min(errors(s.text, h.text) for h in r.hypotheses) for s, r in zip(speech, found, strict=True)]
    assert sum(best) < 0.9 * sum(first)
    assert all(1 <= len(r.hypotheses) <= 4 for r in found)
    assert all(len({h.text for h in r.hypotheses}) == len(r.hypotheses) for r in found)


def test_confidence_tells_something_and_not_everything(heard):
    _, speech, found = heard
    right = [s.text == r.hypotheses[0].text for s, r in zip(speech, found, strict=True)]
    auc = roc_auc_score(right, [r.hypotheses[0].score for r in found])
    assert 0.6 < auc < 0.92
    scores = np.array([[h.score for h in r.hypotheses] for r in found if len(r.hypotheses) == 4])
    assert (np.diff(scores, axis=1) <= 0).all()


def test_confidences_that_are_all_noise_are_still_confidences():
    recognizer = TextRecognizer(["play", "jazz", "pay"], replace(SETTINGS, confidence_noise=1000.0))
    found = recognizer.recognize([Speech("play jazz", 1.0, 0.0, f"key{i}") for i in range(20)])
    assert all(0 <= hypothesis.score <= 1 for one in found for hypothesis in one.hypotheses)


def test_errors_are_words_that_sound_alike(heard):
    recognizer, speech, found = heard
    pairs = [
        (said, r.hypotheses[0].text.split()[place])
        for s, r in zip(speech, found, strict=True)
        for said, place in zip(s.text.split(), r.alignment, strict=True)
        if place is not None
    ]
    wrong = [(a, b) for a, b in pairs if a != b]
    rng = random.Random(0)
    chance = [(a, rng.choice(recognizer.words)) for a, _ in wrong]
    distance = [np.mean([Levenshtein.normalized_distance(sounds(a), sounds(b)) for a, b in x]) for x in (wrong, chance)]
    assert wrong
    assert all(word in recognizer.words for _, word in wrong)
    assert distance[0] < 0.7 * distance[1]


def test_what_is_heard_does_not_hang_on_the_company(heard):
    recognizer, speech, found = heard
    assert recognizer.recognize(speech[7:8]) == found[7:8]
    other = Speech(speech[7].text, 1.0, 0.0, "another key")
    assert any(
        recognizer.recognize([Speech(s.text, 3.0, 0.0, "another")])[0] != r for s, r in zip(speech, found, strict=True)
    )
    assert recognizer.recognize([other]) == recognizer.recognize([other])


def test_more_noise_and_a_stronger_accent_make_more_errors(heard):
    recognizer, speech, _ = heard
    rates = []
    for noise, accent in [(0.3, 0.0), (1.0, 0.0), (1.0, 2.0), (3.0, 0.0)]:
        found = recognizer.recognize([Speech(s.text, noise, accent, s.key) for s in speech])
        rates.append(sum(errors(s.text, r.hypotheses[0].text) for s, r in zip(speech, found, strict=True)))
    assert rates[0] < rates[1] < min(rates[2:])


def test_something_is_heard_even_if_every_word_is_lost():
    recognizer = TextRecognizer(["the", "a"], RecognitionSettings(
        error=0.1, speakers=0.0, dropped=1.0, hypotheses=3, confidence_noise=0.0))  # fmt: skip
    found = recognizer.recognize([Speech("the a", 1.0, 0.0, "key")])[0]
    assert found.hypotheses[0].text == "a"
    assert found.alignment == (None, 0)


def test_a_recogniser_that_makes_no_errors_hears_every_word(tmp_path):
    rates = {"assistant.recognition.error": 0.0, "assistant.recognition.dropped": 0}
    setting = Setting.load(write_world(tmp_path), seed=1, rates=rates)
    for dialogue in simulated(setting, 20):
        for turn, labels in zip(dialogue.turns, dialogue.labels.turns, strict=True):
            assert turn.request == labels.transcript.value
            assert labels.failure_point.value != "recognition"
            assert [hypothesis.text for hypothesis in turn.recognition] == [turn.request]
