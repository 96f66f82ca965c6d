from __future__ import annotations

import pytest
from hydra.types import RunMode

from experiments.app import config_loader
from experiments.close_loop import Row, cells, main, markdown, share_right
from selflearn.schema import Dialogue, Label, Labels, Turn, TurnLabels


def dialogue(intent):
    labels = Labels(turns=(TurnLabels(intent=intent),))
    return Dialogue(id="1", corpus="mine", split="train", turns=(Turn(request="stop"),), labels=labels)


def test_of_no_sure_intent_no_share_is_right():
    gold, said = dialogue(Label(value="Stop")), dialogue(Label(value="Stop", score=0.4))
    assert share_right([said], [gold], sure=0.3) == 1
    assert share_right([said], [gold], sure=0.8) is None
    row = Row(examples=0, right=None, defect_rate={"train": 0.25, "test": 0.5}, difference={})
    assert cells(row) == ["", "", "0.250", "0.500"]


@pytest.mark.parametrize("sure", ["80", "much"])
def test_a_score_that_no_label_has_is_refused(program, sure):
    code, _, err = program(main, [f"sure={sure}"], {"run": "absent"})
    assert (code, err) == (2, f"sure is {sure}; expected a score from 0 to 1, from which on labels are learned from")


def test_the_command_on_the_page_has_what_it_was_told():
    cfg = config_loader().load_configuration("close_loop", ["run=here", "resamples=20", "progress=false"], RunMode.RUN)
    assert "experiments.close_loop run=DIR resamples=20\n" in markdown({}, cfg)
