"""Did a response fail the person?

What people do next are the signals of it: people who are content are silent, and so are those who have given up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

import numpy as np

from selflearn.batching.features import categorical_features, numeric_features
from selflearn.schema import Dialogue, Feedback, Turn
from selflearn.training.signals import Circumstances, Items, SignalModel, Votes

GAPS = (4.0, 10.0, 20.0, 45.0)
"""Borders, in seconds, of how long it takes until the next request. A longer silence says nothing."""

STRENGTH = 0.1
"""Inverse L2 penalty of the classifier. On a development log 1 gave as good an order, and was far too sure of it."""

_AT_ONCE = {f"up to {border:g} s" for border in GAPS[:2]}
"""What :func:`_gap` says of requests that follow as soon as those of somebody who was not served."""

_SAME = 0.5
"""Least share of the words of a request that were in the one before it, for it to say the same."""


def failure_model(dialogues: Sequence[Dialogue]) -> SignalModel:
    """Estimate from logs how people react to responses that served them and to those that did not.

    Raises:
        ValueError: there is no turn, or nothing from which to tell those that failed.
    """
    votes = [row for dialogue in dialogues for row in failure_votes(dialogue)]
    circumstances = [row for dialogue in dialogues for row in failure_circumstances(dialogue)]
    # After the last turn of a session nobody can be seen to try again: it says nothing of how such turns end.
    followed = [i + 1 < len(dialogue.turns) for dialogue in dialogues for i in range(len(dialogue.turns))]
    items = Items(votes=votes, first_guess=_first_guesses(votes, circumstances), circumstances=circumstances)
    return SignalModel.fit(items, share_of="both", learned=np.array(followed), strength=STRENGTH)


def failures(dialogues: Sequence[Dialogue], model: SignalModel) -> list[list[float]]:
    """Probability that each turn of each dialogue did not serve, by a model of :func:`failure_model`."""
    votes = [row for dialogue in dialogues for row in failure_votes(dialogue)]
    circumstances = [row for dialogue in dialogues for row in failure_circumstances(dialogue)]
    found = iter(model.probabilities(votes, circumstances))
    return [list(islice(found, len(dialogue.turns))) for dialogue in dialogues]


def failure_votes(dialogue: Dialogue) -> list[Votes]:
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
        if not seen.barge_in:  # who interrupts goes on at once, often with "stop": that is the same event once more
            votes |= _what_follows(turns, feedback, i)
        found.append(votes)
    return found


def _what_follows(turns: Sequence[Turn], feedback: Sequence[Feedback], turn: int) -> Votes:
    """Whether the person gave up then, and how long it took until the next request."""
    # Whoever does not give up with the next request has not, the last turn included: it is known of all turns.
    if turn + 1 == len(turns):
        return {"given_up": "False"}
    gap = _gap(turns[turn], turns[turn + 1])
    return {"given_up": str(bool(feedback[turn + 1].termination))} | ({} if gap is None else {"gap": gap})


def failure_circumstances(dialogue: Dialogue) -> list[Circumstances]:
    """What is known of each turn beside the signals.

    What the assistant logged, how sure it was, what was asked and said, and the words of a request that comes soon
    after ("that is not what I asked for").
    """
    return [
        _of_turn(turn) | (_of_reply(turn, dialogue.turns[i + 1]) if i + 1 < len(dialogue.turns) else {})
        for i, turn in enumerate(dialogue.turns)
    ]


def _of_turn(turn: Turn) -> Circumstances:
    if not (turn.request or turn.response or turn.interpretations):
        return {"nothing": 1.0}
    named = {name: value for name, value in categorical_features(turn).items() if name != "status"}  # it is a signal
    found = {f"{name}={value}": 1.0 for name, value in named.items()}
    found |= numeric_features(turn)
    found |= {f"asked {word}": 1.0 for word in _words(turn.request)}
    return found | {f"said {word}": 1.0 for word in _words(turn.response)}


def _of_reply(turn: Turn, reply: Turn) -> Circumstances:
    if _gap(turn, reply) is None:
        return {}
    words, first = _words(reply.request), (reply.request or "").lower().split()[:1]
    found = {f"then {word}": 1.0 for word in words} | {f"then first {word}": 1.0 for word in first}
    return found | {"then the same words": len(words & _words(turn.request)) / max(len(words), 1)}


def _words(text: str | None) -> set[str]:
    return set((text or "").lower().split())


def _gap(turn: Turn, following: Turn) -> str | None:
    if turn.seconds is None or following.seconds is None:
        return None
    seconds = following.seconds - turn.seconds
    return next((f"up to {border:g} s" for border in GAPS if seconds <= border), None)


def _first_guesses(votes: Sequence[Votes], circumstances: Sequence[Circumstances]) -> list[float]:
    """Where the estimation starts: what the signals are meant to say, taken at their word.

    In a log that has no reactions, by times and words: who was not served asks again at once, and says the same words.
    From guesses that are all alike it would be chance which of two kinds of turns is called the failed one.
    """
    unhappy = [_unhappy(row) for row in votes]
    if len(set(unhappy)) == 1:
        unhappy = [
            (row.get("gap") in _AT_ONCE) + (known.get("then the same words", 0.0) >= _SAME)
            for row, known in zip(votes, circumstances, strict=True)
        ]
    if votes and len(set(unhappy)) == 1:
        raise ValueError(
            f"nothing in {len(votes):,} turns tells those that failed: no reaction is logged (barge_in, rephrase, "
            f"repetition, answer, termination), and no request comes within {GAPS[1]:g} s of another or says its words "
            "again soon; expected some of these columns, or `seconds` from the start of each dialogue (no milliseconds)"
        )
    return [1 / (1 + math.exp(1.0 - 1.5 * number)) for number in unhappy]


def _unhappy(votes: Votes) -> int:
    """How many reactions of a turn say that it failed, less those that say that it did not."""
    unhappy = sum(votes.get(name) == "True" for name in ("barge_in", "rephrase", "repetition", "given_up"))
    return unhappy + 2 * (votes.get("answer") == "False") - 2 * (votes.get("answer") == "True")
