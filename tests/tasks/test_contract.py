"""What every task promises, whichever it is."""

import sys
from importlib.metadata import EntryPoint

import pytest
import torch

import selflearn.tasks
from selflearn.schema import Labels
from selflearn.tasks import DefectTask, SegmentationTask, Thresholds, build_tasks, task_classes
from selflearn.tasks.success import asked_goals
from tests.fixtures.dialogues import TASKS, home_dialogues, plain_dialogue, tiny_model

DIALOGUES = home_dialogues(6)


@pytest.fixture(scope="module")
def model_and_tokenizer():
    model, tokenizer = tiny_model(DIALOGUES, dropout=0.0)
    return model.eval(), tokenizer


@pytest.mark.parametrize("name", TASKS)
def test_the_loss_sums_over_items_so_that_batches_weigh_by_their_items(name, model_and_tokenizer):
    model, tokenizer = model_and_tokenizer

    def sums(dialogues):
        out = model(model.collator(tokenizer)(dialogues), tasks=[name])
        return float(out.losses[name].detach()) * out.counts[name], out.counts[name]

    parts = [sums(DIALOGUES[:1]), sums(DIALOGUES[1:4]), sums(DIALOGUES[4:])]
    total, count = sums(DIALOGUES)
    assert count == sum(number for _, number in parts)
    assert total == pytest.approx(sum(part for part, _ in parts), rel=1e-4)


@pytest.mark.parametrize("name", TASKS)
def test_where_nothing_is_labelled_there_is_no_task_no_target_and_no_item(name, model_and_tokenizer):
    model, tokenizer = model_and_tokenizer
    bare = [dialogue.with_labels(Labels()) for dialogue in DIALOGUES]
    task = model.tasks[name]
    assert type(task).fit(bare) is None
    batch = model.collator(tokenizer)(bare)
    assert task.targets(bare, batch) == {}
    predictions = [model_predictions(model, tokenizer, dialogue) for dialogue in bare]
    assert all(table.empty for table in task.tables(bare, predictions, Thresholds()).values())


def model_predictions(model, tokenizer, dialogue):
    from selflearn.models.system import ModelSystem

    return ModelSystem(model, tokenizer).predict([dialogue.observed()], asked_goals([dialogue]))[0]


def test_a_task_without_targets_in_the_batch_is_not_run_and_gets_no_gradient(model_and_tokenizer):
    model, tokenizer = model_and_tokenizer
    only_goals = [dialogue.with_labels(Labels(goals=dialogue.labels.goals)) for dialogue in DIALOGUES]
    out = model(model.collator(tokenizer)(only_goals))
    assert set(out.losses) == {"segmentation", "success", "domain"}
    assert set(out.logits) == {"segmentation", "domain"}
    out.loss.backward()
    assert all(p.grad is None for name in ("intent", "slots", "defect") for p in model.heads[name].parameters())
    assert any(p.grad is not None for p in model.heads["success"].parameters())
    model.zero_grad()


def test_a_batch_without_any_target_has_logits_and_no_loss(model_and_tokenizer):
    model, tokenizer = model_and_tokenizer
    out = model(model.collator(tokenizer)([plain_dialogue(("a", "b"))]))
    assert out.loss is out.losses is None
    assert set(out.logits) == set(TASKS) - {"success"}


@pytest.mark.parametrize("request_text", ["", None])
def test_a_batch_in_which_nobody_asks_anything_is_labelled_and_trained_on(request_text, model_and_tokenizer):
    model, tokenizer = model_and_tokenizer
    dialogue = plain_dialogue((request_text, "hello"), (request_text, None))
    answer = model_predictions(model, tokenizer, dialogue)
    assert answer.slots == ((), ())
    assert len(answer.boundaries) == len(answer.intents) == len(answer.defects) == 2
    labels = Labels(turns=tuple(type(turn)(slots=()) for turn in DIALOGUES[0].labels.turns[:1] * 2))
    out = model(model.collator(tokenizer)([dialogue.with_labels(labels)]))
    assert out.losses is None or "slots" not in out.losses


@pytest.mark.parametrize("name", [name for name in TASKS if name != "success"])
def test_there_is_one_answer_a_turn(name, model_and_tokenizer):
    model, tokenizer = model_and_tokenizer
    for dialogue in DIALOGUES:
        answer = model.tasks[name].answer(model_predictions(model, tokenizer, dialogue))
        assert len(answer) == len(dialogue.turns)


