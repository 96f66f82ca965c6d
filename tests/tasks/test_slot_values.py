"""What is said of the values of slots, by a turn itself and after projection."""

import pandas as pd
import torch

from selflearn.evaluation.tables import metrics_of
from selflearn.schema import Dialogue, Label, Labels, Slot, Turn, TurnLabels
from selflearn.tasks import DialoguePrediction, Thresholds
from selflearn.tasks.slots import SlotsTask


def slot(text, start, name="song", value=None):
    return Slot(name=name, start=start, end=start + len(text), text=text, value=value)


GOLD = (
    TurnLabels(slots=(slot("blew", 5, value="Blue"),), defect=Label(value=True)),
    TurnLabels(slots=(slot("blue", 0, value="Blue"), slot("nina", 8, name="artist")), defect=Label(value=False)),
)
DIALOGUE = Dialogue(
    id="a", corpus="home", split="test", turns=(Turn(request="play blew"), Turn(request="blue by nina"))
).with_labels(Labels(turns=GOLD))


def table(first, second):
    said = DialoguePrediction(
        goals=((0, 2),), defects=(0.9, 0.1), intents=(("play", 0.4), ("play", 0.9)), slots=(first, second)
    )
    return SlotsTask(["artist", "song"]).tables([DIALOGUE], [said], Thresholds())["slots"]


def accuracy(frame, name):
    return metrics_of("slots", frame, ["a"], torch.ones(1, dtype=torch.double))[f"slots/{name}"].item()


def test_a_value_is_that_of_the_turn_or_after_projection_that_of_the_turn_that_served():
    found = table((slot("blew", 5),), (slot("blue", 0),))
    assert accuracy(found, "value_accuracy") == 0.5  # "blew" is what was heard
    assert accuracy(found, "value_accuracy@projected") == 1.0


def test_the_resolved_value_counts_and_where_the_span_stands_does_not():
    found = table((slot("play blew", 0, value="blue"),), ())
    assert accuracy(found, "value_accuracy") == 0.5


def test_two_slots_of_one_name_each_have_their_value():
    request, both = "from york or rome", (slot("york", 5, "city", "York"), slot("rome", 13, "city", "Rome"))
    dialogue = Dialogue(id="a", corpus="home", split="test", turns=(Turn(request=request),))
    dialogue = dialogue.with_labels(Labels(turns=(TurnLabels(slots=both),)))
    wrong = (slot("york", 5, "city", "Rome"), both[1])
    for said, right in ((both, 1.0), (both[::-1], 1.0), (both[1:], 0.5), (wrong, 0.5)):
        found = SlotsTask(["city"]).tables([dialogue], [DialoguePrediction(slots=(said,))], Thresholds())["slots"]
        assert accuracy(found, "value_accuracy") == right


def test_of_several_values_said_elsewhere_the_right_one_counts_whatever_its_capitals():
    found = table((slot("play", 0, value="blue"), slot("lay", 1, value="nina")), ())
    assert accuracy(found, "value_accuracy") == 0.5


def test_gold_without_a_value_is_no_item_and_a_table_without_any_has_no_such_metric():
    assert table((), ())["gold_value"].notna().sum() == 2
    bare = DIALOGUE.with_labels(Labels(turns=(TurnLabels(slots=()), TurnLabels(slots=(slot("blue", 0),)))))
    said = DialoguePrediction(slots=((), ()))
    frame = SlotsTask(["song"]).tables([bare], [said], Thresholds())["slots"]
    assert "gold_value" not in frame
    assert not any("value" in name for name in metrics_of("slots", frame, ["a"], torch.ones(1, dtype=torch.double)))


def test_a_slice_has_its_own_accuracy():
    found = table((), (slot("blue", 0),)).assign(**{"@defects": [True, False, False]})
    assert isinstance(found, pd.DataFrame)
    assert accuracy(found, "value_accuracy@defects") == 0.0
