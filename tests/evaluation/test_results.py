"""The table of results."""

from __future__ import annotations

import io

import pandas as pd
from rich.console import Console

from selflearn.evaluation import Results, evaluate, results_markdown, results_table, systems_table
from selflearn.evaluation.results import legend

METRICS = {
    "test/segmentation/boundary_f1": 0.9675,
    "test/segmentation/boundary_f1/low": 0.961,
    "test/segmentation/boundary_f1/high": 0.971,
    "test/segmentation/pk": 0.02,
    "test/success/auc@within_question": 1.0,
    "test/success/auc@no_notify": 0.7,
    "baseline/tfidf/test/segmentation/boundary_f1": 0.9,
    "baseline/tfidf/test/segmentation/pk": 0.05,
    "delta/tfidf/segmentation/boundary_f1": 0.0675,
    "delta/tfidf/segmentation/boundary_f1/low": 0.05,
    "delta/tfidf/segmentation/boundary_f1/high": 0.08,
    "delta/tfidf/segmentation/pk": 0.03,
    "delta/tfidf/segmentation/pk/low": 0.01,
    "delta/tfidf/segmentation/pk/high": 0.04,
    "count/segmentation_items": 21881.0,
    "count/success_items": 2483.0,
    "count/success_items@no_notify": 12.0,
    "time/pretrain_seconds": 12.0,
}


def test_markdown_has_values_intervals_differences_and_which_way_is_better():
    assert results_markdown(Results.from_metrics(METRICS)).splitlines() == [
        "| metric | n | model | tfidf |",
        "| --- | --- | --- | --- |",
        "| segmentation/boundary_f1 ↑ | 21,881 | .968 [.961, .971] | .900<br>**Δ +.068 [+.050, +.080]** |",
        "| segmentation/pk ↓ | 21,881 | .020 | .050<br>*Δ +.030 [+.010, +.040]* |",
        "| success/auc@within_question ↑ | 2,483 | 1.000 | - |",
        "| success/auc@no_notify ↑ | 12 | .700 | - |",
    ]


def test_below_a_mean_over_seeds_stands_the_range_over_them_and_above_it_the_interval_of_the_mean():
    metrics = {
        "test/a/b": 0.6, "test/a/b/low": 0.55, "test/a/b/high": 0.65, "test/a/b/least": 0.5, "test/a/b/most": 0.7,
        "baseline/x/test/a/b": 0.75, "baseline/x/test/a/b/least": 0.75, "baseline/x/test/a/b/most": 0.7501,
        "delta/x/a/b": -0.15, "delta/x/a/b/low": -0.2, "delta/x/a/b/high": -0.1,
        "count/a_items": 10.0, "count/seeds": 3.0, "count/people": 4.0,
    }  # fmt: skip
    results = Results.from_metrics(metrics)
    line = results_markdown(results).splitlines()[-1]
    assert line == "| a/b | 10 | .600 [.550, .650]<br>(.500 to .700) | .750<br>Δ -.150 [-.200, -.100] |"
    said = "mean of 3 seeds [95% bootstrap over 4 people], and below it the range over them where they differ"
    assert legend(results)[0].startswith(said)
    console = Console(file=io.StringIO(), width=140, color_system=None)
    console.print(results_table(results))
    assert "mean of 3 seeds [95% bootstrap over 4 people]" in " ".join(console.file.getvalue().split())


def test_the_terminal_shows_every_row_and_number():
    console = Console(file=io.StringIO(), width=140, color_system=None)
    console.print(results_table(Results.from_metrics(METRICS), title="sgd [quick]"))
    shown = console.file.getvalue()
    for text in (
        "segmentation",
        "boundary_f1 ↑",
        ".968 [.961, .971]",
        ".900 ▲",
        "pk ↓",
        "tfidf",
    ):
        assert text in shown


def test_what_stands_in_brackets_is_shown_in_both_tables_of_a_terminal():
    """Names of runs are settings: tasks.names=[intent,slots]."""
    name = "names=[intent,slots]"
    metrics = {"test/intent/accuracy": 0.9, f"baseline/{name}/test/intent/accuracy": 0.8}
    for table in (results_table, systems_table):
        console = Console(file=io.StringIO(), width=140, color_system=None)
        console.print(table(Results.from_metrics(metrics), title="sgd, data.domains=[music]"))
        assert name in console.file.getvalue()
        assert "data.domains=[music]" in " ".join(console.file.getvalue().split())


def test_every_metric_of_an_evaluation_has_a_row(systems: dict[str, dict[str, pd.DataFrame]], dialogue_ids: list[str]):
    found = evaluate(systems, dialogue_ids=dialogue_ids, model="ours", resamples=5)
    results = Results.from_metrics(found)
    assert list(results.systems) == ["model", "no_context", "majority"]
    keys = {
        key.removeprefix("test/") for key in found if key.startswith("test/") and not key.endswith(("/low", "/high"))
    }
    assert {"/".join(row) for row in results.rows()} == keys
    for line in results_markdown(results).splitlines()[2:]:
        assert line.split("|")[2].strip() != ""  # how many items each row rests on


def test_no_results():
    assert results_markdown(Results.from_metrics({})).splitlines() == ["| metric | n | model |", "| --- | --- | --- |"]
