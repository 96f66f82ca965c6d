"""The model beside people: each annotator against the others, may it replace one, and who is better on what it accepts.

Ratings are a frame with a row a rating: ``task`` (the item), ``worker`` (the annotator), ``label``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from selflearn.trust.items import Groups, check_correct, check_probability, numbered

COLUMNS = ("task", "worker", "label")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternativeAnnotator:
    """May the model stand in for an annotator? The alternative annotator test of Calderon, Reichart, Dror, ACL 2025.

    Attributes:
        passed: the winning rate is 0.5 or more.
        winning_rate: share of the annotators that the model represents the others at least as well as, but for epsilon.
        advantage: probability that the model agrees with the others at least as well as the annotator left out, mean
            over annotators; for the comparison of models.
        p_values: of each annotator.
        won: annotators that were won against, after the correction for many.
    """

    passed: bool
    winning_rate: float
    advantage: float
    p_values: Mapping[str, float]
    won: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """The model minus a person on the same items.

    Attributes:
        n: items.
        model: share that the model has right.
        person: share that the person has right.
        difference: model minus person.
        low: of the 95% percentile interval, bootstrap over groups.
        high: of it.
        p_value: two-sided, by flipping the sign of whole groups: exchangeable if neither is better.
    """

    n: int
    model: float
    person: float
    difference: float
    low: float
    high: float
    p_value: float


def check_ratings(ratings: pd.DataFrame) -> pd.DataFrame:
    """The three columns, checked.

    Raises:
        ValueError: a column is missing, a value is, or an annotator rated an item twice.
    """
    missing = [name for name in COLUMNS if name not in ratings.columns]
    if missing:
        raise ValueError(f"ratings have no column {missing[0]!r}; expected {', '.join(COLUMNS)}")
    found = ratings.loc[:, list(COLUMNS)]
    found = found.astype({name: object for name in COLUMNS if isinstance(found[name].dtype, pd.CategoricalDtype)})
    if found.isna().any(axis=None):
        raise ValueError(f"{int(found.isna().any(axis=1).sum())} ratings lack a value; expected them left out")
    twice = found.duplicated(["task", "worker"])
    if twice.any():
        row = found[twice].iloc[0]
        raise ValueError(f"worker {row['worker']} rated task {row['task']} twice; expected one rating each")
    return found


def leave_one_out(ratings: pd.DataFrame) -> pd.DataFrame:
    """Each annotator against the majority of the others, on the items where the others have one.

    Args:
        ratings: a row a rating.

    Returns:
        By worker: ``items`` compared, ``ties`` left out (the others have no majority, or there are none), ``accuracy``
        and Cohen's ``kappa``; NaN where nothing can be said.

    Raises:
        ValueError: the ratings are at fault.

    Example:
        >>> ratings = pd.DataFrame({"task": [1, 1, 1, 2, 2, 2], "worker": list("abcabc"), "label": [0, 0, 1, 1, 1, 1]})
        >>> leave_one_out(ratings).loc["c", "accuracy"]
        np.float64(0.5)
    """
    found = check_ratings(ratings)
    counts = found.groupby(["task", "label"]).size().unstack(fill_value=0)
    labels = counts.columns
    rows = []
    for worker, own in found.groupby("worker", sort=True):
        code = labels.get_indexer(pd.Index(own["label"]))
        others = counts.loc[own["task"]].to_numpy(copy=True)
        others[np.arange(len(own)), code] -= 1
        top = others.max(1, keepdims=True)
        clear = ((others == top).sum(1) == 1) & (top[:, 0] > 0)
        person, majority = code[clear], others.argmax(1)[clear]
        varied = len(set(person.tolist()) | set(majority.tolist())) > 1
        rows.append({
            "worker": worker, "items": int(clear.sum()), "ties": int((~clear).sum()),
            "accuracy": float((person == majority).mean()) if clear.any() else float("nan"),
            "kappa": float(cohen_kappa_score(person, majority)) if varied else float("nan"),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=["worker", "items", "ties", "accuracy", "kappa"]).set_index("worker")


def shared_ratings(ratings: pd.DataFrame, *, least: int = 30) -> pd.DataFrame:
    """The ratings of items that several annotators rated, of annotators who share so many: what the test below wants.

    An annotator who is left out takes items along, which are then of one other alone; so it goes on until all fit.

    Args:
        ratings: a row a rating.
        least: items that an annotator shares with others.

    Returns:
        Rows of ``ratings``, in their order; none where nobody shares enough.

    Raises:
        ValueError: the ratings are at fault.

    Example:
        >>> ratings = pd.DataFrame({"task": [1, 1, 2, 2, 3], "worker": list("ababa"), "label": [0, 0, 1, 0, 1]})
        >>> len(shared_ratings(ratings, least=2)), len(shared_ratings(ratings, least=3))
        (4, 0)
    """
    used, before = check_ratings(ratings), -1
    while len(used) != before:
        before = len(used)
        used = used[used.groupby("task")["worker"].transform("size") > 1]
        used = used[used.groupby("worker")["task"].transform("size") >= least]
    return used


def alternative_annotator_test(
    ratings: pd.DataFrame, model: Mapping[Any, object], *, epsilon: float = 0.2, level: float = 0.05
) -> AlternativeAnnotator:
    """The alternative annotator test, for labels that agree or do not.

    For annotator j and item i: does the model agree with at least as many of the others as j does (W_f), and j with at
    least as many as the model (W_h)? One-sided t-test of mean(W_h - W_f) < epsilon over the items of j, corrected by
    Benjamini and Yekutieli over annotators. It justifies to *use* a labeller and bounds no error; items are taken as
    independent. Wants 30 items an annotator or more (:func:`shared_ratings`), and three annotators.

    Args:
        ratings: a row a rating; items with a single rating are left out.
        model: label of each item.
        epsilon: how much worse the model may be, for what it saves: 0.2 against experts, 0.1 against others.
        level: of the false discovery rate.

    Raises:
        ValueError: the ratings are at fault, an item has no label of the model, an annotator shares fewer than two
            items, or ``level`` is not between 0 and 1.
    """
    check_probability("level", level)
    found = check_ratings(ratings)
    unknown = [task for task in found["task"].unique() if task not in model]
    if unknown:
        raise ValueError(f"the model has no label for {len(unknown)} rated tasks, the first is {unknown[0]}")
    found = found[found.groupby("task")["worker"].transform("size") > 1]
    p_values: dict[str, float] = {}
    advantages = []
    by_task = {task: rows["label"].to_numpy() for task, rows in found.groupby("task")}
    for worker, own in found.groupby("worker", sort=True):
        if len(own) < 2:
            raise ValueError(f"annotator {worker!r} shares {len(own)} items with others; expected 2 or more, better 30")
        rated = list(zip(own["task"], own["label"], strict=True))
        model_agrees = np.array([(by_task[t] == model[t]).sum() - (label == model[t]) for t, label in rated])
        person_agrees = np.array([(by_task[t] == label).sum() - 1 for t, label in rated])
        model_wins, person_wins = model_agrees >= person_agrees, person_agrees >= model_agrees
        advantages.append(float(model_wins.mean()))
        p_values[str(worker)] = _below(person_wins.astype(float) - model_wins, epsilon)
    corrected = stats.false_discovery_control(list(p_values.values()), method="by") if p_values else np.array([])
    won = tuple(name for name, p in zip(p_values, corrected, strict=True) if p < level)
    rate = len(won) / max(len(p_values), 1)
    return AlternativeAnnotator(
        passed=rate >= 0.5, winning_rate=rate, advantage=float(np.mean(advantages)) if advantages else float("nan"),
        p_values=p_values, won=won,
    )  # fmt: skip


def paired_difference(
    model_correct: ArrayLike,
    person_correct: ArrayLike,
    groups: Groups | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> PairedDifference:
    """The model against a person on the SAME items: those above a threshold are easy for people too.

    Args:
        model_correct: of the accepted items, ``(N,)``.
        person_correct: whether the person has the same items right.
        groups: the dialogue of each, or the user, where users come back; each item its own where None.
        resamples: of the bootstrap, and sign flips.
        seed: of both.

    Raises:
        ValueError: lengths differ, there are no items, the group of one is missing, or a value is neither 0 nor 1.

    Example:
        >>> found = paired_difference([1, 1, 1, 0], [1, 0, 1, 0])
        >>> found.difference
        0.25
    """
    model = check_correct(model_correct, len(np.asarray(model_correct)))
    person = check_correct(person_correct, len(model))
    if not len(model) or (groups is not None and len(groups) != len(model)):
        raise ValueError(f"{len(model)} items, {None if groups is None else len(groups)} groups; expected at least one "
                         "item, and the group of each")  # fmt: skip
    homes = np.arange(len(model)) if groups is None else numbered("groups", groups)
    gains = np.bincount(homes, weights=model.astype(float) - person)
    sizes = np.bincount(homes).astype(float)
    rng = np.random.default_rng(seed)
    even = np.full(len(gains), 1 / len(gains))
    # one by one: all resamples of a log with many users at once would take gigabytes
    drawn = (rng.multinomial(len(gains), even) for _ in range(resamples))
    low, high = np.quantile([(times @ gains) / (times @ sizes) for times in drawn], [0.025, 0.975]).tolist()
    flips = np.array([(rng.integers(0, 2, len(gains)) * 2 - 1) @ gains for _ in range(resamples)])
    as_far = (np.abs(flips) >= abs(gains.sum()) - 1e-9).sum()
    return PairedDifference(
        n=len(model), model=float(model.mean()), person=float(person.mean()), low=low, high=high,
        difference=float(gains.sum() / len(model)), p_value=float((as_far + 1) / (resamples + 1)),
    )  # fmt: skip


def _below(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], bound: float) -> float:
    """One-sided t-test that the mean is below; without any spread the mean decides."""
    if np.ptp(values) == 0:
        return 0.0 if values[0] < bound else 1.0
    return float(stats.ttest_1samp(values, bound, alternative="less").pvalue)
