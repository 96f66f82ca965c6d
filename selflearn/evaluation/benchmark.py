"""Several systems trained on the same dialogues, tuned on the same cut, tested on the same items."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from selflearn._replacing import replace_text
from selflearn.corpora.views import VIEWS
from selflearn.evaluation.run_directory import machine
from selflearn.evaluation.slices import add_slices
from selflearn.schema import Dialogue
from selflearn.tasks import DomainTask, SuccessTask, System, task_classes
from selflearn.tasks.projection import projected
from selflearn.tasks.success import asked_goals

Tables = dict[str, pd.DataFrame]
PARTS = ("test", "tune", "calibrate")
log = logging.getLogger(__name__)


class Contestant(Protocol):
    """How one system is made: given dialogues to learn from and to tune on, a system."""

    def __call__(self, train: Sequence[Dialogue], tune: Sequence[Dialogue], directory: Path) -> System:
        """Train a system; ``directory`` is its own, for checkpoints."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Disjoint dialogues.

    Attributes:
        train: to learn from.
        tune: to choose thresholds and settings on.
        test: to report.
        calibrate: to calibrate scores on.
    """

    train: Sequence[Dialogue]
    tune: Sequence[Dialogue]
    test: Sequence[Dialogue]
    calibrate: Sequence[Dialogue] = ()

    def labelled(self) -> Iterator[Dialogue]:
        """All but those that test, one after the other: they may be many."""
        return chain(self.train, self.tune, self.calibrate)


@dataclass(slots=True)
class SystemResult:
    """What a system said.

    Attributes:
        test: tables of the test dialogues, variants (``task@variant``) included.
        tune: tables of the tuning dialogues.
        calibrate: tables of those that calibrate.
        seconds: by stage ("train", for views too, and "predict").
        notes: what the system chose, for the report.
        machine: where it was trained.
    """

    test: Tables
    tune: Tables
    calibrate: Tables = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    machine: str = field(default_factory=machine)

    def read_counts(self) -> dict[str, int]:
        """What did not fit into the system, in training and in the test dialogues, over all folds."""
        found: dict[str, int] = {}
        for note in self._notes_by_fold():
            for part, where in (("train", "trained_on"), ("test", "read")):
                for what, number in note.get(where, {}).items():
                    found[f"{part}_{what}"] = found.get(f"{part}_{what}", 0) + number
        return found

    def pretrained(self) -> dict[str, float]:
        """What pretraining was measured to have learned, by name; of several folds their mean."""
        found = pd.DataFrame([note.get("pretrained", {}) for note in self._notes_by_fold()])
        return {str(name): float(value) for name, value in found.mean().items()}

    def _notes_by_fold(self) -> list[dict[str, Any]]:
        return [self.notes] if "read" in self.notes else list(self.notes.values())


def run_system(
    make: Contestant,
    split: Split,
    directory: Path,
    *,
    tasks: Sequence[str],
    seen_domains: Collection[str],
    views: Sequence[str] = (),
    make_for_view: Contestant | None = None,
    keep: Callable[[System], None] | None = None,
    spent: float = 0.0,
) -> SystemResult:
    """Train one system and let it label the tuning and test dialogues; what was done before is read, not done again.

    Args:
        make: trains it.
        split: the dialogues.
        directory: of this system; a finished result is kept there.
        tasks: whose tables are made.
        seen_domains: of the labelled dialogues that systems learn from or choose by (:func:`domains_of`), for the
            slices ``@seen`` and ``@unseen``; the same for all systems, whatever part of them each takes for what.
        views: of success (:mod:`selflearn.corpora.views`), each giving a table ``success@VIEW``.
        make_for_view: trains a system for success in one view, given the dialogues in that view; None lets the system
            itself read the views (it was trained on them too).
        keep: called with the trained system, to save it.
        spent: seconds that earlier calls, which were killed, have put into training that is not done again.
    """
    done = directory / "result"
    if is_done(directory):
        return read_result(done)
    start = time.perf_counter() - spent
    system = make(split.train, split.tune, directory)
    seconds = {"train": time.perf_counter() - start}
    if keep is not None:
        keep(system)
    start = time.perf_counter()
    before = _read_counts(system)
    test = add_slices(label(system, split.test, tasks), split.test, seen_domains)
    read = {what: number - before[what] for what, number in _read_counts(system).items()}
    tune, calibrate = (label(system, part, tasks) for part in (split.tune, split.calibrate))
    result = SystemResult(test=test, tune=tune, calibrate=calibrate, notes=_notes(system) | {"read": read})
    trained = 0.0
    for view in views if "success" in result.test else ():
        shown = Split(**{part: in_view(getattr(split, part), view) for part in ("train", "tune", "test")})
        if not shown.test:
            continue
        began = time.perf_counter()
        chosen = system if make_for_view is None else make_for_view(shown.train, shown.tune, directory / view)
        trained += time.perf_counter() - began
        originals = {one.id: dialogue.id for dialogue in split.test for one in in_view([dialogue], view)}
        table = _view_table(chosen, shown, originals)
        result.test[f"success@{view}"] = add_slices({"success": table}, shown.test, ())["success"]
    seconds = {"train": seconds["train"] + trained, "predict": time.perf_counter() - start - trained}
    result.seconds = seconds
    result.test = _in_order(result.test)
    _write_result(done, result)
    return result


def domains_of(dialogues: Iterable[Dialogue]) -> set[str]:
    """The domains of their goals."""
    return {goal.domain for dialogue in dialogues for goal in dialogue.labels.goals or () if goal.domain}


def is_done(directory: Path) -> bool:
    """Whether a finished result of :func:`run_system` is in the directory of a system."""
    return (directory / "result" / "done.json").is_file()


def label(system: System, dialogues: Sequence[Dialogue], tasks: Sequence[str]) -> Tables:
    """The item tables of dialogues that a system labels; only what is observed in them is given to it."""
    dialogues = list(dialogues)
    predictions = system.predict([dialogue.observed() for dialogue in dialogues], asked_goals(dialogues))
    classes, tables = task_classes(), {}
    for name in tasks:
        task = classes[name]()
        if all(task.answer(prediction) is not None for prediction in predictions):
            found = task.tables(dialogues, predictions, system.thresholds)
            tables.update({table: frame for table, frame in found.items() if len(frame)})
    carried = [projected(prediction, system.thresholds) for prediction in predictions]
    if "intent" in tables and all(prediction is not None for prediction in carried):
        found = classes["intent"]().tables(dialogues, carried, system.thresholds)  # type: ignore[arg-type]
        tables["intent@projected"] = found["intent"]
    return tables


def in_view(dialogues: Sequence[Dialogue], view: str) -> list[Dialogue]:
    """Dialogues with a success label, in a view; where one goal is shown its number follows the id and a "#"."""
    return [shown for dialogue in dialogues for shown in VIEWS[view](dialogue) if any(asked_goals([shown]))]


def _view_table(system: System, split: Split, originals: Mapping[str, str]) -> pd.DataFrame:
    """Success in a view, with a threshold chosen on the tuning dialogues in the same view.

    A system that chose its threshold by folds has no tuning dialogues, and keeps the threshold. ``originals`` has the
    id of the dialogue that each one shown is of.
    """
    tuned, table = (
        label(system, split.tune, ["success"]).get("success"),
        label(system, split.test, ["success"])["success"],
    )
    threshold = None if tuned is None else SuccessTask().tune_threshold(tuned)
    threshold = system.thresholds["success"] if threshold is None else threshold
    # Views are of the same goals: the item is the goal of the original dialogue.
    ids = table["dialogue_id"].map(originals)
    numbers = [shown.removeprefix(f"{one}#") for shown, one in zip(table["dialogue_id"], ids, strict=True)]
    goals = [
        goal if shown == number else int(number)
        for shown, number, goal in zip(table["dialogue_id"], numbers, table["goal"], strict=True)
    ]
    return table.assign(dialogue_id=ids, goal=goals, prediction=table["score"] >= threshold)


def check_names(split: Split, tasks: Collection[str]) -> None:
    """See that training and test dialogues have names in common, before anything is trained.

    Args:
        split: the dialogues.
        tasks: of the run.

    Raises:
        ValueError: all names that a task has in the test dialogues are new: they are of something else. (Domains may
            well be: a service that nobody has seen is a test of its own.)
    """
    for name, task in task_classes().items():
        if name not in tasks or name == DomainTask.name or task.items.values != "name":
            continue
        known, tested = (task.fit(part) for part in (split.train, split.test))
        if known is None or tested is None or not tested.labels or set(known.labels) & set(tested.labels):
            continue
        raise ValueError(
            f"{name}: none of the {len(tested.labels)} gold names of the test split (first: {tested.labels[0]!r}) "
            "occurs in the training split; expected the same label set. Look at data.corpus and data.test_split."
        )


def unknown_gold(parts: Sequence[tuple[Mapping[str, pd.DataFrame], Sequence[Dialogue]]]) -> dict[str, int]:
    """How many gold names of the test items training never saw; they are scored as wrong for every system.

    Args:
        parts: tables of test dialogues, each with the dialogues that were trained on for them: one, or one a fold. A
            name that one fold's training lacks may stand in that of another.
    """
    counts: dict[str, int] = {}
    for name, task in task_classes().items():
        tested = [(tables[name]["gold"].dropna(), task.fit(train)) for tables, train in parts if name in tables]
        if task.items.values == "name" and any(known is not None and known.labels for _, known in tested):
            counts[name] = sum(int((~gold.isin(known.labels if known else ())).sum()) for gold, known in tested)
    return counts


def join_folds(results: Sequence[SystemResult]) -> SystemResult:
    """Out-of-fold results as one: each dialogue was tested by the system that had not seen it.

    A dialogue may tune, or calibrate, in several folds: what the first of them said of it is kept. The column ``fold``
    says whose scores are on one scale: merged over folds, a constant would seem to rank the items by their fold (Forman
    and Scholz, SIGKDD Explorations 12(1), 2010).
    """
    results = [_of_fold(number, result) for number, result in enumerate(results)]
    joined = SystemResult(
        test=_joined([result.test for result in results]),
        tune=_joined(_once([result.tune for result in results])),
        calibrate=_joined(_once([result.calibrate for result in results])),
        notes={f"fold {i}": result.notes for i, result in enumerate(results)},
        machine="; ".join(dict.fromkeys(result.machine for result in results)),
    )
    for stage in {stage for result in results for stage in result.seconds}:
        joined.seconds[stage] = sum(result.seconds.get(stage, 0.0) for result in results)
    return joined


def _of_fold(number: int, result: SystemResult) -> SystemResult:
    test, tune, calibrate = (
        {name: table.assign(fold=number) for name, table in tables.items()}
        for tables in (result.test, result.tune, result.calibrate)
    )
    return replace(result, test=test, tune=tune, calibrate=calibrate)


def _joined(parts: Sequence[Tables]) -> Tables:
    names = dict.fromkeys(name for part in parts for name in part)
    return _in_order({name: _one_below_the_other([part[name] for part in parts if name in part]) for name in names})


def _one_below_the_other(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables as one; of a slice that one of them does not have, no item of it is in it (a fold without a defect)."""
    slices = dict.fromkeys(str(column) for table in tables for column in table if str(column).startswith("@"))
    whole = [table.assign(**{name: table.get(name, False) for name in slices}) for table in tables]
    return pd.concat(whole, ignore_index=True)


