from hypothesis import given
from hypothesis import strategies as st

from selflearn.tasks import goals_from_boundaries


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1))
def test_goals_cover_the_dialogue_and_begin_where_the_threshold_is_reached(boundaries, threshold):
    goals = goals_from_boundaries(boundaries, threshold)
    assert [turn for start, end in goals for turn in range(start, end)] == list(range(len(boundaries)))
    assert {start for start, _ in goals} == {0, *(t for t, p in enumerate(boundaries) if t and p >= threshold)}


def test_the_first_turn_opens_a_goal_whatever_its_probability_and_a_dialogue_may_be_one_goal():
    assert goals_from_boundaries([0.0, 0.1, 0.2], 0.5) == ((0, 3),)
    assert goals_from_boundaries([0.0], 0.5) == ((0, 1),)
    assert goals_from_boundaries([0.0, 0.5], 0.5) == ((0, 1), (1, 2))
