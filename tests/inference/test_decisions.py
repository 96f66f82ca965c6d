from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

from selflearn.evaluation.benchmark import SystemResult, _write_result
from selflearn.inference.decisions import decisions_of_run, difference_cells, rare_answer, score_cells, scores_of


@pytest.fixture
def answers():
    """A model with scores and a person without, about responses most of which are defects."""
    rng = np.random.default_rng(0)
    gold = rng.random(400) < 0.8
    said = pd.DataFrame({"dialogue_id": [f"d{i // 8}" for i in range(400)], "turn": np.arange(400) % 8, "gold": gold})
    score = np.clip(gold * 0.3 + rng.random(400) * 0.7, 0, 1)
    person = gold ^ (rng.random(400) < 0.25)
    return {"model": said.assign(prediction=score >= 0.4, score=score),
            "person": said.assign(prediction=person, score=person.astype(float))}  # fmt: skip


def test_scores_and_paired_differences_are_those_of_scikit_learn_with_the_rare_answer_as_the_positive_one(answers):
    model, person = answers["model"], answers["person"]
    rare = rare_answer(model)
    assert rare is False
    found = scores_of(answers, "defect", rare=rare, dialogue_ids=sorted(set(model["dialogue_id"])), resamples=200)
    no = {name: ~one["prediction"] for name, one in answers.items()}
    assert found["test/defect/f1"] == pytest.approx(f1_score(~model["gold"], no["model"]))
    kappa = cohen_kappa_score(person["gold"], person["prediction"])
    assert found["baseline/person/test/defect/kappa"] == pytest.approx(kappa)
    auc = [roc_auc_score(one["gold"], one["score"]) for one in (model, person)]
    assert found["delta/person/defect/auc"] == pytest.approx(auc[0] - auc[1])
    assert found["delta/person/defect/auc/low"] < auc[0] - auc[1] < found["delta/person/defect/auc/high"]
    cells = score_cells(found, "defect", "person")
    assert cells[3].startswith(f"{auc[1]:.3f} [")
    assert len(difference_cells(found, "defect", "person")) == 3


def test_what_is_undefined_is_an_empty_cell(answers):
    alike = {name: one[one["gold"]].assign(prediction=True) for name, one in answers.items()}
    found = scores_of(alike, "defect", dialogue_ids=sorted(set(alike["model"]["dialogue_id"])), resamples=0)
    assert score_cells(found, "defect", "model") == ["1.000", "1.000", "", ""]
    assert difference_cells(found, "defect", "person") == ["+0.000", "", ""]


def test_answers_of_folds_are_put_together_and_calibrated_each_by_dialogues_of_its_own(answers, tmp_path):
    model = answers["model"]
    halves = [model[model["dialogue_id"].isin([f"d{i}" for i in part])] for part in (range(25), range(25, 50))]
    for number, (test, held) in enumerate([halves, halves[::-1]]):
        place = tmp_path / f"fold_{number}" / "checkpoints" / "model" / "result"
        _write_result(place, SystemResult(test={"defect": test}, tune={}, calibrate={"defect": held}))
    found = decisions_of_run(tmp_path, "model", "defect")
    assert len(found) == 400
    assert found["certain"].between(0, 1).all()
    assert found["score"].tolist() == model["score"].tolist()
    auc = [roc_auc_score(test["gold"], test["score"]) for test in halves]
    pairs = [test["gold"].sum() * (~test["gold"]).sum() for test in halves]
    scored = scores_of({"model": found}, "defect", dialogue_ids=sorted(set(model["dialogue_id"])), resamples=0)
    assert scored["test/defect/auc"] == pytest.approx(np.average(auc, weights=pairs))  # scores of one fold alone
    (tmp_path / "config.yaml").write_text("data: {folds: 3}")
    with pytest.raises(FileNotFoundError, match="the result of 'model' for 2 of 3 folds; expected a run that ended"):
        decisions_of_run(tmp_path, "model", "defect")
    (tmp_path / "config.yaml").write_text("data: {folds: 2}")
    with pytest.raises(FileNotFoundError, match="no labels of the task 'success'; it has defect"):
        decisions_of_run(tmp_path, "model", "success")
    with pytest.raises(FileNotFoundError, match=r"no finished result of 'annotator'.*baselines\.names"):
        decisions_of_run(tmp_path, "annotator", "defect")
