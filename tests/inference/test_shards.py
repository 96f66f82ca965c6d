from __future__ import annotations

import dataclasses
import json
from contextlib import contextmanager
from dataclasses import replace

import pandas as pd
import pytest

from selflearn.corpora import CorpusError, as_dialogues, load_dialogues
from selflearn.corpora.lock import LOCK, DirectoryInUseError
from selflearn.corpora.rows import read_rows
from selflearn.corpora.table import write_jsonl, write_parquet
from selflearn.inference import LabellingError, label_file
from selflearn.inference.goal_rows import GoalRow
from selflearn.inference.labeler import Labeler
from selflearn.models.system import ModelSystem
from selflearn.schema import RecordError
from tests.fixtures.dialogues import home_dialogues, plain_dialogue

COLUMNS = {"dialogue_id": "session", "request": "said", "response": "told"}


@pytest.fixture
def no_room():
    """Inside, from when ``fill`` is called, a file takes 2,000 bytes at most: the system's own word for a full disk."""
    resource = pytest.importorskip("resource", reason="no limit on the size of files here")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextmanager
    def inside():
        try:
            yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return inside


@pytest.fixture
def label(labeler, tmp_path):
    """Labels a file into ``out``, with a cache of the test's own."""

    def run(file, output="out", **more):
        return label_file(labeler, file, tmp_path / output, cache_dir=tmp_path / "cache", **more)

    return run


@pytest.fixture
def logs(tmp_path, dialogues):
    write_jsonl(dialogues, tmp_path / "logs.jsonl")
    return tmp_path / "logs.jsonl"


def read_back(report, tmp_path, suffix="parquet"):
    rows = load_dialogues("table", root=report.dialogues, split="all", cache_dir=tmp_path / "cache_back")
    frame = pd.read_parquet(report.goals) if suffix == "parquet" else pd.read_json(report.goals, lines=True)
    return list(as_dialogues(rows)), frame


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_a_file_is_labelled_and_nothing_is_lost(label, labeler, logs, dialogues, tmp_path, suffix):
    report = label(logs, format=suffix, shard_size=5)
    expected = labeler.label(dialogues)
    back, goals = read_back(report, tmp_path, suffix)
    assert [d.id for d in back] == [d.id for d in dialogues]
    assert [(g.start, g.end, g.name) for d in back for g in d.labels.goals] == [
        (r.start, r.end, r.name) for item in expected for r in item.goals
    ]
    assert [d.with_labels(given.labels) for d, given in zip(back, dialogues, strict=True)] == dialogues
    assert list(goals["dialogue_id"]) == [r.dialogue_id for item in expected for r in item.goals]
    assert sorted(path.name for path in report.dialogues.iterdir()) == [f"part-0000{i}.{suffix}" for i in range(3)]
    assert report.counts == {
        "dialogues": 12, "turns": sum(len(d.turns) for d in dialogues), "goals": len(goals),
        "goals_reached": int(goals["success"].sum()), "goals_failed": int((~goals["success"]).sum()),
        "truncated_texts": 0, "windowed_dialogues": 0, "turns_not_seen": 0, "missing_recordings": 0,
    }  # fmt: skip
    assert report.read.counts["dialogues"] == 12


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_every_file_of_a_folder_has_its_own_in_the_output(label, dialogues, tmp_path, suffix):
    (tmp_path / "logs").mkdir()
    write_jsonl(dialogues[:5], tmp_path / "logs" / "2026-01.jsonl")
    (tmp_path / "logs" / "2026-02.jsonl").write_text("")
    write_parquet(dialogues[5:], tmp_path / "logs" / "2026-03.parquet")
    report = label(tmp_path / "logs", format=suffix, shard_size=2)
    names = [f"2026-0{i}.{suffix}" for i in (1, 2, 3)]
    assert [sorted(path.name for path in folder.iterdir()) for folder in (report.dialogues, report.labels)] == [
        names
    ] * 2
    found = [[row.values["id"] for row in read_rows(report.dialogues / name)] for name in names]
    assert found == [[d.id for d in dialogues[:5]], [], [d.id for d in dialogues[5:]]]
    back, goals = read_back(report, tmp_path, suffix)
    assert list(goals["dialogue_id"]) == [d.id for d in back for _ in d.labels.goals]
    (tmp_path / "logs" / "2026-01.jsonl").rename(tmp_path / "logs" / "2025-12.jsonl")
    with pytest.raises(LabellingError, match=r"files was \['2026-01', .*, is \['2025-12', "):
        label(tmp_path / "logs", format=suffix)


