from dataclasses import replace

import pytest

from selflearn.simulation.annotators import load_annotators
from selflearn.simulation.files import WorldError, rate_names, read_file
from selflearn.simulation.grammar import Phrasing
from selflearn.simulation.loading import load_world
from selflearn.simulation.population import load_population
from selflearn.simulation.rates import RATE_FILES
from selflearn.simulation.settings import load_assistant
from selflearn.simulation.simulate import Setting, simulated
from selflearn.simulation.splits import Phrasings, held_out_names, split_phrasings
from selflearn.simulation.world import WORLDS
from tests.fixtures.worlds import FILES, write_world

SHIPPED = sorted(path.name for path in WORLDS.iterdir() if path.is_dir())


DIGESTS = {"home": "bea3d2ab15d607f2", "car": "a971eac8beab60df"}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_worlds_are_those_of_the_tables(name):
    """All tables were measured in these worlds, which the history has as ``world-5`` (docs/simulation.md).

    Whoever changes a word of a world runs every table again, gives the world the next tag, and writes its digest here.
    """
    assert load_world(WORLDS / name).digest == DIGESTS[name]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_world_that_comes_with_the_library_can_be_used(name):
    setting = Setting.load(WORLDS / name, seed=0)
    load_annotators(setting.world)
    sides = {"train": set(), "test": set()}
    for intent in setting.world.intents.values():
        assert intent.say.train
        assert intent.say.test
        for phrasings in (intent.say, intent.short, *(follow.say for follow in intent.follow)):
            assert len(phrasings.train) + len(phrasings.test) == len(phrasings.all)
            for part, sources in sides.items():
                sources |= {phrasing.source for phrasing in phrasings.of(part)}
    for part, sources in sides.items():
        sources |= {phrasing.source for phrasing in setting.world.manners.babble.of(part)}
    assert setting.world.manners.babble.train
    assert setting.world.manners.babble.test
    # whatever list it stands in: as a request, as what follows one, as a correction, or as what others say
    assert not sides["train"] & sides["test"]
    names = {part: {e.name.lower() for kind in setting.world.types.values() for e in kind.entities if e.part == part}
             for part in ("train", "test")}  # fmt: skip
    assert not names["train"] & names["test"]


def renderings(sequence):
    """Everything that a part of a grammar can say, with {} in place of values; written anew, to check the split."""
    found = [""]
    for part in sequence.parts:
        if isinstance(part, str):
            ends = [part]
        elif hasattr(part, "options"):
            ends = [text for option in part.options for text in renderings(option)]
        else:
            ends = ["{}"]
        found = [" ".join(f"{start} {end}".split()) for start in found for end in ends]
    return found


@pytest.mark.parametrize("name", SHIPPED)
def test_no_words_of_a_phrasing_of_the_test_split_can_be_said_in_training(name):
    said = {"train": set(), "test": set()}
    count = {"train": 0, "test": 0}
    for intent in load_world(WORLDS / name).intents.values():
        for phrasings in (intent.say, intent.short, *(follow.say for follow in intent.follow)):
            assert not phrasings.all or (phrasings.train and phrasings.test and phrasings.train != phrasings.test)
            for part, texts in said.items():
                count[part] += len(phrasings.of(part))
                texts.update(text for phrasing in phrasings.of(part) for text in renderings(phrasing._root))
    assert len(said["test"]) > 100
    assert not said["train"] & said["test"]
    assert 0.2 < count["test"] / (count["test"] + count["train"]) < 0.3


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_but_manners_is_said_word_for_word_in_training_and_test(name):
    """Thanks, complaints and the like are everybody's; so is an answer or a correction that names no more than a thing
    of a closed catalogue, such as a room."""
    setting = Setting.load(WORLDS / name, seed=2)
    fewer = replace(setting.assistant.understanding, utterances=500)
    setting = replace(setting, assistant=replace(setting.assistant, understanding=fewer))
    said = {"train": set(), "test": set()}
    for dialogue in simulated(setting, 400):
        for turn in dialogue.truth.turns:
            bare = turn.components["kind"] in ("reply", "correct")
            if turn.intent is not None and turn.components["kind"] != "complain":
                said["test" if dialogue.split == "test" else "train"].add((turn.request, bare))
    train = {text for text, _ in said["train"]}
    assert len(said["test"]) > 50
    closed = {words for kind in setting.world.types.values() if not kind.open for e in kind.entities
              for words in e.spoken}  # fmt: skip
    shared = [(text, bare) for text, bare in said["test"] if text in train]
    assert not [text for text, bare in shared if not (bare and any(text.endswith(words) for words in closed))]


