"""Does any single field of a log give a label away? A gradient-boosted model on each observed field alone.

Beside them stands what all fields of what follows a turn say together, the feedback and the next turn: it helps, and is
not to be sufficient.

A number is read as it is, a name as a category. A text is read as :data:`COMPONENTS` directions of the TF-IDF of its
words and pairs of words (truncated SVD: latent semantic analysis; Deerwester et al., 1990), which are found in the
training part of each fold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from selflearn.batching.features import categorical_features, numeric_features
from selflearn.corpora.splits import owner_of
from selflearn.evaluation.results import markdown_table
from selflearn.metrics.functional import auc_within
from selflearn.schema import Dialogue, Feedback, Turn
from selflearn.tasks.success import labelled_goals

MOST_VALUES = 250
"""Values kept of a categorical field, the most frequent first; the gradient boosting takes no more than 255."""

COMPONENTS = 100
"""Directions that the words of a text are reduced to."""

FOLLOWING = ("next ", "feedback.")
"""How the fields begin of what follows a turn."""

FOLLOWS = "all that follows"

_TOKEN = r"\w+|[^\w\s]"
"""Words, and punctuation, which tells a question from an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldScore:
    """How far one field gets with one label.

    Attributes:
        label: "defect" or "success".
        field: name of the field; of the next turn where it begins with "next ", its text where it ends with " (words)".
        auc: area under the ROC curve, out of fold, people kept together, inside each fold; around .5 says nothing. NaN
            where all labels of each fold are the same.
        known: share of the items where the field has a value.
    """

    label: str
    field: str
    auc: float
    known: float


def single_fields(dialogues: Sequence[Dialogue], *, folds: int = 5, seed: int = 0) -> list[FieldScore]:
    """Score every observed field alone for defect (of its turn) and success (of the goal that its turn ends).

    Args:
        dialogues: with labels.
        folds: of the cross-validation.
        seed: of the models.

    Raises:
        ValueError: nothing is labelled, or a label is known of fewer people than there are folds.
    """
    found = []
    for label, items in _labelled(dialogues, folds).items():
        for field, values in items.columns.items():
            auc = _auc([values], items, folds, seed)
            known = float(np.mean([value is not None for value in values]))
            found.append(FieldScore(label=label, field=field, auc=auc, known=known))
    return sorted(found, key=lambda score: (score.label, -score.auc))


def what_follows(dialogues: Sequence[Dialogue], *, folds: int = 5, seed: int = 0) -> list[FieldScore]:
    """Score all fields of the feedback to a turn and of the turn after it together, for defect and success.

    Args:
        dialogues: with labels.
        folds: of the cross-validation.
        seed: of the models.

    Returns:
        One score a label, under the field :data:`FOLLOWS`; none of a label where nothing follows.

    Raises:
        ValueError: nothing is labelled, or a label is known of fewer people than there are folds.
    """
    found = []
    for label, items in _labelled(dialogues, folds).items():
        columns = [values for field, values in items.columns.items() if field.startswith(FOLLOWING)]
        if columns:
            known = float(np.mean([any(value is not None for value in row) for row in zip(*columns, strict=True)]))
            found.append(FieldScore(label=label, field=FOLLOWS, auc=_auc(columns, items, folds, seed), known=known))
    return found


def said_of_fields(scores: Sequence[FieldScore], *, allowed: float) -> str:
    """Which fields give a label away, by name and with their AUC, or that none does; and of which labels none can.

    Args:
        scores: from :func:`single_fields`.
        allowed: AUC above which a field gives the label away.
    """
    above = [f"`{score.field}` ({score.label}, {_digits(score.auc)})" for score in scores if score.auc > allowed]
    measured = {score.field for score in scores if not math.isnan(score.auc)}
    limit, number = f"{allowed:g}".replace("0.", ".", 1), len(measured)
    said = [f"No field gives a label away: of {number} fields none has an AUC above {limit}."] if measured else []
    if above:
        said = [f"Of {number} fields these have an AUC above {limit}: {', '.join(above)}."]
    alike = dict.fromkeys(score.label for score in scores if math.isnan(score.auc))
    return " ".join([*said, *(f"Of {label} nothing can be told: all of its labels are the same." for label in alike)])


