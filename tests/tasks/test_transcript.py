from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein
from torchmetrics.functional.text import word_error_rate as reference

from selflearn.metrics.functional import word_error_rate
from selflearn.models.system import ModelSystem
from selflearn.schema import Label, Labels, RecognitionHypothesis, TurnLabels
from selflearn.tasks import Thresholds
from selflearn.tasks.prediction import DialoguePrediction
from selflearn.tasks.transcript import HYPOTHESES, TranscriptTask, _least_risk, candidates
from tests.fixtures.dialogues import plain_dialogue, tiny_model


def heard(*turns, name="d"):
    """A dialogue of turns (n-best list, what was said)."""
    dialogue = plain_dialogue(*[(texts[0] if texts else "hm", "okay") for texts, _ in turns], id=name)
    seen = tuple(
        replace(
            turn,
            recognition=tuple(RecognitionHypothesis(text=text, score=0.9 - k / 10) for k, text in enumerate(texts)),
        )
        for turn, (texts, _) in zip(dialogue.turns, turns, strict=True)
    )
    labels = tuple(TurnLabels(transcript=Label(value=said) if said else None) for _, said in turns)
    return replace(dialogue, turns=seen).with_labels(Labels(turns=labels))


DIALOGUES = [
    heard((["play jess", "play jazz"], "play jazz"), (["stop it"], "stop it"), (["louder", "ladder", "lou"], None)),
    heard((["lamp an", "lamp on", "lump on"], "lamp on"), ([], "quiet"), name="e"),
    heard((["call and", "call ann"], "call ann please"), (["call ann please"], "call ann please"), name="f"),
]


@pytest.fixture(scope="module")
def model():
    return tiny_model(DIALOGUES, tasks=["transcript"])


def test_candidates_are_the_list_and_the_next_requests():
    assert candidates(DIALOGUES[0].turns, 0) == {0: "play jess", 1: "play jazz", 5: "stop it", 6: "louder"}
    assert candidates(DIALOGUES[0].turns, 2) == {0: "louder", 1: "ladder", 2: "lou"}
    assert candidates(DIALOGUES[1].turns, 1) == {}


@pytest.mark.parametrize(
    ("settings", "best"),
    [({}, {(0, 0): 1, (0, 1): 0, (1, 0): 1, (2, 0): HYPOTHESES}),
     ({"causal": True}, {(0, 0): 1, (0, 1): 0, (1, 0): 1, (2, 0): 1}),
     ({"layers": 0}, {(0, 0): 1, (0, 1): 0, (1, 0): 1, (2, 0): 1})],
)  # fmt: skip
def test_the_target_is_the_candidate_with_the_fewest_errors_that_a_model_sees(settings, best):
    net, tokenizer = tiny_model(DIALOGUES, tasks=["transcript"], **settings)
    out = net.eval()(net.collator(tokenizer)(DIALOGUES))
    probabilities = out.logits["transcript"].log_softmax(2)
    assert out.counts["transcript"] == len(best)  # none of them is left out, whatever the model sees
    expected = -sum(probabilities[d, t, k] for (d, t), k in best.items()) / len(best)
    torch.testing.assert_close(out.losses["transcript"], expected)


def test_a_dialogue_gets_the_same_alone_and_in_company(model):
    net, tokenizer = model
    net.eval()
    collator = net.collator(tokenizer, with_targets=False)
    together = net(collator.inputs([d.observed() for d in DIALOGUES])).logits["transcript"]
    for i, dialogue in enumerate(DIALOGUES):
        alone = net(collator.inputs([dialogue.observed()])).logits["transcript"][0]
        torch.testing.assert_close(together[i, : len(dialogue.turns)], alone, atol=1e-5, rtol=1e-5)


def test_what_is_chosen_is_the_text_of_a_candidate(model):
    net, tokenizer = model
    found = ModelSystem(net, tokenizer).predict([d.observed() for d in DIALOGUES], [[]] * 3)
    for dialogue, answer in zip(DIALOGUES, found, strict=True):
        for t, (text, score) in enumerate(answer.extra["transcript"]):
            known = candidates(dialogue.turns, t)
            assert text in known.values() if known else (text, score) == (dialogue.turns[t].request, 0.0)