def test_phrasings_that_share_words_are_held_out_together():
    def phrasings(*sources):
        return Phrasings(tuple(map(Phrasing.parse, sources)))

    def sides(*lists, values=()):
        split = split_phrasings(lists, values)
        return [{p.source for found in split for p in found.of(part)} for part in ("train", "test")]

    own = [f"{word} now" for word in ("alpha", "beta", "gamma", "delta", "omega")]
    together = ["play {song}", "[just] play {film}", "just play [the] {film}"]
    for i in range(len(own)):
        assert any(set(together) <= side for side in sides(phrasings(*together, *own[i:])))
    literal = ["turn it up", "[please] turn it {change}"]
    assert any(set(literal) <= side for side in sides(phrasings(*literal, *own), values={"up", "down"}))
    # a list in which every phrasing shares words with another is everybody's, and what it says is held out nowhere
    train, test = sides(phrasings(*together), phrasings("play {game}", *own))
    assert set(together) <= train & test
    assert "play {game}" in train - test
    # nor is a list of nothing else split
    train, test = sides(phrasings("one"), phrasings("two"), phrasings("one", "two"), phrasings("one", *own))
    assert {"one", "two"} <= train & test


def test_the_home_world_is_as_rich_as_it_is_said_to_be(home):
    world = home.world
    assert len(world.domains) >= 12
    assert sum(intent.supported for intent in world.intents.values()) >= 40
    for kind in ("song", "artist", "album", "film", "show", "book", "author", "restaurant", "contact", "dish", "town",
                 "item"):  # fmt: skip
        assert len(world.types[kind].entities) >= 200, kind
    film, book, album, song = ({e.name for e in world.types[k].entities} for k in ("film", "book", "album", "song"))
    assert len(film & book & (album | song)) >= 25  # one title, several things
    assert len(world.types["town"].named("Wilkerson")) == 2


def test_what_people_of_the_test_split_want_does_not_occur_in_training(home, home_log):
    """Also what comes with it: the artist of a song, the author of a book."""
    slots = [slot for intent in home.world.intents.values() for slot in intent.slots.values()]
    closed = {slot.name for slot in slots if not home.world.types[slot.type].open}
    wanted = {"train": set(), "test": set()}
    for dialogue in home_log:
        for turn in dialogue.labels.turns:
            for slot in turn.slots or ():
                if slot.name not in closed:
                    wanted["test" if dialogue.split == "test" else "train"].add(slot.value.lower())
    assert len(wanted["test"]) > 50
    assert not wanted["train"] & wanted["test"]


def test_names_that_are_said_together_are_held_out_together():
    alone = {f"name {i}" for i in range(200)}
    held = held_out_names((name,) for name in alone)
    assert 30 < len(held) < 70
    one = min(held)
    joined = held_out_names([*((name,) for name in alone), ("a", one), ("a", "b")])
    assert ("b" in joined) == (one in joined) == ("a" in joined)


CHORES = '    say: ["walk the dog", "make me a sandwich", "wash my car", "do the dishes"]\n'


def changed(name, old, new):
    assert FILES[name].count(old) == 1, old
    return {name: FILES[name].replace(old, new)}