def fields_markdown(scores: Sequence[FieldScore], *, allowed: float, shown: int = 10) -> str:
    """Which fields give a label away, and the fields that say most of each label; Markdown.

    Args:
        scores: from :func:`single_fields`.
        allowed: AUC above which a field gives the label away.
        shown: fields of each label in the table.

    Example:
        >>> score = FieldScore(label="defect", field="status", auc=0.655, known=1.0)
        >>> print(fields_markdown([score], allowed=0.85))
        No field gives a label away: of 1 fields none has an AUC above .85.
        <BLANKLINE>
        | label | field | AUC | known |
        | --- | --- | ---: | ---: |
        | defect | status | .655 | 100% |
    """
    lines = [["label", "field", "AUC", "known"]]
    for label in dict.fromkeys(score.label for score in scores):
        rows = [score for score in scores if score.label == label][:shown]
        lines += [[row.label, row.field, _digits(row.auc), f"{row.known:.0%}"] for row in rows]
    return f"{said_of_fields(scores, allowed=allowed)}\n\n{markdown_table(lines, words=2)}"


def _digits(auc: float) -> str:
    return f"{auc:.3f}".replace("0.", ".", 1)


def said_of_what_follows(scores: Sequence[FieldScore]) -> str:
    """How far all that follows a turn tells each label.

    Example:
        >>> score = FieldScore(label="defect", field=FOLLOWS, auc=0.84, known=1.0)
        >>> said_of_what_follows([score])
        'The feedback and the next turn, all of their fields together, have an AUC of .840 for defect.'
    """
    told = " and ".join(f"{_digits(score.auc)} for {score.label}" for score in scores)
    return f"The feedback and the next turn, all of their fields together, have an AUC of {told}."


@dataclass(frozen=True, slots=True)
class _Text:
    """A value that is read word by word."""

    words: str


_Value = str | float | _Text


_Item = tuple[Dialogue, int, bool]


@dataclass(frozen=True, slots=True)
class _Items:
    """What one label is told by: its values, whose they are, and the observed fields by name."""

    gold: NDArray[np.bool_]
    people: NDArray[np.int64]
    columns: Mapping[str, Sequence[_Value | None]]


def _labelled(dialogues: Sequence[Dialogue], folds: int) -> dict[str, _Items]:
    found = {}
    for label, items in (("defect", _defects(dialogues)), ("success", _failures(dialogues))):
        if items:
            rows = [_observed(dialogue, turn) for dialogue, turn, _ in items]
            found[label] = _Items(
                gold=np.array([positive for *_, positive in items]),
                people=np.unique([owner_of(d.user_id, d.id) for d, _, _ in items], return_inverse=True)[1],
                columns={name: [row.get(name) for row in rows] for name in sorted(set().union(*rows))},
            )
    if not found:
        raise ValueError(f"none of the {len(dialogues)} dialogues has a label of defect or success")
    for label, told in found.items():
        if (number := len(np.unique(told.people))) < folds:
            raise ValueError(f"{label} is labelled for {number} people; expected {folds} or more, one for each fold: "
                             "give more dialogues, or ask for fewer folds")  # fmt: skip
    return found


def _defects(dialogues: Sequence[Dialogue]) -> list[_Item]:
    return [
        (dialogue, turn, labels.defect.value)
        for dialogue in dialogues
        for turn, labels in enumerate(dialogue.labels.turns)
        if labels.defect is not None
    ]


def _failures(dialogues: Sequence[Dialogue]) -> list[_Item]:
    return [
        (dialogue, goal.end - 1, not goal.success) for dialogue in dialogues for _, goal in labelled_goals(dialogue)
    ]


def _observed(dialogue: Dialogue, turn: int) -> dict[str, _Value]:
    """Every observed field of a turn, of its dialogue, of the feedback to it, and of the turn after it."""
    found: dict[str, _Value] = dict(_of_turn(dialogue.turns[turn]))
    for name in ("user_id", "device_id", "system_version", "started_at"):
        if (value := getattr(dialogue, name)) is not None:
            found[name] = value
    if dialogue.feedback:
        for field in fields(Feedback):
            value = getattr(dialogue.feedback[turn], field.name)
            if value is not None:
                found[f"feedback.{field.name}"] = float(value)
    after = dialogue.turns[turn + 1] if turn + 1 < len(dialogue.turns) else None
    found["is_last"] = float(after is None)
    if after is not None:
        found |= {f"next {name}": value for name, value in _of_turn(after).items()}
        if after.seconds is not None and dialogue.turns[turn].seconds is not None:
            found["next seconds"] = after.seconds - (dialogue.turns[turn].seconds or 0.0)
    return found


