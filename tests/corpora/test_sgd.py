from __future__ import annotations

import random

import pytest

from selflearn.corpora import CorpusError, ReadReport, iter_dialogues
from selflearn.corpora.sgd import read_dialogue
from selflearn.schema import RecordError, Slot
from tests.fixtures.releases import first_release, sgd_dialogue, write_json


def pair(request, response, service, intent, *, acts=(), spans=(), values=None, other=None):
    """A user turn and its reply; ``other`` is a second user frame (service, intent) that comes first."""

    def frame(service, intent, spans=()):
        state = {"active_intent": intent, "requested_slots": [], "slot_values": values or {}}
        slots = [{"slot": slot, "start": start, "exclusive_end": end} for slot, start, end in spans]
        return {"service": service, "slots": slots, "state": state}

    frames = ([frame(*other)] if other else []) + [frame(service, intent, spans)]
    actions = [{"act": act.split("(")[0], "slot": act[len(act.split("(")[0]) + 1 : -1]} for act in acts]
    return [
        {"speaker": "USER", "utterance": request, "frames": frames},
        {"speaker": "SYSTEM", "utterance": response, "frames": [{"service": service, "slots": [], "actions": actions}]},
    ]


def read(*pairs, report=None):
    raw = {"dialogue_id": "d", "services": [], "turns": [turn for two in pairs for turn in two]}
    return read_dialogue(raw, "train", report or ReadReport("sgd", "train"))


def spans_of(dialogue):
    return [(goal.domain, goal.name, goal.start, goal.end, goal.success) for goal in dialogue.labels.goals]


def test_a_goal_is_a_run_of_one_service_and_intent_and_none_goes_with_the_goal_before():
    dialogue = read(
        pair("a", "b", "S_1", "Find"),
        pair("a", "b", "S_1", "Find"),
        pair("a", "b", "S_1", "NONE"),  # a declined offer in the middle: the same goal goes on
        pair("a", "b", "S_1", "Find"),
        pair("a", "b", "S_1", "Book"),
        pair("a", "b", "S_2", "Book"),  # same intent, other service
        pair("a", "b", "S_1", "Find"),  # comes back: a goal of its own
        pair("a", "b", "S_1", "NONE"),
    )
    assert spans_of(dialogue) == [
        ("S_1", "Find", 0, 4, None),
        ("S_1", "Book", 4, 5, None),
        ("S_2", "Book", 5, 6, None),
        ("S_1", "Find", 6, 8, None),
    ]
    assert [turn.intent and turn.intent.value for turn in dialogue.labels.turns] == [
        "Find", "Find", None, "Find", "Book", "Book", "Find", None
    ]  # fmt: skip


def test_the_active_frame_is_that_of_the_replys_service_wherever_it_stands():
    dialogue = read(
        pair("a", "b", "Old_1", "Find"),
        pair("a", "b", "New_1", "Book", other=("Old_1", "Find")),
        pair("a", "b", "New_1", "NONE", other=("Old_1", "Find")),
    )
    assert spans_of(dialogue) == [("Old_1", "Find", 0, 1, None), ("New_1", "Book", 1, 3, None)]


@pytest.mark.parametrize(
    ("acts", "success"),
    [
        ([[], []], None),
        ([["NOTIFY_SUCCESS"], []], True),
        ([["NOTIFY_FAILURE"], ["REQ_MORE"]], False),
        ([["NOTIFY_FAILURE"], ["NOTIFY_SUCCESS"]], True),
        ([["NOTIFY_SUCCESS"], ["NOTIFY_FAILURE"]], False),
    ],
)
def test_success_is_the_last_notification_of_the_goal(acts, success):
    pairs = [pair("a", "b", "S_1", "Book", acts=said) for said in acts]
    dialogue = read(*pairs, pair("a", "b", "S_1", "Find", acts=["NOTIFY_FAILURE"]))
    assert [goal.success for goal in dialogue.labels.goals] == [success, False]


def test_acts_are_sorted_once_each_with_their_slot():
    acts = ["REQUEST(town)", "OFFER(film)", "OFFER(film)", "GOODBYE"]
    (labels,) = read(pair("a", "b", "S_1", "Find", acts=acts)).labels.turns
    assert labels.response_acts == ("GOODBYE", "OFFER(film)", "REQUEST(town)")


def test_slots_are_the_spans_of_the_request_with_the_states_value():
    report = ReadReport("sgd", "train")
    dialogue = read(
        pair(
            "Nine Owls in Oakham at noon", "ok", "S_1", "Find",
            spans=[("time", 23, 27), ("film", 0, 9), ("town", 13, 19), ("part", 5, 9)],
            values={"film": ["9 Owls", "Nine Owls"], "town": ["Oakham on Sea"]},
        ),
        report=report,
    )  # fmt: skip
    assert dialogue.labels.turns[0].slots == (
        Slot(name="film", start=0, end=9, text="Nine Owls", value="Nine Owls"),  # the spoken form is among the values
        Slot(name="part", start=5, end=9, text="Owls"),
        Slot(name="town", start=13, end=19, text="Oakham", value="Oakham on Sea"),
        Slot(name="time", start=23, end=27, text="noon"),
    )
    assert report.counts["spans_without_state_value"] == 2
    assert report.counts["spans_overlapping"] == 1
    assert report.examples["spans_overlapping"] == ["d"]


