from dataclasses import replace

import pytest

from selflearn.batching.rows import DialogueRows
from selflearn.corpora import load_dialogues
from selflearn.corpora.rows import read_rows, write_jsonl_rows
from selflearn.inference import relabelled
from selflearn.inference.relabelled import relabelled_writer
from selflearn.schema import Dialogue, Goal, Labels, NamedValue, Truth, Turn, TurnTruth


@pytest.fixture
def rows(tmp_path):
    turn = Turn(request="play jazz", device_state={"b": "2", "a": "1"}, numeric={"loudness": 0.1})
    truth = Truth(turns=(TurnTruth(slots=(NamedValue(name="genre", value="jazz"),)),), facts={"season": "spring"})
    dialogue = Dialogue(id="0", corpus="mine", split="all", turns=(turn,), truth=truth)
    given = [replace(dialogue, id=str(number), user_id="ada" if number else None) for number in range(5)]
    write_jsonl_rows((one.to_dict() for one in given), tmp_path / "given.jsonl")
    return DialogueRows(load_dialogues("table", root=tmp_path / "given.jsonl", split="all", cache_dir=tmp_path / "c"))


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
@pytest.mark.parametrize("number", [0, 2, 3, 5])
def test_dialogues_are_written_as_they_were_given_with_their_new_labels(rows, tmp_path, monkeypatch, suffix, number):
    monkeypatch.setattr(relabelled, "BATCH", 2)
    labelled = [
        one.with_labels(Labels(goals=(Goal(start=0, end=1, name=f"goal {one.id}", source="model", score=0.5),)))
        for one in rows[:number]
    ]
    file = tmp_path / f"labelled{suffix}"
    with relabelled_writer(file, rows) as write:
        for one in labelled:
            write(one)
        assert not file.exists()
    assert [dict(row.values) for row in read_rows(file)] == [one.to_dict() for one in labelled]


def test_another_dialogue_in_the_place_of_one_is_refused(rows, tmp_path):
    with (
        pytest.raises(ValueError, match="dialogues '1' to '1' are not those that were read in their place"),
        relabelled_writer(tmp_path / "part.parquet", rows) as write,
    ):
        write(rows[1])
    assert not (tmp_path / "part.parquet").exists()


def test_the_rows_of_a_part_are_its_own(rows, tmp_path):
    part = rows[3:]
    with relabelled_writer(tmp_path / "part.parquet", part) as write:
        for one in part:
            write(one)
    assert [row.values["id"] for row in read_rows(tmp_path / "part.parquet")] == ["3", "4"]
