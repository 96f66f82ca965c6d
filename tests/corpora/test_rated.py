from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from selflearn.corpora import find_corpus, iter_dialogues
from selflearn.schema import Rating, RecordError

RELEASES = [("dbdc3", "dev"), ("uss", "sgd")]


@pytest.fixture(params=RELEASES, ids=[name for name, _ in RELEASES])
def held_out(request):
    """The corpus with a rater held out, its dialogues so, and as they are."""
    name, split = request.param
    root = request.getfixturevalue(f"{name}_release")
    without = list(iter_dialogues(name, root, split, hold_out_rater=True))
    return find_corpus(name, hold_out_rater=True), without, list(iter_dialogues(name, root, split))


def test_the_one_held_out_has_no_say_in_the_label_and_stays_in_the_record(held_out):
    corpus, dialogues, whole = held_out
    for dialogue, full in zip(dialogues, whole, strict=True):
        assert dialogue.ratings == full.ratings
        single = corpus.single_annotator(dialogue)
        for turn, labels in enumerate(dialogue.labels.turns):
            others = [r for r in dialogue.ratings if r.turn == turn and r.rater != single]
            assert (labels.defect is None) == (not others)
            if labels.defect is not None:
                assert labels.defect.value == corpus.is_defect(others)
                assert labels.defect.source == "gold"
    assert any(dialogue.labels != full.labels for dialogue, full in zip(dialogues, whole, strict=True))


def test_what_the_one_held_out_says_does_not_change_the_label(held_out):
    corpus, dialogues, _ = held_out
    answers = {"O": "X", "T": "O", "X": "O"} | {str(grade): str(6 - grade) for grade in range(1, 6)}
    for dialogue in dialogues:
        single = corpus.single_annotator(dialogue)
        turned = tuple(replace(r, answer=answers[r.answer]) if r.rater == single else r for r in dialogue.ratings)
        assert corpus.labelled(replace(dialogue, ratings=turned)).labels == dialogue.labels


def test_a_single_pass_is_one_person_who_rated_every_turn(held_out):
    corpus, dialogues, _ = held_out
    for dialogue in dialogues:
        single, labels = corpus.single_annotator(dialogue), corpus.single_pass(dialogue)
        for turn, (own, gold) in enumerate(zip(labels.turns, dialogue.labels.turns, strict=True)):
            assert (own.defect is None) == (gold.defect is None)
            if own.defect is not None:
                (rating,) = (r for r in dialogue.ratings if (r.rater, r.turn) == (single, turn))
                assert own.defect.value == corpus.is_defect([rating])
                assert own.defect.source == f"rater:{single}"


def test_the_one_held_out_is_drawn_from_all(uss_release):
    corpus = find_corpus("uss", hold_out_rater=True)
    places = Counter(
        corpus.single_annotator(dialogue).partition("/")[2]
        for part in ("sgd", "mwoz", "ccpe", "redial")
        for dialogue in iter_dialogues("uss", uss_release, part)
    )
    assert set(places) == {"1", "2", "3", "4"}
    assert max(places.values()) < 35  # of 64


def test_nobody_is_held_out_unless_asked(dbdc3_release):
    dialogue = next(iter_dialogues("dbdc3", dbdc3_release, "dev"))
    with pytest.raises(ValueError, match=r"every rater of dbdc3 helped .* expected the option hold_out_rater=true"):
        find_corpus("dbdc3").single_pass(dialogue)


def test_where_nobody_can_be_held_out_it_is_an_error(dbdc3_release):
    corpus = find_corpus("dbdc3", hold_out_rater=True)
    dialogue = next(iter_dialogues("dbdc3", dbdc3_release, "dev"))
    turns = sorted({rating.turn for rating in dialogue.ratings})
    each_their_own = tuple(Rating(rater=f"r{turn}", question="breakdown", answer="O", turn=turn) for turn in turns)
    alone = tuple(replace(rating, rater="r") for rating in each_their_own)
    for ratings in (each_their_own, alone):
        with pytest.raises(RecordError, match="expected two raters or more, of whom one at least rated every turn"):
            corpus.labelled(replace(dialogue, ratings=ratings))
    assert corpus.labelled(replace(dialogue, ratings=())).labels.turns[0].defect is None
