"""How far a bag of words gets in telling a swapped answer: what pretraining must not be solvable by.

For each turn with a response a wrong one is drawn; the true and the wrong response are told apart by the cosine of
TF-IDF vectors with what stands around, and by a logistic regression over the words of the response and those that it
shares with its surroundings. A grade near .5 has to be understood; one near 1 is solved by topic words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from selflearn.pretraining.grades import Grade
from selflearn.schema import ObservedDialogue

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapDifficulty:
    """AUC of true against wrong responses.

    Attributes:
        cosine: of the response with the request, the turn before and the next request, without any learning.
        learned: of the logistic regression.
        pairs: how many pairs of a true and a wrong response were judged.
        offered: share of the turns for which the grade had a wrong response.
    """

    cosine: float
    learned: float
    pairs: int
    offered: float


@dataclass(frozen=True, slots=True)
class _Pair:
    around: str
    true: str
    wrong: str


def swap_difficulty(
    train_grade: Grade,
    test_grade: Grade,
    train: Sequence[ObservedDialogue],
    test: Sequence[ObservedDialogue],
    *,
    seed: int,
) -> SwapDifficulty:
    """Judge a grade of wrong responses.

    Args:
        train_grade: draws the wrong responses of the dialogues that the bag of words learns from.
        test_grade: draws those that it is judged on; a pool of its own, or responses would be known by heart.
        train: dialogues that the bag of words learns from.
        test: dialogues that it is judged on.
        seed: of the draws.

    Raises:
        ValueError: the grade has nothing to offer for these dialogues.
    """
    learn, judge = list(_pairs(train_grade, train, seed)), list(_pairs(test_grade, test, seed + 1))
    if not learn or not judge:
        raise ValueError(f"{type(test_grade).__name__} has no wrong response for any turn of these dialogues")
    hasher = FeatureHasher(2**18, input_type="string")
    gold = np.tile([0, 1], len(learn))
    model = LogisticRegression(C=1.0, solver="liblinear", max_iter=200)
    model.fit(hasher.transform(_features(learn)), gold)
    scores = model.decision_function(hasher.transform(_features(judge)))
    vectorizer = TfidfVectorizer(sublinear_tf=True).fit(
        text for pair in learn for text in (pair.around, pair.true, pair.wrong)
    )
    around = vectorizer.transform([pair.around for pair in judge])
    cosines = [
        np.asarray(around.multiply(vectorizer.transform([getattr(pair, side) for pair in judge])).sum(1)).ravel()
        for side in ("true", "wrong")
    ]
    answers = np.repeat([1, 0], len(judge))
    turns = sum(bool(turn.response) for dialogue in test for turn in dialogue.turns)
    return SwapDifficulty(
        cosine=float(roc_auc_score(answers, np.concatenate(cosines))),
        learned=float(roc_auc_score(np.tile([0, 1], len(judge)), scores)),
        pairs=len(judge),
        offered=len(judge) / max(turns, 1),
    )


def _pairs(grade: Grade, dialogues: Sequence[ObservedDialogue], seed: int) -> Iterator[_Pair]:
    rng = np.random.default_rng(seed)
    for dialogue in dialogues:
        for t, turn in enumerate(dialogue.turns):
            wrong = grade.draw(dialogue, t, rng) if turn.response else None
            if turn.response and wrong:
                near = dialogue.turns[max(t - 1, 0) : t]
                after = dialogue.turns[t + 1 : t + 2]
                parts = [text for other in near for text in (other.request, other.response)]
                parts += [turn.request, *(other.request for other in after)]
                yield _Pair(" ".join(text for text in parts if text), turn.response, wrong)


def _features(pairs: Sequence[_Pair]) -> Iterator[list[str]]:
    """Wrong response, then true one, for each pair."""
    for pair in pairs:
        around = set(_WORD.findall(pair.around.lower()))
        for response in (pair.wrong, pair.true):
            words = set(_WORD.findall(response.lower()))
            yield sorted(
                {f"r {w}" for w in words} | {f"s {w}" for w in words & around} | {"any" for _ in words & around}
            )
