from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selflearn.corpora import iter_dialogues
from selflearn.corpora.splits import cut_off, group_folds, hold_out, same_dialogues
from selflearn.schema import Dialogue, Turn

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


@pytest.mark.parametrize("sizes", [(5, 5, 190), (5, 95), (*[5] * 39, 400)])
@pytest.mark.parametrize("seed", range(8))
def test_one_user_with_most_of_the_dialogues_is_learned_from(sizes, seed):
    groups = [str(user) for user, size in enumerate(sizes) for _ in range(size)]
    stay, cut = cut_off(groups, 0.1, seed)
    assert groups.index(str(len(sizes) - 1)) in stay
    assert cut


@given(GROUPS, st.floats(0.01, 0.9), st.integers(0, 9))
def test_what_learns_tunes_and_calibrates_has_no_user_in_common(groups, share, seed):
    if len(set(groups)) < 2:
        return
    learn, *held = parts = hold_out(groups, share, seed)
    assert sorted(chain(*parts)) == list(range(len(groups)))
    owners = [{groups[row] for row in part} for part in parts]
    assert sum(map(len, owners)) == len(set(groups))
    assert learn == cut_off(groups, share, seed)[0]
    assert bool(held[1]) is (len(owners[1] | owners[2]) > 1)


def said(name, *texts):
    turns = tuple(
        Turn(request=request, response=response) for request, response in zip(texts[::2], texts[1::2], strict=True)
    )
    return Dialogue(id=name, corpus="c", split="s", turns=turns)


def test_dialogues_of_two_corpora_are_known_by_their_texts():
    mine = [
        said("same", "a", "b", "c", "d", "e", "f"),
        said("edited", "a ", "b", "x  y", "d", "e", "changed"),
        said("other", "a", "b", "z", "d"),
        said("short", "a", "b"),
    ]
    theirs = [
        said("1", "a", "b", "c", "d", "e", "f"),
        said("2", "a", "b", "c", "d", "e", "g"),
        said("3", "a", "b", "x y", "d", "e", "f"),
        said("4", "a", "b", "c ", "d", "e", "f", "more", "to say"),
    ]
    assert same_dialogues(mine, theirs) == {"same": "1", "edited": "3"}
    assert same_dialogues(mine, reversed(theirs)) == {"same": "1", "edited": "3"}
    assert same_dialogues(mine, []) == same_dialogues([], theirs) == {}


def test_the_sources_of_dialogues_are_found(uss_release, sgd_release):
    sgd = list(iter_dialogues("sgd", sgd_release, "train"))
    found = same_dialogues(iter_dialogues("uss", uss_release, "sgd"), sgd)
    assert found == {f"sgd-{i}": f"1_{i - 1:05}" for i in range(1, 17)}
    assert same_dialogues(iter_dialogues("uss", uss_release, "redial"), sgd) == {}
