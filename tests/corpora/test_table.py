from __future__ import annotations

import json
import re
from collections import UserDict
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, load_dataset

from selflearn.corpora import CorpusError, ReadReport, iter_dialogues, load_dialogues, read_report
from selflearn.corpora.table import write_jsonl, write_parquet
from selflearn.corpora.unfinished import mark_finished, mark_unfinished
from selflearn.schema import Dialogue, Feedback, Goal, Label, Labels, RecordError, Slot, Turn, TurnLabels

COLUMNS = {"dialogue_id": "session", "request": "asr", "response": "tts"}


def jsonl(path, *rows):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def flat(tmp_path, *rows, report=None, **columns):
    path = jsonl(tmp_path / "logs.jsonl", *rows)
    return list(iter_dialogues("table", path, "all", columns=COLUMNS | columns, report=report))


def row(session="a", asr="lights on", tts="ok", **more):
    return {"session": session, "asr": asr, "tts": tts, **more}


# ------------------------------------------------------------------------------------------------------ record format


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_release_goes_through_a_file_without_loss(star_release, tmp_path, suffix):
    dialogues = list(iter_dialogues("star", star_release, "all"))
    write = write_jsonl if suffix == "jsonl" else write_parquet
    path = tmp_path / "new" / f"star.{suffix}"
    assert write(iter(dialogues), path) == len(dialogues)
    assert list(iter_dialogues("table", path, "all")) == dialogues
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_datasets_reads_the_parquet_file_with_our_features(sgd_release, tmp_path):
    dialogues = list(iter_dialogues("sgd", sgd_release, "dev"))
    write_parquet(dialogues, tmp_path / "dev.parquet")
    files = {"dev": str(tmp_path / "dev.parquet")}
    dataset = load_dataset("parquet", data_files=files, split="dev", cache_dir=str(tmp_path / "cache"))
    assert dataset.features == Dialogue.features()
    assert list(dataset) == [dialogue.to_dict() for dialogue in dialogues]


def test_a_parquet_file_that_datasets_wrote_is_read(sgd_release, tmp_path):
    dialogues = list(iter_dialogues("sgd", sgd_release, "dev"))
    dataset = Dataset.from_list([dialogue.to_dict() for dialogue in dialogues], features=Dialogue.features())
    dataset.to_parquet(tmp_path / "all.parquet")
    assert list(iter_dialogues("table", tmp_path / "all.parquet", "all")) == dialogues


@pytest.mark.parametrize("write", [write_jsonl, write_parquet])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, write, sgd_release):
    dialogues = list(iter_dialogues("sgd", sgd_release, "dev"))
    path = tmp_path / f"logs.{write.__name__.removeprefix('write_')}"
    write(dialogues[:2], path)

    def stops():
        yield dialogues[0]
        raise RuntimeError("the source failed")

    with pytest.raises(RuntimeError, match="the source failed"):
        write(stops(), path)
    assert list(iter_dialogues("table", path, "all")) == dialogues[:2]
    assert list(tmp_path.iterdir()) == [path]


def test_splits_of_one_file_are_chosen_by_what_the_records_say(sgd_release, tmp_path):
    both = [*iter_dialogues("sgd", sgd_release, "train"), *iter_dialogues("sgd", sgd_release, "dev")]
    write_jsonl(both, tmp_path / "sgd.jsonl")
    root, report = tmp_path / "sgd.jsonl", ReadReport("table", "dev")
    assert list(iter_dialogues("table", root, "dev", report=report)) == both[20:]
    assert report.counts == {"dialogues_of_other_splits/train": 20, "dialogues": 12, "turns": report.counts["turns"]}
    with pytest.raises(CorpusError, match=r"'test' of .* holds no dialogue.*\n.*other_splits/train: 20\n.*dev: 12"):
        list(iter_dialogues("table", root, "test"))


def test_a_folder_holds_a_file_or_shards_a_split(sgd_release, tmp_path):
    train, dev = (list(iter_dialogues("sgd", sgd_release, split)) for split in ("train", "dev"))
    write_jsonl(train, tmp_path / "train.jsonl")
    write_parquet(dev[:5], tmp_path / "dev-00000-of-00002.parquet")
    write_parquet(dev[5:], tmp_path / "dev-00001-of-00002.parquet")
    assert list(iter_dialogues("table", tmp_path, "train")) == train
    assert list(iter_dialogues("table", tmp_path, "dev")) == dev
    assert list(iter_dialogues("table", tmp_path, "all")) == [*dev, *train]
    with pytest.raises(CorpusError, match=r"expected test\.jsonl or test\.parquet, found dev-00000"):
        iter_dialogues("table", tmp_path, "test")


