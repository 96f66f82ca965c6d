from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from itertools import permutations
from pathlib import Path

import pytest
from datasets.utils import are_progress_bars_disabled

from selflearn.corpora import (
    Corpus,
    CorpusError,
    ReadReport,
    as_dialogues,
    corpus_names,
    find_corpus,
    iter_dialogues,
    load_dialogues,
    loading,
    read_report,
)
from selflearn.schema import Dialogue, Label, RecordError, Turn

RELEASES = [
    ("sgd", "train"), ("sgd", "dev"), ("star", "all"), ("snips", "dev"), ("atis", "test"), ("dbdc3", "dev"),
    ("uss", "sgd"), ("uss", "redial"),
]  # fmt: skip
FOLDERS = sorted({name for name, _ in RELEASES})


@pytest.fixture
def release(request):
    return lambda name: request.getfixturevalue(f"{name}_release")


@pytest.mark.parametrize(("name", "split"), RELEASES)
def test_stream_and_dataset_hold_the_same_dialogues(release, tmp_path, name, split):
    root = release(name)
    dataset = load_dialogues(name, root=root, split=split, cache_dir=tmp_path)
    streamed = list(iter_dialogues(name, root, split))
    assert dataset.features == Dialogue.features()
    assert list(as_dialogues(dataset)) == streamed
    assert {(d.corpus, d.split) for d in streamed} == {(name, split)}
    assert len({d.id for d in streamed}) == len(streamed)


def test_limit_takes_the_first(sgd_release, tmp_path):
    some = load_dialogues("sgd", root=sgd_release, split="train", cache_dir=tmp_path, limit=3)
    every = load_dialogues("sgd", root=sgd_release, split="train", cache_dir=tmp_path)
    assert some["id"][:] == every["id"][:3]
    with pytest.raises(ValueError, match="limit is 0; expected 1 or more"):
        load_dialogues("sgd", root=sgd_release, split="train", cache_dir=tmp_path, limit=0)


