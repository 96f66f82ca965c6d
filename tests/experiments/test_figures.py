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
