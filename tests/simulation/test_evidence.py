"""Sessions of the small world of two exchanges, written by hand: what is known of the first."""

import random
from dataclasses import replace

import pytest

from selflearn.schema import (
    Dialogue,
    EntityResolution,
    Feedback,
    Goal,
    Interpretation,
    Label,
    Labels,
    NamedValue,
    RecognitionHypothesis,
    Slot,
    Turn,
    TurnLabels,
)
from selflearn.simulation.annotators import Annotators, labels_by, load_annotators
from selflearn.simulation.evidence import Known, Reader, WaysToSay

NEW = ("play paper moon", "play_song", "Playing Paper Moon by Ann Lee.")


def session(heard, intent, response, *, said=None, meant=None, point="correct", status="done", soon=False, then=NEW,
            feedback=None, others=(), entities=(), slots=()):  # fmt: skip
    """Two exchanges: the second, half a minute or more later unless it comes soon, is a goal of its own."""
    request, read, answer = then
    turns = (
        Turn(request=heard, response=response, seconds=0.0, status=status, entities=entities,
             recognition=tuple(RecognitionHypothesis(text=text) for text in (heard, *others)),
             interpretations=(Interpretation(
                 intent=intent, slots=tuple(NamedValue(name=e.slot, value=e.mention) for e in entities)),)),
        Turn(request=request, response=answer, seconds=6.0 if soon else 90.0, status="done",
             recognition=(RecognitionHypothesis(text=request),), interpretations=(Interpretation(intent=read),)),
    )  # fmt: skip
    failed = point != "correct"
    labels = (
        TurnLabels(transcript=Label(value=said or heard), intent=Label(value=meant or intent), slots=slots,
                   defect=Label(value=failed), failure_point=Label(value=point)),
        TurnLabels(transcript=Label(value=request), intent=Label(value=read), slots=(),
                   defect=Label(value=False), failure_point=Label(value="correct")),
    )  # fmt: skip
    goals = (Goal(start=0, end=1, success=not failed), Goal(start=1, end=2, success=True))
    return Dialogue(
        id="d", corpus="simulated", split="test", turns=turns, feedback=(feedback or Feedback(), Feedback()),
        labels=Labels(goals=goals, turns=labels),
    )  # fmt: skip


STALE = {"heard": "play blue bird", "intent": "play_song", "point": "result"}
MISHEARD = {
    "heard": "play old mill", "said": "play cold river", "others": ("play cold river",), "intent": "play_song",
    "response": "Playing Old Mill by The Bells.", "point": "recognition",
}  # fmt: skip
HIDDEN = Known(knows_failure=False, knows_words=False, knows_meaning=False)


@pytest.fixture(scope="module")
def reader(small):
    return Reader(small.world)


@pytest.fixture(scope="module")
def careful(small):
    """A team that makes no mistake of its own: what it gets wrong the record does not show."""
    rates = {
        f"annotators.errors.{q}.{k}": [0, 0] for q in ("boundary", "success", "defect") for k in ("missed", "invented")
    }
    rates |= {f"annotators.errors.{q}": [0, 0] for q in ("intent", "slots", "transcript", "failure_point")}
    world = type(small).load(small.world.directory, seed=1, rates={**rates, "annotators.hard": 0.0}).world
    return Annotators(world, load_annotators(world), seed=1)


def first(reader, dialogue):
    return reader.known(dialogue.observed(feedback=True), dialogue.labels.turns)[0]


def said_of(team, dialogue):
    """What all annotators say of the dialogue."""
    rated = team.annotate(dialogue, 0)
    found = [labels_by(rated, name) for name in {rating.rater for rating in rated.ratings}]
    assert len({str([(r.question, r.turn, r.answer) for r in rated.ratings if r.rater == name])
                for name in {rating.rater for rating in rated.ratings}}) == 1  # fmt: skip
    return found[0]


def test_an_old_answer_that_sounds_like_any_other_is_not_known_unless_somebody_reacts(reader, careful):
    answered = session(**STALE, response="Playing Blue Bird by Ann Lee.")
    assert not first(reader, answered).knows_failure
    labels = said_of(careful, answered)
    assert (labels.turns[0].defect.value, labels.turns[0].failure_point.value) == (False, "correct")
    assert labels.goals[0].success is True
    denied = session(**STALE, response="Playing Blue Bird by Ann Lee.", feedback=Feedback(answer=False))
    labels = said_of(careful, denied)
    assert (labels.turns[0].defect.value, labels.turns[0].failure_point.value) == (True, "result")
    assert labels.goals[0].success is False


