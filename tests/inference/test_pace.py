from __future__ import annotations

import pytest

from selflearn.inference.pace import Pace, Person, pace_lines

SECONDS = {"read": 1.0, "prepare": 2.0, "encode": 17.0, "predict": 1.0, "decode": 0.5, "accept": 0.2, "write": 0.3}


def test_what_labelling_adds_is_measured_by_what_encoding_takes():
    pace = Pace(seconds=SECONDS, dialogues=44, labels=220)
    assert pace.total == pytest.approx(22.0)
    assert pace.added == pytest.approx(2.0 / 20.0)
    assert pace.dialogues_per_second == pytest.approx(2.0)
    assert pace.labels_per_hour == pytest.approx(36_000)
    assert pace.accepted_per_hour is None


def test_parts_are_added_up_and_nothing_accepted_is_not_nothing_promised():
    counts = {"dialogues": 3, "labels_rejected/intent": 4}
    pace = Pace.of_parts([({"encode": 2.0}, counts, 5), ({}, counts, 5), ({"encode": 1.0, "write": 1.0}, counts, 7)])
    assert (pace.seconds, pace.dialogues, pace.labels, pace.accepted) == ({"encode": 3.0, "write": 1.0}, 6, 12, 0)
    assert dict(pace_lines(pace))["accepted labels an hour"] == "0"
    assert Pace.of_parts([({}, counts, 5)]) is None
    assert Pace.of_parts([]) is None


def test_a_person_has_a_pace_and_somebody_who_says_so():
    pace = Pace(seconds=SECONDS, dialogues=44, labels=220, accepted=110)
    lines = dict(pace_lines(pace, Person(seconds_per_label=4, source="assumed")))
    assert lines["labels an hour of a person (assumed)"] == "900"
    assert lines["accepted labels an hour"] == "18,000"
    assert lines["labelling adds to reading and encoding"] == "10.0%"
    assert lines["labelling adds to encoding alone"] == "11.8%"
    for seconds, source in ((0, "assumed"), (4, " ")):
        with pytest.raises(ValueError, match="expected more than 0 seconds, and where that is from"):
            Person(seconds_per_label=seconds, source=source)
