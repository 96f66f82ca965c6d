from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from experiments.app import CONF
from experiments.compare_people import Compared, accepted, certificates, in_the_place_of_one, main, one_by_one, together
from selflearn.corpora.uss import UserSatisfaction
from selflearn.inference.ratings import item
from selflearn.schema import Dialogue, Turn


@pytest.fixture
def compared():
    """200 responses that three raters judged, most alike, and a model that says the same; kept with more settings."""
    rng = np.random.default_rng(0)
    names = [f"d{i}" for i in range(200)]
    gold = rng.random(200) < 0.3
    answers = pd.DataFrame({"dialogue_id": names, "turn": 0, "gold": gold, "prediction": gold, "score": gold * 1.0,
                            "certain": rng.random(200)})  # fmt: skip
    ratings = pd.DataFrame([
        {"task": item(name, 0), "worker": f"column {k}", "label": bool(said) if rng.random() < 0.9 else not said}
        for name, said in zip(names, gold, strict=True) for k in range(3)
    ])  # fmt: skip
    cfg = OmegaConf.load(CONF / "compare_people.yaml")
    one = {"task": "defect", "answers": {"model": answers}, "ratings": ratings, "users": {n: n for n in names}}
    return lambda **more: Compared(cfg=OmegaConf.merge(cfg, {"systems": ["model"]}), **one, **more)


@pytest.mark.slow
def test_columns_of_grades_are_not_called_raters(compared):
    pytest.importorskip("crowdkit", reason="crowd-kit is not installed: make setup")
    one = compared(seats=UserSatisfaction.seats)
    said = together(one)
    assert "agreement of the columns of grades with it" in said
    assert "what is said of them is said of no annotator" in said
    assert "Each of 3 columns of grades (with 30 items or more)" in one_by_one(one)
    assert "Of 3 columns of grades it agrees" in in_the_place_of_one(one)
    known = compared()
    assert "said of no annotator" not in together(known)
    assert "Each of 3 raters (with 30 items or more)" in one_by_one(known)


def test_a_promise_over_folds_is_not_called_exact(compared):
    def kinds(one):
        return {name.partition("wrong, ")[2] for name in certificates(one, one.answers["model"], ["d0"])}

    assert kinds(compared()) == {"exact", "about"}
    assert kinds(compared(folds=True)) == {"about (binomial)", "about (design_effect)"}  # one item a dialogue


@pytest.mark.parametrize(("share", "left"), [(0.001, "none to look at"), (0.999, "none to certify on")])
def test_a_share_that_leaves_nobody_on_one_side_is_said_and_makes_no_tables_of_nothing(compared, share, left):
    one = compared()
    one.cfg.check = share
    (said,) = accepted(one)
    assert f"No threshold is certified: of 200 people (dialogues, where nobody is known), check={share} leaves" in said
    assert left in said


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("systems=[]", "systems is empty; expected one or more"),
        ("systems=[majority,model]", "systems begins with majority, which says the same of every item"),
        ("systems=[model,model]", "systems has 'model' twice"),
        ("epsilons=[]", "epsilons is empty; expected one or more"),
        ("epsilons=[0.2,some]", "epsilons has some; expected numbers from 0 to below 1"),
        ("check=0", "check is 0; expected a share of the dialogues above 0 and below 1"),
        ("check=1", "check is 1; expected a share of the dialogues above 0 and below 1"),
        ("targets=[0.1,2]", "target_error is 2; expected a number above 0 and below 1"),
        ("confidence=90", "confidence is 90; expected a number above 0 and below 1"),
        ("methods=[auto,exact]", "method is 'exact'; expected one of auto, binomial, betting, design_effect"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_a_run_is_looked_for(program, setting, message):
    code, _, err = program(main, [setting], {"run": "absent"})
    assert code == 2
    assert message in err


def test_a_run_whose_dialogues_have_changed_since_is_refused_as_nobody_rated_what_it_answered(program, tmp_path):
    run, log = tmp_path / "run", tmp_path / "log"
    run.mkdir()
    log.mkdir()
    one = Dialogue(id="1", corpus="mine", split="test", turns=(Turn(request="stop"),))
    (log / "test.jsonl").write_text(json.dumps(one.to_dict()) + "\n")
    data = {"corpus": "table", "root": "log", "options": {}, "test_split": "test", "folds": None}
    made = {"data": data, "tasks": {"names": ["defect"]}, "paths": {"cache": "cache"}}
    (run / "config.yaml").write_text(json.dumps(made))
    (run / "data.json").write_text('{"test": "what the log was"}')
    code, _, err = program(main, ["run=run"], {})
    assert code == 2
    assert "the dialogues of the split test are not those that the run in run was made of" in err
    assert "Put them back into log, or run the command of the run again" in err