def test_an_old_answer_that_says_so_is_read(reader):
    assert first(reader, session(**STALE, response="An old version of Blue Bird. Was that right?")).knows_failure


def test_a_misheard_request_that_is_a_valid_one_is_taken_at_its_word(reader, careful):
    slot = Slot(name="song", start=5, end=13, text="old mill", value="Cold River")
    heard = (EntityResolution(slot="song", mention="old mill", entity="Old Mill", score=1.0),)
    dialogue = session(**MISHEARD, entities=heard, slots=(slot,))
    assert first(reader, dialogue) == HIDDEN
    turn = said_of(careful, dialogue).turns[0]
    assert (turn.transcript.value, turn.defect.value, turn.failure_point.value) == ("play old mill", False, "correct")
    assert [(s.name, s.text, s.value) for s in turn.slots] == [("song", "old mill", "old mill")]


def test_who_interrupts_and_corrects_shows_what_was_said_and_meant(reader, careful):
    dialogue = session(**MISHEARD, soon=True, feedback=Feedback(barge_in=True), then=("no cold river", *NEW[1:]))
    assert first(reader, dialogue) == Known(knows_failure=True, knows_words=True, knows_meaning=True)
    turn = said_of(careful, dialogue).turns[0]
    assert (turn.transcript.value, turn.defect.value) == ("play cold river", True)
    assert turn.failure_point.value == "recognition"


@pytest.mark.parametrize(
    ("then", "status"),
    [(("never mind", "play_song", "Okay."), "bye"), (("turn off the heater", "turn_off", "It is off."), "done")],
)
def test_an_interruption_without_a_rephrase_does_not_say_what_was_meant(reader, then, status):
    dialogue = session(**MISHEARD | {"others": ()}, soon=True, feedback=Feedback(barge_in=True), then=then)
    turns = (dialogue.turns[0], replace(dialogue.turns[1], status=status))
    found = first(reader, replace(dialogue, turns=turns))
    assert found == Known(knows_failure=True, knows_words=False, knows_meaning=False)


@pytest.mark.parametrize(("heard", "known"), [("play blue burn", False), ("lay blue bird", True)])
def test_a_name_that_was_misheard_is_not_known_though_the_right_one_is_in_no_catalogue_either(reader, heard, known):
    slot = Slot(
        name="song", start=heard.index("blue"), end=len(heard), text=heard[heard.index("blue") :], value="Blue Bird"
    )
    dialogue = session(
        heard,
        "play_song",
        "I know no such thing.",
        said="play blue bird",
        point="resolution",
        status="no_match",
        slots=(slot,),
    )
    assert first(reader, dialogue) == Known(knows_failure=True, knows_words=False, knows_meaning=known)


def test_an_entity_that_is_also_called_so_fits_the_words(home):
    contact = next(e for e in home.world.types["contact"].entities if any(s != e.name.casefold() for s in e.spoken))
    alias = next(s for s in contact.spoken if s != contact.name.casefold())
    intent = next(i for i in home.world.intents.values() if any(s.type == "contact" for s in i.slots.values()))
    taken = (EntityResolution(slot="contact", mention=alias, entity=contact.name, score=1.0),)
    dialogue = session(f"call {alias}", intent.name, "Calling.", point="resolution", entities=taken)
    assert not first(Reader(home.world), dialogue).knows_failure


def test_without_the_words_that_were_said_the_next_component_is_blamed(reader, careful):
    dialogue = session(**MISHEARD | {"others": ()}, soon=True, then=("that's wrong", *NEW[1:]))
    known = first(reader, dialogue)
    assert known.knows_failure
    assert not known.knows_point
    assert said_of(careful, dialogue).turns[0].failure_point.value == "understanding"


@pytest.mark.parametrize("then", ["that's wrong", "no cold river"])
def test_the_same_words_long_after_are_no_reaction(reader, then):
    assert first(reader, session(**MISHEARD, then=(then, *NEW[1:]))) == HIDDEN


def test_a_false_wake_that_was_served_reads_like_a_request(reader, careful):
    wake = {"heard": "put it on", "intent": "play_song", "response": "Playing Old Mill by The Bells."}
    served, not_served = (session(**wake, point="false_wake", status=status) for status in ("done", "unsupported"))
    assert not first(reader, served).knows_failure
    assert said_of(careful, served).turns[0].defect.value is False
    assert first(reader, not_served).knows_failure
    assert said_of(careful, not_served).turns[0].failure_point.value == "false_wake"


