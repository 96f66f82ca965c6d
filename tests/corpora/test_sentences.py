"""SNIPS and ATIS share a layout, so they share their tests."""

from __future__ import annotations

import pytest

from selflearn.corpora import CorpusError, ReadReport, iter_dialogues
from selflearn.schema import Label, RecordError, Slot, Turn
from tests.fixtures.releases import write_text


def release(root, *sentences, split="train"):
    """A release of (tokens, tags, intent) lines."""
    for name, column in zip(("seq.in", "seq.out", "label"), zip(*sentences, strict=True), strict=True):
        write_text(root / split / name, "".join(f"{line}\n" for line in column))
    return root


def read(root, *sentences, report=None):
    return list(iter_dialogues("snips", release(root, *sentences), "train", report=report))


def test_a_sentence_is_a_turn_with_a_request_alone(tmp_path):
    sentence = ("play the  paper ships by nine owls ", "O O B-song I-song O B-band I-band", "Play")
    (dialogue,) = read(tmp_path, sentence)
    assert (dialogue.id, dialogue.corpus, dialogue.split) == ("1", "snips", "train")
    assert dialogue.turns == (Turn(request="play the paper ships by nine owls"),)
    (labels,) = dialogue.labels.turns
    assert labels.intent == Label(value="Play")
    assert labels.slots == (
        Slot(name="song", start=9, end=20, text="paper ships"),
        Slot(name="band", start=24, end=33, text="nine owls"),
    )
    assert dialogue.labels.goals is None


@pytest.mark.parametrize(
    ("tags", "spans", "repaired"),
    [
        ("O O O O", [], 0),
        ("B-x B-x I-x O", [("x", "a"), ("x", "b c")], 0),
        ("B-x I-y I-y O", [("x", "a"), ("y", "b c")], 1),
        ("I-x I-x O I-x", [("x", "a b"), ("x", "d")], 2),
    ],
)
def test_tags_become_spans(tmp_path, tags, spans, repaired):
    report = ReadReport("snips", "train")
    (dialogue,) = read(tmp_path, ("a b c d", tags, "Play"), report=report)
    assert [(slot.name, slot.text) for slot in dialogue.labels.turns[0].slots] == spans
    assert report.counts.get("tags_inside_without_begin", 0) == repaired


def test_only_line_feeds_end_a_sentence_and_any_blank_ends_a_token(tmp_path):
    (dialogue,) = read(tmp_path, ("caf\u00e9\u2028\u00fcber\u00a0alles", "O O B-x", "Play"))
    assert dialogue.turns[0].request == "caf\u00e9 \u00fcber alles"


def test_empty_sentences_are_left_out_and_counted(tmp_path):
    report = ReadReport("snips", "train")
    found = read(tmp_path, ("a", "O", "Play"), (" ", " ", "Play"), ("b", "O", "Play"), report=report)
    assert [dialogue.id for dialogue in found] == ["1", "3"]
    assert report.dropped == {"dropped/empty_sentences": 1}
    assert report.examples["dropped/empty_sentences"] == [f"{tmp_path}/train/seq.in:2"]


def test_a_double_intent_is_one_name(atis_release):
    names = {d.labels.turns[0].intent.value for d in iter_dialogues("atis", atis_release, "train")}
    assert "atis_DimLights#atis_SetTimer" in names


# ---------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("sentence", "file", "field", "expected"),
    [
        (("a b", "O", "Play"), "seq.out", "tags", "2 tags, one a token of seq.in"),
        (("a b", "O X-y", "Play"), "seq.out", "tags", "O, B-NAME or I-NAME"),
        (("a b", "O O", ""), "label", "label", "is this another corpus?"),
        (("a b", "O O", "atis_flight"), "label", "label", "is this another corpus?"),
    ],
)
def test_a_bad_line_is_named(tmp_path, sentence, file, field, expected):
    with pytest.raises(RecordError) as caught:
        read(tmp_path, ("good", "O", "Play"), sentence)
    assert (caught.value.file, caught.value.row, caught.value.field) == (str(tmp_path / "train" / file), 2, field)
    assert expected in caught.value.expected


def test_files_of_different_lengths_are_named(tmp_path):
    release(tmp_path, ("a", "O", "Play"), ("b", "O", "Play"))
    write_text(tmp_path / "train" / "label", "Play\n")
    with pytest.raises(CorpusError, match=r"equally many lines, .* found seq\.in 2, seq\.out 2, label 1"):
        list(iter_dialogues("snips", tmp_path, "train"))


def test_empty_or_missing_files_are_named(tmp_path):
    release(tmp_path, ("a", "O", "Play"))
    for name in ("seq.in", "seq.out", "label"):
        write_text(tmp_path / "dev" / name, "")
    with pytest.raises(CorpusError, match=r"dev: expected equally many lines, at least one, but found seq\.in 0"):
        list(iter_dialogues("snips", tmp_path, "dev"))
    with pytest.raises(CorpusError, match=r"test/seq\.in does not exist\. The release is data/snips of https"):
        iter_dialogues("snips", tmp_path, "test")
    (tmp_path / "train" / "seq.in").write_bytes(b"a \xff\n")
    with pytest.raises(CorpusError, match=r"seq\.in: not UTF-8 text at byte 2"):
        list(iter_dialogues("snips", tmp_path, "train"))
