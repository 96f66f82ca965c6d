"""Dialogues longer than the model reads: cut into overlapping windows, cut off, or refused - never in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from selflearn.batching.texts import OnOverflow, TooLongError
from selflearn.schema import Dialogue, Label, Labels, ObservedDialogue

Span = tuple[int, int]


def turn_windows(num_turns: int, max_turns: int, on_overflow: OnOverflow, *, name: str = "a dialogue") -> list[Span]:
    """The windows ``[start, end)`` in which a dialogue is read.

    Windows overlap by a quarter, and by one turn at least. From 8 turns on, every turn but the outermost so has context
    on both sides in one of them.

    Args:
        num_turns: of the dialogue.
        max_turns: longest window.
        on_overflow: what happens to a longer dialogue.
        name: what the dialogue is called in the error.

    Raises:
        TooLongError: the dialogue is too long and ``on_overflow`` is "error".
        ValueError: ``on_overflow`` is something else.

    Example:
        >>> turn_windows(10, 4, "window")
        [(0, 4), (3, 7), (6, 10)]
        >>> turn_windows(10, 4, "truncate")
        [(0, 4)]
    """
    if not _too_long(num_turns, max_turns, on_overflow, name):
        return [(0, min(num_turns, max_turns))]
    step = max(1, max_turns - max(1, max_turns // 4))
    starts = [*range(0, num_turns - max_turns, step), num_turns - max_turns]
    return [(start, start + max_turns) for start in dict.fromkeys(starts)]


def causal_windows(num_turns: int, max_turns: int, on_overflow: OnOverflow, *, name: str = "a dialogue") -> list[Span]:
    """The windows ``[start, end)`` in which a causal model reads a dialogue: where they begin hangs on no later turn.

    Windows overlap by half, so that every turn beyond the first window has that much before it in one of them; the
    last one ends with the dialogue. Arguments and errors are those of :func:`turn_windows`.

    Example:
        >>> causal_windows(9, 4, "window")
        [(0, 4), (2, 6), (4, 8), (6, 9)]
    """
    if not _too_long(num_turns, max_turns, on_overflow, name):
        return [(0, min(num_turns, max_turns))]
    step = max(1, max_turns // 2)
    return [(start, min(start + max_turns, num_turns)) for start in range(0, num_turns - max_turns + step, step)]


def _too_long(num_turns: int, max_turns: int, on_overflow: OnOverflow, name: str) -> bool:
    """Whether it takes several windows."""
    if on_overflow not in get_args(OnOverflow):
        raise ValueError(f"on_overflow is {on_overflow!r}; expected window, truncate or error")
    if num_turns > max_turns and on_overflow == "error":
        raise TooLongError(
            f"{name} has {num_turns} turns and the model reads {max_turns}; expected no longer one, or "
            "data.on_overflow=window or truncate"
        )
    return num_turns > max_turns and on_overflow == "window"


def central_window(turn: int, windows: Sequence[Span]) -> int | None:
    """The window in which a turn is farthest from the nearer end; None if it is in none (it was cut off)."""
    inside = [i for i, (start, end) in enumerate(windows) if start <= turn < end]
    return max(inside, key=lambda i: min(turn - windows[i][0], windows[i][1] - 1 - turn), default=None)


def first_window(turn: int, windows: Sequence[Span]) -> int | None:
    """The window in which a turn has most turns before it; None if it is in none (it was cut off)."""
    return next((i for i, (start, end) in enumerate(windows) if start <= turn < end), None)


def cut_observed(dialogue: ObservedDialogue, start: int, end: int) -> ObservedDialogue:
    """The turns ``[start, end)`` of what was observed."""
    if (start, end) == (0, len(dialogue.turns)):
        return dialogue
    return replace(dialogue, turns=dialogue.turns[start:end], feedback=dialogue.feedback[start:end])


def cut_dialogue(dialogue: Dialogue, start: int, end: int) -> Dialogue:
    """The turns ``[start, end)`` of a dialogue with their labels.

    A goal that is cut keeps its name and loses its success (whether it was reached may stand outside), except that the
    cut leaves out nothing but a beginning. The truth and judgements of the whole dialogue stay with the original.
    """
    if (start, end) == (0, len(dialogue.turns)):
        return dialogue
    goals = None
    if dialogue.labels.goals is not None:
        goals = tuple(
            replace(
                goal, start=max(goal.start, start) - start, end=min(goal.end, end) - start,
                success=goal.success if goal.end <= end else None,
            )
            for goal in dialogue.labels.goals if goal.start < end and goal.end > start
        )  # fmt: skip
    labels = tuple(
        replace(turn, rephrase_target=_moved(turn.rephrase_target, start, end)) if turn.rephrase_target else turn
        for turn in dialogue.labels.turns[start:end]
    )
    ratings = tuple(
        replace(rating, turn=rating.turn - start)
        for rating in dialogue.ratings if rating.turn is not None and start <= rating.turn < end
    )  # fmt: skip
    return replace(
        dialogue, turns=dialogue.turns[start:end], feedback=dialogue.feedback[start:end],
        labels=Labels(goals=goals, turns=labels), ratings=ratings, truth=None,
    )  # fmt: skip


def _moved(target: Label[int], start: int, end: int) -> Label[int] | None:
    return replace(target, value=target.value - start) if target.value < end else None
