"""Failure points and what the log makes of a session, on sessions written by hand."""

import random
from dataclasses import replace

import pytest

from selflearn.schema import RecognitionHypothesis
from selflearn.simulation.assistant import Assistant, Context
from selflearn.simulation.grammar import Span, Utterance
from selflearn.simulation.log import dialogue
from selflearn.simulation.people import Meaning, Wishes
from selflearn.simulation.resolution import CatalogueResolver
from selflearn.simulation.result import WorldSkills
from selflearn.simulation.session import Exchange, Pursuit, Session, judge
from selflearn.simulation.settings import ResultSettings
from selflearn.simulation.simulate import build_assistant, trained_understanding
from selflearn.simulation.speaking import Speaker
from selflearn.simulation.speech_text import Recognized
from selflearn.simulation.truth import diagnose
from selflearn.simulation.understanding import OTHER, Hypothesis


class Reader:
    """Reads what it was told to read."""

    def __init__(self, readings):
        self.readings = readings

    def understand(self, requests, *, hypotheses):
        return [(self.readings[text],) for text, _ in requests]


def utterance(text, **values):
    spans = tuple(Span(slot, text.index(words), text.index(words) + len(words)) for slot, words in values.items())
    return Utterance(text, spans)


def recognized(text, alignment=None):
    words = tuple(range(len(text.split())))
    return Recognized((RecognitionHypothesis(text=text, score=0.8),), words if alignment is None else alignment)


def reading(intent, **mentions):
    return Hypothesis(intent=intent, mentions=mentions, score=0.9)


@pytest.fixture
def world(home):
    return home.world


@pytest.fixture
def talk(home, person, situation):
    """Makes exchanges of one session from (said, heard, read, wanted), with components that do as they are told."""

    def make(*turns, stale=0.0, ambiguous=0.0, seconds=None, kinds=None):
        rates = ResultSettings(stale=stale, missing=0.0, ambiguous=ambiguous)
        skills = WorldSkills(home.world, home.assistant.responses, rates)
        resolver = CatalogueResolver(home.world, replace(home.assistant.resolution, known=1.0), seed=1)
        readings = {}
        for said, heard, read, wanted in turns:
            readings[heard.hypotheses[0].text] = read
            if said.text != heard.hypotheses[0].text and wanted is not None:  # the true words are read right
                mentions = {span.slot: said.text[span.start : span.end] for span in said.spans}
                readings.setdefault(said.text, reading(wanted.intent.name, **mentions))
        assistant = Assistant(
            home.world,
            home.assistant,
            wake=None,
            recognizer=None,
            understander=Reader(readings),
            resolver=resolver,
            skills=skills,
        )
        exchanges = []
        for i, (said, heard, _, wanted) in enumerate(turns):
            before = exchanges[-1].trace.result if exchanges else None
            context = Context(person=person, situation=situation, key=f"turn{i}")
            if before is not None and before.asked is not None:
                context = replace(context, intent=before.intent, values=before.values, asked=before.asked)
            trace = assistant.serve([heard], [context])[0]
            exchanges.append(
                Exchange(kind=(kinds or {}).get(i, "first"), utterance=said, meaning=wanted, context=context,
                         trace=trace, seconds=(seconds or [10.0 * k for k in range(len(turns))])[i],
                         outcome=judge(wanted, trace.result))
            )  # fmt: skip
        return exchanges, assistant

    return make


@pytest.fixture
def doors(world, person):
    """A home with a garage door and a front door."""
    kinds = world.types["appliance"]
    rooms = world.types["room"]
    pairs = [("garage door", "garage"), ("front door", "hallway")]
    object.__setattr__(person, "appliances", tuple((kinds.named(a)[0], rooms.named(r)[0]) for a, r in pairs))
    return {name: kinds.named(name)[0] for name, _ in pairs}


