"""The home world with its assistant, and a small world of our own that is quick to change."""

import random
from dataclasses import replace

import pytest
import torch

from selflearn.simulation.people import EPOCH, Device, Situation, Wishes, make_person
from selflearn.simulation.simulate import Setting, build_assistant, simulated, trained_understanding
from selflearn.simulation.speech_audio import require_speech
from selflearn.simulation.world import WORLDS
from tests.fixtures.worlds import write_world


@pytest.fixture(scope="session")
def home():
    """The world that comes with the library; its assistant has learned from fewer requests, which is quicker."""
    setting = Setting.load(WORLDS / "home", seed=1)
    fewer = replace(setting.assistant.understanding, utterances=2500)
    return replace(setting, assistant=replace(setting.assistant, understanding=fewer))


@pytest.fixture(scope="session")
def home_log(home):
    """800 sessions in the home world, without ratings."""
    return [replace(dialogue, ratings=()) for dialogue in simulated(home, 800)]


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A world of three intents, whose assistant learns in a moment."""
    return Setting.load(write_world(tmp_path_factory.mktemp("world")), seed=1)


@pytest.fixture(scope="session")
def small_assistant(small):
    torch.set_num_threads(1)
    return build_assistant(small, trained_understanding(small))


@pytest.fixture(scope="session")
def wishes(home):
    return Wishes(home.world, home.population)


@pytest.fixture
def person(wishes):
    """Somebody with an oven, a coffee maker and no habits."""
    someone = make_person(3, "train", wishes, seed=1)
    types = wishes.world.types
    kitchen = types["room"].named("kitchen")[0]
    things = [(types["appliance"].named(name)[0], kitchen) for name in ("oven", "coffee maker", "kettle", "lamp")]
    return replace(someone, habits=frozenset(), appliances=tuple(things))


@pytest.fixture
def situation():
    """A speaker in the living room on a Thursday morning, with nothing on."""
    device = Device(id="device", type="speaker", room="living room")
    return Situation(device=device, started_at=EPOCH + 9 * 3600, states={"oven": "off", "alarm": "quiet"}, noise=1.0)


@pytest.fixture
def rng():
    return random.Random(0)


@pytest.fixture(scope="session")
def speech_programs():
    """The programs of the speech channel; tests are skipped where one is missing (``.ci/run`` installs them)."""
    try:
        require_speech()
    except (ImportError, OSError) as error:
        pytest.skip(str(error))
