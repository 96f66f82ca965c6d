from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from selflearn.corpora.table import write_parquet
from selflearn.evaluation import write_predictions
from selflearn.inference import Labeler, label_file
from selflearn.inference.export import ExportError
from selflearn.inference.promises import Promises, write_promises
from selflearn.models import save_model
from selflearn.reports import ReportError, write_labelling_report, write_run_report
from selflearn.trust import Certificate
from tests.fixtures.dialogues import home_dialogues, tiny_model

METRICS = {"test/intent/accuracy": 0.5, "test/intent/accuracy/low": 0.4, "test/intent/accuracy/high": 0.6}


def certificate(threshold):
    return Certificate(
        threshold=threshold, coverage=0.5, n=40, method="betting", promise="of these at most 5% are wrong",
        target_error=0.05, confidence=0.9, exact=True, accepted=20, errors=0.0, max_items=None, more_items=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run directory with a certified model, its predictions, and its labelled test dialogues."""
    directory = tmp_path_factory.mktemp("runs") / "home" / "seed_1"
    save_model(*tiny_model(home_dialogues(20), max_turns=8), directory / "model")
    model = Labeler.from_pretrained(directory / "model", device="cpu").fingerprint
    certified = Promises(tasks={"intent": certificate(0.01), "slots": certificate(None)})
    write_promises(certified, directory / "model", model=model)
    labeler = Labeler.from_pretrained(directory / "model", device="cpu")
    write_parquet(home_dialogues(12, seed=5), directory / "input.parquet")
    label_file(labeler, directory / "input.parquet", directory / "labelled", cache_dir=directory / "cache")
    names = pd.DataFrame({"dialogue_id": ["home-0"] * 3, "turn": [0, 1, 2], "gold": ["a", "b", "a"],
                          "prediction": ["a", "b", "b"], "score": [0.9, 0.8, 0.001]})  # fmt: skip
    tables = {"intent": names, "domain": names, "intent@projected": names}
    write_predictions(directory / "predictions", {"model": tables, "tfidf": tables}, dialogue_ids=["home-0"])
    return directory


def test_a_labelling_is_shown_beside_what_people_said(run, parse):
    gold = home_dialogues(12, seed=5)
    file = write_labelling_report(
        run / "labelled", counts={"turns_not_seen": 0}, pace=[("dialogues a second", "3.0")], gold=gold,
        cache_dir=run / "cache",
    )  # fmt: skip
    _, data = parse(file.read_text("utf-8"))
    assert file == run / "labelled" / "report.html"
    assert data["counts"] == [["turns not seen", 0]]
    assert [name for name, _ in data["facts"]] == ["model"]
    assert data["pace"] == [["dialogues a second", "3.0"]]
    assert data["headline"] is None
    assert data["promises"][0] == ["intent", 0.01, "of these at most 5% are wrong"]
    assert [one["task"] for one in data["quality"]] == ["segmentation", "success", "intent", "slots", "defect"]
    assert data["quality"][2]["certified"][0] > 0
    assert len(data["dialogues"]["items"]) == data["dialogues"]["total"] == 12


def test_a_labelling_without_gold_has_no_quality_and_may_be_shown_in_part(run, parse):
    file = write_labelling_report(run / "labelled", counts={}, most=5, cache_dir=run / "cache")
    _, data = parse(file.read_text("utf-8"))
    assert data["quality"] == []
    assert (len(data["dialogues"]["items"]), data["dialogues"]["total"]) == (5, 12)


def test_a_run_that_labelled_shows_its_dialogues_and_measures_the_others_on_the_tables(run, parse):
    gold = home_dialogues(12, seed=5)
    _, data = parse(write_run_report(run, METRICS, gold=gold, cache_dir=run / "cache").read_text("utf-8"))
    assert data["title"] == "Run home/seed_1"
    assert data["headline"]["rows"][0][3] == [[".500 [.400, .600]", "", 0]]
    sources = {one["task"]: one["source"] for one in data["quality"]}
    assert sources["intent"] == "the labelled dialogues"
    assert sources["domain"] == "the predictions of the run"
    assert data["dialogues"]["total"] == 12


def test_a_run_without_labels_is_measured_on_its_tables_with_the_certified_point(run, parse):
    _, data = parse(write_run_report(run, METRICS, cache_dir=run / "cache").read_text("utf-8"))
    assert data["dialogues"] is None
    domain, intent = data["quality"]
    assert (domain["task"], domain["promise"]) == ("domain", None)
    assert domain["confusions"] == {"names": ["a", "b"], "counts": [[1, 1], [0, 1]], "others": None}
    assert (intent["threshold"], intent["items"]) == (0.01, 3)
    assert intent["certified"] == [round(2 / 3, 4), 1.0]


def test_a_run_shows_what_calibration_did_to_each_task_and_an_older_one_does_without(run, parse):
    _, data = parse(write_run_report(run, METRICS, cache_dir=run / "cache").read_text("utf-8"))
    assert [one["calibration"] for one in data["quality"]] == [None, None]
    labels = pd.DataFrame({"dialogue_id": "home-0", "task": "intent", "score": 0.9, "calibrated": 0.5,
                           "right": [True, False] * 15})  # fmt: skip
    labels.to_parquet(run / "predictions" / "calibration.parquet")
    _, data = parse(write_run_report(run, METRICS, cache_dir=run / "cache").read_text("utf-8"))
    (run / "predictions" / "calibration.parquet").unlink()
    domain, intent = data["quality"]
    assert domain["calibration"] is None
    assert intent["calibration"]["labels"] == 30
    assert intent["calibration"]["errors"] == [pytest.approx(0.4), 0.0]
    assert [{score for score, *_ in bins} for bins in intent["calibration"]["bins"]] == [{0.9}, {0.5}]


def test_promises_of_another_model_are_refused(run, tmp_path):
    (tmp_path / "model").mkdir()
    for file in (run / "model").iterdir():
        (tmp_path / "model" / file.name).write_bytes(file.read_bytes())
    promises = json.loads((run / "model" / "promises.json").read_text())
    (tmp_path / "model" / "promises.json").write_text(json.dumps(promises | {"model": "another"}))
    write_predictions(tmp_path / "predictions", {"model": {}}, dialogue_ids=[])
    with pytest.raises(ValueError, match="promises something of the model another"):
        write_run_report(tmp_path, METRICS)


def test_what_is_no_labelling_or_another_input_is_refused(run, tmp_path):
    with pytest.raises(ExportError, match="holds no labelled dialogues: no such folder"):
        write_labelling_report(tmp_path / "nowhere", counts={})
    others = [replace(dialogue, id=f"x{dialogue.id}") for dialogue in home_dialogues(12, seed=5)]
    with pytest.raises(ReportError, match="labelled dialogue 0 is 'home-0' and the input has 'xhome-0' there"):
        write_labelling_report(run / "labelled", counts={}, gold=others, cache_dir=run / "cache")
