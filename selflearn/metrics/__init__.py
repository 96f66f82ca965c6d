"""Metrics of goals, names, slots and texts: torchmetrics classes, with twins in :mod:`selflearn.metrics.functional`.

Put them into a ``torchmetrics.MetricCollection`` with ``compute_groups=False``. Conventions, one for every table:

- *Segmentation* is over the ``T - 1`` gaps between turns; the first turn is no decision. Boundary F1, Pk and WindowDiff
  are computed for each dialogue and averaged; ``_corpus`` and goal spans are pooled. ``k`` of Pk and WindowDiff is half
  the mean gold segment, at least 2, one for a split; dialogues of ``k`` turns or fewer are left out.
- *Success* and *defect*: failure (a defect) is the positive class. Kappa is Cohen's. The classes named after goal
  success take the decisions of any task.
- *Macro F1* is over the names that occur in gold. *Slots* are exact spans, micro. Values and words are compared with
  capitals aside.
- *Nothing to measure*: precision, recall and F1 of classes and slots are 0 where their denominator is; boundary F1 is 1
  where neither side has a boundary; means over nothing, AUC of one class and kappa of one value are NaN. Nothing warns.
"""

from selflearn.metrics.classification import GoalSuccessAccuracy, GoalSuccessAuroc, GoalSuccessF1, GoalSuccessKappa
from selflearn.metrics.functional import match_goals
from selflearn.metrics.goals import GoalSuccessAurocWithin, GoalSuccessEndToEnd
from selflearn.metrics.names import MacroF1, NameAccuracy
from selflearn.metrics.segmentation import BoundaryF1, BoundaryF1Corpus, GoalSpanF1, Pk, WindowDiff
from selflearn.metrics.spans import SlotF1, SlotPrecision, SlotRecall, SlotValueAccuracy, UnnamedSlotF1
from selflearn.metrics.transcripts import TranscriptAccuracy, TranscriptWordErrorRate

__all__ = [
    "BoundaryF1", "BoundaryF1Corpus", "GoalSpanF1", "GoalSuccessAccuracy", "GoalSuccessAuroc", "GoalSuccessAurocWithin",
    "GoalSuccessEndToEnd", "GoalSuccessF1", "GoalSuccessKappa", "MacroF1", "NameAccuracy", "Pk", "SlotF1",
    "SlotPrecision", "SlotRecall", "SlotValueAccuracy", "TranscriptAccuracy", "TranscriptWordErrorRate",
    "UnnamedSlotF1", "WindowDiff", "match_goals",
]  # fmt: skip