@pytest.mark.parametrize("settings", [{"causal": True}, {"layers": 0}])
def test_a_model_that_does_not_see_later_turns_never_chooses_one(settings):
    net, tokenizer = tiny_model(DIALOGUES, tasks=["transcript"], **settings)
    batch = net.collator(tokenizer)(DIALOGUES)
    out = net.eval()(batch)
    assert (out.logits["transcript"][..., HYPOTHESES:] == torch.finfo(torch.float32).min).all()
    assert torch.isfinite(out.loss)
    out.loss.backward()
    said = "a b b"  # nearer to each of the three than they are to each other
    dialogues = [heard((["b a b", "a a b", "a b a"], None), ([later], None)).observed() for later in (said, "no")]
    found = ModelSystem(net, tokenizer).predict(dialogues, [[]] * 2)
    texts = [answer.extra["transcript"][0][0] for answer in found]
    assert texts[0] == texts[1] != said
    collator = net.collator(tokenizer, with_targets=False)
    one, other = (net(collator.inputs([dialogue])).logits["transcript"][0, 0] for dialogue in dialogues)
    torch.testing.assert_close(one, other)


def test_a_turn_that_was_not_recognised_is_its_request():
    typed = plain_dialogue(("play some jazz", "No."), ("play jazz", "Here it is."))
    assert candidates(typed.turns, 0) == {}
    net, tokenizer = tiny_model(DIALOGUES, tasks=["transcript"])
    (found,) = ModelSystem(net, tokenizer).predict([typed.observed()], [[]])
    assert found.extra["transcript"] == (("play some jazz", 0.0), ("play jazz", 0.0))


def test_a_longer_list_than_the_head_reads_is_cut(model):
    net, tokenizer = model
    collator = net.collator(tokenizer, with_targets=False)
    batch = collator.inputs([dialogue.observed() for dialogue in DIALOGUES])
    collator.hypotheses = HYPOTHESES + 3
    longer = collator.inputs([dialogue.observed() for dialogue in DIALOGUES])
    net.eval()
    torch.testing.assert_close(net(batch).logits["transcript"], net(longer).logits["transcript"])


def test_it_learns_that_who_says_it_again_says_what_was_meant_also_of_words_it_has_never_seen():
    torch.manual_seed(0)
    pairs = [
        ("play jess", "play jazz"),
        ("lamp an", "lamp on"),
        ("tan it up", "turn it up"),
        ("stop their", "stop there"),
    ]

    def log(pairs):
        again = [heard(([a, b], b), ([f"please {b}"], None), name=f"{a}/{b}") for a, b in pairs]
        fine = [heard(([b, a], b), (["thank you"], None), name=f"{b}/{a}") for a, b in pairs]
        return [*again, *fine]

    net, tokenizer = tiny_model(log(pairs), tasks=["transcript"])
    collator, optimizer = net.collator(tokenizer), torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(100):
        loss = net(collator(log(pairs))).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    new = log([("cold and", "call ann"), ("red a buck", "read a book")])
    answers = ModelSystem(net.eval(), tokenizer).predict([d.observed() for d in new], [[]] * len(new))
    table = TranscriptTask().tables(new, answers, Thresholds())["transcript"]
    assert (table["gold"] == table["prediction"]).all()


def test_without_a_list_to_choose_from_there_is_no_task():
    assert TranscriptTask.fit([heard((["one"], "one"))]) is None
    assert TranscriptTask.fit([plain_dialogue(("a", "b"))]) is None


def test_the_table_counts_word_errors_of_turns_with_a_request():
    answers = [DialoguePrediction(extra={"transcript": tuple((t.request, 1.0) for t in d.turns)}) for d in DIALOGUES]
    table = TranscriptTask().tables(DIALOGUES, answers, Thresholds())["transcript"]
    assert len(table) == 6
    texts = table["prediction"].tolist(), table["gold"].tolist()
    assert word_error_rate(*texts).item() == pytest.approx(reference(*texts).item())
    assert word_error_rate([], []).isnan()


def test_the_candidate_with_the_fewest_errors_to_be_expected_is_taken():
    texts = {0: "play blue bird", 1: "play blue bert", 5: "turn the lights off"}
    assert _least_risk(texts, [0.35, 0.25, 0, 0, 0, 0.4, 0]) == (
        "play blue bird",
        0.35,
    )  # the likeliest is far from both
    assert _least_risk(texts, [0.1, 0.1, 0, 0, 0, 0.8, 0]) == ("turn the lights off", 0.8)
    assert _least_risk({0: "a", 1: "a"}, [0.3, 0.7]) == ("a", 0.7)


@given(st.lists(st.text("ab ", max_size=6), min_size=1, max_size=4), st.data())
def test_no_candidate_has_fewer_errors_to_be_expected(texts, data):
    weights = data.draw(st.lists(st.integers(1, 20), min_size=len(texts), max_size=len(texts)))
    p = [weight / sum(weights) for weight in weights]

    def risk(text):
        return sum(q * Levenshtein.distance(text.split(), other.split()) for q, other in zip(p, texts, strict=True))

    taken, own = _least_risk(dict(enumerate(texts)), p)
    assert risk(taken) <= min(map(risk, texts)) + 1e-12
    assert (taken, own) in zip(texts, p, strict=True)
