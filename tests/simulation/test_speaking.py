"""What people say next."""

from __future__ import annotations

import random
from dataclasses import replace

from selflearn.simulation.people import has_what_it_needs
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