def test_the_assistant_as_it_is_reads_the_garage_door_dialogue(home, doors, person, situation):
    """The dialogue of the talk, with the understanding model that learned from requests in the reader's place."""
    assistant = build_assistant(home, trained_understanding(home))
    wanted = Meaning(home.world.intents["open_door"], {"door": doors["garage door"]})
    sandwich = Meaning(home.world.intents["prepare_food"], {})
    exchanges = []
    for i, (said, heard, meaning) in enumerate((
        (utterance("open the garage door", door="garage door"), recognized("open the front door"), wanted),
        (utterance("open the garage door", door="garage door"), recognized("open garage door", (0, None, 1, 2)),
         wanted),
        (utterance("make me a sandwich"), recognized("make me a sandwich"), sandwich),
    )):  # fmt: skip
        context = Context(person=person, situation=situation, key=f"1/1/1/{i}")
        trace = assistant.serve([heard], [context])[0]
        exchanges.append(Exchange(kind="first", utterance=said, meaning=meaning, context=context, trace=trace,
                                  seconds=8.0 * i, outcome=judge(meaning, trace.result)))  # fmt: skip
    assert [e.outcome for e in exchanges] == ["wrong", "right", "unsupported"]
    found = diagnose(exchanges, assistant)
    assert [(d.defect, d.failure_point) for d in found] == [
        (True, "recognition"), (False, "correct"), (False, "correct"),
    ]  # fmt: skip
    assert found[0].replay == "right"


def test_the_garage_door_dialogue(world, talk, doors):
    wanted = Meaning(world.intents["open_door"], {"door": doors["garage door"]})
    sandwich = Meaning(world.intents["prepare_food"], {})
    exchanges, assistant = talk(
        # misheard as another door; resolution finds that one, and the wrong door opens
        (utterance("open the garage door", door="garage door"), recognized("open the front door"),
         reading("open_door", door="front door"), wanted),
        # the same again: "the" is lost, and the right door opens
        (utterance("open the garage door", door="garage door"), recognized("open garage door", (0, None, 1, 2)),
         reading("open_door", door="garage door"), wanted),
        # every component is right, and the assistant cannot do it
        (utterance("make me a sandwich"), recognized("make me a sandwich"), reading(OTHER), sandwich),
    )  # fmt: skip
    found = diagnose(exchanges, assistant)
    assert [d.failure_point for d in found] == ["recognition", "correct", "correct"]
    assert [d.defect for d in found] == [True, False, False]
    assert found[1].differs == ("recognition",)  # it erred, and was recovered
    assert [e.outcome for e in exchanges] == ["wrong", "right", "unsupported"]


def test_what_is_not_resolved_because_it_was_misheard_is_the_recogniser(world, talk, doors):
    wanted = Meaning(world.intents["open_door"], {"door": doors["garage door"]})
    exchanges, assistant = talk(
        (utterance("open the garage door", door="garage door"), recognized("open the cabbage flower"),
         reading("open_door", door="cabbage flower"), wanted),
    )  # fmt: skip
    assert exchanges[0].outcome == "nothing"
    assert diagnose(exchanges, assistant)[0].failure_point == "recognition"


def test_words_that_would_be_misread_all_the_same_are_not_to_blame(world, talk, doors):
    wanted = Meaning(world.intents["open_door"], {"door": doors["garage door"]})
    other = reading("close_door", door="garage door")
    exchanges, assistant = talk(
        (utterance("open the garage door", door="garage door"), recognized("hope in the garage door"), other, wanted),
    )  # fmt: skip
    assert diagnose(exchanges, assistant)[0].failure_point == "recognition"
    assistant.understander.readings["open the garage door"] = other
    found = diagnose(exchanges, assistant)[0]
    assert (found.failure_point, found.replay) == ("understanding", "right")
    assert found.differs == ("recognition", "understanding", "resolution", "result")


def test_an_audiobook_that_is_played_as_a_film_is_understanding_and_the_wrong_film_is_the_result(world, talk):
    book, film = world.types["book"].named("Harry Potter")[0], world.types["film"].named("Harry Potter")[0]
    author = world.types["author"].named(book.attributes["author"])[0]
    wanted = Meaning(world.intents["play_audiobook"], {"book": book, "author": author})
    said = utterance("play harry potter", book="harry potter")
    exchanges, assistant = talk((said, recognized(said.text), reading("play_film", film="harry potter"), wanted))
    found = diagnose(exchanges, assistant)[0]
    assert (found.failure_point, found.replay) == ("understanding", "right")

    wanted = Meaning(world.intents["play_film"], {"film": film})
    said = utterance("play harry potter", film="harry potter")
    exchanges, assistant = talk(
        (said, recognized(said.text), reading("play_film", film="harry potter"), wanted), stale=1.0
    )
    assert exchanges[0].outcome == "stale"
    found = diagnose(exchanges, assistant)[0]
    assert (found.failure_point, found.replay) == ("result", "right")


