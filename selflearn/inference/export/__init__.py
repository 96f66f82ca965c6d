"""Labelled dialogues in the formats of other tools, and reviewed labels back as ratings."""

from selflearn.inference.export.argilla_reviews import ratings_from_argilla
from selflearn.inference.export.audits import Audit
from selflearn.inference.export.folder import (
    ExportReport,
    LabelledFolder,
    export_dialogues,
    export_labelled,
    labelled_dialogues,
)
from selflearn.inference.export.label_studio_reviews import ratings_from_label_studio
from selflearn.inference.export.masking import Masker
from selflearn.inference.export.reviewed import (
    ReviewReport,
    TaskReview,
    import_reviews,
    review_labels,
    reviewed_dialogues,
)
from selflearn.inference.export.reviews import ReviewError, Reviews, with_ratings
from selflearn.inference.rows import Acceptance, ExportError, LabelRow, label_rows

__all__ = [
    "Acceptance", "Audit", "ExportError", "ExportReport", "LabelRow", "LabelledFolder", "Masker", "ReviewError",
    "ReviewReport", "Reviews", "TaskReview", "export_dialogues", "export_labelled", "import_reviews", "label_rows",
    "labelled_dialogues", "ratings_from_argilla", "ratings_from_label_studio", "review_labels", "reviewed_dialogues",
    "with_ratings",
]  # fmt: skip
