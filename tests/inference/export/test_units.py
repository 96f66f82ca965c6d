from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selflearn.inference.export.units import from_units, one_unit_each, to_units


@given(st.text(), st.data())
def test_offsets_go_to_units_and_back(text, data):
    offset = data.draw(st.integers(0, len(text)))
    assert from_units(text, to_units(text, offset)) == offset


@pytest.mark.parametrize(("units", "message"), [(-1, "outside"), (4, "outside"), (2, "inside a character")])
def test_units_outside_of_the_text_or_inside_a_character_are_refused(units, message):
    with pytest.raises(ValueError, match=message):
        from_units("a\U0001f3b5", units)


@given(st.text(), st.data())
def test_where_each_character_has_one_unit_both_counts_are_the_same(text, data):
    plain = one_unit_each(text)
    offset = data.draw(st.integers(0, len(text)))
    assert len(plain) == len(text)
    assert to_units(plain, offset) == offset
