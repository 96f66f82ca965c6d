"""Every number can be computed again from the Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from selflearn.evaluation import evaluate, read_predictions, write_predictions

Systems = dict[str, dict[str, pd.DataFrame]]


def test_every_number_can_be_computed_again(systems: Systems, dialogue_ids: list[str], tmp_path: Path):
    owners = [f"person-{i // 2}" for i in range(len(dialogue_ids))]
    want = evaluate(systems, dialogue_ids=dialogue_ids, owners=owners, model="ours", resamples=50, seed=3)
    write_predictions(tmp_path / "predictions", systems, dialogue_ids=dialogue_ids, owners=owners)
    found = read_predictions(tmp_path / "predictions")
    assert (found.dialogue_ids, found.owners) == (dialogue_ids, owners)
    assert {name: set(tables) for name, tables in found.systems.items()} == {n: set(t) for n, t in systems.items()}
    again = evaluate(
        found.systems, dialogue_ids=found.dialogue_ids, owners=found.owners, model="ours", resamples=50, seed=3
    )
    assert again == want


def test_empty_tables_and_names_with_dots(dialogue_ids: list[str], tmp_path: Path):
    empty = pd.DataFrame(columns=["dialogue_id", "turn", "gold", "prediction", "score"])
    write_predictions(tmp_path, {"minilm.v2": {"defect@late": empty}}, dialogue_ids=dialogue_ids)
    found = read_predictions(tmp_path)
    assert found.owners == found.dialogue_ids == dialogue_ids
    loaded = found.systems
    assert list(loaded) == ["minilm.v2"]
    assert list(loaded["minilm.v2"]) == ["defect@late"]
    assert evaluate(loaded, dialogue_ids=dialogue_ids, model="minilm.v2", resamples=2)["count/defect_items@late"] == 0.0


def test_what_is_no_longer_asked_for_does_not_stay(systems: Systems, dialogue_ids: list[str], tmp_path: Path):
    for folder in (tmp_path, tmp_path / "tune"):
        write_predictions(folder, systems, dialogue_ids=dialogue_ids)
    (tmp_path / "calibration.parquet").write_bytes(b"somebody else's")
    write_predictions(tmp_path, {"ours": systems["ours"]}, dialogue_ids=dialogue_ids)
    assert len(systems) > 1
    assert (tmp_path / "calibration.parquet").exists()
    (tmp_path / "calibration.parquet").unlink()
    assert list(read_predictions(tmp_path).systems) == ["ours"]
    assert set(read_predictions(tmp_path / "tune").systems) == set(systems)


def test_faults_name_the_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"dialogues\.parquet is missing; expected the predictions folder"):
        read_predictions(tmp_path)
    pd.DataFrame({"dialogue_id": ["1"]}).to_parquet(tmp_path / "dialogues.parquet")
    with pytest.raises(ValueError, match=r"dialogues\.parquet has no column 'owner': run the command of its run again"):
        read_predictions(tmp_path)
    with pytest.raises(ValueError, match=r"table 'a\.b' of system 'ours': expected names without"):
        write_predictions(tmp_path, {"ours": {"a.b": pd.DataFrame()}}, dialogue_ids=[])
