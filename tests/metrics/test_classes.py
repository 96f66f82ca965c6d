"""The torchmetrics classes: the same value as the functional twin, however the dialogues come in batches."""

from __future__ import annotations

import copy
import itertools
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchmetrics
import torchmetrics.functional.classification as torchmetrics_functional
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score
from torchmetrics.text import WordErrorRate

import selflearn.metrics as metrics
from selflearn.metrics import functional

GENERATOR = torch.Generator().manual_seed(11)
GROUPS = torch.repeat_interleave(torch.arange(12), torch.tensor([1, 4, 9, 2, 2, 7, 1, 3, 12, 5, 6, 8]))
N = len(GROUPS)
FLAGS = torch.rand(N, generator=GENERATOR) < 0.4, torch.rand(N, generator=GENERATOR) < 0.4
NAMES = torch.randint(-1, 4, (N,), generator=GENERATOR), torch.randint(-1, 4, (N,), generator=GENERATOR)
SCORES = torch.randint(9, (N,), generator=GENERATOR) / 9
BATCHES = (3, 0, 1, 6, 2)  # dialogues in each
CLASSES = tuple(names + 1 for names in NAMES)
VALUES = tuple([[None, "Blue", "blue", "Nina", "rome"][name] for name in names.tolist()] for names in CLASSES)
TEXTS = tuple(
    [["", "Play Nina", "play  nina", "stop", "stop it"][name] for name in names.tolist()] for names in CLASSES
)
GOALS = (  # of each dialogue: gold, failed, found, scores
    [[(turn, turn + 2) for turn in range(0, 2 * n, 2)] for n in GROUPS.bincount().tolist()],
    [[[False, True, None][i % 3] for i in range(n)] for n in GROUPS.bincount().tolist()],
    [[(turn, turn + 2) for turn in range(n % 2, 2 * n, 2)] for n in GROUPS.bincount().tolist()],
    [[(i * 7 % 5) / 5 for i in range(len(range(n % 2, 2 * n, 2)))] for n in GROUPS.bincount().tolist()],
)

Columns = tuple[torch.Tensor | list, ...]
Case = tuple[Callable[[], torchmetrics.Metric], Callable[..., torch.Tensor | dict[str, torch.Tensor]], Columns]
CASES: dict[str, Case] = {
    "BoundaryF1": (metrics.BoundaryF1, functional.boundary_f1, (*FLAGS, GROUPS)),
    "BoundaryF1Corpus": (metrics.BoundaryF1Corpus, functional.boundary_f1_corpus, (*FLAGS, GROUPS)),
    "Pk": (lambda: metrics.Pk(window=3), lambda *rows: functional.pk(*rows, window=3), (*FLAGS, GROUPS)),
    "WindowDiff": (
        lambda: metrics.WindowDiff(window=3),
        lambda *rows: functional.window_diff(*rows, window=3),
        (*FLAGS, GROUPS),
    ),
    "GoalSpanF1": (metrics.GoalSpanF1, functional.goal_span_f1, (*FLAGS, GROUPS)),
    "SlotF1": (metrics.SlotF1, functional.slot_f1, NAMES),
    "SlotPrecision": (metrics.SlotPrecision, functional.slot_precision, NAMES),
    "SlotRecall": (metrics.SlotRecall, functional.slot_recall, NAMES),
    "UnnamedSlotF1": (metrics.UnnamedSlotF1, functional.unnamed_slot_f1, NAMES),
    "GoalSuccessF1": (metrics.GoalSuccessF1, functional.binary_f1, FLAGS),
    "GoalSuccessKappa": (metrics.GoalSuccessKappa, functional.binary_cohen_kappa, FLAGS),
    "GoalSuccessAccuracy": (metrics.GoalSuccessAccuracy, functional.accuracy, FLAGS),
    "GoalSuccessAuroc": (metrics.GoalSuccessAuroc, functional.auc, (SCORES, FLAGS[1])),
    "GoalSuccessAurocWithin": (
        metrics.GoalSuccessAurocWithin,
        functional.auc_within,
        (SCORES, FLAGS[1], CLASSES[0]),
    ),
    "GoalSuccessEndToEnd": (
        lambda: metrics.GoalSuccessEndToEnd(threshold=0.5),
        lambda *goals: functional.success_end_to_end(*goals, threshold=0.5),
        GOALS,
    ),
    "NameAccuracy": (metrics.NameAccuracy, functional.accuracy, CLASSES),
    "MacroF1": (
        lambda: metrics.MacroF1(num_classes=7),
        lambda *rows: functional.macro_f1(*rows, num_classes=7),
        CLASSES,
    ),
    "SlotValueAccuracy": (metrics.SlotValueAccuracy, functional.value_accuracy, VALUES),
    "TranscriptWordErrorRate": (metrics.TranscriptWordErrorRate, functional.word_error_rate, TEXTS),
    "TranscriptAccuracy": (metrics.TranscriptAccuracy, functional.transcript_accuracy, TEXTS),
}
cases = pytest.mark.parametrize("name", CASES)


