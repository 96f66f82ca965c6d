import pandas as pd
import pytest

from selflearn.evaluation.kept_gain import kept_gains, kept_gains_rows
from selflearn.schema import RecordError

IDS = [f"d{i}" for i in range(60)]


def said(right, task="intent", gold="x"):
    """A system that is right in the first so many of the dialogues, of which every second is a defect."""
    rows = [(name, 0, gold, gold if i < right else "z", i % 2 == 0) for i, name in enumerate(IDS)]
    return {task: pd.DataFrame(rows, columns=["dialogue_id", "turn", "gold", "prediction", "@defects"])}


def gains(feedback, *, gold=50, floor=20, metrics=("intent/accuracy",), **floors):
    floors = floors or {"assistant": said(floor)}
    return kept_gains(said(gold), said(feedback), floors, dialogue_ids=IDS, metrics=metrics, resamples=200)


def test_a_share_is_of_the_gain_over_what_costs_nothing():
    (one,) = gains(35)
    assert one.share.value == pytest.approx(0.5)
    assert 0 < one.share.low < 0.5 < one.share.high < 1
    assert gains(20)[0].share.value == 0
    assert gains(50)[0].share.value == 1
    assert gains(10)[0].share.value < 0


def test_there_is_no_share_of_what_may_be_nothing():
    (one,) = gains(40, gold=21)
    assert one.share is None
    row = ["intent/accuracy ↑", "0.333 assistant", "0.667", "0.350", "no gain to keep"]
    assert kept_gains_rows([one])[1:] == [row]


def test_there_is_no_share_of_a_loss():
    """Half of what is lost by gold labels is no half of a gain."""
    (one,) = gains(30, gold=20, floor=40)
    assert one.share is None
    assert kept_gains_rows([one])[1][-1] == "no gain to keep"


def heard(wrong):
    """A system that mishears one word of three in the first so many of the dialogues, of which every second failed."""
    rows = [(name, 0, "play blue bird", "play new bird" if i < wrong else "play blue bird", i % 2 == 0)
            for i, name in enumerate(IDS)]  # fmt: skip
    return {"transcript": pd.DataFrame(rows, columns=["dialogue_id", "turn", "gold", "prediction", "@defects"])}


def test_of_errors_the_share_is_of_those_that_go_away():
    found = kept_gains(heard(20), heard(30), {"assistant": heard(40)}, dialogue_ids=IDS, resamples=200,
                       metrics=["transcript/wer", "transcript/wer@defects"], beside={"oracle": heard(10)})  # fmt: skip
    for one in found:
        assert one.feedback < one.floor
        assert one.share.value == pytest.approx(0.5)
        assert one.share.low < 0.5 < one.share.high
        assert one.beside == pytest.approx({"oracle": one.gold / 2})
    headings, *rows = kept_gains_rows([*found, *gains(35)])
    assert headings[-1] == "oracle"
    assert [row[0] for row in rows] == ["transcript/wer ↓", "transcript/wer@defects ↓", "intent/accuracy ↑"]
    assert [row[-1] for row in rows] == ["0.056", "0.056", ""]


def test_of_errors_there_is_no_share_where_more_of_them_are_made():
    said = {"dialogue_ids": IDS, "resamples": 200, "metrics": ["transcript/wer"]}
    assert kept_gains(heard(40), heard(30), {"assistant": heard(20)}, **said)[0].share is None


def test_a_metric_is_compared_with_the_first_that_has_it():
    metrics = ["intent/accuracy", "intent/accuracy@defects"]
    found = gains(35, metrics=metrics, nothing={}, first=said(20), second=said(0))
    assert [(one.metric, one.floor_name) for one in found] == [(m, "first") for m in metrics]


def test_a_metric_that_is_not_there_is_no_row_less_but_an_error():
    with pytest.raises(ValueError, match=r"gold and feedback have no intent/acuracy; .*was intent/accuracy"):
        gains(35, metrics=["intent/acuracy"])
    with pytest.raises(ValueError, match="nothing has no intent/accuracy"):
        gains(35, nothing={})


def decided(score, auc=True):
    """A system whose AUC is 1, or undefined, as all items are positive."""
    rows = [(name, 0, not auc or i < 30, i < 30, score - i / 100) for i, name in enumerate(IDS)]
    return {"defect": pd.DataFrame(rows, columns=["dialogue_id", "turn", "gold", "prediction", "score"])}


def test_an_undefined_metric_is_one_that_is_not_there():
    """It is no number to print, and not one to say of that gold labels gain nothing."""
    said, floors = decided(0.9, auc=False), {"assistant": decided(0.8, auc=False)}
    with pytest.raises(ValueError, match=r"gold and feedback have no defect/auc; expected metrics that are defined"):
        kept_gains(said, said, floors, dialogue_ids=IDS, metrics=["defect/auc"], resamples=10)


def test_of_one_person_there_is_no_telling_whether_there_is_a_gain():
    with pytest.raises(ValueError, match="dialogues of 1 people; expected 1 resample and 2 people or more"):
        kept_gains(said(50), said(40), {"assistant": said(20)}, dialogue_ids=IDS, owners=["ann"] * len(IDS),
                   metrics=["intent/accuracy"])  # fmt: skip


def test_other_items_are_refused():
    with pytest.raises(RecordError, match="items to be the same"):
        kept_gains(said(50), said(40, gold="y"), {"assistant": said(20)}, dialogue_ids=IDS, metrics=["intent/accuracy"])
