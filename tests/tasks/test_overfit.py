"""Every task learns a few examples by heart, and still knows them after saving and loading."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from selflearn.models import LabelGenerator, load_tokenizer, save_model
from selflearn.models.system import ModelSystem
from selflearn.tasks.success import asked_goals
from tests.fixtures.dialogues import home_dialogues, plain_dialogue, tiny_model

DIALOGUES = home_dialogues(6)


def learn(model, tokenizer, dialogues, *, steps=60):
    """Train on all dialogues as one batch until the loss is nothing."""
    torch.manual_seed(0)
    batch = model.collator(tokenizer)(dialogues)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(steps):
        loss = model(batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if loss < 0.02:
            break
    return float(loss.detach())


class OverfitsAndReloads:
    """A subclass names its task, and says what its table must hold once the examples are learnt."""

    task: str
    pairing = "separate"

    @pytest.fixture(scope="class")
    @classmethod
    def learnt(cls):
        model, tokenizer = tiny_model(DIALOGUES, tasks=[cls.task], dropout=0.0, pairing=cls.pairing, max_tokens=128)
        loss = learn(model, tokenizer, DIALOGUES)
        return ModelSystem(model, tokenizer), loss

    def test_it_learns_its_examples(self, learnt):
        system, loss = learnt
        assert loss < 0.3
        tables = self.tables(system, DIALOGUES)
        assert set(tables) >= {self.task}
        for table in tables.values():
            assert len(table)
            assert (table["gold"] == table["prediction"]).all()
            assert table["score"].between(0, 1).all()

    def test_it_says_the_same_after_saving_and_loading(self, learnt, tmp_path):
        system, _ = learnt
        save_model(system.model, system.tokenizer, tmp_path)
        loaded = ModelSystem(LabelGenerator.from_pretrained(tmp_path), load_tokenizer(tmp_path))
        before, after = self.tables(system, DIALOGUES), self.tables(loaded, DIALOGUES)
        assert before.keys() == after.keys()
        for name, table in before.items():
            pd.testing.assert_frame_equal(after[name], table)

    def test_a_dialogue_without_its_labels_is_answered_and_makes_no_item(self, learnt):
        system, _ = learnt
        bare = [plain_dialogue(("dim the lights", "no"), ("", None), (None, "hello"), (None, None))]
        (answer,) = system.predict([bare[0].observed()], [[]])
        if system.model.tasks[self.task].level != "goal":
            assert len(system.model.tasks[self.task].answer(answer)) == 4
        assert all(table.empty for table in self.tables(system, bare).values())

    def tables(self, system, dialogues):
        task = system.model.tasks[self.task]
        predictions = system.predict([d.observed() for d in dialogues], asked_goals(dialogues))
        return task.tables(dialogues, predictions, system.thresholds)


class TestSegmentation(OverfitsAndReloads):
    task = "segmentation"


class TestSuccess(OverfitsAndReloads):
    task = "success"


class TestIntent(OverfitsAndReloads):
    task = "intent"


class TestIntentOfPairs(OverfitsAndReloads):
    task, pairing = "intent", "pair"


class TestSlots(OverfitsAndReloads):
    task = "slots"


class TestSlotsOfPairs(OverfitsAndReloads):
    task, pairing = "slots", "pair"


class TestDefect(OverfitsAndReloads):
    task = "defect"


class TestDomain(OverfitsAndReloads):
    task = "domain"


def test_all_together_are_learnt_by_one_model():
    model, tokenizer = tiny_model(DIALOGUES, dropout=0.0, max_tokens=128)
    learn(model, tokenizer, DIALOGUES, steps=100)
    system = ModelSystem(model, tokenizer)
    predictions = system.predict([d.observed() for d in DIALOGUES], asked_goals(DIALOGUES))
    for name, task in model.tasks.items():
        for table in task.tables(DIALOGUES, predictions, system.thresholds).values():
            assert (table["gold"] == table["prediction"]).mean() > 0.95, name
    for dialogue, prediction in zip(DIALOGUES, predictions, strict=True):
        assert prediction.goals == tuple((goal.start, goal.end) for goal in dialogue.labels.goals)
        for turn, slots in zip(dialogue.turns, prediction.slots, strict=True):
            assert all(turn.request[slot.start : slot.end] == slot.text for slot in slots)


def test_a_label_that_the_model_does_not_know_is_scored_as_wrong_and_not_left_out():
    model, tokenizer = tiny_model(DIALOGUES, tasks=["intent"], dropout=0.0)
    labels = DIALOGUES[0].labels
    odd = replace(labels.turns[0], intent=replace(labels.turns[0].intent, value="Unheard"))
    dialogue = DIALOGUES[0].with_labels(replace(labels, turns=(odd, *labels.turns[1:])))
    system = ModelSystem(model, tokenizer)
    predictions = system.predict([dialogue.observed()], [[]])
    table = model.tasks["intent"].tables([dialogue], predictions, system.thresholds)["intent"]
    assert table["gold"].iloc[0] == "Unheard"
    assert table["prediction"].iloc[0] != "Unheard"
    assert len(table) == len(dialogue.turns)