TURN_OFF = (
    '      room: {type: room, with: appliance, unspoken: here}\n    say:\n      - "(turn|switch) off the {appliance} '
)


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "message"),
    [
        ("domains/music.yaml", "    weight: 3\n", "    wieght: 3\n", 4, "unknown key 'wieght'; nearest: 'weight'"),
        ("domains/music.yaml", "      song: song\n", "      song: tune\n", 6, "no catalogue of the type 'tune'"),
        ("domains/music.yaml", '"put {song} on"', '"put it on"', 15, "{song} may go unsaid"),
        ("domains/music.yaml", '"put {song} on"', '"put {song} on [at {time}]"', 15, "{time} is no slot"),
        ("domains/music.yaml", "from: song.artist", "from: song.singer", 7, "has singer = None"),
        ("domains/other.yaml", CHORES, "    say: []\n", 6, "the list is empty; expected at least one entry"),
        ("domains/other.yaml", CHORES, "", 3, "the key 'say' is missing"),
        ("domains/music.yaml", "new: [song]", "new: [tune]", 19, "`new` names 'tune', which is no slot of play_song"),
        ("domains/music.yaml", '"now {song}"', '"the next one"', 19, "does not say the new {song}"),
        ("domains/music.yaml", "Here is {song}.", "Here is {tune}.", 20, "{tune} is none of the slots"),
        ("domains/music.yaml", "{device: speaker, times: 2}", "{times: 2}", 9, "the condition names no signal"),
        ("domains/music.yaml", "{device: speaker,", "{device: spaeker,", 9, "unknown device 'spaeker'; nearest: "
         "'speaker'"),
        ("domains/music.yaml", "{device: speaker,", "{room: kitschen,", 9, "unknown room 'kitschen'; nearest: "
         "'kitchen'; known: kitchen, bedroom"),
        ("domains/music.yaml", "{device: speaker,", "{habit: erly,", 9, "unknown habit 'erly'; nearest: 'early'"),
        ("domains/music.yaml", "{device: speaker,", "{part_of_day: evenings,", 9, "nearest: 'evening'"),
        ("domains/music.yaml", '{oven: "on"}', '{ofen: "on"}', 10, "unknown state 'ofen'; nearest: 'oven'"),
        ("domains/music.yaml", '{oven: "on"}', "{oven: lit}", 10, "unknown value of oven 'lit'; nearest: "),
        ("catalogues/artist.yaml", "open: false", "open: true", 2, "all 2 entries of the open type 'artist' fall to "
         "one split"),
        ("domains/lights.yaml", "only: [lamp, heater]}\n      room: {type: room, with: appliance, unspoken: here}\n    "
         "say:\n      - \"(turn|switch) off", "only: [lamp, oven]}\n      room: {type: room, with: appliance, "
         "unspoken: here}\n    say:\n      - \"(turn|switch) off", 19, "'oven' is no entry of appliance"),
        ("domains/other.yaml", ', "wash my car", "do the dishes"', "", 6, "2 phrasings; expected at least 4"),
        ("domains/other.yaml", "    supported: false\n", "", 3, "chore has no `done`"),
        ("catalogues/room.yaml", "entries: [kitchen, bedroom]", "entries: []", 3, "the list is empty"),
        ("catalogues/artist.yaml", "[Ann Lee, The Bells]", "[Ann Lee, The Bells, Ann Lee]", 2, "is there already"),
        ("catalogues/artist.yaml", "The Bells]", "The Bells 2]", 2, "cannot be said as it stands"),
        ("world.yaml", 'dismissals: ["never mind"]', "dismissals: [no]", 10, "False is a truth value"),
            ("world.yaml", 'babble: ["and now the weather"]', 'babble: ["and now {song}"]', 11, "{song} is no slot"),
        ("world.yaml", 'polite: ["please {}"]', 'polite: ["please"]', 3, "expected {} once"),
        ("world.yaml", "name: small", "name: [", 3, "did not find expected"),
        ("world.yaml", "name: small", "name: 2024-02-30", 1, "day is out of range"),
        ("domains/music.yaml", '"Here is {song}."', '"Here is {song."', 20, "expected '}' before end of string"),
        ("domains/music.yaml", '"Here is {song}."', '"Here is {Song}."', 20, "{Song} is none of the slots"),
        ("domains/music.yaml", '"Here is {song}."', '"Here is {song.name}."', 20, "{song.name} is none of the slots"),
        ("domains/music.yaml", "probability: 0.2", "probability: .inf", 19, "inf; expected a number in [0, 1]"),
        ("domains/music.yaml", "    weight: 3\n", "    weight: .inf\n", 4, "inf; expected a finite number"),
        ("domains/music.yaml", "    weight: 3\n", f"    weight: 1{'0' * 400}\n", 4, "0000; expected a finite number"),
        ("catalogues/song.yaml", '"{name} by {artist}"', '"{name by {artist}"', 2, "unexpected '{' in field name"),
        ("catalogues/song.yaml", '"{name} by {artist}"', '"{} by {artist}"', 2, "{} is none of what entries have"),
        ("domains/lights.yaml", "{type: appliance, own: true, only: [lamp, heater]}\n      room: {type: room, with: "
         "appliance, unspoken: here}\n    say:\n      - \"(turn|switch) off", "{type: appliance, own: true, optional: "
         "true}\n      room: {type: room, with: appliance, unspoken: here}\n    say:\n      - \"(turn|switch) off", 20,
         "stands with 'appliance', which is optional"),
        ("domains/music.yaml", '"Here is {song}."', '"Here is {song:d}."', 20, "stands alone in its braces; expected "
         "{song}"),
        ("domains/music.yaml", '"Here is {song}."', '"Here is {song!s}."', 20, "stands alone in its braces"),
        ("domains/music.yaml", '{state: {oven: "on"}, times: 3}', "{state: {}, times: 3}", 10, "names no signal"),
        ("domains/lights.yaml", TURN_OFF, TURN_OFF.replace("with: appliance", "with: room"), 20, "'room' (room) stands "
         "with 'room' (room); expected a room with an appliance"),
        ("domains/lights.yaml", TURN_OFF, TURN_OFF.replace("type: room", "type: song"), 20, "'room' (song) stands with "
         "'appliance' (appliance); expected a room"),
        ("domains/music.yaml", "from: song.artist}", "unspoken: here}", 7, "'artist' says by `unspoken` here, and no "
         "entry of artist is a place of a device"),
        ("domains/music.yaml", "      song: song\n", "      song: {type: song, unspoken: Tin Soldier}\n", 3,
         "people of one split alone say; give song `open: false`"),
        ("domains/music.yaml", "      song: song\n", "      song: {type: song, only: [Tin Soldier]}\n", 3,
         "people of one split alone say; add some, or give song `open: false`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_world_is_pointed_at(tmp_path, name, old, new, line, message):
    write_world(tmp_path, changed(name, old, new))
    with pytest.raises(WorldError) as error:
        load_world(tmp_path)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / name}:{line}: ")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("people.yaml", "screen: 0.5, speaker: 0.5", "screen: 0.5, speaker: 0.6", "add up to 1.1; expected 1"),
        ("people.yaml", "repeat: 0.2", "repaet: 0.2", "unknown key 'repaet'; nearest: 'repeat'"),
        ("people.yaml", "repeat: 0.2", "repeat: 0.3", "add up to 1.1"),
        ("people.yaml", "routine_share: 0.3", "routine_share: 1.3", "1.3; expected a number in [0, 1]"),
        ("people.yaml", "persist: [0.5, 0.9]", "persist: [0.9, 0.5]", "expected [lowest, highest]"),
        ("people.yaml", "home: room", "home: town", "'town' is no type"),
        ("people.yaml", "{kitchen: 1, bedroom: 1}", "{kitchen: 0, bedroom: 0}", "expected at least one room with a"),
        ("people.yaml", "retry: [6, 0.5]", "retry: [6]", "expected [median in seconds, spread]"),
        ("people.yaml", "retry: [6, 0.5]", "retry: [6, 300]", "the spread (log-normal) at most 5"),
        ("people.yaml", "rooms: [kitchen, bedroom]", "rooms: [attic]", "'attic' is no entry of room"),
        ("assistant.yaml", "hypotheses: 3, confidence", "hypotheses: 2.5, confidence", "expected a whole number"),
        ("assistant.yaml", "error: 0.1", 'error: "high"', "'high'; expected a number"),
        ("assistant.yaml", "I know no {value}.", "I know no {valu}.", "{valu} is none of what no_match is about"),
        ("assistant.yaml", "Which {slot}?", "Which {slot?", "expected '}' before end of string"),
    ],
)
def test_rates_that_cannot_be_are_pointed_at(tmp_path, name, old, new, message):
    world = load_world(write_world(tmp_path, changed(name, old, new)))
    with pytest.raises(WorldError) as error:
        (load_population if name == "people.yaml" else load_assistant)(world)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / name}:")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{type: artist, from: song.artist}", "{type: artist, unspoken: home}", "people live in a room, and the slot "
         "'artist' of play_song (artist) says by `unspoken` home"),
        ("song: song\n", "song: {type: song, own: true}\n", "nobody owns a song, and the slot 'song' of play_song "
         "(song) is `own`"),
    ],
)  # fmt: skip
def test_what_slots_say_of_people_that_is_not_so_is_pointed_at(tmp_path, old, new, message):
    world = load_world(write_world(tmp_path, changed("domains/music.yaml", old, new)))
    with pytest.raises(WorldError) as error:
        load_population(world)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / 'people.yaml'}:")


