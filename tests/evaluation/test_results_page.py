"""The page of results from run directories."""

from __future__ import annotations

import json
import pickle
import re
from itertools import groupby
from pathlib import Path

import pandas as pd
import pytest

from selflearn.evaluation import RunDirectoryError, results_page, write_headline, write_predictions, write_results_page
from selflearn.evaluation.runs import Run

COMMAND = "python -m experiments.train experiment=sgd_quick"


def make_run(directory: Path, *, seed: int = 1, accuracy: float = 0.9, layers: int = 2, command: str = COMMAND) -> Path:
    """A finished run on 100 dialogues with a turn each, of which the first ones have the right intent."""
    directory.mkdir(parents=True)
    metrics = {
        "test/intent/accuracy": accuracy,
        "count/intent_items": 40,
        "time/fit_seconds": 61.0,
        "time/total_seconds": 9.0,
    }
    (directory / "metrics.json").write_text(json.dumps(metrics))
    (directory / "config.yaml").write_text(
        f"seed: {seed}\nmodel:\n  layers: {layers}\ndata:\n  limit: null\npaths:\n  output: {directory.name}\n"
    )
    names = [f"d{i}" for i in range(100)]
    said = ["x" if i < round(100 * accuracy) else "z" for i in range(100)]
    items = pd.DataFrame({"dialogue_id": names, "turn": 0, "gold": "x", "prediction": said})
    write_predictions(directory / "predictions", {"model": {"intent": items}}, dialogue_ids=names)
    versions = {"command": f"{command} seed={seed}", "python": "3.11.7", "torch": "2.13.0", "seconds": 754.2}
    (directory / "versions.json").write_text(json.dumps(versions))
    return directory


