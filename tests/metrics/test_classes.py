"""The torchmetrics classes: the same value as the functional twin, however the dialogues come in batches."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable

import pytest
import torch
import torchmetrics
import torchmetrics.functional.classification as torchmetrics_functional

import selflearn.metrics as metrics
from selflearn.metrics import functional

GENERATOR = torch.Generator().manual_seed(11)
GROUPS = torch.repeat_interleave(torch.arange(12), torch.tensor([1, 4, 9, 2, 2, 7, 1, 3, 12, 5, 6, 8]))
N = len(GROUPS)
FLAGS = torch.rand(N, generator=GENERATOR) < 0.4, torch.rand(N, generator=GENERATOR) < 0.4
NAMES = torch.randint(-1, 4, (N,), generator=GENERATOR), torch.randint(-1, 4, (N,), generator=GENERATOR)
SCORES = torch.randint(9, (N,), generator=GENERATOR) / 9
BATCHES = (3, 0, 1, 6, 2)  # dialogues in each

Case = tuple[Callable[[], torchmetrics.Metric], Callable[..., torch.Tensor], tuple[torch.Tensor, ...]]
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
}
cases = pytest.mark.parametrize("name", CASES)


def batches(columns: tuple[torch.Tensor, ...]) -> list[tuple[torch.Tensor, ...]]:
    """Uneven batches of whole dialogues, one of them empty."""
    edges = torch.tensor([0, *BATCHES]).cumsum(0).tolist()
    found = []
    for first, last in itertools.pairwise(edges):
        own = (first <= GROUPS) & (last > GROUPS)
        parts = [column[own] for column in columns]
        if len(parts) == 3:
            parts[2] = parts[2] - first  # dialogues are numbered anew in each batch
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
    assert metric.higher_is_better is (name not in ("Pk", "WindowDiff"))
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


def test_every_public_class_is_tested_here():
    public = {name for name in metrics.__all__ if isinstance(getattr(metrics, name), type)}
    assert public == set(CASES)
