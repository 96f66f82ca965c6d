"""Systems side by side: intervals and paired differences against resampling by hand."""

from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest
import torch

from selflearn.evaluation import Results, bootstrap_weights, evaluate, metrics_of, results_markdown
from selflearn.evaluation.results import legend
from selflearn.schema import RecordError

Systems = dict[str, dict[str, pd.DataFrame]]


def resampled(frame: pd.DataFrame, draws: list[str]) -> pd.DataFrame:
    """The rows of drawn dialogues, each draw a dialogue of its own."""
    by_dialogue = dict(list(frame.groupby("dialogue_id")))
    parts = [by_dialogue[name].assign(dialogue_id=str(i)) for i, name in enumerate(draws) if name in by_dialogue]
    return pd.concat(parts, ignore_index=True) if parts else frame[:0]


@pytest.fixture
def found(systems: Systems, dialogue_ids: list[str]) -> dict[str, float]:
    return evaluate(systems, dialogue_ids=dialogue_ids, model="ours", resamples=8, seed=5)


def test_intervals_and_differences_are_those_of_resampling_by_hand(
    systems: Systems, dialogue_ids: list[str], found: dict[str, float]
):
    weights = bootstrap_weights(dialogue_ids, resamples=8, seed=5).long().tolist()
    window = int(found["count/segmentation_window"])
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in systems}
    for times in weights:
        draws = [name for name, count in zip(dialogue_ids, times, strict=True) for _ in range(count)]
        one = torch.ones(len(draws), dtype=torch.double)
        for system, tables in systems.items():
            for table, frame in tables.items():
                names = [str(i) for i in range(len(draws))]
                for key, value in metrics_of(table, resampled(frame, draws), names, one, window=window).items():
                    samples[system].setdefault(key, []).append(value.item())
    checked = 0
    for system, prefix in (("ours", "test"), ("no_context", "baseline/no_context/test")):
        for key, drawn in samples[system].items():
            ends = np.nanpercentile(drawn, [2.5, 97.5])
            assert [found[f"{prefix}/{key}/{end}"] for end in ("low", "high")] == pytest.approx(list(ends), abs=1e-9)
            checked += 1
    for key, drawn in samples["no_context"].items():
        differences = np.array(samples["ours"][key]) - np.array(drawn)
        ends = np.nanpercentile(differences, [2.5, 97.5])
        found_ends = [found[f"delta/no_context/{key}/{end}"] for end in ("low", "high")]
        assert found_ends == pytest.approx(list(ends), abs=1e-9)
        assert found[f"delta/no_context/{key}"] == pytest.approx(
            found[f"test/{key}"] - found[f"baseline/no_context/test/{key}"], abs=1e-12
        )
        checked += 1
    assert checked > 60


def test_seeds_are_a_mean_whose_interval_is_that_of_the_mean_on_the_same_resamples(
    seeds: list[dict[str, pd.DataFrame]], systems: Systems, dialogue_ids: list[str]
):
    other = systems["no_context"]
    found = evaluate({"ours": seeds, "other": other}, dialogue_ids=dialogue_ids, model="ours", resamples=20, seed=5)
    weights = torch.cat([torch.ones(1, len(dialogue_ids)), bootstrap_weights(dialogue_ids, resamples=20, seed=5)])
    window = int(found["count/segmentation_window"])

    def measured(table: str, tables: dict[str, pd.DataFrame]) -> dict[str, torch.Tensor]:
        return metrics_of(table, tables[table], dialogue_ids, weights.double(), window=window)

    for table in ("intent", "segmentation", "success"):
        drawn, theirs = [measured(table, tables) for tables in seeds], measured(table, other)
        for key in theirs:
            each = np.stack([one[key].numpy() for one in drawn])
            mean, difference = each.mean(0), each.mean(0) - theirs[key].numpy()
            for name, values in ((f"test/{key}", mean), (f"delta/other/{key}", difference)):
                assert found[name] == pytest.approx(values[0], abs=1e-12)
                ends = np.nanpercentile(values[1:], [2.5, 97.5])
                assert [found[f"{name}/{end}"] for end in ("low", "high")] == pytest.approx(list(ends), abs=1e-9)
            ends = [found[f"test/{key}/{end}"] for end in ("least", "most")]
            assert ends == pytest.approx([each[:, 0].min(), each[:, 0].max()], abs=1e-12)
    assert found["count/seeds"] == 3
    assert "baseline/other/test/intent/accuracy/least" not in found


def test_one_seed_is_measured_as_a_system_is(systems: Systems, dialogue_ids: list[str], found: dict[str, float]):
    one = {name: [tables] for name, tables in systems.items()}
    assert evaluate(one, dialogue_ids=dialogue_ids, model="ours", resamples=8, seed=5) == found
    with pytest.raises(ValueError, match="system 'none' has no tables"):
        evaluate(one | {"none": []}, dialogue_ids=dialogue_ids, model="ours")