def test_a_dialogue_that_two_files_share_is_labelled_with_the_first(label, tmp_path):
    (tmp_path / "calls").mkdir()
    rows = pd.DataFrame([("a", "dim the lights"), ("b", "wake me"), ("b", "at six"), ("c", "stop")])
    rows.columns = ["session", "said"]
    rows[:2].to_json(tmp_path / "calls" / "x.jsonl", orient="records", lines=True)
    rows[2:].to_parquet(tmp_path / "calls" / "x.parquet")
    report = label(tmp_path / "calls", columns={"dialogue_id": "session", "request": "said"})
    found = {path.name: list(pd.read_parquet(path)["id"]) for path in sorted(report.dialogues.iterdir())}
    assert found == {"x.jsonl.parquet": ["a", "b"], "x.parquet.parquet": ["c"]}


def test_what_is_done_is_told_over_all_parts_and_also_within_one(label, logs, monkeypatch):
    monkeypatch.setattr("selflearn.inference.shards.STEP", 2)
    seen = []
    label(logs, shard_size=5, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 12) for done in (0, 2, 4, 5, 7, 9, 10, 12)]
    label(logs, shard_size=5, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == seen[-2] == (12, 12)


def test_goal_records_are_read_back_as_they_are(label, labeler, logs, dialogues):
    report = label(logs, format="jsonl")
    lines = report.goals.read_text("utf-8").splitlines()
    expected = [GoalRow(**fields(record)) for item in labeler.label(dialogues) for record in item.goals]
    assert [GoalRow.from_dict(json.loads(line)) for line in lines] == expected  # nothing was certified


def fields(record):
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def test_the_output_is_read_back_by_its_dialogues_alone(label, logs, tmp_path):
    """Beside them lies a table of goals, which was taken for dialogues."""
    label(logs, format="jsonl")
    with pytest.raises(
        CorpusError, match=r"out is the output of a labelling; expected .* of its dialogues, .*out/dial"
    ):
        load_dialogues("table", root=tmp_path / "out", split="all", cache_dir=tmp_path / "cache_back")


def test_a_flat_table_is_labelled_with_its_own_column_names(label, tmp_path):
    rows = [("a", "dim the lights in the hall", "ok"), ("a", "brighter", None), ("b", "wake me in 5 minutes", "ok")]
    pd.DataFrame(rows, columns=list(COLUMNS.values())).assign(extra=1).to_parquet(tmp_path / "calls.parquet")
    report = label(tmp_path / "calls.parquet", columns=COLUMNS)
    back, goals = read_back(report, tmp_path)
    assert [(d.id, len(d.turns)) for d in back] == [("a", 2), ("b", 1)]
    assert set(goals["dialogue_id"]) == {"a", "b"}
    assert report.read.counts["columns_not_mapped"] == 1


def test_a_stopped_labelling_goes_on_after_its_last_part(label, logs, tmp_path, monkeypatch):
    def stop(done, total):
        if done == 8:
            raise KeyboardInterrupt

    whole = label(logs, "whole", shard_size=4)
    with pytest.raises(KeyboardInterrupt):
        label(logs, shard_size=4, progress=stop)
    assert not (tmp_path / "out" / "goals.parquet").exists()
    with pytest.raises(CorpusError, match=r"dialogues/_UNFINISHED says that files are still missing"):
        load_dialogues("table", root=tmp_path / "out" / "dialogues", split="all", cache_dir=tmp_path / "cache_back")
    labelled = []
    stream = Labeler.stream
    monkeypatch.setattr(Labeler, "stream", lambda self, rows: stream(self, (labelled.append(d.id) or d for d in rows)))
    seen = []
    report = label(logs, shard_size=4, progress=lambda done, total: seen.append((done, total)))
    assert (len(labelled), seen) == (4, [(8, 12), (12, 12)])
    assert report.counts == whole.counts
    for part in sorted(whole.dialogues.iterdir()):
        assert part.read_bytes() == (report.dialogues / part.name).read_bytes()
    for part in sorted(whole.labels.iterdir()):
        assert part.read_bytes() == (report.labels / part.name).read_bytes()
    assert report.goals.read_bytes() == whole.goals.read_bytes()
    again = label(logs, shard_size=4)
    assert (len(labelled), again.counts) == (4, whole.counts)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        LOCK,
        "dialogues",
        "goals.parquet",
        "labelling.json",
        "labels",
    ]


