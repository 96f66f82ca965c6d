"""A bag of words tells random swapped answers, and must not tell those that pretraining mostly draws."""

import random
from functools import partial
from itertools import permutations

import numpy as np
import pytest
from omegaconf import OmegaConf

from experiments.app import CONF
from selflearn.corpora import iter_dialogues
from selflearn.evaluation.swap_difficulty import swap_difficulty
from selflearn.pretraining import ExchangedValues, NearestResponse, RandomResponse, collect_responses
from selflearn.pretraining.build import make_grades
from tests.fixtures.dialogues import plain_dialogue

SHARES = {
    name: share
    for name, share in OmegaConf.load(CONF / "pretraining" / "swapped.yaml").swaps.shares.items()
    if share > 0
}
"""The main diet of pretraining."""

TOPICS = ("ferry", "museum", "bakery", "library", "stadium", "garden", "harbour", "castle")
FACTS = ("opens at {}:30 today", "has {} seats left for you", "costs ${} each", "is {} miles away from here",
         "was built in 19{} or so", "closes in {} hours")  # fmt: skip
QUESTIONS = ("tell me about the {}", "what of the {} then", "is there more on the {}", "the {} again please")


def guide(number):
    """Four turns about one place; what is said of it does not follow from what was asked."""
    draw = random.Random(number)
    topic = draw.choice(TOPICS)
    exchanges = [
        (question.format(topic), f"The {topic} {draw.choice(FACTS).format(draw.randrange(10, 99))}.")
        for question in draw.choice(list(permutations(QUESTIONS)))
    ]
    return plain_dialogue(*exchanges, id=f"guide-{number}").observed()


def bags_of_words(texts, size=512):
    """Stands for the frozen encoder; numbers count for nothing in it."""
    counts = np.zeros((len(texts), size))
    for row, text in enumerate(texts):
        for word in text.lower().replace(".", "").split():
            if word.isalpha():
                counts[row, sum(map(ord, word)) % size] += 1
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def in_the_diet(difficulties):
    """AUC of a learned bag of words, over the grades as often as pretraining draws them."""
    return sum(SHARES[name] * difficulties[name].learned for name in SHARES) / sum(SHARES.values())


def test_random_answers_are_told_by_their_words_and_the_nearest_and_the_exchanged_are_not():
    learn, judge = [guide(i) for i in range(150)], [guide(i) for i in range(150, 250)]
    makers = {
        "random": RandomResponse, "nearest": partial(NearestResponse, vectors=bags_of_words),
        "exchanged": ExchangedValues,
    }  # fmt: skip
    assert set(makers) == set(SHARES)
    found = {}
    for name, make in makers.items():
        grades = [make(collect_responses(part, size=1000, seed=0)) for part in (learn, judge)]
        found[name] = swap_difficulty(grades[0], grades[1], learn, judge, seed=1)
        assert found[name].offered > 0.9, name
    assert min(found["random"].learned, found["random"].cosine) > 0.85, found
    for name in ("nearest", "exchanged"):
        assert max(found[name].learned, found[name].cosine) < 0.65, found
    assert in_the_diet(found) < 0.7


@pytest.mark.slow
@pytest.mark.corpus
def test_a_bag_of_words_does_not_solve_the_main_diet_on_sgd(corpora_root):
    dialogues = list(iter_dialogues("sgd", corpora_root / "sgd", "dev"))
    drawn = np.random.default_rng(0).permutation(len(dialogues))[:600]
    parts = [[dialogues[i] for i in rows] for rows in (drawn[:400], drawn[400:])]  # each with a pool of its own
    learn, judge = ([dialogue.observed() for dialogue in part] for part in parts)
    pools = [make_grades(list(SHARES), part, encoder="minilm", pool_size=20_000, seed=1) for part in parts]
    found = {name: swap_difficulty(pools[0][name], pools[1][name], learn, judge, seed=1) for name in SHARES}
    assert found["random"].learned > 0.75, found
    assert found["nearest"].learned < found["random"].learned - 0.1, found
    assert in_the_diet(found) < 0.75, found
