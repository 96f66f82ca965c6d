from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import pytest
from hydra.types import RunMode

from experiments.app import config_loader
from experiments.close_loop import Row, cells, main, markdown, share_right
from selflearn.inference import Labeler
from selflearn.schema import Dialogue, Label, Labels, Turn, TurnLabels
from selflearn.simulation.summary import Summary


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


@pytest.mark.parametrize(
    ("resamples", "message"),
    [("0", "resamples is 0; expected at least 1"), ("many", "resamples is 'many'; expected a whole number, 0 or more")],
)
def test_resamples_that_give_no_interval_are_refused_before_any_work(program, resamples, message):
    code, _, err = program(main, [f"resamples={resamples}"], {"run": "absent"})
    assert (code, err) == (2, message)


def test_a_log_without_other_people_is_refused_before_anything_is_learned(program, tmp_path, monkeypatch):
    data = {"simulate": {"world": "home"}, "root": "log"}
    (tmp_path / "config.yaml").write_text(json.dumps({"data": data}))
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "versions.json").write_text('{"command": "python -m experiments.train"}')
    monkeypatch.setattr("experiments.close_loop.labeler_of", lambda _: None)
    made = Summary(dialogues_by_split=Counter(train=30, dev=10))
    monkeypatch.setattr("experiments.close_loop.written_log", lambda *_: made)
    code, _, err = program(main, ["run=."], {})
    assert code == 2
    assert "none of the 40 dialogues of log is of the split 'test': whole people are drawn" in err


def test_a_run_whose_labels_teach_the_assistant_nothing_is_refused_before_any_work(program, tmp_path, monkeypatch):
    def run_with(components):
        data = {"simulate": {"world": "home", "components": components}, "root": "log"}
        (tmp_path / "config.yaml").write_text(json.dumps({"data": data}))
        (tmp_path / "metrics.json").write_text("{}")
        (tmp_path / "versions.json").write_text('{"command": "python -m experiments.train"}')
        return program(main, ["run=."], {})

    code, _, err = run_with({"understanding": {"_target_": "mine.Model"}})
    assert (code, "the assistant of its log has another understanding model" in err) == (2, True)
    code, _, err = run_with({})
    assert (code, "model: no such directory" in err) == (2, True)
    model = SimpleNamespace(tasks={"defect": None, "intent": None})
    monkeypatch.setattr(Labeler, "from_pretrained", lambda _: SimpleNamespace(system=SimpleNamespace(model=model)))
    code, _, err = run_with({})
    assert (code, "model does not label slots; expected a run with both intent and slots" in err) == (2, True)
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "config.yaml: no such file; expected a finished run"),
        ("seed: 1\n", "was trained on None; expected a run on"),
    ],
)
def test_what_is_no_run_on_a_simulated_log_is_refused(program, tmp_path, config, message):
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "versions.json").write_text('{"command": "python -m experiments.train"}')
    if config is not None:
        (tmp_path / "config.yaml").write_text(config)
    code, _, err = program(main, ["run=."], {})
    assert (code, message in " ".join(err.split())) == (2, True)


def test_the_command_on_the_page_has_what_it_was_told():
    cfg = config_loader().load_configuration("close_loop", ["run=here", "resamples=20", "progress=false"], RunMode.RUN)
    assert "experiments.close_loop run=DIR resamples=20\n" in markdown({}, cfg)