def test_what_not_all_seeds_have_is_left_out(systems: Systems, dialogue_ids: list[str]):
    less = {name: frame for name, frame in systems["no_context"].items() if name != "intent"}
    found = evaluate({"ours": [systems["ours"], less]}, dialogue_ids=dialogue_ids, model="ours", resamples=0)
    assert "test/slots/f1" in found
    assert "test/intent/accuracy" not in found


def test_a_paired_interval_is_narrower_where_systems_err_together(dialogue_ids: list[str], systems: Systems):
    ours = systems["ours"]["intent"]
    other = ours.copy()
    flipped = other.index[::40]
    other.loc[flipped, "prediction"] = np.where(other.loc[flipped, "gold"] == "book", "search", "book")
    found = evaluate(
        {"ours": {"intent": ours}, "near": {"intent": other}}, dialogue_ids=dialogue_ids, model="ours", resamples=80
    )
    width = {
        key: found[f"{key}/high"] - found[f"{key}/low"]
        for key in ("test/intent/accuracy", "delta/near/intent/accuracy")
    }
    assert width["delta/near/intent/accuracy"] < width["test/intent/accuracy"]
    same = evaluate({"ours": {"intent": ours}, "twin": {"intent": ours}}, dialogue_ids=dialogue_ids, model="ours")
    assert same["delta/twin/intent/accuracy/low"] == same["delta/twin/intent/accuracy/high"] == 0.0


def test_dialogues_of_one_person_widen_the_interval_and_people_are_counted():
    right = [person % 2 == 0 for person in range(20) for _ in range(10)]  # a person is all right or all wrong
    ids = [str(i) for i in range(len(right))]
    items = pd.DataFrame(
        {"dialogue_id": ids, "turn": 0, "gold": "x", "prediction": ["x" if one else "y" for one in right]}
    )
    owners = [f"person-{i // 10}" for i in range(len(right))]

    def found(owners):
        return evaluate({"ours": {"intent": items}}, dialogue_ids=ids, owners=owners, model="ours", resamples=400)

    together, apart = found(owners), found(None)
    widths = [one["test/intent/accuracy/high"] - one["test/intent/accuracy/low"] for one in (together, apart)]
    assert widths[0] / widths[1] == pytest.approx(10**0.5, rel=0.2)  # the variance of 20 draws, not of 200
    assert together["test/intent/accuracy"] == apart["test/intent/accuracy"] == 0.5
    assert (together["count/people"], together["count/dialogues"]) == (20, 200)
    assert "count/people" not in apart
    with pytest.raises(ValueError, match="19 owners of 200 dialogues"):
        found(owners[:19])


def test_of_one_person_there_is_no_interval_and_no_difference_is_called_sure(systems, dialogue_ids):
    found = evaluate(systems, dialogue_ids=dialogue_ids, owners=["ann"] * len(dialogue_ids), model="ours")
    assert found["count/people"] == 1
    assert "delta/majority/intent/accuracy" in found
    assert not [key for key in found if key.endswith(("/low", "/high"))]
    results = Results.from_metrics(found)
    assert "**" not in results_markdown(results)
    assert legend(results)[0].startswith("value; ")


def test_the_same_seed_gives_the_same_digits(systems: Systems, dialogue_ids: list[str], found: dict[str, float]):
    assert evaluate(systems, dialogue_ids=dialogue_ids, model="ours", resamples=8, seed=5) == found
    other = evaluate(systems, dialogue_ids=dialogue_ids, model="ours", resamples=8, seed=6)
    assert other["test/intent/accuracy"] == found["test/intent/accuracy"]
    assert other["test/intent/accuracy/low"] != found["test/intent/accuracy/low"]


def test_a_system_without_a_task_has_no_difference_there(found: dict[str, float]):
    assert "delta/majority/intent/accuracy" in found
    assert not any(key.startswith(("delta/majority/slots", "baseline/majority/test/slots")) for key in found)


def test_every_value_is_a_finite_number_that_json_can_hold(found: dict[str, float]):
    assert all(isinstance(value, float) and math.isfinite(value) for value in found.values())


def test_counts(systems: Systems, dialogue_ids: list[str], found: dict[str, float]):
    intent = systems["ours"]["intent"]
    assert found["count/dialogues"] == len(dialogue_ids)
    assert found["count/intent_items"] == len(intent)
    assert found["count/intent_items@seen"] == intent["@seen"].sum()
    assert found["count/success_positive"] == systems["ours"]["success"]["gold"].sum()
    assert found["count/success_items@no_notify"] == len(systems["ours"]["success@no_notify"])
    assert found["count/segmentation_window"] >= 2


