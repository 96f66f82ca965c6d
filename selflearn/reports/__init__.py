"""Pictures of a run, and the card of its model."""

from selflearn.reports.figures import interval_figure, loss_figure
from selflearn.reports.model_card import add_promises, model_card, write_model_card

__all__ = ["add_promises", "interval_figure", "loss_figure", "model_card", "write_model_card"]
