from __future__ import annotations

import pytest

from selflearn.models import stages
from selflearn.models.stages import StageClock


@pytest.fixture
def clock(monkeypatch):
    """A clock on which each look takes one second."""
    ticks = iter(range(100))
    monkeypatch.setattr(stages.time, "perf_counter", lambda: float(next(ticks)))
    return StageClock()


def test_a_stage_inside_of_another_is_counted_once(clock):
    with clock.stage("write"):
        with clock.stage("encode"):
            pass
        with clock.stage("encode"):
            pass
    assert clock.seconds == {"write": 3.0, "encode": 2.0}


def test_time_between_stages_belongs_to_none_and_an_error_ends_a_stage(clock):
    with pytest.raises(KeyError), clock.stage("read"):
        raise KeyError
    with clock.stage("read"):
        pass
    assert clock.seconds == {"read": 2.0}
