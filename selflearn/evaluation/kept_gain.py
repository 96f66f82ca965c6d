"""How much of what gold labels bring is kept without them: two models beside what costs nothing, on the same items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import torch
from torch import Tensor

from selflearn.evaluation.bootstrap import interval, point_and_resamples
from selflearn.evaluation.comparison import Tables, evaluate
from selflearn.evaluation.results import Row, Value, better, metric_label, value_text
from selflearn.evaluation.tables import metrics_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptGain:
    """One metric of three systems.

    Attributes:
        metric: its key, as in ``metrics.json`` without its prefix.
        gold: of the model that learned from gold labels.
        feedback: of the one that learned without them.
        floor: of what costs nothing.
        floor_name: which system that is.
        share: (feedback - floor) / (gold - floor), with its 95% interval; None where gold labels gain nothing, or
            may gain nothing as the interval of their gain holds 0: a share of nothing, or of a loss, says nothing.
            Where lower is better both gains are negative, and the share is read as elsewhere.
        beside: of other systems that have the metric, by name: bounds, or people.
    """

    metric: str
    gold: float
    feedback: float
    floor: float
    floor_name: str
    share: Value | None
    beside: Mapping[str, float] = field(default_factory=dict)


def kept_gains(
    gold: Tables | Sequence[Tables],
    feedback: Tables | Sequence[Tables],
    floors: Mapping[str, Tables | Sequence[Tables]],
    *,
    dialogue_ids: Sequence[str],
    owners: Sequence[str] | None = None,
    metrics: Sequence[str],
    beside: Mapping[str, Tables | Sequence[Tables]] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> list[KeptGain]:
    """The share of the gain of gold labels that a model has which learned without them.

    All three systems are measured on the same bootstrap resamples, so that the share has an interval of its own. Of
    several seeds of a system the share is that of their means.

    Args:
        gold: tables of items, as in :func:`~selflearn.evaluation.evaluate`, of the model that learned from gold labels;
            a sequence is of its seeds, here and below.
        feedback: of the other model.
        floors: of what costs nothing, by name; a metric is compared with the first of them that has it.
        dialogue_ids: all dialogues that were evaluated.
        owners: whose each of them is, what is resampled; None: each dialogue by itself.
        metrics: keys such as ``intent/accuracy@defects``.
        beside: of systems that are no part of the share, by name; one that is among ``floors`` too is the same there.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        RecordError: the systems were given different items.
        ValueError: one of the models, or everything that costs nothing, lacks a metric, or it is undefined there; or
            nothing can be resampled, as there is one person.

    Example:
        >>> import pandas as pd
        >>> items = pd.DataFrame({"dialogue_id": list("abcd"), "turn": 0, "gold": ["x", "y", "x", "y"]})
        >>> said = {name: {"intent": items.assign(prediction=list(text))}
        ...         for name, text in {"gold": "xyxy", "feedback": "xyxx", "floor": "yxyx"}.items()}
        >>> (found,) = kept_gains(said["gold"], said["feedback"], {"nothing": said["floor"]}, dialogue_ids=list("abcd"),
        ...                       metrics=["intent/accuracy"])
        >>> found.gold, found.feedback, found.floor, found.share.value
        (1.0, 0.75, 0.0, 0.75)
    """
    weights = point_and_resamples(dialogue_ids, owners, resamples=resamples, seed=seed)
    if len(weights) == 1:
        people = len(set(owners or dialogue_ids))
        raise ValueError(
            f"{resamples} resamples of {len(dialogue_ids)} dialogues of {people} people; expected 1 resample and 2 "
            "people or more: whether there is a gain to keep is told by its interval"
        )
    beside = beside or {}
    systems = {"gold": gold, "feedback": feedback, **floors, **beside}
    evaluate(systems, dialogue_ids=dialogue_ids, model="gold", resamples=0)  # refuses items that differ
    values = {name: _measured(tables, dialogue_ids, weights) for name, tables in systems.items()}
    found = []
    for metric in metrics:
        floor = next((name for name in floors if metric in values[name]), None)
        lacking = [name for name in ("gold", "feedback") if metric not in values[name]]
        if floor is None or lacking:
            raise ValueError(_lacks(metric, lacking or list(floors), values))
        ours, kept, nothing = (values[name][metric] for name in ("gold", "feedback", floor))
        found.append(KeptGain(metric=metric, gold=ours[0].item(), feedback=kept[0].item(), floor=nothing[0].item(),
                              floor_name=floor, share=_share(ours - nothing, kept - nothing, better(_row(metric))),
                              beside={name: values[name][metric][0].item() for name in beside
                                      if metric in values[name]}))  # fmt: skip
    return found


def _measured(seeds: Tables | Sequence[Tables], dialogue_ids: Sequence[str], weights: Tensor) -> dict[str, Tensor]:
    """By key, a metric on all dialogues and on each resample; none that is undefined on all of them."""
    found: list[dict[str, Tensor]] = []
    for tables in [seeds] if isinstance(seeds, Mapping) else seeds:
        frames = (metrics_of(table, frame, dialogue_ids, weights) for table, frame in tables.items())
        found.append({key: value for own in frames for key, value in own.items() if not value[0].isnan()})
    return {
        key: torch.stack([own[key] for own in found]).mean(0)
        for key in found[0]
        if all(key in other for other in found)
    }


def _lacks(metric: str, systems: Sequence[str], values: Mapping[str, Mapping[str, Tensor]]) -> str:
    """What to say of a metric that these systems do not have."""
    known = list(dict.fromkeys(key for found in values.values() for key in found))
    near = ", ".join(get_close_matches(metric, known, n=3)) or ", ".join(known)
    return (
        f"metrics: {' and '.join(systems)} {'has' if len(systems) == 1 else 'have'} no {metric}; expected metrics that "
        "are defined for both models and for one system that costs nothing (an AUC takes items of both kinds): leave "
        f"it out, or was {near} meant?"
    )


def _share(gain: Tensor, kept: Tensor, direction: int) -> Value | None:
    """Share of a gain, ``(1 + R,)`` values each, the first of them the point; None where the gain may be none.

    ``direction`` is 1 where higher is better, -1 where lower is.
    """
    ends = interval(direction * gain[1:])
    if ends is None or ends[0] <= 0:
        return None
    shares = kept / gain
    low, high = interval(shares[1:]) or (None, None)
    return Value(value=shares[0].item(), low=low, high=high)


def kept_gains_rows(gains: Sequence[KeptGain]) -> list[list[str]]:
    """Headings, and a row a metric: metric, what costs nothing, feedback, gold, share, and what stands beside them."""
    others = list(dict.fromkeys(name for gain in gains for name in gain.beside))
    rows = [
        [
            metric_label(_row(gain.metric)), f"{gain.floor:.3f} {gain.floor_name}", f"{gain.feedback:.3f}",
            f"{gain.gold:.3f}", "no gain to keep" if gain.share is None else value_text(gain.share),
            *(f"{gain.beside[name]:.3f}" if name in gain.beside else "" for name in others),
        ]
        for gain in gains
    ]  # fmt: skip
    headings = ["metric", "what costs nothing", "feedback alone", "gold labels", "share of the gain that is kept"]
    return [[*headings, *others], *rows]


def _row(metric: str) -> Row:
    task, _, name = metric.partition("/")
    return task, name
