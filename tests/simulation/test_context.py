"""What the right reading of the same words is changes with the context: the examples of the talk, run in the world.

Each test draws what people want, 1,000 times with a signal and 1,000 times without, keeps the wishes that can be put in
the same words, and asks whether the share of a reading differs by more than chance (z > 3).
"""

import math
import random
from dataclasses import replace

import pytest

from selflearn.evaluation.combinations import Combinations, combinations
from selflearn.simulation.people import EPOCH, Wishes
from selflearn.simulation.simulate import split_of

DRAWS = 1000


def words_of(intent, values):
    """Everything that an intent is put in with these words for its slots."""
    said = set()
    for phrasing in intent.say.all:
        if phrasing.fits(values):
            said |= {phrasing.say(values, random.Random(seed)).text for seed in range(60)}
    return said


def readings(wishes, words, values=None):
    """Intents that can be put in these words; ``values``: the words of slots by type."""
    found = set()
    for intent in wishes.world.intents.values():
        own = {slot.name: values[slot.type] for slot in intent.slots.values() if slot.type in (values or {})}
        if words in words_of(intent, own):
            found.add(intent.name)
    return found


def share(wishes, person, situation, intents, wanted, *, after=None, seed=0):
    """Share of the wishes for ``wanted`` among 1,000 wishes for one of ``intents``."""
    rng = random.Random(seed)
    hits = kept = 0
    for _ in range(200 * DRAWS):
        name = wishes.intent(person, situation, after, rng).name
        if name in intents:
            kept += 1
            hits += name == wanted
            if kept == DRAWS:
                break
    assert kept == DRAWS
    return hits / kept


def assert_likelier(with_signal, without):
    pooled = (with_signal + without) / 2
    assert with_signal - without > 3 * math.sqrt(2 * pooled * (1 - pooled) / DRAWS)
    assert 0 < with_signal < 1  # likelier, no rule


def test_the_temperature_is_likelier_that_of_the_oven_when_the_oven_is_on(wishes, person, situation):
    intents = readings(wishes, "what's the temperature")
    assert {"current_temperature", "room_temperature", "oven_temperature"} <= intents
    hot = replace(situation, states={**situation.states, "oven": "on"})
    shares = [share(wishes, person, at, intents, "oven_temperature") for at in (hot, situation)]
    assert_likelier(*shares)


@pytest.mark.parametrize("title", ["hunger games"])
def test_a_title_is_likelier_a_film_on_a_device_with_a_screen(wishes, person, situation, title):
    intents = readings(wishes, f"play {title}", {"film": title, "book": title, "album": title})
    assert {"play_film", "play_audiobook", "play_album"} <= intents
    screen = replace(situation, device=replace(situation.device, type="screen"))
    assert_likelier(*[share(wishes, person, at, intents, "play_film") for at in (screen, situation)])


def test_a_title_is_likelier_a_film_in_the_evening_than_in_the_morning(wishes, person, situation):
    intents = readings(wishes, "play hunger games", dict.fromkeys(("film", "book", "album"), "hunger games"))
    screen = replace(situation, device=replace(situation.device, type="screen"))
    evening, morning = (replace(screen, started_at=EPOCH + hour * 3600) for hour in (19, 9))
    assert (evening.part_of_day, morning.part_of_day) == ("evening", "morning")
    assert_likelier(*[share(wishes, person, at, intents, "play_film") for at in (evening, morning)])


def test_the_same_words_mean_something_else_in_the_kitchen_than_in_the_living_room(wishes, person, situation):
    kitchen, living = (
        replace(situation, device=replace(situation.device, type="screen", room=room), states={"oven": "on"})
        for room in ("kitchen", "living room")
    )
    intents = readings(wishes, "what's the temperature")
    assert_likelier(*[share(wishes, person, at, intents, "oven_temperature") for at in (kitchen, living)])
    intents = readings(wishes, "play hunger games", dict.fromkeys(("film", "book", "album"), "hunger games"))
    assert_likelier(*[share(wishes, person, at, intents, "play_film") for at in (living, kitchen)])


def test_music_without_a_name_is_what_the_person_listens_to(wishes, person, situation):
    world = wishes.world
    intent = world.intents["play_genre"]
    assert "play music" in words_of(intent, {})
    for genre in ("jazz", "hard rock"):
        liked = (world.types["genre"].named(genre)[0],)
        listener = replace(person, favourites={**person.favourites, "genre": liked})
        rng = random.Random(0)
        meant = [wishes.meaning(listener, intent, situation, rng).values["genre"].name for _ in range(DRAWS)]
        assert meant.count(genre) / DRAWS > 0.8
        other = replace(person, favourites={**person.favourites, "genre": (world.types["genre"].named("folk")[0],)})
        meant = [wishes.meaning(other, intent, situation, rng).values["genre"].name for _ in range(DRAWS)]
        assert meant.count(genre) / DRAWS < 0.2


def test_brewing_starts_the_coffee_of_those_who_always_have_it_after_the_alarm(wishes, person, situation):
    intents = readings(wishes, "start brewing")
    assert {"make_coffee", "make_tea"} <= intents
    used_to_it = replace(person, habits=frozenset({"coffee_after_alarm"}))
    rang = replace(situation, states={**situation.states, "alarm": "rang"})
    after_alarm = share(wishes, used_to_it, rang, intents, "make_coffee")
    assert_likelier(after_alarm, share(wishes, used_to_it, situation, intents, "make_coffee"))
    assert_likelier(after_alarm, share(wishes, person, rang, intents, "make_coffee"))


