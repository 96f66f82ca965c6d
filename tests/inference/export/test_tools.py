"""Exports read by the tools themselves: the code that imports them there is the last word on their formats."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from selflearn.inference.export import Acceptance, export_dialogues
from tests.fixtures.labelled import home_labelled

pytestmark = pytest.mark.slow

LABEL_STUDIO = "label-studio-sdk==2.1.2"
"""Wants a numpy that ours is too new for, by way of opencv: it has an environment of its own."""

CHECK_LABEL_STUDIO = """
import json, sys
from pathlib import Path
from label_studio_sdk.label_interface import LabelInterface
folder = Path(sys.argv[1])
interface = LabelInterface((folder / "config.xml").read_text("utf-8"))
interface.validate()
tasks = json.loads((folder / "tasks.json").read_text("utf-8"))
found = [error for task in tasks for one in task["predictions"]
         for error in interface.validate_prediction(one, return_errors=True)]
print(json.dumps({"tasks": len(tasks), "errors": found}))
"""

CHECK_ARGILLA = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock
from argilla import Argilla, Record, Settings
from argilla._models import DatasetModel
folder = Path(sys.argv[1])
Argilla._set_default(MagicMock())  # there is no server, and none is asked
settings = Settings.from_json(folder / ".argilla" / "settings.json")
settings.validate()
DatasetModel(**json.loads((folder / ".argilla" / "dataset.json").read_text("utf-8")))
dataset = SimpleNamespace(name="selflearn", settings=settings)
records = [Record.from_dict(one, dataset) for one in json.loads((folder / "records.json").read_text("utf-8"))]
for part in (*settings.fields, *settings.questions, *settings.metadata):
    part.api_model()
print(json.dumps([len(record.api_model().suggestions) for record in records]))
"""


@pytest.fixture(scope="module")
def label_studio(tmp_path_factory):
    """A Python that has the SDK of Label Studio."""
    folder = tmp_path_factory.mktemp("label_studio")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = subprocess.run([python, "-m", "pip", "install", "-q", LABEL_STUDIO], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"{LABEL_STUDIO} cannot be installed here: {done.stderr[-300:]}")
    return python


def checked(python: Path | str, check: str, folder: Path) -> Any:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([python, "-c", check, folder], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_argilla_takes_settings_and_records_and_refuses_a_question_that_it_does_not_know(tmp_path):
    if importlib.util.find_spec("argilla") is None:
        pytest.skip("argilla is not installed: pip install argilla")
    export_dialogues(home_labelled(8), tmp_path, to="argilla", model="abc")
    records = json.loads((tmp_path / "records.json").read_text("utf-8"))
    assert checked(sys.executable, CHECK_ARGILLA, tmp_path) == [len(record["suggestions"]) for record in records]
    records[0]["suggestions"]["mood"] = {"value": "calm", "score": 0.5, "agent": "selflearn"}
    (tmp_path / "records.json").write_text(json.dumps(records), "utf-8")
    with pytest.raises(AssertionError, match="mood"):
        checked(sys.executable, CHECK_ARGILLA, tmp_path)


def test_label_studio_finds_no_fault_in_tasks_and_one_where_there_is_one(label_studio, tmp_path):
    accept = {"intent": Acceptance(threshold=0.3)}
    export_dialogues(home_labelled(8), tmp_path, to="label_studio", model="abc", accept=accept)
    assert checked(label_studio, CHECK_LABEL_STUDIO, tmp_path) == {"tasks": 8, "errors": []}
    tasks = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    tasks[0]["predictions"][0]["result"][0]["from_name"] = "mood"
    (tmp_path / "tasks.json").write_text(json.dumps(tasks), "utf-8")
    assert "mood" in " ".join(checked(label_studio, CHECK_LABEL_STUDIO, tmp_path)["errors"])
