from __future__ import annotations

from contextlib import contextmanager
from functools import partialmethod

from experiments.keep_model import audited
from selflearn.inference import Labeler
from selflearn.models.system import ModelSystem
from tests.fixtures.dialogues import home_dialogues, tiny_model


def test_an_audit_of_tuning_dialogues_has_one_bar_however_many_are_labelled_at_a_time(monkeypatch):
    bars, done = [], []

    @contextmanager
    def bar(total):
        bars.append(total)
        yield done.append

    dialogues = home_dialogues(12)
    system = ModelSystem(*tiny_model(dialogues), bar=bar)
    expected = Labeler(system).audited(dialogues)
    bars.clear()
    done.clear()
    monkeypatch.setattr(Labeler, "stream", partialmethod(Labeler.stream, batch=5))
    assert len(list(audited(system, dialogues))) == len(expected)
    assert (bars, done) == ([12], [1] * 12)
