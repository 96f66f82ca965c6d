import json
import shlex

import pandas as pd
import pytest

from experiments.app import config_loader
from experiments.kept_gain import main
from experiments.overrides import checked_overrides
from selflearn.evaluation.predictions import write_predictions

IDS = [f"d{i}" for i in range(40)]


def write(directory, ids=IDS, *, source="gold", seed=1, **right):
    tables = {
        name: {"intent": pd.DataFrame({"dialogue_id": ids, "turn": 0, "gold": "x",
                                       "prediction": ["x" if i < n else "z" for i in range(len(ids))]})}
        for name, n in right.items()
    }  # fmt: skip
    write_predictions(directory / "predictions", tables, dialogue_ids=ids)
    (directory / "versions.json").write_text(json.dumps({"command": "python -m experiments.train"}))
    (directory / "metrics.json").write_text("{}")
    (directory / "config.yaml").write_text(f"seed: {seed}\nsupervision: {{source: {source}}}\n")


@pytest.fixture
def command(tmp_path, program):
    write(tmp_path / "gold", model=30, assistant=10)
    write(tmp_path / "feedback", source="feedback", model=20, assistant=10)
    return lambda *arguments, **more: program(main, arguments, {"gold": "gold", "feedback": "feedback"} | more)


def test_two_runs_give_a_table_and_a_part_of_the_page(command, tmp_path):
    code, out, _ = command("resamples=100", "metrics=[intent/accuracy]")
    assert code == 0
    assert ".500 [" in out
    page = (tmp_path / "feedback" / "page.kept_gain.md").read_text()
    assert "python -m experiments.kept_gain gold=gold feedback=feedback" in page
    assert "| intent/accuracy ↑ | 0.250 assistant | 0.500 | 0.750 | .500 [" in page
    assert "oracle" not in page


def test_seeds_are_means_and_may_be_a_section_of_their_own(command, tmp_path):
    write(tmp_path / "gold2", seed=2, model=38)
    write(tmp_path / "feedback2", source="feedback", seed=2, model=24)
    told = ("resamples=100", "metrics=[intent/accuracy]", "page=kept.md", "title=Three seeds")
    code, _, err = command(*told, gold="[gold,gold2]", feedback="[feedback,feedback2]")
    assert (code, err) == (0, "")
    page = (tmp_path / "kept.md").read_text()
    assert page.startswith("## Three seeds\n")
    assert "kept_gain 'gold=[gold,gold2]' 'feedback=[feedback,feedback2]'" in page
    assert "| intent/accuracy ↑ | 0.250 assistant | 0.550 | 0.850 | .500 [" in page
    assert "Values are means over the seeds." in page
    assert not (tmp_path / "feedback" / "page.kept_gain.md").exists()
    code, _, err = command("gold=[]")
    assert (code, err) == (2, "gold is empty; expected one or more")


def test_the_oracle_stands_beside_where_the_runs_have_it(command, tmp_path):
    write(tmp_path / "feedback", source="feedback", model=20, assistant=10, oracle=36)
    code, _, _ = command("resamples=100", "metrics=[intent/accuracy]")
    assert code == 0
    page = (tmp_path / "feedback" / "page.kept_gain.md").read_text()
    headings, rule, row = (line.split(" | ") for line in page.splitlines() if line.startswith("|"))
    assert headings[-1] == "oracle |"
    assert len(rule) == len(headings)
    assert row[-1] == "0.900 |"


def test_a_users_fault_is_said_in_words(command, tmp_path):
    write(tmp_path / "other", ids=IDS[:30], source="feedback", model=20, assistant=10)
    write(tmp_path / "alone", source="feedback", model=20)
    write(tmp_path / "unfinished", model=20)
    (tmp_path / "unfinished" / "metrics.json").unlink()
    for more, message in (
        ({"feedback": "other"}, "were evaluated on different dialogues (40 and 30)"),
        ({"feedback": "alone"}, "alone has none of the systems assistant, tfidf_context; it has model"),
        ({}, "gold and feedback have no segmentation/boundary_f1; expected metrics that are defined for both models"),
        (
            {"beside": "[assistent]", "metrics": "[intent/accuracy]"},
            "beside: feedback has no system 'assistent'; was assistant meant?",
        ),
        ({"metrics": "[]"}, "metrics is empty; expected one or more"),
        ({"floors": "[]"}, "floors is empty; expected one or more"),
        ({"resamples": "0"}, "resamples is 0; expected at least 1"),
        ({"gold": "nowhere"}, "nowhere: no such directory; expected the directory of a run"),
        ({"gold": "unfinished"}, "metrics.json: no such file; expected a finished run"),
        ({"gold": "feedback"}, "gold: feedback was trained with supervision=feedback; expected a run with"),
        ({"gold": "[gold,gold]"}, "are of one experiment and the same seed; expected each seed once"),
    ):
        code, _, err = command(**more)
        assert code == 2
        assert message in " ".join(err.split())


def test_the_command_on_the_page_can_be_typed_and_makes_this_page(command, tmp_path):
    swept = "sweep/baselines=none,model.without=__"  # as a sweep calls the folder of a run
    write(tmp_path / swept, model=30, assistant=10)
    code, _, err = command("resamples=100", "metrics=[intent/accuracy]", gold=f"'{swept}'")
    assert code == 0, err
    (line,) = (line for line in (tmp_path / "feedback" / "page.kept_gain.md").read_text().splitlines()
               if line.startswith("python"))  # fmt: skip
    typed = shlex.split(line)
    assert typed[3:] == [f"gold='{swept}'", "feedback=feedback", "metrics=[intent/accuracy]", "resamples=100"]
    checked_overrides(config_loader(), "kept_gain", typed[3:], sweep=False, values_needed=True)
