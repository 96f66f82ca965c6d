from dataclasses import replace

import pytest
import torch

from selflearn.schema import Goal, Labels
from selflearn.tasks import DialoguePrediction, SuccessTask, Thresholds
from selflearn.tasks.success import GoalHead, asked_goals
from tests.fixtures.dialogues import home_dialogues, plain_dialogue, tiny_model

DIALOGUE = plain_dialogue(*[("a", "b")] * 6).with_labels(
    Labels(goals=(Goal(start=0, end=2, success=True), Goal(start=2, end=3), Goal(start=3, end=6, success=False)))
)


def test_only_goals_with_an_answer_are_asked_about_and_failure_is_the_positive_class():
    assert asked_goals([DIALOGUE, plain_dialogue(("a", "b"))]) == [[(0, 2), (3, 6)], []]
    said = DialoguePrediction(failures=(0.2, 0.7))
    tables = SuccessTask().tables([DIALOGUE], [said], Thresholds(success=0.5))
    table = tables["success"]
    assert table["goal"].tolist() == [0, 2]
    assert table["gold"].tolist() == table["prediction"].tolist() == [False, True]
    assert "success@end_to_end" not in tables


def test_end_to_end_a_goal_is_scored_by_the_goal_that_was_found_for_it_and_is_wrong_where_none_was():
    said = DialoguePrediction(failures=(0.0, 1.0), goals=((0, 3), (3, 6)), goal_failures=(0.9, 0.8))
    table = SuccessTask().tables([DIALOGUE], [said], Thresholds())["success@end_to_end"]
    assert table["score"].tolist() == [0.9, 0.8]
    one = DialoguePrediction(failures=(0.0, 1.0), goals=((0, 6),), goal_failures=(0.1,))
    table = SuccessTask().tables([DIALOGUE], [one], Thresholds())["success@end_to_end"]
    assert table["prediction"].tolist() == [True, False]  # the only goal is the longer one's; the first is wrong
    assert table["score"].tolist() == [1.0, 0.1]


@pytest.mark.parametrize("causal", [False, True])
def test_a_goal_is_scored_by_its_turns_and_the_one_after_which_a_causal_model_does_not_see(causal):
    dialogues = home_dialogues(8)
    model, tokenizer = tiny_model(dialogues, layers=0, causal=causal)  # no layers: a turn's state is of that turn alone
    model.eval()
    goal = torch.tensor([[0, 1, 3]])

    def logit(exchanges):
        batch = model.collator(tokenizer, with_targets=False).inputs([plain_dialogue(*exchanges).observed()])
        return model.heads["success"](replace(model.encode(batch), context=True), goal).item()

    turns = [("one", "a"), ("two", "b"), ("three", "c"), ("four", "d"), ("five", "e")]
    for changed, seen in [(0, False), (1, True), (2, True), (3, not causal), (4, False)]:
        other = [("something else", "entirely") if i == changed else turn for i, turn in enumerate(turns)]
        assert (logit(other) != pytest.approx(logit(turns), abs=1e-6)) is seen, changed


def test_a_goal_at_the_end_of_a_padded_dialogue_has_no_turn_after_it():
    torch.manual_seed(0)
    from selflearn.tasks import EncodedBatch, StateSizes

    head = GoalHead(StateSizes(turn=4, token=4), dropout=0.0).eval()
    short = torch.randn(1, 2, 4)
    padded = torch.cat([short, torch.zeros(1, 3, 4)], 1)
    scores = [
        head(
            EncodedBatch(turns=turns, texts=None, lexical=None, tokens=turns, inputs=None, causal=False),
            torch.tensor([[0, 0, 2]]),
        )
        for turns in (short, padded)
    ]
    torch.testing.assert_close(*scores)


def test_half_of_the_goals_in_training_are_those_that_the_segmentation_finds():
    dialogues = home_dialogues(30)
    model, tokenizer = tiny_model(dialogues)
    batch = model.collator(tokenizer)(dialogues)
    goals, task = batch.targets["success"]["goals"], model.tasks["success"]
    nothing = torch.full(tuple(batch.turn_mask.shape), -9.0)  # no boundary: one goal a dialogue
    torch.manual_seed(0)
    trained = task._with_predicted(goals, nothing, batch)
    lengths = batch.lengths
    whole = torch.stack([goals[:, 0], torch.zeros_like(goals[:, 0]), lengths[goals[:, 0]]], 1)
    kept, found = (trained == goals).all(1), (trained == whole).all(1)
    assert (kept | found).all()
    differ = (goals != whole).any(1)
    assert 0.3 < found[differ].float().mean() < 0.7
    everywhere = torch.full(tuple(batch.turn_mask.shape), 9.0)  # a goal a turn: one of its own turns
    trained = task._with_predicted(goals, everywhere, batch)
    assert ((trained[:, 1] >= goals[:, 1]) & (trained[:, 2] <= goals[:, 2]) & (trained[:, 0] == goals[:, 0])).all()


def test_gold_goals_alone_are_scored_when_the_model_does_not_train():
    dialogues = home_dialogues(8)
    model, tokenizer = tiny_model(dialogues, dropout=0.0)
    model.eval()
    batch = model.collator(tokenizer)(dialogues)
    assert torch.equal(model(batch).losses["success"], model(batch).losses["success"])
