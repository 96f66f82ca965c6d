from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selflearn.inference.export import ExportError, Masker, export_dialogues
from selflearn.inference.export.masking import KINDS, slot_kind
from selflearn.inference.rows import Acceptance, label_rows
from selflearn.schema import Goal, Interpretation, Label, Labels, NamedValue, Rating, Slot, TurnLabels
from tests.fixtures.dialogues import home_dialogue, plain_dialogue
from tests.fixtures.labelled import labelled_dialogues


def masked_request(text: str, *slots: Slot, **settings) -> str:
    dialogue = plain_dialogue((text, None), labels=Labels(turns=(TurnLabels(slots=slots),)))
    return Masker(**settings).mask(dialogue)[0].turns[0].request


def slot(request: str, text: str, name: str, **more) -> Slot:
    start = request.index(text)
    return Slot(name=name, start=start, end=start + len(text), text=text, **more)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ann.lee+x@mail.example.org please", "write to [EMAIL] please"),
        ("it is ann at mail dot example dot org", "it is [EMAIL]"),
        ("call 0171 555-0199 now", "call [PHONE] now"),
        ("call +44 (0)171 555 0199", "call [PHONE]"),
        ("my card is 4111 1111 1111 1111", "my card is [NUMBER]"),
        ("code five five one two please", "code [NUMBER] please"),
        ("bring it to 12 old mill road", "bring it to [ADDRESS]"),
        ("my name is ann", "my name is [NAME]"),
        ("my name is ann lee", "my name is [NAME]"),
        ("my name is ann lee and i wait", "my name is [NAME] and i wait"),
        ("hi my name is ann o'brien, call me", "hi my name is [NAME], call me"),
        ("my name is ann play jazz", "my name is [NAME] play jazz"),
        ("my name is ann and", "my name is [NAME] and"),
        ("my name is on the list", "my name is on the list"),
        ("My name is Anna-Maria O'Brien and I wait", "My name is [NAME] and I wait"),
        ("call Mr. Smith Jones now", "call Mr. [NAME] now"),
        ("ask Dr. Lee or mrs jones", "ask Dr. [NAME] or mrs [NAME]"),
        ("My name is Ann Öberg Łuczak and I wait", "My name is [NAME] and I wait"),
        ("wake me in 5 minutes at 10:30", "wake me in 5 minutes at 10:30"),
        ("one two", "one two"),
        ("at home the dot matrix", "at home the dot matrix"),
    ],
)
def test_what_looks_personal_is_masked_and_the_rest_is_not(text, expected):
    assert masked_request(text) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [("contact", "NAME"), ("first_name", "NAME"), ("name", "NAME"), ("doctorName", "NAME"), ("stylist_name", "NAME"),
     ("phone_number", "PHONE"), ("emailAddress", "EMAIL"), ("street_address", "ADDRESS"), ("zip", "ADDRESS"),
     ("account_number", "NUMBER"), ("PIN", "NUMBER"), ("restaurant_name", None), ("city_name", None),
     ("number_of_seats", None), ("room", None), ("", None)],
)  # fmt: skip
def test_the_name_of_a_slot_says_whether_it_is_personal(name, kind):
    assert slot_kind(name) == kind


def test_what_a_personal_slot_holds_is_masked_wherever_the_dialogue_says_it():
    request = "tell Ann Lee that the lamp is broken"
    dialogue = plain_dialogue(
        (request, "Message for ANN sent."), ("and Annabel", "Lee is told."),
        labels=Labels(turns=(TurnLabels(slots=(slot(request, "Ann Lee", "contact", value="Ann Lee"),),
                                        transcript=Label(value="tell Ann Lee that")), TurnLabels())),
    )  # fmt: skip
    masked, counts = Masker().mask(dialogue)
    assert [(turn.request, turn.response) for turn in masked.turns] == [
        ("tell [NAME] that the lamp is broken", "Message for [NAME] sent."),
        ("and Annabel", "[NAME] is told."),
    ]
    (found,) = masked.labels.turns[0].slots
    assert (found.start, found.end, found.text, found.value) == (5, 11, "[NAME]", "[NAME]")
    assert masked.labels.turns[0].transcript.value == "tell [NAME] that"
    assert counts == {"NAME": 4}


