"""Labelling with a trained model: dialogues in, the same dialogues with labels and goal records out."""

from selflearn.inference.goal_records import goal_records
from selflearn.inference.labeler import Labeler, LabelledDialogue, ModelDirectoryError
from selflearn.inference.shards import LabellingError, LabellingReport, label_file

__all__ = [
    "Labeler", "LabelledDialogue", "LabellingError", "LabellingReport", "ModelDirectoryError", "goal_records",
    "label_file",
]  # fmt: skip
