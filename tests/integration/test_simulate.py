"""Whole runs of ``python -m experiments.simulate`` and of training on what it writes."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from experiments import benchmark_simulation, certify, close_loop, ranges, simulate, single_fields
from selflearn.corpora import iter_dialogues
from selflearn.corpora.table import write_parquet
from selflearn.schema import Labels
from selflearn.simulation import shards
from tests.fixtures.worlds import write_world


@pytest.fixture
def world(tmp_path):
    return write_world(tmp_path / "world")


@pytest.fixture
def run(command, world):
    def call(*arguments):
        settings = [f"world={world}", "workers=1", "paths.output_dir=log", *arguments]
        return command(*settings, program=simulate.main, shared=())

    return call


def test_the_command_writes_a_log_its_summary_and_figures(run):
    found = run("dialogues=60", "seed=3")
    assert found.code == 0, found.printed
    summary = json.loads((found.directory.parent / "log" / "summary.json").read_text())
    assert summary["counts"]["dialogues"] == 60
    assert 0 < summary["rates"]["defect_rate"] < 1
    assert {"disputed/defect", "fleiss_kappa/defect"} <= set(summary["rates"])
    assert "fleiss kappa/defect" in found.printed
    names = {path.name for path in (found.directory.parent / "log" / "figures").iterdir()}
    assert names == {"defects_by_domain.svg", "failure_points.svg", "turns_of_goal.svg", "gaps.svg"}
    assert "60 dialogues" in found.printed
    assert "a second" in found.printed


@pytest.mark.slow
def test_the_session_of_the_readme_is_the_one_that_the_command_prints(command):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    block = readme.split("<!-- session -->\n")[1].split("<!-- /session -->")[0]
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines())
    found = command("workers=1", "paths.output_dir=log", program=simulate.main, shared=())
    assert found.code == 0, found.printed
    columns = simulate.session_table(found.directory).columns
    assert [column.header for column in columns] == head
    assert [list(row) for row in zip(*(column.cells for column in columns), strict=True)] == rows
    assert "A session" in found.printed


def test_a_log_without_a_dialogue_that_trains_is_shown_too(run):
    found = run("dialogues=1", "seed=2")
    assert found.code == 0, found.printed
    assert "A session" in found.printed
    assert not list((found.directory.parent / "log").glob("train-*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dialogues=0"], "0 dialogues; expected at least 1"),
        (["seed=one"], "seed is 'one'; expected a whole number"),
        (["channel=radio"], "channel is 'radio'; expected text or speech"),
        (["world=nowhere"], "nowhere is no directory; expected a world"),
        (["workers=0"], "workers is 0; expected at least 1"),
        (["development=no"], "development is 'no'; expected true or false"),
        (["workers=-3"], "workers is -3; expected at least 1"),
        (["dialogs=5"], "unknown key 'dialogs'; nearest: 'dialogues'"),
        (["rates=0.2"], "rates is 0.2; expected rates.people.reactions.barge_in=0.2, say"),
        (["components=mine"], "components is 'mine'; expected components.rewriter._target_=mine.Rewriter, say"),
        (["rates.people.reactions.barge=1"], "has no such rate; nearest: 'people.reactions.barge_in'"),
        (["rates.people.reactions.barge_in=2"], "people.yaml:25): 2; expected a number in [0, 1]"),
    ],
)
def test_a_users_fault_is_said_in_a_line(run, arguments, message):
    found = run(*arguments)
    assert found.code == 2, found.printed
    assert message in found.printed
    assert "Traceback" not in found.printed


def test_a_missing_program_is_said_in_a_line(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = run("channel=speech")
    assert found.code == 2, found.printed
    assert "the speech channel needs" in found.printed
    assert "Traceback" not in found.printed


def test_another_log_in_the_directory_is_left_alone(run):
    assert run("dialogues=20").code == 0
    found = run("dialogues=30")
    assert found.code == 2
    assert "holds another log (dialogues: 20 there, 30 wanted)" in found.printed


def test_rates_of_the_world_can_be_set_and_are_told(run):
    found = run("dialogues=60", "rates.people.goals.mean=1", "rates.people.reactions.persist=[0,0]")
    assert found.code == 0, found.printed
    summary = json.loads((found.directory.parent / "log" / "summary.json").read_text())
    assert summary["of"]["rates"] == {"people.goals.mean": 1, "people.reactions.persist": [0, 0]}
    assert summary["rates"]["goals_per_dialogue"] < 1.2  # a follow-up may be a goal of its own


def test_components_of_the_assistant_are_put_in_by_import_path(run):
    target, mine = "components.rewriter._target_=", "tests.fixtures.components.Rewriter"
    for settings, message in (
        ([f"{target}nowhere.Rewriter"], "components.rewriter._target_ = 'nowhere.Rewriter': No module named 'nowhere'"),
        ([f"{target}{mine}", "components.rewriter.wrods=1"], "it is called with the setting and ['wrods']"),
        ([f"components.writer._target_={mine}"], "nearest: 'rewriter'"),
    ):
        wrong = run("dialogues=60", *settings)
        assert wrong.code == 2, wrong.printed
        assert message in wrong.printed
        assert "Traceback" not in wrong.printed
    found = run("dialogues=60", f"{target}{mine}", "components.rewriter.words={lamp: heater}")
    assert found.code == 0, found.printed
    log = found.directory.parent / "log"
    assert list(json.loads((log / "summary.json").read_text())["of"]["components"]) == ["rewriter"]
    assert any("rewritten" in turn.components for d in iter_dialogues("table", root=log, split="train")
               for turn in d.truth.turns)  # fmt: skip


@pytest.mark.slow
def test_training_on_other_rates_simulates_another_log(command, one_step, world):
    arguments = (*one_step, "experiment=simulated", f"data.simulate.world={world}", "data.simulate.dialogues=80",
                 "data.simulate.workers=1", "paths.runs=runs")  # fmt: skip
    rates_of_the_second = ("data.simulate.rates.people.reactions.barge_in=0.9",)
    for rates in ((), rates_of_the_second):
        found = command(*arguments, *rates, f"paths.output_dir=run{len(rates)}")
        assert found.code == 0, found.printed
    logs = sorted(path.parent for path in found.directory.parent.rglob("simulation.json"))
    rates = [json.loads((log / "simulation.json").read_text())["rates"] for log in logs]
    assert rates == [{}, {"people.reactions.barge_in": 0.9}]
    assert logs[1].name.startswith(f"{logs[0].name}-")
    mixed = command(*arguments, *rates_of_the_second, f"data.root={logs[0]}", "paths.output_dir=mixed")
    assert mixed.code == 2
    assert "holds another log" in mixed.printed
    assert "in a training data.root=..." in mixed.printed
    table = command("runs=[run0,run1]", "rows=[intent/accuracy]", program=ranges.main, shared=())
    assert table.code == 0, table.printed
    assert "| people.reactions.barge_in | 0.9 |" in table.printed


@pytest.mark.slow
def test_what_single_fields_tell_is_written_for_the_page(command, world):
    found = command(f"data.simulate.world={world}", "data.simulate.dialogues=60", "data.simulate.workers=1",
                    "data.limit=25", "data.root=log", "allowed=0.5", "paths.output_dir=fields",
                    "trainer.progress=false", program=single_fields.main, shared=())  # fmt: skip
    assert found.code == 0, found.printed
    page = (found.directory / "page.md").read_text("utf-8")
    assert "python -m experiments.single_fields data.simulate.world=" in page
    assert "fields these have an AUC above .5: `" in page
    scores = json.loads((found.directory / "single_fields.json").read_text())
    assert {score["label"] for score in scores.values()} == {"defect", "success"}


def test_a_full_disk_is_said(run, monkeypatch):
    def full(dialogues, path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(shards, "write_parquet", full)
    found = run("dialogues=20")
    assert found.code == 2
    assert "No space left on device" in found.printed


@pytest.mark.parametrize("supervision", ["gold", "feedback", "both"])
def test_training_simulates_what_it_needs(command, one_step, world, supervision):
    few = {"gold": ["data.views=[before_notify]"], "feedback": [], "both": ["data.labelled=20"]}[supervision]
    found = command(
        *one_step, "experiment=simulated", f"supervision={supervision}", f"data.simulate.world={world}",
        "data.simulate.dialogues=80", "data.simulate.workers=1", "data.root=log", "data.limit=null",
        "data.test_limit=null", "baselines.names=[tfidf_context,assistant,oracle,annotator]", *few,
        "paths.output_dir=run",
    )  # fmt: skip
    assert found.code == 0, found.printed
    folder = found.directory / "labelled"
    (part,) = (folder / "dialogues").iterdir()
    labelled = list(iter_dialogues("table", root=part, split="all"))
    assert len(labelled) > 10
    assert all(turn.intent.source == "model" for dialogue in labelled for turn in dialogue.labels.turns)
    assert (folder / "goals.parquet").is_file()
    metrics = found.metrics
    for name in ("segmentation/boundary_f1", "success/f1", "intent/accuracy", "slots/f1", "defect/auc"):
        assert f"test/{name}" in metrics
        assert f"baseline/annotator/test/{name}" in metrics
    assert ("test/success/auc@before_notify" in metrics) is (supervision == "gold")
    assert "baseline/annotator/test/success/auc@before_notify" not in metrics  # who saw whole dialogues
    for system in ("", "baseline/assistant/", "baseline/oracle/", "baseline/annotator/"):
        assert f"{system}test/transcript/wer@defects" in metrics
        assert f"{system}test/intent/accuracy@defects" in metrics
        assert f"{system}test/slots/value_accuracy@defects" in metrics
    assert metrics["baseline/oracle/test/transcript/wer"] <= metrics["baseline/assistant/test/transcript/wer"]
    assert metrics["baseline/oracle/test/intent/accuracy"] >= metrics["baseline/assistant/test/intent/accuracy"]
    table = pd.read_parquet(found.directory / "predictions" / "model.intent.parquet")
    assert table["@defects"].any()


@pytest.mark.slow
def test_a_run_that_was_certified_afterwards_labels_again_with_its_promises(command, cache, one_step, world):
    arguments = (
        *one_step, "experiment=simulated", f"data.simulate.world={world}", "data.simulate.dialogues=80",
        "data.simulate.workers=1", "data.root=log", "data.limit=null", "data.test_limit=null", "paths.output_dir=run",
    )  # fmt: skip
    found = command(*arguments, "baselines.names=[]")
    assert found.code == 0, found.printed
    assert "Nothing is promised" in (found.directory / "model" / "README.md").read_text()
    shared = ("labeler=run/model", "input=log", f"cache={cache}", "progress=false")
    refused = command(*shared, "split=train", program=certify.main, shared=())
    assert refused.code != 0
    assert re.search(r"trained or tuned on (\d+) of the \1 dialogues", " ".join(refused.printed.split()))
    assert "<title>" in (found.directory / "report.html").read_text()
    certified = command(*shared, "split=test", program=certify.main, shared=())
    assert certified.code == 0, certified.printed
    assert "Certified on" in (found.directory / "model" / "README.md").read_text()
    again = command(*arguments, "baselines.names=[majority]")
    assert again.code == 0, again.printed
    assert "Certified on" in (found.directory / "model" / "README.md").read_text()
    table = pd.read_parquet(again.directory / "labelled" / "labels")
    assert table.loc[table["task"] == "intent", "promise"].notna().all()


def test_the_loop_is_closed_with_the_labels_of_a_run(command, one_step, world):
    trained = command(
        *one_step, "experiment=simulated_feedback", f"data.simulate.world={world}", "data.simulate.dialogues=80",
        "data.simulate.workers=1", "data.root=log", "data.limit=null", "data.test_limit=null", "paths.output_dir=run",
        "data.simulate.components.chooser._target_=tests.fixtures.components.Explorer",
    )  # fmt: skip
    assert trained.code == 0, trained.printed
    found = command("run=run", "sure=0", "resamples=20", program=close_loop.main, shared=())
    assert found.code == 0, found.printed
    assert "Share of turns that failed" in found.printed
    rows = json.loads((trained.directory / "close_loop.json").read_text())
    page = (trained.directory / "page.close_loop.md").read_text()
    assert f"| gold labels | {rows['gold labels']['examples']:,} | 1.000 |" in page
    assert list(rows) == ["as shipped", "the assistant's own", "generated labels", "gold labels"]
    assert rows["gold labels"]["right"] == 1.0
    for row in list(rows.values())[1:]:
        assert row["examples"] > 0
        for split in ("train", "test"):
            change, low, high = row["difference"][split]
            assert change == pytest.approx(row["defect_rate"][split] - rows["as shipped"]["defect_rate"][split])
            assert low <= high


def test_a_loop_needs_a_run_on_a_simulated_log(command, one_step):
    assert command(*one_step, "paths.output_dir=run").code == 0
    for run, message in (("run", "run=run was trained on sgd; expected a run on a simulated log"),
                         ("none", "none: no such directory; expected the directory of a run")):  # fmt: skip
        found = command(f"run={run}", program=close_loop.main, shared=())
        assert found.code == 2
        assert message in found.printed


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_dialogues(command, world, tmp_path):
    found = command(
        f"world={world}", "sizes=[2500,10000]", "workers=2", f"output={tmp_path / 'new' / 'figures.json'}",
        program=benchmark_simulation.main, shared=(),
    )  # fmt: skip
    assert found.code == 0, found.printed
    figures = json.loads((tmp_path / "new" / "figures.json").read_text())
    small, large = figures["sizes"]
    assert large["turns"] > 3 * small["turns"]
    assert large["peak_mib"] < 1.15 * small["peak_mib"]
    assert figures["turns_a_second"] > 0
    assert "1,000,000 dialogues in" in found.printed


def test_the_sizes_of_the_benchmark_have_to_grow(command):
    found = command("sizes=[20,10]", program=benchmark_simulation.main, shared=())
    assert found.code == 2
    assert "sizes is [20, 10]; expected two or more, each larger than the one before" in found.printed


def test_where_the_figures_cannot_be_written_is_said_before_anything_is_simulated(command, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setattr(benchmark_simulation, "measured", None)
    for output in (tmp_path / "taken" / "figures.json", tmp_path):
        found = command(f"output={output}", program=benchmark_simulation.main, shared=())
        assert found.code == 2
        assert tmp_path.name in found.printed


def test_sizes_that_say_nothing_of_the_rate_give_none(command, monkeypatch):
    def measured(cfg, size):
        return benchmark_simulation.Measured(dialogues=size, turns=2 * size, seconds=30 - size / 10, peak_mib=500.0)

    monkeypatch.setattr(benchmark_simulation, "measured", measured)
    found = command("sizes=[10,20]", program=benchmark_simulation.main, shared=())
    assert found.code == 2
    assert "20 dialogues took 28.0 s and 10 took 29.0 s" in " ".join(found.printed.split())
    assert "turns a second" not in found.printed


def test_no_gold_label_of_the_log_changes_a_digit_of_a_run_on_feedback(command, one_step, world, tmp_path):
    arguments = (
        *one_step, "experiment=simulated_feedback", f"data.simulate.world={world}", "data.simulate.dialogues=80",
        "data.simulate.workers=1", "data.limit=null", "data.test_limit=null", "label=false",
    )  # fmt: skip
    found = command(*arguments, "data.root=log", "paths.output_dir=gold")
    assert found.code == 0, found.printed
    shutil.copytree(tmp_path / "log", tmp_path / "bare")
    (file,) = (tmp_path / "bare").glob("train-*.parquet")
    gold = list(iter_dialogues("table", root=tmp_path / "log", split="train"))
    assert all(turn.intent or turn.defect for dialogue in gold for turn in dialogue.labels.turns)
    write_parquet([replace(dialogue, labels=Labels(), ratings=(), truth=None) for dialogue in gold], file)
    bare = command(*arguments, "data.root=bare", "paths.output_dir=none")
    assert bare.code == 0, bare.printed
    models = [run.directory / "model" for run in (found, bare)]
    names = {path.name for path in models[0].iterdir() if path.is_file()} - {"README.md"}  # that tells of test figures
    assert {"model.safetensors", "config.json"} <= names
    for name in sorted(names):
        one, other = ((model / name).read_bytes() for model in models)
        assert one == other, name


def test_pretraining_on_annotation_is_refused_in_a_run_on_feedback(command, world):
    found = command("experiment=simulated_feedback", "pretraining=annotated", f"data.simulate.world={world}",
                    "paths.output_dir=run")  # fmt: skip
    assert found.code == 2, found.printed
    assert "same_acts=1.0 reads annotated dialogue acts, and supervision=feedback promises" in found.printed
    assert not (found.directory / "config.yaml").exists()  # nothing was begun
