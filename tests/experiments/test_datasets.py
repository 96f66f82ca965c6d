"""How an experiment's dialogues are cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hydra.types import RunMode

from experiments.app import config_loader
from experiments.datasets import (
    check_splits,
    check_turns,
    cut_split,
    fingerprints,
    fold_splits,
    load,
    load_run,
    reader_options,
)
from experiments.systems import run_all
from selflearn.batching.texts import TooLongError
from selflearn.corpora import CorpusError, load_dialogues
from selflearn.corpora.table import write_parquet
from selflearn.evaluation.benchmark import Split
from selflearn.simulation.summary import Summary
from tests.fixtures import rated_releases, releases
from tests.fixtures.dialogues import home_dialogues, long_home_dialogue


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpora")
    releases.write_sgd(root / "sgd")
    rated_releases.write_uss(root / "uss")
    rated_releases.write_dbdc3(root / "dbdc3")
    return root


def split_of(cfg, say=print):
    return cut_split(cfg, load_run(cfg, say), say)


def folds_of(cfg, fold_by, say=print):
    return [split for split, _ in fold_splits(cfg, load_run(cfg, say), fold_by, say)]


@pytest.fixture
def composed(corpora, tmp_path):
    def compose(*lines):
        shared = [f"paths.corpora={corpora}", f"paths.cache={tmp_path}", "paths.output_dir=x"]
        return config_loader().load_configuration("train", [*lines, *shared], run_mode=RunMode.RUN)

    return compose


def test_dialogues_that_another_corpus_has_too_are_left_out_of_training(composed):
    said = []
    cfg = composed("experiment=sgd", "data.leave_out={corpus: uss, split: sgd}")
    split, unlabelled, counts = split_of(cfg, said.append)
    rest = {"1_00016", "1_00017", "1_00018", "1_00019"}  # of 1_00000 to 1_00019
    assert {dialogue.id for dialogue in [*unlabelled, *split.labelled()]} == rest
    assert len(split.test) == 12
    assert counts["train_without_shared_dialogues"] == 4
    assert "16 dialogues left out that are in uss/sgd too" in said
    whole = split_of(composed("experiment=sgd"), said.append)[0]
    assert len(list(whole.labelled())) == 20


def test_a_simulated_log_too_small_for_a_split_says_what_would_be_enough(composed, monkeypatch):
    monkeypatch.setattr("experiments.datasets.written_log", lambda *_: Summary(dialogues_by_split=Counter(train=40)))
    cfg = composed("experiment=simulated", "data.simulate.dialogues=40", "data.root=log")
    message = r"none of the 40 dialogues of log is of the split 'test': .*; expected more dialogues \(data\.simulate\."
    with pytest.raises(CorpusError, match=message):
        load(cfg, "test", print)


def test_pretraining_reads_no_tuning_dialogue_however_few_are_labelled(composed):
    split, unlabelled, _ = split_of(composed("experiment=sgd", "data.labelled=10", "data.tune_share=0.3"))
    held = {dialogue.id for dialogue in [*split.tune, *split.calibrate]}
    assert split.tune
    assert split.calibrate
    assert len({dialogue.id for dialogue in unlabelled}) == 20 - len(held)
    assert held.isdisjoint(dialogue.id for dialogue in unlabelled)


def test_a_dialogue_that_trains_and_tests_is_refused(composed, tmp_path):
    write_parquet([replace(d, split="train") for d in home_dialogues(20)], tmp_path / "train.parquet")
    own = ["experiment=own_table", f"data.root={tmp_path}", "data.train_split=all", "data.test_split=train"]
    with pytest.raises(
        CorpusError, match=r"dialogue '.*' is in data\.train_split and in data\.test_split; expected no"
    ):
        split_of(composed(*own))


def test_people_who_train_and_test_are_counted_and_said(composed, tmp_path):
    """Two splits may each count their dialogues from one: only the same people, or the same turns, are the same."""
    for split, seed, people in (("train", 0, 10), ("test", 1, 4)):
        log = [replace(d, id=str(i), user_id=f"person-{i % people}" if i % 2 else None, split=split)
               for i, d in enumerate(home_dialogues(20, seed=seed))]  # fmt: skip
        write_parquet(log, tmp_path / f"{split}.parquet")
    said = []
    _, _, counts = split_of(composed("experiment=own_table", f"data.root={tmp_path}"), said.append)
    assert counts["test_dialogues_of_known_people"] == 10
    assert any("10 of 20 test dialogues are of people who are in the training split too" in line for line in said)


def test_folds_of_a_table_hold_people_out(composed, tmp_path):
    log = [replace(d, user_id=f"person-{i % 9}", split="train") for i, d in enumerate(home_dialogues(36))]
    write_parquet(log, tmp_path / "train.parquet")
    cfg = composed("experiment=own_table", f"data.root={tmp_path}", "data.folds=3", "data.test_split=null")
    for split in folds_of(cfg, cfg.data.fold_by):
        tested, learned = ({d.user_id for d in part} for part in (split.test, split.labelled()))
        assert tested
        assert tested.isdisjoint(learned)


@pytest.mark.parametrize(("by", "known"), [("dialogue", 36), ("user", 0)])
def test_people_who_are_in_several_folds_are_counted_and_said(composed, tmp_path, by, known):
    log = [replace(d, user_id=f"person-{i % 3}", split="train") for i, d in enumerate(home_dialogues(36))]
    write_parquet(log, tmp_path / "train.parquet")
    cfg, said = composed("experiment=own_table", f"data.root={tmp_path}", "data.folds=3", "data.test_split=null"), []
    ((_, counts), *_) = fold_splits(cfg, load_run(cfg, said.append), by, said.append)
    assert counts["test_dialogues_of_known_people"] == known
    assert any("36 of 36 test dialogues are of people who are in other folds too" in line for line in said) == (
        known > 0
    )


def test_dialogues_that_all_stay_together_make_no_folds(composed, tmp_path):
    log = [replace(d, user_id="ann", split="train") for d in home_dialogues(12)]
    write_parquet(log, tmp_path / "train.parquet")
    cfg = composed("experiment=own_table", f"data.root={tmp_path}", "data.folds=3", "data.test_split=null")
    with pytest.raises(ValueError, match=r"data\.folds=3 by user: all 12 dialogues are in one fold, and none is left"):
        folds_of(cfg, "user")


def test_pretraining_reads_no_other_dialogue_of_people_who_are_held_out(composed, tmp_path):
    log = [replace(d, user_id=f"person-{i % 17}", split="train") for i, d in enumerate(home_dialogues(60))]
    write_parquet(log, tmp_path / "train.parquet")
    write_parquet([replace(d, split="test") for d in home_dialogues(4, seed=1)], tmp_path / "test.parquet")
    own = [f"data.root={tmp_path}", "data.labelled=30", "data.tune_share=0.3"]
    split, unlabelled, _ = split_of(composed("experiment=own_table", *own))
    held = {dialogue.user_id for dialogue in [*split.tune, *split.calibrate]}
    assert held
    assert held.isdisjoint(dialogue.user_id for dialogue in [*unlabelled, *split.train])
    assert len(unlabelled) > len(split.train)


def test_what_learns_tunes_calibrates_and_tests_is_disjoint_by_user(composed, tmp_path):
    log = [replace(d, user_id=f"person-{i % 17}", split="train") for i, d in enumerate(home_dialogues(60))]
    write_parquet(log, tmp_path / "train.parquet")
    own = [f"data.root={tmp_path}", "data.folds=4", "data.tune_share=0.3"]
    folds = folds_of(composed("experiment=own_table", *own), "user")
    assert len(folds) == 4
    for split in folds:
        parts = (split.train, split.tune, split.calibrate, split.test)
        users = [{dialogue.user_id for dialogue in part} for part in parts]
        assert all(users)
        assert sum(map(len, users)) == len(set.union(*users))


def test_folds_that_cannot_be_made_are_refused_before_anything_is_trained(composed):
    check_splits(composed("experiment=star"))
    with pytest.raises(ValueError, match=r"data\.unseen_by=bot needs folds; give their number too"):
        check_splits(composed("experiment=own_table", "data.root=logs", "data.unseen_by=bot"))
    with pytest.raises(ValueError, match=r"data\.unseen_by is 'colour'; expected one of dialogue, question, user, bot"):
        check_splits(composed("experiment=star", "data.unseen_by=colour"))
    with pytest.raises(ValueError, match=r"data\.fold_by is 'colour'"):
        check_splits(composed("experiment=star", "data.fold_by=colour"))
    with pytest.raises(ValueError, match=r"data\.fold_by is None; expected one of dialogue, "):
        check_splits(composed("experiment=star", "data.fold_by=null"))


def test_folds_leave_out_what_another_corpus_has_too(composed):
    said = []
    shared = "data.leave_out={corpus: uss, split: sgd}"
    folds = folds_of(composed("experiment=sgd", "data.folds=2", shared), "dialogue", said.append)
    assert {dialogue.id for split in folds for dialogue in split.test} == {f"1_000{row}" for row in range(16, 20)}
    assert "16 dialogues left out that are in uss/sgd too" in said


def test_settings_of_one_test_split_are_refused_with_folds(composed):
    with pytest.raises(
        ValueError, match=r"data\.labelled=10 and data\.folds=5: every fold learns .*; expected data\.lim"
    ):
        check_splits(composed("experiment=sgd", "data.folds=5", "data.labelled=10"))


def test_one_split_that_is_to_train_and_test_is_refused(composed):
    """Single sentences are not told by their turns (:func:`met_before`): many are said again."""
    with pytest.raises(
        ValueError, match=r"data\.train_split and data\.test_split are both 'train', .*; expected two spl"
    ):
        check_splits(composed("experiment=snips", "data.test_split=train"))
    check_splits(composed("experiment=snips", "data.test_split=train", "data.folds=5"))  # folds have no use for it


def test_what_is_left_out_has_to_be_a_split_of_a_corpus_that_is_there(composed):
    for said in ("uss", "{corpus: uss}", "{corpus: uss, split: sgd, root: x}"):
        with pytest.raises(
            ValueError, match=r"data\.leave_out is .*uss.*; expected \{corpus: NAME, split: NAME\}, or nu"
        ):
            check_splits(composed("experiment=sgd", f"data.leave_out={said}"))
    cfg = composed("experiment=sgd", "data.leave_out={corpus: uss, split: sgd}")
    check_splits(cfg)
    loaded = load_run(cfg, print)
    cfg.paths.corpora = None
    with pytest.raises(
        CorpusError, match=r"data\.leave_out needs the corpus uss, and SELFLEARN_CORPORA is not set: .*DIR"
    ):
        cut_split(cfg, loaded, print)


def test_a_fold_by_bot_tests_on_one_that_it_did_not_learn_from(composed):
    said = []
    folds = folds_of(composed("experiment=dbdc3"), "bot", said.append)
    tested = [{dialogue.system_version for dialogue in split.test} for split in folds]
    assert sorted(tested, key=str) == [{"CIC"}, {"IRIS"}, {"TKTK"}, {"YI"}]
    for split, bots in zip(folds, tested, strict=True):
        assert not bots & {dialogue.system_version for dialogue in split.labelled()}
    assert "4 folds, by bot" in said  # of the 5 by dialogue


def test_a_simulated_log_for_development_has_a_directory_of_its_own(composed):
    plain, development = (
        composed("experiment=simulated", *lines).data.root for lines in ([], ["data.simulate.development=true"])
    )
    assert development == f"{plain}-development"


def test_each_split_is_read_once_whatever_is_made_of_it(composed, monkeypatch):
    read = []

    def counted(corpus, *, split, **where):
        read.append(split)
        return load_dialogues(corpus, split=split, **where)

    monkeypatch.setattr("experiments.datasets.load_dialogues", counted)
    cfg = composed("experiment=sgd")
    loaded = load_run(cfg, print)
    first, again = fingerprints(loaded), fingerprints(load_run(composed("experiment=sgd"), print))
    assert first == again
    assert list(first) == [cfg.data.train_split, cfg.data.test_split]
    read.clear()
    counts = [cut_split(cfg, loaded, print)[2] for _ in range(2)]
    assert counts[0] == counts[1]
    folds = composed("experiment=dbdc3")
    loaded = load_run(folds, print)
    for fold_by in ("dialogue", "bot"):
        assert list(fold_splits(folds, loaded, fold_by, print))
    assert read == list(loaded) == [folds.data.train_split]


@pytest.mark.parametrize("part", ["tune", "calibrate", "test"])
def test_a_held_out_dialogue_that_is_too_long_is_refused_before_any_training(composed, tmp_path, part):
    held = {name: [long_home_dialogue(7)] if name == part else [] for name in ("tune", "calibrate", "test")}
    split = Split(train=home_dialogues(3), **held)
    lines = ["experiment=sgd", "model=tiny", "baselines=none", "model.dialogue.max_turns=6"]
    with pytest.raises(TooLongError, match=r"dialogue 'long' has 7 turns and the model reads 6; expected no"):
        run_all(composed(*lines, "data.on_overflow=error"), split, [], tmp_path / "run", print)
    assert not (tmp_path / "run").exists()
    check_turns(composed(*lines), split)  # in windows


def test_options_of_a_corpus_are_a_mapping(composed):
    with pytest.raises(ValueError, match=r"data\.options is None; expected options of the corpus and their values"):
        reader_options(composed("experiment=star", "data.options=null"))
