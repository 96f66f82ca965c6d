from __future__ import annotations

import json
import sys

import pytest

from experiments.results import main


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs the program in a folder of its own; gives its exit code and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["results", *arguments])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        return code, " ".join(capsys.readouterr().err.split())

    return run


def write_run(directory, *, accuracy=0.9, corpus="sgd", command="python -m experiments.train experiment=sgd", files=3):
    directory.mkdir(parents=True)
    contents = {
        "config.yaml": f"seed: 1\ndata:\n  corpus: {corpus}\n",
        "versions.json": json.dumps({"command": command, "seconds": 61.0, "torch": "2.13.0"}),
        "metrics.json": json.dumps({"test/intent/accuracy": accuracy, "count/intent_items": 40}),
    }
    for name in list(contents)[:files]:
        (directory / name).write_text(contents[name], "utf-8")


def test_every_finished_run_is_on_the_page_beside_its_command(command, tmp_path):
    write_run(tmp_path / "runs" / "sgd" / "seed_1")
    write_run(
        tmp_path / "runs" / "snips" / "seed_1",
        accuracy=0.75,
        corpus="snips",
        command="python -m experiments.train experiment=snips",
    )
    write_run(tmp_path / "runs" / "star" / "seed_1", files=2)  # not finished: no metrics.json
    write_run(tmp_path / "runs" / "debug", command="python -m experiments.train debug=fast", accuracy=0.111)
    code, said = command()
    page = (tmp_path / "docs" / "results.md").read_text("utf-8")
    assert (code, "2 runs are on docs/results.md" in said, "1 runs of debug=... left out" in said) == (0, True, True)
    assert "python -m experiments.train experiment=sgd  # 1 min 01 s" in page
    assert "| intent/accuracy ↑ | 40 | .900 |" in page
    assert "| intent/accuracy ↑ | 40 | .750 |" in page
    assert ".111" not in page


def test_a_run_that_is_still_labelling_does_not_keep_the_others_from_the_page(command, tmp_path):
    write_run(tmp_path / "runs" / "sgd" / "seed_1")
    write_run(tmp_path / "runs" / "star" / "seed_1")
    (tmp_path / "runs" / "star" / "seed_1" / "versions.json").unlink()
    code, said = command()
    assert (code, "1 runs are on docs/results.md" in said) == (0, True)


def test_runs_can_be_named(command, tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", command="python -m experiments.train debug=fast", accuracy=0.111)
    code, _ = command("runs=[b]", "output=page.md")
    assert code == 0
    assert ".111" in (tmp_path / "page.md").read_text("utf-8")


def test_a_page_is_brought_up_to_date_and_what_stayed_is_said(command, tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", command="python -m experiments.train experiment=star", corpus="star", accuracy=0.8)
    (tmp_path / "note.md").write_text("## Promises\n\n.700\n", "utf-8")
    command("runs=[a]", "notes=[note.md]")
    code, said = command("runs=[b]")
    assert (code, "1 runs are on docs/results.md as they were: sgd; Promises" in said) == (0, True)
    assert all(figure in (tmp_path / "docs" / "results.md").read_text("utf-8") for figure in (".900", ".800", ".700"))
    code, said = command("runs=[]", "notes=[note.md]", "headline.file=README.md")
    assert (code, "headline.file is of the first run, and runs is empty" in said) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (),
            "a finished run has metrics.json and versions.json. Run `python -m experiments.train`, or say where",
        ),
        (("paths.runs=half",), "no finished run below"),
        (("paths.runs=debug",), "were made with debug=..., which cuts them short"),
        (("runs=[half]",), "half/metrics.json: no such file; expected a finished run, which has it"),
        (("runs=[absent]",), "absent: no such directory; expected the directory of a run"),
        (("runs=[]",), "no run directory was given"),
        (("run=[half]",), "unknown key 'run'; nearest: 'runs'"),
    ],
)
def test_without_a_run_nothing_is_written_and_it_is_said(command, tmp_path, arguments, message):
    write_run(tmp_path / "half", files=2)
    write_run(tmp_path / "debug" / "a", command="python -m experiments.train debug=fast")
    code, said = command(*arguments)
    assert code == 2
    assert message in said
    assert not (tmp_path / "docs").exists()


def test_one_run_is_a_list_of_one(command, tmp_path):
    write_run(tmp_path / "a")
    assert command("runs=a") == (2, "runs is 'a'; expected a list: runs=[a]")
    assert command("runs=[a]", "notes=b.md") == (2, "notes is 'b.md'; expected a list: notes=[b.md]")
    assert command("runs=[2024]") == (2, "runs has 2024; expected texts: runs=['2024']")
