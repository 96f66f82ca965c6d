import pytest
from hypothesis import given
from hypothesis import strategies as st

from selflearn.corpora.splits import cut_off, group_folds

GROUPS = st.lists(st.sampled_from([f"user-{i}" for i in range(12)]), min_size=1, max_size=80)


@given(GROUPS, st.integers(1, 6), st.integers(0, 9))
def test_folds_hold_every_row_once_and_keep_users_together(groups, folds, seed):
    if len(set(groups)) < folds:
        with pytest.raises(ValueError, match=f"groups cannot be cut into {folds} folds"):
            group_folds(groups, folds, seed)
        return
    found = group_folds(groups, folds, seed)
    assert len(found) == folds
    assert all(found)
    assert sorted(row for fold in found for row in fold) == list(range(len(groups)))
    owners = [{groups[row] for row in fold} for fold in found]
    assert sum(map(len, owners)) == len(set(groups))
    assert found == group_folds(groups, folds, seed)


@given(st.integers(5, 100), st.integers(2, 5), st.integers(0, 9))
def test_folds_of_single_dialogues_are_even(rows, folds, seed):
    sizes = [len(fold) for fold in group_folds([str(i) for i in range(rows)], folds, seed)]
    assert max(sizes) - min(sizes) <= 1


@given(GROUPS, st.integers(2, 4), st.integers(0, 9))
def test_a_fold_is_larger_than_another_by_no_more_than_a_user(groups, folds, seed):
    if len(set(groups)) >= folds:
        sizes = [len(fold) for fold in group_folds(groups, folds, seed)]
        assert max(sizes) - min(sizes) <= max(groups.count(group) for group in groups)


def test_another_seed_gives_other_folds():
    rows = [str(i) for i in range(40)]
    assert group_folds(rows, 4, seed=0) != group_folds(rows, 4, seed=1)


@given(GROUPS, st.floats(0.01, 0.9), st.integers(0, 9))
def test_a_cut_parts_the_rows_and_keeps_users_together(groups, share, seed):
    if len(set(groups)) < 2:
        with pytest.raises(ValueError, match="of 1 users cannot be cut in two; expected two users or more"):
            cut_off(groups, share, seed)
        return
    stay, cut = cut_off(groups, share, seed)
    assert sorted([*stay, *cut]) == list(range(len(groups)))
    assert cut
    assert not {groups[row] for row in stay} & {groups[row] for row in cut}
    assert (stay, cut) == cut_off(groups, share, seed)


@given(st.integers(10, 200), st.floats(0.05, 0.5), st.integers(0, 9))
def test_a_cut_of_single_dialogues_has_the_share_that_was_asked_for(rows, share, seed):
    _, cut = cut_off([str(i) for i in range(rows)], share, seed)
    assert len(cut) == max(1, round(share * rows))


@given(GROUPS, st.floats(0.01, 0.5), st.floats(0.01, 0.5), st.integers(0, 9))
def test_a_smaller_cut_is_part_of_a_larger_one(groups, one, other, seed):
    if len(set(groups)) >= 2:
        small, large = (cut_off(groups, share, seed)[1] for share in sorted((one, other)))
        assert small == large[: len(small)]
