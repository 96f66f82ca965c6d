from __future__ import annotations

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

from experiments.app import config_loader
from experiments.check_run import check_run
from selflearn._limits import SettingError


@pytest.fixture
def settings():
    """Of a run, with what the command line changes of them."""

    def composed(*overrides):
        cfg = config_loader().load_configuration("train", list(overrides), run_mode=RunMode.RUN)
        OmegaConf.set_struct(cfg, False)
        return cfg

    return composed


TESTED = "optimized_metric=test/segmentation/boundary_f1"


def test_a_log_for_development_may_be_chosen_on_by_its_test_split(settings):
    check_run(settings(TESTED, "data.simulate.development=true"))
    check_run(settings("optimized_metric=tune/segmentation/boundary_f1", "data.simulate.development=true"))


@pytest.mark.parametrize("of", [[], ["experiment=own_table", "data.root=logs"]])
def test_no_other_test_split_is_chosen_on(settings, of):
    with pytest.raises(SettingError, match=r"or test/\.\.\. of a simulated log for development"):
        check_run(settings(TESTED, *of))


def test_slices_are_of_the_test_dialogues_and_variants_of_the_tuning_dialogues_too(settings):
    for measured in ("success/f1@end_to_end", "slots/f1@name_ignored", "intent/accuracy@projected"):
        check_run(settings(f"optimized_metric=tune/{measured}"))
    check_run(settings("optimized_metric=test/intent/accuracy@unseen", "data.simulate.development=true"))
    for nowhere in ("intent/accuracy@unseen", "success/auc@within_question", "success/auc@before_notify"):
        with pytest.raises(SettingError, match=r"expected tune/TASK/METRIC of the tuning dialogues"):
            check_run(settings(f"optimized_metric=tune/{nowhere}"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.checkpoint_every=0", r"training\.checkpoint_every is 0; expected a whole number, 1 or more"),
        ("trainer.progress=2", r"trainer\.progress is 2; expected true or false"),
    ],
)
def test_what_stages_share_is_named_as_it_is_typed(settings, setting, message):
    with pytest.raises(SettingError, match=message):
        check_run(settings(setting))
