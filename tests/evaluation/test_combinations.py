from dataclasses import replace

import pandas as pd

from selflearn.evaluation.combinations import SLICE, Combinations, add_combinations, combinations
from selflearn.evaluation.tables import check_table
from selflearn.evaluation.task_metrics import TASK_METRICS
from selflearn.schema import Goal, Label, Labels, Turn, TurnLabels
from tests.fixtures.dialogues import plain_dialogue


def dialogue(name, *turns, room="kitchen"):
    """Turns are (intent, device type, state of the oven)."""
    made = tuple(
        Turn(request="a", device_type=device, device_state={} if oven is None else {"oven": oven},
             categorical={"room": room})
        for _, device, oven in turns
    )  # fmt: skip
    labels = tuple(TurnLabels(intent=None if intent is None else Label(value=intent)) for intent, _, _ in turns)
    goals = tuple(Goal(start=i, end=i + 1, success=True) for i in range(len(turns)))
    return replace(plain_dialogue(("x", "y"), id=name), turns=made, labels=Labels(goals=goals, turns=labels))


TRAIN = [
    dialogue("1", ("film", "screen", "off"), ("warmth", "speaker", "on")),
    dialogue("2", ("book", "speaker", "off")),
]
MET = Combinations.of(TRAIN)

TEST = dialogue(
    "t",
    ("film", "screen", "off"),  # met as it is
    ("film", "speaker", "off"),  # each part was met
    ("book", "screen", "on"),  # in a situation that was met, with another device and wish
    ("call", "screen", "off"),  # nobody called
    ("film", "watch", "off"),  # no such device
    ("film", "screen", None),  # no such situation
    (None, "speaker", "on"),  # nothing is wanted
    ("film", None, "off"),  # not known on what
)
RECOMBINED = [False, True, True, False, False, False, False, False]


def table(**columns):
    return pd.DataFrame({"dialogue_id": "t", **columns})


def test_a_combination_is_unseen_where_it_is_new_and_its_parts_are_not():
    found = [one is not None and MET.recombine(one) for one in combinations(TEST)]
    assert found == RECOMBINED


def test_another_room_is_another_situation():
    other = dialogue("o", ("film", "screen", "off"), room="bedroom")
    assert not any(MET.recombine(one) for one in combinations(other))  # nobody was ever there
    met = Combinations.of([*TRAIN, dialogue("3", ("book", "speaker", "off"), room="bedroom")])
    assert [met.recombine(one) for one in combinations(other)] == [True]


def test_the_slice_is_of_turns_and_of_goals_by_their_first_turn_and_not_of_boundaries():
    turns, goals = table(turn=range(8)), table(goal=range(8), start=range(8))
    characters = table(turn=[1, 1], start=[0, 7])  # slots have a start of another kind
    found = add_combinations(
        {"intent": turns, "intent@projected": turns, "success": goals, "slots": characters, "segmentation": turns},
        [TEST], MET,
    )  # fmt: skip
    for name in ("intent", "intent@projected", "success"):
        assert found[name][SLICE].tolist() == RECOMBINED, name
        assert found[name][SLICE].dtype == bool
    assert found["slots"][SLICE].tolist() == [True, True]
    assert SLICE not in found["segmentation"]
    intents = found["intent"].assign(gold="film", prediction="film")
    check_table("intent", intents, TASK_METRICS["intent"])


def test_there_is_no_slice_where_nothing_is_in_it_or_nothing_was_labelled():
    tables = {"intent": table(turn=range(8))}
    assert SLICE not in add_combinations(tables, [TEST], Combinations.of([TEST]))["intent"]
    assert SLICE not in add_combinations(tables, [TEST], Combinations.of(()))["intent"]
    without_gold = [replace(d, labels=Labels()) for d in TRAIN]
    assert SLICE not in add_combinations(tables, [TEST], Combinations.of(without_gold))["intent"]
    assert SLICE not in add_combinations(tables, [plain_dialogue(("a", "b"), id="t")], MET)["intent"]
