"""Every metric of the catalogue: an independent value, none without rows, and no trace of how rows were split.

A metric that is added to the catalogue needs an entry in ``CASES``.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import seqeval.metrics
import sklearn.metrics
import torch
from nltk.metrics.segmentation import pk as nltk_pk
from nltk.metrics.segmentation import windowdiff as nltk_windowdiff
from seqeval.scheme import IOB2
from torchmetrics import Metric
from torchmetrics.functional.text import word_error_rate as torchmetrics_word_error_rate

import selflearn.metrics as metrics
from selflearn.evaluation import TASK_METRICS
from selflearn.metrics import catalogue
from selflearn.metrics.items import Items, TableMetric

LENGTHS = (1, 4, 9, 2, 7, 3, 12, 5)  # rows of each dialogue
BATCHES = (3, 0, 1, 4)  # dialogues in each
WINDOW = 3
NAN = float("nan")
NAMES = {"city": 0, "date": 1, "time": 2}


def decisions(rng: random.Random) -> pd.DataFrame:
    rows = [(d, t, rng.random() < 0.4, rng.random() < 0.4) for d, n in enumerate(LENGTHS) for t in range(n)]
    frame = pd.DataFrame(rows, columns=["dialogue", "turn", "gold", "prediction"])
    frame["score"] = [(rng.randrange(5) + 2 * gold) / 7 for gold in frame["gold"]]  # with ties
    return frame.assign(question=[rng.choice(["a", "b", None]) for _ in rows])


def names(rng: random.Random) -> pd.DataFrame:
    rows = [(d, rng.choice("abc"), rng.choice("abcd")) for d, n in enumerate(LENGTHS) for _ in range(n)]  # no gold is d
    return pd.DataFrame(rows, columns=["dialogue", "gold", "prediction"])


def spans(rng: random.Random) -> pd.DataFrame:
    """Single words, so that no spans overlap; gold alone, predicted alone, or both."""
    rows = []
    for d, n in enumerate(LENGTHS):
        for turn in range(n):
            name = rng.choice(list(NAMES))
            gold, said = rng.choice([(name, name), (name, "city"), (name, None), (None, name)])
            value = rng.choice([None, "Blue", "Nina"]) if gold else None
            rows.append((d, turn, gold, said, value, *(rng.choice([None, "blue", "BLUE", "nina"]) for _ in range(2))))
    columns = ["dialogue", "turn", "gold", "prediction", "gold_value", "value", "projected_value"]
    return pd.DataFrame(rows, columns=columns)


def texts(rng: random.Random) -> pd.DataFrame:
    def text() -> str:
        return " ".join(rng.choices(["Play", "play", "jazz", "stop"], k=rng.randint(0, 2)))

    rows = [(d, text(), text()) for d, n in enumerate(LENGTHS) for _ in range(n)]
    return pd.DataFrame(rows, columns=["dialogue", "gold", "prediction"])


Reference = Callable[[pd.DataFrame], float]


def sklearns(score: Callable[..., float], **arguments: object) -> Reference:
    return lambda frame: score(frame["gold"], frame["prediction"], **arguments)


def each_dialogue(score: Callable[[list[bool], list[bool]], float | None]) -> Reference:
    """The mean over dialogues of a score of gold and predicted boundaries; None leaves a dialogue out."""

    def mean(frame: pd.DataFrame) -> float:
        values = [score(own["gold"].tolist(), own["prediction"].tolist()) for _, own in frame.groupby("dialogue")]
        return float(np.mean([value for value in values if value is not None]))

    return mean


def windows(score: Callable[[str, str, int], float]) -> Reference:
    def text(flags: list[bool]) -> str:
        return "".join(str(int(flag)) for flag in flags)

    return each_dialogue(
        lambda gold, own: score(text(gold), text(own), WINDOW) if len(gold) + 1 > WINDOW else None,
    )


def goal_span_f1(frame: pd.DataFrame) -> float:
    def goals(dialogue: object, flags: list[bool]) -> set[tuple[object, int, int]]:
        edges = [0, *(turn for turn, flag in enumerate(flags, 1) if flag), len(flags) + 1]
        return {(dialogue, *pair) for pair in itertools.pairwise(edges)}

    gold, own = (
        set().union(*(goals(name, rows[side].tolist()) for name, rows in frame.groupby("dialogue")))
        for side in ("gold", "prediction")
    )
    return 2 * len(gold & own) / (len(gold) + len(own))


def auc_within_question(frame: pd.DataFrame) -> float:
    wins = pairs = 0.0
    for _, own in frame.groupby(frame["question"].fillna("none")):
        for high in own["score"][own["gold"]]:
            for low in own["score"][~own["gold"]]:
                wins += (high > low) + (high == low) / 2
                pairs += 1
    return wins / pairs


def seqevals(score: Callable[..., float], *, named: bool = True) -> Reference:
    def of_tags(frame: pd.DataFrame) -> float:
        gold, own = (
            [["O" if pd.isna(name) else f"B-{name if named else 'span'}"] for name in frame[side]]
            for side in ("gold", "prediction")
        )
        return score(gold, own, mode="strict", scheme=IOB2)

    return of_tags


def values_named(column: str) -> Reference:
    def share(frame: pd.DataFrame) -> float:
        known = frame[frame["gold_value"].notna()].fillna("")
        return sklearn.metrics.accuracy_score(known["gold_value"].str.lower(), known[column].str.lower())

    return share


def words(frame: pd.DataFrame) -> float:
    said, gold = (frame[side].str.lower().tolist() for side in ("prediction", "gold"))
    return torchmetrics_word_error_rate(said, gold).item()


Columns = Callable[[pd.DataFrame], tuple[object, ...]]


def flags(frame: pd.DataFrame) -> tuple[object, ...]:
    return tuple(torch.tensor(frame[side].tolist(), dtype=torch.bool) for side in ("prediction", "gold"))


def whole(frame: pd.DataFrame) -> tuple[object, ...]:
    return *flags(frame), torch.from_numpy(frame["dialogue"].factorize()[0]).long()


def scores(frame: pd.DataFrame) -> tuple[object, ...]:
    return torch.tensor(frame["score"].tolist(), dtype=torch.double), flags(frame)[1]


def questions(frame: pd.DataFrame) -> tuple[object, ...]:
    return *scores(frame), torch.tensor(frame["question"].map({"a": 0, "b": 1}).fillna(2).tolist(), dtype=torch.long)


def numbers(numbering: dict[str, int]) -> Columns:
    return lambda frame: tuple(
        torch.tensor([numbering.get(name, -1) for name in frame[side]], dtype=torch.long)
        for side in ("prediction", "gold")
    )


def strings(*sides: str) -> Columns:
    return lambda frame: tuple([None if pd.isna(text) else text for text in frame[side]] for side in sides)


LETTERS, SPANS = numbers({name: number for number, name in enumerate("abcd")}), numbers(NAMES)
TEXTS = strings("prediction", "gold")


@dataclass(frozen=True)
class Case:
    """What a metric is held against.

    Attributes:
        rows: makes a table.
        reference: the value by other means.
        empty: the value without rows.
        make: the class of the metric.
        columns: what ``update`` of the class takes of a table.
    """

    rows: Callable[[random.Random], pd.DataFrame]
    reference: Reference
    empty: float
    make: Callable[[], Metric]
    columns: Columns


SK = sklearn.metrics
F1 = Case(decisions, sklearns(SK.f1_score), 0.0, metrics.GoalSuccessF1, flags)
KAPPA = Case(decisions, sklearns(SK.cohen_kappa_score), NAN, metrics.GoalSuccessKappa, flags)
AUC = Case(decisions, lambda rows: SK.roc_auc_score(rows["gold"], rows["score"]), NAN, metrics.GoalSuccessAuroc, scores)

CASES = {
    "segmentation/boundary_f1": Case(
        decisions,
        each_dialogue(lambda gold, own: SK.f1_score(gold, own, zero_division=1.0) if any(gold) or any(own) else 1.0),
        NAN,
        metrics.BoundaryF1,
        whole,
    ),
    "segmentation/boundary_f1_corpus": Case(decisions, sklearns(SK.f1_score), NAN, metrics.BoundaryF1Corpus, whole),
    "segmentation/pk": Case(decisions, windows(nltk_pk), NAN, lambda: metrics.Pk(window=WINDOW), whole),
    "segmentation/window_diff": Case(
        decisions, windows(nltk_windowdiff), NAN, lambda: metrics.WindowDiff(window=WINDOW), whole
    ),
    "segmentation/goal_span_f1": Case(decisions, goal_span_f1, NAN, metrics.GoalSpanF1, whole),
    "segmentation/kappa": KAPPA,
    "success/auc": AUC,
    "success/auc@within_question": Case(decisions, auc_within_question, NAN, metrics.GoalSuccessAurocWithin, questions),
    "success/f1": F1,
    "success/kappa": KAPPA,
    "success/accuracy": Case(decisions, sklearns(SK.accuracy_score), NAN, metrics.GoalSuccessAccuracy, flags),
    "intent/accuracy": Case(names, sklearns(SK.accuracy_score), NAN, metrics.NameAccuracy, LETTERS),
    "intent/macro_f1": Case(
        names,
        lambda rows: SK.f1_score(rows["gold"], rows["prediction"], average="macro", labels=rows["gold"].unique()),
        0.0,
        lambda: metrics.MacroF1(num_classes=4),
        LETTERS,
    ),
    "slot/f1": Case(spans, seqevals(seqeval.metrics.f1_score), 0.0, metrics.SlotF1, SPANS),
    "slot/precision": Case(spans, seqevals(seqeval.metrics.precision_score), 0.0, metrics.SlotPrecision, SPANS),
    "slot/recall": Case(spans, seqevals(seqeval.metrics.recall_score), 0.0, metrics.SlotRecall, SPANS),
    "slot/f1@name_ignored": Case(
        spans, seqevals(seqeval.metrics.f1_score, named=False), 0.0, metrics.UnnamedSlotF1, SPANS
    ),
    "slot/value_accuracy": Case(
        spans, values_named("value"), NAN, metrics.SlotValueAccuracy, strings("value", "gold_value")
    ),
    "slot/value_accuracy@projected": Case(
        spans,
        values_named("projected_value"),
        NAN,
        metrics.SlotValueAccuracy,
        strings("projected_value", "gold_value"),
    ),
    "defect/auc": AUC,
    "defect/f1": F1,
    "defect/kappa": KAPPA,
    "transcript/wer": Case(texts, words, NAN, metrics.TranscriptWordErrorRate, TEXTS),
    "transcript/accuracy": Case(
        texts,
        lambda rows: np.mean([
            own.lower().split() == gold.lower().split()
            for own, gold in zip(rows["prediction"], rows["gold"], strict=True)
        ]),
        NAN,
        metrics.TranscriptAccuracy,
        TEXTS,
    ),
}  # fmt: skip


def catalogue_metrics() -> dict[str, TableMetric]:
    """Every metric in the module: by its list and name, and one that is in no task's list by its constant."""
    found = {
        f"{constant.removesuffix('_METRICS').lower()}/{metric.name}": metric
        for constant, listed in vars(catalogue).items()
        for metric in (listed if isinstance(listed, tuple) else ())
        if isinstance(metric, TableMetric)
    }
    alone = {key: metric for key, metric in vars(catalogue).items() if isinstance(metric, TableMetric)}
    return found | {key: metric for key, metric in alone.items() if metric not in found.values()}


