"""What somebody is going to ask for in a session, all of it, before the assistant has said a word.

A plan depends on (seed, person, session) alone: another assistant meets the same wishes, said in the same words the
first time. How many of them are pursued, and how often each is said, is up to how the assistant serves them
(:mod:`selflearn.simulation.session`).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from selflearn.simulation.grammar import Utterance
from selflearn.simulation.people import Meaning
from selflearn.simulation.speaking import Speaker

MOST_STEPS = 10
"""Of a goal: what always follows itself would never end."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is wanted.

    Attributes:
        meaning: what.
        utterance: how it is said the first time.
        borrows: whether these words mean this only after the step before was served ("and tomorrow?").
    """

    meaning: Meaning
    utterance: Utterance
    borrows: bool = False


def plan_goals(key: str, speaker: Speaker) -> tuple[tuple[Step, ...], ...]:
    """The goals of a session in their order, each with its steps.

    A goal has one step, and what follows from it within the same goal; what follows from it and is another goal comes
    next. Their number is geometric with the mean of ``goals.mean``, at most ``goals.most``.

    Args:
        key: "seed/person/session".
        speaker: whose goals they are.

    Raises:
        WorldError: there is nothing that they can want.
    """
    population = speaker.wishes.population
    lot, stop = random.Random(f"{key}/plan").random(), 1 / population.goals_mean
    number = min(population.most_goals, 1 + int(math.log(max(lot, 1e-9)) / math.log(1 - stop + 1e-9)))
    goals: list[tuple[Step, ...]] = []
    after: str | None = None
    borrowed: Step | None = None
    for goal in range(number):
        rng = random.Random(f"{key}/goal{goal}/plan")
        steps = [borrowed or Step(*speaker.wish(after, rng))]
        while (following := _following(steps[-1], speaker, rng)) is not None and not following[1]:
            if len(steps) == MOST_STEPS:
                following = None
                break
            steps.append(following[0])
        borrowed = None if following is None else following[0]
        after = steps[0].meaning.intent.name
        goals.append(tuple(steps))
    return tuple(goals)


def _following(step: Step, speaker: Speaker, rng: random.Random) -> tuple[Step, bool] | None:
    """What is wanted next because of this step, and whether that is another goal; mostly None."""
    lot = rng.random()
    for follow in step.meaning.intent.follow:
        if 0 <= lot < follow.probability:
            found = speaker.follow(step.meaning, follow, rng)
            if found is not None:
                return Step(*found, borrows=True), follow.new_goal
        lot -= follow.probability
    return None
