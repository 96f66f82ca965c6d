from dataclasses import replace

import pytest
import torch

from selflearn.schema import Dialogue, Interpretation, Label, Labels, Slot, Turn, TurnLabels
from selflearn.simulation.grammar import Span
from selflearn.simulation.retraining import generated_examples, met_again, retrained_understanding
from selflearn.simulation.simulate import simulated, trained_understanding


def labelled(*rows, intent_score=0.9, slot_score=0.9):
    """A dialogue of (request, understood, labelled intent, slots as (name, start, end))."""
    turns = tuple(
        Turn(request=text, interpretations=(Interpretation(intent=heard),) if heard else ()) for text, heard, *_ in rows
    )
    labels = tuple(
        TurnLabels(
            intent=Label(value=intent, source="model", score=intent_score),
            slots=tuple(
                Slot(name=name, start=a, end=b, text=text[a:b], source="model", score=slot_score)
                for name, a, b in slots
            ),
        )
        for text, _, intent, *slots in rows
    )  # fmt: skip
    return Dialogue(id="1", corpus="home", split="train", turns=turns).with_labels(Labels(turns=labels))


def test_requests_are_learned_with_their_label_and_with_what_was_understood_before():
    dialogue = labelled(
        ("play blue", "buy", "play", ("song", 5, 9)), ("louder", None, "volume"), ("stop", None, "stop")
    )
    first, second, third = generated_examples([dialogue], {"play", "volume", "stop"}, sure=0.8)
    assert (first.text, first.before, first.intent, first.spans) == ("play blue", "", "play", (Span("song", 5, 9),))
    assert (second.before, second.intent) == ("buy", "volume")
    assert third.before == ""  # nothing was understood in the turn before


@pytest.mark.parametrize("scores", [{"intent_score": 0.7}, {"slot_score": 0.7}])
def test_what_is_not_sure_is_not_learned(scores):
    dialogue = labelled(("play blue", "play", "play", ("song", 5, 9)), **scores)
    assert generated_examples([dialogue], {"play"}, sure=0.8) == []
    assert len(generated_examples([dialogue], {"play"}, sure=0.6)) == 1


def test_what_the_model_has_no_name_for_and_what_is_not_labelled_is_not_learned():
    dialogue = labelled(("play blue", "play", "play"))
    assert generated_examples([dialogue], {"stop"}, sure=0.5) == []
    bare = dialogue.with_labels(Labels(turns=(TurnLabels(intent=dialogue.labels.turns[0].intent),)))
    assert generated_examples([bare], {"play"}, sure=0.5) == []  # nobody said that there are no slots
    assert generated_examples([dialogue.with_labels(Labels())], {"play"}, sure=0.5) == []


def test_the_same_people_are_met_and_those_of_the_log_fare_better_with_an_assistant_that_learned_from_it(small):
    torch.set_num_threads(1)
    poor = replace(small.assistant.understanding, utterances=12)
    setting = replace(small, assistant=replace(small.assistant, understanding=poor))
    shipped = trained_understanding(setting)
    log = [dialogue for dialogue in simulated(setting, 300) if dialogue.split == "train"]
    retrained = retrained_understanding(setting, generated_examples(log, shipped.intents, sure=0.5))
    before, after = (met_again(setting, model, 300) for model in (shipped, retrained))
    assert [(session.person, session.split) for session in before] == [(s.person, s.split) for s in after]
    assert {session.person for session in before if session.split == "train"} == {d.user_id for d in log}

    def rate(sessions):
        mine = [session for session in sessions if session.split == "train"]
        return sum(session.defects for session in mine) / sum(session.turns for session in mine)

    assert rate(after) < rate(before) - 0.1
    assert met_again(setting, shipped, 300) == before  # the same seeds, the same people, the same assistant