def test_the_cache_goes_by_content_not_by_place_or_date(sgd_release, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    here, there = tmp_path / "here", tmp_path / "elsewhere" / "there"
    shutil.copytree(sgd_release, here)
    made = load_dialogues("sgd", root=here, split="dev", cache_dir=cache)
    shutil.copytree(here, there)

    def not_again(*_):
        raise AssertionError("read again")

    with monkeypatch.context() as patch:
        patch.setattr(type(find_corpus("sgd")), "read", not_again)
        again = load_dialogues("sgd", root=there, split="dev", cache_dir=cache)
        assert read_report("sgd", root=there, split="dev", cache_dir=cache).counts["dialogues"] == len(again)
    assert again["id"][:] == made["id"][:]

    file = there / "dev" / "dialogues_001.json"
    file.write_text(file.read_text("utf-8").replace("Thank you, bye.", "Many thanks."), "utf-8")
    changed = load_dialogues("sgd", root=there, split="dev", cache_dir=cache)
    assert changed[0]["turns"][-1]["request"] == "Many thanks."
    monkeypatch.setattr(type(find_corpus("sgd")), "version", 99)
    assert loading._fingerprint(find_corpus("sgd"), there, "dev", None) != changed._fingerprint


def test_the_report_is_kept_with_the_cache_and_made_again_if_lost(star_release, tmp_path):
    made = read_report("star", root=star_release, split="all", cache_dir=tmp_path)
    kept = read_report("star", root=star_release, split="all", cache_dir=tmp_path)
    (file,) = tmp_path.rglob(loading.REPORT_FILE)
    file.unlink()
    lost = read_report("star", root=star_release, split="all", cache_dir=tmp_path)
    assert made == kept == lost
    assert made.dropped == {
        "dropped/dialogues_with_fewer_than_2_utterances": 1,
        "dropped/utterances_of_such_dialogues": 1,
    }


def test_a_report_counts_and_keeps_the_first_places():
    report = ReadReport("c", "s")
    for i in range(7):
        report.add("seen", where=i)
    report.add("never", 0, where="x")
    assert report.counts == {"seen": 7}
    assert str(report) == "c (s)\n  seen: 7 (first: 0, 1, 2, 3, 4)"
    assert ReadReport.from_dict(report.to_dict()) == report


def test_loading_is_quiet_unless_asked(sgd_release, tmp_path, capfd):
    before = are_progress_bars_disabled()
    load_dialogues("sgd", root=sgd_release, split="dev", cache_dir=tmp_path / "a")
    assert capfd.readouterr() == ("", "")
    assert are_progress_bars_disabled() == before
    for shown in ("reading sgd/dev", ""):  # the second time there is nothing to read
        load_dialogues("sgd", root=sgd_release, split="dev", cache_dir=tmp_path / "b", progress=True)
        said = capfd.readouterr()
        assert said.out == ""
        assert shown in said.err
        assert ("12/?" in said.err) is bool(shown)
    load_dialogues("sgd", root=sgd_release, split="dev", cache_dir=tmp_path / "c", limit=3, progress=True)
    assert "3/3" in capfd.readouterr().err
    assert are_progress_bars_disabled() == before


# ------------------------------------------------------------------------------------------------- a corpus of others


@dataclass(frozen=True, kw_only=True)
class Echo(Corpus):
    """A corpus as another package would write it."""

    name = "echo"
    version = 1
    splits = {"train": "all of it"}  # noqa: RUF012
    source = "Say something"

    loud: bool = False

    def files(self, root: Path, split: str) -> list[Path]:
        return sorted(root.rglob("*.txt"))

    def read(self, root: Path, split: str, report: ReadReport) -> Iterator[Dialogue]:
        for path in self.files(root, split):
            text = path.read_text("utf-8")
            turn = Turn(request=text.upper() if self.loud else text)
            yield Dialogue(id=path.stem, corpus=self.name, split=split, turns=(turn,))


def test_a_corpus_object_is_taken_with_its_options(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    cache = tmp_path / "cache"
    quiet = load_dialogues(Echo(), root=tmp_path, split="train", cache_dir=cache)
    loud = load_dialogues(Echo(), root=tmp_path, split="train", cache_dir=cache, loud=True)
    assert [quiet[0]["turns"][0]["request"], loud[0]["turns"][0]["request"]] == ["hello", "HELLO"]


@pytest.mark.parametrize("value", ["tests.corpora.test_loading:Echo", "tests.corpora.test_loading:ECHO"])
def test_an_entry_point_adds_a_corpus(monkeypatch, tmp_path, value):
    point = EntryPoint(name="echo", value=value, group=loading.ENTRY_POINTS)
    monkeypatch.setattr(loading, "entry_points", lambda group: [point])
    (tmp_path / "a.txt").write_text("hello")
    assert "echo" in corpus_names()
    assert next(iter_dialogues("echo", tmp_path, "train")).turns[0].request == "hello"


def test_two_corpora_of_one_name_are_an_error(monkeypatch):
    point = EntryPoint(name="sgd", value="tests.corpora.test_loading:CLASH", group=loading.ENTRY_POINTS)
    monkeypatch.setattr(loading, "entry_points", lambda group: [point])
    with pytest.raises(CorpusError, match=r"two corpora are named 'sgd'; the second is tests\.corpora"):
        find_corpus("sgd")


class _Clash(Echo):
    name = "sgd"


ECHO, CLASH = Echo(), _Clash()


def test_known_corpora():
    assert {*FOLDERS, "table"} <= set(corpus_names())


# ---------------------------------------------------------------------------------------------------------- bad input


def test_an_unknown_name_split_or_option_names_the_nearest(tmp_path):
    with pytest.raises(CorpusError, match=r"unknown corpus 'sdg'; did you mean 'sgd'\? Known: atis, dbdc3, sgd"):
        load_dialogues("sdg", root=tmp_path, split="train")
    with pytest.raises(CorpusError, match=r"sgd has no split 'tran'; did you mean 'train'\? Known: dev, test, train"):
        load_dialogues("sgd", root=tmp_path, split="tran")
    with pytest.raises(CorpusError, match=r"table has no option 'column'; did you mean 'columns'\?"):
        load_dialogues("table", root=tmp_path, split="all", column={})
    with pytest.raises(CorpusError, match="split is ''"):
        load_dialogues("table", root=tmp_path, split="")


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("sgd", "github.com/google-research-datasets/dstc8-schema-guided-dialogue"),
        ("star", "github.com/RasaHQ/STAR"),
        ("snips", "github.com/monologg/JointBERT"),
        ("atis", "github.com/monologg/JointBERT"),
        ("dbdc3", "github.com/dbd-challenge/dbdc3"),
        ("uss", "github.com/sunnweiwei/user-satisfaction-simulation"),
    ],
)
@pytest.mark.parametrize("load", [load_dialogues, iter_dialogues])
def test_a_missing_root_says_how_to_get_the_release(tmp_path, name, address, load):
    with pytest.raises(CorpusError) as caught:
        load(name, root=tmp_path / "nowhere", split=next(iter(find_corpus(name).splits)))
    message = str(caught.value)
    assert f"{tmp_path / 'nowhere'} does not exist" in message
    assert "SELFLEARN_CORPORA" in message
    assert address in message


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("load", [load_dialogues, iter_dialogues])
def test_a_root_that_is_a_file_says_what_was_expected(tmp_path, name, load):
    file = tmp_path / f"{name}.zip"
    file.write_bytes(b"not unpacked")
    with pytest.raises(CorpusError, match=rf"root .*{name}\.zip is a file; expected the folder of the {name} release"):
        load(name, root=file, split=next(iter(find_corpus(name).splits)))