def test_the_other_town_of_the_same_name_is_resolution(world, talk):
    town = next(t for t in world.types["town"].named("Wilkerson") if t.attributes["state"] == "California")
    values = {"town": town, "date": world.types["date"].named("today")[0]}
    wanted = Meaning(world.intents["weather_forecast"], values)
    said = utterance("the weather in wilkerson", town="wilkerson")
    exchanges, assistant = talk((said, recognized(said.text), reading("weather_forecast", town="wilkerson"), wanted))
    found = diagnose(exchanges, assistant)[0]
    assert exchanges[0].outcome == "wrong"
    assert (found.failure_point, found.replay) == ("resolution", "right")


@pytest.fixture
def wilkerson(world):
    """The forecast of today in the less common of two towns."""
    town = next(t for t in world.types["town"].named("Wilkerson") if t.attributes["state"] == "California")
    values = {
        "town": town, "state": world.types["state"].named("California")[0],
        "date": world.types["date"].named("today")[0],
    }  # fmt: skip
    return Meaning(world.intents["weather_forecast"], values)


def test_which_of_two_towns_is_asked_for_and_the_answer_finds_it(talk, wilkerson, person, situation, wishes, rng):
    said = utterance("the weather in wilkerson", town="wilkerson")
    answer = utterance("california", state="california")
    exchanges, assistant = talk(
        (said, recognized(said.text), reading("weather_forecast", town="wilkerson"), wilkerson),
        (answer, recognized(answer.text), reading("weather_forecast", town="california"), wilkerson),
        ambiguous=1.0,
    )  # fmt: skip
    assert [(e.outcome, e.trace.result.status) for e in exchanges] == [("asked", "which_value"), ("right", "done")]
    assert exchanges[0].trace.result.asked == "state"
    assert Speaker(person, situation, wishes).reply(wilkerson, exchanges[0].trace.result, rng) == answer
    found = diagnose(exchanges, assistant)
    assert [(d.defect, d.failure_point) for d in found] == [(False, "correct")] * 2  # it was left open
    # the state was said, and lost by the recogniser: a question that was answered already
    said = utterance("the weather in wilkerson california", town="wilkerson", state="california")
    heard = recognized("the weather in wilkerson", (0, 1, 2, 3, None))
    exchanges, assistant = talk((said, heard, reading("weather_forecast", town="wilkerson"), wilkerson), ambiguous=1.0)
    assert [(d.defect, d.failure_point) for d in diagnose(exchanges, assistant)] == [(True, "recognition")]


def test_a_state_that_is_said_decides_between_two_towns(talk, wilkerson):
    said = utterance("the weather in wilkerson california", town="wilkerson", state="california")
    exchanges, assistant = talk(
        (said, recognized(said.text), reading("weather_forecast", town="wilkerson", state="california"), wilkerson),
        ambiguous=1.0,
    )  # fmt: skip
    found = diagnose(exchanges, assistant)[0]
    assert (exchanges[0].outcome, found.failure_point, found.differs) == ("right", "correct", ())


def test_nobody_is_asked_what_they_want_to_know_or_what_is_no_question(world, talk):
    song = world.types["song"].named("Lighthouse")[0]
    values = {"song": song, "artist": world.types["artist"].named(song.attributes["artist"])[0]}
    who = utterance("who sings lighthouse", song="lighthouse")
    town = world.types["town"].named("Seattle")[0]
    weather = {"town": town, "state": world.types["state"].named("Washington")[0],
               "date": world.types["date"].named("today")[0]}  # fmt: skip
    only = utterance("the weather in seattle", town="seattle")
    exchanges, _ = talk(
        (who, recognized(who.text), reading("who_sings", song="lighthouse"),
         Meaning(world.intents["who_sings"], values)),
        (only, recognized(only.text), reading("weather_forecast", town="seattle"),
         Meaning(world.intents["weather_forecast"], weather)),
        ambiguous=1.0,
    )  # fmt: skip
    assert [e.outcome for e in exchanges] == ["right", "right"]


