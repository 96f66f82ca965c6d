from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from experiments.app import CONF
from experiments.compare_people import Compared, certificates, in_the_place_of_one, one_by_one, together
from selflearn.corpora.uss import UserSatisfaction
from selflearn.inference.ratings import item


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