OTHER_RATES = {
    "people.reactions.barge_in": 0.9, "people.reactions.gap.retry": [3, 0.25], "people.routines": 5,
    "assistant.recognition.error": 0.0, "annotators.errors.boundary.missed": [0.0, 0.5],
}  # fmt: skip


def test_single_rates_of_a_world_can_be_others(tmp_path):
    plain, other = (Setting.load(write_world(tmp_path), seed=1, rates=rates) for rates in ({}, OTHER_RATES))
    reactions = replace(
        plain.population.reactions, barge_in=0.9, gap={**plain.population.reactions.gap, "retry": (3.0, 0.25)}
    )
    assert other.population == replace(plain.population, routines=5, reactions=reactions)
    assert other.assistant == replace(plain.assistant, recognition=replace(plain.assistant.recognition, error=0.0))
    missed, invented = other.annotators.yes_no["boundary"]
    assert missed == (0.0, 0.5)
    assert invented == plain.annotators.yes_no["boundary"][1]
    assert other.world.digest != plain.world.digest == load_world(tmp_path).digest


@pytest.mark.parametrize("name", SHIPPED)
def test_every_rate_of_a_world_can_be_set_and_its_own_value_changes_nothing(name):
    plain = Setting.load(WORLDS / name, seed=1)
    rates = {}
    for file in RATE_FILES:
        content = read_file(WORLDS / name / f"{file}.yaml")
        for rate in rate_names(content):
            at = content
            for key in rate.split("."):
                at = at.data[key]
            rates[f"{file}.{rate}"] = [row.data for row in at.data] if isinstance(at.data, list) else at.data
    assert len(rates) > 60
    same = Setting.load(WORLDS / name, seed=1, rates=rates)
    assert (same.population, same.assistant, same.annotators) == (plain.population, plain.assistant, plain.annotators)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"people.reactions.barge": 0.2}, "rates.people.reactions.barge: the world in {} has no such rate; "
                                          "nearest: 'people.reactions.barge_in'"),
        ({"person.reactions.barge_in": 0.2}, "nearest: 'people.reactions.barge_in'"),
        ({"people.reactions": 0.2}, "has no such rate"),
        ({"people.home": "kitchen"}, "has no such rate"),  # no number
        ({"people.reactions.barge_in": 1.5}, "rates.people.reactions.barge_in ({}/people.yaml:25): 1.5; expected a "
                                             "number in [0, 1]"),
        ({"people.reactions.barge_in": "often"}, "'often'; expected a number"),
        ({"people.reactions.barge_in": None}, "nothing; expected a number"),
        ({"people.reactions.persist": 0.4}, "0.4; expected a list"),
        ({"people.reactions.persist": [0.4, 2]}, "rates.people.reactions.persist ({}/people.yaml:27): 2; expected"),
        ({"people.reactions.retry.repeat": 0.9}, "add up to 1.7; expected 1"),
        ({"assistant.understanding.hypotheses": 2.5}, "2.5; expected a whole number"),
        ({"annotators.number": 2}, "rates.annotators.number ({}/annotators.yaml:1): 2; expected a number in [4, inf]"),
    ],
)  # fmt: skip
def test_a_rate_that_cannot_be_is_refused_as_in_the_file(tmp_path, rates, message):
    with pytest.raises(WorldError) as error:
        Setting.load(write_world(tmp_path), seed=1, rates=rates)
    assert message.format(tmp_path) in str(error.value)


