"""A hidden yes-no question about turns, answered from noisy signals without a single gold label.

Each signal (an interruption, a rephrase, how long it took until the next request) errs in its own way, and many turns
have none. A classifier of what else is known says how likely the answer is without them. Both are estimated together,
by expectation-maximisation: the error rates as in Dawid & Skene (1979), the classifier as in Raykar et al., JMLR 2010,
section 2.3, whose "annotators" are the signals.

:mod:`selflearn.training.failures` asks whether a turn failed, :mod:`selflearn.training.goal_starts` whether a goal ends
with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.sparse import csr_matrix, vstack
from scipy.special import expit, logit
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler

MOST = 3.0
"""What one signal can say at most, in logits: signals that come of the same event are not independent."""

Votes = dict[str, str]
"""What each signal says of an item; a signal that is not there says nothing."""

Circumstances = dict[str, float]
"""What else is known of an item: names with their values."""

Rates = dict[str, dict[str, tuple[float, float]]]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """What a question is asked about: for each item its votes, its circumstances, and what to begin from.

    Attributes:
        votes: of each item.
        circumstances: of each item.
        first_guess: probability of yes that the estimation begins with, from what the signals are meant to say.
    """

    votes: Sequence[Votes]
    circumstances: Sequence[Circumstances]
    first_guess: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalModel:
    """How often each signal says what where the answer is yes and where it is no, and the classifier of circumstances.

    Attributes:
        share: of the items whose answer is yes.
        rates: for each signal and each value it takes, its probability where the answer is (no, yes).
        classifier: of circumstances; its log-odds are where the signals begin.
        offset: added to them, so that the mean probability is the share.
    """

    share: float
    rates: Mapping[str, Mapping[str, tuple[float, float]]]
    classifier: Pipeline
    offset: float

    @classmethod
    def fit(cls, items: Items, *, share_of: Literal["signals", "both"], learned: Floats | None = None,
            strength: float = 1.0, rounds: int = 50) -> Self:  # fmt: skip
        """Estimate from items of which nobody knows the answer, by expectation-maximisation.

        First the signals alone; then signals and classifier together.

        Args:
            items: at least one.
            share_of: what says how often the answer is yes. "both": signals and classifier, as Raykar et al. have it.
                "signals": they alone, for circumstances that say the same as the signals: together such two would talk
                each other into more and more answers of one kind.
            learned: whether the classifier learns from each item, bool ``[items]``; None: from all.
            strength: inverse of the classifier's L2 penalty. It learns from its own answers, and grows the surer of
                them the weaker the penalty is.
            rounds: most rounds of the signals alone; of both together a fifth of them.

        Raises:
            ValueError: there is no item.
        """
        votes = items.votes
        if not votes:
            raise ValueError("there is no turn to estimate the signals from; expected at least one dialogue")
        yes = np.array(items.first_guess, dtype=np.float64)
        for _ in range(rounds):
            before, share = yes, float(yes.mean())
            yes = expit(logit(share) + _evidence(votes, _rates(votes, yes)))
            if np.abs(yes - before).max() < 1e-4:
                break
        share, offset = float(yes.mean()), 0.0
        used = np.arange(len(votes)) if learned is None or not learned.any() else np.flatnonzero(learned)
        reader = make_pipeline(DictVectorizer(), MaxAbsScaler())
        inputs = csr_matrix(reader.fit_transform(items.circumstances))
        for _ in range(max(1, rounds // 5)):
            before, rates, classifier = yes, _rates(votes, yes), _logistic(inputs[used], yes[used], strength)
            odds = classifier.decision_function(inputs) + _evidence(votes, rates)
            offset = _offset(odds, share) if share_of == "signals" else 0.0
            yes = expit(odds + offset)
            if np.abs(yes - before).max() < 1e-3:
                break
        return cls(
            share=float(yes.mean()), rates=rates, classifier=make_pipeline(reader, classifier), offset=offset
        )  # fmt: skip

    def probabilities(self, votes: Sequence[Votes], circumstances: Sequence[Circumstances]) -> list[float]:
        """Probability of yes, of each item."""
        if not votes:
            return []
        odds = self.classifier.decision_function(circumstances) + _evidence(votes, self.rates)
        found: list[float] = expit(odds + self.offset).tolist()
        return found


def _rates(votes: Sequence[Votes], yes: Floats) -> Rates:
    counts: dict[str, dict[str, Floats]] = {}
    for row, p in zip(votes, yes, strict=True):
        for name, value in row.items():
            counts.setdefault(name, {}).setdefault(value, np.ones(2))[:] += (1 - p, p)
    rates: Rates = {}
    for name, values in counts.items():
        total = np.sum(list(values.values()), axis=0)
        rates[name] = {value: (float(n[0] / total[0]), float(n[1] / total[1])) for value, n in values.items()}
    return rates


def _evidence(votes: Sequence[Votes], rates: Mapping[str, Mapping[str, tuple[float, float]]]) -> Floats:
    """Log-odds that the signals of each item add, ``[len(votes)]``."""
    odds = np.zeros(len(votes))
    for i, row in enumerate(votes):
        for name, value in row.items():
            no, yes = rates.get(name, {}).get(value, (1.0, 1.0))
            odds[i] += min(max(math.log(yes / no), -MOST), MOST)
    return odds


def _offset(odds: Floats, share: float) -> float:
    """What to add to log-odds so that their mean probability is the share."""
    return float(brentq(lambda added: expit(odds + added).mean() - share, -40.0, 40.0))


def _logistic(inputs: csr_matrix, yes: Floats, strength: float) -> LogisticRegression:
    """Logistic regression on probabilities: each item counts as both, as much as it is either."""
    weights = np.clip(np.concatenate([1 - yes, yes]), 1e-6, None)
    model = LogisticRegression(max_iter=500, C=strength)
    model.fit(vstack([inputs, inputs]), np.repeat([0, 1], len(yes)), sample_weight=weights)
    return model
