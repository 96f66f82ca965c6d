"""Which text around an item a linear system reads, and the candidates among which the tuning dialogues choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Utterances around a turn, by distance in turns: 0 is the turn itself, -1 the one before.

    Each (side, distance) has weights of its own.
    """

    name: str
    requests: tuple[int, ...] = ()
    responses: tuple[int, ...] = ()

    @property
    def is_causal(self) -> bool:
        """Whether nothing is read that comes after the turn's response."""
        return max(self.requests + self.responses, default=0) <= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalWindow:
    """Parts of a dialogue around a goal, each one bag of words; see :data:`selflearn.baselines.goals.PARTS`."""

    name: str
    parts: tuple[str, ...]

    @property
    def is_causal(self) -> bool:
        """Whether nothing is read that comes after the goal."""
        return "request after" not in self.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Candidates for each kind of answer, at least one; the first is taken where the tuning dialogues cannot choose.

    Attributes:
        boundaries: for segmentation.
        failures: for success.
        decisions: for every other task with a yes or no a turn (:class:`~selflearn.tasks.BinaryTurnTask`).
        names: for every task with a name a turn (:class:`~selflearn.tasks.NamedTurnTask`).
        slots: for slots; the words in and beside a span are always read, and a window adds to those.
    """

    boundaries: tuple[Window, ...]
    failures: tuple[GoalWindow, ...]
    decisions: tuple[Window, ...]
    names: tuple[Window, ...]
    slots: tuple[Window, ...]

    def causal(self) -> Windows:
        """Those candidates that read nothing later than the item."""
        return Windows(
            boundaries=tuple(window for window in self.boundaries if window.is_causal),
            failures=tuple(window for window in self.failures if window.is_causal),
            decisions=tuple(window for window in self.decisions if window.is_causal),
            names=tuple(window for window in self.names if window.is_causal),
            slots=tuple(window for window in self.slots if window.is_causal),
        )


def _around(name: str, before: int, after: int) -> Window:
    turns = tuple(range(-before, after + 1))
    return Window(name=name, requests=turns, responses=turns)


_TURN, _BEFORE = _around("turn", 0, 0), _around("one before", 1, 0)
_NEAR = (_BEFORE, _around("one before, one after", 1, 1), _around("two before, two after", 2, 2), _TURN)
_GOAL = ("requests", "responses")
_END = ("last requests", "last responses")

ALONE = Windows(
    boundaries=(_TURN,),
    failures=(GoalWindow(name="goal", parts=_GOAL),),
    decisions=(_TURN,),
    names=(_TURN,),
    slots=(Window(name="request", requests=(0,)), _TURN),
)
"""The item alone."""

NEIGHBOURS = Windows(
    boundaries=_NEAR,
    failures=(
        GoalWindow(name="goal, request after", parts=(*_GOAL, "request after")),
        GoalWindow(name="goal, its last two turns, request after", parts=(*_GOAL, *_END, "request after")),
        GoalWindow(name="goal, its last two turns", parts=(*_GOAL, *_END)),
        GoalWindow(name="its last two turns, request after", parts=(*_END, "request after")),
        GoalWindow(name="its last two turns", parts=_END),
        GoalWindow(name="goal", parts=_GOAL),
    ),
    decisions=(
        *_NEAR,
        # how people go on says most about the response before
        Window(name="response before, next request", requests=(0, 1), responses=(-1, 0)),
        Window(name="next request", requests=(1,)),
    ),
    names=(_around("three before", 3, 0), _around("three before, two after", 3, 2), _BEFORE),
    slots=(
        Window(name="request, response before", requests=(0,), responses=(-1,)),
        Window(name="two before", requests=(-2, -1, 0), responses=(-2, -1, 0)),
        Window(name="two before, one after", requests=(-2, -1, 0, 1), responses=(-2, -1, 0, 1)),
    ),
)
"""The item with its neighbours."""
