from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given

from selflearn.inference.export import ExportError, export_dialogues
from selflearn.inference.export.conll import conll_lines
from selflearn.schema import Labels, Slot, TurnLabels
from tests.fixtures.dialogues import plain_dialogue
from tests.fixtures.labelled import home_labelled, labelled_dialogues


def read(text: str) -> list[tuple[dict, list[tuple[str, int, int, str]]]]:
    """Heads and words of every request of a file."""
    found = []
    for block in text.split("\n\n")[:-1]:
        lines = block.split("\n")
        head = dict(line.removeprefix("# ").split(" = ", 1) for line in lines[:4])
        words = [line.split("\t") for line in lines[4:]]
        assert all(len(fields) == 4 for fields in words)
        found.append(({name: json.loads(value) for name, value in head.items()},
                      [(word, int(start), int(end), tag) for word, start, end, tag in words]))  # fmt: skip
    return found


def spans(words) -> set[tuple[str, int, int]]:
    slots: list[tuple[str, int, int]] = []
    for _, start, end, tag in words:
        if tag.startswith("B-"):
            slots.append((tag[2:], start, end))
        elif tag.startswith("I-"):
            name, first, _ = slots.pop()
            assert name == tag[2:]
            slots.append((name, first, end))
    return set(slots)


def lines(dialogue, counts=None) -> str:
    return "".join(f"{line}\n" for line in conll_lines(dialogue, Counter() if counts is None else counts))


def slot(request, text, name="room", start=None):
    start = request.index(text) if start is None else start
    return Slot(name=name, start=start, end=start + len(text), text=text)


def with_slots(request, *slots):
    return plain_dialogue((request, None), labels=Labels(turns=(TurnLabels(slots=slots),)))


def test_slots_of_whole_words_are_found_again_to_the_character(tmp_path):
    dialogues = home_labelled(8)
    report = export_dialogues(dialogues, tmp_path, to="conll")
    found = read((tmp_path / "slots.conll").read_text("utf-8"))
    expected = [(d.id, i, {(s.name, s.start, s.end) for s in labels.slots})
                for d in dialogues for i, labels in enumerate(d.labels.turns)]  # fmt: skip
    assert [(head["dialogue"], head["turn"], spans(words)) for head, words in found] == expected
    assert report.counts["conll/slots"] == sum(len(slots) for *_, slots in expected)
    assert report.counts["conll/slots_widened"] == 0


@given(labelled_dialogues())
def test_words_are_where_the_offsets_say_and_no_slot_is_lost_uncounted(dialogue):
    counts: Counter[str] = Counter()
    found = read(lines(dialogue, counts))
    labelled = [
        i for i, t in enumerate(dialogue.labels.turns) if t.slots is not None and dialogue.turns[i].request is not None
    ]
    assert [head["turn"] for head, _ in found] == labelled
    assert counts["turns_left_out"] == len(dialogue.turns) - len(labelled)
    for head, words in found:
        request = dialogue.turns[head["turn"]].request
        assert [word for word, *_ in words] == request.split()
        assert all(request[start:end] == word for word, start, end, _ in words)
        for name, start, end in spans(words):  # every tagged span touches a slot of that name
            slots = dialogue.labels.turns[head["turn"]].slots
            assert any(s.name == name and s.start < end and s.end > start for s in slots)
    all_slots = sum(len(t.slots or ()) for i, t in enumerate(dialogue.labels.turns) if i in labelled)
    assert counts["slots"] + counts["slots_overlapping"] + counts["slots_without_word"] == all_slots
    assert sum(len(spans(words)) for _, words in found) == counts["slots"]


def test_what_is_no_whole_word_is_widened_or_left_out_and_counted():
    counts: Counter[str] = Counter()
    request = "the living-room lamp"
    text = lines(
        with_slots(request, slot(request, "living"), slot(request, "room lamp", "lamp"), slot(request, " ", "gap")),
        counts,
    )
    ((_, words),) = read(text)
    assert spans(words) == {("lamp", 4, 20)}
    assert dict(counts) == {"slots_without_word": 1, "slots": 1, "slots_widened": 1, "slots_overlapping": 1,
                            "turns": 1, "words": 3, "turns_left_out": 0}  # fmt: skip


def test_neighbouring_slots_of_one_name_stay_two():
    request = "hall kitchen"
    ((_, words),) = read(lines(with_slots(request, slot(request, "hall"), slot(request, "kitchen"))))
    assert spans(words) == {("room", 0, 4), ("room", 5, 12)}


def test_turns_without_labelled_slots_are_counted():
    counts: Counter[str] = Counter()
    dialogue = plain_dialogue(("a", None), (None, "b"), ("c", None))
    turns = (TurnLabels(), TurnLabels(slots=()), TurnLabels(slots=()))
    assert len(read(lines(dialogue.with_labels(Labels(turns=turns)), counts))) == 1
    assert counts["turns_left_out"] == 2
    assert lines(dialogue, counts) == ""
    assert counts["turns_left_out"] == 5


def test_a_name_with_white_space_cannot_be_a_tag():
    request = "the hall"
    with pytest.raises(ExportError, match="'room name' cannot be a tag; expected a name without white space"):
        lines(with_slots(request, replace(slot(request, "hall"), name="room name")))


def test_no_dialogue_gives_an_empty_file(tmp_path):
    export_dialogues([], tmp_path, to="conll")
    assert (tmp_path / "slots.conll").read_bytes() == b""
