"""The page of results from run directories."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from selflearn.evaluation import RunDirectoryError, results_page, write_headline, write_results_page

COMMAND = "python -m experiments.train experiment=sgd_quick"


def make_run(directory: Path, *, seed: int = 1, accuracy: float = 0.9, layers: int = 2, command: str = COMMAND) -> Path:
    directory.mkdir(parents=True)
    metrics = {
        "test/intent/accuracy": accuracy,
        "count/intent_items": 40,
        "time/fit_seconds": 61.0,
        "time/total_seconds": 9.0,
    }
    (directory / "metrics.json").write_text(json.dumps(metrics))
    (directory / "config.yaml").write_text(
        f"seed: {seed}\nmodel:\n  layers: {layers}\ndata:\n  seed: {seed}\npaths:\n  output: {directory.name}\n"
    )
    versions = {"command": f"{command} seed={seed}", "python": "3.11.7", "torch": "2.13.0", "seconds": 754.2}
    (directory / "versions.json").write_text(json.dumps(versions))
    return directory


def test_a_run_has_its_command_time_versions_and_table(tmp_path: Path):
    page = results_page([make_run(tmp_path / "run")])
    assert "## sgd_quick\n" in page
    assert f"{COMMAND} seed=1  # 1 min 01 s" in page
    assert "python 3.11.7, torch 2.13.0." in page
    assert "| intent/accuracy ↑ | 40 | .900 |" in page


def test_what_was_trained_on_another_machine_says_so(tmp_path: Path):
    run = make_run(tmp_path / "run")
    said = json.loads((run / "versions.json").read_text()) | {"elsewhere": {"model": "a GPU, torch 2.11.0"}}
    (run / "versions.json").write_text(json.dumps(said))
    assert "python 3.11.7, torch 2.13.0. Trained elsewhere: model: a GPU, torch 2.11.0." in results_page([run])


def test_whether_a_bar_was_shown_is_not_said(tmp_path: Path):
    page = results_page([make_run(tmp_path / "run", command=f"{COMMAND} trainer.progress=false paths.runs=here")])
    assert "## sgd_quick\n" in page
    assert "trainer.progress" not in page


def test_what_later_commands_left_and_what_is_not_reached_is_on_the_page(tmp_path: Path):
    run = make_run(tmp_path / "run")
    (run / "page.loop.md").write_text("### A loop\n")
    page = results_page([run], notes="## Not reached\n")
    assert page.index("intent/accuracy") < page.index("### A loop") < page.index("## Not reached")


def test_seeds_are_one_section_and_another_setting_is_another(tmp_path: Path):
    runs = [make_run(tmp_path / f"run{seed}", seed=seed, accuracy=0.8 + seed / 100) for seed in (1, 2, 3)]
    runs.append(make_run(tmp_path / "deeper", layers=4, command=f"{COMMAND} model.layers=4"))
    page = results_page(runs)
    assert page.count("\n## ") == 2
    assert "## sgd_quick, model.layers=4\n" in page
    assert "| intent/accuracy ↑ | 40 | .820 (.810 to .830) |" in page
    assert all(f"seed={seed}  #" in page for seed in (1, 2, 3))
    assert page.count("torch 2.13.0") == 2  # equal machines of one section are named once


def test_time_is_the_sum_of_the_stages_and_that_of_the_last_call_where_they_are_not_known(tmp_path: Path):
    run = make_run(tmp_path / "run")
    assert f"{COMMAND} seed=1  # 1 min 01 s" in results_page([run])  # a run that was resumed took longer than its end
    (run / "metrics.json").write_text("{}")
    assert f"{COMMAND} seed=1  # 12 min 34 s" in results_page([run])
    (run / "versions.json").write_text(json.dumps({"command": COMMAND}))
    with pytest.raises(RunDirectoryError, match=r"versions\.json: no 'seconds', and metrics\.json has no time"):
        results_page([run])


@pytest.mark.parametrize("name", ["metrics.json", "config.yaml", "versions.json"])
@pytest.mark.parametrize(("text", "problem"), [(None, "no such file"), ("{", "cannot be read"), ("[]", "holds list")])
def test_a_faulty_file_is_named(name: str, text: str | None, problem: str, tmp_path: Path):
    run = make_run(tmp_path / "run")
    (run / name).unlink()
    if text is not None:
        (run / name).write_text(text)
    with pytest.raises(RunDirectoryError, match=rf"run/{name}: {problem}.*; expected") as caught:
        results_page([run])
    assert caught.value.file == run / name
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_missing_directories_and_keys_are_named(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match="nowhere: no such directory; expected the directory of a run"):
        results_page([tmp_path / "nowhere"])
    with pytest.raises(ValueError, match="no run directory was given"):
        results_page([])
    run = make_run(tmp_path / "run")
    (run / "versions.json").write_text('{"python": "3.11"}')
    with pytest.raises(RunDirectoryError, match=r"versions\.json: no 'command' \(it has python\)"):
        results_page([run])
    (run / "metrics.json").write_text('{"test/intent/accuracy": "high"}')
    with pytest.raises(RunDirectoryError, match=r"metrics\.json: 'test/intent/accuracy' is 'high'; expected a number"):
        results_page([run])


def test_the_page_is_left_as_it_was_where_a_run_is_at_fault(tmp_path: Path):
    page = tmp_path / "docs" / "results.md"
    write_results_page([make_run(tmp_path / "run")], page)
    before = page.read_text(encoding="utf-8")
    assert before.startswith("# Results\n")
    with pytest.raises(RunDirectoryError):
        write_results_page([tmp_path / "nowhere"], page)
    assert page.read_text(encoding="utf-8") == before


def test_the_headline_of_a_run_stands_between_the_marks_and_nothing_else_changes(tmp_path: Path):
    run, file = make_run(tmp_path / "run", command=f"{COMMAND} paths.runs=/somewhere"), tmp_path / "README.md"
    file.write_text("before\n<!-- results -->\nyesterday\n<!-- /results -->\nafter\n")
    write_headline(run, file, [("intent", "accuracy")])
    text = file.read_text()
    assert text.startswith("before\n<!-- results -->\n")
    assert text.endswith("<!-- /results -->\nafter\n")
    assert "yesterday" not in text
    assert "| intent/accuracy" in text
    assert "/somewhere" not in text  # a place of one machine says nothing to a reader
    write_headline(run, file, [("intent", "accuracy")])
    assert file.read_text() == text


@pytest.mark.parametrize(("content", "row"), [("no marks", "accuracy"), ("<!-- results --><!-- /results -->", "never")])
def test_a_headline_without_a_place_or_a_row_is_refused_and_the_file_left_alone(tmp_path: Path, content: str, row: str):
    run, file = make_run(tmp_path / "run"), tmp_path / "README.md"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"expected the marks|none of the rows"):
        write_headline(run, file, [("intent", row)])
    assert file.read_text() == content
