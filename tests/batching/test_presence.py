"""What a log has beside what training turns had."""

import dataclasses

from selflearn.batching.presence import LONG_GAP, Presence
from selflearn.schema import Interpretation, Turn
from tests.fixtures.dialogues import home_dialogues, plain_dialogue


def log(*turns):
    return dataclasses.replace(plain_dialogue(("x", "y")), turns=turns).observed()


def test_shares_count_turns_and_name_the_fields_as_people_map_them():
    turn = Turn(request="a", seconds=3.0, categorical={"kind": "k"}, interpretations=(Interpretation(domain="d"),))
    found = Presence.of([log(Turn(request="a", seconds=0.0), turn), log(Turn(response="b"), Turn(response=""))])
    assert found.shares == {
        "categorical.kind": 0.25, "interpretations": 0.25, "request": 0.5, "response": 0.5, "seconds": 0.5
    }  # fmt: skip
    assert found.gap == 3.0
    assert Presence(**found.to_dict()) == found


def test_groups_that_are_not_read_are_not_counted():
    turn = Turn(request="a", seconds=1.0, status="ok", device_state={"oven": "on"}, location="hall")
    dialogue = log(dataclasses.replace(turn, seconds=0.0), turn)
    found = Presence.of([dialogue], without=["times", "device"])
    assert found == Presence(shares={"request": 1.0, "status": 1.0})


def test_a_field_that_training_had_and_a_log_lacks_is_said_and_a_rare_one_is_not():
    trained = Presence(shares={"status": 0.9, "location": 0.1, "request": 1.0})
    (said,) = trained.differences(Presence(shares={"request": 0.5}))
    assert "no turn has `status` (90% of the training turns had it): expect worse labels than were measured" in said
    assert not trained.differences(Presence(shares={"request": 0.5, "status": 0.01}))


def test_milliseconds_are_noticed_in_training_and_in_labelling():
    dialogues = [dialogue.observed() for dialogue in home_dialogues(12)]
    thousandfold = [
        dataclasses.replace(d, turns=tuple(dataclasses.replace(t, seconds=t.seconds * 1000) for t in d.turns))
        for d in dialogues
    ]
    trained, given = Presence.of(dialogues), Presence.of(thousandfold)
    assert trained.gap < LONG_GAP < given.gap
    assert not trained.doubts()
    assert "milliseconds are to be divided by 1000" in given.doubts()[0]
    (said,) = trained.differences(given)
    assert said.startswith(f"turns are {given.gap:,.4g} seconds apart, and training ones {trained.gap:,.4g} (")
    assert not trained.differences(Presence.of(dialogues[:1]))