@pytest.mark.parametrize("held", ["Ann's", "Ann.", "Lee, Ann", "ann-lee", "O'Lee Ann\u2019s"])
def test_a_name_is_masked_elsewhere_without_what_was_written_beside_it_in_its_slot(held):
    request = f"call {held} now"
    labels = Labels(turns=(TurnLabels(slots=(slot(request, held, "contact"),)),))
    turn = Masker().mask(plain_dialogue((request, "Calling Ann: ms Lee."), labels=labels))[0].turns[0]
    assert "Ann" not in turn.response
    assert "Lee" not in turn.response
    assert turn.request == "call [NAME] now"


def test_what_the_assistant_understood_as_personal_is_masked_too():
    dialogue = plain_dialogue(("ring bo please", "Ringing Bo."))
    understood = Interpretation(slots=(NamedValue(name="contact", value="Bo"),))
    dialogue = replace(dialogue, turns=(replace(dialogue.turns[0], interpretations=(understood,)),))
    turn = Masker().mask(dialogue)[0].turns[0]
    assert (turn.request, turn.response, turn.interpretations) == ("ring [NAME] please", "Ringing [NAME].", ())


def test_what_is_personal_is_masked_in_a_script_without_blanks_too():
    dialogue = plain_dialogue(("给林小梅打电话", "正在呼叫林小梅。"))
    understood = Interpretation(slots=(NamedValue(name="contact", value="林小梅"),))
    dialogue = replace(dialogue, turns=(replace(dialogue.turns[0], interpretations=(understood,)),))
    turn = Masker().mask(dialogue)[0].turns[0]
    assert (turn.request, turn.response) == ("给[NAME]打电话", "正在呼叫[NAME]。")


def test_a_promise_for_a_domain_holds_in_a_masked_export_too():
    heard = (Interpretation(domain="calls", intent="Call"), Interpretation(domain="music"))
    said = Labels(turns=(TurnLabels(intent=Label(value="Call", source="model", score=0.9)),))
    dialogue = plain_dialogue(("ring bo please", "Ringing Bo."), labels=said)
    dialogue = replace(dialogue, turns=(replace(dialogue.turns[0], interpretations=heard),))
    masked = Masker().mask(dialogue)[0]
    assert masked.turns[0].interpretations == (Interpretation(domain="calls"),)
    accept = {"intent@calls": Acceptance(threshold=0.5)}
    assert [row.accepted for row in label_rows(masked, accept=accept)] == [True]


def test_nothing_that_exports_do_not_write_is_kept():
    masked = Masker().mask(home_dialogue(1))[0]
    kept = {"id", "corpus", "split", "turns", "labels"}
    empty = plain_dialogue((None, None)).to_dict()
    assert {name for name, value in masked.to_dict().items() if value != empty[name]} <= kept
    seen = {name for turn in masked.turns for name, value in turn.to_dict().items() if value != empty["turns"][0][name]}
    assert seen <= {"request", "response", "seconds", "interpretations"}
    assert {reading for turn in masked.turns for reading in turn.interpretations} <= {
        Interpretation(domain=turn.interpretations[0].domain)
        for turn in home_dialogue(1).turns if turn.interpretations
    }  # fmt: skip
    assert masked.labels.goals == home_dialogue(1).labels.goals


def test_acts_of_responses_which_may_hold_values_are_not_kept():
    labels = Labels(turns=(TurnLabels(response_acts=("INFORM(contact=Ann)",)),))
    masked = Masker().mask(plain_dialogue(("ring her", "Ringing."), labels=labels))[0]
    assert masked.labels.turns == (TurnLabels(),)


def test_kinds_can_be_given_by_slot_name():
    request = "play the blue owls in room 12"
    owls = slot(request, "the blue owls", "band")
    assert masked_request(request, owls) == request
    assert masked_request(request, owls, slots={"band": "NAME"}) == "play [NAME] in room 12"
    contact = slot(request, "the blue owls", "contact")
    assert masked_request(request, contact, slots={"contact": None}) == request
    with pytest.raises(ExportError, match="slot 'band' is masked as 'BAND'; expected one of NAME, NUMBER"):
        Masker(slots={"band": "BAND"})


