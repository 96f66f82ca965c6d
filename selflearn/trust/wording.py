"""What a certificate promises, and what an abstention lacks, in plain words."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import inf

from selflearn.trust.certificate import Certificate

_DRAWN = {
    "binomial": "This holds for items drawn like the audited ones, each drawn by itself (not with others of its "
    "{unit}); exact binomial tests in a fixed order",
    "betting": "This holds for items drawn like the audited ones, whole {unit}s at a time, however long they are and "
    "however much the errors of one resemble each other; exact betting tests on totals of {unit}s in a fixed order",
    "design_effect": "This holds for items drawn like the audited ones, whole {unit}s at a time. The confidence is "
    "approximate: the audited {unit}s say themselves how much the errors of one resemble each other, and the counts "
    "are divided by that design effect",
}


def from_score(threshold: float) -> str:
    """Which scores a threshold accepts; in six digits, rounded upwards: what is read off these words is never below it.

    Example:
        >>> from_score(0.182712379), from_score(0.9), from_score(-inf)
        ('a score of 0.182713 or more', 'a score of 0.9 or more', 'any score')
    """
    return "any score" if threshold == -inf else f"a score of {score_from(threshold)} or more"


def score_from(threshold: float) -> str:
    """A threshold as a number for a table, rounded as in :func:`from_score`.

    Example:
        >>> score_from(0.9504), score_from(0.1827123)
        ('0.9504', '0.182713')
    """
    return _rounded(Decimal(repr(float(threshold))), 6, ROUND_CEILING)


def at_most_percent(rate: float) -> str:
    """A rate that is not exceeded, in three digits, rounded upwards.

    Example:
        >>> at_most_percent(0.1), at_most_percent(0.025), at_most_percent(0.07001)
        ('10%', '2.5%', '7.01%')
    """
    return f"{_rounded(100 * Decimal(repr(float(rate))), 3, ROUND_CEILING)}%"


def at_least_percent(confidence: float) -> str:
    """A confidence that is reached, in three digits, rounded downwards: it is never said to be certain.

    Example:
        >>> at_least_percent(0.9), at_least_percent(0.99967), at_least_percent(0.999999)
        ('90%', '99.9%', '99.9%')
    """
    return f"{_rounded(100 * Decimal(repr(float(confidence))), 3, ROUND_FLOOR)}%"


def _rounded(number: Decimal, digits: int, way: str) -> str:
    if number.is_infinite() or not number:
        return f"{float(number):g}"
    return f"{float(number.quantize(Decimal(1).scaleb(number.adjusted() + 1 - digits), way)):.{digits}g}"


def of_threshold(found: Certificate, *, losses: bool, most: int | None = None) -> str:
    """The promise of a certificate with a threshold; ``most`` items a unit were audited, where nothing limits them."""
    percent = f"at most {at_most_percent(found.target_error)} are wrong"
    what = f"the mean loss is at most {found.target_error:g}" if losses else percent
    about = "at least" if found.exact else "about"
    text = (
        f"Of the items with {from_score(found.threshold or 0.0)}, {what}: with a confidence of {about} "
        f"{at_least_percent(found.confidence)} over audits like this one ({_audited(found)}). "
    ) + _DRAWN[found.method].format(unit=_with_others(found))
    text += "." if found.starts == 1 else f", from {found.starts} starts."
    if found.max_items is not None:
        text += f" At most {found.max_items} items of a dialogue are accepted, the best scores first."
    if most is not None:
        text += f" A {found.unit} with more than {most} items counts as one with {most} of them."
    return text + " Wrong means: judged wrong by the auditor."


def of_abstention(found: Certificate, *, losses: bool) -> str:
    """Why there is no threshold, and what it would take."""
    rate = "mean loss" if losses else "error rate"
    text = (
        f"Nothing is accepted: from {_audited(found, 'audited ')} no threshold can be certified for {_article(rate)} "
        f"of at most {found.target_error:g} with a confidence of {at_least_percent(found.confidence)}."
    )
    if found.more_items == 0:
        return text + (
            " The walk stops where it starts, although a larger share would pass: the best scores are not the surest "
            f"labels. Scores in a better order would help; so may {found.starts + 1} starts, declared before another "
            "audit."
        )
    if found.more_items is not None:
        told = found.unit != "item" and found.more_units
        of_units = f" of about {_number((found.units or 0) + (found.more_units or 0), found.unit)}" if told else ""
        text += f" It takes an audit of about {found.n + found.more_items} items{of_units} if errors stay as they were "
        text += "observed, all of them drawn anew: to add to this one is a second choice from its labels."
        if found.max_items is not None and found.method == "betting" and found.max_items > 1:
            text += " With whole dialogues a smaller max_items takes fewer, single items of many dialogues fewest."
        return text
    if found.n:
        return text + f" More items would not help: no share of the best scores has {_article(rate)} below that."
    return text


def _with_others(found: Certificate) -> str:
    """What an item is not to be drawn with others of: of single turns, each with one item, their dialogue."""
    single = found.unit == "item" or (found.unit == "turn" and found.method == "binomial")
    return "dialogue" if single else found.unit


def _audited(found: Certificate, kind: str = "") -> str:
    items = f"{found.n} {kind}items"
    return items if found.unit == "item" else f"{items} of {_number(found.units, found.unit)}"


def _number(count: int | None, noun: str, kind: str = "") -> str:
    return f"{count or 0} {kind}{noun}{'' if count == 1 else 's'}"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
