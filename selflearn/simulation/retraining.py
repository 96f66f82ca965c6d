"""The loop closes: an understanding model that learned from generated labels too, and meets the same people again.

Everything that people want and do is drawn from (seed, person, session), never from what the assistant does, so that
another assistant meets the same people with the same wishes: the difference of two defect rates is paired.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from selflearn.corpora.splits import owner_of
from selflearn.schema import Dialogue, Turn, TurnLabels
from selflearn.simulation.assistant import Understander
from selflearn.simulation.grammar import Span
from selflearn.simulation.people import Wishes
from selflearn.simulation.simulate import Setting, build_assistant, plan, simulate, untrained_understanding
from selflearn.simulation.understanding import Example, UnderstandingModel, training_examples


def generated_examples(dialogues: Iterable[Dialogue], intents: Collection[str], *, sure: float) -> list[Example]:
    """Requests with the labels that they were given, where those are sure enough, as the model learns from them.

    Args:
        dialogues: labelled. A label without a score counts as sure. The intent before a request is that of the turn
            before; that the assistant forgets it after a while, or where it did not understand, is left aside.
        intents: that the model knows; others teach it nothing.
        sure: least score of an intent and of its slots.
    """
    found = []
    for dialogue in dialogues:
        before = ""
        for turn, labels in zip(dialogue.turns, dialogue.labels.turns, strict=False):
            example = _example(turn, labels, before, sure)
            if example is not None and example.intent in intents:
                found.append(example)
            before = turn.interpretations[0].intent or "" if turn.interpretations else ""
    return found


def _example(turn: Turn, labels: TurnLabels, before: str, sure: float) -> Example | None:
    if not turn.request or labels.intent is None or labels.slots is None:
        return None
    scores = [labels.intent.score, *(slot.score for slot in labels.slots)]
    if any(score is not None and score < sure for score in scores):
        return None
    spans = tuple(Span(slot.name, slot.start, slot.end) for slot in labels.slots)
    return Example(text=turn.request, before=before, intent=labels.intent.value, spans=spans)


def retrained_understanding(setting: Setting, examples: Sequence[Example]) -> UnderstandingModel:
    """The understanding model as it would be shipped next: trained on what it knew and on these examples."""
    model = untrained_understanding(setting)
    known = training_examples(setting.world, setting.assistant.understanding, setting.seed)
    model.learn([*known, *examples], seed=setting.seed)
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class MetSession:
    """How a session with an assistant went: whose it was, of which split, its turns, and how many of them failed."""

    person: str
    split: str
    turns: int
    defects: int


def met_again(
    setting: Setting, understanding: Understander, dialogues: int, *, log: Path | None = None
) -> list[MetSession]:
    """Let the people of a log meet an assistant with this understanding model; one row a session.

    Args:
        setting: the world and its people.
        understanding: of the assistant; all else is as the setting has it.
        dialogues: as many as in the log.
        log: its folder, where the speech channel keeps recordings.

    Raises:
        ImportError: the speech channel is wanted and pocketsphinx is not installed.
        OSError: it is wanted and flite is not installed, or fails.
        RuntimeError: a device does not wake by its button.
        ValueError: the speech channel is wanted and ``log`` is not given, a component cannot be made, the chooser takes
            a reading that there is not, or not one dialogue is asked for.
        WorldError: somebody can want nothing.
    """
    assistant, wishes = build_assistant(setting, understanding, log=log), Wishes(setting.world, setting.population)
    found = []
    for block in plan(setting, dialogues):
        for dialogue in simulate(setting, assistant, wishes, block):
            failed = sum(turn.defect is not None and turn.defect.value for turn in dialogue.labels.turns)
            person = owner_of(dialogue.user_id, dialogue.id)
            found.append(MetSession(person=person, split=dialogue.split, turns=len(dialogue.turns), defects=failed))
    return found
