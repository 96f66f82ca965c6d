"""Every number can be computed again from the Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from selflearn.evaluation import evaluate, read_predictions, write_predictions

Systems = dict[str, dict[str, pd.DataFrame]]


def test_every_number_can_be_computed_again(systems: Systems, dialogue_ids: list[str], tmp_path: Path):
    want = evaluate(systems, dialogue_ids=dialogue_ids, model="ours", resamples=50, seed=3)
    write_predictions(tmp_path / "predictions", systems, dialogue_ids=dialogue_ids)
    loaded, ids = read_predictions(tmp_path / "predictions")
    assert ids == dialogue_ids
    assert {name: set(tables) for name, tables in loaded.items()} == {n: set(t) for n, t in systems.items()}
    assert evaluate(loaded, dialogue_ids=ids, model="ours", resamples=50, seed=3) == want


def test_empty_tables_and_names_with_dots(dialogue_ids: list[str], tmp_path: Path):
    empty = pd.DataFrame(columns=["dialogue_id", "turn", "gold", "prediction", "score"])
    write_predictions(tmp_path, {"minilm.v2": {"defect@late": empty}}, dialogue_ids=dialogue_ids)
    loaded, ids = read_predictions(tmp_path)
    assert list(loaded) == ["minilm.v2"]
    assert list(loaded["minilm.v2"]) == ["defect@late"]
    assert evaluate(loaded, dialogue_ids=ids, model="minilm.v2", resamples=2)["count/defect_items@late"] == 0.0


def test_faults_name_the_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"dialogues\.parquet is missing; expected the predictions folder"):
        read_predictions(tmp_path)
    with pytest.raises(ValueError, match=r"table 'a\.b' of system 'ours': expected names without"):
        write_predictions(tmp_path, {"ours": {"a.b": pd.DataFrame()}}, dialogue_ids=[])
