"""The page on metrics measures a system that the library does not train: its example runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from selflearn.baselines import Tfidf, TfidfContext
from selflearn.evaluation import Results, write_predictions
from selflearn.evaluation.benchmark import label
from tests.fixtures.dialogues import home_dialogues

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TRAIN, TUNE, TEST = (home_dialogues(number, seed=n) for n, number in enumerate((60, 20, 30)))


def test_the_example_measures_answers_beside_the_systems_of_a_run(tmp_path, monkeypatch, capsys):
    """Right answers to all turns but those of one dialogue: what is missing to 1 is that dialogue."""
    (folder,) = re.findall(r"read_predictions\(Path\(\"(.*?)\"\)\)", EXAMPLE)
    systems = {
        name: label(system.fit(TRAIN, TUNE, tasks=["intent"], seed=0), TEST, ["intent"])
        for name, system in (("model", Tfidf()), ("tfidf_context", TfidfContext()))
    }
    monkeypatch.chdir(tmp_path)
    write_predictions(Path(folder), systems, dialogue_ids=[dialogue.id for dialogue in TEST])
    items = systems["model"]["intent"]
    answers = {(row.dialogue_id, row.turn): row.gold for row in items.itertuples()}
    wrong = {place: "nothing" if place[0] == TEST[0].id else gold for place, gold in answers.items()}
    found = {"answers": wrong}
    exec(EXAMPLE, found)
    share = float((items["dialogue_id"] != TEST[0].id).mean())
    assert found["metrics"]["test/intent/accuracy"] == pytest.approx(share)
    better = share - float((items["gold"] == items["prediction"]).mean())
    assert found["metrics"]["delta/label_generator/intent/accuracy"] == pytest.approx(better)
    assert list(Results.from_metrics(found["metrics"]).systems) == ["model", "label_generator", "tfidf_context"]
    assert "accuracy ↑" in capsys.readouterr().out
