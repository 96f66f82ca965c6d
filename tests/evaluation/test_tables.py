"""From tables to metrics: values, slices, variants, and faults in a table."""

from __future__ import annotations

import pandas as pd
import pytest
import sklearn.metrics
import torch

from selflearn.evaluation import TASK_METRICS, counts_of, metrics_of
from selflearn.metrics import catalogue
from selflearn.metrics.items import ItemTable
from selflearn.schema import RecordError

Systems = dict[str, dict[str, pd.DataFrame]]


def values(name: str, frame: pd.DataFrame, ids: list[str], **more: object) -> dict[str, float]:
    found = metrics_of(name, frame, ids, torch.ones(len(ids), dtype=torch.double), **more)
    return {key: value.item() for key, value in found.items()}


def test_weights_of_one_give_the_plain_values(systems: Systems, dialogue_ids: list[str]):
    tables = systems["no_context"]
    success, intent, slots = tables["success"], tables["intent"], tables["slots"]
    right = (slots["gold"] == slots["prediction"]).sum()
    want = {
        "success/auc": sklearn.metrics.roc_auc_score(success["gold"], success["score"]),
        "success/f1": sklearn.metrics.f1_score(success["gold"], success["prediction"]),
        "success/kappa": sklearn.metrics.cohen_kappa_score(success["gold"], success["prediction"]),
        "success/accuracy": sklearn.metrics.accuracy_score(success["gold"], success["prediction"]),
        "intent/accuracy": sklearn.metrics.accuracy_score(intent["gold"], intent["prediction"]),
        "intent/macro_f1": sklearn.metrics.f1_score(
            intent["gold"], intent["prediction"], average="macro", labels=intent["gold"].unique()
        ),
        "slots/precision": right / slots["prediction"].notna().sum(),
        "slots/recall": right / slots["gold"].notna().sum(),
    }
    found = {key: v for name, frame in tables.items() for key, v in values(name, frame, dialogue_ids).items()}
    assert {key: found[key] for key in want} == pytest.approx(want, abs=1e-12)


def test_every_contracted_metric_has_its_key(systems: Systems, dialogue_ids: list[str]):
    found = [key for name, frame in systems["ours"].items() for key in values(name, frame, dialogue_ids)]
    segmentation = ("boundary_f1", "boundary_f1_corpus", "pk", "window_diff", "goal_span_f1", "kappa")
    success = ("auc", "f1", "kappa", "accuracy", "auc@within_question")
    for task, metrics in {
        "segmentation": segmentation,
        "success": success,
        "intent": ("accuracy", "macro_f1"),
        "slots": ("f1", "precision", "recall", "f1@name_ignored"),
    }.items():
        assert {f"{task}/{metric}" for metric in metrics} <= set(found)
    assert {"success/auc@no_notify", "success/auc@no_notify@seen", "intent/accuracy@unseen"} <= set(found)
    assert "success/auc@within_question@no_notify" not in found  # that table has no questions
    assert [metric.name for metric in TASK_METRICS["defect"].metrics] == ["auc", "f1", "kappa"]


def test_a_slice_is_the_table_of_its_rows(systems: Systems, dialogue_ids: list[str]):
    for name in ("segmentation", "success", "intent", "slots"):
        frame = systems["ours"][name]
        sliced = values(name, frame, dialogue_ids, window=2)
        alone = values(name, frame[frame["@seen"]].drop(columns="@seen"), dialogue_ids, window=2)
        for key, value in alone.items():
            if "@unseen" not in key:
                assert sliced[f"{key}@seen"] == pytest.approx(value, abs=1e-12)


def test_the_order_of_rows_is_of_no_account(systems: Systems, dialogue_ids: list[str]):
    for name, frame in systems["ours"].items():
        mixed = frame.sample(frac=1, random_state=0)
        assert values(name, mixed, dialogue_ids[::-1]) == pytest.approx(values(name, frame, dialogue_ids), abs=1e-12)


