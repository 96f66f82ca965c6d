"""Tables of items: how columns become tensors, and how a metric of one's own is made."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from selflearn.metrics import catalogue, functional
from selflearn.metrics.items import Items, ItemTable, TableMetric, additive


def items(**columns: list[object]) -> Items:
    frame = pd.DataFrame(columns)
    return Items(frame=frame, groups=torch.zeros(len(frame), dtype=torch.long), num_groups=1)


def test_names_of_two_columns_are_numbered_together():
    numbers, count = items(gold=["b", None, "a"], prediction=["c", "a", None]).numbered("prediction", "gold")
    assert numbers.tolist() == [[2, 0, -1], [1, -1, 0]]
    assert count == 3


def test_columns_without_rows():
    empty = items(gold=[], prediction=[], score=[])
    assert empty.numbered("prediction", "gold")[0].shape == (2, 0)
    assert empty.flags("gold").dtype == torch.bool
    assert empty.scores().dtype == torch.double


def test_a_metric_of_your_own_is_two_functions():
    def statistics(rows: Items) -> torch.Tensor:
        return functional.binary_statistics(rows.flags("prediction"), rows.flags("gold"), rows.groups, rows.num_groups)

    precision = TableMetric(name="precision", measure=additive(statistics, functional.binary_precision_from_statistics))
    measured = precision.measure(items(gold=[True, False], prediction=[True, True]))
    assert measured(torch.ones(3, 1).double()).tolist() == [0.5, 0.5, 0.5]


def test_rank_metrics_give_the_same_value_in_chunks(monkeypatch: pytest.MonkeyPatch):
    table = items(gold=[True, False, False], prediction=[True, True, False], score=[0.4, 0.6, 0.1])
    weights = torch.ones(2, 7, 1).double()
    whole = catalogue.AUC.measure(table)(weights)
    monkeypatch.setattr(catalogue, "_ROWS_AT_ONCE", 4)
    torch.testing.assert_close(catalogue.AUC.measure(table)(weights), whole)
    assert whole.shape == (2, 7)


def test_windows_need_their_size():
    pk = next(metric for metric in catalogue.SEGMENTATION_METRICS if metric.name == "pk")
    with pytest.raises(ValueError, match=r"Items\.window is None; expected k of Pk"):
        pk.measure(items(gold=[True], prediction=[True]))


def test_a_table_names_each_metric_once():
    with pytest.raises(ValueError, match="has a name twice"):
        ItemTable(keys=("turn",), metrics=(catalogue.F1, catalogue.F1))
    with pytest.raises(ValueError, match="expected 'decision' or 'name'"):
        ItemTable(keys=("turn",), metrics=(), values="number")