def _once(parts: Sequence[Tables]) -> list[Tables]:
    """The tables without dialogues that a part before them has."""
    seen: set[str] = set()
    kept = []
    for part in parts:
        kept.append({name: table[~table["dialogue_id"].isin(seen)] for name, table in part.items()})
        seen |= {dialogue for table in part.values() for dialogue in table["dialogue_id"]}
    return kept


def _read_counts(system: System) -> dict[str, int]:
    """What did not fit into the system so far, where it counts that."""
    counts = getattr(system, "counts", None)
    return {} if counts is None else asdict(counts)


def _notes(system: System) -> dict[str, Any]:
    trained_on = getattr(system, "trained_on", None)
    return {
        "thresholds": dict(system.thresholds),
        "choices": getattr(system, "choices", {}),
        "trained_on": {} if trained_on is None else asdict(trained_on),
        "pretrained": dict(getattr(system, "pretrained", {})),
    }


def _in_order(tables: Tables) -> Tables:
    """Tables in the order of their tasks, each before its variants: rows of results are in it, resumed or not."""
    places = {name: place for place, name in enumerate(task_classes())}
    # a task may be of a package that is not installed here: last, by name
    return dict(sorted(tables.items(), key=lambda item: (places.get(item[0].partition("@")[0], len(places)), item[0])))


def _write_result(directory: Path, result: SystemResult) -> None:
    """Tables first, then the file that says that they are all there."""
    directory.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        for name, table in getattr(result, part).items():
            table.to_parquet(directory / f"{part}.{name}.parquet", index=False)
    said = {"seconds": result.seconds, "notes": result.notes, "machine": result.machine}
    replace_text(directory / "done.json", json.dumps(said, default=str, indent=2))


def read_result(directory: Path) -> SystemResult:
    """What :func:`run_system` left in the folder ``result`` of a system.

    Raises:
        FileNotFoundError: the system is not finished.
    """
    said = json.loads((directory / "done.json").read_text("utf-8"))
    log.info("%s is done already", directory.parent.name)
    parts: dict[str, Tables] = {part: {} for part in PARTS}
    for file in directory.glob("*.parquet"):
        part, _, name = file.stem.partition(".")
        parts[part][name] = pd.read_parquet(file)
    parts = {part: _in_order(tables) for part, tables in parts.items()}
    return SystemResult(**parts, seconds=said["seconds"], notes=said["notes"], machine=said["machine"])