def test_a_slice_that_cuts_dialogues_has_no_metric_of_whole_dialogues(systems: Systems, dialogue_ids: list[str]):
    frame = systems["ours"]["segmentation"]
    found = values("segmentation", frame.assign(**{"@late": frame["turn"] > 2}), dialogue_ids)
    undefined = {key for key, value in found.items() if value != value}
    assert undefined == {f"segmentation/{name}@late" for name in ("boundary_f1", "pk", "window_diff", "goal_span_f1")}


def test_a_table_or_slice_without_items_has_no_metrics(systems: Systems, dialogue_ids: list[str]):
    for name, frame in systems["ours"].items():
        assert values(name, frame[:0], dialogue_ids) == {}
        assert values(name, pd.DataFrame(columns=frame.columns), dialogue_ids) == {}
        unseen = values(name, frame.assign(**{"@seen": False}), dialogue_ids)
        assert not any(key.endswith("@seen") for key in unseen)


def test_counts_leave_spans_out_that_only_the_system_sees(systems: Systems):
    for name in ("slots", "success@no_notify"):
        ours, theirs = (counts_of(name, systems[system][name]) for system in ("ours", "no_context"))
        assert ours == theirs
    success = systems["ours"]["success@no_notify"]
    found = counts_of("success@no_notify", success)
    assert found["success_items@no_notify"] == len(success)
    assert found["success_positive@no_notify@seen"] == (success["gold"] & success["@seen"]).sum()


def test_a_task_of_your_own_passes_its_table():
    table = ItemTable(keys=("turn",), metrics=(catalogue.ACCURACY,), values="name")
    frame = pd.DataFrame({"dialogue_id": ["a", "b"], "turn": 0, "gold": ["x", "y"], "prediction": ["x", "x"]})
    assert values("mood", frame, ["a", "b"], task_metrics={**TASK_METRICS, "mood": table}) == {"mood/accuracy": 0.5}
    with pytest.raises(ValueError, match=r"task 'inten', whose metrics are not known; nearest \['intent'\]"):
        values("inten", frame, ["a", "b"])


SEGMENTATION = {"dialogue_id": ["a", "a", "b"], "turn": [1, 2, 1], "gold": True, "prediction": True, "score": 0.5}
INTENT = {"dialogue_id": ["a", "b"], "turn": 0, "gold": ["x", "y"], "prediction": ["x", "y"]}


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("segmentation", {"turn": [1, 3, 1]}, r"segmentation:1: field 'turn' is .*3.*; expected the turn after"),
        ("segmentation", {"turn": [1, 1, 1]}, r"segmentation:1: field 'turn'.*one row for each dialogue_id, turn"),
        ("segmentation", {"gold": [0, 1, 0]}, r"segmentation:0: field 'gold' is .*0.*; expected true or false"),
        ("segmentation", {"gold": [True, None, True]}, r"segmentation:1: field 'gold' is None"),
        ("segmentation", {"@seen": ["yes", "no", "no"]}, r"segmentation:0: field '@seen' is 'yes'"),
        ("segmentation", {"score": [0.1, 0.2, None]}, r"segmentation:2: field 'score' is .*; expected a number"),
        ("segmentation", {"dialogue_id": ["a", "a", "c"]}, r"segmentation:2: field 'dialogue_id' is 'c'; expected one"),
        ("intent", {"prediction": ["x", None]}, r"intent:1: field 'prediction' is .*; expected a name in every row"),
    ],
)
def test_a_fault_in_a_table_is_named(name: str, columns: dict[str, object], message: str):
    frame = pd.DataFrame((SEGMENTATION if name == "segmentation" else INTENT) | columns)
    with pytest.raises(RecordError, match=message):
        values(name, frame, ["a", "b"])


def test_a_missing_column_and_a_dialogue_twice_are_named():
    with pytest.raises(RecordError, match=r"intent: field 'prediction' is \['dialogue_id', .*a column of this name"):
        values("intent", pd.DataFrame(INTENT).drop(columns="prediction"), ["a", "b"])
    with pytest.raises(ValueError, match="dialogue_ids has 'b' twice"):
        values("intent", pd.DataFrame(INTENT), ["a", "b", "b"])
