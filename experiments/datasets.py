"""The dialogues of an experiment, cut into those that train, tune and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.simulate import written_log
from selflearn.batching.rows import DialogueRows
from selflearn.batching.windows import turn_windows
from selflearn.corpora import CorpusError, ReadReport, find_corpus, iter_dialogues, load_dialogues, read_report
from selflearn.corpora.splits import group_folds, hold_out, owner_of, same_dialogues
from selflearn.corpora.star import success_question
from selflearn.evaluation.benchmark import Split
from selflearn.schema import Dialogue
from selflearn.simulation.simulate import SPLITS
from selflearn.simulation.summary import Summary

Counts = dict[str, int]
Loaded = Mapping[str, tuple[DialogueRows, Counts]]
"""By the name of a split its dialogues, with what its reader joined and left out."""


def reader_options(cfg: DictConfig) -> dict[str, Any]:
    """The options of the corpus that are set.

    Raises:
        ValueError: there is something else in their place.
    """
    if not isinstance(cfg.data.options, DictConfig):
        raise ValueError(f"data.options is {cfg.data.options!r}; expected options of the corpus and their values: "
                         "data.options={NAME: VALUE}, or none: {}")  # fmt: skip
    given: Any = OmegaConf.to_container(cfg.data.options, resolve=True)
    return {name: value for name, value in given.items() if value is not None}


def load(cfg: DictConfig, split: str, say: Callable[[str], None]) -> tuple[DialogueRows, Counts]:
    """One split of the corpus, with what its reader joined and left out.

    Raises:
        CorpusError: nobody said where the corpus is, or nobody of a simulated log is of the split.
    """
    data = cfg.data
    root = checked_root(data.corpus, data.root)
    if data.get("simulate") is not None:
        made = written_log(data.simulate, root, Console(stderr=True, quiet=not cfg.trainer.progress))
        check_people(made, root, split)
    where = {"root": data.root, "split": split, "cache_dir": cfg.paths.cache, **reader_options(cfg)}
    shown = bool(OmegaConf.select(cfg, "trainer.progress"))
    rows = DialogueRows(load_dialogues(data.corpus, progress=shown, **where))
    report = read_report(data.corpus, **where)
    say_dropped(report, say)
    prefix = f"{split}_"
    return rows, {prefix + event.replace("/", "_"): number for event, number in report.counts.items()}


def check_people(made: Summary, root: Path, *splits: str) -> None:
    """See that a simulated log has dialogues of some splits.

    Raises:
        CorpusError: it has none of one of them.
    """
    for split in splits:
        if split in SPLITS and not made.dialogues_by_split[split]:
            raise CorpusError(
                f"none of the {made.dialogues_by_split.total()} dialogues of {root} is of the split {split!r}: whole "
                "people are drawn for a split, and there are few; expected more dialogues "
                "(data.simulate.dialogues=400)"
            )


def load_run(cfg: DictConfig, say: Callable[[str], None]) -> Loaded:
    """Every split that a run reads, once."""
    splits = [cfg.data.train_split, *([cfg.data.test_split] if cfg.data.folds is None else [])]
    return {split: load(cfg, split, say) for split in dict.fromkeys(splits)}


def fingerprints(loaded: Loaded) -> dict[str, str]:
    """Of each split what its dialogues are: a hash of its files, its reader and its options."""
    return {split: rows.fingerprint for split, (rows, _) in loaded.items()}


def checked_root(corpus: str, root: str | None) -> Path:
    """The folder of a corpus.

    Raises:
        CorpusError: neither it nor ``SELFLEARN_CORPORA`` was given.
    """
    if root is None or str(root).startswith("None/"):
        raise CorpusError(
            f"the corpus {corpus} is needed and SELFLEARN_CORPORA is not set: set it to the folder that holds "
            f"{corpus}/, or give data.root=DIR. {find_corpus(corpus).source}"
        )
    return Path(root)


def say_dropped(report: ReadReport, say: Callable[[str], None]) -> None:
    """Tell what a reader left out."""
    for event, number in report.dropped.items():
        what, places = event.removeprefix("dropped/").replace("_", " "), ", ".join(report.examples.get(event, ()))
        say(f"{report.corpus}/{report.split}: {number:,} {what} left out" + (f" (first: {places})" if places else ""))


def cut_split(cfg: DictConfig, loaded: Loaded, say: Callable[[str], None]) -> tuple[Split, Sequence[Dialogue], Counts]:
    """The dialogues of each use, those of the training split that pretraining may read, and counts.

    Raises:
        CorpusError: a dialogue is in the training split and in the test split.
    """
    rows, counts = training_rows(cfg, loaded, say)
    chosen = rows.take(first_rows(rows, cfg.data.limit, cfg.data.shuffle_seed))
    labelled = chosen[: cfg.data.labelled]
    owners = groups_of(chosen)
    learn, tune, calibrate = hold_out(owners[: len(labelled)], cfg.data.tune_share, cfg.data.shuffle_seed)
    test, test_counts = loaded[cfg.data.test_split]
    if cfg.data.test_limit is not None:
        test = test[: cfg.data.test_limit]
    met = met_before(chosen, owners, test, say)
    held = {owners[row] for row in (*tune, *calibrate)}  # nothing is learned of them, with labels or without
    unlabelled = chosen.take([row for row, owner in enumerate(owners) if owner not in held])
    split = Split(
        train=labelled.take(learn), tune=list(labelled.take(tune)), calibrate=list(labelled.take(calibrate)),
        test=list(test),
    )  # fmt: skip
    used = {"learned_dialogues": len(learn) + len(tune) + len(calibrate), "tested_dialogues": len(test)}
    return split, unlabelled, counts | test_counts | met | used


def training_rows(cfg: DictConfig, loaded: Loaded, say: Callable[[str], None]) -> tuple[DialogueRows, Counts]:
    """The dialogues of the training split that may be used, and counts."""
    rows, counts = loaded[cfg.data.train_split]
    if cfg.data.get("leave_out") is None:
        return rows, counts
    rows = without_shared(cfg, rows, say)
    return rows, counts | {f"{cfg.data.train_split}_without_shared_dialogues": len(rows)}


def met_before(rows: DialogueRows, owners: Sequence[str], test: DialogueRows, say: Callable[[str], None]) -> Counts:
    """See that no test dialogue trains, tunes or calibrates; people who do both are counted, and said.

    A dialogue is the same with the same id and the same turns, more than one of them: sentences are said again.

    Raises:
        CorpusError: a dialogue is on both sides.
    """
    ids = {name: row for row, name in enumerate(rows.ids())}
    named_alike = [row for row, name in enumerate(test.ids()) if name in ids]  # splits may each count from 1
    for dialogue in test.take(named_alike):
        other = rows[ids[dialogue.id]]
        if len(dialogue.turns) > 1 and other.turns == dialogue.turns:
            raise CorpusError(
                f"dialogue {dialogue.id!r} is in data.train_split and in data.test_split; expected none in both, "
                "as a model is not tested on what it learned. Give two splits that share none, or data.folds=5"
            )
    tested = groups_of(test)
    shared = (set(owners) & set(tested)) - set(ids)  # without a user a dialogue is its own
    return _known_people(sum(owner in shared for owner in tested), len(tested), "the training split", say)


def _known_people(number: int, tested: int, where: str, say: Callable[[str], None]) -> Counts:
    if number:
        say(f"{number:,} of {tested:,} test dialogues are of people who are in {where} too: figures say nothing of "
            "people whom the model has never met")  # fmt: skip
    return {"test_dialogues_of_known_people": number}


def without_shared(cfg: DictConfig, rows: DialogueRows, say: Callable[[str], None]) -> DialogueRows:
    """The rows without the dialogues that ``data.leave_out`` has too: what is evaluated there is not learned here.

    Raises:
        CorpusError: nobody said where corpora are, or the other one cannot be read.
    """
    other = cfg.data.leave_out
    if cfg.paths.corpora is None:
        raise CorpusError(
            f"data.leave_out needs the corpus {other.corpus}, and SELFLEARN_CORPORA is not set: set it to the folder "
            f"that holds {other.corpus}/, or give paths.corpora=DIR. {find_corpus(other.corpus).source}"
        )
    evaluated = iter_dialogues(other.corpus, Path(cfg.paths.corpora) / other.corpus, other.split)
    shared = set(same_dialogues(evaluated, rows).values())
    say(f"{len(shared):,} dialogues left out that are in {other.corpus}/{other.split} too")
    return rows.take([row for row, name in enumerate(rows.dataset["id"]) if name not in shared])


FOLD_BY: dict[str, Callable[[Dialogue], str]] = {
    "dialogue": lambda d: d.id,
    "question": lambda d: success_question(d) or d.id,
    "user": lambda d: owner_of(d.user_id, d.id),
    "bot": lambda d: d.system_version or d.id,
}
"""What of a dialogue stays in one fold, by the name that ``data.fold_by`` and ``data.unseen_by`` have for it."""


def check_splits(cfg: DictConfig) -> None:
    """See that the settings make splits, or folds, before anything is read.

    Raises:
        ValueError: what dialogues are to be kept together by is unknown, no number of folds is given, a setting of the
            training split is of no use with folds, the same split is to train and test, or ``data.leave_out`` does not
            name a split of a corpus.
    """
    data = cfg.data
    asked = {"data.fold_by": data.fold_by} if data.folds is not None else {}
    if data.unseen_by is not None:
        asked["data.unseen_by"] = data.unseen_by
    for key, name in asked.items():
        if name not in FOLD_BY:
            raise ValueError(f"{key} is {name!r}; expected one of {', '.join(FOLD_BY)}")
    if data.unseen_by is not None and data.folds is None:
        raise ValueError(f"data.unseen_by={data.unseen_by} needs folds; give their number too, data.folds=5")
    if data.folds is not None and data.labelled is not None:
        raise ValueError(
            f"data.labelled={data.labelled} and data.folds={data.folds}: every fold learns from the labels of all the "
            "others; expected data.limit for fewer dialogues, or a test split (data.folds=null) for pretraining on "
            "dialogues whose labels are not used"
        )
    if data.folds is None and data.test_split == data.train_split:
        raise ValueError(
            f"data.train_split and data.test_split are both {data.train_split!r}, and a model is not tested on what it "
            "learned; expected two splits that share no dialogue, or data.folds=5"
        )
    other = data.get("leave_out")
    if other is not None and not (isinstance(other, DictConfig) and set(other) == {"corpus", "split"}):
        raise ValueError(f"data.leave_out is {other}; expected {{corpus: NAME, split: NAME}}, or null")


def fold_splits(
    cfg: DictConfig, loaded: Loaded, fold_by: str, say: Callable[[str], None]
) -> Iterator[tuple[Split, Counts]]:
    """A split for each fold: the fold tests, and of the rest a share tunes and calibrates.

    Args:
        cfg: the whole config.
        loaded: of :func:`load_run`.
        fold_by: what stays together: "dialogue", "user", "question" or "bot". Where there are fewer of them than
            folds, each is a fold.
        say: told how many folds there are, and what is left out.

    Raises:
        ValueError: all dialogues would be in one fold, so that nothing is left to learn from.
    """
    rows, counts = training_rows(cfg, loaded, say)
    rows = rows.take(first_rows(rows, cfg.data.limit, cfg.data.shuffle_seed))
    dialogues = list(rows)
    keys = [FOLD_BY[fold_by](dialogue) for dialogue in dialogues]
    folds = min(cfg.data.folds, len(set(keys)))
    if folds < 2:
        raise ValueError(
            f"data.folds={cfg.data.folds} by {fold_by}: all {len(dialogues):,} dialogues are in one fold, and none is "
            f"left to learn from; expected two folds or more, and dialogues of more than one {fold_by}"
        )
    counts = counts | {"learned_dialogues": len(dialogues), "tested_dialogues": len(dialogues)}  # each in its turn
    say(f"{folds} folds, by {fold_by}")
    members = list(group_folds(keys, folds, cfg.data.shuffle_seed))
    people = [{owner_of(dialogues[row].user_id, dialogues[row].id) for row in fold} for fold in members]
    times = Counter(chain.from_iterable(people))
    met = sum(times[owner_of(dialogue.user_id, dialogue.id)] > 1 for dialogue in dialogues)
    counts = counts | _known_people(met, len(dialogues), "other folds", say)
    for fold in members:
        inside = set(fold)
        rest = [dialogue for row, dialogue in enumerate(dialogues) if row not in inside]
        owners = [owner_of(d.user_id, d.id) for d in rest]
        parts = hold_out(owners, cfg.data.tune_share, cfg.data.shuffle_seed)
        train, tune, calibrate = ([rest[row] for row in part] for part in parts)
        yield Split(train=train, tune=tune, calibrate=calibrate, test=[dialogues[row] for row in fold]), counts


def check_turns(cfg: DictConfig, split: Split) -> None:
    """See before a training that what is read after it has no more turns than the model reads, where that is an error.

    Raises:
        TooLongError: a dialogue that tunes, calibrates or tests has more, and ``data.on_overflow`` is "error".
    """
    if cfg.data.on_overflow != "error":
        return
    for dialogue in chain(split.tune, split.calibrate, split.test):
        name = f"dialogue {dialogue.id!r}"
        turn_windows(len(dialogue.turns), cfg.model.dialogue.max_turns, cfg.data.on_overflow, name=name)


def first_rows(rows: Sequence[Dialogue], limit: int | None, seed: int) -> list[int]:
    """The first rows of one seeded shuffle: a smaller limit takes a subset of what a larger one takes."""
    return [int(row) for row in np.random.default_rng(seed).permutation(len(rows))[:limit]]


def groups_of(rows: DialogueRows) -> list[str]:
    """Whose each dialogue is, without the rest of it."""
    columns = rows.dataset.select_columns(["id", "user_id"])
    return [owner_of(row["user_id"], row["id"]) for row in columns]