def test_of_two_things_with_one_name_a_reader_cannot_tell_which_was_meant(reader):
    def resolved(entity):
        found = (EntityResolution(slot="song", mention="blue bird", entity=entity, score=1.0),)
        return session(**STALE | {"point": "resolution"}, response="Here is it.", entities=found)

    assert not first(reader, resolved("Blue Bird")).knows_failure
    assert first(reader, resolved("Blue Birds Fly")).knows_failure


def test_a_response_that_does_not_fit_the_words_is_seen(reader):
    dialogue = session(
        "lamp off", "play_song", "Playing Old Mill by The Bells.", meant="turn_off", point="understanding"
    )
    assert first(reader, dialogue) == Known(knows_failure=True, knows_words=True, knows_meaning=True)


def test_words_that_ask_for_what_was_served_are_taken_at_their_word_unless_somebody_reacts(reader, careful):
    """Who reads "play old mill" and what was played has nothing to object to, whatever was meant."""
    heard, slot = "please play old mill", Slot(name="song", start=12, end=20, text="old mill", value="Old Mill")
    taken = (EntityResolution(slot="song", mention="old mill", entity="Old Mill", score=1.0),)
    response = "Playing Old Mill by The Bells."
    misread = {"meant": "turn_on", "point": "understanding", "entities": taken, "slots": (slot,)}
    dialogue = session(heard, "play_song", response, **misread)
    assert first(reader, dialogue) == Known(knows_failure=False, knows_words=True, knows_meaning=False)
    turn = said_of(careful, dialogue).turns[0]
    assert (turn.intent.value, turn.defect.value, turn.failure_point.value) == ("play_song", False, "correct")
    denied = first(reader, session(heard, "play_song", response, **misread, feedback=Feedback(answer=False)))
    assert denied == Known(knows_failure=True, knows_words=True, knows_meaning=False)
    for other in ("lamp on", "play no song of that name"):
        assert first(reader, session(other, "play_song", response, **misread | {"slots": ()})).knows_failure
    unused = {**misread, "entities": ()}  # a value that was said, and is in nothing that was served
    assert first(reader, session(heard, "play_song", response, **unused)).knows_failure


def test_words_that_follow_up_ask_for_something_only_after_what_they_follow(home):
    ways = WaysToSay.of(home.world)
    intent = next(i for i in home.world.intents.values() if any(f.new for f in i.follow))
    follow = next(f for f in intent.follow if f.new)
    phrasing = follow.say.all[0]
    target = home.world.intents[follow.intent]
    values = {name: next(e for e in home.world.types[spec.type].entities).spoken[0]
              for name, spec in target.slots.items()}  # fmt: skip
    words = phrasing.say(values, random.Random(0), aloud=follow.new).text
    assert ways.may_ask_for(words, target.name, intent.name)
    assert not ways.may_ask_for(words, target.name, None)
    for other in list(home.world.intents.values())[::5]:
        said = {n: home.world.types[s.type].entities[0].spoken[0] for n, s in other.slots.items()}
        words = other.say.all[0].say(said, random.Random(0)).text
        assert ways.may_ask_for(f"{home.world.manners.hesitations[0]} {words}", other.name, None)


def test_who_complains_asks_for_nothing_and_the_request_before_tells_whether_a_goal_failed(reader, careful):
    dialogue = session(**MISHEARD, soon=True, then=("that's wrong", "turn_off", "It is off."))
    complaint = replace(dialogue.labels.turns[1], intent=None)
    labels = Labels(goals=(Goal(start=0, end=2, success=False),), turns=(dialogue.labels.turns[0], complaint))
    assert reader.complains(dialogue.observed(feedback=True), 1)
    assert said_of(careful, dialogue.with_labels(labels)).goals[-1].success is False


def test_whether_something_is_known_hangs_on_the_words_and_the_failure_point_alone(reader):
    for dialogue in (session(**MISHEARD), session(**STALE, response="Playing Blue Bird by Ann Lee.")):
        turns = tuple(
            replace(turn, intent=Label(value="turn_on"), slots=None, defect=None, rephrase_target=None)
            for turn in dialogue.labels.turns
        )
        assert first(reader, dialogue.with_labels(Labels(turns=turns))) == first(reader, dialogue)
