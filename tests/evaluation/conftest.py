"""Made-up systems: every task, with slices and variants, dialogues without items, and a system that lacks a task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

DIALOGUE_IDS = [f"d{i}" for i in range(40)]
INTENTS = ("book", "cancel", "other", "search")


def flags(rng: np.random.Generator, rate: float) -> bool:
    return bool(rng.random() < rate)


def noisy(rng: np.random.Generator, gold: bool, skill: float) -> tuple[bool, float]:
    """A decision and its score, rounded so that there are ties."""
    score = float(np.clip(round(0.5 + skill * (gold - 0.5) + rng.normal(0, 0.25), 1), 0, 1))
    return score >= 0.5, score


def make_system(skill: float, seed: int) -> dict[str, pd.DataFrame]:
    """Tables of one system; gold is the same whatever the seed and skill."""
    truth, own = np.random.default_rng(0), np.random.default_rng(seed)
    rows: dict[str, list[dict[str, object]]] = {"segmentation": [], "success": [], "intent": [], "slots": []}
    for number, dialogue in enumerate(DIALOGUE_IDS[:-3]):  # three dialogues have no item at all
        seen = number % 3 > 0
        length = int(truth.integers(1, 12))
        for turn in range(length):
            place = {"dialogue_id": dialogue, "turn": turn, "@seen": seen, "@unseen": not seen}
            if turn:
                gold = flags(truth, 0.3)
                prediction, score = noisy(own, gold, skill)
                rows["segmentation"].append(place | {"gold": gold, "prediction": prediction, "score": score})
            name = INTENTS[int(truth.integers(4))]
            said = name if own.random() < skill else INTENTS[int(own.integers(4))]
            rows["intent"].append(place | {"gold": name, "prediction": said, "score": 0.5})
            for start in (0, 5):
                name = [None, "city", "date"][int(truth.integers(3))]
                said = name if own.random() < skill else [None, "city", "date"][int(own.integers(3))]
                if name or said:
                    span = {"start": start, "end": start + 3, "gold": name, "prediction": said, "score": 0.5}
                    rows["slots"].append(place | span)
        for goal in range(int(truth.integers(0, 4))):
            failed = flags(truth, 0.35)
            prediction, score = noisy(own, failed, skill)
            rows["success"].append(
                {"dialogue_id": dialogue, "goal": goal, "start": goal, "end": goal + 1, "gold": failed,
                 "prediction": prediction, "score": score, "question": "ab"[goal % 2], "@seen": seen}
            )  # fmt: skip
    tables = {name: pd.DataFrame(items) for name, items in rows.items()}
    tables["success@no_notify"] = tables["success"][::2].drop(columns="question").reset_index(drop=True)
    return tables


@pytest.fixture(scope="session")
def dialogue_ids() -> list[str]:
    return DIALOGUE_IDS


@pytest.fixture
def seeds() -> list[dict[str, pd.DataFrame]]:
    """Three of one system."""
    return [make_system(0.8, seed=seed) for seed in (1, 2, 3)]


@pytest.fixture
def systems() -> dict[str, dict[str, pd.DataFrame]]:
    weak = make_system(0.2, seed=3)
    del weak["slots"]
    return {"ours": make_system(0.9, seed=1), "no_context": make_system(0.5, seed=2), "majority": weak}
