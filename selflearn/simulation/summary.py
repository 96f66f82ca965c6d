"""What a simulated log looks like in numbers; summaries of its parts add up to that of the whole."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from rapidfuzz.distance import Levenshtein

from selflearn.corpora.splits import owner_of
from selflearn.schema import Dialogue
from selflearn.simulation.annotators import disputes

SKETCH = 2048
"""Hashes kept to estimate how many different requests there are: a standard error of about 2%."""

_HASHES = 2.0**64


@dataclass(slots=True)
class Summary:
    """Counts of a log.

    Attributes:
        counts: dialogues, turns, goals, goals that were reached, words, word errors, requests said before by the same
            person.
        turns_by_domain: turns by the domain that was meant.
        defects_by_domain: defects among them.
        failure_points: turns by failure point.
        outcomes: turns by what became of them.
        statuses: turns by logged status.
        turns_of_goal: goals by their number of turns.
        gaps: pairs of turns by the seconds between them, in powers of two.
        dialogues_by_split: dialogues of each split.
        asked: items that the three annotators of the gold were asked, by question.
        disputed: those of them on which the three do not agree, which a gold of agreement drops.
        sketch: the smallest hashes of the requests that were said.
    """

    counts: Counter[str] = field(default_factory=Counter)
    turns_by_domain: Counter[str] = field(default_factory=Counter)
    defects_by_domain: Counter[str] = field(default_factory=Counter)
    failure_points: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    turns_of_goal: Counter[str] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)
    dialogues_by_split: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    disputed: Counter[str] = field(default_factory=Counter)
    sketch: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, dialogues: Iterable[Dialogue]) -> Self:
        """Count dialogues; all those of a person have to be among them for the repetitions to be right.

        Raises:
            ValueError: a dialogue has no truth: it is not from the simulation.
        """
        found, said = cls(), dict[str, set[str]]()
        hashes: set[int] = set()
        for dialogue in dialogues:
            own = said.setdefault(owner_of(dialogue.user_id, dialogue.id), set())
            found._add(dialogue, own, hashes)
            if len(hashes) > 20 * SKETCH:
                hashes = set(sorted(hashes)[:SKETCH])
        found.sketch = sorted(hashes)[:SKETCH]
        return found

    def _add(self, dialogue: Dialogue, said: set[str], hashes: set[int]) -> None:
        truth, labels = dialogue.truth, dialogue.labels
        if truth is None or len(truth.turns) != len(dialogue.turns):
            raise ValueError(f"dialogue {dialogue.id} has no truth; expected one from the simulation")
        goals = labels.goals or ()
        self.dialogues_by_split[dialogue.split] += 1
        self.counts.update(dialogues=1, turns=len(dialogue.turns), goals=len(goals),
                           goals_reached=sum(goal.success is True for goal in goals))  # fmt: skip
        for (question, _), disputed in disputes(dialogue).items():
            self.asked[question] += 1
            self.disputed[question] += disputed
        self.turns_of_goal.update(str(goal.end - goal.start) for goal in goals)
        before: float | None = None
        for turn, meant, label in zip(dialogue.turns, truth.turns, labels.turns, strict=True):
            words, heard = (meant.request or "").split(), (turn.request or "").split()
            self.counts.update(words=len(words), word_errors=Levenshtein.distance(words, heard))
            if meant.request in said:
                self.counts["said_before"] += 1
            said.add(meant.request or "")
            hashes.add(int.from_bytes(hashlib.blake2b((meant.request or "").encode(), digest_size=8).digest()))
            domain, defect = meant.domain or "none", label.defect is not None and label.defect.value
            self.turns_by_domain[domain] += 1
            self.defects_by_domain[domain] += defect
            self.counts["defects"] += defect
            self.failure_points[label.failure_point.value if label.failure_point else "unknown"] += 1
            self.outcomes[meant.components["outcome"]] += 1
            self.statuses[turn.status or "none"] += 1
            if before is not None and turn.seconds is not None:
                self.gaps[str(max(0, math.ceil(math.log2(max(turn.seconds - before, 1.0)))))] += 1
            before = turn.seconds

    def __add__(self, other: Summary) -> Summary:
        """The summary of both parts."""
        total = Summary(sketch=sorted({*self.sketch, *other.sketch})[:SKETCH])
        for name in _COUNTERS:
            getattr(total, name).update(getattr(self, name))
            getattr(total, name).update(getattr(other, name))
        return total

    def unique_requests(self) -> float:
        """How many different requests there are: exact below :data:`SKETCH`, else estimated from the least hashes."""
        if len(self.sketch) < SKETCH:
            return float(len(self.sketch))
        return (SKETCH - 1) / (self.sketch[-1] / _HASHES)

    def rates(self) -> dict[str, float]:
        """The figures that describe the log: rates by turn, goal and word; what is disputed, by items asked."""
        counts, turns = self.counts, max(self.counts["turns"], 1)
        return {
            "defect_rate": counts["defects"] / turns,
            "word_error_rate": counts["word_errors"] / max(counts["words"], 1),
            "turns_per_dialogue": counts["turns"] / max(counts["dialogues"], 1),
            "goals_per_dialogue": counts["goals"] / max(counts["dialogues"], 1),
            "turns_per_goal": counts["turns"] / max(counts["goals"], 1),
            "goals_reached": counts["goals_reached"] / max(counts["goals"], 1),
            "unique_requests": self.unique_requests() / turns,
            "said_before_by_the_same_person": counts["said_before"] / turns,
            **{f"failure_point/{name}": n / turns for name, n in sorted(self.failure_points.items())},
            **{f"outcome/{name}": n / turns for name, n in sorted(self.outcomes.items())},
            **{f"disputed/{name}": self.disputed[name] / n for name, n in sorted(self.asked.items())},
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {**{name: dict(sorted(getattr(self, name).items())) for name in _COUNTERS}, "sketch": self.sketch}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """What :meth:`to_dict` made."""
        return cls(**{name: Counter(data[name]) for name in _COUNTERS}, sketch=list(data["sketch"]))


_COUNTERS = ("counts", "turns_by_domain", "defects_by_domain", "failure_points", "outcomes", "statuses",
             "turns_of_goal", "gaps", "dialogues_by_split", "asked", "disputed")  # fmt: skip
