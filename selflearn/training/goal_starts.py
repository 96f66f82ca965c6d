"""Does the next request begin another goal?

Rephrases and short times say no, long times say yes; in between, what the assistant took both requests for tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from selflearn.schema import Dialogue, Feedback, Turn
from selflearn.training.signals import Circumstances, Items, SignalModel, Votes

GAPS = (4.0, 10.0, 20.0, 45.0, 120.0, 600.0)
"""Borders, in seconds, of how long it takes until the next request."""

GUESSES = (0.03, 0.05, 0.3, 0.6, 0.95, 0.95, 0.95)
"""Where the estimation begins for each time, the longest last: attempts at a thing follow each other within 45 seconds
(Ponnusamy et al., 2020). The rates are estimated."""

SAID_AGAIN = 0.02
"""Where the estimation begins for a request that says the one before again."""


def start_model(dialogues: Sequence[Dialogue], failures: Sequence[Sequence[float]]) -> SignalModel | None:
    """Estimate from logs how requests follow each other within a goal and between goals.

    Args:
        dialogues: logs.
        failures: probability that each turn of each dialogue did not serve.

    Returns:
        None where no log has times: how often goals begin could not be estimated.
    """
    votes = [row for dialogue in dialogues for row in start_votes(dialogue)]
    if not any("gap" in row for row in votes):
        return None
    both = zip(dialogues, failures, strict=True)
    items = Items(
        votes=votes, first_guess=[_first_guess(row) for row in votes],
        circumstances=[row for dialogue, failed in both for row in start_circumstances(dialogue, failed)],
    )  # fmt: skip
    return SignalModel.fit(items, share_of="signals")


def starts(
    dialogues: Sequence[Dialogue], failures: Sequence[Sequence[float]], model: SignalModel | None
) -> list[list[float]]:
    """Probability that a goal begins with each turn of each dialogue, by :func:`start_model`; with the first one does.

    Args:
        dialogues: logs.
        failures: probability that each turn of each dialogue did not serve.
        model: None where no log has times.
    """
    votes = [start_votes(dialogue) for dialogue in dialogues]
    if model is None:  # each request for itself, but for those that say the one before again
        return [[1.0, *(SAID_AGAIN if _says_again(row) else 1.0 for row in rows)] for rows in votes]
    both = zip(dialogues, failures, strict=True)
    circumstances = [row for dialogue, failed in both for row in start_circumstances(dialogue, failed)]
    found = iter(model.probabilities([row for rows in votes for row in rows], circumstances))
    return [[1.0, *islice(found, len(rows))] for rows in votes]


def start_votes(dialogue: Dialogue) -> list[Votes]:
    """What the signals say of each turn but the first."""
    feedback = dialogue.feedback or (Feedback(),) * len(dialogue.turns)
    return [
        _votes(turn, following, seen)
        for turn, following, seen in zip(dialogue.turns, dialogue.turns[1:], feedback, strict=False)
    ]


def _votes(turn: Turn, following: Turn, seen: Feedback) -> Votes:
    votes = {
        name: str(value) for name in ("rephrase", "repetition") if (value := getattr(seen, name)) is not None
    }  # fmt: skip
    if turn.seconds is not None and following.seconds is not None:
        seconds = following.seconds - turn.seconds
        votes["gap"] = next((f"up to {border:g} s" for border in GAPS if seconds <= border), "longer")
    return votes


def start_circumstances(dialogue: Dialogue, failures: Sequence[float]) -> list[Circumstances]:
    """What is known of each turn but the first, beside the signals.

    The words themselves are left out: of one log they would be learned by heart.
    """
    pairs = zip(dialogue.turns, dialogue.turns[1:], failures, strict=False)
    return [_circumstances(turn, following, failed) for turn, following, failed in pairs]


def _circumstances(turn: Turn, following: Turn, failed: float) -> Circumstances:
    before, after = (set((one.request or "").lower().split()) for one in (turn, following))
    understood, then = (one.interpretations[0] if one.interpretations else None for one in (turn, following))
    found = {f"status={turn.status}": 1.0, f"then status={following.status}": 1.0, "failed": failed}
    found["the same words"] = len(before & after) / max(len(after), 1)
    if then is not None:
        found |= {f"then intent={then.intent}": 1.0, "without slots": float(not then.slots)}
    if understood is not None and then is not None:
        found["the same intent"] = float(understood.intent == then.intent)
        found["the same domain"] = float(understood.domain == then.domain)
        values = [{slot.value for slot in one.slots} for one in (understood, then)]
        found["a value in common"] = float(bool(values[0] & values[1]))
    return found


def _says_again(votes: Votes) -> bool:
    return "True" in (votes.get("rephrase"), votes.get("repetition"))


def _first_guess(votes: Votes) -> float:
    """Where the estimation starts: what the signals are meant to say, taken at their word."""
    if _says_again(votes):
        return SAID_AGAIN
    names = [*(f"up to {border:g} s" for border in GAPS), "longer"]
    return GUESSES[names.index(votes["gap"])] if "gap" in votes else 0.5
