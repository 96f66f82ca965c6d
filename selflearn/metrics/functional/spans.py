"""Metrics of named spans (slots), and the matching of a system's own goals to the gold ones.

One row is one distinct span of one turn that is gold, predicted or both; it holds the number of the name that each side
gives it, -1 where the side has no such span. Two sides that disagree on an edge therefore make two rows.

Letters: ``N`` rows, ``G`` dialogues (groups). Precision, recall and F1 are 0 where their denominator is; nothing warns.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from selflearn.metrics.functional._rows import check_rows, ratio, sum_by_group


def slot_statistics(
    preds: Tensor, target: Tensor, groups: Tensor | None = None, num_groups: int | None = None
) -> Tensor:
    """Slots right (edges and name), predicted and gold of each dialogue: ``(G, 3)``.

    Args:
        preds: number of the predicted name of the span, -1 where it was not predicted, int64, ``(N,)``.
        target: number of the gold name, -1 where it is not gold, int64, ``(N,)``.
        groups: dialogue of each row, int64, ``(N,)``; None for one dialogue.
        num_groups: ``G``; None for the largest group plus one.

    Raises:
        ValueError: shapes differ, or values are not integers.
    """
    groups, num_groups = check_rows(preds, target, groups, num_groups)
    for name, values in (("preds", preds), ("target", target)):
        if values.is_floating_point() or values.dtype == torch.bool:
            raise ValueError(f"{name} is {values.dtype}; expected numbers of names, integer, -1 for no span")
    predicted, gold = preds >= 0, target >= 0
    return sum_by_group((predicted & gold & (preds == target), predicted, gold), groups, num_groups)


def unnamed_slot_statistics(
    preds: Tensor, target: Tensor, groups: Tensor | None = None, num_groups: int | None = None
) -> Tensor:
    """Like :func:`slot_statistics`, with names counting for nothing: edges right, predicted, gold ``(G, 3)``."""
    return slot_statistics(preds.clamp(max=0), target.clamp(max=0), groups, num_groups)


def slot_f1_from_statistics(statistics: Tensor) -> Tensor:
    """F1 from counts ``(..., 3)``: ``(...)``."""
    hits, predicted, gold = statistics.unbind(-1)
    return ratio(2 * hits, predicted + gold, undefined=0.0)


def slot_f1(preds: Tensor, target: Tensor) -> Tensor:
    """Span F1, micro: start, end and name exact, pooled over all turns (higher is better); 0 without a span.

    The F1 of conlleval and of seqeval's strict mode on well-formed tags (Tjong Kim Sang and Buchholz 2000).

    Args:
        preds: number of the predicted name of each distinct span, -1 for none, int64, ``(N,)``.
        target: the same for gold.

    Raises:
        ValueError: shapes differ, or values are not integers.

    Example:
        >>> slot_f1(torch.tensor([3, 1, -1]), torch.tensor([3, 2, 5]))  # one of two predicted, one of three gold
        tensor(0.4000, dtype=torch.float64)
    """
    return slot_f1_from_statistics(slot_statistics(preds, target).sum(0))


def slot_precision_from_statistics(statistics: Tensor) -> Tensor:
    """Precision from counts ``(..., 3)``: ``(...)``."""
    return ratio(statistics[..., 0], statistics[..., 1], undefined=0.0)


def slot_precision(preds: Tensor, target: Tensor) -> Tensor:
    """Share of the predicted slots that are right in start, end and name (higher is better); 0 where none is predicted.

    Args:
        preds: number of the predicted name of each distinct span, -1 for none, int64, ``(N,)``.
        target: the same for gold.

    Raises:
        ValueError: shapes differ, or values are not integers.

    Example:
        >>> slot_precision(torch.tensor([3, 1, -1]), torch.tensor([3, 2, 5]))
        tensor(0.5000, dtype=torch.float64)
    """
    return slot_precision_from_statistics(slot_statistics(preds, target).sum(0))


def slot_recall_from_statistics(statistics: Tensor) -> Tensor:
    """Recall from counts ``(..., 3)``: ``(...)``."""
    return ratio(statistics[..., 0], statistics[..., 2], undefined=0.0)


def slot_recall(preds: Tensor, target: Tensor) -> Tensor:
    """Share of the gold slots that were found with start, end and name (higher is better); 0 where none is gold.

    Args:
        preds: number of the predicted name of each distinct span, -1 for none, int64, ``(N,)``.
        target: the same for gold.

    Raises:
        ValueError: shapes differ, or values are not integers.

    Example:
        >>> slot_recall(torch.tensor([3, 1, -1]), torch.tensor([3, 2, 5]))
        tensor(0.3333, dtype=torch.float64)
    """
    return slot_recall_from_statistics(slot_statistics(preds, target).sum(0))


def unnamed_slot_f1(preds: Tensor, target: Tensor) -> Tensor:
    """Span F1 where the name counts for nothing: start and end exact (higher is better); 0 without a span.

    Args:
        preds: number of the predicted name of each distinct span, -1 for none, int64, ``(N,)``.
        target: the same for gold.

    Raises:
        ValueError: shapes differ, or values are not integers.

    Example:
        >>> unnamed_slot_f1(torch.tensor([3, 1, -1]), torch.tensor([3, 2, 5]))
        tensor(0.8000, dtype=torch.float64)
    """
    return slot_f1_from_statistics(unnamed_slot_statistics(preds, target).sum(0))


def match_goals(gold: Sequence[tuple[int, int]], predicted: Sequence[tuple[int, int]]) -> list[int | None]:
    """Match the goals of one dialogue one to one, the pair that is most alike first.

    Alike is what two goals have in common, divided by what they cover together (intersection over union). Less than
    half of it is no match, as in the detection of objects (Everingham et al., "The PASCAL VOC Challenge", IJCV 2010,
    section 4.2): else a system that cuts every dialogue into single turns would find every goal. Ties go to the earlier
    gold goal, then to the earlier predicted one.

    Args:
        gold: gold goals, half-open ``[start, end)`` in turns.
        predicted: the system's own goals, the same.

    Returns:
        For each gold goal the index of its predicted goal, or None where none is enough like it.

    Raises:
        ValueError: a goal has no turn.

    Example:
        >>> match_goals([(0, 3), (3, 5), (5, 8)], [(0, 4), (4, 5), (5, 6)])
        [0, 1, None]
    """
    for side, spans in (("gold", gold), ("predicted", predicted)):
        for index, (start, end) in enumerate(spans):
            if end <= start:
                raise ValueError(f"{side} goal {index} is [{start}, {end}); expected at least one turn")
    pairs = [
        (-alike, i, j)
        for i, one in enumerate(gold)
        for j, other in enumerate(predicted)
        if (alike := _intersection_over_union(one, other)) >= 0.5
    ]
    matched: list[int | None] = [None] * len(gold)
    taken: set[int] = set()
    for _, i, j in sorted(pairs):
        if matched[i] is None and j not in taken:
            matched[i] = j
            taken.add(j)
    return matched


def _intersection_over_union(a: tuple[int, int], b: tuple[int, int]) -> float:
    common = min(a[1], b[1]) - max(a[0], b[0])
    return common / (max(a[1], b[1]) - min(a[0], b[0])) if common > 0 else 0.0