def test_the_window_is_that_of_all_items_for_every_slice_and_variant(dialogue_ids: list[str]):
    def table(lengths: dict[str, int], every: int) -> pd.DataFrame:
        rows = [(name, turn, turn % every == 0) for name, n in lengths.items() for turn in range(1, n)]
        frame = pd.DataFrame(rows, columns=["dialogue_id", "turn", "gold"])
        return frame.assign(prediction=False, score=0.5)

    whole = table({"d0": 20, "d1": 20}, every=10)
    variant = table({"d2": 20}, every=2)
    tables = {"segmentation@short": variant, "segmentation": whole}
    found = evaluate({"ours": tables}, dialogue_ids=dialogue_ids, model="ours", resamples=0)
    assert found["count/segmentation_window"] == 5
    ones = torch.ones(len(dialogue_ids), dtype=torch.double)
    want = metrics_of("segmentation@short", variant, dialogue_ids, ones, window=5)["segmentation/pk@short"].item()
    assert found["test/segmentation/pk@short"] == want


def test_no_resamples_give_values_without_intervals(systems: Systems, dialogue_ids: list[str]):
    found = evaluate(systems, dialogue_ids=dialogue_ids, model="ours", resamples=0)
    assert "test/intent/accuracy" in found
    assert not any(key.endswith(("/low", "/high")) for key in found)


def test_undefined_metrics_have_no_key_and_are_counted(dialogue_ids: list[str]):
    frame = pd.DataFrame({"dialogue_id": ["d0", "d1"], "turn": 0, "gold": False, "prediction": [True, False]})
    found = evaluate(
        {"ours": {"defect": frame.assign(score=0.5)}}, dialogue_ids=dialogue_ids, model="ours", resamples=10
    )
    assert "test/defect/auc" not in found
    assert found["test/defect/f1"] == 0.0
    assert found["count/defect_undefined"] == 1.0


def test_empty_tables_give_counts_alone(systems: Systems, dialogue_ids: list[str]):
    empty = {name: pd.DataFrame(columns=frame.columns) for name, frame in systems["ours"].items()}
    found = evaluate({"ours": empty, "other": empty}, dialogue_ids=dialogue_ids, model="ours", resamples=10)
    assert found["count/slots_items"] == 0.0
    assert all(key.startswith("count/") for key in found)


def test_systems_must_have_the_same_items(systems: Systems, dialogue_ids: list[str]):
    def compare(table: str, frame: pd.DataFrame) -> None:
        evaluate(
            {"ours": {table: systems["ours"][table]}, "other": {table: frame}}, dialogue_ids=dialogue_ids, model="ours"
        )

    intent = systems["no_context"]["intent"]
    with pytest.raises(RecordError, match=r"intent: field 'gold' is \d+; expected other's items to be the same \d+"):
        compare("intent", intent[1:])
    changed = intent.copy()
    changed.loc[3, "gold"] = "nothing"
    with pytest.raises(RecordError, match=r"field 'gold' is 'nothing'; expected other's items .* at dialogue_id 'd"):
        compare("intent", changed)
    with pytest.raises(RecordError, match=r"field '@seen' .*expected other's table to have the same slices"):
        compare("intent", intent.drop(columns="@seen"))
    slots = systems["no_context"]["slots"]
    compare("slots", slots[slots["gold"].notna()])  # spans of a system's own may differ
    with pytest.raises(RecordError, match="slots: field 'gold'"):
        compare("slots", slots[slots["prediction"].notna()])


def test_names_of_systems_are_checked(systems: Systems, dialogue_ids: list[str]):
    with pytest.raises(ValueError, match="model is 'mine'; expected one of the systems: ours, no_context, majority"):
        evaluate(systems, dialogue_ids=dialogue_ids, model="mine")
    with pytest.raises(ValueError, match="model is 'ours', and another system is called 'model', as tables call"):
        evaluate(systems | {"model": systems["majority"]}, dialogue_ids=dialogue_ids, model="ours")
    with pytest.raises(ValueError, match=r"system 'a/b' has a '/'"):
        evaluate(systems | {"a/b": {}}, dialogue_ids=dialogue_ids, model="ours")


def test_the_size_of_a_real_split_takes_seconds():
    rng = np.random.default_rng(0)
    ids = [f"d{i}" for i in range(2000)]
    base = pd.DataFrame({"dialogue_id": np.repeat(ids, 10), "turn": np.tile(np.arange(10), 2000)})
    names = np.array([f"intent {i}" for i in range(27)])
    base["gold"] = names[rng.integers(27, size=len(base))]
    systems = {
        f"system{i}": {"intent": base.assign(prediction=np.where(rng.random(len(base)) < 0.8, base["gold"], names[i]))}
        for i in range(5)
    }
    start = time.process_time()
    evaluate(systems, dialogue_ids=ids, model="system0", resamples=1000)
    assert time.process_time() - start < 10
