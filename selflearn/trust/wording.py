"""What a certificate promises, and what an abstention lacks, in plain words."""

from __future__ import annotations

from selflearn.trust.certificate import Certificate

_DRAWN = {
    "binomial": "This holds for items drawn like the audited ones, each drawn by itself (not with others of its "
    "dialogue); exact binomial tests in a fixed order",
    "betting": "This holds for items drawn like the audited ones, whole dialogues at a time, however long they are and "
    "however much the errors of one resemble each other; exact betting tests on totals of dialogues in a fixed order",
    "design_effect": "The confidence is approximate: the audited dialogues say themselves how much the errors of one "
    "resemble each other, and the counts are divided by that design effect",
}


def of_threshold(found: Certificate, *, losses: bool) -> str:
    """The promise of a certificate with a threshold."""
    percent = f"at most {100 * found.target_error:.3g}% are wrong"
    what = f"the mean loss is at most {found.target_error:g}" if losses else percent
    about = "at least" if found.exact else "about"
    text = (
        f"Of the items with a score of {found.threshold:.6g} or more, {what}: with a confidence of {about} "
        f"{100 * found.confidence:.3g}% over audits like this one ({found.n} items). {_DRAWN[found.method]}"
    )
    text += "." if found.starts == 1 else f", from {found.starts} starts."
    if found.max_items is not None:
        text += f" At most {found.max_items} items of a dialogue are accepted, the best scores first."
    return text + " Wrong means: judged wrong by the auditor."


def of_abstention(found: Certificate, *, losses: bool) -> str:
    """Why there is no threshold, and what it would take."""
    rate = "mean loss" if losses else "error rate"
    text = (
        f"Nothing is accepted: from {found.n} audited items no threshold can be certified for {_article(rate)} of at "
        f"most {found.target_error:g} with a confidence of {100 * found.confidence:.3g}%."
    )
    if found.more_items == 0:
        return text + (
            " The walk stops where it starts, although a larger share would pass: the best scores are not the surest "
            f"labels. Scores in a better order would help; so may {found.starts + 1} starts, declared before another "
            "audit."
        )
    if found.more_items is not None:
        text += f" It takes about {found.more_items} more audited items if errors stay as they were observed."
        if found.max_items is not None and found.method == "betting" and found.max_items > 1:
            text += " With whole dialogues a smaller max_items takes fewer, single items of many dialogues fewest."
        return text
    if found.n:
        return text + f" More items would not help: no share of the best scores has {_article(rate)} below that."
    return text


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
