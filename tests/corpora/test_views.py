from __future__ import annotations

from dataclasses import replace

import pytest

from selflearn.corpora import iter_dialogues
from selflearn.corpora.views import before_notification, notifying_turns, without_notifications
from selflearn.schema import (
    Dialogue,
    Feedback,
    Goal,
    Label,
    Labels,
    Rating,
    Slot,
    Truth,
    Turn,
    TurnLabels,
    TurnTruth,
)  # fmt: skip


@pytest.fixture
def dialogue():
    """Three goals: one without success, one that fails and is tried again, one that succeeds with its last turn."""
    acts = [("OFFER(film)",), ("NOTIFY_FAILURE", "REQ_MORE"), ("NOTIFY_SUCCESS",), ("REQ_MORE",), ("NOTIFY_SUCCESS",)]
    slot = Slot(name="film", start=0, end=4, text="turn")
    labels = [TurnLabels(slots=(slot,), response_acts=said, defect=Label(value=True)) for said in acts]
    labels[0] = replace(labels[0], rephrase_target=Label(value=3))
    return Dialogue(
        id="d",
        corpus="c",
        split="s",
        turns=tuple(Turn(request=f"turn {i}", response=f"reply {i}") for i in range(5)),
        feedback=tuple(Feedback(rephrase=True) for _ in range(5)),
        labels=Labels(
            goals=(
                Goal(start=0, end=1, name="find"),
                Goal(start=1, end=4, name="book", success=True),
                Goal(start=4, end=5, name="ride", success=True),
            ),
            turns=tuple(labels),
        ),
        ratings=tuple(Rating(rater="r", question="q", answer="yes", turn=turn) for turn in (0, 1, 4, None)),
        truth=Truth(turns=tuple(TurnTruth(request=f"turn {i}") for i in range(5))),
    )


def test_notifying_responses_are_taken_away_and_all_else_stays(dialogue):
    view = without_notifications(dialogue)
    assert notifying_turns(dialogue) == (1, 2, 4)
    assert [turn.response for turn in view.turns] == ["reply 0", None, None, "reply 3", None]
    assert [turn.request for turn in view.turns] == [turn.request for turn in dialogue.turns]
    assert replace(view, turns=dialogue.turns) == dialogue


def test_without_notifications_nothing_changes(dialogue):
    bare = dialogue.with_labels(Labels())
    assert without_notifications(bare) is bare
    assert before_notification(bare) == []


def test_each_labelled_goal_is_cut_before_its_first_notification(dialogue):
    book, ride = before_notification(dialogue)
    assert [book.id, ride.id] == ["d#1", "d#2"]
    assert [turn.response for turn in book.turns] == ["reply 0", None]
    assert [(g.start, g.end, g.success) for g in book.labels.goals] == [(0, 1, None), (1, 2, True)]
    assert [turn.response for turn in ride.turns] == ["reply 0", "reply 1", "reply 2", "reply 3", None]
    assert [(g.start, g.end, g.success) for g in ride.labels.goals] == [(0, 1, None), (1, 4, None), (4, 5, True)]


def test_what_came_later_or_judged_the_response_is_gone(dialogue):
    book, ride = before_notification(dialogue)
    assert [rating.turn for rating in book.ratings] == [0]
    assert [rating.turn for rating in ride.ratings] == [0, 1]
    assert book.feedback == (Feedback(rephrase=True), Feedback())
    assert len(book.truth.turns) == 2
    first, last = book.labels.turns
    assert first.rephrase_target is None
    assert ride.labels.turns[0].rephrase_target == Label(value=3)
    assert (last.response_acts, last.defect) == (None, None)
    assert last.slots == dialogue.labels.turns[1].slots


def test_a_goal_that_nobody_announced_is_cut_at_its_end(dialogue):
    silent = replace(dialogue, labels=replace(dialogue.labels, turns=()))
    assert [len(view.turns) for view in before_notification(silent)] == [4, 5]


def test_views_of_a_release_have_one_dialogue_a_label_and_say_nothing_of_the_end(sgd_release):
    for dialogue in iter_dialogues("sgd", sgd_release, "train"):
        views = before_notification(dialogue)
        labelled = [goal.success for goal in dialogue.labels.goals if goal.success is not None]
        assert [view.labels.goals[-1].success for view in views] == labelled
        for view in views:
            assert view.turns[-1].response is None
        told = ("done and confirmed", "went wrong")
        for turn in without_notifications(dialogue).turns:
            assert not any(words in (turn.response or "") for words in told)
