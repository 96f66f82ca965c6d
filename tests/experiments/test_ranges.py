from __future__ import annotations

import json
import re
import shlex

import pytest
import yaml

from experiments.app import config_loader
from experiments.overrides import checked_overrides
from experiments.ranges import main


def write_run(directory, rates, accuracy=0.9, told=""):
    directory.mkdir(parents=True)
    data = {"root": f"logs/{directory.name}", "simulate": {"world": "home", "seed": 1, "rates": rates}}
    (directory / "config.yaml").write_text(yaml.safe_dump({"seed": 1, "data": data}))
    (directory / "versions.json").write_text(
        json.dumps({"command": f"python -m experiments.train experiment=simulated{told}"})
    )
    (directory / "metrics.json").write_text(json.dumps({"test/intent/accuracy@defects": accuracy}))


@pytest.fixture
def ranges(program):
    return lambda *arguments: program(main, arguments, {})


def test_without_runs_the_commands_are_said_and_training_takes_them(ranges):
    code, out, _ = ranges("of=simulated_feedback", "seeds=[1,2]")
    assert code == 0
    *start, swept = shlex.split(out)
    assert start == ["python", "-m", "experiments.train", "-m", "experiment=simulated_feedback", "seed=1,2"]
    ready = checked_overrides(config_loader(), "train", [*start[4:], swept], sweep=True, values_needed=True)
    assert ready[-1].startswith("++data.simulate.rates={},{assistant:{recognition:{error:0.02,speakers:")


def test_other_settings_are_those_of_every_command(ranges):
    _, out, _ = ranges("settings={data.simulate.dialogues:1000}")
    assert out.count("experiment=simulated seed=1 data.simulate.dialogues=1000") == out.count("experiments.train") == 1


def test_the_runs_of_the_command_go_where_this_one_looks_for_them(ranges):
    _, out, _ = ranges("paths.runs='runs of mine, 2'")
    given = [word for word in shlex.split(out)[4:] if not word.startswith("data.simulate.rates=")]
    assert given == ["experiment=simulated", "seed=1", "paths.runs='runs of mine, 2'"]
    checked_overrides(config_loader(), "train", given, sweep=True, values_needed=True)
    _, out, _ = ranges()
    assert "paths.runs" not in out


def test_a_run_of_other_settings_is_still_to_be_run(ranges, tmp_path):
    write_run(tmp_path / "runs" / "simulated" / "seed_1", {})
    _, out, _ = ranges("settings={data.root:logs/seed_1,data.limit:null}")
    assert "data.simulate.rates={assistant:{" in out
    _, out, _ = ranges("settings={data.simulate.seed:2}")
    assert "data.simulate.rates={},{assistant:{" in out


def test_a_run_with_the_group_that_is_asked_for_is_not_to_be_run_again(ranges, tmp_path):
    write_run(tmp_path / "runs" / "simulated" / "seed_1", {}, told=" pretraining=none")
    _, out, _ = ranges("settings={pretraining:none}")
    assert "pretraining=none 'data.simulate.rates={assistant:{" in out
    _, out, _ = ranges("settings={pretraining:swapped}")
    assert "pretraining=swapped 'data.simulate.rates={}," in out


def test_another_world_is_in_the_command_and_runs_of_this_one_are_not_of_that(ranges, tmp_path):
    write_run(tmp_path / "runs" / "simulated" / "seed_1", {})
    _, out, _ = ranges("world=car")
    assert "seed=1 data.simulate.world=car 'data.simulate.rates={}," in out


def test_runs_that_are_there_make_the_table_and_the_others_are_said(ranges, tmp_path):
    write_run(tmp_path / "runs" / "simulated" / "seed_1", {})
    write_run(
        tmp_path / "runs" / "simulated" / "sweep" / "a",
        {"people": {"reactions": {"barge_in": 0.6, "barge_in_anyway": 0.0}}},
        0.75,
    )
    code, out, err = ranges()
    assert code == 0, err
    page = (tmp_path / "runs" / "ranges" / "page.md").read_text("utf-8")
    assert "| as in the files |  | - | - | - | .900 | - | - |" in page
    assert "| interrupting | barge_in 0.6, barge_in_anyway 0.0 | - | - | - | .750 | - | - |" in page
    assert " ".join(page.split()) in out
    assert "1 tables of 2 runs" in err
    (command,) = re.findall(r"python -m experiments\.train .*", out.partition("favour, italic = all of it against.")[2])
    assert command.startswith("python -m experiments.train -m experiment=simulated seed=1 ")
    assert "{people:{reactions:{barge_in:0.1,barge_in_anyway:0.1}}}" in command
    assert "{people:{reactions:{barge_in:0.6,barge_in_anyway:0.0}}}" not in command


def test_a_metric_that_no_run_has_is_said(ranges, tmp_path):
    write_run(tmp_path / "runs" / "simulated" / "seed_1", {})
    write_run(tmp_path / "runs" / "simulated" / "sweep" / "a", {"people": {"goals": {"mean": 1.3}}})
    code, _, err = ranges("rows=[intent/accuracy@defects,intent/acuracy@defects]")
    assert code == 0
    assert "no run has a metric intent/acuracy@defects: its column is empty" in " ".join(err.split())
    assert err.count("no run has a metric") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ranges.trying_again=[{people.persist:0.1},{people.persist:0.6}]",), "has no such rate; nearest"),
        (
            ("ranges.trying_again=[{people.reactions.persist:[0.1,0.2]}]",),
            "expected two mappings of rates, its two ends",
        ),
        (("runs=[absent]",), "absent: no such directory"),
        (("runs=one",), "runs is 'one'; expected a list: runs=[one]"),
        (("seeds=1",), "seeds is '1'; expected a list: seeds=[1]"),
        (("world=nowhere",), "nowhere"),
        (
            ("of=simulated_feedbak",),
            "of is 'simulated_feedbak': no experiment is called so; nearest: 'simulated_feedback'",
        ),
    ],
)
def test_a_users_fault_is_said_in_a_line(ranges, arguments, message):
    code, _, err = ranges(*arguments)
    assert code == 2
    assert message in err
