"""Labels from what people do: how likely each turn failed, by :mod:`selflearn.training.signals`, and what follows.

* A turn that surely failed, or surely served, is labelled as that (``defect``).
* What a turn that served was understood as is a positive example for intent and slots; a turn that did not, and was
  followed by another attempt that did, was meant as that one.
* Where goals begin, and whether they were reached: runs of attempts are one goal, and runs of different sessions,
  spliced together, are several.

Nothing here reads labels, ratings or truth: :func:`labelled_from_feedback` takes them away first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rapidfuzz.distance import Levenshtein

from selflearn.batching.readings import find_words
from selflearn.schema import Dialogue, Feedback, Goal, Label, Labels, Slot, Turn, TurnLabels
from selflearn.training.signals import SignalModel

SOURCE = "feedback"
"""The source of the labels that are made here."""

CHAIN_SECONDS = 45.0
"""Longest gap inside a run of rephrases (Ponnusamy et al., 2020)."""

RETRY_SECONDS = 20.0
"""Longest gap to another attempt in other words: the next goal takes longer to come up."""

FOLLOW_SECONDS = 10.0
"""Longest gap to what still belongs to a goal after a turn that served: an addition, a thank-you."""

SURE = 0.8
"""Probability from which a turn counts as served, or as not served; those between are not labelled."""


def without_gold(dialogue: Dialogue) -> Dialogue:
    """The dialogue as a log has it: no labels, no ratings, no truth."""
    return replace(dialogue, labels=Labels(), ratings=(), truth=None)


def labelled_from_feedback(dialogues: Sequence[Dialogue], *, seed: int) -> list[Dialogue]:
    """Dialogues with the labels that follow from what people did, and spliced ones with goals.

    Args:
        dialogues: logs; whatever labels they have are taken away first.
        seed: of the splices.

    Returns:
        As many dialogues with labels of their turns, and after them as many turns again in spliced dialogues, whose
        goals and successes are labelled.
    """
    logs = [without_gold(dialogue) for dialogue in dialogues]
    model = SignalModel.fit(logs)
    scored = [(log, model.defects(log)) for log in logs]
    turns = [log.with_labels(Labels(turns=turn_labels(log, defects))) for log, defects in scored]
    return [*turns, *splice(scored, seed=seed)]


def turn_labels(dialogue: Dialogue, defects: Sequence[float]) -> tuple[TurnLabels, ...]:
    """Labels of the turns of a dialogue, given the probability that each did not serve."""
    found = []
    for i, (turn, defect) in enumerate(zip(dialogue.turns, defects, strict=True)):
        meant = _meant(dialogue, defects, i)
        sure = max(defect, 1 - defect)
        label = TurnLabels(
            defect=Label(value=defect > 0.5, source=SOURCE, score=sure) if sure >= SURE else None,
        )
        understood = dialogue.turns[meant] if meant is not None else None
        best = understood.interpretations[0] if understood is not None and understood.interpretations else None
        if understood is not None and best is not None and best.intent is not None:
            label = replace(
                label, intent=Label(value=best.intent, source=SOURCE), slots=_slots(turn, understood),
                transcript=_transcript(turn, understood),
            )  # fmt: skip
        found.append(label)
    return tuple(found)


def _meant(dialogue: Dialogue, defects: Sequence[float], turn: int) -> int | None:
    """The turn that tells what a turn meant: itself if it served, else the rephrase that did; None: nobody knows."""
    if defects[turn] <= 1 - SURE:
        return turn
    if defects[turn] < SURE:
        return None
    for later in range(turn + 1, len(dialogue.turns)):
        if not _goes_on(dialogue, defects, later - 1):
            return None
        if defects[later] <= 1 - SURE:
            return later
    return None


def _goes_on(dialogue: Dialogue, defects: Sequence[float], turn: int) -> bool:
    """Whether the next turn serves the same goal, as far as the log shows: it says it again, or comes soon enough."""
    if not dialogue.feedback:
        return False
    seen, one, other = dialogue.feedback[turn], dialogue.turns[turn], dialogue.turns[turn + 1]
    gap = None if one.seconds is None or other.seconds is None else other.seconds - one.seconds
    if seen.rephrase or seen.repetition:
        return gap is None or gap <= CHAIN_SECONDS
    return gap is not None and gap <= (RETRY_SECONDS if defects[turn] >= 0.5 else FOLLOW_SECONDS)


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


def splice(scored: Sequence[tuple[Dialogue, Sequence[float]]], *, seed: int) -> list[Dialogue]:
    """Dialogues made of runs of different sessions, each run one goal.

    A run is a turn with the further attempts that follow it. Runs are drawn from all sessions and put together, two to
    four at a time; the seconds between them are drawn from those that were seen between runs, so that time alone does
    not tell. A run failed if its last turn did: of that only a probability is known, and the label is drawn with it, so
    that failures that nobody complained about are among them in their share.

    Args:
        scored: dialogues, with the probability that each turn did not serve.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    runs: list[tuple[Dialogue, int, int, float]] = []
    gaps: list[float] = []
    for dialogue, defects in scored:
        start = 0
        for turn in range(len(dialogue.turns)):
            last = turn + 1 == len(dialogue.turns)
            if last or not _goes_on(dialogue, defects, turn):
                runs.append((dialogue, start, turn + 1, defects[turn]))
                start = turn + 1
                one, other = dialogue.turns[turn].seconds, None if last else dialogue.turns[turn + 1].seconds
                if one is not None and other is not None:
                    gaps.append(other - one)
    order, found, at = rng.permutation(len(runs)), list[Dialogue](), 0
    while at < len(order):
        number = int(rng.integers(2, 5))
        members = [runs[i] for i in order[at : at + number]]
        at += number
        found.append(_spliced(members, gaps, rng, name=f"spliced-{len(found)}"))
    return found


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
            clock = begun + (turn.seconds or 0.0) - (first or 0.0) if known else clock
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