def test_a_false_wake_is_a_defect_and_thanks_are_none(world, talk):
    exchanges, assistant = talk(
        (utterance("and now the news"), recognized("and now the news"), reading("play_artist"), None),
        (utterance("thanks"), recognized("thanks"), reading("play_artist"), None),
        kinds={0: "false_wake", 1: "thanks"},
    )  # fmt: skip
    found = diagnose(exchanges, assistant)
    assert [(d.defect, d.failure_point, d.replay) for d in found] == [
        (True, "false_wake", "idle"), (False, "correct", None),
    ]  # fmt: skip


@pytest.mark.parametrize(("heard", "point"), [("that's wrong", "understanding"), ("that's long", "recognition")])
def test_an_action_after_words_that_asked_for_nothing_is_a_failure(world, talk, heard, point):
    song = reading("play_song", song="lighthouse")
    exchanges, assistant = talk(
        (utterance("that's wrong"), recognized(heard), song, None),
        kinds={0: "complain"},
    )  # fmt: skip
    assistant.understander.readings.setdefault("that's wrong", reading(OTHER))
    assert (exchanges[0].trace.result.status, exchanges[0].outcome) == ("done", "wrong")
    found = diagnose(exchanges, assistant)[0]
    assert (found.defect, found.failure_point, found.replay) == (True, point, "idle")
    exchanges, assistant = talk(
        (utterance("that's wrong"), recognized("that's wrong"), reading(OTHER), None),
        kinds={0: "complain"},
    )  # fmt: skip
    assert diagnose(exchanges, assistant)[0].failure_point == "correct"


def test_a_value_that_nobody_said_and_that_is_filled_in_wrongly_is_resolution(world, talk, person):
    """What goes without saying for the person, who lives elsewhere than the assistant thinks the talk is of."""
    here = person.home
    date = world.types["date"].named("today")[0]
    values = {"town": here, "state": world.types["state"].named(here.attributes["state"])[0], "date": date}
    wanted = Meaning(world.intents["weather_forecast"], values)
    said = utterance("how is the weather")
    exchanges, assistant = talk((said, recognized(said.text), reading("weather_forecast"), wanted))
    assert exchanges[0].outcome == "right"
    town = next(t for t in world.types["town"].entities if t.name != here.name)
    carried = replace(exchanges[0].context, intent="weather_forecast", values={"town": town})
    trace = assistant.serve([recognized(said.text)], [carried])[0]
    other = replace(exchanges[0], context=carried, trace=trace, outcome=judge(wanted, trace.result))
    found = diagnose([other], assistant)[0]
    assert (other.outcome, found.failure_point, found.replay) == ("wrong", "resolution", "right")
    assert found.differs == ("resolution", "result")


def test_who_is_asked_for_what_they_have_said_before_is_not_served(talk, wilkerson):
    said = utterance("the weather in wilkerson", town="wilkerson")
    exchanges, assistant = talk(
        (said, recognized(said.text), reading("weather_forecast", town="wilkerson"), wilkerson), ambiguous=1.0
    )
    assert not diagnose(exchanges, assistant)[0].defect
    again = replace(exchanges[0], told=frozenset({"town", "state"}))
    assert diagnose([again], assistant)[0].defect


def test_what_is_missing_or_old_in_a_session_is_so_until_its_end(home, world, person, situation):
    town = world.types["town"].named("Seattle")[0]
    skills = WorldSkills(world, home.assistant.responses, ResultSettings(stale=0.3, missing=0.3, ambiguous=0.0))
    resolver = CatalogueResolver(world, home.assistant.resolution, seed=1)
    assistant = Assistant(
        world, home.assistant, wake=None, recognizer=None, understander=None, resolver=resolver, skills=skills
    )

    def answer(key):
        context = Context(person=person, situation=situation, key=key)
        values = assistant.complete("weather_forecast", {"town": town}, context)
        return assistant.serve_values("weather_forecast", values, context, said={"town"})

    sessions = [[answer(f"1/1/{session}/{turn}") for turn in range(3)] for session in range(40)]
    assert all(one == two == three for one, two, three in sessions)
    assert {(first.status, first.stale) for first, *_ in sessions} == {("done", True), ("done", False),
                                                                       ("missing", False)}  # fmt: skip


