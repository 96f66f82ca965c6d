"""One label from several annotators: by majority, Dawid-Skene or MACE, with the quality of each annotator.

Dawid-Skene and MACE come from crowd-kit (the extra ``trust``). Both take annotators to err independently given the
truth: signals derived from one event do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from selflearn.trust.people import check_ratings

METHODS = ("majority", "dawid_skene", "mace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """What the annotators say together.

    Attributes:
        labels: by task; of equally likely labels the first in their order.
        probabilities: by task, a column a label; of the majority the shares of the votes.
        quality: by worker, the expected share of ratings that are the aggregated label.
        ties: tasks whose most likely label is not the only one.
    """

    labels: pd.Series
    probabilities: pd.DataFrame
    quality: pd.Series
    ties: tuple[object, ...]


def aggregate(ratings: pd.DataFrame, method: str = "majority", *, seed: int = 0) -> Aggregation:
    """Aggregate ratings.

    Args:
        ratings: a row a rating: ``task``, ``worker``, ``label``.
        method: ``"majority"``, ``"dawid_skene"`` (1979) or ``"mace"`` (Hovy et al. 2013).
        seed: of the restarts of MACE.

    Raises:
        ValueError: the ratings are at fault, or the method is unknown.
        ImportError: crowd-kit is not installed.

    Example:
        >>> ratings = pd.DataFrame({"task": [1, 1, 1, 2, 2], "worker": list("abcab"), "label": list("xxyxy")})
        >>> found = aggregate(ratings)
        >>> found.labels.to_dict(), found.ties
        ({1: 'x', 2: 'x'}, (2,))
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; expected one of {', '.join(METHODS)}")
    found = check_ratings(ratings)
    if not len(found):
        raise ValueError("no ratings; expected at least one")
    votes = found.groupby(["task", "label"]).size().unstack(fill_value=0).astype(float)
    shares = votes.div(votes.sum(axis=1), axis=0) if method == "majority" else _by_crowd_kit(found, method, seed)
    shares = shares.reindex(index=votes.index, columns=votes.columns).fillna(0.0)
    values = shares.to_numpy()
    tied = (np.isclose(values, values.max(1, keepdims=True))).sum(1) > 1
    labels = pd.Series(shares.columns.to_numpy()[values.argmax(1)], index=shares.index, name="label")
    agrees = values[
        shares.index.get_indexer(pd.Index(found["task"])), shares.columns.get_indexer(pd.Index(found["label"]))
    ]
    quality = pd.Series(agrees, index=found["worker"].to_numpy()).groupby(level=0).mean().rename("quality")
    return Aggregation(labels=labels, probabilities=shares, quality=quality, ties=tuple(shares.index[tied].tolist()))


def _by_crowd_kit(ratings: pd.DataFrame, method: str, seed: int) -> pd.DataFrame:
    try:
        from crowdkit.aggregation import MACE, DawidSkene
    except ImportError as error:
        raise ImportError(f"{method} needs crowd-kit: pip install 'selflearn[trust]'") from error
    model = DawidSkene(n_iter=100) if method == "dawid_skene" else MACE(random_state=seed)
    probabilities: pd.DataFrame = model.fit_predict_proba(ratings)
    return probabilities
