"""What people do about a response, as noisy signals of one hidden question: did it serve them?

Each signal (an interruption, a rephrase, an answer to "did I answer your question?", how long it took until the next
request) errs in its own way, and many turns have none: people who are content are silent, and so are those who have
given up. A classifier of the turn itself (what the assistant logged, how sure its components were, what it said) says
how likely a failure is before anybody reacts. Both are estimated together, without a single gold label, by
expectation-maximisation: the error rates as in Dawid & Skene (1979), the classifier as in Raykar et al., JMLR 2010,
section 2.3, whose "annotators" are the signals.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.sparse import csr_matrix, vstack
from scipy.special import expit, logit
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from selflearn.batching.features import categorical_features, numeric_features
from selflearn.schema import Dialogue, Feedback, Turn

GAPS = (4.0, 10.0, 20.0, 45.0)
"""Borders, in seconds, of how long it takes until the next request. A longer silence says nothing: people who are
content are silent, and so are those who have given up."""

MOST = 3.0
"""What one signal can say at most, in logits: signals that come of the same event are not independent."""

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


def circumstances(turn: Turn) -> dict[str, float]:
    """What is known of a turn before anybody reacts: what the assistant logged, how sure it was, what it said."""
    named = {name: value for name, value in categorical_features(turn).items() if name != "status"}  # it is a signal
    found = {f"{name}={value}": 1.0 for name, value in named.items()}
    found |= numeric_features(turn)
    return found | {f"said {word}": 1.0 for word in set((turn.response or "").lower().split())}


Rates = dict[str, dict[str, tuple[float, float]]]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalModel:
    """How often each signal says what, of turns that served and of those that did not, and the classifier of turns.

    Attributes:
        defect_rate: share of the turns that did not serve, by the signals alone.
        rates: for each signal and each value it takes, its probability where the turn (served, did not serve).
        classifier: of circumstances; its log-odds are where the signals begin.
        offset: added to them, so that the mean probability is the defect rate. Signals and classifier are not
            independent; left to themselves they would talk each other into more and more failures.
    """

    defect_rate: float
    rates: Mapping[str, Mapping[str, tuple[float, float]]]
    classifier: Pipeline
    offset: float

    @classmethod
    def fit(cls, dialogues: Sequence[Dialogue], *, rounds: int = 50) -> Self:
        """Estimate from turns of which nobody knows the truth, by expectation-maximisation.

        First the signals alone, which gives the defect rate; then signals and classifier together.

        Raises:
            ValueError: there is no turn.
        """
        votes = [row for dialogue in dialogues for row in signals(dialogue)]
        if not votes:
            raise ValueError("there is no turn to estimate the signals from; expected at least one dialogue")
        defect = np.array([_first_guess(row) for row in votes])
        for _ in range(rounds):
            before, rate = defect, float(defect.mean())
            defect = expit(logit(rate) + _evidence(votes, _rates(votes, defect)))
            if np.abs(defect - before).max() < 1e-4:
                break
        rate = float(defect.mean())
        turns = [circumstances(turn) for dialogue in dialogues for turn in dialogue.turns]
        # After the last turn of a session nobody can be seen to try again: it says nothing of how such turns end.
        followed = np.concatenate([np.arange(len(d.turns)) + 1 < len(d.turns) for d in dialogues])
        used = np.flatnonzero(followed if followed.any() else ~followed)
        reader = make_pipeline(DictVectorizer(), MaxAbsScaler())
        inputs = csr_matrix(reader.fit_transform(turns))
        for _ in range(max(1, rounds // 5)):
            before, rates, classifier = defect, _rates(votes, defect), _logistic(inputs[used], defect[used])
            odds = classifier.decision_function(inputs) + _evidence(votes, rates)
            offset = _offset(odds, rate)
            defect = expit(odds + offset)
            if np.abs(defect - before).max() < 1e-3:
                break
        return cls(defect_rate=rate, rates=rates, classifier=make_pipeline(reader, classifier), offset=offset)

    def defects(self, dialogue: Dialogue) -> list[float]:
        """Probability that each turn of a dialogue did not serve."""
        if not dialogue.turns:
            return []
        odds = self.classifier.decision_function([circumstances(turn) for turn in dialogue.turns])
        found: list[float] = expit(odds + _evidence(signals(dialogue), self.rates) + self.offset).tolist()
        return found


def _rates(votes: Sequence[Votes], defect: Floats) -> Rates:
    counts: dict[str, dict[str, Floats]] = {}
    for row, p in zip(votes, defect, strict=True):
        for name, value in row.items():
            counts.setdefault(name, {}).setdefault(value, np.ones(2))[:] += (1 - p, p)
    rates: Rates = {}
    for name, values in counts.items():
        total = np.sum(list(values.values()), axis=0)
        rates[name] = {value: (float(n[0] / total[0]), float(n[1] / total[1])) for value, n in values.items()}
    return rates


def _evidence(votes: Sequence[Votes], rates: Mapping[str, Mapping[str, tuple[float, float]]]) -> Floats:
    """Log-odds that the signals of each turn add, ``[len(votes)]``."""
    odds = np.zeros(len(votes))
    for i, row in enumerate(votes):
        for name, value in row.items():
            served, failed = rates.get(name, {}).get(value, (1.0, 1.0))
            odds[i] += min(max(math.log(failed / served), -MOST), MOST)
    return odds


def _offset(odds: Floats, rate: float) -> float:
    """What to add to log-odds so that their mean probability is the rate."""
    return float(brentq(lambda added: expit(odds + added).mean() - rate, -40.0, 40.0))


def _logistic(inputs: csr_matrix, defect: Floats) -> LogisticRegression:
    """Logistic regression on probabilities: each turn counts as both, as much as it is either."""
    weights = np.clip(np.concatenate([1 - defect, defect]), 1e-6, None)
    model = LogisticRegression(max_iter=500)
    model.fit(vstack([inputs, inputs]), np.repeat([0, 1], len(defect)), sample_weight=weights)
    return model


def signal_table(model: SignalModel, dialogues: Sequence[Dialogue]) -> list[dict[str, str | float]]:
    """One row a value of each signal: how often it is seen, and what it says; for the report."""
    seen = Counter((name, value) for d in dialogues for votes in signals(d) for name, value in votes.items())
    turns = max(sum(len(dialogue.turns) for dialogue in dialogues), 1)
    return [
        {"signal": name, "value": value, "share": seen[name, value] / turns, "if_served": served, "if_not": failed}
        for name, values in sorted(model.rates.items())
        for value, (served, failed) in sorted(values.items())
    ]
