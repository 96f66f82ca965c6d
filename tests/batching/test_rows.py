from dataclasses import replace

from datasets import Dataset

from selflearn.batching.rows import DialogueRows
from selflearn.schema import Dialogue
from tests.fixtures.dialogues import home_dialogues


def test_rows_of_a_dataset_are_the_dialogues_it_was_made_of():
    dialogues = home_dialogues(6)
    rows = DialogueRows(Dataset.from_list([d.to_dict() for d in dialogues], features=Dialogue.features()))
    assert list(rows) == dialogues
    assert (len(rows), rows[4], rows[-1]) == (6, dialogues[4], dialogues[5])
    assert list(rows[1:5:2]) == dialogues[1:5:2]
    assert list(rows[:None]) == dialogues
    assert list(rows.take([5, 0])[1:]) == [dialogues[0]]


def test_rows_are_told_from_others_by_what_they_hold_and_not_by_their_number():
    def rows(success):
        dialogues = home_dialogues(4)
        goals = tuple(replace(goal, success=success) for goal in dialogues[0].labels.goals)
        dialogues[0] = replace(dialogues[0], labels=replace(dialogues[0].labels, goals=goals))
        return DialogueRows(Dataset.from_list([d.to_dict() for d in dialogues], features=Dialogue.features()))

    assert rows(True).fingerprint == rows(True).fingerprint != rows(False).fingerprint
    assert (
        rows(True).take([2, 1]).fingerprint
        == rows(True).take([2, 1]).fingerprint
        != rows(True).take([1, 2]).fingerprint
    )
