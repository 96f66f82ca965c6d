"""Evaluation: values with bootstrap intervals, paired differences to the baselines, and the tables that show them."""

from selflearn.evaluation.bootstrap import bootstrap_weights, interval
from selflearn.evaluation.comparison import evaluate
from selflearn.evaluation.predictions import read_predictions, write_predictions
from selflearn.evaluation.results import (
    Results,
    results_markdown,
    results_table,
    systems_markdown,
    systems_table,
    values_markdown,
)
from selflearn.evaluation.results_page import results_page, write_headline, write_results_page
from selflearn.evaluation.runs import RunDirectoryError
from selflearn.evaluation.tables import counts_of, metrics_of
from selflearn.evaluation.task_metrics import TASK_METRICS

__all__ = [
    "TASK_METRICS", "Results", "RunDirectoryError", "bootstrap_weights", "counts_of", "evaluate", "interval",
    "metrics_of", "read_predictions", "results_markdown", "results_page", "results_table", "systems_markdown",
    "systems_table", "values_markdown", "write_headline", "write_predictions", "write_results_page",
]  # fmt: skip
