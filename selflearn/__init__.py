"""Turns logs of conversations into labels: goals, success, intents, slots and defects, each with a score.

The names below load when they are first used, so that ``import selflearn`` is quick and a person who wants only the
record, only a metric or only an encoder loads nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selflearn.corpora import load_dialogues as load_dialogues
    from selflearn.encoders import DialogueEncoder as DialogueEncoder
    from selflearn.encoders import FeatureEncoder as FeatureEncoder
    from selflearn.encoders import TurnEncoder as TurnEncoder
    from selflearn.inference import Labeler as Labeler
    from selflearn.models import LabelGenerator as LabelGenerator
    from selflearn.models import LabelGeneratorConfig as LabelGeneratorConfig
    from selflearn.schema import Dialogue as Dialogue
    from selflearn.schema import Feedback as Feedback
    from selflearn.schema import Goal as Goal
    from selflearn.schema import GoalRecord as GoalRecord
    from selflearn.schema import Label as Label
    from selflearn.schema import Labels as Labels
    from selflearn.schema import RecordError as RecordError
    from selflearn.schema import Slot as Slot
    from selflearn.schema import Turn as Turn
    from selflearn.schema import TurnLabels as TurnLabels

__version__ = "0.1.0"

_EXPORTS = {
    "selflearn.schema": (
        "Dialogue", "Feedback", "Goal", "GoalRecord", "Label", "Labels", "RecordError", "Slot", "Turn", "TurnLabels",
    ),
    "selflearn.corpora": ("load_dialogues",),
    "selflearn.encoders": ("DialogueEncoder", "FeatureEncoder", "TurnEncoder"),
    "selflearn.models": ("LabelGenerator", "LabelGeneratorConfig"),
    "selflearn.inference": ("Labeler",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = ["__version__", *sorted(_MODULE_OF)]


def __getattr__(name: str) -> Any:
    """Load a public name from the module that defines it (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'selflearn' has no attribute {name!r}; public names: {', '.join(__all__)}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
