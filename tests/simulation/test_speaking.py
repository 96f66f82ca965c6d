"""What people say next."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from selflearn.simulation.people import Wishes, has_what_it_needs, make_person
from selflearn.simulation.simulate import Setting
from selflearn.simulation.speaking import Speaker


def test_nobody_goes_on_about_an_appliance_that_they_do_not_have(person, situation, wishes):
    world = wishes.world
    tried = 0
    for intent in world.intents.values():
        for follow in intent.follow:
            after = world.intents[follow.intent]
            if not any(slot.own and slot.type == "appliance" for slot in after.slots.values()):
                continue
            assert not has_what_it_needs(after, frozenset())
            rng = random.Random(tried)
            before = wishes.meaning(person, intent, situation, rng)
            bare = Speaker(replace(person, appliances=()), situation, wishes)
            assert bare.follow(before, follow, rng) is None
            tried += 1
    assert tried > 3


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.8, 1.0])
def test_people_are_as_polite_as_the_rate_says_the_rudest_and_the_politest_alike(small, rate):
    setting = Setting.load(small.world.directory, seed=1, rates={"people.style.polite": rate})
    wishes = Wishes(setting.world, setting.population)
    people = [make_person(number, "train", wishes, seed=1).polite for number in range(400)]
    assert 0 <= min(people) <= max(people) <= 1
    assert sum(people) / len(people) == pytest.approx(rate, abs=0.02)
