import random
from dataclasses import replace

import pytest

from selflearn.evaluation.single_fields import (
    FOLLOWS,
    FieldScore,
    fields_markdown,
    said_of_fields,
    single_fields,
    what_follows,
)
from selflearn.schema import (
    EntityResolution,
    Feedback,
    Interpretation,
    Label,
    Labels,
    NamedValue,
    RecognitionHypothesis,
    TurnLabels,
)
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


def said(number):
    """Dialogues where words of the response tell of a defect, the order of words of the request, and of an n-best list.

    Half of the turns have no n-best lists, and who speaks last has no next turn.
    """
    rng = random.Random(0)
    for i in range(number):
        defect = rng.random() < 0.4
        noise = " ".join(rng.choices(["jazz", "kitchen", "seven", "rain"], k=3))
        request = f"{noise} {'no stop' if defect else 'stop no'}"
        dialogue = plain_dialogue(
            (request, f"{noise}{'?' if defect else '.'}"), (noise, noise), id=f"d{i}", user_id=f"u{i % 40}"
        )
        lists = {} if rng.random() < 0.5 else {
            "recognition": (RecognitionHypothesis(text=noise), RecognitionHypothesis(text="oh" if defect else "ah")),
            "interpretations": (
                Interpretation(domain="a", intent="b", slots=(NamedValue(name="city", value=noise),)),
                Interpretation(domain="a", intent="b", slots=(NamedValue(name="no" if defect else "at", value="x"),)),
            ),
            "entities": (EntityResolution(slot="city", mention=noise, entity=None if defect else "E1"),),
        }  # fmt: skip
        turns = (replace(dialogue.turns[0], **lists), dialogue.turns[1])
        labels = Labels(turns=(TurnLabels(defect=Label(value=defect)), TurnLabels()))
        yield replace(dialogue, turns=turns).with_labels(labels)


def test_words_that_give_the_label_away_are_found_in_every_text_of_the_record():
    scores = {score.field: score for score in single_fields(list(said(400)), folds=3)}
    assert scores["request (words)"].auc > 0.99
    assert scores["response (words)"].auc > 0.99
    for name in ("recognition (words)", "interpretation.slots (words)", "entity (words)"):
        assert (0.7 < scores[name].auc < 0.9, 0.4 < scores[name].known < 0.6) == (True, True), name
    for name in ("interpretation (words)", "next request (words)"):
        assert scores[name].auc < 0.65
    assert said_of_fields(list(scores.values()), allowed=0.95).startswith("Of ")


def test_what_the_words_mean_is_learned_from_the_training_part_alone():
    """Every person says the label in a word of their own: nothing that a fold of other people could know."""
    rng = random.Random(1)
    log = []
    for i in range(200):
        defect, person = rng.random() < 0.5, i % 20
        dialogue = plain_dialogue((f"p{person}{defect}", ""), id=f"d{i}", user_id=f"u{person}")
        log.append(dialogue.with_labels(Labels(turns=(TurnLabels(defect=Label(value=defect)),))))
    scores = {score.field: score.auc for score in single_fields(log)}
    assert 0.35 < scores["request (words)"] < 0.65
    assert scores["response (words)"] == pytest.approx(0.5, abs=0.15)  # no word at all


def test_what_follows_is_scored_together_too():
    """Whether people said the same again, and whether they broke in, each say nothing of it, and both say all."""
    rng = random.Random(2)
    log = []
    for i in range(300):
        again, over = rng.random() < 0.5, rng.random() < 0.5
        dialogue = plain_dialogue(("a", "b"), ("c", "d"), id=f"d{i}")
        labels = Labels(turns=(TurnLabels(defect=Label(value=again != over)), TurnLabels()))
        feedback = (Feedback(rephrase=again, barge_in=over), Feedback())
        log.append(replace(dialogue, feedback=feedback).with_labels(labels))
    alone = {score.field: score.auc for score in single_fields(log)}
    (together,) = what_follows(log)
    assert max(alone["feedback.rephrase"], alone["feedback.barge_in"]) < 0.65
    assert together == FieldScore(label="defect", field=FOLLOWS, auc=1.0, known=1.0)
    nothing = [replace(d, turns=d.turns[:1], feedback=(), labels=Labels(turns=d.labels.turns[:1])) for d in log]
    assert what_follows(nothing) == []


def test_what_is_known_of_a_dialogue_is_a_field_too():
    """A device that always fails tells of its turns; a person that other folds never saw tells nothing."""
    log = [
        replace(plain_dialogue(("a", "b"), id=f"d{i}", user_id=f"u{i}"), device_id=f"device {i % 2}")
        .with_labels(Labels(turns=(TurnLabels(defect=Label(value=i % 2 == 0)),)))
        for i in range(60)
    ]  # fmt: skip
    scores = {score.field: score.auc for score in single_fields(log)}
    assert (scores["device_id"], scores["user_id"]) == (1.0, 0.5)


def test_without_labels_there_is_nothing_to_score():
    with pytest.raises(ValueError, match="none of the 1 dialogues has a label"):
        single_fields([plain_dialogue(("a", "b"))])


def test_a_label_that_is_always_the_same_is_not_said_to_be_safe():
    alike = [
        plain_dialogue(("a", "b"), id=f"d{i}").with_labels(Labels(turns=(TurnLabels(defect=Label(value=False)),)))
        for i in range(12)
    ]
    text = said_of_fields(single_fields(alike), allowed=0.85)
    assert text == "Of defect nothing can be told: all of its labels are the same."
    told = FieldScore(label="success", field="status", auc=0.6, known=1.0)
    text = said_of_fields([*single_fields(alike), told], allowed=0.85)
    assert text.startswith("No field gives a label away: of 1 fields none has an AUC above .85. Of defect nothing ")


def test_fewer_people_than_folds_are_refused():
    with pytest.raises(ValueError, match="defect is labelled for 3 people; expected 5 or more, one for each fold"):
        single_fields([replace(dialogue, user_id=f"u{i % 3}") for i, dialogue in enumerate(log(30))])


def test_fields_that_give_a_label_away_are_named_and_of_the_others_the_strongest_are_shown():
    scores = [
        FieldScore(label=label, field=f"f{i}", auc=auc, known=0.5)
        for label in ("defect", "success") for i, auc in enumerate((0.9, 0.85, 0.7))
    ]  # fmt: skip
    text = fields_markdown(scores, allowed=0.85, shown=2)
    assert text.startswith("Of 3 fields these have an AUC above .85: `f0` (defect, .900), `f0` (success, .900).\n")
    assert [line.split(" | ")[1] for line in text.splitlines()[4:]] == ["f0", "f1", "f0", "f1"]
    assert fields_markdown(scores[1:3], allowed=0.85).startswith("No field gives a label away: of 2 fields")


def test_a_bar_in_the_name_of_a_field_begins_no_other_cell():
    text = fields_markdown([FieldScore(label="defect", field="on|off", auc=0.7, known=1.0)], allowed=0.85)
    assert text.endswith("| defect | on\\|off | .700 | 100% |")