def test_phrasings_that_cannot_be_divided_are_pointed_at(tmp_path):
    pairs = [(a, b) for i, a in enumerate("abcde") for b in "abcde"[i + 1 :]]  # every two of five words have a list
    follow = "".join(f'      - {{intent: chore, probability: 0.01, say: ["{a} then", "{b} then"]}}\n' for a, b in pairs)
    changes = changed("domains/other.yaml", "    supported: false\n", f"    supported: false\n    follow:\n{follow}")
    write_world(tmp_path, changes)
    with pytest.raises(WorldError, match=r"other\.yaml:\d+: no side for each of \['. then', '. then'\]"):
        load_world(tmp_path)


ELSEWHERE = {
    "catalogues/room.yaml": None,
    "catalogues/appliance.yaml": None,
    "domains/lights.yaml": None,
    "people.yaml": FILES["people.yaml"]
    .replace("device_rooms: {kitchen: 1, bedroom: 1}", "device_rooms: {shop: 2, street: 1}")
    .replace("home: room", "home: artist")
    .replace(FILES["people.yaml"].partition("appliances:")[2].partition("states:")[0], " {}\n"),
}
"""A world of songs alone: nobody has a room or an appliance in it."""


def test_a_world_without_rooms_and_appliances_can_be_simulated(tmp_path):
    dialogues = list(simulated(Setting.load(write_world(tmp_path, ELSEWHERE), seed=1), 20))
    assert {turn.categorical["room"] for d in dialogues for turn in d.turns} <= {"shop", "street"}
    assert {label.intent.value for d in dialogues for label in d.labels.turns if label.intent} == {"play_song", "other"}


