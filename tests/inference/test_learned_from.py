"""An audit of dialogues that a model learned from is refused, also under other labels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selflearn.inference.learned_from import check_not_learned_from, write_learned_from
from selflearn.schema import Labels
from tests.fixtures.dialogues import home_dialogues


@pytest.fixture
def model(tmp_path):
    """Where a model is that learned from the first twelve of the log."""
    write_learned_from(home_dialogues(30)[:12], tmp_path)
    return tmp_path


def test_dialogues_that_the_model_learned_from_are_refused_by_name_and_number(model):
    audit = [*home_dialogues(30)[12:], *home_dialogues(30)[5:7]]
    with pytest.raises(ValueError, match=rf"tuned on 2 of the 20 dialogues, dialogue '{audit[18].id}' the first"):
        check_not_learned_from(audit, model)
    relabelled = [replace(dialogue, labels=Labels()) for dialogue in audit]
    with pytest.raises(ValueError, match="2 of the 20"):
        check_not_learned_from(relabelled, model)
    without_responses = [replace(d, turns=tuple(replace(turn, response=None) for turn in d.turns)) for d in audit]
    with pytest.raises(ValueError, match="2 of the 20"):
        check_not_learned_from(without_responses, model)


def test_others_are_not_though_they_have_the_same_names(model):
    """Names count from zero in many logs: what was said has to be the same as well."""
    others = home_dialogues(12, seed=3)
    assert [d.id for d in others] == [d.id for d in home_dialogues(12)]
    different = [d for d, known in zip(others, home_dialogues(12), strict=True) if d.turns != known.turns]
    assert len(different) > 6
    check_not_learned_from(different, model)
    check_not_learned_from([], model)


def test_of_a_model_that_remembers_nothing_nothing_is_refused(tmp_path):
    check_not_learned_from(home_dialogues(3), tmp_path)


def test_eight_bytes_a_dialogue_are_remembered(model):
    assert sum(file.stat().st_size for file in model.iterdir()) == 128 + 8 * 12
