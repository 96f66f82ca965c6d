"""Results over a range of the rates of a simulated log."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from selflearn.evaluation import write_predictions
from selflearn.evaluation.ranges import range_tables, ranges_markdown, ranges_page, rates_key
from selflearn.evaluation.runs import Run

ROWS = [("intent", "accuracy"), ("transcript", "wer")]


def run(name, *, rates=None, seed=1, accuracy=0.9, low=0.05, root=None, simulated=True, layers=2, baselines=("a",)):
    """A run whose baseline `b` is .02 better at intents than `a`, and whose wer is that of nobody else."""
    metrics = {
        "test/intent/accuracy": accuracy, "test/intent/accuracy/low": accuracy - 0.01,
        "test/intent/accuracy/high": accuracy + 0.01, "test/transcript/wer": 0.2, "count/intent_items": 40,
        "baseline/a/test/intent/accuracy": accuracy - 0.1, "baseline/b/test/intent/accuracy": accuracy - 0.08,
        "baseline/oracle/test/intent/accuracy": 1.0, "delta/a/intent/accuracy": 0.1, "delta/b/intent/accuracy": 0.08,
        "delta/oracle/intent/accuracy": -0.1,
        "delta/b/intent/accuracy/low": low, "delta/b/intent/accuracy/high": 0.12,
        "baseline/a/test/transcript/wer": 0.5, "baseline/b/test/transcript/wer": 0.3, "delta/b/transcript/wer": -0.1,
        "delta/b/transcript/wer/low": -0.2, "delta/b/transcript/wer/high": -0.05,
    }  # fmt: skip
    data = {"corpus": "table", "root": root or f"logs/{json.dumps(rates)}"}
    if simulated:
        data["simulate"] = {"world": "home", "seed": 1, "rates": rates or {}, "workers": 2}
    config = {"seed": seed, "data": data, "model": {"layers": layers}, "baselines": {"names": list(baselines)}}
    said = {"command": f"python -m experiments.train experiment=simulated name={name} 'data.simulate.rates={rates}'"}
    return Run(directory=Path(name), metrics=metrics, config=config, versions=said)


BARGE = {"people": {"reactions": {"barge_in": 0.1}}}
STALE = {"assistant": {"result": {"stale": 0.15}}}


def test_a_line_is_a_setting_of_the_rates_with_the_difference_to_the_strongest_baseline():
    (table,) = range_tables([run("r1", rates=BARGE, accuracy=0.7, low=-0.05), run("r0")])
    names = {rates_key({"people.reactions.barge_in": 0.1}): "interrupting"}
    lines = ranges_markdown(table, ROWS, names=names, beside=["oracle"]).splitlines()
    assert lines[0] == "| rate | value | intent/accuracy ↑ | transcript/wer ↓ |"
    wer = ".200<br>**Δ -.100 [-.200, -.050]** b"
    assert lines[2] == f"| as in the files |  | .900 [.890, .910]<br>**Δ +.080 [+.050, +.120]** b | {wer} |"
    assert lines[3] == f"| interrupting | 0.1 | .700 [.690, .710]<br>Δ +.080 [-.050, +.120] b | {wer} |"
    span = "0.700 to 0.900<br>Δ +0.080 to +0.080"
    assert lines[4] == f"| from the least to the most |  | {span} | 0.200 to 0.200<br>Δ -0.100 to -0.100 |"


def test_who_is_no_baseline_can_have_a_table_of_their_own():
    tables = range_tables([run("r0"), run("r1", rates=BARGE)])
    first, second = ranges_page(tables, ROWS, beside=["oracle"], people=["oracle"]).split("The same against `oracle`")
    assert "Δ -.100 oracle" not in first
    assert second.count("Δ -.100 oracle") == 2
    assert " b |" not in second
    assert "`nobody` is in none of these runs." in ranges_page(tables, ROWS, people=["nobody"])


def test_what_is_no_baseline_is_not_compared_with():
    (table,) = range_tables([run("r0"), run("r1", rates=BARGE)])
    assert "oracle" in ranges_markdown(table, ROWS)
    assert "oracle" not in ranges_markdown(table, ROWS, beside=["oracle"])
    alone = ranges_markdown(table, ROWS, beside=["oracle", "a", "b"])
    assert "Δ" not in alone
    assert "| as in the files |  | .900 [.890, .910] | .200 |" in alone


def test_seeds_of_one_setting_are_put_together(tmp_path):
    runs = []
    for name, right, settings in (
        ("r0", 8, {}), ("r1", 9, {"seed": 2}), ("r2", 7, {"rates": STALE}), ("r3", 7, {"rates": STALE, "seed": 2}),
    ):  # fmt: skip
        ids = [f"d{i}" for i in range(10)]
        said = {"dialogue_id": ids, "turn": 0, "gold": "x", "prediction": ["x"] * right + ["z"] * (10 - right)}
        write_predictions(tmp_path / name / "predictions", {"model": {"intent": pd.DataFrame(said)}}, dialogue_ids=ids)
        runs.append(run(tmp_path / name, **settings))
    (table,) = range_tables(runs)
    assert [len(same) for same in table.runs.values()] == [2, 2]
    found = ranges_markdown(table, ROWS, beside=["oracle"])
    assert re.search(r"\| as in the files \|  \| \.850 \[\.\d+, [.\d]+\]<br>\(\.800 to \.900\) \|", found)


def test_only_runs_that_differ_in_nothing_but_rates_seeds_and_baselines_stand_in_one_table():
    runs = [
        run("r0"), run("r1", rates=BARGE, baselines=["a", "b"]), run("r2", rates=STALE), run("r3", layers=0),
        run("r4", layers=0, rates=BARGE), run("r5", layers=1), run("corpus", simulated=False),
    ]  # fmt: skip
    tables = range_tables(runs)
    names = [[one.directory.name for same in table.runs.values() for one in same] for table in tables]
    assert names == [["r0", "r2", "r1"], ["r3", "r4"]]
    assert range_tables([run("r0")]) == []


def test_several_rates_at_once_are_told_by_their_last_names():
    both = {"people": {"reactions": {"retry": {"repeat": 0.5, "reword": 0.5}}}}
    (table,) = range_tables([run("r0"), run("r1", rates=both)])
    assert (
        "| people.reactions.retry.repeat, people.reactions.retry.reword | repeat 0.5, reword 0.5 |"
        in ranges_markdown(table, ROWS)
    )


def test_rates_that_share_a_log_are_refused():
    with pytest.raises(
        ValueError, match=r"r0 and r1 read one log, here, and their rates differ .* leave data\.root out"
    ):
        range_tables([run("r0", root="here"), run("r1", rates=BARGE, root="here")])


def test_a_run_that_would_count_twice_is_refused():
    with pytest.raises(ValueError, match=r"r0 and r1 are of one experiment and the same seed; .* runs=\[DIR,\.\.\.\]"):
        range_tables([run("r0"), run("r1"), run("r2", rates=BARGE)])


def test_the_page_names_commands_and_says_how_to_read_it():
    page = ranges_page(range_tables([run("r0"), run("r1", rates=BARGE)]), ROWS, beside=["oracle"])
    assert page.startswith("## simulated, name=r0: over the rates without a source\n")
    assert "python -m experiments.train experiment=simulated name=r1" in page
    assert "value [95% bootstrap over dialogues]; ↑ higher is better" in page
    assert "the strongest baseline of the line" in page