def _of_turn(turn: Turn) -> dict[str, _Value]:
    return {**categorical_features(turn), **numeric_features(turn), **_texts(turn)}


def _texts(turn: Turn) -> dict[str, _Text]:
    """What a turn has in words; of the n-best lists all entries, without their scores, which are fields themselves."""
    read = turn.interpretations
    named = [f"{slot.name} {slot.value}" for hypothesis in read for slot in hypothesis.slots]
    texts = {
        "request": [] if turn.request is None else [turn.request],
        "response": [] if turn.response is None else [turn.response],
        "recognition": [hypothesis.text for hypothesis in turn.recognition],
        "interpretation": [f"{hypothesis.domain} {hypothesis.intent}" for hypothesis in read],
        "interpretation.slots": named,
        "entity": [f"{entity.slot} {entity.mention} {entity.entity}" for entity in turn.entities],
    }
    return {f"{name} (words)": _Text("\n".join(parts)) for name, parts in texts.items() if parts}


def _auc(columns: Sequence[Sequence[_Value | None]], items: _Items, folds: int, seed: int) -> float:
    """Out of fold, inside each fold; a field that is missing is a value of its own."""
    scores, fold = np.zeros(len(items.gold)), np.zeros(len(items.gold), dtype=np.int64)
    fixed = [_fixed(values) for values in columns]
    with threadpool_limits(1):  # a column is too little for several threads
        for number, (train, test) in enumerate(GroupKFold(folds).split(scores, groups=items.people)):
            fold[test] = number
            known = any(values[i] is not None for values in columns for i in train)
            if len(np.unique(items.gold[train])) == 2 and known:
                parts = [part or (_directions(values, train, seed), False)
                         for values, part in zip(columns, fixed, strict=True)]  # fmt: skip
                read = np.hstack([part for part, _ in parts])
                names = np.repeat([of_names for _, of_names in parts], [part.shape[1] for part, _ in parts])
                model = HistGradientBoostingClassifier(max_iter=60, random_state=seed, categorical_features=names)
                scores[test] = model.fit(read[train], items.gold[train]).predict_proba(read[test])[:, 1]
    return float(auc_within(*map(torch.from_numpy, (scores, items.gold, fold))))


def _fixed(values: Sequence[_Value | None]) -> tuple[NDArray[np.float64], bool] | None:
    """The column of a field and whether it is of names; None of texts, which are read fold by fold."""
    first = next(value for value in values if value is not None)
    if isinstance(first, _Text):
        return None
    return (_categories(values), True) if isinstance(first, str) else (_numbers(values), False)


def _numbers(values: Sequence[_Value | None]) -> NDArray[np.float64]:
    """``(N, 1)``; NaN where there is no number."""
    return np.array([value if isinstance(value, int | float) else np.nan for value in values], dtype=float)[:, None]


def _categories(values: Sequence[_Value | None]) -> NDArray[np.float64]:
    """``(N, 1)``, numbers of the most frequent names; NaN for all others."""
    names, counts = np.unique([value for value in values if isinstance(value, str)], return_counts=True)
    kept = {str(name): float(i) for i, name in enumerate(names[np.argsort(-counts, kind="stable")][:MOST_VALUES])}
    return np.array([kept.get(value, np.nan) if isinstance(value, str) else np.nan for value in values])[:, None]


def _directions(values: Sequence[_Value | None], train: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """``(N, components)``, at most :data:`COMPONENTS`, found in the training items; NaN where there is no text."""
    texts = [value.words if isinstance(value, _Text) else None for value in values]
    words = TfidfVectorizer(token_pattern=_TOKEN, ngram_range=(1, 2), sublinear_tf=True)
    seen = [texts[i] or "" for i in train]
    if any(text.strip() for text in seen):
        learned = words.fit_transform(seen)
        _, _, directions = randomized_svd(learned, min(COMPONENTS, *learned.shape), random_state=seed)
        found = np.asarray(words.transform([text or "" for text in texts]) @ directions.T)
    else:
        found = np.zeros((len(texts), 1))
    found[[text is None for text in texts]] = np.nan
    return found
