"""Intent, slots and defect: which turns are items, and what their tables hold."""

from dataclasses import replace

import pytest

from selflearn.baselines.labels import turn_labels
from selflearn.schema import Goal, Label, Labels, Slot, TurnLabels
from selflearn.tasks import (
    BinaryTurnTask,
    DefectTask,
    DialoguePrediction,
    IntentTask,
    NamedTurnTask,
    SlotsTask,
    Thresholds,
)
from tests.fixtures.dialogues import home_dialogues, plain_dialogue, tiny_model

TURNS = [("book a table in Oakham", "ok"), ("no", "bye"), ("and a taxi", "ok")]


def slot(start, end, name="town", text=TURNS[0][0]):
    return Slot(name=name, start=start, end=end, text=text[start:end])


LABELS = (
    TurnLabels(intent=Label(value="Book"), slots=(slot(5, 12, "what"), slot(16, 22)), defect=Label(value=False)),
    TurnLabels(),
    TurnLabels(intent=Label(value="Taxi"), slots=(), defect=Label(value=True)),
)
GOALS = (Goal(start=0, end=2, domain="food"), Goal(start=2, end=3, domain="cars"))
DIALOGUE = plain_dialogue(*TURNS).with_labels(Labels(turns=LABELS, goals=GOALS))


def test_names_are_those_of_the_training_dialogues_in_alphabetical_order():
    assert IntentTask.fit([DIALOGUE]).labels == ("Book", "Taxi")
    assert SlotsTask.fit([DIALOGUE]).labels == ("town", "what")
    assert DefectTask.fit([DIALOGUE]) is not None


def test_a_turn_without_an_intent_is_no_item_and_an_unknown_one_is_an_item_without_a_target():
    task = IntentTask(("Book",))
    model, tokenizer = tiny_model(home_dialogues(3))
    batch = model.collator(tokenizer).inputs([DIALOGUE.observed()])
    assert task.targets([DIALOGUE], batch)["classes"].tolist() == [[0, -100, -100]]
    said = DialoguePrediction(intents=(("Book", 0.5),) * 3)
    table = task.tables([DIALOGUE], [said], Thresholds())["intent"]
    assert table[["turn", "gold", "prediction", "domain"]].values.tolist() == [
        [0, "Book", "Book", "food"], [2, "Taxi", "Book", "cars"],
    ]  # fmt: skip


class ShortNames(NamedTurnTask):
    name = "short_names"

    def names(self, dialogue):
        return ["a"] * (len(dialogue.turns) - 1)


class LongDecisions(BinaryTurnTask):
    name = "long_decisions"

    def decisions(self, dialogue):
        return [True] * (len(dialogue.turns) + 1)


@pytest.mark.parametrize(("task", "number"), [(ShortNames(("a",)), 2), (LongDecisions(), 4)])
def test_a_task_that_does_not_say_one_label_a_turn_is_named_and_shifts_no_other_label(task, number):
    model, tokenizer = tiny_model(home_dialogues(3))
    batch = model.collator(tokenizer).inputs([DIALOGUE.observed()])
    said = DialoguePrediction(extra={task.name: (("a", 0.5),) * 3 if number == 2 else (0.5,) * 3})
    for reads in (
        lambda: task.targets([DIALOGUE], batch),
        lambda: task.tables([DIALOGUE], [said], Thresholds()),
        lambda: turn_labels(task, [DIALOGUE]),
    ):
        with pytest.raises(ValueError, match=rf"'{task.name}' has {number} labels for the 3 turns of dialogue 'plain'"):
            reads()


def test_a_span_is_one_row_whoever_says_it_and_only_in_turns_whose_slots_are_labelled():
    found = (replace(slot(5, 12, "town"), score=0.4, source="model"), replace(slot(0, 4), score=0.9, source="model"))
    said = DialoguePrediction(slots=(found, (slot(0, 2, text="no"),), ()))
    rows = SlotsTask(("town", "what")).tables([DIALOGUE], [said], Thresholds())["slots"]
    assert rows[["turn", "start", "end"]].values.tolist() == [[0, 0, 4], [0, 5, 12], [0, 16, 22]]
    assert rows["gold"].fillna("-").tolist() == ["-", "what", "town"]
    assert rows["prediction"].fillna("-").tolist() == ["town", "town", "-"]
    assert rows["score"].tolist()[:2] == [0.9, 0.4]
    assert set(rows["domain"]) == {"food"}


def test_an_empty_tuple_of_slots_says_that_there_are_none_and_none_says_nothing():
    model, tokenizer = tiny_model(home_dialogues(3))
    batch = model.collator(tokenizer).inputs([DIALOGUE.observed()])
    tags = SlotsTask(("town", "what")).targets([DIALOGUE], batch)["tags"]
    by_turn = [tags[batch.token_turn == turn] for turn in range(3)]
    assert (by_turn[0] > 0).any()
    assert (by_turn[1] == -100).all()
    assert (by_turn[2] == 0).all()


@pytest.mark.parametrize(("threshold", "prediction"), [(0.3, [True, True]), (0.5, [False, True])])
def test_a_defect_is_a_row_where_it_is_labelled(threshold, prediction):
    said = DialoguePrediction(defects=(0.4, 0.9, 0.5))
    table = DefectTask().tables([DIALOGUE], [said], Thresholds(defect=threshold))["defect"]
    assert table["turn"].tolist() == [0, 2]
    assert table["gold"].tolist() == [False, True]
    assert table["prediction"].tolist() == prediction
