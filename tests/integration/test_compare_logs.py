"""Whole runs of ``python -m experiments.compare_logs``."""

import json
import re

import pytest

from experiments import compare_logs


@pytest.fixture
def run(command, corpora):
    simulated = (f"data.simulate.world={corpora}/world", "data.simulate.dialogues=40", "data.simulate.workers=1")

    def call(*arguments):
        settings = (*simulated, "data.root=log", "trainer.progress=false", "paths.output_dir=out", *arguments)
        return command(*settings, program=compare_logs.main, shared=())

    return call


def test_a_simulated_log_stands_beside_real_ones(run):
    found = run()
    assert found.code == 0, found.printed
    table = (found.directory / "logs.md").read_text()
    assert table.strip() in found.printed
    figures = json.loads((found.directory / "logs.json").read_text())
    assert figures["sgd/dialogues"] == 20
    assert figures["star/dialogues"] == 49
    assert "star/all: 1 " in found.printed  # dialogues that the reader leaves out are told
    assert figures["star/gaps/0.5"] > 0
    assert "sgd/gaps/0.5" not in figures  # SGD has no times
    assert any(name.endswith("world/defects") for name in figures)
    assert (found.directory / "logs.svg").read_text().startswith("<svg")
    page = (found.directory / "page.md").read_text()
    assert page.startswith(
        "## Simulated and real logs beside each other\n\n```bash\npython -m experiments.compare_logs "
    )
    assert "paths.output_dir" not in page
    assert table.strip() in page
    assert page.endswith("](logs.svg)\n")
    (agreement,) = (line for line in page.splitlines() if line.startswith("| defect | "))
    assert re.fullmatch(r"\| defect \| \d+ \| [\d.]+% \| -?\d\.\d{3} \|", agreement)
    assert agreement in found.printed


def test_any_logs_can_be_compared(run, corpora):
    found = run(f"logs=[{{name:mine,corpus:table,root:{corpora}/table,split:train,limit:7}}]")
    assert found.code == 0, found.printed
    assert json.loads((found.directory / "logs.json").read_text())["mine/dialogues"] == 7
    assert not (found.directory.parent / "log").exists()  # nothing is simulated that nobody asked for


@pytest.mark.parametrize(
    ("logs", "message"),
    [
        ("[{name:mine,corpus:table,root:here}]", "has no 'split'; expected name, corpus, root, split"),
        ("[{name:a,corpus:sgd,root:{}/sgd,split:dev},{name:a,corpus:sgd,root:{}/sgd,split:dev}]", "are called 'a'"),
        ("[{name:a,corpus:sgd,root:nowhere,split:dev}]", "nowhere does not exist"),
    ],
)
def test_a_users_fault_is_said_in_a_line(run, corpora, logs, message):
    found = run(f"logs={logs.replace('{}', str(corpora))}")
    assert found.code == 2, found.printed
    assert message in found.printed
