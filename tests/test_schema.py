"""The record: nothing is lost in any of its four clothes, every fault is named, no label is among what is observed."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import typing
from dataclasses import replace
from itertools import pairwise

import pytest
from datasets import Dataset, Features
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selflearn import _codec, schema
from selflearn.corpora import iter_dialogues
from selflearn.corpora.table import write_jsonl, write_parquet
from selflearn.schema import (
    Dialogue,
    EntityResolution,
    Evidence,
    Feedback,
    Goal,
    GoalRecord,
    Interpretation,
    Label,
    Labels,
    NamedValue,
    ObservedDialogue,
    Rating,
    RecognitionHypothesis,
    RecordError,
    Slot,
    Truth,
    Turn,
    TurnLabels,
    TurnTruth,
)  # fmt: skip

# ------------------------------------------------------------------------------------------------------- strategies

texts = st.text(max_size=12)
names = st.text(min_size=1, max_size=6)
floats = st.floats(allow_nan=False, allow_infinity=False)
unit = st.floats(0, 1)
sources = st.sampled_from(["gold", "feedback", "model", "rater:r1"])
flags = st.none() | st.booleans()


def tuples(items, max_size=2):
    return st.lists(items, max_size=max_size).map(tuple)


def mappings(values):
    return st.dictionaries(names, values, max_size=2)


def labels_of(values):
    return st.none() | st.builds(Label, value=values, source=sources, score=st.none() | unit)


named_values = st.builds(NamedValue, name=texts, value=texts)
interpretations = st.builds(
    Interpretation, domain=st.none() | texts, intent=st.none() | texts, slots=tuples(named_values),
    score=st.none() | floats,
)  # fmt: skip
turns = st.builds(
    Turn,
    request=st.none() | texts,
    response=st.none() | texts,
    joins=st.integers(0, 2**63 - 1),
    recognition=tuples(st.builds(RecognitionHypothesis, text=texts, score=st.none() | floats)),
    interpretations=tuples(interpretations),
    entities=tuples(
        st.builds(EntityResolution, slot=texts, mention=texts, entity=st.none() | texts, score=st.none() | floats)
    ),
    status=st.none() | texts,
    device_type=st.none() | texts,
    device_state=mappings(texts),
    location=st.none() | texts,
    audio=st.none() | texts,
    propensity=st.none() | st.floats(0, 1, exclude_min=True),
    categorical=mappings(texts),
    numeric=mappings(floats),
)
feedbacks = st.builds(
    Feedback, barge_in=flags, rephrase=flags, termination=flags, repetition=flags, answer=flags,
    rating=st.none() | floats,
)  # fmt: skip


@st.composite
def slots(draw, request):
    found = []
    for _ in range(draw(st.integers(0, 2)) if request else 0):
        start = draw(st.integers(0, len(request) - 1))
        end = draw(st.integers(start + 1, len(request)))
        value, source = draw(st.none() | texts), draw(sources)
        found.append(Slot(name=draw(texts), start=start, end=end, text=request[start:end], value=value, source=source))
    return tuple(found)


@st.composite
def turn_labels(draw, request, later):
    return TurnLabels(
        intent=draw(labels_of(texts)),
        slots=draw(st.none() | slots(request or "")),
        transcript=draw(labels_of(texts)),
        defect=draw(labels_of(st.booleans())),
        failure_point=draw(labels_of(texts)),
        rephrase_target=draw(labels_of(st.sampled_from(later))) if later else None,
        response_acts=draw(st.none() | tuples(texts)),
    )


@st.composite
def goals(draw, n):
    cuts = sorted({0, n, *draw(st.lists(st.integers(1, n), max_size=2))})
    return tuple(
        Goal(
            start=start, end=end, name=draw(st.none() | texts), domain=draw(st.none() | texts), success=draw(flags),
            source=draw(sources), score=draw(st.none() | unit), success_score=draw(st.none() | unit),
        )
        for start, end in pairwise(cuts)
    )  # fmt: skip


@st.composite
def dialogues(draw):
    found = draw(st.lists(turns, min_size=1, max_size=3))
    times = sorted(draw(st.lists(st.floats(0, 1e9), min_size=len(found), max_size=len(found))))
    found = [
        replace(turn, seconds=draw(st.sampled_from([time, None]))) for turn, time in zip(found, times, strict=True)
    ]
    n = len(found)
    truths = st.builds(
        TurnTruth, request=st.none() | texts, domain=st.none() | texts, intent=st.none() | texts,
        slots=tuples(named_values), components=mappings(texts), supported=flags,
    )  # fmt: skip
    return Dialogue(
        id=draw(texts), corpus=draw(texts), split=draw(texts), user_id=draw(st.none() | texts),
        device_id=draw(st.none() | texts), started_at=draw(st.none() | floats),
        system_version=draw(st.none() | texts), turns=tuple(found),
        feedback=tuple(draw(feedbacks) for _ in found) if draw(st.booleans()) else (),
        labels=Labels(
            goals=draw(st.none() | goals(n)),
            turns=tuple(draw(turn_labels(turn.request, range(i + 1, n))) for i, turn in enumerate(found))
            if draw(st.booleans()) else (),
        ),
        ratings=draw(tuples(st.builds(
            Rating, rater=texts, question=texts, answer=texts, score=st.none() | floats,
            turn=st.none() | st.integers(0, n - 1),
        ))),
        truth=draw(st.none() | st.builds(
            Truth, turns=st.just(()) | st.tuples(*[truths] * n), facts=mappings(texts))),
    )  # fmt: skip


goal_records = st.builds(
    GoalRecord, dialogue_id=texts, corpus=texts, split=texts, index=st.integers(0, 9), start=st.just(1), end=st.just(4),
    name=st.none() | texts, score=st.none() | unit, success=flags, success_score=st.none() | unit,
    turn=st.none() | st.integers(1, 3), intent=labels_of(texts), transcript=labels_of(texts),
    slots=slots("two words"), projected_turns=tuples(st.integers(1, 3)),
    evidence=tuples(st.builds(Evidence, turn=st.integers(0, 9), signal=texts)),
)  # fmt: skip

few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

# ------------------------------------------------------------------------------------------------------ round trips


@few
@given(dialogues())
def test_dictionary_and_json_lose_nothing_either_way(dialogue):
    data = dialogue.to_dict()
    assert Dialogue.from_dict(data) == dialogue
    assert Dialogue.from_dict(json.loads(json.dumps(data))) == dialogue
    assert Dialogue.from_dict(json.loads(json.dumps(data))).to_dict() == data
    assert pickle.loads(pickle.dumps(dialogue)) == dialogue


@few
@given(st.lists(dialogues(), min_size=1, max_size=3))
def test_a_row_of_a_dataset_is_the_dictionary_to_the_last_field(some):
    rows = [dialogue.to_dict() for dialogue in some]
    dataset = Dataset.from_list(rows, features=Dialogue.features())
    assert list(dataset) == rows
    assert [Dialogue.from_dict(row) for row in dataset] == some


@few
@given(st.lists(dialogues(), min_size=1, max_size=3, unique_by=lambda d: (d.corpus, d.split, d.id)))
@pytest.mark.parametrize("write", [write_jsonl, write_parquet])
def test_files_lose_nothing(tmp_path_factory, write, some):
    path = tmp_path_factory.mktemp("files") / f"rows.{write.__name__.removeprefix('write_')}"
    assert write(some, path) == len(some)
    assert list(iter_dialogues("table", path, "all")) == some


@few
@given(goal_records)
def test_goal_records_lose_nothing(record):
    assert GoalRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert GoalRecord.from_dict(Dataset.from_list([record.to_dict()], features=GoalRecord.features())[0]) == record


def test_features_name_the_fields_of_the_record_in_their_order():
    def compare(cls, feature):
        assert list(feature) == [field.name for field in dataclasses.fields(cls)]

    features = Dialogue.features()
    assert isinstance(features, Features)
    compare(Dialogue, features)
    compare(Turn, features["turns"].feature)
    compare(Labels, features["labels"])
    compare(TurnLabels, features["labels"]["turns"].feature)
    compare(Label, features["labels"]["turns"].feature["rephrase_target"])
    assert features["labels"]["turns"].feature["rephrase_target"]["value"].dtype == "int64"


def test_defaults_are_filled_and_mappings_may_be_objects():
    data = {"id": "a", "corpus": "c", "split": "s", "turns": [{"request": "hi", "numeric": {"volume": 3}}]}
    dialogue = Dialogue.from_dict(data)
    assert dialogue.turns == (Turn(request="hi", numeric={"volume": 3.0}),)
    assert dialogue.labels == Labels()


# ----------------------------------------------------------------------------------------------------------- checks


def one(**changes):
    return Dialogue(**({"id": "a", "corpus": "c", "split": "s", "turns": (Turn(request="hello there"),)} | changes))


def labelled(*turns_of_labels, **changes):
    return one(labels=Labels(turns=turns_of_labels, **changes))


TWO = (Turn(request="one"), Turn(request="two"))
FAULTS = {
    "no turns": (lambda: one(turns=()), "turns", "at least one turn"),
    "turns not a tuple": (lambda: one(turns=[Turn()]), "turns", "a tuple"),
    "a turn of another class": (lambda: one(turns=({"request": "hi"},)), "turns[0]", "a Turn"),
    "id": (lambda: one(id=3), "id", "a string"),
    "bool for int": (lambda: Turn(joins=True), "joins", "a whole number"),
    "string for bool": (lambda: Feedback(answer="yes"), "answer", "true or false, or nothing"),
    "NaN": (lambda: Turn(numeric={"volume": math.nan}), "numeric['volume']", "a finite number"),
    "infinity": (lambda: one(started_at=math.inf), "started_at", "a finite number, or nothing"),
    "huge float": (lambda: one(started_at=10**400), "started_at", "a finite number"),
    "huge int": (lambda: Turn(joins=2**63), "joins", "of 64 bits"),
    "half a character": (lambda: Turn(request="\ud83d"), "request", "without lone surrogates"),
    "half a character in a name": (lambda: Turn(numeric={"\ud83d": 1.0}), "numeric", "a name (a string)"),
    "name of a mapping": (lambda: Turn(categorical={1: "a"}), "categorical", "a name (a string)"),
    "not a mapping": (lambda: Turn(categorical="a"), "categorical", "a mapping of names to values"),
    "value of a mapping": (lambda: Turn(categorical={"a": 1}), "categorical['a']", "a string"),
    "seconds": (lambda: Turn(seconds=-1.0), "seconds", "0 or more"),
    "joins": (lambda: Turn(joins=-1), "joins", "0 or more"),
    "propensity zero": (lambda: Turn(propensity=0.0), "propensity", "(0, 1]"),
    "propensity above one": (lambda: Turn(propensity=1.1), "propensity", "(0, 1]"),
    "time goes back": (
        lambda: one(turns=(Turn(seconds=2.0), Turn(), Turn(seconds=1.0))), "turns", "seconds that never go back"),
    "source": (lambda: Label(value="a", source="someone"), "source", "'rater:ID'"),
    "rater without id": (lambda: Label(value="a", source="rater:"), "source", "'rater:ID'"),
    "score": (lambda: Label(value="a", score=1.5), "score", "a probability in [0, 1]"),
    "slot's start": (lambda: Slot(name="a", start=-1, end=1, text="ab"), "start", "0 or more"),
    "slot's end": (lambda: Slot(name="a", start=1, end=1, text=""), "end", "more than start (1)"),
    "slot's text": (lambda: Slot(name="a", start=0, end=2, text="abc"), "text", "2 characters"),
    "slot's source": (lambda: Slot(name="a", start=0, end=1, text="a", source=""), "source", "'gold'"),
    "slot's score": (lambda: Slot(name="a", start=0, end=1, text="a", score=-0.1), "score", "[0, 1]"),
    "goal's span": (lambda: Goal(start=2, end=1), "end", "more than start (2)"),
    "goal's source": (lambda: Goal(start=0, end=1, source="x"), "source", "'gold'"),
    "goal's score": (lambda: Goal(start=0, end=1, score=2.0), "score", "[0, 1]"),
    "goal's success score": (lambda: Goal(start=0, end=1, success_score=2.0), "success_score", "[0, 1]"),
    "feedback for some turns": (
        lambda: one(turns=TWO, feedback=(Feedback(),)), "feedback", "none, or one for each of the 2 turns"),
    "labels for some turns": (
        lambda: one(turns=TWO, labels=Labels(turns=(TurnLabels(),))), "labels.turns", "one for each of the 2 turns"),
    "truth for some turns": (
        lambda: one(turns=TWO, truth=Truth(turns=(TurnTruth(),))), "truth.turns", "0 or 2"),
    "goals with a hole": (
        lambda: one(turns=TWO, labels=Labels(goals=(Goal(start=1, end=2),))), "labels.goals", "cover the turns 0 to 2"),
    "goals too short": (
        lambda: one(turns=TWO, labels=Labels(goals=(Goal(start=0, end=1),))), "labels.goals", "cover the turns 0 to 2"),
    "goals overlap": (
        lambda: one(turns=TWO, labels=Labels(goals=(Goal(start=0, end=2), Goal(start=1, end=2)))), "labels.goals",
        "contiguous"),
    "no goals": (lambda: one(labels=Labels(goals=())), "labels.goals", "cover"),
    "slot beyond the request": (
        lambda: labelled(TurnLabels(slots=(Slot(name="a", start=9, end=14, text="re it"),))),
        "labels.turns[0].slots[0]", "(11 characters)"),
    "slot's text elsewhere": (
        lambda: labelled(TurnLabels(slots=(Slot(name="a", start=0, end=5, text="there"),))),
        "labels.turns[0].slots[0]", "offsets into the request"),
    "slot without request": (
        lambda: replace(labelled(TurnLabels(slots=(Slot(name="a", start=0, end=1, text="h"),))), turns=(Turn(),)),
        "labels.turns[0].slots[0]", "(0 characters)"),
    "rephrase target not later": (
        lambda: labelled(TurnLabels(rephrase_target=Label(value=0))), "labels.turns[0].rephrase_target",
        "the index of a later turn (at most 0)"),
    "label of another type": (
        lambda: TurnLabels(defect=Label(value="yes")), "defect.value", "true or false"),
    "rating of a turn that is not": (
        lambda: one(ratings=(Rating(rater="r", question="q", answer="a", turn=1),)), "ratings[0].turn", "below 1"),
    "goal record's turn": (
        lambda: GoalRecord(dialogue_id="a", corpus="c", split="s", index=0, start=0, end=2, turn=2), "turn", "[0, 2)"),
    "goal record's projection": (
        lambda: GoalRecord(dialogue_id="a", corpus="c", split="s", index=0, start=1, end=2, projected_turns=(0,)),
        "turn", "turns of the goal"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_field_value_and_expectation(fault):
    make, field, expected = FAULTS[fault]
    with pytest.raises(RecordError) as caught:
        make()
    assert caught.value.field == field
    assert expected in caught.value.expected
    assert f"field {field!r} is " in str(caught.value)


BAD_ROWS = {
    "unknown field": ({"turn": 3}, "turn", "one of the fields of Dialogue: id, corpus"),
    "missing field": ({"turns": [{}]}, "id", "Dialogue cannot be without id, corpus, split, turns"),
    "deeply missing field": (
        {"id": "a", "corpus": "c", "split": "s", "turns": [{}], "ratings": [{"rater": "r", "answer": "yes"}]},
        "ratings[0].question", "Rating cannot be without"),
    "not an object": ({"turns": ["hi"]}, "turns[0]", "an object with the fields of Turn"),
    "not a list": ({"turns": "hi"}, "turns", "a list"),
    "deep": ({"turns": [{"recognition": [{"text": 4}]}]}, "turns[0].recognition[0].text", "a string"),
    "name twice": (
        {"turns": [{"numeric": [{"name": "a", "value": 1}, {"name": "a", "value": 2}]}]}, "turns[0].numeric",
        "each name once"),
    "not name and value": ({"turns": [{"numeric": [1]}]}, "turns[0].numeric", "a list of {'name': ..., 'value': ...}"),
    "a number for a mapping": ({"turns": [{"numeric": 1}]}, "turns[0].numeric", "a mapping of names to values"),
    "NaN": ({"turns": [{"numeric": {"volume": math.nan}}]}, "turns[0].numeric['volume']", "a finite number"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_a_bad_row_is_named_with_file_row_and_field(fault):
    data, field, expected = BAD_ROWS[fault]
    data = data if "missing" in fault else {"id": "a", "corpus": "c", "split": "s"} | data
    with pytest.raises(RecordError) as caught:
        Dialogue.from_dict(data, file="logs.jsonl", row=118)
    assert (caught.value.file, caught.value.row, caught.value.field) == ("logs.jsonl", 118, field)
    assert expected in str(caught.value)
    assert str(caught.value).startswith("logs.jsonl:118: field ")


def test_an_error_survives_another_process_and_is_not_endless():
    error = RecordError("turns", "x" * 500, "less", file="a.jsonl", row=3)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert len(str(error)) < 250


def test_an_error_is_made_of_values_that_python_does_not_write():
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert str(RecordError("request", nested, "a string")) == (
        "field 'request' is list too large to be shown; expected a string"
    )
    with pytest.raises(RecordError, match="field 'seconds' is int too large to be shown; expected a finite number"):
        Turn(seconds=10**5000)


def test_a_hint_that_no_record_can_hold_is_refused():
    with pytest.raises(TypeError, match="cannot hold"):
        _codec._kind(set, {})


# ------------------------------------------------------------------------------------------------------ no leakage


def reachable(cls):
    """Every record class that a value of ``cls`` can hold, and every field by its path."""
    classes, paths = {cls}, {}
    for name, hint in typing.get_type_hints(cls).items():
        paths[name] = hint
        for inner in walk(hint):
            more, deeper = reachable(inner)
            classes |= more
            paths |= {f"{name}.{path}": value for path, value in deeper.items()}
    return classes, paths


def walk(hint):
    origin = typing.get_origin(hint) or hint
    found = [origin] if dataclasses.is_dataclass(origin) else []
    return found + [inner for argument in typing.get_args(hint) for inner in walk(argument)]


LABELLING = {Label, Labels, TurnLabels, Slot, Goal, Rating, Truth, TurnTruth, GoalRecord, Evidence, Dialogue}


def test_every_record_class_is_either_observed_or_labelling():
    everything = {getattr(schema, name) for name in schema.__all__}
    records = {cls for cls in everything if dataclasses.is_dataclass(cls)}
    observed, _ = reachable(ObservedDialogue)
    assert observed | LABELLING == records
    assert not observed & LABELLING


def test_what_is_observed_has_no_field_for_a_label_a_rating_or_the_truth():
    _, paths = reachable(ObservedDialogue)
    words = ("label", "truth", "gold", "goal", "success", "defect", "failure", "annotat", "act", "target", "rating")
    suspicious = [path for path in paths if any(word in path for word in words)]
    assert suspicious == ["feedback.rating"]  # what the person said of a turn; in only where the config lets it in


@few
@given(dialogues(), dialogues())
def test_labels_ratings_and_truth_do_not_change_what_is_observed(dialogue, other):
    bare = replace(dialogue, labels=Labels(), ratings=(), truth=None)
    assert dialogue.observed() == bare.observed()
    assert dialogue.observed(feedback=True) == bare.observed(feedback=True)
    assert dialogue.observed().feedback == ()
    assert dialogue.with_labels(Labels()).labels == Labels()
    fields = {field.name for field in dataclasses.fields(ObservedDialogue)}
    assert {field.name for field in dataclasses.fields(Dialogue)} - fields == {"labels", "ratings", "truth"}
