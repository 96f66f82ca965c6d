from dataclasses import replace

import pytest

from selflearn.batching.texts import TooLongError
from selflearn.training.data import TrainingData, _StepSampler
from tests.fixtures.dialogues import home_dialogues, plain_dialogue

DIALOGUES = home_dialogues(12)


def data(dialogues=DIALOGUES, **options):
    arguments = {
        "num_tokens": lambda d: 10 * len(d.turns),
        "token_budget": 60,
        "max_turns": 100,
        "epochs": 2,
        "seed": 3,
    }
    return TrainingData(dialogues, lambda batch, epoch: (epoch, [d.id for d in batch]), **arguments | options)


def steps(made, start=0, rank=0):
    """What a resumed run reads."""
    sampler = _StepSampler(made.batches, made.num_steps, rank, lambda: start)
    assert len(sampler) == made.num_steps
    return [made.dataset[step] for step in sampler]


def test_a_stage_is_so_many_epochs_and_every_dialogue_is_in_each_exactly_once():
    made = data()
    by_epoch = {0: [], 1: []}
    for epoch, ids in steps(made):
        by_epoch[epoch] += ids
    for ids in by_epoch.values():
        assert sorted(ids) == sorted(d.id for d in DIALOGUES)
    assert by_epoch[0] != by_epoch[1]
    assert len(steps(made)) == made.num_steps


@pytest.mark.parametrize("done", [0, 1, 5, 9])
def test_what_is_left_after_a_resume_is_what_would_have_come(done):
    assert steps(data(), start=done) == steps(data())[done:]


def test_a_fraction_of_an_epoch_and_less_than_a_step():
    whole = data(epochs=1).num_steps
    assert data(epochs=1.5).num_steps == whole + round(len(data().batches.epoch(1)) / 2)
    assert data(epochs=1e-9).num_steps == 1


def test_processes_that_train_together_share_the_dialogues_evenly():
    made = data(world_size=2, epochs=1)
    shares = [steps(made, rank=rank) for rank in range(2)]
    assert len(shares[0]) == len(shares[1]) == made.num_steps
    held = [name for share in shares for _, ids in share for name in ids]
    assert set(held) == {d.id for d in DIALOGUES}
    assert made.num_steps <= data(epochs=1).num_steps // 2 + 1


def test_long_dialogues_are_read_in_windows_and_counted():
    long = plain_dialogue(*[("a", "b")] * 2000, id="long")
    made = data([*DIALOGUES, long], max_turns=512, epochs=1)
    assert (made.windowed, made.dropped_turns, made.truncated_texts) == (1, 0, 0)
    assert len(made.items) == len(DIALOGUES) + 5
    covered = {turn for row, start, end in made.items if row == len(DIALOGUES) for turn in range(start, end)}
    assert covered == set(range(2000))
    assert sum(ids.count("long") for _, ids in steps(made)) == 5


def test_what_is_cut_off_is_counted():
    long = plain_dialogue(*[("a", "b")] * 2000, id="long")
    made = data([long], max_turns=512, on_overflow="truncate", epochs=1, truncated=lambda d: len(d.turns))
    assert (made.windowed, made.dropped_turns, made.truncated_texts) == (0, 1488, 512)
    assert made.items == [(0, 0, 512)]


def test_an_error_is_raised_where_one_was_asked_for_and_names_the_dialogue():
    with pytest.raises(TooLongError, match="dialogue 'long' has 2000 turns and the model reads 512"):
        data([plain_dialogue(*[("a", "b")] * 2000, id="long")], max_turns=512, on_overflow="error")
    with pytest.raises(TooLongError, match=r"dialogue 'home-3' has a text that is longer than model\.max_tokens"):
        data(on_overflow="error", truncated=lambda d: d.id == "home-3")
    assert data(on_overflow="error", truncated=lambda d: 0).truncated_texts == 0


def test_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="there is no dialogue to train on; look at the counts of the reader"):
        data([])


def test_without_a_trainer_there_is_no_rank():
    with pytest.raises(RuntimeError, match="not attached to a trainer"):
        data().train_dataloader()


def test_sizes_are_those_of_the_windows_that_are_read():
    seen = []
    data([replace(DIALOGUES[0], id="x")], num_tokens=lambda d: seen.append(len(d.turns)) or 1, max_turns=1)
    assert seen == [1] * len(DIALOGUES[0].turns)
