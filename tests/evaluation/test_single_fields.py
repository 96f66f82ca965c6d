import random
from dataclasses import replace

import pytest

from selflearn.evaluation.single_fields import FieldScore, fields_markdown, single_fields
from selflearn.schema import Feedback, Label, Labels, TurnLabels
from tests.fixtures.dialogues import plain_dialogue


def log(number):
    """Dialogues of one turn: a number that gives the defect away, a name that tells half of it, and noise."""
    rng = random.Random(0)
    for i in range(number):
        defect = rng.random() < 0.4
        dialogue = plain_dialogue(("a", "b"), id=f"d{i}", user_id=f"u{i % 40}")
        told = rng.choice(["x", "y"]) if rng.random() < 0.5 else "xy"[defect]
        turn = replace(
            dialogue.turns[0], numeric={"leak": defect + rng.random() / 2, "noise": rng.random()},
            categorical={"half": told}, seconds=1.0,
        )  # fmt: skip
        labels = Labels(turns=(TurnLabels(defect=Label(value=defect)),))
        yield replace(dialogue, turns=(turn,), feedback=(Feedback(barge_in=defect),)).with_labels(labels)


def test_a_field_that_gives_the_label_away_is_found():
    scores = {score.field: score for score in single_fields(list(log(400)))}
    assert scores["numeric.leak"].auc > 0.99
    assert scores["feedback.barge_in"].auc > 0.99
    assert 0.65 < scores["categorical.half"].auc < 0.85
    assert 0.4 < scores["numeric.noise"].auc < 0.6
    assert scores["numeric.leak"].known == 1.0
    assert {score.label for score in scores.values()} == {"defect"}


def test_without_labels_there_is_nothing_to_score():
    with pytest.raises(ValueError, match="none of the 1 dialogues has a label"):
        single_fields([plain_dialogue(("a", "b"))])


def test_fields_that_give_a_label_away_are_named_and_of_the_others_the_strongest_are_shown():
    scores = [
        FieldScore(label=label, field=f"f{i}", auc=auc, known=0.5)
        for label in ("defect", "success") for i, auc in enumerate((0.9, 0.85, 0.7))
    ]  # fmt: skip
    text = fields_markdown(scores, allowed=0.85, shown=2)
    assert text.startswith("Of 3 fields these have an AUC above .85: `f0` (defect, .900), `f0` (success, .900).\n")
    assert [line.split(" | ")[1] for line in text.splitlines()[4:]] == ["f0", "f1", "f0", "f1"]
    assert fields_markdown(scores[1:3], allowed=0.85).startswith("No field gives a label away: of 2 fields")
