import math

import pytest
import torch

from selflearn._limits import SettingError
from selflearn.training import Recipe, TrainingSettings
from selflearn.training.loss_weights import FixedWeights, UncertaintyWeights
from selflearn.training.module import FineTuning
from tests.fixtures.dialogues import FAST, home_dialogues, tiny_model

LOSSES = {"intent": torch.tensor(2.0), "slots": torch.tensor(3.0)}


def test_fixed_weights_are_a_weighted_sum_in_which_others_weigh_one():
    assert FixedWeights({"slots": 0.5, "defect": 9.0})(LOSSES) == 2.0 + 1.5


def test_learned_weights_begin_as_a_sum_and_follow_the_formula():
    weights = UncertaintyWeights(["intent", "slots", "defect"])
    assert weights(LOSSES) == 5.0
    with torch.no_grad():
        weights.log_variances["intent"].fill_(1.0)
    assert weights(LOSSES).item() == pytest.approx(2 * math.exp(-1) + 0.5 + 3)


def test_a_task_that_is_not_in_the_batch_does_not_move_its_weight():
    weights = UncertaintyWeights(["intent", "slots", "defect"])
    weights(LOSSES).backward()
    gradients = {name: weight.grad for name, weight in weights.log_variances.items()}
    assert gradients["defect"] is None
    assert gradients["intent"].item() == pytest.approx(-2 + 0.5)


def test_learned_weights_settle_where_each_loss_weighs_its_own_inverse():
    weights = UncertaintyWeights(["intent", "slots"])
    optimizer = torch.optim.Adam(weights.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        weights(LOSSES).backward()
        optimizer.step()
    for name, loss in LOSSES.items():  # the minimum of exp(-s) L + s / 2 is at s = log(2 L)
        assert weights.log_variances[name].item() == pytest.approx(math.log(2 * loss.item()), abs=0.02)


def test_a_weight_of_a_task_that_nobody_knows_is_refused():
    model, _ = tiny_model(home_dialogues(4), tasks=["intent"])
    arguments = {"optimization": FAST, "num_steps": 1, "seed": 0}
    FineTuning(model, loss_weights={"intent": 2.0, "slots": 1.0}, **arguments)  # slots are not labelled here
    with pytest.raises(ValueError, match="loss_weights has the task 'intnet'; there are defect, "):
        FineTuning(model, loss_weights={"intnet": 2.0}, **arguments)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), "much", None, True])
def test_a_weight_that_no_loss_can_have_is_refused(weight):
    with pytest.raises(SettingError, match=r"loss_weights\.intent is .*; expected a number, 0 or more"):
        TrainingSettings(loss_weights={"slots": 0, "intent": weight})


def test_a_recipe_knows_the_tasks_that_it_names():
    """Before it is followed: pretraining may take hours, and asks for none of them."""
    weighted = TrainingSettings(loss_weights={"intnet": 2.0})
    for settings, message in [
        ({"training": weighted}, "loss_weights has the task 'intnet'; there are defect, "),
        ({"tasks": ("intent", "slot")}, "no task is called 'slot'; there are segmentation, "),
        (
            {"tasks": ("intent", "intent")},
            r"the task 'intent' is named twice .*expected each task once",
        ),
        ({"tasks": ()}, "there is no task to train; expected one of segmentation, "),
    ]:
        with pytest.raises(ValueError, match=message):
            Recipe(**settings)
