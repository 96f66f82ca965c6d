import random

import pytest

from selflearn.simulation.simulate import trained_understanding, untrained_understanding
from selflearn.simulation.understanding import OTHER, Gazetteer, training_examples


@pytest.fixture(scope="module")
def model(small):
    return trained_understanding(small)


def test_what_it_was_trained_on_is_limited_and_stated(home):
    settings = home.assistant.understanding
    examples = training_examples(home.world, settings, seed=1)
    assert len(examples) == settings.utterances
    assert {example.intent for example in examples} == {
        intent.name for intent in home.world.intents.values() if intent.supported
    } | {OTHER}
    said = {e.spoken[0] for e in home.world.types["song"].entities}
    seen = {e.text[s.start : s.end] for e in examples for s in e.spans if s.slot == "song"}
    assert 0.2 * len(said) < len(seen & said) <= (settings.entities + 0.1) * len(said)
    for example in examples:
        for span in example.spans:
            assert example.text[span.start : span.end].strip() == example.text[span.start : span.end]


def test_it_understands_what_it_has_learned(small, model):
    examples = training_examples(small.world, small.assistant.understanding, small.seed)
    found = model.understand([(e.text, e.before) for e in examples], hypotheses=3)
    assert sum(f[0].intent == e.intent for f, e in zip(found, examples, strict=True)) / len(examples) > 0.9
    for hypotheses in found:
        assert [h.score for h in hypotheses] == sorted((h.score for h in hypotheses), reverse=True)
        assert all(0 <= h.score <= 1 for h in hypotheses)
        for hypothesis in hypotheses:
            allowed = small.world.intents[hypothesis.intent].slots if hypothesis.intent != OTHER else ()
            assert set(hypothesis.mentions) <= set(allowed)


def test_it_is_wrong_at_times_and_its_score_knows_something_of_it(home):
    model = trained_understanding(home)
    rng = random.Random(5)
    right, scores = [], []
    for _ in range(1500):
        intent = rng.choice([i for i in home.world.intents.values() if i.supported])
        values = {s.name: rng.choice(home.world.types[s.type].entities).spoken[0] for s in intent.slots.values()}
        utterance = rng.choice(intent.say.all).say(values, rng)
        reading = model.understand([(utterance.text, "")], hypotheses=3)[0][0]
        right.append(reading.intent == intent.name)
        scores.append(reading.score)
    share = sum(right) / len(right)
    assert 0.6 < share < 0.95
    good = [s for s, r in zip(scores, right, strict=True) if r]
    bad = [s for s, r in zip(scores, right, strict=True) if not r]
    assert sum(good) / len(good) > sum(bad) / len(bad) + 0.1


def test_the_same_seed_learns_the_same_and_a_saved_model_says_the_same(small, model, tmp_path):
    again, loaded = trained_understanding(small), untrained_understanding(small)
    model.save(tmp_path / "model.safetensors")
    loaded.load(tmp_path / "model.safetensors")
    requests = [("play blue bird", ""), ("now cold river", "play_song"), ("switch off the lamp in the kitchen", "")]
    expected = model.understand(requests, hypotheses=3)
    assert again.understand(requests, hypotheses=3) == expected
    assert loaded.understand(requests, hypotheses=3) == expected
    assert [model.understand([request], hypotheses=3)[0] for request in requests] == expected


def test_a_value_of_several_words_is_one_mention(model):
    found = model.understand([("play cold river now", "")], hypotheses=1)[0][0]
    assert (found.intent, found.mentions) == ("play_song", {"song": "cold river"})


def test_a_gazetteer_finds_the_longest_name_that_begins_at_a_word():
    names = Gazetteer({"song": ["blue", "blue bird"], "bird": ["bird"]})
    assert names.match(["a", "blue", "bird"]) == [[], ["B song"], ["I song"]]
    assert names.match(["blue", "a", "bird"]) == [["B song"], [], ["B bird"]]