def make_note(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def titles(page: Path) -> list[str]:
    return [line.removeprefix("## ") for line in page.read_text(encoding="utf-8").splitlines() if line[:3] == "## "]


def test_a_run_has_its_command_time_versions_and_table(tmp_path: Path):
    page = results_page([make_run(tmp_path / "run")])
    assert "## sgd_quick\n" in page
    assert f"{COMMAND} seed=1  # 1 min 01 s" in page
    assert "python 3.11.7, torch 2.13.0." in page
    assert "| intent/accuracy ↑ | 40 | .900 |" in page


def test_rows_beside_the_main_ones_are_folded_away_and_none_is_lost(tmp_path: Path):
    run = make_run(tmp_path / "run")
    metrics = json.loads((run / "metrics.json").read_text())
    metrics |= {"test/intent/accuracy@seen": 0.95, "test/slots/f1": 0.8}
    (run / "metrics.json").write_text(json.dumps(metrics))
    shown, folded = results_page([run], main=[("slots", "f1"), ("intent", "accuracy")]).split('<details markdown="1">')
    assert shown.index("| slots/f1 ↑ |  | .800 |") < shown.index("| intent/accuracy ↑ | 40 | .900 |")
    assert "<summary>1 more rows" in folded
    assert "\n\n| metric | n | model |\n" in folded  # without an empty line before it, it is no table
    assert "| intent/accuracy@seen ↑ |  | .950 |" in folded
    assert "accuracy@seen" not in shown
    shown, folded = results_page([run], main=[("slots", "f1")]).split('<details markdown="1">')
    assert shown.index("| slots/f1 ↑") < shown.index("| intent/accuracy ↑ |")  # of a task that main does not speak of
    assert "| intent/accuracy@seen ↑ |" in folded
    everything = results_page([run], main=[("success", "auc")])  # it has none of them
    assert "<details" not in everything
    assert "| intent/accuracy@seen ↑ |" in everything


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
    note = make_note(tmp_path / "not_reached.md", "## Not reached\n")
    page = results_page([run], notes=[note])
    assert page.index("intent/accuracy") < page.index("### A loop") < page.index("## Not reached")


def test_seeds_are_one_section_and_another_setting_is_another(tmp_path: Path):
    runs = [make_run(tmp_path / f"run{seed}", seed=seed, accuracy=0.8 + seed / 100) for seed in (1, 2, 3)]
    runs.append(make_run(tmp_path / "deeper", layers=4, command=f"{COMMAND} model.layers=4"))
    page = results_page(runs)
    assert page.count("\n## ") == 2
    assert "## sgd_quick, model.layers=4\n" in page
    assert re.search(r"\| intent/accuracy ↑ \| 100 \| \.820 \[\.\d+, \.\d+\]<br>\(\.810 to \.830\) \|", page)
    assert "mean of 3 seeds [95% bootstrap over dialogues]" in page
    assert all(f"seed={seed}  #" in page for seed in (1, 2, 3))
    assert page.count("torch 2.13.0") == 2  # equal machines of one section are named once


def test_seeds_that_read_one_corpus_at_two_places_are_one_section(tmp_path: Path):
    runs = [make_run(tmp_path / f"run{seed}", seed=seed) for seed in (1, 2, 3)]
    for run, read in zip(runs, ("same", "same", "other"), strict=True):
        config = (run / "config.yaml").read_text().replace("limit: null", f"root: /{run.name}")
        (run / "config.yaml").write_text(config)
        (run / "data.json").write_text(json.dumps({"train": read}))
    assert [len(list(same)) for _, same in groupby(runs, lambda run: Run.read(run).experiment())] == [2, 1]


def test_what_later_commands_left_with_several_seeds_is_shown_of_the_first(tmp_path: Path):
    runs = [make_run(tmp_path / f"run{seed}", seed=seed) for seed in (1, 2)]
    for run in runs:
        (run / "page.loop.md").write_text(f"### A loop of {run.name}\n")
    page = results_page(runs)
    assert "What follows is of the first of them.\n\n### A loop of run1\n" in page
    assert "run2" not in page


def test_a_seed_that_is_there_twice_is_refused_as_it_would_count_twice(tmp_path: Path):
    first, second = make_run(tmp_path / "run1"), make_run(tmp_path / "run2", accuracy=0.5)
    with pytest.raises(ValueError, match=r"run1 and .*run2 are of one experiment and the same seed; .*runs=\[DIR"):
        results_page([first, second])


def test_seeds_on_different_dialogues_are_refused(tmp_path: Path):
    first, second = make_run(tmp_path / "run1"), make_run(tmp_path / "run2", seed=2)
    write_predictions(second / "predictions", {}, dialogue_ids=["d0"])
    with pytest.raises(ValueError, match=r"were evaluated on different dialogues \(100 and 1\)"):
        results_page([first, second])


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


def test_what_is_given_replaces_the_section_of_its_title_and_all_else_stays(tmp_path: Path):
    page = tmp_path / "docs" / "results.md"
    runs = [
        make_run(tmp_path / "a", accuracy=0.11),
        make_run(tmp_path / "b", accuracy=0.22, layers=4, command=f"{COMMAND} model.layers=4"),
        make_run(tmp_path / "c", accuracy=0.33, layers=8, command=f"{COMMAND} model.layers=8"),
    ]
    fields = make_note(tmp_path / "fields.md", "## Fields\n\n```bash\n## no title\n```\n\n.44\n")
    last = make_note(tmp_path / "last.md", "## Not reached, or not measured\n\nmuch\n")
    assert write_results_page(runs, page, notes=[fields, last]) == []
    first = page.read_text(encoding="utf-8")
    write_results_page(runs, page, notes=[fields, last])
    assert page.read_text(encoding="utf-8") == first

    again = make_run(tmp_path / "again", accuracy=0.55, layers=5, command=f"{COMMAND} model.layers=4")
    new = make_run(tmp_path / "new", accuracy=0.66, layers=9, command=f"{COMMAND} model.layers=9")
    more = make_note(tmp_path / "more.md", "## Logs\n\n.77\n")
    stayed = write_results_page([new, again], page, notes=[more])
    names = [f"sgd_quick{told}" for told in ("", ", model.layers=4", ", model.layers=8", ", model.layers=9")]
    assert titles(page) == [*names, "Fields", "no title", "Logs", "Not reached, or not measured"]
    assert stayed == [names[0], names[2], "Fields", "Not reached, or not measured"]
    text = page.read_text(encoding="utf-8")
    assert [number in text for number in (".110", ".220", ".330", ".44", ".550", ".660", ".77")] == [
        True, False, True, True, True, True, True,
    ]  # fmt: skip
    for section in first.replace("<!-- notes -->\n", "").split("\n## ")[1:]:
        if not section.startswith(names[1]):
            assert section.strip() in text

    write_results_page([], page, notes=[make_note(tmp_path / "fields.md", "## Fields\n\n.88\n")])
    assert (".44" in page.read_text(encoding="utf-8"), ".88" in page.read_text(encoding="utf-8")) == (False, True)
    page.unlink()
    write_results_page([new], page)
    assert titles(page) == [names[3]]


def test_of_several_experiments_with_one_title_all_are_kept_and_all_are_replaced(tmp_path: Path):
    page = tmp_path / "results.md"
    write_results_page([make_run(tmp_path / f"a{i}", accuracy=i / 10, layers=i) for i in (1, 2)], page)
    assert titles(page) == ["sgd_quick", "sgd_quick"]
    write_results_page([make_run(tmp_path / "b", accuracy=0.3, layers=3)], page)
    assert titles(page) == ["sgd_quick"]
    assert ".300" in page.read_text(encoding="utf-8")


def test_images_of_notes_are_copied_beside_the_page(tmp_path: Path):
    page = tmp_path / "docs" / "results.md"
    note = make_note(tmp_path / "runs" / "page.md", "## Logs\n\n![Curves (six)](logs.svg)\n")
    with pytest.raises(ValueError, match=r"the section 'Logs' shows .*runs/logs\.svg, which is not there"):
        write_results_page([], page, notes=[note])
    assert not page.exists()
    (tmp_path / "runs" / "logs.svg").write_text("<svg>")
    write_results_page([], page, notes=[note])
    assert "![Curves (six)](images/logs.svg)" in page.read_text(encoding="utf-8")
    assert (tmp_path / "docs" / "images" / "logs.svg").read_text() == "<svg>"
    write_results_page([make_run(tmp_path / "run")], page)  # a section that stays has its images already
    assert "![Curves (six)](images/logs.svg)" in page.read_text(encoding="utf-8")


def test_no_image_takes_the_place_of_that_of_another_section(tmp_path: Path):
    notes = []
    for name in ("home", "car"):
        notes.append(make_note(tmp_path / name / "page.md", f"## Of the {name}\n\n![Curves](logs.svg)\n"))
        (tmp_path / name / "logs.svg").write_text(f"<svg>{name}")
    page, image = tmp_path / "docs" / "results.md", tmp_path / "docs" / "images" / "logs.svg"
    with pytest.raises(ValueError, match=r"'Of the home' and 'Of the car' show two images of one name, logs\.svg"):
        write_results_page([], page, notes=notes)
    write_results_page([], page, notes=notes[:1])
    with pytest.raises(ValueError, match=r"'Of the home' and 'Of the car' show two images of one name, logs\.svg"):
        write_results_page([], page, notes=notes[1:])
    assert image.read_text() == "<svg>home"
    (tmp_path / "home" / "logs.svg").write_text("<svg>anew")
    write_results_page([], page, notes=notes[:1])  # a section may have another image than before
    assert image.read_text() == "<svg>anew"
    (tmp_path / "car" / "logs.svg").write_text("<svg>anew")
    write_results_page([], page, notes=notes)  # one image twice is no harm
    assert "## Of the car" in page.read_text(encoding="utf-8")


def test_another_page_and_notes_without_sections_are_refused_and_left_alone(tmp_path: Path):
    run, page = make_run(tmp_path / "run"), make_note(tmp_path / "page.md", "# Results\n\nmine\n")
    with pytest.raises(ValueError, match=r"page\.md begins with '# Results'; expected a page of results"):
        write_results_page([run], page)
    assert page.read_text() == "# Results\n\nmine\n"
    for text in ("", "before\n\n## A\n"):
        with pytest.raises(ValueError, match=r"note\.md begins with '.*'; expected Markdown in sections"):
            write_results_page([run], tmp_path / "new.md", notes=[make_note(tmp_path / "note.md", text)])
    assert not (tmp_path / "new.md").exists()


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


def test_a_headline_shows_the_systems_that_are_asked_for_and_refuses_others(tmp_path: Path):
    run, file = make_run(tmp_path / "run"), tmp_path / "README.md"
    file.write_text("<!-- results -->\n<!-- /results -->")
    write_headline(run, file, [("intent", "accuracy")], systems=[])
    assert "| metric | n | model |\n" in file.read_text()
    with pytest.raises(ValueError, match=r"run: no system 'nobody'; it has model"):
        write_headline(run, file, [("intent", "accuracy")], systems=["nobody"])


@pytest.mark.parametrize(("content", "row"), [("no marks", "accuracy"), ("<!-- results --><!-- /results -->", "never")])
def test_a_headline_without_a_place_or_a_row_is_refused_and_the_file_left_alone(tmp_path: Path, content: str, row: str):
    run, file = make_run(tmp_path / "run"), tmp_path / "README.md"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"expected the marks|none of the rows"):
        write_headline(run, file, [("intent", row)])
    assert file.read_text() == content
