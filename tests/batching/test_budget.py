from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selflearn.batching.budget import EpochBatches, fill_batches

SIZES = st.lists(st.integers(1, 50), min_size=1, max_size=60)


@given(SIZES, st.integers(1, 100), st.integers(0, 3))
def test_every_dialogue_is_in_an_epoch_exactly_once_and_batches_keep_to_the_budget(sizes, budget, epoch):
    batches = EpochBatches(sizes, budget=budget, seed=1).epoch(epoch)
    assert sorted(i for batch in batches for i in batch) == list(range(len(sizes)))
    assert all(sum(sizes[i] for i in batch) <= budget or len(batch) == 1 for batch in batches)


@given(SIZES, st.integers(1, 100))
def test_a_batch_is_full_the_next_dialogue_would_not_have_fitted(sizes, budget):
    batches = fill_batches(sizes, range(len(sizes)), budget)
    for batch, following in pairwise(batches):
        assert sum(sizes[i] for i in batch) + sizes[following[0]] > budget


@given(SIZES, st.integers(1, 40), st.integers(1, 30), st.integers(0, 30))
def test_what_is_left_after_a_step_is_what_an_unbroken_run_does_from_there(sizes, budget, num_steps, done):
    whole = list(EpochBatches(sizes, budget=budget, seed=2).steps(num_steps))
    assert len(whole) == num_steps
    assert list(EpochBatches(sizes, budget=budget, seed=2).steps(num_steps, start=done)) == whole[done:]


def test_orders_depend_on_seed_and_epoch_alone():
    def orders(seed):
        return [EpochBatches([1] * 50, budget=10, seed=seed).epoch(epoch) for epoch in range(3)]

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)
    assert len({str(order) for order in orders(1)}) == 3


@given(SIZES, st.integers(1, 60), st.integers(2, 4))
def test_processes_get_equal_shares_that_hold_every_dialogue(sizes, budget, world_size):
    batches = EpochBatches(sizes, budget=budget, seed=3, world_size=world_size)
    shares = [batches.epoch(0, rank) for rank in range(world_size)]
    assert len({len(share) for share in shares}) == 1
    held = [i for share in shares for batch in share for i in batch]
    assert set(held) == set(range(len(sizes)))
    alone = len(EpochBatches(sizes, budget=budget, seed=3).epoch(0))
    assert sum(map(len, shares)) < alone + world_size  # no more than one batch a process is done twice


@pytest.mark.parametrize("epochs", [0, 0.5, 1, 2.25])
def test_number_of_steps_of_epochs(epochs):
    batches = EpochBatches([1] * 40, budget=10, seed=0)
    assert batches.num_steps(epochs) == epochs * 4
    epochs_of_steps = [epoch for epoch, _ in batches.steps(batches.num_steps(epochs))]
    assert len(epochs_of_steps) == epochs * 4
    assert epochs_of_steps == sorted(epochs_of_steps)


def test_epochs_go_on_for_as_long_as_steps_are_wanted():
    assert len(list(islice(EpochBatches([5], budget=1, seed=0).steps(10**9), 100))) == 100


def test_nothing_to_batch_ends_at_once():
    assert list(EpochBatches([], budget=1, seed=0).steps(5)) == []


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_of_nothing_is_refused(budget):
    with pytest.raises(ValueError, match=f"the token budget is {budget}; expected 1 or more"):
        fill_batches([1], [0], budget)