def batches(columns: Columns) -> list[Columns]:
    """Uneven batches of whole dialogues, one of them empty."""
    edges = torch.tensor([0, *BATCHES]).cumsum(0).tolist()
    found = []
    for first, last in itertools.pairwise(edges):
        own = (first <= GROUPS) & (last > GROUPS)
        rows = (
            slice(first, last) if columns is GOALS else slice(int((first > GROUPS).sum()), int((last > GROUPS).sum()))
        )
        parts = [column[own] if isinstance(column, torch.Tensor) else column[rows] for column in columns]
        if columns[-1] is GROUPS:
            parts[-1] = parts[-1] - first  # dialogues are numbered anew in each batch
        found.append(tuple(parts))
    return found


@cases
def test_uneven_batches_give_the_functional_value(name: str):
    make, twin, columns = CASES[name]
    metric = make()
    for batch in batches(columns):
        metric.update(*batch)
    torch.testing.assert_close(metric.compute(), twin(*columns), rtol=0, atol=1e-12)
    metric.reset()
    metric.update(*columns)
    torch.testing.assert_close(metric.compute(), twin(*columns), rtol=0, atol=1e-12)


@cases
def test_forward_gives_the_value_of_the_batch(name: str):
    make, twin, columns = CASES[name]
    metric = make()
    for batch in batches(columns):
        torch.testing.assert_close(metric(*batch), twin(*batch), rtol=0, atol=1e-12, equal_nan=True)
    torch.testing.assert_close(metric.compute(), twin(*columns), rtol=0, atol=1e-12)


@cases
def test_a_metric_can_be_pickled_copied_and_saved_in_mid_course(name: str):
    make, twin, columns = CASES[name]
    first, *rest = batches(columns)
    metric = make()
    metric.persistent(True)
    metric.update(*first)
    loaded = make()
    loaded.persistent(True)
    loaded.load_state_dict(metric.state_dict())
    for copied in (pickle.loads(pickle.dumps(metric)), copy.deepcopy(metric), metric.clone(), loaded):
        for batch in rest:
            copied.update(*batch)
        torch.testing.assert_close(copied.compute(), twin(*columns), rtol=0, atol=1e-12)


@cases
def test_states_of_two_processes_join(name: str):
    make, twin, columns = CASES[name]
    first, *rest = batches(columns)
    one, other = make(), make()
    one.update(*first)
    for batch in rest:
        other.update(*batch)
    one.merge_state(other)
    torch.testing.assert_close(one.compute(), twin(*columns), rtol=0, atol=1e-12)


@cases
def test_an_empty_batch_alone_gives_the_documented_value(name: str):
    make, twin, columns = CASES[name]
    empty = tuple(column[:0] for column in columns)
    metric = make()
    metric.update(*empty)
    torch.testing.assert_close(metric.compute(), twin(*empty), equal_nan=True)


@cases
def test_classes_say_which_way_is_better(name: str):
    metric = CASES[name][0]()
    assert metric.higher_is_better is (name not in ("Pk", "WindowDiff", "TranscriptWordErrorRate"))
    assert metric.full_state_update is False


def test_success_metrics_agree_with_torchmetrics():
    preds, target = (flags.long() for flags in FLAGS)
    pairs = [
        (metrics.GoalSuccessF1(), torchmetrics_functional.binary_f1_score(preds, target)),
        (metrics.GoalSuccessKappa(), torchmetrics_functional.binary_cohen_kappa(preds, target)),
        (metrics.GoalSuccessAccuracy(), torchmetrics_functional.binary_accuracy(preds, target)),
    ]
    for metric, want in pairs:
        metric.update(preds, target)
        torch.testing.assert_close(metric.compute().float(), want)
    auroc = metrics.GoalSuccessAuroc()
    auroc.update(SCORES, target)
    torch.testing.assert_close(auroc.compute().float(), torchmetrics_functional.binary_auroc(SCORES, target))


def test_classes_of_names_and_texts_agree_with_torchmetrics_where_its_own_count_the_same():
    preds, target = (names.clamp(min=1) for names in CLASSES)  # every name that is said is gold somewhere
    assert set(preds.tolist()) <= set(target.tolist())
    lower = tuple([text.lower() for text in texts] for texts in TEXTS)
    for metric, other, columns in [
        (metrics.NameAccuracy(), MulticlassAccuracy(num_classes=7, average="micro"), (preds, target)),
        (metrics.MacroF1(num_classes=7), MulticlassF1Score(num_classes=7, average="macro"), (preds, target)),
        (metrics.TranscriptWordErrorRate(), WordErrorRate(), lower),
    ]:
        for batch in batches(columns):
            metric.update(*batch)
            if len(batch[0]):  # torchmetrics' classes of names raise on an empty batch
                other.update(*batch)
        torch.testing.assert_close(metric.compute().float(), other.compute())


def test_every_public_class_is_tested_here():
    public = {name for name in metrics.__all__ if isinstance(getattr(metrics, name), type)}
    assert public == set(CASES)


def test_the_page_of_metrics_names_every_class_and_its_function():
    page = (Path(__file__).parents[2] / "docs/metrics.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("|")]
    named = {name: set(re.findall(r"`(\w+)`", cells[2])) for cells in rows for name in re.findall(r"`(\w+)`", cells[1])}
    assert {name: functions for name, functions in named.items() if name in CASES}.keys() == CASES.keys()
    for name in CASES:
        assert all(hasattr(functional, function) for function in named[name])