def test_a_second_labelling_in_the_folder_is_refused_while_the_first_is_not_done(label, logs, tmp_path):
    def start_again(done, total):
        with pytest.raises(DirectoryInUseError, match=r"out is being written by another run"):
            label(logs, shard_size=4)

    report = label(logs, shard_size=4, progress=start_again)
    assert len(pd.read_parquet(report.goals)) == report.counts["goals"]
    assert label(logs, shard_size=4).counts == report.counts


def test_only_parts_that_were_timed_have_a_pace(label, logs, tmp_path):
    report = label(logs, shard_size=4)
    assert report.pace.dialogues == 12
    state = tmp_path / "out" / "labelling.json"
    content = json.loads(state.read_text("utf-8"))
    first, second, third = (part["labels"] for part in content["times"])
    assert report.pace.labels == first + second + third
    content["times"] = [{}, *content["times"][1:]]  # the first part was labelled by an earlier version
    state.write_text(json.dumps(content), "utf-8")
    assert (label(logs, shard_size=4).pace.dialogues, label(logs, shard_size=4).pace.labels) == (8, second + third)
    del content["times"]
    state.write_text(json.dumps(content), "utf-8")
    assert label(logs, shard_size=4).pace is None


def test_a_part_that_was_half_written_is_written_again(label, logs, tmp_path):
    whole = label(logs, "whole", shard_size=4)
    with pytest.raises(KeyboardInterrupt):
        label(logs, shard_size=4, progress=lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    (tmp_path / "out" / "dialogues" / "part-00001.parquet").write_bytes(b"half")
    report = label(logs, shard_size=4)
    assert (report.dialogues / "part-00001.parquet").read_bytes() == (
        whole.dialogues / "part-00001.parquet"
    ).read_bytes()


def test_a_full_disk_is_said_with_the_file_and_the_labelling_goes_on(label, logs, tmp_path, no_room):
    whole = label(logs, "whole", shard_size=4)
    with (
        no_room() as fill,
        pytest.raises(OSError, match=r"start the same again.*out/dialogues/part-00001\.par"),
    ):
        label(logs, shard_size=4, progress=lambda done, total: fill() if done == 4 else None)
    assert not list((tmp_path / "out").rglob("*.partial"))
    report = label(logs, shard_size=4)
    assert report.counts == whole.counts
    for file in (path for path in (tmp_path / "whole").rglob("*.parquet")):
        assert (tmp_path / "out" / file.relative_to(tmp_path / "whole")).read_bytes() == file.read_bytes()


def test_a_full_disk_of_the_cache_is_said(label, logs, tmp_path, no_room):
    with no_room() as fill:
        fill()
        with pytest.raises(OSError, match=r"the read dialogues are kept here: make room.*/cache'"):
            label(logs)
    assert not (tmp_path / "out").exists()
    assert label(logs).counts["dialogues"] == 12


def test_another_labelling_in_the_folder_is_not_overwritten(label, logs, tmp_path):
    label(logs)
    with pytest.raises(LabellingError, match="shard_size was 1000, is 7"):
        label(logs, shard_size=7)
    write_jsonl(home_dialogues(3, seed=9), logs)
    with pytest.raises(LabellingError, match="input was"):
        label(logs)


def test_a_labelling_that_heard_recordings_does_not_go_on_without_them(label, logs, tmp_path):
    label(logs)
    state = tmp_path / "out" / "labelling.json"
    found = json.loads(state.read_text())
    state.write_text(json.dumps(found | {"settings": found["settings"] | {"recordings": "/their/folder"}}))
    with pytest.raises(LabellingError, match=r"another labelling \(recordings was /their/folder, is None\)"):
        label(logs)


@pytest.mark.parametrize("taken", ["out", "out/dialogues/mine.txt", "out/goals.parquet"])
def test_a_folder_that_holds_something_else_is_not_touched(label, logs, tmp_path, taken):
    path = tmp_path / taken
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(LabellingError, match="is there already and is no part of a labelling"):
        label(logs)
    assert path.read_text() == "mine"
    assert not list(tmp_path.rglob(LOCK))


def test_a_damaged_state_is_said(label, logs, tmp_path):
    label(logs)
    (tmp_path / "out" / "labelling.json").write_text("{")
    with pytest.raises(LabellingError, match=r"labelling\.json cannot be read"):
        label(logs)


def test_input_that_cannot_be_read_is_told_before_anything_is_labelled(label, logs, dialogues, tmp_path):
    cut = tmp_path / "cut.jsonl"
    cut.write_text(logs.read_text("utf-8")[:-40], "utf-8")
    write_parquet(dialogues, tmp_path / "cut.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "cut.parquet").read_bytes()[:-40])
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    wrong = json.loads(logs.read_text("utf-8").splitlines()[0])
    wrong["turns"][0]["request"] = 3
    (tmp_path / "wrong.jsonl").write_text(json.dumps(wrong))
    for file, error, message in (
        ("absent.jsonl", CorpusError, r"absent\.jsonl does not exist"),
        ("cut.jsonl", CorpusError, r"cut\.jsonl:12: not valid JSON at column"),
        ("cut.parquet", CorpusError, r"cut\.parquet: not a Parquet file, cut short or damaged"),
        ("empty.jsonl", CorpusError, r"empty\.jsonl: the file is empty"),
        ("table.csv", CorpusError, r"table\.csv: the suffix is '\.csv'; expected \.jsonl or \.parquet"),
        ("wrong.jsonl", RecordError, r"wrong\.jsonl:1: field 'turns\[0\]\.request' is 3; expected a string"),
    ):
        with pytest.raises(error, match=message):
            label(tmp_path / file)
    with pytest.raises(CorpusError, match=r"no column 'words', which columns maps to the field 'request'"):
        label(logs, columns={"dialogue_id": "id", "request": "words"})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"format": "csv"}, "format is 'csv'; expected 'parquet' or 'jsonl'"),
        ({"shard_size": 0}, "shard_size is 0; expected 1 or more dialogues"),
    ],
)
def test_settings_are_checked(label, wrong, said):
    with pytest.raises(ValueError, match=said):
        label("nowhere.jsonl", **wrong)


def test_what_was_cut_is_counted(label, tmp_path):
    write_jsonl([plain_dialogue(*[("word " * 500, "ok")] * 20)], tmp_path / "long.jsonl")
    counts = label(tmp_path / "long.jsonl").counts
    assert (counts["truncated_texts"], counts["windowed_dialogues"], counts["turns_not_seen"]) == (1, 1, 0)


def test_answers_that_have_no_place_in_the_record_are_handed_out_and_counted(
    label, labeler, logs, dialogues, monkeypatch
):
    predict = ModelSystem.predict

    def with_mood(self, observed, goals):
        moods = [("calm",) * len(dialogue.turns) for dialogue in observed]
        return [replace(p, extra={"mood": mood}) for p, mood in zip(predict(self, observed, goals), moods, strict=True)]

    monkeypatch.setattr(ModelSystem, "predict", with_mood)
    assert labeler.label(dialogues[:1])[0].extra == {"mood": ("calm",) * len(dialogues[0].turns)}
    assert label(logs).counts["not_written/mood"] == sum(len(dialogue.turns) for dialogue in dialogues)