def test_tables_of_a_folder_that_are_not_read_are_counted(tmp_path):
    for split in ("train", "test"):
        jsonl(tmp_path / f"{split}.jsonl", row(split))
    for name in ("train-2.jsonl.gz", "train.csv", "TEST.PARQUET", "notes.md", "training.csv", "._train-3.csv"):
        (tmp_path / name).write_bytes(b"x")
    for split, other in (
        ("train", ["train-2.jsonl.gz"]),
        ("all", ["TEST.PARQUET", "train-2.jsonl.gz", "training.csv"]),
    ):
        report = ReadReport("table", split)
        list(iter_dialogues("table", tmp_path, split, columns=COLUMNS, report=report))
        assert report.dropped == {"dropped/other_files": len(other)}
        assert report.examples["dropped/other_files"] == other


def test_a_folder_that_says_that_it_is_not_finished_is_refused_until_it_is(tmp_path):
    dialogue = Dialogue(id="1", corpus="mine", split="train", turns=(Turn(request="play some jazz"),))
    write_parquet([dialogue], tmp_path / "train-00000.parquet")
    mark_unfinished(tmp_path)
    for read in (iter_dialogues, lambda *where: load_dialogues(where[0], root=where[1], split=where[2])):
        with pytest.raises(CorpusError, match=r"_UNFINISHED says .* wait for the writer, or start the same command ag"):
            read("table", tmp_path, "train")
    assert list(iter_dialogues("table", tmp_path / "train-00000.parquet", "train")) == [dialogue]
    assert list(pd.read_parquet(tmp_path)["id"]) == ["1"]  # the mark is no part of the table
    mark_finished(tmp_path)
    mark_finished(tmp_path)  # and nothing happens
    assert list(iter_dialogues("table", tmp_path, "train")) == [dialogue]


# --------------------------------------------------------------------------------------------------------- flat table


def test_rows_become_turns_with_everything_that_is_mapped(tmp_path):
    rows = [
        row(user=7, t=0, since=1.5e9, kind="screen", vol=3, room="hall", bad=False, goal="x", name="Lights", won=None,
            intent="On", spans=[{"name": "device", "start": 0, "end": 6, "value": "lamp"}], rude=True),
        row(user=None, t=2.5, since=None, kind=None, vol=None, room=None, bad=True, goal=None, name=None, won=True,
            intent=None, spans="[]", rude=None),
        row(asr=None, user=7, t=None, since=None, kind=None, vol=0.5, room="attic", bad=None, goal="y", name=None,
            won=None, intent=None, spans=None, rude=None),
    ]  # fmt: skip
    (dialogue,) = flat(
        tmp_path, *rows, user_id="user", seconds="t", started_at="since", device_type="kind", numeric=["vol"],
        categorical=["room"], defect="bad", goal_id="goal", goal_name="name", success="won", intent="intent",
        slots="spans", barge_in="rude",
    )  # fmt: skip
    slot = Slot(name="device", start=0, end=6, text="lights", value="lamp")
    assert dialogue == Dialogue(
        id="a",
        corpus="table",
        split="all",
        user_id="7",
        started_at=1.5e9,
        turns=(
            Turn(request="lights on", response="ok", seconds=0.0, device_type="screen", numeric={"vol": 3.0},
                 categorical={"room": "hall"}),
            Turn(request="lights on", response="ok", seconds=2.5),
            Turn(response="ok", numeric={"vol": 0.5}, categorical={"room": "attic"}),
        ),
        feedback=(Feedback(barge_in=True), Feedback(), Feedback()),
        labels=Labels(
            goals=(Goal(start=0, end=2, name="Lights", success=True), Goal(start=2, end=3)),
            turns=(
                TurnLabels(intent=Label(value="On"), slots=(slot,), defect=Label(value=False)),
                TurnLabels(slots=(), defect=Label(value=True)),
                TurnLabels(),
            ),
        ),
    )  # fmt: skip


