"""Labels from what people do: how likely each turn failed, how likely a goal begins with it, and what follows.

* A turn that surely failed, or surely served, is labelled as that (``defect``).
* What a turn that served was understood as is a positive example for intent and slots; a turn that did not, and was
  followed in the same run by one that did, was meant as that one.
* Where goals begin, and whether they were reached: a run of turns is one goal, and runs of different sessions, spliced
  together, are several.

Nothing here reads labels, ratings or truth: :class:`FeedbackModel` takes them away first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from rapidfuzz.distance import Levenshtein

from selflearn.batching.readings import find_words
from selflearn.schema import Dialogue, Feedback, Goal, Label, Labels, Slot, Turn, TurnLabels
from selflearn.training.failures import failure_model, failures
from selflearn.training.goal_starts import start_model, starts
from selflearn.training.signals import SignalModel

SOURCE = "feedback"
"""The source of the labels that are made here."""

SURE = 0.8
"""Probability from which a turn counts as served, or as not served; those between are not labelled."""


def without_gold(dialogue: Dialogue) -> Dialogue:
    """The dialogue as a log has it: no labels, no ratings, no truth."""
    return replace(dialogue, labels=Labels(), ratings=(), truth=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDialogue:
    """A log with what its signals say.

    Attributes:
        log: without labels, ratings and truth.
        failures: probability that each turn did not serve.
        runs: turns ``[start, end)`` that pursue the same thing; together they cover the dialogue.
    """

    log: Dialogue
    failures: tuple[float, ...]
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackModel:
    """What the feedback of a log says, estimated from it.

    Attributes:
        failures: did a turn fail?
        starts: does a goal begin with it? None where the log has no times.
    """

    failures: SignalModel
    starts: SignalModel | None

    @classmethod
    def fit(cls, dialogues: Iterable[Dialogue]) -> Self:
        """Estimate from logs; whatever labels they have are taken away first.

        Raises:
            ValueError: there is no turn, or nothing from which to tell those that failed.
        """
        logs = [without_gold(dialogue) for dialogue in dialogues]
        failing = failure_model(logs)
        return cls(failures=failing, starts=start_model(logs, failures(logs, failing)))

    def see(self, dialogues: Iterable[Dialogue]) -> list[SeenDialogue]:
        """How likely each turn of each dialogue failed, and its runs."""
        logs = [without_gold(dialogue) for dialogue in dialogues]
        failed = failures(logs, self.failures)
        begun = starts(logs, failed, self.starts)
        return [
            SeenDialogue(log=log, failures=tuple(failing), runs=_runs(beginning))
            for log, failing, beginning in zip(logs, failed, begun, strict=True)
        ]

    def label(self, dialogues: Iterable[Dialogue], *, seed: int) -> list[Dialogue]:
        """Dialogues with the labels that follow from what people did, and spliced ones with goals.

        Args:
            dialogues: logs; whatever labels they have are taken away first.
            seed: of the splices.

        Returns:
            As many dialogues with labels of their turns, and after them as many turns again in spliced dialogues, whose
            goals and successes are labelled.
        """
        seen = self.see(dialogues)
        turns = [one.log.with_labels(Labels(turns=turn_labels(one))) for one in seen]
        return [*turns, *splice(seen, seed=seed)]


def _runs(begun: Sequence[float]) -> tuple[tuple[int, int], ...]:
    """Turns ``[start, end)`` from each that begins a goal to the next that does."""
    first = [turn for turn, p in enumerate(begun) if p > 0.5]
    return tuple(zip(first, [*first[1:], len(begun)], strict=True))


def turn_labels(seen: SeenDialogue) -> tuple[TurnLabels, ...]:
    """Labels of the turns of a dialogue."""
    turns, found = seen.log.turns, []
    for start, end in seen.runs:
        for turn in range(start, end):
            defect = seen.failures[turn]
            sure = max(defect, 1 - defect)
            label = TurnLabels(
                defect=Label(value=defect > 0.5, source=SOURCE, score=sure) if sure >= SURE else None,
            )
            meant = _meant(seen, turn, end)
            best = turns[meant].interpretations[0] if meant is not None and turns[meant].interpretations else None
            if meant is not None and best is not None and best.intent is not None:
                label = replace(
                    label, intent=Label(value=best.intent, source=SOURCE), slots=_slots(turns[turn], turns[meant]),
                    transcript=_transcript(turns[turn], turns[meant]),
                )  # fmt: skip
            found.append(label)
    return tuple(found)


def _meant(seen: SeenDialogue, turn: int, end: int) -> int | None:
    """The turn that tells what a turn meant: itself if it served, else the next of its run that did.

    None where nobody knows. "Forget it" is served too, and tells of nothing.
    """
    failed = seen.failures
    if 1 - SURE < failed[turn] < SURE or _ends_here(seen.log, turn):
        return None
    return next(
        (later for later in range(turn, end) if failed[later] <= 1 - SURE and not _ends_here(seen.log, later)), None
    )


def _ends_here(log: Dialogue, turn: int) -> bool:
    """Whether this is a request to stop, and nothing else."""
    return bool(log.feedback and log.feedback[turn].termination)


def _transcript(turn: Turn, understood: Turn) -> Label[str] | None:
    """What was recognised, where that served; else the entry of the n-best list that is most like what served."""
    if turn.request is None or understood.request is None:
        return None
    heard = [hypothesis.text for hypothesis in turn.recognition] or [turn.request]
    said = understood.request.split()
    return Label(value=min(heard, key=lambda text: Levenshtein.distance(text.split(), said)), source=SOURCE)


def _slots(turn: Turn, understood: Turn) -> tuple[Slot, ...] | None:
    """Values of the turn that was understood, where their words stand in this turn; None where one is not found."""
    request, found = turn.request or "", list[Slot]()
    for value in understood.interpretations[0].slots:
        place = find_words(request, value.value)
        if place is None or any(place[0] < slot.end and place[1] > slot.start for slot in found):
            return None
        found.append(Slot(name=value.name, start=place[0], end=place[1], text=request[slice(*place)], value=value.value,
                          source=SOURCE))  # fmt: skip
    return tuple(sorted(found, key=lambda slot: slot.start))


def splice(dialogues: Sequence[SeenDialogue], *, seed: int) -> list[Dialogue]:
    """Dialogues made of runs of different sessions, each run one goal.

    Runs are drawn from all sessions and put together, two to four at a time, the last as many as are left; the seconds
    between them are drawn from those that were seen between runs, so that time alone does not tell. A run failed if its
    last turn did, but for a request to stop: of that only a probability is known, and the label is drawn with it, so
    that failures that nobody complained about are among them in their share.

    Args:
        dialogues: with their runs.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    runs: list[tuple[Dialogue, int, int, float]] = []
    gaps: list[float] = []
    for seen in dialogues:
        for start, end in seen.runs:
            runs.append((seen.log, start, end, _failure(seen, start, end)))
            one, other = (seen.log.turns[i].seconds if i < len(seen.log.turns) else None for i in (end - 1, end))
            if one is not None and other is not None:
                gaps.append(other - one)
    order, found, at = rng.permutation(len(runs)), list[Dialogue](), 0
    while at < len(order):
        number = int(rng.integers(2, 5))
        members = [runs[i] for i in order[at : at + number]]
        at += number
        # dialogues of several folds come together: other members, another name
        told = json.dumps([[log.id, start, end] for log, start, end, _ in members])
        name = f"spliced-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
        found.append(_spliced(members, gaps, rng, name=name))
    return found


