"""Labelling with a trained model: dialogues in, the same dialogues with labels and goal records out."""

from selflearn.inference.doubts import input_doubts
from selflearn.inference.goal_records import goal_records
from selflearn.inference.labeler import (
    Labeler,
    LabelledDialogue,
    PreparedDialogue,
    ReadingPlan,
)
from selflearn.inference.model_directory import ModelDirectoryError
from selflearn.inference.pace import Pace, Person, pace_lines
from selflearn.inference.plan import LabellingPlan, plan_file
from selflearn.inference.shards import LabellingError, LabellingReport, label_file

__all__ = [
    "Labeler", "LabelledDialogue", "LabellingError", "LabellingPlan", "LabellingReport", "ModelDirectoryError", "Pace",
    "Person", "PreparedDialogue", "ReadingPlan", "goal_records", "input_doubts", "label_file",
    "pace_lines", "plan_file",
]  # fmt: skip
