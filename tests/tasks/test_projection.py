from selflearn.schema import Slot
from selflearn.tasks.prediction import DialoguePrediction, Thresholds
from selflearn.tasks.projection import projected


def intents(defects, names, goals=None, threshold=0.5):
    said = DialoguePrediction(goals=goals or ((0, len(names)),), defects=defects, intents=names)
    return [name for name, _ in projected(said, Thresholds(defect=threshold)).intents]


def test_failed_turns_take_the_most_certain_intent_that_served_later_in_their_goal():
    names = (("call", 0.4), ("text", 0.5), ("play", 0.9), ("other", 0.2))
    assert intents((0.9, 0.8, 0.1, 0.1), names) == ["play", "play", "play", "other"]
    assert intents((0.9, 0.8, 0.1, 0.1), names, threshold=0.85) == ["play", "text", "play", "other"]


def test_a_turn_that_is_more_certain_keeps_its_own():
    assert intents((0.9, 0.1), (("call", 0.8), ("other", 0.3))) == ["call", "other"]


def test_nothing_is_carried_from_before_or_from_another_goal():
    names = (("play", 0.9), ("call", 0.4), ("stop", 0.9))
    assert intents((0.1, 0.9, 0.1), names, goals=((0, 2), (2, 3))) == ["play", "call", "stop"]


def test_without_goals_or_defects_there_is_nothing_to_go_by():
    assert projected(DialoguePrediction(intents=(("play", 0.9),)), Thresholds()) is None
    assert projected(DialoguePrediction(intents=(("play", 0.9),), goals=((0, 1),)), Thresholds()) is None


def test_slots_are_carried_with_the_intent():
    slots = ((), (Slot(name="song", start=0, end=4, text="blue"),))
    said = DialoguePrediction(goals=((0, 2),), defects=(0.9, 0.1), intents=(("call", 0.4), ("play", 0.9)), slots=slots)
    assert projected(said, Thresholds()).slots == (slots[1], slots[1])
