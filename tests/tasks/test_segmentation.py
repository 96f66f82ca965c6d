from selflearn.schema import Goal, Labels
from selflearn.tasks import DialoguePrediction, SegmentationTask, Thresholds
from tests.fixtures.dialogues import plain_dialogue

DIALOGUE = plain_dialogue(*[("a", "b")] * 4).with_labels(
    Labels(goals=(Goal(start=0, end=1), Goal(start=1, end=3), Goal(start=3, end=4)))
)
ONE_TURN = plain_dialogue(("a", "b"), id="short").with_labels(Labels(goals=(Goal(start=0, end=1),)))


def test_a_decision_is_where_a_goal_starts_and_the_first_turn_is_none():
    assert SegmentationTask().decisions(DIALOGUE) == [None, True, False, True]
    assert SegmentationTask().decisions(plain_dialogue(("a", "b"), ("c", "d"))) == [None, None]


def test_the_table_has_a_row_a_turn_from_the_second_on():
    said = DialoguePrediction(boundaries=(1.0, 0.3, 0.6, 0.5))
    rows = SegmentationTask().tables([DIALOGUE], [said], Thresholds(segmentation=0.5))["segmentation"]
    assert rows["turn"].tolist() == [1, 2, 3]
    assert rows["gold"].tolist() == [True, False, True]
    assert rows["prediction"].tolist() == [False, True, True]  # a score that reaches the threshold is a yes
    assert rows["score"].tolist() == [0.3, 0.6, 0.5]


def test_dialogues_of_one_turn_have_no_decision():
    assert SegmentationTask.fit([ONE_TURN]) is None
    said = DialoguePrediction(boundaries=(1.0,))
    assert SegmentationTask().tables([ONE_TURN], [said], Thresholds())["segmentation"].empty
