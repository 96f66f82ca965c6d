"""Dialogues in which the neighbouring turns decide, and no turn says its own label.

A goal starts where the response before asks what else; the intent of a turn is the topic that the response before
names; a city is what the response before asks for; a response was a defect, and a goal failed, where the next request
says so.
"""

from __future__ import annotations

import random

import pytest

from selflearn.schema import Dialogue, Goal, Label, Labels, Slot, Turn, TurnLabels

TASKS = ("segmentation", "success", "intent", "slots", "defect")
CITIES = ("Oslo", "Lima", "Quito", "Cairo", "Turin", "Perth", "Dakar", "New Delhi")
QUESTIONS = {"origin": "Where do you start from?", "destination": "Where is it that you want to go?"}
TOPICS = {"BuyTicket": "There are seats on the train.", "CheckWeather": "The sky will be blue.", None: "Let me see."}
TURNS = 8


def make_dialogue(name: str, rng: random.Random) -> Dialogue:
    starts = [t == 0 or rng.random() < 0.3 for t in range(TURNS)]
    wrong = [rng.random() < 0.4 for _ in range(TURNS)]
    topics = [rng.choice(list(TOPICS)) for _ in range(TURNS)]
    asked = [rng.choice([*QUESTIONS, None]) for _ in range(TURNS)]
    turns, labels = [], []
    for t in range(TURNS):
        verdict = "That was wrong." if t and wrong[t - 1] else "Thank you."
        slots: tuple[Slot, ...] = ()
        request = f"{verdict} Go on."
        if t and asked[t - 1] is not None:
            city = rng.choice(CITIES)
            start = len(verdict) + len(" Say ")
            request = f"{verdict} Say {city} please."
            slots = (Slot(name=asked[t - 1], start=start, end=start + len(city), text=city),)
        closing = "What else can I do?" if t + 1 < TURNS and starts[t + 1] else "One moment."
        turns.append(Turn(request=request, response=f"{TOPICS[topics[t]]} {QUESTIONS.get(asked[t], '')} {closing}"))
        intent = topics[t - 1] if t and topics[t] is None else None
        defect = Label(value=wrong[t]) if t + 1 < TURNS else None
        labels.append(TurnLabels(intent=None if intent is None else Label(value=intent), slots=slots, defect=defect))
    first = [t for t in range(TURNS) if starts[t]]
    goals = [
        Goal(start=start, end=end, success=None if end == TURNS else not wrong[end - 1])
        for start, end in zip(first, [*first[1:], TURNS], strict=True)
    ]
    return Dialogue(
        id=name, corpus="made", split="train", turns=tuple(turns),
        labels=Labels(goals=tuple(goals), turns=tuple(labels)),
    )  # fmt: skip


def make_dialogues(prefix: str, count: int, seed: int) -> list[Dialogue]:
    rng = random.Random(seed)
    return [make_dialogue(f"{prefix}{number}", rng) for number in range(count)]


@pytest.fixture(scope="session")
def tasks():
    return TASKS


@pytest.fixture(scope="session")
def train():
    return make_dialogues("train", 80, seed=1)


@pytest.fixture(scope="session")
def tune():
    return make_dialogues("tune", 30, seed=2)


@pytest.fixture(scope="session")
def dev():
    return make_dialogues("dev", 40, seed=3)


@pytest.fixture(scope="session")
def holes():
    """A dialogue with every kind of missing text."""
    turns = (
        Turn(request=None, response="Hello."),
        Turn(request="Thank you. Say Oslo please.", response=None),
        Turn(request="", response=""),
        Turn(request=None, response=None),
    )
    return Dialogue(id="holes", corpus="made", split="train", turns=turns)