@given(labelled_dialogues())
def test_labels_stay_one_to_one_and_their_offsets_right(dialogue):
    masked, counts = Masker().mask(dialogue)  # a Dialogue checks that every slot is where its offsets say
    assert set(counts) <= set(KINDS)
    assert len(masked.turns) == len(dialogue.turns)
    assert masked.labels.goals == dialogue.labels.goals
    for i, (before, after) in enumerate(zip(dialogue.labels.turns, masked.labels.turns, strict=True)):
        assert (before.intent, before.defect) == (after.intent, after.defect)
        assert (before.slots is None) == (after.slots is None)
        text = Masker().requests(dialogue)[i]
        assert text.text == (masked.turns[i].request or "")
        for old, new in zip(before.slots or (), after.slots or (), strict=True):
            assert (old.name, old.score, old.source) == (new.name, new.score, new.source)
            assert text.original_span(new.start, new.end) == (old.start, old.end)
        disjoint = [a.end <= b.start for a in before.slots or () for b in before.slots or ()]
        assert disjoint == [a.end <= b.start for a in after.slots or () for b in after.slots or ()]


@given(labelled_dialogues(), st.data())
def test_a_span_that_cuts_a_mask_takes_all_that_it_hides(dialogue, data):
    for text in Masker().requests(dialogue):
        shown = text.text
        if shown:
            start = data.draw(st.integers(0, len(shown) - 1))
            end = data.draw(st.integers(start + 1, len(shown)))
            first, last = text.original_span(start, end)
            assert 0 <= first < last <= len(text.original)
            again = text.masked_span(first, last)
            assert again[0] <= start < end <= again[1]
            if all(edit.end <= first or edit.start >= last for edit in text.edits):
                assert text.original[first:last] == shown[start:end]


@given(labelled_dialogues(slots=("contact_name", "phone")))
def test_nothing_of_a_personal_slot_is_left_in_an_exported_text(dialogue):
    masked = json.dumps(Masker().mask(dialogue)[0].to_dict()["labels"]["turns"], ensure_ascii=False)
    for labels in Masker().mask(dialogue)[0].labels.turns:
        for found in labels.slots or ():
            left = found.text
            for kind in KINDS:
                left = left.replace(f"[{kind}]", "")
            assert not left.strip()
            assert found.value is None or found.value in (f"[{kind}]" for kind in KINDS) or not found.value.strip()
    assert "ann@mail.org" not in masked


def test_names_that_only_a_transcript_has_and_each_word_of_a_name_are_masked():
    transcript = Label(value="my name is Joanna Miller", source="rater:label_studio:ann@mail.org")
    turns = (TurnLabels(transcript=transcript), TurnLabels())
    dialogue = plain_dialogue(("my name is jo an", "Welcome back, Joanna!"), ("thanks", "Bye, Miller."))
    masked = Masker().mask(dialogue.with_labels(Labels(turns=turns)))[0]
    assert masked.labels.turns[0].transcript.value == "my name is [NAME]"
    assert [turn.response for turn in masked.turns] == ["Welcome back, [NAME]!", "Bye, [NAME]."]


def test_who_a_label_is_from_does_not_come_along():
    who = "rater:label_studio:ann@mail.org"
    labels = TurnLabels(intent=Label(value="call", source=who), slots=(slot("call me", "me", "x", source=who),))
    goal = Goal(start=0, end=1, name="call", source=who)
    dialogue = plain_dialogue(("call me", None)).with_labels(Labels(goals=(goal,), turns=(labels,)))
    masked = Masker().mask(dialogue)[0]
    assert "ann" not in str(masked.to_dict())
    assert masked.labels.turns[0].intent.source == masked.labels.goals[0].source == "rater:masked"


def test_ratings_and_ids_of_people_do_not_come_along():
    dialogue = replace(
        plain_dialogue(("hi", None)), user_id="ann", ratings=(Rating(rater="x", question="q", answer="a"),)
    )
    masked = Masker().mask(dialogue)[0]
    assert (masked.user_id, masked.ratings) == (None, ())


def test_masks_are_counted_and_no_format_writes_what_they_hide(tmp_path):
    request = "text ann lee at ann@mail.org or 0171 555 0199"
    labels = Labels(turns=(TurnLabels(slots=(slot(request, "ann lee", "contact", value="Ann Lee"),),
                                      intent=Label(value="Text", source="model", score=0.5)),))  # fmt: skip
    dialogue = plain_dialogue((request, "Texting Ann Lee."), labels=labels, user_id="ann")
    for to in ("jsonl", "conll", "label_studio", "argilla"):
        report = export_dialogues([dialogue], tmp_path / to, to=to, masker=Masker())
        assert report.masked == {"NAME": 2, "EMAIL": 1, "PHONE": 1}
        for path in report.files:
            text = path.read_text("utf-8").lower()
            assert "ann" not in text.replace("annot", "")
            assert "0199" not in text
