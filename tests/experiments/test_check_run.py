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