def test_the_first_released_form_gives_the_same_record():
    plan = [("Cinemas_1", "FindFilm"), ("Taxis_1", "OrderTaxi")]
    raw = sgd_dialogue("d", plan, random.Random(1))
    old, new = ReadReport("sgd", "dev"), ReadReport("sgd", "dev")
    assert read_dialogue(first_release(raw), "dev", old) == read_dialogue(raw, "dev", new)
    assert old.counts["dialogues_in_first_release_form"] == 1
    assert "dialogues_in_first_release_form" not in new.counts


def test_a_pair_without_an_active_frame_is_counted_and_joins_the_goal_before():
    report = ReadReport("sgd", "train")
    orphan = pair("a", "b", "S_1", "Find")
    orphan[0]["frames"][0]["service"] = "S_9"
    dialogue = read(pair("a", "b", "S_1", "Find"), orphan, report=report)
    assert spans_of(dialogue) == [("S_1", "Find", 0, 2, None)]
    assert report.counts["pairs_without_active_frame"] == 1
    assert spans_of(read(orphan)) == [(None, None, 0, 1, None)]


def test_requests_and_responses_are_pairs_in_order(sgd_release):
    for dialogue in iter_dialogues("sgd", sgd_release, "train"):
        assert dialogue.turns[-1].response == "Goodbye!"
        assert all(turn.request and turn.response and turn.joins == 0 for turn in dialogue.turns)


# ---------------------------------------------------------------------------------------------------------- bad input


def test_the_test_split_must_be_obtained(sgd_release):
    with pytest.raises(CorpusError) as caught:
        iter_dialogues("sgd", sgd_release, "test")
    assert f"the split 'test' is not in {sgd_release}" in str(caught.value)
    assert "https://github.com/google-research-datasets/dstc8-schema-guided-dialogue" in str(caught.value)
    assert "put its folders train, dev and test into the root" in str(caught.value)


def broken(tmp_path, change):
    raw = sgd_dialogue("1_00007", [("Cinemas_1", "FindFilm")], random.Random(0))
    change(raw)
    write_json(tmp_path / "dev" / "dialogues_001.json", [raw])
    with pytest.raises(RecordError) as caught:
        list(iter_dialogues("sgd", tmp_path, "dev"))
    assert caught.value.file == str(tmp_path / "dev" / "dialogues_001.json")
    assert caught.value.row == "1_00007"
    return caught.value


def test_faults_inside_a_file_are_named(tmp_path):
    assert broken(tmp_path, lambda raw: raw["turns"][0].pop("utterance")).field == "utterance"
    assert broken(tmp_path, lambda raw: raw["turns"][0]["frames"][0].pop("state")).field == "state"
    assert broken(tmp_path, lambda raw: raw.update(turns=[])).field == "turns"
    assert broken(tmp_path, lambda raw: raw["turns"].pop()).expected.startswith("USER and SYSTEM in turn")
    assert "other version" in broken(tmp_path, lambda raw: raw.update(turns=5)).expected.replace(
        "or version", "other version"
    )
    error = broken(tmp_path, lambda raw: raw["turns"][0]["frames"][0]["slots"][0].update(exclusive_end=400))
    assert error.field == "slots"
    assert error.expected.startswith("0 <= start < exclusive_end <= ")


def test_a_file_that_is_no_list_or_unreadable_is_named(tmp_path):
    path = tmp_path / "dev" / "dialogues_001.json"
    write_json(path, {"dialogues": []})
    with pytest.raises(RecordError, match=r"dialogues_001\.json: field 'dialogues' is 'dict'; expected a list"):
        list(iter_dialogues("sgd", tmp_path, "dev"))
    path.write_bytes(b"")
    with pytest.raises(CorpusError, match=r"001\.json: not valid JSON at line 1, column 1 \(character 0 of 0\)"):
        list(iter_dialogues("sgd", tmp_path, "dev"))
    path.write_bytes(b"[" * 5000 + b"]" * 5000)
    with pytest.raises(CorpusError, match=r"001\.json: not valid JSON at line 1, .*: lists and objects are nested too"):
        list(iter_dialogues("sgd", tmp_path, "dev"))
    path.write_bytes(b"[\n" + b"9" * 5000 + b"]")
    with pytest.raises(
        CorpusError, match=r"001\.json: not valid JSON at line 2, column 1 .*: a number of more than 4300"
    ):
        list(iter_dialogues("sgd", tmp_path, "dev"))
    path.write_bytes(b'["\xff"]')
    with pytest.raises(CorpusError, match=r"dialogues_001\.json: not UTF-8 text at byte 2"):
        list(iter_dialogues("sgd", tmp_path, "dev"))
