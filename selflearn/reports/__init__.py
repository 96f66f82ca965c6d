"""Pictures of a run, the card of its model, and the page ``report.html``."""

from selflearn.reports.figures import interval_figure, loss_figure, risk_figure
from selflearn.reports.model_card import add_promises, calibration_lines, model_card, write_model_card
from selflearn.reports.page import ReportError
from selflearn.reports.quality import CALIBRATION
from selflearn.reports.report import write_labelling_report, write_run_report

__all__ = [
    "CALIBRATION", "ReportError", "add_promises", "calibration_lines", "interval_figure", "loss_figure", "model_card",
    "risk_figure", "write_labelling_report", "write_model_card", "write_run_report",
]  # fmt: skip