def test_what_is_not_read_of_a_slot_is_counted(tmp_path):
    report = ReadReport("table", "all")
    spans = [{"name": "device", "start": 0, "end": 6, "text": "lights", "valeu": "lamp", "id": None}]
    (dialogue,) = flat(tmp_path, row(spans=spans), row(spans=spans), slots="spans", report=report)
    assert dialogue.labels.turns[0].slots == (Slot(name="device", start=0, end=6, text="lights"),)
    assert report.counts == {"keys_of_slots_not_read/valeu": 2, "dialogues": 1, "turns": 2}


def test_what_is_not_mapped_is_not_made_up(tmp_path):
    report = ReadReport("table", "all")
    (dialogue,) = flat(tmp_path, row(secret=1), row(secret=2, other="x"), report=report)
    assert dialogue.labels == Labels()
    assert dialogue.feedback == ()
    assert report.examples["columns_not_mapped"] == ["secret", "other"]


@pytest.mark.parametrize(
    ("starts", "spans"),
    [
        ([None, None, None], None),
        ([True, False, False], [(0, 3)]),
        ([False, True, True], [(0, 1), (1, 2), (2, 3)]),
        ([None, True, None], [(0, 1), (1, 3)]),
    ],
)
def test_goal_starts(tmp_path, starts, spans):
    (dialogue,) = flat(tmp_path, *(row(new=start) for start in starts), goal_start="new")
    goals = dialogue.labels.goals
    assert (None if goals is None else [(goal.start, goal.end) for goal in goals]) == spans


