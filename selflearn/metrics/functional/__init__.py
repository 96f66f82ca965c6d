"""Metrics as pure functions of tensors.

Each additive metric is three functions: ``x_statistics`` (one row of counts a dialogue), ``x_from_statistics`` (counts
to value, vectorised) and ``x`` (the two together). The classes in :mod:`selflearn.metrics` are built from them.
"""

from selflearn.metrics.functional.classification import (
    accuracy,
    accuracy_from_statistics,
    accuracy_statistics,
    binary_cohen_kappa,
    binary_cohen_kappa_from_statistics,
    binary_f1,
    binary_f1_from_statistics,
    binary_precision,
    binary_precision_from_statistics,
    binary_recall,
    binary_recall_from_statistics,
    binary_statistics,
    macro_f1,
    macro_f1_from_statistics,
    multiclass_cohen_kappa,
    multiclass_cohen_kappa_from_statistics,
    multiclass_statistics,
)
from selflearn.metrics.functional.end_to_end import (
    Spans,
    answers_end_to_end,
    end_to_end_rows,
    success_end_to_end,
    success_values,
)
from selflearn.metrics.functional.ranking import auc, auc_within
from selflearn.metrics.functional.segmentation import (
    boundary_f1,
    boundary_f1_corpus,
    boundary_f1_corpus_from_statistics,
    boundary_f1_corpus_statistics,
    boundary_f1_from_statistics,
    boundary_f1_statistics,
    goal_span_f1,
    goal_span_f1_from_statistics,
    goal_span_f1_statistics,
    pk,
    pk_from_statistics,
    pk_statistics,
    window_diff,
    window_diff_from_statistics,
    window_diff_statistics,
    window_size,
)
from selflearn.metrics.functional.spans import (
    match_goals,
    slot_f1,
    slot_f1_from_statistics,
    slot_precision,
    slot_precision_from_statistics,
    slot_recall,
    slot_recall_from_statistics,
    slot_statistics,
    unnamed_slot_f1,
    unnamed_slot_statistics,
)
from selflearn.metrics.functional.transcripts import (
    transcript_accuracy,
    transcript_accuracy_statistics,
    word_error_rate,
    word_error_rate_from_statistics,
    word_error_statistics,
)
from selflearn.metrics.functional.values import value_accuracy, value_statistics

__all__ = [
    "Spans", "accuracy", "accuracy_from_statistics", "accuracy_statistics", "answers_end_to_end", "auc", "auc_within",
    "binary_cohen_kappa", "binary_cohen_kappa_from_statistics", "binary_f1", "binary_f1_from_statistics",
    "binary_precision", "binary_precision_from_statistics", "binary_recall", "binary_recall_from_statistics",
    "binary_statistics", "boundary_f1", "boundary_f1_corpus", "boundary_f1_corpus_from_statistics",
    "boundary_f1_corpus_statistics", "boundary_f1_from_statistics", "boundary_f1_statistics", "end_to_end_rows",
    "goal_span_f1", "goal_span_f1_from_statistics", "goal_span_f1_statistics", "macro_f1", "macro_f1_from_statistics",
    "match_goals", "multiclass_cohen_kappa", "multiclass_cohen_kappa_from_statistics", "multiclass_statistics", "pk",
    "pk_from_statistics", "pk_statistics", "slot_f1", "slot_f1_from_statistics", "slot_precision",
    "slot_precision_from_statistics", "slot_recall", "slot_recall_from_statistics", "slot_statistics",
    "success_end_to_end", "success_values", "transcript_accuracy", "transcript_accuracy_statistics", "unnamed_slot_f1",
    "unnamed_slot_statistics", "value_accuracy", "value_statistics", "window_diff", "window_diff_from_statistics",
    "window_diff_statistics", "window_size", "word_error_rate", "word_error_rate_from_statistics",
    "word_error_statistics",
]  # fmt: skip
