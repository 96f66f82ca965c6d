import math
from dataclasses import replace

import torch

from selflearn.batching.batch import Readings
from selflearn.batching.readings import ReadingVocabulary
from selflearn.tasks import EncodedBatch, StateSizes
from selflearn.tasks.intent import IntentTask

SIZES = StateSizes(turn=8, token=8, lexical=4, readings=ReadingVocabulary(intents=("buy", "play", "watch")))


class Inputs:
    """A batch of one dialogue of three turns in which the assistant understood what is given by turn."""

    def __init__(self, *names):
        intents = torch.zeros(1, len(names), 3, 2)
        for turn, name in enumerate(names):
            intents[0, turn, SIZES.readings.intents.index(name)] = 1.0
        self.utterance_index = torch.zeros(1, len(names), 2, dtype=torch.long)
        self.readings = Readings(intents=intents, token_slots=torch.zeros(0, dtype=torch.long))


def encoded(*names, **settings):
    return EncodedBatch(
        turns=torch.zeros(1, len(names), 8), texts=torch.zeros(1, len(names), 2, 8),
        lexical=torch.zeros(1, len(names), 4),
        tokens=None, inputs=Inputs(*names),
        **{"causal": False} | settings,
    )  # fmt: skip


def test_what_the_assistant_understood_counts_before_anything_is_learned():
    torch.manual_seed(0)
    head = IntentTask(["other", "play", "watch"]).build_head(SIZES, dropout=0.0).eval()
    logits = head(encoded("play", "watch", "buy"))
    assert logits.shape == (1, 3, 3)
    assert logits[0, 0].argmax() == 1
    assert logits[0, 1].argmax() == 2
    torch.testing.assert_close(head.same, torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 1]]))


def test_readings_of_the_turns_around_are_seen_as_far_as_the_model_may():
    torch.manual_seed(0)
    head = IntentTask(["play", "watch"]).build_head(SIZES, dropout=0.0).eval()
    with torch.no_grad():
        head.weigh[-1].bias += 1.0
    for settings, seen in (({}, {0, 1, 2, 3}), ({"causal": True}, {0, 1}), ({"context": False}, {1})):
        before = head(encoded(*["play"] * 5, **settings))[0, 1]
        for changed in range(5):
            names = ["play"] * 5
            names[changed] = "watch"
            after = head(encoded(*names, **settings))[0, 1]
            assert torch.equal(before, after) == (changed not in seen)


def test_the_classifier_of_words_reads_one_request_and_has_a_loss_of_its_own():
    torch.manual_seed(0)
    task = IntentTask(["play", "watch"])
    head, batch = task.build_head(SIZES, dropout=0.0).eval(), encoded("play", "watch", "play")
    before = head.of_words(batch)
    texts = batch.texts.clone()
    texts[0, 0, 1], texts[0, 1, 0] = 1.0, 1.0  # the response of the first turn, the request of the second
    after = head.of_words(replace(batch, texts=texts))
    assert [torch.equal(before[0, t], after[0, t]) for t in range(3)] == [True, False, True]
    targets = {"classes": torch.tensor([[0, 1, -100]])}
    logits = {"intent": torch.zeros(1, 3, 2)}
    words = torch.nn.functional.cross_entropy(before[0, :2], torch.tensor([0, 1]), reduction="sum")
    expected = 2 * math.log(2) + words
    torch.testing.assert_close(task.loss(head, batch, targets, logits), expected)


def test_a_log_without_readings_has_no_weights_for_them():
    head = IntentTask(["play"]).build_head(StateSizes(turn=8, token=8), dropout=0.0)
    assert head.weigh is None
    assert head.words is None
    assert head(encoded("play")).shape == (1, 1, 1)