@pytest.mark.parametrize(
    ("ids", "spans"),
    [
        ([None, None, None], None),
        ([1, 1, 1], [(0, 3)]),
        ([1, None, 2], [(0, 2), (2, 3)]),
        ([None, 1, 2], [(0, 2), (2, 3)]),
        ([1, 2, 1], [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_goal_ids(tmp_path, ids, spans):
    (dialogue,) = flat(tmp_path, *(row(goal=i) for i in ids), goal_id="goal")
    goals = dialogue.labels.goals
    assert (None if goals is None else [(goal.start, goal.end) for goal in goals]) == spans


def test_success_alone_makes_the_dialogue_one_goal_where_it_is_filled(tmp_path):
    first, second = flat(tmp_path, row(won=None), row(won=False), row("b", won=None), success="won")
    assert first.labels.goals == (Goal(start=0, end=2, success=False),)
    assert second.labels.goals is None


def test_what_is_said_of_goals_that_begin_nowhere_is_left_out_and_counted(tmp_path):
    report = ReadReport("table", "all")
    rows = [row(goal="x", won=True), row("b", goal=None, won=False), row("c", goal=None, won=None)]
    found = flat(tmp_path, *rows, success="won", goal_id="goal", report=report)
    assert [dialogue.labels.goals for dialogue in found] == [(Goal(start=0, end=1, success=True),), None, None]
    assert report.dropped == {"dropped/goal_labels_of_dialogues_without_goal_starts": 1}


@pytest.mark.parametrize("empty_first", [False, True])
def test_a_column_with_our_name_is_read_in_whichever_file_it_stands(tmp_path, empty_first):
    if empty_first:
        jsonl(tmp_path / "train-0.jsonl")
    jsonl(tmp_path / "train-1.jsonl", {"dialogue_id": "a", "request": "stop"})
    jsonl(tmp_path / "train-2.jsonl", {"dialogue_id": "b", "request": "stop", "intent": "Stop"})
    jsonl(tmp_path / "train-3.jsonl", {"dialogue_id": "c", "request": "stop"})
    found = list(iter_dialogues("table", tmp_path, "train"))
    assert [[turn.intent for turn in d.labels.turns] for d in found] == [[None], [Label(value="Stop")], [None]]


@pytest.mark.parametrize("compression", ["snappy", "gzip", "none", "zstd"])
def test_a_parquet_file_with_a_damaged_page_is_named(tmp_path, compression):
    path = tmp_path / "logs.parquet"
    pd.DataFrame({"session": [f"{i:05}" for i in range(5000)], "asr": "on", "tts": "ok"}).to_parquet(
        path, compression=compression
    )
    data = bytearray(path.read_bytes())
    data[100:300] = (255 - byte for byte in data[100:300])
    path.write_bytes(data)
    with pytest.raises((CorpusError, RecordError), match=r"logs\.parquet"):
        list(iter_dialogues("table", path, "all", columns=COLUMNS))
    with pytest.raises((CorpusError, RecordError), match=r"logs\.parquet"):
        load_dialogues("table", root=path, split="all", columns=COLUMNS, cache_dir=tmp_path / "cache")


def test_a_frame_of_pandas_is_read(tmp_path):
    frame = pd.DataFrame(
        {
            "session": ["a", "a", "b"],
            "asr": ["lights on", None, "stop"],
            "tts": ["ok", "ok", "ok"],
            "vol": [1.0, float("nan"), 2.0],  # pandas writes NaN as empty
            "spans": [[{"name": "device", "start": 0, "end": 6}], None, []],
        }
    )
    frame.to_parquet(tmp_path / "logs.parquet")
    columns = COLUMNS | {"numeric": ["vol"], "slots": "spans"}
    first, second = iter_dialogues("table", tmp_path / "logs.parquet", "all", columns=columns, corpus_name="mine")
    assert [turn.numeric for turn in first.turns] == [{"vol": 1.0}, {}]
    assert [labels.slots for labels in first.labels.turns] == [
        (Slot(name="device", start=0, end=6, text="lights"),),
        None,
    ]
    assert second.corpus == "mine"
    assert second.labels.turns[0].slots == ()


def test_our_own_names_need_no_mapping(tmp_path):
    path = jsonl(tmp_path / "logs.jsonl", {"dialogue_id": "a", "request": "hi"}, {"dialogue_id": "a", "intent": "Bye"})
    (dialogue,) = iter_dialogues("table", path, "all")
    assert [turn.request for turn in dialogue.turns] == ["hi", None]
    assert dialogue.labels.turns[1].intent == Label(value="Bye")


def test_a_table_with_our_names_may_have_a_column_of_its_own_called_turns(tmp_path):
    path, report = (
        jsonl(tmp_path / "logs.jsonl", {"dialogue_id": "a", "request": "hi", "turns": 1}),
        ReadReport("t", "all"),
    )
    (dialogue,) = iter_dialogues("table", path, "all", report=report)
    assert [turn.request for turn in dialogue.turns] == ["hi"]
    assert report.examples["columns_not_mapped"] == ["turns"]


def test_other_mappings_and_sequences_will_do(tmp_path):
    """Configs come as mappings and sequences of their own classes."""
    path = jsonl(tmp_path / "logs.jsonl", row(vol=1))
    columns = UserDict(COLUMNS | {"numeric": ("vol",)})
    dataset = load_dialogues("table", root=path, split="all", columns=columns, cache_dir=tmp_path / "cache")
    assert dataset[0]["turns"][0]["numeric"] == [{"name": "vol", "value": 1.0}]
    report = read_report("table", root=path, split="all", columns=columns, cache_dir=tmp_path / "cache")
    assert report.counts["dialogues"] == 1


def test_the_cache_knows_the_mapping(tmp_path):
    path = jsonl(tmp_path / "logs.jsonl", row())
    load_dialogues("table", root=path, split="all", columns=COLUMNS, cache_dir=tmp_path / "cache")
    swapped = COLUMNS | {"request": "tts", "response": "asr"}
    dataset = load_dialogues("table", root=path, split="all", columns=swapped, cache_dir=tmp_path / "cache")
    assert dataset[0]["turns"][0]["request"] == "ok"


def test_long_dialogues_and_long_turns_are_kept_whole(tmp_path):
    rows = [row(asr=f"turn {i}", goal=i // 3) for i in range(2000)]
    rows[5]["asr"] = "word " * 5000
    (dialogue,) = flat(tmp_path, *rows, goal_id="goal")
    assert len(dialogue.turns) == 2000
    assert len(dialogue.turns[5].request) == 25000
    assert len(dialogue.labels.goals) == 667


def test_empty_requests_are_counted(tmp_path):
    report = ReadReport("table", "all")
    flat(tmp_path, row(asr=""), row(asr=None), row(), report=report)
    assert report.counts["turns_without_request"] == 2


def test_a_dialogue_that_goes_on_in_the_next_file_is_counted(tmp_path):
    jsonl(tmp_path / "monday.jsonl", row("1"), row("2"))
    jsonl(tmp_path / "tuesday.jsonl", row("2", asr="and off"), row("3"))
    report = ReadReport("table", "all")
    found = list(iter_dialogues("table", tmp_path, "all", columns=COLUMNS, report=report))
    assert [len(dialogue.turns) for dialogue in found] == [1, 2, 1]
    assert report.examples["dialogues_that_go_on_in_another_file"] == ["2"]
    jsonl(tmp_path / "wednesday.jsonl", row("1"))
    with pytest.raises(RecordError, match=r"wednesday\.jsonl:1: .* an id of its own, as where files count theirs anew"):
        list(iter_dialogues("table", tmp_path, "all", columns=COLUMNS))


def test_splits_of_a_flat_table(tmp_path):
    path = jsonl(tmp_path / "logs.jsonl", row(part="train"), row("b", part="dev"), row("b", part=None))
    columns = COLUMNS | {"split": "part"}
    (dialogue,) = iter_dialogues("table", path, "dev", columns=columns)
    assert (dialogue.id, dialogue.split, len(dialogue.turns)) == ("b", "dev", 2)
    assert [d.split for d in iter_dialogues("table", path, "all", columns=columns)] == ["train", "dev"]


def test_a_dialogue_whose_split_is_empty_is_in_none_and_counted(tmp_path):
    path = jsonl(
        tmp_path / "logs.jsonl", row(part="train"), row("b", part="test"), row("c", part=None), row("d", part="")
    )
    columns = COLUMNS | {"split": "part"}
    for split, own in (("train", "a"), ("test", "b")):
        report = ReadReport("table", split)
        assert [d.id for d in iter_dialogues("table", path, split, columns=columns, report=report)] == [own]
        assert report.dropped == {"dropped/dialogues_without_a_split": 2}
        assert report.examples["dropped/dialogues_without_a_split"] == ["c", "d"]
    assert [d.split for d in iter_dialogues("table", path, "all", columns=columns)] == ["train", "test", "all", "all"]


def test_train_and_test_are_never_the_same_rows(tmp_path):
    path = jsonl(tmp_path / "logs.jsonl", row())
    with pytest.raises(CorpusError, match=r"nothing says which rows are the split 'train'; ask for 'all', map"):
        list(iter_dialogues("table", path, "train", columns=COLUMNS))
    named = path.rename(tmp_path / "train.jsonl")
    where = {"split": "train", "columns": COLUMNS, "cache_dir": tmp_path / "cache"}
    assert load_dialogues("table", root=named, **where)[0]["split"] == "train"
    with pytest.raises(CorpusError, match=r"nothing says which rows"):  # though the cache has what the file holds
        load_dialogues("table", root=named.rename(path), **where)


# ---------------------------------------------------------------------------------------------------------- bad input

BAD_CELLS = {
    "no id": ({"session": None}, {}, "session", "a string or a whole number (column of the field 'dialogue_id')"),
    "id": ({"session": 1.5}, {}, "session", "a string or a whole number"),
    "text": ({"asr": 5}, {}, "asr", "a string, or nothing"),
    "NaN": ({"vol": float("nan")}, {"numeric": ["vol"]}, "vol", "a finite number, or nothing where it is missing"),
    "infinite": ({"vol": float("inf")}, {"numeric": ["vol"]}, "vol", "a finite number"),
    "number": ({"vol": "3"}, {"numeric": ["vol"]}, "vol", "a finite number"),
    "400 digits": ({"vol": 10**400}, {"numeric": ["vol"]}, "vol", "a finite number"),
    "400 digits below zero": ({"t": -(10**400)}, {"seconds": "t"}, "t", "a finite number"),
    "category": ({"room": True}, {"categorical": ["room"]}, "room", "a string or a whole number"),
    "flag": ({"bad": 1}, {"defect": "bad"}, "bad", "true or false, or nothing (column of the field 'defect')"),
    "seconds": ({"t": -1}, {"seconds": "t"}, "t", "0 or more"),
    "propensity": ({"p": 2}, {"propensity": "p"}, "p", "a probability in (0, 1]"),
    "half a character": ({"asr": "\ud83d"}, {}, "asr", "without lone surrogates"),
    "spans": ({"s": 3}, {"slots": "s"}, "s", "a list of"),
    "spans' JSON": ({"s": "[{"}, {"slots": "s"}, "s", "JSON (Expecting"),
    "spans nested": ({"s": "[" * 5000}, {"slots": "s"}, "s", "JSON (lists and objects are nested too deeply"),
    "a span": ({"s": [{"name": "x"}]}, {"slots": "s"}, "s", 'a list of {"name": ...'),
    "beyond the request": (
        {"s": [{"name": "x", "start": 0, "end": 10}]}, {"slots": "s"}, "s", "0 <= start < end <= 9, the request's"),
    "backwards": ({"s": [{"name": "x", "start": 4, "end": 2}]}, {"slots": "s"}, "s", "0 <= start < end"),
    "not whole": ({"s": [{"name": "x", "start": 0, "end": 2.0}]}, {"slots": "s"}, "s", "0 <= start < end"),
    "other text": (
        {"s": [{"name": "x", "start": 0, "end": 6, "text": "lamps!"}]}, {"slots": "s"}, "s", "the text 'lights'"),
    "no text": ({"wants": ""}, {"intent": "wants"}, "wants", "a name, or nothing (null) where there is none"),
    "a blank": ({"goal": " "}, {"goal_id": "goal"}, "goal", "a name, or nothing (null)"),
    "an empty id": ({"session": ""}, {}, "session", "a name, or nothing (null)"),
    "no name": ({"s": [{"name": "", "start": 0, "end": 6}]}, {"slots": "s"}, "s", "a name for each"),
    "name": ({"s": [{"name": 5, "start": 0, "end": 6}]}, {"slots": "s"}, "s", "a string as name"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_CELLS)
def test_a_bad_cell_is_named_with_file_row_column_and_value(tmp_path, fault):
    cell, columns, column, expected = BAD_CELLS[fault]
    others = {name: None for name in cell if name not in row()}
    with pytest.raises(RecordError) as caught:
        flat(tmp_path, row(**others), row(**others), row(**cell), **columns)
    error = caught.value
    assert (error.file, error.row, error.field) == (str(tmp_path / "logs.jsonl"), 3, column)
    assert expected in error.expected
    assert str(error).startswith(f"{tmp_path / 'logs.jsonl'}:3: field {column!r} is ")


ADVICE = {
    "0 and 1": ({"bad": 0}, {"defect": "bad"}, """frame['bad'].map({1: True, 0: False}).astype("boolean")"""),
    "yes and no": ({"bad": "no"}, {"defect": "bad"}, """.map({'yes': True, 'no': False}).astype("boolean")"""),
    "a date": (
        {"t": "2024-05-01T10:00"},
        {"seconds": "t"},
        "seconds counts from the start of the dialogue, in seconds",
    ),
    "no text": ({"wants": ""}, {"intent": "wants"}, "to empty such cells: frame['wants'].replace({'': None})"),
    "an id of pandas": ({"goal": 7.0}, {"goal_id": "goal"}, """: frame['goal'].astype("Int64") converts them"""),
    "no whole id": ({"who": 1.5}, {"user_id": "who"}, "or nothing (column of the field 'user_id')"),
    "a day": ({"t": "2024-05-01"}, {"started_at": "t"}, "started_at counts from 1970-01-01 UTC, in seconds"),
}


@pytest.mark.parametrize("fault", ADVICE)
def test_a_cell_that_can_be_converted_says_how(tmp_path, fault):
    cell, columns, advice = ADVICE[fault]
    with pytest.raises(RecordError) as caught:
        flat(tmp_path, row(**cell), **columns)
    assert str(caught.value).endswith(advice)


def test_the_advice_on_flags_makes_flags(tmp_path):
    frame = pd.DataFrame({"session": ["a", "a", "a"], "asr": "x", "tts": "y", "bad": [1, 0, None]})
    frame["bad"] = frame["bad"].map({1: True, 0: False}).astype("boolean")
    frame.to_parquet(tmp_path / "logs.parquet")
    columns = {"dialogue_id": "session", "request": "asr", "defect": "bad"}
    (dialogue,) = iter_dialogues("table", tmp_path / "logs.parquet", "all", columns=columns)
    assert [turn.defect and turn.defect.value for turn in dialogue.labels.turns] == [True, False, None]


def test_a_csv_file_becomes_a_table_as_the_documentation_says(tmp_path):
    text = "session,who,goal,t,user_text\n01,007,1,0.5,null\n01,007,,2,7\n01,,2,9,NA\n1,7,,0,stop\n"
    (tmp_path / "logs.csv").write_text(text, "utf-8")
    page = (Path(__file__).parents[2] / "docs" / "own_data.md").read_text("utf-8")
    (snippet,) = (code for code in re.findall("```python\n(.*?)```", page, re.DOTALL) if "read_csv" in code)
    exec(snippet.replace('"logs.', f'"{tmp_path}/logs.'), {})
    columns = {"dialogue_id": "session", "user_id": "who", "goal_id": "goal", "seconds": "t", "request": "user_text"}
    first, second = iter_dialogues("table", tmp_path / "logs.parquet", "all", columns=columns)
    assert [(d.id, d.user_id) for d in (first, second)] == [("01", "007"), ("1", "7")]
    assert [turn.request for turn in first.turns] == ["null", "7", "NA"]
    assert [(goal.start, goal.end) for goal in first.labels.goals] == [(0, 2), (2, 3)]


def test_a_folder_of_other_tables_says_how_to_convert_them(tmp_path):
    (tmp_path / "train.csv").write_text("session\n")
    with pytest.raises(CorpusError, match=r"found train\.csv; another table becomes one by pandas\.read_csv"):
        list(iter_dialogues("table", tmp_path, "train", columns=COLUMNS))


def test_rows_of_parquet_are_counted_as_pandas_does(tmp_path):
    table = pa.table(
        {"session": ["a", "a"], "asr": ["x", "y"], "tts": ["x", "y"], "vol": pa.array([1.0, float("nan")])}
    )
    pq.write_table(table, tmp_path / "logs.parquet")
    with pytest.raises(RecordError, match=r"logs\.parquet:1: field 'vol' is nan; expected a finite number"):
        list(iter_dialogues("table", tmp_path / "logs.parquet", "all", columns=COLUMNS | {"numeric": ["vol"]}))


@pytest.mark.parametrize(
    ("rows", "columns", "line", "expected"),
    [
        ([row(), row("b"), row()], {}, 3, "rows of a dialogue together: sort the table"),
        ([row(t=3), row(t=None), row(t=2)], {"seconds": "t"}, 3, "3.0 or more: rows of a dialogue in time order"),
        ([row(user="x"), row(user="y")], {"user_id": "user"}, 2, "'x', as in the rows before, or nothing"),
        ([row(won=True), row(won=False)], {"success": "won"}, 2, "True, as in the rows before, or nothing"),
    ],
)
def test_rows_that_contradict_each_other_are_named(tmp_path, rows, columns, line, expected):
    with pytest.raises(RecordError) as caught:
        flat(tmp_path, *rows, **columns)
    assert caught.value.row == line
    assert expected in caught.value.expected


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"intent": "no_such"}, r"logs\.jsonl: no column 'no_such', which columns maps to the field 'intent'; the file "
                                r"has: session, asr, tts"),
        ({"numeric": ["loudness"]}, r"no column 'loudness', which columns maps to the field 'numeric'"),
        ({"categorical": ["asr"], "numeric": ["loudness"]}, r"no column 'loudness', which .* to the field 'numeric'"),
        ({"intnt": "asr"}, r"columns: unknown field 'intnt'; did you mean 'intent'\?"),
        ({"intent": ["asr", "tts"]}, r"columns: intent is \['asr', 'tts'\]; expected the name of a column"),
        ({"intent": 3}, r"columns: intent is 3; expected the name of a column, in quotes: '3'"),
        ({"intent": {"asr": "tts"}}, r"columns: intent is \{'asr': 'tts'\}; expected the name of a column$"),
        ({3: "asr"}, r"columns: unknown field 3; Known: dialogue_id, "),
        ({"numeric": [3]}, r"columns: numeric is \[3\]; expected names of columns"),
        ({"intent": "asr", "categorical": ["tts", "asr"]}, r"columns: 'asr' is mapped to the label 'intent' and to "
                                                           r"'categorical', which models read: .*; map it to one of"),
        ({"goal_domain": "tts", "status": "tts"}, r"'tts' is mapped to the label 'goal_domain' and to 'status'"),
        ({"goal_start": "asr", "goal_id": "tts"}, r"goal_start and goal_id both say where goals begin"),
    ],
)  # fmt: skip
def test_a_bad_mapping_is_named(tmp_path, columns, message):
    path = jsonl(tmp_path / "logs.jsonl", row())
    with pytest.raises(CorpusError, match=message):
        list(iter_dialogues("table", path, "all", columns=COLUMNS | columns))
    with pytest.raises(CorpusError, match=message):
        load_dialogues("table", root=path, split="all", columns=COLUMNS | columns, cache_dir=tmp_path / "cache")


def test_columns_that_are_no_mapping_are_named(tmp_path):
    file = jsonl(tmp_path / "a.jsonl", row())
    with pytest.raises(CorpusError, match=r"columns is 'session'; expected \{field: column\}\. Fields: dialogue_id, "):
        load_dialogues("table", root=file, split="all", columns="session", cache_dir=tmp_path)


def test_what_people_said_may_be_a_request_and_a_transcript(tmp_path):
    (dialogue,) = flat(tmp_path, row(), transcript="asr")  # typed: nothing was misheard
    assert dialogue.labels.turns[0].transcript == Label(value="lights on")


def test_a_mapping_needs_the_dialogue_id(tmp_path):
    with pytest.raises(CorpusError, match=r"no column is mapped to 'dialogue_id' \(mapped: request\)"):
        list(iter_dialogues("table", jsonl(tmp_path / "a.jsonl", row()), "all", columns={"request": "asr"}))
    with pytest.raises(CorpusError, match=r"a\.jsonl:1: neither our record format .* Columns here: session, asr, tts"):
        list(iter_dialogues("table", tmp_path / "a.jsonl", "all"))


BAD_FILES = {
    "empty": ("a.jsonl", b"", CorpusError, r"a\.jsonl: the file is empty; expected at least one dialogue"),
    "blank": ("a.jsonl", b"\n\n", CorpusError, r"a\.jsonl: the file is empty"),
    "cut short": (
        "a.jsonl", b'{"id": "a"}\n{"id": "b', CorpusError, r"a\.jsonl:2: not valid JSON at column 8 of 9: "),
    "nested": (
        "a.jsonl", b'{"id": "a"}\n{"id": ' + b"[" * 5000 + b"]" * 5000 + b"}", CorpusError,
        r"a\.jsonl:2: not valid JSON at column 1 of 10008: lists and objects are nested too deeply"),
    "digits": (
        "a.jsonl", b'{"id": "a"}\n{"id": ' + b"9" * 5000 + b"}", CorpusError,
        r"a\.jsonl:2: not valid JSON at column 8 of 5008: a number of more than 4300 digits"),
    "a key twice": (
        "a.jsonl", b'{"id": "a"}\n{"id": "a", "turns": [], "id": "b"}', CorpusError,
        r'a\.jsonl:2: not valid JSON at column 26 of 35: an object has the key "id" twice'),
    "not UTF-8": ("a.jsonl", b'{"id": "\xff"}\n', CorpusError, r"a\.jsonl:1: not UTF-8 text at byte 8 of the line"),
    "an array": ("a.jsonl", b"[1, 2]\n", RecordError, r"a\.jsonl:1: field 'line' is \[1, 2\]; expected a JSON object"),
    "no Parquet": ("a.parquet", b"PAR1 or not", CorpusError, r"a\.parquet: not a Parquet file, cut short or damaged"),
    "empty Parquet": ("a.parquet", b"", CorpusError, r"a\.parquet: not a Parquet file, cut short or damaged"),
    "other format": ("a.csv", b"id\n", CorpusError, r"a\.csv: the suffix is '\.csv'; expected \.jsonl or \.parquet"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_FILES)
def test_a_bad_file_is_named(tmp_path, fault):
    name, content, error, message = BAD_FILES[fault]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        load_dialogues(
            "table", root=tmp_path / name, split="all", columns={"dialogue_id": "id"}, cache_dir=tmp_path / "c"
        )


def test_faults_of_records_are_named_by_line(tmp_path):
    good = Dialogue(id="a", corpus="c", split="s", turns=(Turn(request="hi"),)).to_dict()

    def fault(**changes):
        with pytest.raises(RecordError) as caught:
            list(iter_dialogues("table", jsonl(tmp_path / "a.jsonl", good, good | {"id": "b"} | changes), "all"))
        assert (caught.value.file, caught.value.row) == (str(tmp_path / "a.jsonl"), 2)
        return caught.value

    assert fault(turns=[]).expected == "at least one turn"
    assert fault(turns=[{"numeric": {"vol": float("nan")}}]).field == "turns[0].numeric['vol']"
    assert fault(id="a").expected == "an id that is used once in c (s)"
    assert fault(words=3).field == "words"
    slot = {"name": "x", "start": 0, "end": 5, "text": "hello"}
    assert fault(labels={"turns": [{"slots": [slot]}]}).field == "labels.turns[0].slots[0]"
