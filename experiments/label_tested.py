"""The test dialogues of a run, labelled by its model as it will be used: for its page, and as files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.datasets import first_rows, reader_options
from selflearn.batching.rows import DialogueRows
from selflearn.corpora import load_dialogues
from selflearn.corpora.table import write_parquet
from selflearn.inference import Labeler, LabellingError, label_file
from selflearn.schema import Dialogue


def labels_test_split(cfg: DictConfig) -> bool:
    """Whether a run labels its test dialogues: where it is asked to, and by itself where there is one model.

    Raises:
        ValueError: labels are asked of cross-validation, which keeps no one model.
    """
    if cfg.label is True and cfg.data.folds is not None:
        raise ValueError("label=true needs a test split, and one model; expected data.folds=null")
    return bool(cfg.label) and cfg.data.folds is None


def label_test_split(cfg: DictConfig, directory: Path, say: Callable[[str], None]) -> None:
    """Use the model as it will be used: label the test dialogues, and write them with their goal records."""
    labeler = Labeler.from_pretrained(directory / "model", on_overflow=cfg.data.on_overflow, recordings=cfg.data.root)
    where = _to_label(cfg, directory)
    label = partial(label_file, labeler, where.pop("root"), directory / "labelled", **where)
    try:
        report = label()
    except LabellingError:  # other dialogues, or labelled before the model was certified: other promises
        if not (directory / "labelled" / "labelling.json").is_file():
            raise  # something of somebody's own
        say(f"{directory / 'labelled'} was of other dialogues, or of other promises, and is made anew")
        shutil.rmtree(directory / "labelled")
        report = label()
    done = report.counts
    if where["split"] != cfg.data.test_split:
        limit = cfg.data.test_limit
        cut = f"label_most={cfg.label_most}" if limit is None or cfg.label_most < limit else f"data.test_limit={limit}"
        say(f"a part of the test split, {cut}, is labelled; with label=true all of it is")
    say(f"labelled {done['dialogues']:,} dialogues with {done['goals']:,} goals: {report.dialogues}, {report.goals}")


def labelled_by_people(cfg: DictConfig, directory: Path) -> Sequence[Dialogue]:
    """The test dialogues that :func:`label_test_split` labelled, with their gold labels."""
    return DialogueRows(load_dialogues(**_to_label(cfg, directory)))


def _to_label(cfg: DictConfig, directory: Path) -> dict[str, Any]:
    """Which dialogues are labelled, as they are read: the test split, or a part of it that was drawn."""
    whole = {"corpus": cfg.data.corpus, "root": cfg.data.root, "split": cfg.data.test_split,
             "cache_dir": cfg.paths.cache, **reader_options(cfg)}  # fmt: skip
    rows = DialogueRows(load_dialogues(**whole))
    tested = rows.take(range(min(len(rows), cfg.data.test_limit or len(rows))))
    chosen = first_rows(tested, cfg.label_most, cfg.data.shuffle_seed)
    if cfg.label is True or len(chosen) == len(rows):
        return whole
    file = directory / "checkpoints" / f"{len(chosen)}_to_label.parquet"
    if not file.is_file():
        write_parquet(rows.take(sorted(chosen)), file)
    return {"corpus": "table", "root": file, "split": "all", "cache_dir": cfg.paths.cache}
