"""The metrics of the built-in tasks, ready for an :class:`~selflearn.metrics.items.ItemTable`.

Another task takes from here what fits, or builds its own with :func:`~selflearn.metrics.items.additive`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from selflearn.metrics import functional
from selflearn.metrics.items import Items, TableMetric, Weighted, additive

_ROWS_AT_ONCE = 2**22  # weights of rows held at a time by the rank metrics: 32 MiB


def _rows(items: Items) -> tuple[Tensor, Tensor, Tensor, int]:
    return items.flags("prediction"), items.flags("gold"), items.groups, items.num_groups


def _window(items: Items) -> int:
    if items.window is None:
        raise ValueError("Items.window is None; expected k of Pk and WindowDiff in turns (functional.window_size)")
    return items.window


def _names(items: Items) -> Tensor:
    numbers, count = items.numbered("prediction", "gold")
    preds, target = numbers.unbind()
    return functional.multiclass_statistics(preds, target, items.groups, items.num_groups, num_classes=count)


def _named(statistics: Callable[[Tensor, Tensor, Tensor, int], Tensor]) -> Callable[[Items], Tensor]:
    def of_items(items: Items) -> Tensor:
        preds, target = items.numbered("prediction", "gold")[0].unbind()
        return statistics(preds, target, items.groups, items.num_groups)

    return of_items


def _ranked(items: Items, strata: Tensor) -> Weighted:
    scores, target, groups = items.scores(), items.flags("gold"), items.groups

    def weighted(weights: Tensor) -> Tensor:
        flat = weights.reshape(weights.shape[:-1].numel(), weights.shape[-1])
        chunks = torch.split(flat, max(1, _ROWS_AT_ONCE // max(len(groups), 1)))
        values = [functional.auc_within(scores, target, strata, chunk.index_select(-1, groups)) for chunk in chunks]
        return torch.cat(values).reshape(weights.shape[:-1])

    return weighted


def _auc(items: Items) -> Weighted:
    return _ranked(items, items.comparable())


def _auc_within_question(items: Items) -> Weighted:
    (questions,), count = items.numbered("question")
    questions = torch.where(questions < 0, count, questions)  # items without a question are one of their own
    return _ranked(items, items.comparable() * (count + 1) + questions)


def _decisions(items: Items) -> Tensor:
    return functional.binary_statistics(*_rows(items))


def _slots(from_statistics: Callable[[Tensor], Tensor]) -> Callable[[Items], Weighted]:
    return additive(_named(functional.slot_statistics), from_statistics)


ACCURACY = TableMetric(
    name="accuracy",
    measure=additive(_named(functional.accuracy_statistics), functional.accuracy_from_statistics),
)
"""Share of items whose prediction is the gold value, decisions or names."""

F1 = TableMetric(name="f1", measure=additive(_decisions, functional.binary_f1_from_statistics))
"""F1 of the positive decision."""

KAPPA = TableMetric(name="kappa", measure=additive(_decisions, functional.binary_cohen_kappa_from_statistics))
"""Cohen's kappa of the decision."""

AUC = TableMetric(name="auc", measure=_auc)
"""Area under the ROC curve of ``score``; in cross-validation inside each fold, weighted by its pairs."""

AUC_WITHIN_QUESTION = TableMetric(name="auc@within_question", measure=_auc_within_question, needs=("question",))
"""AUC inside each ``question``, weighted by its pairs."""

MACRO_F1 = TableMetric(name="macro_f1", measure=additive(_names, functional.macro_f1_from_statistics))
"""Mean F1 over the names that occur in gold."""

SEGMENTATION_METRICS = (
    TableMetric(
        name="boundary_f1",
        measure=additive(
            lambda items: functional.boundary_f1_statistics(*_rows(items)), functional.boundary_f1_from_statistics
        ),
        whole_dialogues=True,
    ),
    TableMetric(
        name="boundary_f1_corpus",
        measure=additive(
            lambda items: functional.boundary_f1_corpus_statistics(*_rows(items)),
            functional.boundary_f1_corpus_from_statistics,
        ),
    ),
    TableMetric(
        name="pk",
        measure=additive(
            lambda items: functional.pk_statistics(*_rows(items), window=_window(items)), functional.pk_from_statistics
        ),
        higher_is_better=False,
        whole_dialogues=True,
    ),
    TableMetric(
        name="window_diff",
        measure=additive(
            lambda items: functional.window_diff_statistics(*_rows(items), window=_window(items)),
            functional.window_diff_from_statistics,
        ),
        higher_is_better=False,
        whole_dialogues=True,
    ),
    TableMetric(
        name="goal_span_f1",
        measure=additive(
            lambda items: functional.goal_span_f1_statistics(*_rows(items)), functional.goal_span_f1_from_statistics
        ),
        whole_dialogues=True,
    ),
    KAPPA,
)
"""Goal segmentation; items are the gaps between turns."""

SUCCESS_METRICS = (AUC, AUC_WITHIN_QUESTION, F1, KAPPA, ACCURACY)
"""Goal success; the positive decision is *failed*."""

INTENT_METRICS = (ACCURACY, MACRO_F1)
"""Intent of a turn."""


def _right_values(column: str) -> Callable[[Items], Weighted]:
    def statistics(items: Items) -> Tensor:
        return functional.value_statistics(
            items.texts(column), items.texts("gold_value"), items.groups, items.num_groups
        )

    return additive(statistics, functional.accuracy_from_statistics)


SLOT_METRICS = (
    TableMetric(name="f1", measure=_slots(functional.slot_f1_from_statistics)),
    TableMetric(name="precision", measure=_slots(functional.slot_precision_from_statistics)),
    TableMetric(name="recall", measure=_slots(functional.slot_recall_from_statistics)),
    TableMetric(
        name="f1@name_ignored",
        measure=additive(_named(functional.unnamed_slot_statistics), functional.slot_f1_from_statistics),
    ),
    TableMetric(name="value_accuracy", measure=_right_values("value"), needs=("gold_value", "value")),
    TableMetric(
        name="value_accuracy@projected",
        measure=_right_values("projected_value"),
        needs=("gold_value", "projected_value"),
    ),
)
"""Slots; items are distinct spans that are gold, predicted or both. Of values, gold spans that have one."""

DEFECT_METRICS = (AUC, F1, KAPPA)
"""Defect of a turn; the positive decision is *defect*."""


def _of_texts(statistics: Callable[[list[str], list[str], Tensor, int], Tensor]) -> Callable[[Items], Tensor]:
    def counted(items: Items) -> Tensor:
        preds, target = (items.frame[column].astype(str).tolist() for column in ("prediction", "gold"))
        return statistics(preds, target, items.groups, items.num_groups)

    return counted


TRANSCRIPT_METRICS = (
    TableMetric(
        name="wer",
        measure=additive(_of_texts(functional.word_error_statistics), functional.word_error_rate_from_statistics),
        higher_is_better=False,
    ),
    TableMetric(
        name="accuracy",
        measure=additive(_of_texts(functional.transcript_accuracy_statistics), functional.accuracy_from_statistics),
    ),
)
"""Transcript of a turn; accuracy counts those without a word error."""
