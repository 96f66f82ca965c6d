"""Pictures of a run."""

from selflearn.reports.figures import interval_figure, loss_figure

__all__ = ["interval_figure", "loss_figure"]