def test_every_built_in_task_is_found_by_name_and_names_are_kept_in_order():
    assert set(task_classes()) >= set(TASKS)
    assert all(task_classes()[name].name == name for name in TASKS)
    assert build_tasks({"intent": ["b", "a"]})["intent"].labels == ("b", "a")


def test_tasks_come_in_their_order_and_one_that_lies_in_the_package_is_found_there(tmp_path, monkeypatch):
    known = ["segmentation", "success", "intent", "domain", "slots", "defect", "transcript"]
    assert list(task_classes()) == known
    (tmp_path / "apology.py").write_text(
        "from selflearn.tasks.turn_binary import BinaryTurnTask\n\n\n"
        "class ApologyTask(BinaryTurnTask):\n"
        "    name = 'apology'\n\n"
        "    def decisions(self, dialogue):\n"
        "        return [None] * len(dialogue.turns)\n"
    )
    monkeypatch.setattr("selflearn.tasks.__path__", [*selflearn.tasks.__path__, str(tmp_path)])
    try:
        assert list(task_classes()) == [*known, "apology"]
    finally:
        sys.modules.pop("selflearn.tasks.apology", None)


def test_an_unknown_task_is_refused_with_the_nearest_known_one():
    with pytest.raises(ValueError, match="no task is called 'segmentaton'; nearest: segmentation"):
        build_tasks({"segmentaton": []})


@pytest.mark.parametrize("name", ["items", "copy", "a.b", "a task"])
def test_a_name_that_no_module_can_have_is_refused(monkeypatch, name):
    class Point:
        def load(self):
            return type("Other", (DefectTask,), {"name": name})

    monkeypatch.setattr("selflearn.tasks.entry_points", lambda group: [Point()])
    with pytest.raises(ValueError, match=f"Other.* is called '{name}'; expected a name of letters, digits and _"):
        task_classes()


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("selflearn.tasks.nowhere:ToneTask", "cannot be loaded .No module named 'selflearn.tasks.nowhere'"),
        ("selflearn.tasks.defect:ToneTask", "cannot be loaded .module 'selflearn.tasks.defect' has no attribute"),
        ("selflearn.tasks.defect", "leads to <module 'selflearn.tasks.defect'"),
        ("selflearn.tasks:build_tasks", "leads to <function build_tasks"),
        ("selflearn.tasks:Task", "Task.> has no name; expected a string as its attribute `name`"),
    ],
)
def test_an_entry_point_that_leads_to_no_task_is_named(monkeypatch, where, problem):
    point = EntryPoint(name="tone", value=where, group="selflearn.tasks")
    monkeypatch.setattr("selflearn.tasks.entry_points", lambda group: [point])
    with pytest.raises(ValueError, match=problem):
        task_classes()


def test_two_tasks_of_one_name_are_refused(monkeypatch):
    class Point:
        def load(self):
            return type("Other", (SegmentationTask,), {})

    monkeypatch.setattr("selflearn.tasks.entry_points", lambda group: [Point()])
    with pytest.raises(ValueError, match="two tasks are called 'segmentation'"):
        task_classes()


@pytest.mark.parametrize("name", TASKS)
def test_targets_hold_labels_and_inputs_do_not(name, model_and_tokenizer):
    """Labels of another dialogue change the loss and nothing else."""
    model, tokenizer = model_and_tokenizer
    same_length = {}
    for dialogue in home_dialogues(60):
        same_length.setdefault(len(dialogue.turns), []).append(dialogue)
    one, other = next(
        (a, b)
        for group in same_length.values()
        for a in group
        for b in group
        if a.labels.turns[0].intent != b.labels.turns[0].intent
        and [t.defect.value for t in a.labels.turns] != [t.defect.value for t in b.labels.turns]
        and [g.start for g in a.labels.goals] != [g.start for g in b.labels.goals]
        and [g.success for g in a.labels.goals] != [g.success for g in b.labels.goals]
    )
    stripped = Labels(goals=other.labels.goals, turns=tuple(  # offsets of slots belong to their request
        type(turn)(intent=turn.intent, defect=turn.defect, slots=()) for turn in other.labels.turns))  # fmt: skip
    changed = one.with_labels(stripped)
    before, after = (model(model.collator(tokenizer)([dialogue])) for dialogue in (one, changed))
    assert not torch.allclose(before.losses[name], after.losses[name])
    torch.testing.assert_close(before.turns, after.turns, rtol=0, atol=0)
    for task, logits in before.logits.items():
        torch.testing.assert_close(after.logits[task], logits, rtol=0, atol=0)
