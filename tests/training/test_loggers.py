import pytest
from lightning.pytorch.loggers import CSVLogger

from selflearn.training.loggers import LoggerSettings, close_loggers, log_results, make_loggers


def test_none_logs_nothing_and_an_unknown_kind_is_refused(tmp_path):
    assert make_loggers(LoggerSettings(kind="none"), tmp_path) == []
    with pytest.raises(ValueError, match="kind is 'tensorboard'; expected one of csv, wandb, none"):
        LoggerSettings(kind="tensorboard")


def test_losses_of_a_run_that_was_killed_are_kept_when_it_goes_on(tmp_path):
    for step in range(3):
        (logger,) = make_loggers(LoggerSettings(), tmp_path)
        assert isinstance(logger, CSVLogger)
        logger.log_metrics({"loss": float(step)}, step=step)
        logger.save()
        close_loggers([logger])
    found = sorted(path.parent.name for path in tmp_path.rglob("metrics.csv"))
    assert found == ["losses", "losses_2", "losses_3"]


def test_results_go_to_wandb_alone_as_the_other_kinds_have_them_in_files(tmp_path):
    for kind in ("csv", "none"):
        log_results(LoggerSettings(kind=kind), tmp_path, config={"seed": 1}, metrics={"test/intent/accuracy": 0.5})
    assert not list(tmp_path.iterdir())
