"""The bar of a stage, which is built on what Lightning keeps to itself: whether a new version still takes it."""

from selflearn.training import PretrainingSettings
from tests.fixtures.dialogues import home_dialogues, stage


def test_a_stage_shows_its_name_its_loss_and_what_is_left(recipe, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    made = recipe(pretraining=PretrainingSettings(epochs=0.0))
    made.train(home_dialogues(12), home_dialogues(4, seed=1, split="dev"), stage(tmp_path, progress=True))
    shown = "".join(capfd.readouterr())
    assert "fine tuning" in shown
    assert "train/loss" in shown
    assert "Epoch" not in shown  # a stage is one pass
    assert "v_num" not in shown
