"""The world to choose between designs in."""

from dataclasses import replace

import pytest

from selflearn.simulation.development import development_world
from selflearn.simulation.loading import load_world
from selflearn.simulation.simulate import Setting, simulated
from selflearn.simulation.world import WORLDS
from tests.fixtures.worlds import FILES, write_world

SHIPPED = sorted(path.name for path in WORLDS.iterdir() if path.is_dir())


def names(world, part):
    """Names and ways to say them of the entities of a part, in catalogues that are divided."""
    entities = [e for kind in world.types.values() if kind.open for e in kind.entities if e.part == part]
    return {text for entity in entities for text in (entity.name.lower(), *entity.spoken)}


def renderings(world, part):
    """All that people of a part can say, with {} in place of values."""
    lists = [phrasings for intent in world.intents.values() for phrasings in intent.lists]
    return {text for phrasings in lists for phrasing in phrasings.of(part) for text in phrasing.renderings()}


def shared_renderings(world):
    """What stands in a list that is not divided."""
    lists = [phrasings for intent in world.intents.values() for phrasings in intent.lists]
    return {text for phrasings in lists if phrasings.train == phrasings.test for phrasing in phrasings.all
            for text in phrasing.renderings()}  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_a_development_world_has_nothing_of_the_test_split_and_a_test_split_of_its_own(name):
    plain = load_world(WORLDS / name)
    world = development_world(plain)
    assert world.digest != plain.digest
    assert names(world, "train") | names(world, "test") == names(plain, "train")
    assert not names(world, "train") & names(world, "test")
    assert renderings(world, "any") == renderings(plain, "train")
    shared = shared_renderings(world)
    assert renderings(world, "train") & renderings(world, "test") == shared
    assert 0.15 < len(renderings(world, "test") - shared) / len(renderings(world, "any")) < 0.4
    whole = [intent for intent in world.intents.values() if intent.say.train == intent.say.test]
    assert len(whole) < len(world.intents) / 8
    assert all(intent.say.train and intent.say.test for intent in world.intents.values())


def test_nobody_says_anything_of_the_test_split_in_a_log_for_development(home):
    plain, world = home.world, development_world(home.world)
    fewer = replace(home.assistant.understanding, utterances=500)
    setting = replace(home, world=world, assistant=replace(home.assistant, understanding=fewer), development=True)
    part_of = {entity.id: entity.part for kind in plain.types.values() for entity in kind.entities}
    spoken = {entity.id: entity.spoken for kind in world.types.values() for entity in kind.entities}
    said, meant = {"train": set(), "test": set()}, {"train": set(), "test": set()}
    for dialogue in simulated(setting, 200):
        part = "test" if dialogue.split == "test" else "train"
        for turn in dialogue.truth.turns:
            ids = [slot.value for slot in turn.slots]
            meant[part].update(entity for entity in ids if part_of[entity] != "any")
            text = f" {turn.request} "
            for words in sorted((words for entity in ids for words in spoken[entity]), key=len, reverse=True):
                text = text.replace(f" {words} ", " {} ")
            if turn.components["kind"] not in ("reply", "correct"):  # those may be a name and nothing else
                said[part].add(text.strip())
    assert {part_of[entity] for found in meant.values() for entity in found} == {"train"}
    assert len(meant["test"]) > 30
    assert not meant["train"] & meant["test"]
    for part, other in (("train", "test"), ("test", "train")):
        own = renderings(world, part) - renderings(world, other)
        assert len(said[part] & own) > 20
        assert not said[other] & own
        assert not said[part] & renderings(plain, "test")


RELIES_ON_OPEN_TYPES = {
    "catalogues/appliance.yaml": "type: appliance\nentries: [lamp, heater, fan, kettle, toaster, oven, iron, radio]\n",
    "catalogues/room.yaml": "type: room\nentries: [kitchen, bedroom, attic, cellar, hall, porch, study, garage]\n",
}


def test_what_a_world_relies_on_is_everybodys_and_so_is_what_cannot_be_divided(tmp_path):
    directory = write_world(tmp_path, RELIES_ON_OPEN_TYPES)
    plain, setting = load_world(directory), Setting.load(directory, seed=1, development=True)
    parts = {entity.id: entity.part for kind in setting.world.types.values() for entity in kind.entities}
    assert [parts[f"appliance/{name}"] for name in ("lamp", "heater")] == ["any", "any"]
    assert [parts[f"room/{name}"] for name in ("kitchen", "bedroom")] == ["any", "any"]
    gone = {entity.id for kind in plain.types.values() for entity in kind.entities if entity.part == "test"}
    assert gone - parts.keys()  # the others that only people of the test split asked for
    for kind in setting.world.types.values():
        assert {"train", "test"} <= {entity.part for entity in kind.entities} or {entity.part
                for entity in kind.entities} == {"any"}  # fmt: skip
    assert len(list(simulated(setting, 60))) == 60


def test_each_part_can_say_what_has_no_value(tmp_path):
    """Where but one of the phrasings that are left can do without the name, their list is everybody's."""
    music = FILES["domains/music.yaml"].replace("      song: song\n", "      song: {type: song, optional: true}\n")
    music = music.replace('- "i want to hear {song}"', '- "any music will do"')
    plain = load_world(write_world(tmp_path, {"domains/music.yaml": music}))
    say = development_world(plain).intents["play_song"].say
    assert [p.source for p in say.all if p.fits({})] == ["any music will do"]
    assert say.train == say.test == say.all
