from __future__ import annotations

from dataclasses import replace

import pytest

from selflearn.inference.audit import audited_labels
from selflearn.inference.calibration import calibrated_scores, fit_calibrators, read_calibrators, write_calibrators
from selflearn.inference.comparison import compare
from selflearn.inference.labels import segment_score
from selflearn.inference.rows import Acceptance, label_rows
from selflearn.schema import Goal, Label, Labels, Slot, TurnLabels
from selflearn.trust import Isotonic, Temperature
from tests.fixtures.dialogues import plain_dialogue

TEXT = "play slow rain in the hall"
DIALOGUE = plain_dialogue(*((TEXT, "ok") for _ in range(4)), id="d")


def labels(starts, *, success=None, intents="AAAA", spans=((5, 14, "song"),), defects=(0, 0, 0, 0), score=None):
    """Labels of four turns; every score is the same."""
    source, ends = "gold" if score is None else "model", [*starts[1:], 4]
    goals = tuple(
        Goal(start=s, end=e, source=source, score=score, success=None if success is None else success[i],
             success_score=None if score is None or success is None else score if success[i] else 1 - score)
        for i, (s, e) in enumerate(zip(starts, ends, strict=True))
    )  # fmt: skip
    slots = tuple(
        Slot(name=name, start=s, end=e, text=TEXT[s:e], value=TEXT[s:e], source=source, score=score)
        for s, e, name in spans
    )
    turns = tuple(
        TurnLabels(
            intent=Label(value=intent, source=source, score=score), slots=slots,
            transcript=Label(value=TEXT, source=source, score=score),
            defect=Label(value=bool(defect), source=source, score=score),
        )
        for intent, defect in zip(intents, defects, strict=True)
    )  # fmt: skip
    return Labels(goals=goals, turns=turns)


def verdicts(said, gold, task, **more):
    found = audited_labels(DIALOGUE.with_labels(said), gold, **more)
    return [label.right for label in found if label.row.task == task]


def test_labels_of_a_model_that_says_what_people_say_are_all_right():
    said, gold = (labels((0, 2), success=(True, False), score=score) for score in (0.8, None))
    found = audited_labels(DIALOGUE.with_labels(said), gold)
    assert all(label.right for label in found)
    assert {label.row.task for label in found} == {
        "segmentation", "success", "intent", "slots", "transcript", "defect",
    }  # fmt: skip
    # a goal and its success, twice; an intent, a slot, a transcript and a defect in each of four turns
    assert len(found) == 4 + 16


@pytest.mark.parametrize(
    ("said", "gold", "expected"),
    [
        ((0, 2), (0, 2), [True, True]),
        ((0, 2), (0, 3), [False, False]),
        ((0,), (0, 2), [False]),
        ((0, 2, 3), (0, 2), [True, False, False]),  # the goal that ends where one begins is whole
        ((0, 1), (0, 1, 3), [True, False]),
    ],
)
def test_a_goal_is_right_with_exactly_its_turns(said, gold, expected):
    assert verdicts(labels(said, score=0.5), labels(gold), "segmentation") == expected


def test_success_is_compared_with_the_goal_that_shares_most_turns():
    said = labels((0, 3), success=(True, False), score=0.8)
    assert verdicts(said, labels((0, 2), success=(True, False)), "success") == [True, True]
    assert verdicts(said, labels((0, 2), success=(False, False)), "success") == [False, True]
    assert verdicts(said, labels((0, 2), success=(None, False)), "success") == [True]  # nobody knows of the first


def test_a_slot_is_right_with_its_name_and_characters():
    gold = labels((0,))
    assert verdicts(labels((0,), score=0.5), gold, "slots") == [True] * 4
    for wrong in ((5, 14, "album"), (5, 9, "song"), (5, 17, "song"), (22, 26, "room")):
        assert verdicts(labels((0,), spans=(wrong,), score=0.5), gold, "slots") == [False] * 4
    assert verdicts(labels((0,), spans=(), score=0.5), gold, "slots") == []  # nothing was said that could be wrong


def test_what_people_did_not_label_is_not_audited():
    gold = replace(labels((0,)), goals=None, turns=(TurnLabels(),) * 4)
    assert audited_labels(DIALOGUE.with_labels(labels((0, 2), success=(True, True), score=0.5)), gold) == []


def test_a_person_is_asked_about_the_same_labels():
    said, gold = labels((0, 2), intents="ABAB", score=0.5), labels((0, 2), intents="AABB")
    person = labels((0, 1), intents="AAAA")
    found = audited_labels(DIALOGUE.with_labels(said), gold, person)
    by_task = {
        task: [(x.right, x.person_right) for x in found if x.row.task == task] for task in ("intent", "segmentation")
    }
    assert by_task["intent"] == [(True, True), (False, True), (False, False), (True, False)]
    assert by_task["segmentation"] == [(True, False), (True, False)]
    table = compare(found)
    assert (table["intent"].model.accuracy, table["intent"].person.accuracy) == (0.5, 0.5)
    assert table["intent"].accepted is None
    assert table["intent"].coverage == 0.0


