from __future__ import annotations

from selflearn.corpora import find_corpus
from selflearn.inference.ratings import item, ratings_by_task
from selflearn.schema import Dialogue, Goal, Labels, Rating, Turn


def rating(rater, question, turn, answer):
    return Rating(rater=rater, question=question, turn=turn, answer=answer)


def test_what_annotators_of_a_log_said_is_asked_of_the_turns_and_goals_of_its_labels():
    ratings = (
        rating("a", "boundary", 1, "no"), rating("a", "boundary", 2, "yes"), rating("a", "success", 1, "no"),
        rating("a", "success", 2, "yes"), rating("a", "defect", 0, "yes"), rating("a", "intent", 0, "play_music"),
        rating("b", "success", 0, "no"), rating("b", "success", 1, "yes"), rating("b", "defect", None, "yes"),
    )  # fmt: skip
    goals = (Goal(start=0, end=2, success=False), Goal(start=2, end=3, success=True))
    dialogue = Dialogue(
        id="d", corpus="mine", split="test", turns=tuple(Turn(request="play jazz") for _ in range(3)), ratings=ratings,
        labels=Labels(goals=goals),
    )  # fmt: skip
    found = ratings_by_task([dialogue], find_corpus("table"))
    rows = {task: sorted(frame.itertuples(index=False, name=None)) for task, frame in found.items()}
    assert rows == {
        "segmentation": [(item("d", 1), "a", False), (item("d", 2), "a", True)],
        "success": [(item("d", 0), "a", True), (item("d", 0), "b", False), (item("d", 1), "a", False)],  # not reached?
        "defect": [(item("d", 0), "a", True)],
    }
    assert ratings_by_task([], find_corpus("table")) == {}