@pytest.mark.parametrize(("name", "other"), list(permutations(FOLDERS, 2)))
def test_the_directory_of_another_corpus_is_refused(release, tmp_path, name, other):
    split = next(iter(find_corpus(name).splits))
    with pytest.raises((CorpusError, RecordError), match=f"not the {name} release|is this another corpus"):
        load_dialogues(name, root=release(other), split=split, cache_dir=tmp_path)


def test_the_folder_above_a_release_is_pointed_out(sgd_release, tmp_path):
    (tmp_path / "sgd").symlink_to(sgd_release)
    with pytest.raises(CorpusError, match=r"expected train/dialogues_\*\.json, found sgd; perhaps .*/sgd is meant"):
        load_dialogues("sgd", root=tmp_path, split="train")


def test_a_split_without_dialogues_is_an_error_not_an_empty_dataset(tmp_path):
    with pytest.raises(CorpusError, match=r"the split 'train' of .* holds no dialogue"):
        load_dialogues(Echo(), root=tmp_path, split="train", cache_dir=tmp_path / "cache")


def test_a_fault_leaves_no_cache_behind(sgd_release, tmp_path):
    broken, cache = tmp_path / "broken", tmp_path / "cache"
    shutil.copytree(sgd_release, broken)
    file = sorted((broken / "dev").glob("dialogues_*.json"))[-1]
    content = file.read_text("utf-8")
    file.write_text(content[: len(content) // 2], "utf-8")
    for _ in range(2):
        with pytest.raises(CorpusError, match=rf"{file.name}: not valid JSON at line \d+, column \d+ \(character \d+"):
            load_dialogues("sgd", root=broken, split="dev", cache_dir=cache)
    file.write_text(content, "utf-8")
    assert len(load_dialogues("sgd", root=broken, split="dev", cache_dir=cache)) == 12


@pytest.mark.parametrize(
    ("name", "split", "copy", "named"),
    [
        ("sgd", "train", "dialogues_009.json", lambda content: content[0]["dialogue_id"]),
        ("star", "all", "900.json", lambda content: str(content["DialogueID"])),
        ("dbdc3", "dev", "copy.log.json", lambda content: content["dialogue-id"]),
    ],
)
def test_a_dialogue_that_a_release_has_twice_is_refused_with_its_files(release, tmp_path, name, split, copy, named):
    root = tmp_path / "twice"
    shutil.copytree(release(name), root)
    path = find_corpus(name).files(root, split)[-1]
    other = path.with_name(copy)
    shutil.copy(path, other)
    calls = [
        lambda: list(iter_dialogues(name, root, split)),
        lambda: load_dialogues(name, root=root, split=split, cache_dir=tmp_path / "cache"),
    ]
    for call in calls:
        with pytest.raises(RecordError, match=rf"expected an id that is used once in {name} \({split}\)") as caught:
            call()
        assert caught.value.field == "id"
        assert caught.value.value == named(json.loads(path.read_bytes()))
        assert set(caught.value.file.split(", ")) == {str(path), str(other)}


def test_an_id_that_another_readers_files_do_not_tell_is_refused_with_the_folder(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one.txt").write_text("hello")
    with pytest.raises(RecordError, match="field 'id' is 'one'; expected an id that is used once in echo") as caught:
        list(iter_dialogues(Echo(), tmp_path, "train"))
    assert caught.value.file == str(tmp_path)


def test_rows_that_are_no_dialogues_are_named():
    good = Dialogue(id="a", corpus="c", split="s", turns=(Turn(request="hi"),)).to_dict()
    with pytest.raises(RecordError, match="expected a string, or nothing") as caught:
        list(as_dialogues([good, good | {"turns": [{"request": 3}]}]))
    assert (caught.value.row, caught.value.field) == (1, "turns[0].request")


def test_labels_stay_labels(sgd_release):
    first = next(iter_dialogues("sgd", sgd_release, "train"))
    assert first.labels.turns[0].intent == Label(value="FindFilm")