def test_other_words_that_come_to_the_same_are_not_to_blame(world, talk):
    town = world.types["town"].named("Seattle")[0]
    wanted = Meaning(world.intents["weather_forecast"], {"town": town, "date": world.types["date"].named("today")[0]})
    exchanges, assistant = talk(
        (utterance("how is it in seattle", town="seattle"), recognized("how is it in seatle"),
         reading("find_restaurant", town="seatle"), wanted),
    )  # fmt: skip
    assistant.understander.readings["how is it in seattle"] = reading("find_restaurant", town="seattle")
    assert diagnose(exchanges, assistant)[0].failure_point == "understanding"


def test_a_question_about_something_else_is_not_sensible(world, talk, wilkerson):
    exchanges, assistant = talk(
        (utterance("the weather in wilkerson", town="wilkerson"), recognized("the weather in wilkerson"),
         reading("find_restaurant", town="wilkerson"), wilkerson),
        ambiguous=1.0,
    )  # fmt: skip
    assert exchanges[0].outcome == "asked"
    found = diagnose(exchanges, assistant)[0]
    assert (found.defect, found.failure_point) == (True, "understanding")


@pytest.mark.parametrize(("gap", "seen"), [(8.0, True), (300.0, False)])
def test_the_rephrase_that_worked_is_the_target_and_the_next_request_is_no_rephrase(
    home, wishes, person, situation, talk, doors, gap, seen
):
    world = home.world
    wanted = Meaning(world.intents["open_door"], {"door": doors["garage door"]})
    other = Meaning(world.intents["what_song"], {})
    exchanges, assistant = talk(
        (utterance("open the garage door", door="garage door"), recognized("open the front door"),
         reading("open_door", door="front door"), wanted),
        (utterance("open up the garage door", door="garage door"), recognized("open up the front door"),
         reading("open_door", door="front door"), wanted),
        (utterance("open up my garage door", door="garage door"), recognized("open up my garage door"),
         reading("open_door", door="garage door"), wanted),
        (utterance("what song is this"), recognized("what song is this"), reading("what_song"), other),
        seconds=[gap * i for i in range(4)],
    )  # fmt: skip
    session = Session("key", person, situation, wishes, memory=120)
    session.exchanges.extend(exchanges)
    session.pursuits.extend(
        [Pursuit(start=0, end=3, meaning=wanted, reached=True), Pursuit(start=3, end=4, meaning=other, reached=True)]
    )
    record = dialogue(session, diagnose(exchanges, assistant), world, home.assistant, split="train", dialogue_id="d")
    targets = [t.rephrase_target.value if t.rephrase_target else None for t in record.labels.turns]
    assert targets == [2, 2, None, None]
    assert [feedback.rephrase for feedback in record.feedback] == [seen, seen, False, False]
    assert [goal.success for goal in record.labels.goals] == [True, True]
    assert all(feedback.answer is None for feedback in record.feedback)  # silence is not "yes"
    assert record.labels.turns[0].slots[0].text == "front door"
    assert record.labels.turns[0].slots[0].value == "garage door"


@pytest.mark.parametrize("lies", [0.0, 0.3])
def test_an_answer_is_the_truth_but_for_the_share_that_is_not(home, person, situation, lies):
    reactions = replace(home.population.reactions, prompt=1.0, answer_given=1.0, answer_wrong=lies)
    wishes = Wishes(home.world, replace(home.population, reactions=reactions))
    session = Session("key", person, situation, wishes, memory=120)
    said = []
    for seed in range(2000):
        for outcome in ("right", "wrong"):
            exchange = type("Turn", (), {"kind": "first", "outcome": outcome, "noticed": True, "answer": None})()
            exchange.trace = type("Trace", (), {"result": type("Result", (), {"status": "done"})()})()
            session._react(exchange, random.Random(f"{seed}{outcome}"))
            said.append((exchange.answer, outcome == "right" or not exchange.noticed))
    wrong = sum(answer != truth for answer, truth in said) / len(said)
    assert wrong == (pytest.approx(lies, abs=0.025) if lies else 0)