def test_a_town_of_two_states_is_that_of_home_for_those_who_live_there(wishes, person, situation):
    world = wishes.world
    washington, california = (
        next(town for town in world.types["town"].named("Wilkerson") if town.attributes["state"] == state)
        for state in ("Washington", "California")
    )
    assert washington.rank < california.rank  # the more common request overall
    intent = world.intents["weather_forecast"]

    def meant(someone, seed):
        rng = random.Random(seed)
        towns = [wishes.meaning(someone, intent, situation, rng).values["town"] for _ in range(4 * DRAWS)]
        return sum(town == california for town in towns), sum(town == washington for town in towns)

    at_home, stranger = replace(person, home=california), replace(person, home=world.types["town"].named("Chicago")[0])
    assert meant(at_home, 0)[0] > meant(at_home, 0)[1]
    stranger = replace(stranger, favourites={**stranger.favourites, "town": ()})
    assert meant(stranger, 0)[0] < meant(stranger, 0)[1]


def test_liking_one_song_is_no_liking_for_another_with_nearly_the_same_name(wishes, person, situation):
    songs = {song.name: song for song in wishes.world.types["song"].entities}
    liked, other = songs["We Don't Talk Anymore"], songs["We Don't Talk About Bruno"]
    fan = replace(person, favourites={**person.favourites, "song": (liked,)})
    rng = random.Random(0)
    meant = [
        wishes.meaning(fan, wishes.world.intents["play_song"], situation, rng).values["song"] for _ in range(3 * DRAWS)
    ]
    assert meant.count(liked) > 3 * meant.count(other)


def test_a_fan_means_their_own_team_and_nobody_elses(wishes, person, situation):
    world = wishes.world
    warriors = world.types["team"].named("Warriors")[0]
    other = next(team for team in world.types["team"].entities if team != warriors and team.part != "test")
    intent = world.intents["sports_score"]

    def share_of(team):
        fan = replace(person, favourites={**person.favourites, "team": (team,)})
        rng = random.Random(0)
        return sum(wishes.meaning(fan, intent, situation, rng).values["team"] == warriors for _ in range(DRAWS)) / DRAWS

    assert share_of(warriors) > 0.9
    assert share_of(other) < 0.1


def test_purple_haze_in_music_is_the_song_of_that_name(home, wishes):
    song = wishes.world.types["song"].named("Purple Haze")[0]
    assert song.attributes["artist"] == "Jimi Hendrix"
    values = {name: "purple haze" for name, kind in wishes.world.types.items() if kind.named("Purple Haze")}
    assert values == {"song": "purple haze"}
    assert readings(wishes, "play purple haze", values) == {"play_song"}


def test_a_wish_for_music_is_likelier_purple_haze_for_those_who_listen_to_hendrix(wishes, person, situation):
    """Of 1,000 wishes for music each; the song is among those that only people of the test split want."""
    types = wishes.world.types
    song, hendrix = types["song"].named("Purple Haze")[0], types["artist"].named("Jimi Hendrix")[0]
    other = next(artist for artist in types["artist"].entities if artist != hendrix and artist.part != "train")

    def share_of(artist):
        liked = {**person.favourites, "artist": (artist,), "song": ()}
        listener = replace(person, part="test", favourites=liked)
        rng, meant = random.Random(0), []
        while len(meant) < DRAWS:
            intent = wishes.intent(listener, situation, None, rng)
            if intent.domain == "music":
                meant.append(wishes.meaning(listener, intent, situation, rng))
        haze = [meaning for meaning in meant if song in meaning.values.values()]
        assert all(meaning.values["song"] == song for meaning in haze)
        return len(haze) / DRAWS

    assert_likelier(share_of(hendrix), share_of(other))


def test_people_fall_to_the_splits_in_their_shares(home):
    splits = [split_of(home, number) for number in range(400)]
    assert {name: splits.count(name) / 400 for name in ("train", "dev", "test")} == pytest.approx(
        {"train": 0.6, "dev": 0.1, "test": 0.3}, abs=0.07
    )


def test_combinations_of_people_devices_and_situations_are_held_out(home_log):
    """People of the test split are all new; most of its turns put together what training met only apart."""
    of = {name: [d for d in home_log if d.split == name] for name in ("train", "dev", "test")}
    users = {name: {d.user_id for d in found} for name, found in of.items()}
    assert min(len(found) for found in users.values()) > 5
    assert len(set.union(*users.values())) == sum(map(len, users.values()))
    met = Combinations.of([*of["train"], *of["dev"]])
    asked = [found for d in of["test"] for found in combinations(d) if found is not None]
    assert len(asked) > 300
    assert sum(map(met.recombine, asked)) / len(asked) > 0.5
    assert not any(map(met.recombine, met.whole))


def test_weekends_and_parts_of_the_day_are_those_of_the_calendar(situation):
    assert not replace(situation, started_at=EPOCH).weekend  # 2026-01-01 is a Thursday
    assert replace(situation, started_at=EPOCH + 2 * 86_400).weekend
    parts = [replace(situation, started_at=EPOCH + hour * 3600).part_of_day for hour in (0, 6, 12, 18)]
    assert parts == ["night", "morning", "afternoon", "evening"]


def test_wishes_do_not_hang_on_who_was_asked_before(home, person, situation):
    one, other = (Wishes(home.world, home.population) for _ in range(2))
    other.intent(person, replace(situation, states={}), None, random.Random(5))
    assert one.intent(person, situation, None, random.Random(1)) == other.intent(
        person, situation, None, random.Random(1)
    )
