"""Slots that share words: one counts, the others are counted."""

import pytest

from selflearn.batching.collator import Collator
from selflearn.batching.texts import Tokenization
from selflearn.encoders.pretrained import byte_level_tokenizer
from selflearn.schema import Dialogue, Labels, Slot, Turn, TurnLabels
from selflearn.tasks import DialoguePrediction, Thresholds
from selflearn.tasks.slots import SlotsTask

REQUEST = "from the old harbour to here"


def slot(text, name):
    start = REQUEST.index(text)
    return Slot(name=name, start=start, end=start + len(text), text=text)


def labelled(*slots):
    return Dialogue(
        id="a", corpus="home", split="test", turns=(Turn(request=REQUEST), Turn(request="yes")),
        labels=Labels(turns=(TurnLabels(slots=slots), TurnLabels(slots=()))),
    )  # fmt: skip


HARBOUR, OLD = slot("old harbour", "origin"), slot("old", "age")
HERE, HERE_TOO = slot("here", "target"), slot("here", "place")
TASK = SlotsTask(["age", "origin", "place", "target"])


@pytest.mark.parametrize("pairing", ["separate", "pair"])
@pytest.mark.parametrize(
    ("slots", "max_tokens", "untrained", "unscored"),
    [
        ((HARBOUR, HERE), 64, 0, 0),
        ((OLD, HARBOUR, HERE), 64, 1, 0),  # the longer one is trained on, both are scored
        ((HARBOUR, HERE, HERE_TOO), 64, 1, 1),
        ((OLD, HARBOUR, HERE, HERE_TOO), 64, 2, 1),
        ((HARBOUR, HERE), 24, 1, 0),  # the end of the request is not read
    ],
)
def test_what_shares_its_words_or_is_not_read_is_counted(slots, max_tokens, untrained, unscored, pairing):
    collator = Collator(Tokenization(byte_level_tokenizer(), max_tokens=max_tokens), pairing=pairing, tasks={})
    dialogue = labelled(*slots)
    assert TASK.untrained(dialogue, collator.request_spans) == untrained
    assert TASK.unscored(dialogue) == unscored
    tags = TASK.targets([dialogue], collator([dialogue]))["tags"].tolist()
    assert sum(tag % 2 for tag in tags) == len(slots) - untrained  # where a slot begins
    said = DialoguePrediction(slots=((), ()))
    assert len(TASK.tables([dialogue], [said], Thresholds())["slots"]) == len(slots) - unscored


def test_of_two_slots_on_the_same_words_the_first_is_trained_on_and_scored():
    collator = Collator(Tokenization(byte_level_tokenizer(), max_tokens=64), tasks={})
    for first, second in [(HERE, HERE_TOO), (HERE_TOO, HERE)]:
        dialogue = labelled(first, second)
        (tag,) = {tag for tag in TASK.targets([dialogue], collator([dialogue]))["tags"].tolist() if tag % 2}
        assert TASK.labels[(tag - 1) // 2] == first.name
        table = TASK.tables([dialogue], [DialoguePrediction(slots=((second,), ()))], Thresholds())["slots"]
        assert table[["gold", "prediction"]].to_numpy().tolist() == [[first.name, second.name]]
