"""Labels from what people do: noisy signals of each turn, weighed by their own error rates, and what follows from them.

Each signal (an interruption, a rephrase, an answer to "did I answer your question?", how long it took until the next
request, what the assistant logged as its status) is a noisy labelling function of one hidden question: did this
response serve the person? How reliable each is is estimated from all turns together, without a single gold label, by
expectation-maximisation (Dawid & Skene, 1979). From the answer follow the labels:

* a defect, where it is sure enough either way;
* what a turn that served was understood as is a positive example for intent and slots; a turn that did not, and was
  followed by another attempt that did, was meant as that one;
* whether a goal was reached, and where goals begin: runs of attempts are one goal, and runs of different sessions,
  spliced together, are several.

Nothing here reads labels, ratings or truth: :func:`labelled_from_feedback` takes them away first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from selflearn.batching.readings import find_words
from selflearn.schema import Dialogue, Feedback, Goal, Label, Labels, Slot, Turn, TurnLabels

SOURCE = "feedback"
"""The source of the labels that are made here."""

GAPS = (4.0, 10.0, 20.0, 45.0)
"""Borders, in seconds, of how long it takes until the next request. A longer silence says nothing: people who are
content are silent, and so are those who have given up."""

MOST = 3.0
"""What one signal can say at most, in logits: signals that come of the same event are not independent."""

CHAIN_SECONDS = 45.0
"""Longest gap inside a run of rephrases (Ponnusamy et al., 2020)."""

RETRY_SECONDS = 20.0
"""Longest gap to another attempt in other words: the next goal takes longer to come up."""

SURE = 0.8
"""Probability from which a turn counts as served, or as not served; those between are not labelled."""

Votes = dict[str, str]
"""What each signal says of a turn; a signal that is not there says nothing."""


def signals(dialogue: Dialogue) -> list[Votes]:
    """What the signals say of each turn of a dialogue."""
    turns, found = dialogue.turns, []
    feedback = dialogue.feedback or (Feedback(),) * len(turns)
    for i, (turn, seen) in enumerate(zip(turns, feedback, strict=True)):
        votes: Votes = {}
        for name in ("barge_in", "rephrase", "repetition", "answer"):
            value = getattr(seen, name)
            if value is not None:
                votes[name] = str(value)
        if turn.status is not None:
            votes["status"] = turn.status
        following = feedback[i + 1] if i + 1 < len(turns) else None
        votes["given_up"] = str(bool(following and following.termination))
        gap = _gap(turn, turns[i + 1]) if i + 1 < len(turns) else None
        if gap is not None:
            votes["gap"] = gap
        found.append(votes)
    return found


def _gap(turn: Turn, following: Turn) -> str | None:
    if turn.seconds is None or following.seconds is None:
        return None
    seconds = following.seconds - turn.seconds
    return next((f"up to {border:g} s" for border in GAPS if seconds <= border), None)


def _first_guess(votes: Votes) -> float:
    """Where the estimation starts: what the signals are meant to say, taken at their word."""
    unhappy = sum(votes.get(name) == "True" for name in ("barge_in", "rephrase", "repetition", "given_up"))
    unhappy += 2 * (votes.get("answer") == "False") - 2 * (votes.get("answer") == "True")
    return 1 / (1 + math.exp(1.0 - 1.5 * unhappy))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalModel:
    """How often each signal says what, of turns that served and of those that did not.

    Attributes:
        defect_rate: share of the turns that did not serve.
        rates: for each signal and each value it takes, its probability where the turn (served, did not serve).
    """

    defect_rate: float
    rates: Mapping[str, Mapping[str, tuple[float, float]]]

    @classmethod
    def fit(cls, dialogues: Sequence[Dialogue], *, rounds: int = 50) -> Self:
        """Estimate from turns of which nobody knows the truth, by expectation-maximisation.

        Raises:
            ValueError: there is no turn.
        """
        turns = [votes for dialogue in dialogues for votes in signals(dialogue)]
        if not turns:
            raise ValueError("there is no turn to estimate the signals from; expected at least one dialogue")
        defect = np.array([_first_guess(votes) for votes in turns])
        model = cls._maximise(turns, defect)
        for _ in range(rounds):
            before, defect = defect, model.defects(turns)
            if np.abs(defect - before).max() < 1e-4:
                break
            model = cls._maximise(turns, defect)
        return model

    @classmethod
    def _maximise(cls, turns: Sequence[Votes], defect: NDArray[np.float64]) -> Self:
        counts: dict[str, dict[str, NDArray[np.float64]]] = {}
        for votes, p in zip(turns, defect, strict=True):
            for name, value in votes.items():
                counts.setdefault(name, {}).setdefault(value, np.ones(2))[:] += (1 - p, p)
        rates = {}
        for name, values in counts.items():
            total = np.sum(list(values.values()), axis=0)
            rates[name] = {value: (n[0] / total[0], n[1] / total[1]) for value, n in values.items()}
        return cls(defect_rate=float(defect.mean()), rates=rates)

    def defects(self, turns: Sequence[Votes]) -> NDArray[np.float64]:
        """Probability that each turn did not serve, ``[len(turns)]``."""
        start = math.log(self.defect_rate / (1 - self.defect_rate))
        odds = np.full(len(turns), start)
        for i, votes in enumerate(turns):
            for name, value in votes.items():
                served, failed = self.rates.get(name, {}).get(value, (1.0, 1.0))
                odds[i] += min(max(math.log(failed / served), -MOST), MOST)
        defects: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
        return defects


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
    scored = [(log, model.defects(signals(log)).tolist()) for log in logs]
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
    """Whether the next turn wants the same, as far as the log shows: it says it again, or follows a failure at once."""
    if not dialogue.feedback:
        return False
    seen, one, other = dialogue.feedback[turn], dialogue.turns[turn], dialogue.turns[turn + 1]
    gap = None if one.seconds is None or other.seconds is None else other.seconds - one.seconds
    if seen.rephrase or seen.repetition:
        return gap is None or gap <= CHAIN_SECONDS
    return defects[turn] >= SURE and gap is not None and gap <= RETRY_SECONDS


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
    not tell.

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
        sure = max(defect, 1 - defect) >= SURE
        goals.append(
            Goal(start=len(turns) - (end - start), end=len(turns), success=defect < 0.5 if sure else None,
                 source=SOURCE)
        )  # fmt: skip
    times = [turn.seconds for turn in turns]
    if any(time is None for time in times):
        turns = [replace(turn, seconds=None) for turn in turns]
    first_log = runs[0][0]
    return Dialogue(
        id=name, corpus=first_log.corpus, split=first_log.split, turns=tuple(turns), feedback=tuple(feedback),
        labels=Labels(goals=tuple(goals)),
    )  # fmt: skip


def signal_table(model: SignalModel, dialogues: Sequence[Dialogue]) -> list[dict[str, str | float]]:
    """One row a value of each signal: how often it is seen, and what it says; for the report."""
    seen = Counter((name, value) for d in dialogues for votes in signals(d) for name, value in votes.items())
    turns = max(sum(len(dialogue.turns) for dialogue in dialogues), 1)
    return [
        {"signal": name, "value": value, "share": seen[name, value] / turns, "if_served": served, "if_not": failed}
        for name, values in sorted(model.rates.items())
        for value, (served, failed) in sorted(values.items())
    ]