def _failure(seen: SeenDialogue, start: int, end: int) -> float:
    """Probability that a run failed."""
    asked = [turn for turn in range(start, end) if not _ends_here(seen.log, turn)]
    return seen.failures[asked[-1] if asked else end - 1]


def _spliced(
    runs: Sequence[tuple[Dialogue, int, int, float]], gaps: Sequence[float], rng: np.random.Generator, *, name: str
) -> Dialogue:
    turns: list[Turn] = []
    goals: list[Goal] = []
    feedback: list[Feedback] = []
    clock = 0.0
    for dialogue, start, end, defect in runs:
        first = dialogue.turns[start].seconds
        known = first is not None and all(turn.seconds is not None for turn in dialogue.turns[start:end])
        if turns and gaps:
            clock += float(gaps[int(rng.integers(len(gaps)))])
        begun = clock
        for turn in dialogue.turns[start:end]:
            clock = begun + ((turn.seconds or 0.0) - (first or 0.0)) if known else clock  # in this order none goes back
            turns.append(replace(turn, seconds=clock if known else None))
        feedback.extend(dialogue.feedback[start:end] or [Feedback()] * (end - start))
        reached = bool(rng.random() >= defect)
        goals.append(Goal(start=len(turns) - (end - start), end=len(turns), success=reached, source=SOURCE))
    times = [turn.seconds for turn in turns]
    if any(time is None for time in times):
        turns = [replace(turn, seconds=None) for turn in turns]
    first_log = runs[0][0]
    return Dialogue(
        id=name, corpus=first_log.corpus, split=first_log.split, turns=tuple(turns), feedback=tuple(feedback),
        labels=Labels(goals=tuple(goals)),
    )  # fmt: skip