def test_f1_and_kappa_of_two_answers_follow_from_who_is_wrong():
    said, gold = labels((0,), defects=(1, 1, 0, 0), score=0.9), labels((0,), defects=(1, 0, 0, 1))
    one = compare(audited_labels(DIALOGUE.with_labels(said), gold, gold, accept={"defect": Acceptance(threshold=0.5)}))
    defect = one["defect"]
    assert (defect.model.accuracy, defect.model.f1, defect.model.kappa) == (0.5, 0.5, 0.0)
    assert (defect.person.accuracy, defect.person.f1, defect.person.kappa) == (1.0, 1.0, 1.0)
    assert (defect.coverage, defect.accepted) == (1.0, defect.model)
    assert (defect.difference.difference, defect.difference_accepted.difference) == (-0.5, -0.5)
    assert one["intent"].model.f1 is None


# ---------------------------------------------------------------------------------------------------------- scores


def test_the_score_of_a_segment_is_that_of_all_its_boundaries():
    boundaries = (1.0, 0.2, 0.9, 0.3)
    assert segment_score(boundaries, 0, 2) == pytest.approx(0.8 * 0.9)
    assert segment_score(boundaries, 2, 4) == pytest.approx(0.9 * 0.7)
    assert segment_score((0.0,), 0, 1) == 1.0


def test_calibrated_scores_mean_what_they_say(tmp_path):
    gold = labels((0, 2), success=(True, False), intents="AABB")
    said = labels((0, 2), success=(True, True), intents="AAAA", defects=(1, 0, 0, 0), score=0.9)
    audited = [label for _ in range(20) for label in audited_labels(DIALOGUE.with_labels(said), gold)]
    calibrators = fit_calibrators(audited)
    assert set(calibrators) == {"defect", "intent", "success"}  # of the others every label is right
    scores = calibrated_scores(calibrators)
    assert scores("intent", 0.9) == pytest.approx(0.5, abs=0.02)
    assert scores("defect", 0.9) == pytest.approx(0.75, abs=0.02)
    assert scores("success", 0.9) == pytest.approx(0.5, abs=0.02)
    assert scores("slots", 0.9) == 0.9
    write_calibrators({**calibrators, "slots": Isotonic((0.1, 0.9), (0.2, 0.8))}, tmp_path)
    back = read_calibrators(tmp_path)
    assert back == {**calibrators, "slots": Isotonic((0.1, 0.9), (0.2, 0.8))}
    assert isinstance(back["intent"], Temperature)
    assert calibrated_scores(back)("slots", 0.9) == pytest.approx(0.8)


def test_damaged_calibration_is_said(tmp_path):
    assert read_calibrators(tmp_path) == {}
    (tmp_path / "calibration.json").write_text('{"intent": {"temperature": 1.0, "what": 2}}')
    with pytest.raises(ValueError, match=r"calibration\.json cannot be read .*what.*train again, or remove it"):
        read_calibrators(tmp_path)


def test_the_best_of_a_dialogue_are_accepted_where_their_number_is_limited():
    said = labels((0,), score=0.9)
    turns = tuple(
        replace(turn, intent=replace(turn.intent, score=score))
        for turn, score in zip(said.turns, (0.6, 0.9, 0.4, 0.8), strict=True)
    )
    dialogue = DIALOGUE.with_labels(replace(said, turns=turns))

    def accepted(**more):
        rows = label_rows(dialogue, accept={"intent": Acceptance(**more)})
        return [row.accepted for row in rows if row.task == "intent"]

    assert accepted(threshold=0.5) == [True, True, False, True]
    assert accepted(threshold=0.5, max_items=2) == [False, True, False, True]
    assert accepted() == [False] * 4


def test_too_few_labels_are_not_calibrated_and_that_is_said(tmp_path, caplog):
    said, gold = labels((0,), intents="AAAB", score=0.9), labels((0,), intents="AABB")
    few = audited_labels(DIALOGUE.with_labels(said), gold)
    assert fit_calibrators(few) == {}
    assert "the scores of intent are not calibrated: 4 labels to compare with, and it takes 30" in caplog.text
    caplog.clear()
    assert set(fit_calibrators(few * 10)) == {"intent"}
    assert "the scores of defect are not calibrated: 40 labels, all of them right" in caplog.text
    assert "intent" not in caplog.text


def test_a_calibration_that_cannot_be_written_leaves_the_one_that_was_there(tmp_path, monkeypatch):
    write_calibrators({"intent": Temperature(2.0)}, tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_calibrators({"intent": Temperature(3.0)}, tmp_path)
    assert read_calibrators(tmp_path) == {"intent": Temperature(2.0)}
    assert [file.name for file in tmp_path.iterdir()] == ["calibration.json"]


def test_scores_have_intervals_over_dialogues_as_wide_as_the_dialogues_are_alike():
    def found(*, alike):
        for number in range(60):
            wrong = (number % 3 == 0,) * 4 if alike else tuple(i == number % 4 and number % 3 > 0 for i in range(4))
            said, gold = labels((0,), defects=(1, 0, 1, 0), score=0.9), (1, 0, 1, 0)
            people = labels((0,), defects=[int(x) ^ y for x, y in zip(gold, wrong, strict=True)])
            yield from audited_labels(replace(DIALOGUE, id=f"d{number}").with_labels(said), people)

    apart, together = (compare(list(found(alike=alike)))["defect"].model for alike in (False, True))
    for one in (apart, together):
        for name in ("accuracy", "f1", "kappa"):
            low, high = one.intervals[name]
            assert low < getattr(one, name) < high
    width = {id(one): one.intervals["accuracy"][1] - one.intervals["accuracy"][0] for one in (apart, together)}
    assert width[id(together)] > 2 * width[id(apart)]
    assert width[id(together)] == pytest.approx(4 * (2 / 9 / 60) ** 0.5, rel=0.15)  # two standard errors to each side
