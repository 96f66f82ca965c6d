from __future__ import annotations

import json

import pandas as pd
import pytest
from datasets import Dataset, load_from_disk

from selflearn.corpora import CorpusError
from selflearn.corpora.table import write_jsonl
from selflearn.inference import label_file
from selflearn.inference.export import ExportError, Masker, export_dialogues, export_labelled, labelled_dialogues
from selflearn.inference.export.files import WRITERS
from tests.fixtures.labelled import home_labelled


@pytest.fixture
def labelled(labeler, dialogues, tmp_path):
    """The output of a labelling, and its goal records."""
    write_jsonl(dialogues, tmp_path / "logs.jsonl")
    report = label_file(labeler, tmp_path / "logs.jsonl", tmp_path / "labelled", shard_size=5, cache_dir=tmp_path / "c")
    return report.dialogues.parent


@pytest.fixture
def export(labelled, tmp_path):
    def run(**more):
        settings = {"to": "jsonl", "cache_dir": tmp_path / "cache"} | more
        return export_labelled(settings.pop("folder", labelled), settings.pop("output", tmp_path / "out"), **settings)

    return run


def test_what_was_labelled_is_exported_with_the_model_that_did_it(export, labelled, labeler, dialogues, tmp_path):
    report = export()
    rows = pd.read_json(report.files[0], lines=True)
    assert list(dict.fromkeys(rows["dialogue_id"])) == [dialogue.id for dialogue in dialogues]
    assert set(rows["model"].dropna()) == {labeler.fingerprint}
    assert set(rows["source"].dropna()) == {"model"}
    goals = pd.read_parquet(labelled / "goals.parquet")
    found = rows[rows["task"] == "segmentation"]
    assert list(found["first_turn"]) == list(goals["start"])
    assert list(found["last_turn"] + 1) == list(goals["end"])


@pytest.mark.parametrize("to", WRITERS)
def test_every_format_tells_its_progress_and_names_its_files(tmp_path, to):
    seen = []
    report = export_dialogues(home_labelled(3), tmp_path / to, to=to, progress=lambda *done: seen.append(done))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert all(path.exists() for path in report.files)
    written = {path for path in (tmp_path / to).rglob("*") if path.is_file()}
    assert all(any(path == file or file in path.parents for file in report.files) for path in written)


@pytest.mark.parametrize("to", WRITERS)
def test_files_that_are_there_are_not_overwritten(tmp_path, to):
    first = export_dialogues(home_labelled(2), tmp_path, to=to).files[0]
    before = first.read_bytes() if first.is_file() else sorted(first.iterdir())
    with pytest.raises(ExportError, match="is there already; give another output, or remove it"):
        export_dialogues(home_labelled(3), tmp_path, to=to)
    assert before == (first.read_bytes() if first.is_file() else sorted(first.iterdir()))


@pytest.mark.parametrize("to", WRITERS)
def test_an_export_that_stops_leaves_no_half_file(tmp_path, to):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_dialogues(home_labelled(3), tmp_path, to=to, progress=stop)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_of_datasets_that_is_half_written_does_not_appear(tmp_path, monkeypatch):
    save = Dataset.save_to_disk

    def stop(rows, folder):
        save(rows, folder)  # all of it is there, under another name
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Dataset, "save_to_disk", stop)
        with pytest.raises(OSError, match="no space left"):
            export_dialogues(home_labelled(3), tmp_path, to="datasets")
    assert not list(tmp_path.iterdir())
    (folder,) = export_dialogues(home_labelled(3), tmp_path, to="datasets").files
    assert len(load_from_disk(str(folder))) > 3
    assert [path.name for path in tmp_path.iterdir()] == ["labels"]


@pytest.mark.parametrize("to", WRITERS)
def test_the_same_export_gives_the_same_files(tmp_path, to):
    def files(name):
        export_dialogues(home_labelled(4), tmp_path / name, to=to, masker=Masker())
        return {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")
                if path.is_file() and path.name != "state.json"}  # fmt: skip

    assert files("a") == files("b")


def test_a_folder_that_is_no_labelling_is_said(export, labelled, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, message in (
        (tmp_path / "nowhere", r"nowhere holds no labelled dialogues: no such folder; expected the output folder of"),
        (tmp_path / "empty", r"empty holds no labelled dialogues: no dialogues in it"),
        (labelled / "dialogues", r"dialogues holds no labelled dialogues: no dialogues in it"),
    ):
        with pytest.raises(ExportError, match=message):
            export(folder=folder)
    (labelled / "labelling.json").rename(labelled / "kept.json")
    with pytest.raises(ExportError, match=r"no labelling\.json in it"):
        export()
    assert not (tmp_path / "out").exists()


def test_an_unfinished_or_damaged_labelling_is_said(export, labelled):
    state = labelled / "labelling.json"
    content = json.loads(state.read_text("utf-8"))
    state.write_text(json.dumps({**content, "finished": False}), "utf-8")
    with pytest.raises(ExportError, match=r"is not finished \(3 parts so far\); start it again with the same output"):
        export()
    state.write_text("{", "utf-8")
    with pytest.raises(ExportError, match=r"labelling\.json cannot be read"):
        export()
    state.write_text(json.dumps(content), "utf-8")
    part = labelled / "dialogues" / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-40])
    with pytest.raises(CorpusError, match=r"part-00001\.parquet: not a Parquet file, cut short or damaged"):
        export()


def test_an_unknown_format_is_said(export):
    with pytest.raises(ExportError, match=r"to is 'label-studio'; expected one of jsonl, .* \(label_studio\?\)"):
        export(to="label-studio")


def test_labelled_dialogues_are_read_with_their_model(labelled, labeler, dialogues, tmp_path):
    found = labelled_dialogues(labelled, cache_dir=tmp_path / "cache")
    rows, model = found.dialogues, found.model
    assert ([dialogue.id for dialogue in rows], model) == ([dialogue.id for dialogue in dialogues], labeler.fingerprint)
