import json

import pandas as pd
import pytest

from experiments.compare_runs import main
from selflearn.evaluation.predictions import write_predictions

IDS = [f"d{i}" for i in range(40)]


def write(directory, right, *, told=(), ids=IDS):
    said = ["x" if i < right else "z" for i in range(len(ids))]
    table = pd.DataFrame({"dialogue_id": ids, "turn": 0, "gold": "x", "prediction": said})
    write_predictions(directory / "predictions", {"model": {"intent": table}}, dialogue_ids=ids)
    command = " ".join(["python -m experiments.train experiment=simulated", *told, "seed=1"])
    (directory / "versions.json").write_text(json.dumps({"command": command, "seconds": 1.0}))
    (directory / "metrics.json").write_text(json.dumps({"test/intent/accuracy": right / len(ids)}))
    (directory / "config.yaml").write_text("seed: 1\n")


@pytest.fixture
def command(tmp_path, program):
    write(tmp_path / "whole", 36)
    write(tmp_path / "less", 20, told=["'model.without=[status]'", "paths.output_dir=less"])
    write(tmp_path / "again", 36)
    return lambda *arguments: program(main, arguments, {"resamples": "200"})


def test_runs_are_named_by_what_they_were_told_and_differences_are_paired(command, tmp_path):
    code, _, err = command("runs=[whole,less,again]", "page=page.md", "title=What is left out")
    assert (code, err) == (0, "")
    page = (tmp_path / "page.md").read_text()
    assert page.startswith("## What is left out\n")
    assert "python -m experiments.train experiment=simulated 'model.without=[status]' seed=1\n" in page
    assert "paths.output_dir" not in page
    header, _, row = [line for line in page.splitlines() if line.startswith("|")]
    assert header == "| metric | n | model | model.without=[status] | again |"
    assert "| .900 [" in row
    assert "**Δ +.400 [" in row
    assert "Δ +.000 [+.000, +.000]" in row


def test_a_users_fault_is_said_in_words(command, tmp_path):
    write(tmp_path / "other", 20, ids=IDS[:30])
    for runs, message in (
        ("whole", "runs has 1 directories; expected two or more"),
        ("whole,other", "were evaluated on different dialogues (40 and 30)"),
        ("whole,nowhere", "no such directory"),
    ):
        code, _, err = command(f"runs=[{runs}]")
        assert code == 2
        assert message in " ".join(err.split())