METRICS = catalogue_metrics()


def value(metric: TableMetric, frame: pd.DataFrame, order: list[object] | None = None) -> float:
    """The value of a table whose dialogues are numbered in this order."""
    order = frame["dialogue"].unique().tolist() if order is None else order
    groups = torch.from_numpy(pd.Index(order).get_indexer(frame["dialogue"]).copy()).long()
    items = Items(frame=frame, groups=groups, num_groups=len(order), window=WINDOW)
    return metric.measure(items)(torch.ones(len(order), dtype=torch.double)).item()


def exactly(number: float) -> object:
    return pytest.approx(number, abs=1e-7 if number else 1e-12, nan_ok=True)  # a reference may be of single precision


every_metric = pytest.mark.parametrize("name", METRICS)


def test_every_metric_of_the_catalogue_is_tested_here_and_tasks_report_no_other():
    assert set(METRICS) == set(CASES)
    of_tasks = [metric for task, table in TASK_METRICS.items() for metric in table.metrics]
    assert [metric.name for metric in of_tasks if metric not in METRICS.values()] == []


@every_metric
@pytest.mark.parametrize("seed", range(3))
def test_the_value_is_that_of_an_independent_reference(name: str, seed: int):
    frame = CASES[name].rows(random.Random(seed))
    assert value(METRICS[name], frame) == exactly(CASES[name].reference(frame))