def test_what_nobody_has_an_appliance_for_nobody_wants(tmp_path):
    appliances = FILES["people.yaml"].partition("appliances:")[2].partition("states:")[0]
    world = changed("people.yaml", appliances, " {}\n")
    world["domains/lights.yaml"] = FILES["domains/lights.yaml"].replace(", only: [lamp, heater]", "")
    setting = Setting.load(write_world(tmp_path / "some", world), seed=1)
    meant = {turn.intent for dialogue in simulated(setting, 20) for turn in dialogue.truth.turns}
    assert meant <= {"play_song", "chore", None}
    world |= {"domains/music.yaml": None, "domains/other.yaml": None}
    setting = Setting.load(write_world(tmp_path / "none", world), seed=1)
    with pytest.raises(WorldError, match=r"can want nothing; expected an intent that needs no appliance"):
        list(simulated(setting, 1))


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(WorldError, match=r"is no directory; expected a world .*home"):
        load_world(tmp_path / "nowhere")
    with pytest.raises(WorldError, match=r"catalogues holds no \.yaml file"):
        load_world(tmp_path)
    write_world(tmp_path, {"people.yaml": None})
    with pytest.raises(WorldError, match=r"people\.yaml does not exist"):
        load_population(load_world(tmp_path))


def test_another_word_in_a_world_makes_another_digest(tmp_path):
    one = load_world(write_world(tmp_path)).digest
    assert load_world(tmp_path).digest == one
    other = load_world(write_world(tmp_path, changed("world.yaml", '"um"', '"er"')))
    assert other.digest != one
