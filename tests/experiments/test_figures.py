from __future__ import annotations

import pandas as pd

from experiments.figures import draw


def test_of_a_stage_that_went_on_often_the_last_losses_are_drawn(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("experiments.figures.loss_figure", lambda losses: drawn.append(losses) or "<svg/>")
    for number in range(1, 12):
        folder = tmp_path / "checkpoints" / "model" / "fine_tuning" / ("losses" if number == 1 else f"losses_{number}")
        folder.mkdir(parents=True)
        pd.DataFrame({"step": [number, number + 1], "loss": [number, number]}).to_csv(folder / "metrics.csv")
    draw(tmp_path, {"test/intent/accuracy": 0.5})
    (losses,) = drawn
    assert losses.set_index("step")["loss"].to_dict() == {step: min(step, 11) for step in range(1, 13)}


def test_losses_of_a_call_that_was_killed_as_it_made_their_file_are_passed_over(tmp_path):
    for stage, files in (("pretraining", [""]), ("fine_tuning", ["", "step,train/intent_loss\n1,0.5\n"])):
        for number, text in enumerate(files, start=1):
            folder = tmp_path / stage / ("losses" if number == 1 else f"losses_{number}")
            folder.mkdir(parents=True)
            (folder / "metrics.csv").write_text(text)
    draw(tmp_path, {})
    assert {file.name for file in (tmp_path / "figures").iterdir()} == {"metrics.svg", "losses_fine_tuning.svg"}