@every_metric
def test_weights_give_the_reference_of_a_table_with_each_dialogue_so_many_times(name: str):
    frame = CASES[name].rows(random.Random(3))
    groups = torch.from_numpy(frame["dialogue"].to_numpy(copy=True)).long()
    items = Items(frame=frame, groups=groups, num_groups=len(LENGTHS), window=WINDOW)
    weights = torch.randint(3, (4, len(LENGTHS)), generator=torch.Generator().manual_seed(0))
    found = METRICS[name].measure(items)(weights.double()).tolist()
    for times, number in zip(weights.tolist(), found, strict=True):
        drawn = [
            frame[frame["dialogue"] == dialogue].assign(dialogue=f"{dialogue}, {copy}")
            for dialogue, number_of in enumerate(times)
            for copy in range(number_of)
        ]
        assert number == exactly(CASES[name].reference(pd.concat(drawn, ignore_index=True)))


@every_metric
def test_without_rows_or_with_weights_of_nothing_the_value_is_the_documented_one(name: str):
    metric, case = METRICS[name], CASES[name]
    frame = case.rows(random.Random(4))
    assert value(metric, frame[:0], []) == exactly(case.empty)
    assert value(metric, frame[:0], ["a", "b"]) == exactly(case.empty)  # dialogues without items
    groups = torch.zeros(len(frame), dtype=torch.long)
    measured = metric.measure(Items(frame=frame, groups=groups, num_groups=1, window=WINDOW))
    assert measured(torch.zeros(1, dtype=torch.double)).item() == exactly(case.empty)
    streamed = case.make()
    streamed.update(*case.columns(frame[:0]))
    assert streamed.compute().item() == exactly(case.empty)


