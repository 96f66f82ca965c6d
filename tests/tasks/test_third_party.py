"""A label of somebody else's: one class, found by an entry point or passed in, and nothing of ours changed."""

import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional

from selflearn.evaluation.benchmark import label
from selflearn.metrics import catalogue
from selflearn.metrics.items import ItemTable
from selflearn.models import LabelGenerator, LabelGeneratorConfig, load_tokenizer, save_model
from selflearn.models.system import ModelSystem
from selflearn.tasks import Task, build_tasks
from selflearn.tasks.base import per_turn, turn_head
from selflearn.training.build import fit_tasks
from tests.fixtures.dialogues import home_dialogues, tiny_model

DIALOGUES = home_dialogues(8)


class UnhappyHead(nn.Module):
    def __init__(self, sizes, dropout):
        super().__init__()
        self.score = turn_head(sizes, 1, dropout=dropout)

    def forward(self, encoded):
        return self.score(encoded.turns).squeeze(-1)


class UnhappyTask(Task):
    """Whether a person interrupted: a label that the library knows nothing of."""

    name = "unhappy"
    items = ItemTable(keys=("turn",), metrics=catalogue.DEFECT_METRICS)

    @classmethod
    def fit(cls, dialogues):
        return cls(("calm", "unhappy")) if any(d.feedback for d in dialogues) else None

    def build_head(self, sizes, *, dropout):
        return UnhappyHead(sizes, dropout)

    def targets(self, dialogues, batch):
        values = torch.zeros(len(dialogues), batch.num_turns)
        for d, dialogue in enumerate(dialogues):
            values[d, : len(dialogue.turns)] = torch.tensor([float(bool(f.barge_in)) for f in dialogue.feedback])
        return {"values": values, "known": batch.turn_mask}

    def loss(self, head, encoded, targets, logits):
        known = targets["known"]
        return functional.binary_cross_entropy_with_logits(
            logits[self.name].float()[known], targets["values"][known], reduction="sum"
        )

    def count(self, targets):
        return int(targets["known"].sum())

    def decode(self, logits, batch, dialogues):
        return per_turn(logits.float().sigmoid(), batch)

    def tables(self, dialogues, predictions, thresholds):
        rows = [
            (dialogue.id, turn, bool(feedback.barge_in), score >= 0.5, score)
            for dialogue, prediction in zip(dialogues, predictions, strict=True)
            for turn, (feedback, score) in enumerate(
                zip(dialogue.feedback, prediction.extra[self.name], strict=True)
            )
        ]  # fmt: skip
        return {self.name: pd.DataFrame(rows, columns=["dialogue_id", "turn", "gold", "prediction", "score"])}


@pytest.fixture
def installed(monkeypatch):
    class Point:
        def load(self):
            return UnhappyTask

    monkeypatch.setattr("selflearn.tasks.entry_points", lambda group: [Point()] * (group == "selflearn.tasks"))


def test_an_installed_task_goes_the_whole_way(installed, tmp_path):
    model, tokenizer = tiny_model(DIALOGUES, tasks=["segmentation", "unhappy"], dropout=0.0)
    batch = model.collator(tokenizer)(DIALOGUES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    first = model(batch).losses["unhappy"].item()
    for _ in range(25):
        optimizer.zero_grad()
        model(batch).loss.backward()
        optimizer.step()
    assert model(batch).losses["unhappy"].item() < first
    system = ModelSystem(model, tokenizer)
    tables = label(system, DIALOGUES, ["segmentation", "unhappy"])
    assert len(tables["unhappy"]) == sum(len(dialogue.turns) for dialogue in DIALOGUES)

    save_model(model, tokenizer, tmp_path)
    loaded = ModelSystem(LabelGenerator.from_pretrained(tmp_path), load_tokenizer(tmp_path))
    assert loaded.model.tasks["unhappy"].labels == ("calm", "unhappy")
    pd.testing.assert_frame_equal(label(loaded, DIALOGUES, ["unhappy"])["unhappy"], tables["unhappy"])


def test_its_answers_in_a_dialogue_of_windows_are_one_a_turn(installed):
    model, tokenizer = tiny_model(DIALOGUES, tasks=["unhappy"], max_turns=3)
    dialogue = max(home_dialogues(50), key=lambda d: len(d.turns))
    assert len(dialogue.turns) > 4
    (answer,) = ModelSystem(model, tokenizer).predict([dialogue.observed()], [[]])
    assert len(answer.extra["unhappy"]) == len(dialogue.turns)


def test_a_task_can_be_passed_in_as_it_is():
    from selflearn.training.build import build_model
    from tests.fixtures.dialogues import tiny_settings

    tasks = build_tasks({"unhappy": ["calm", "unhappy"], "defect": []}, extra=[UnhappyTask])
    model, tokenizer = build_model(tiny_settings(), tasks, DIALOGUES, seed=0)
    (answer, *_) = ModelSystem(model, tokenizer).predict([d.observed() for d in DIALOGUES], [[]] * len(DIALOGUES))
    assert len(answer.extra["unhappy"]) == len(answer.defects) == len(DIALOGUES[0].turns)


def test_a_saved_model_whose_task_is_not_installed_here_says_so(tmp_path):
    from selflearn.training.build import build_model
    from tests.fixtures.dialogues import tiny_settings

    tasks = build_tasks({"unhappy": []}, extra=[UnhappyTask])
    model, tokenizer = build_model(tiny_settings(), tasks, DIALOGUES, seed=0)
    save_model(model, tokenizer, tmp_path)
    with pytest.raises(ValueError, match=r"no task is called 'unhappy'; .* needs that package installed"):
        LabelGenerator.from_pretrained(tmp_path)
    loaded = LabelGenerator.from_pretrained(
        tmp_path, config=LabelGeneratorConfig.from_pretrained(tmp_path), tasks=tasks
    )
    said = [
        ModelSystem(one, tokenizer).predict([DIALOGUES[0].observed()], [[]])[0].extra["unhappy"]
        for one in (model, loaded)
    ]
    assert said[0] == said[1]


def test_tasks_that_are_not_labelled_are_left_out_unless_none_is():
    assert list(fit_tasks(["defect", "intent"], DIALOGUES)) == ["defect", "intent"]
    bare = [dialogue.with_labels(type(dialogue.labels)()) for dialogue in DIALOGUES]
    with pytest.raises(ValueError, match="none of the tasks defect, intent is labelled in the 8 training dialogues"):
        fit_tasks(["defect", "intent"], bare)
    with pytest.raises(ValueError, match="no task is called 'unhappy'; there are segmentation, "):
        fit_tasks(["unhappy"], DIALOGUES)