@every_metric
def test_the_order_of_dialogues_and_those_without_items_change_nothing(name: str):
    frame = CASES[name].rows(random.Random(5))
    want = value(METRICS[name], frame)
    assert value(METRICS[name], frame, [99, *reversed(range(len(LENGTHS))), 100]) == exactly(want)
    mixed = frame.assign(own=frame["dialogue"].mul(5).mod(8)).sort_values("own", kind="stable")
    assert value(METRICS[name], mixed) == exactly(want)


@every_metric
def test_where_dialogues_are_cut_matters_to_metrics_of_whole_dialogues_alone(name: str):
    frame = CASES[name].rows(random.Random(6))
    want = value(METRICS[name], frame)
    one, many = frame.assign(dialogue=0), frame.assign(dialogue=range(len(frame)))
    same = [value(METRICS[name], other) == exactly(want) for other in (one, many)]
    assert same == [not METRICS[name].whole_dialogues] * 2


@every_metric
def test_the_class_gives_the_value_of_the_table_for_uneven_batches(name: str):
    case = CASES[name]
    frame, metric, first = case.rows(random.Random(7)), case.make(), 0
    for size in BATCHES:
        metric.update(*case.columns(frame[frame["dialogue"].between(first, first + size - 1)]))
        first += size
    assert first == len(LENGTHS)
    assert metric.compute().item() == exactly(value(METRICS[name], frame))
    assert metric.higher_is_better is METRICS[name].higher_is_better
