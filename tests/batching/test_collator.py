import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch

from selflearn.batching import Collator, FeatureVocabulary, Tokenization
from selflearn.batching.budget import fill_batches
from selflearn.encoders.pretrained import byte_level_tokenizer
from selflearn.schema import Dialogue, EntityResolution, Interpretation, Labels, RecognitionHypothesis, Turn
from selflearn.tasks import build_tasks
from tests.fixtures.dialogues import home_dialogues, plain_dialogue

TOKENIZER = byte_level_tokenizer()
PAIRINGS = ["separate", "pair"]


def collator(pairing="separate", dialogues=(), tasks=None, max_tokens=64):
    return Collator(
        Tokenization(TOKENIZER, max_tokens=max_tokens), pairing=pairing, ngram_buckets=64,
        features=FeatureVocabulary.fit(d.observed() for d in dialogues), tasks=tasks,
    )  # fmt: skip


def said(text):
    """Tokens of a text, without special ones."""
    return TOKENIZER(text or "", add_special_tokens=False).input_ids


def text_of(batch, number):
    """Tokens of the text that stands at a place of the buckets, without special ones."""
    rows = [row for bucket in batch.buckets for row in bucket.input_ids.tolist()]
    return [token for token in rows[number] if token not in TOKENIZER.all_special_ids]


def same(one, other):
    """Whether two batches have the same inputs."""
    pairs = list(zip(tensors(one), tensors(other), strict=True))
    assert len(pairs) > 10
    return all(a.shape == b.shape and torch.equal(a.nan_to_num(-7.0), b.nan_to_num(-7.0)) for a, b in pairs)


def tensors(value):
    """Every tensor of a batch but its targets, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value) if field.name != "targets"]
        return [tensor for name in fields for tensor in tensors(getattr(value, name))]
    return [tensor for item in value or () for tensor in tensors(item)]


def test_each_distinct_text_is_in_the_batch_once_and_every_turn_finds_its_own():
    dialogues = [
        plain_dialogue(("hello", "hi"), ("lights on", "done"), id="a"),
        plain_dialogue(("lights on", "done"), ("done", "hello"), ("bye", None), id="b"),
    ]
    batch = collator().inputs([dialogue.observed() for dialogue in dialogues])
    assert sum(len(bucket.input_ids) for bucket in batch.buckets) == 5
    for d, dialogue in enumerate(dialogues):
        for t, turn in enumerate(dialogue.turns):
            for side, text in enumerate((turn.request, turn.response)):
                number = int(batch.text_index[d, t, side])
                assert number == -1 if text is None else text_of(batch, number) == said(text)
    assert batch.turn_mask.tolist() == [[True, True, False], [True, True, True]]
    assert (batch.text_index[0, 2] == -1).all()


def test_each_distinct_pair_is_in_the_batch_once():
    dialogues = [plain_dialogue(("hello", "hi"), ("hello", "hi"), ("hello", None), (None, "hi"), (None, None))]
    batch = collator("pair").inputs([dialogue.observed() for dialogue in dialogues])
    index = batch.text_index[0].tolist()
    assert index[0] == index[1]
    assert index[4] == -1  # nothing was said
    assert [text_of(batch, number) for number in index[:4]] == list(map(said, ["hellohi", "hellohi", "hello", "hi"]))


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_request_tokens_point_at_the_tokens_and_characters_of_their_request(pairing):
    dialogues = home_dialogues(5)
    dialogues.append(plain_dialogue((None, "good morning"), ("", "yes?"), ("né 🎵!", None)))
    batch = collator(pairing, max_tokens=256).inputs([dialogue.observed() for dialogue in dialogues])
    ids = torch.cat([bucket.input_ids.flatten() for bucket in batch.buckets])
    found = {}
    for place, owner, (start, end) in zip(
        batch.token_index.tolist(), batch.token_turn.tolist(), batch.token_spans.tolist(), strict=True
    ):
        found.setdefault(owner, []).append((int(ids[place]), start, end))
    for d, dialogue in enumerate(dialogues):
        for t, turn in enumerate(dialogue.turns):
            tokens = found.pop(d * batch.num_turns + t, [])
            blank = said(" ")[0]  # a blank has no characters of its own: offsets are those of words
            assert [number for number, _, _ in tokens] == [token for token in said(turn.request) if token != blank]
            assert "".join(turn.request[start] for start in sorted({start for _, start, _ in tokens})) == (
                turn.request or ""
            ).replace(" ", "")
    assert not found


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_no_label_reaches_an_input(pairing):
    dialogues = home_dialogues(8)
    tasks = build_tasks({"segmentation": [], "success": [], "intent": ["SetTimer"], "slots": ["room"], "defect": []})
    whole = collator(pairing, dialogues, tasks)(dialogues)
    bare = [replace(dialogue, labels=Labels(), ratings=(), truth=None) for dialogue in dialogues]
    without = collator(pairing, bare, tasks)(bare)
    assert set(whole.targets) == set(tasks)
    assert without.targets == {}
    assert same(whole, without)


# What a turn holds (every field of it) and whether the model reads it.
OTHER_TURN = {
    "request": ("dim the lamp", True), "response": ("all is dark", True), "seconds": (None, True), "joins": (3, False),
    "recognition": ((RecognitionHypothesis(text="dim", score=0.2),), True), "status": ("odd", True),
    "interpretations": ((Interpretation(intent="other", score=0.1),), True), "location": ("hall", True),
    "entities": ((EntityResolution(slot="room", mention="hall", score=0.9),), True), "device_type": ("car", True),
    "device_state": ({"oven": "on"}, True), "audio": ("a.wav", False), "propensity": (0.9, True),
    "categorical": ({"kind": "k"}, True), "numeric": ({"volume": 1000.0}, True),
}  # fmt: skip


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Turn)])
def test_every_field_of_a_turn_is_read_as_it_was_observed_or_not_at_all(field):
    value, read = OTHER_TURN[field]
    dialogue = replace(home_dialogues(1)[0], feedback=(), labels=Labels(), truth=None)
    dialogue = replace(dialogue, turns=dialogue.turns[:1])
    changed = replace(dialogue, turns=(replace(dialogue.turns[0], **{field: value}),))
    third = replace(dialogue.turns[0], propensity=0.4, entities=(EntityResolution(slot="s", mention="m", score=0.1),))
    make = collator(dialogues=[*[dialogue] * 9, *[changed] * 9, replace(dialogue, turns=(third,))])
    assert same(make.inputs([dialogue.observed()]), make.inputs([changed.observed()])) is not read


OTHER_DIALOGUE = {
    "id": "x", "corpus": "x", "split": "x", "user_id": "x", "device_id": "x", "started_at": 9.0, "system_version": "x",
    "labels": Labels(), "ratings": (), "truth": None, "feedback": (),
}  # fmt: skip


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Dialogue) if field.name != "turns"])
def test_no_field_of_a_dialogue_but_its_turns_is_read(field):
    dialogue = home_dialogues(1)[0]
    changed = replace(dialogue, **{field: OTHER_DIALOGUE[field]})
    assert changed != dialogue
    make = collator(dialogues=home_dialogues(30))
    assert same(make([dialogue]), make([changed]))
    assert same(make.inputs([dialogue.observed()]), make.inputs([changed.observed()]))


def test_a_request_that_is_empty_is_not_one_that_is_missing():
    batch = collator().inputs([plain_dialogue(("", "yes"), (None, "yes")).observed()])
    assert batch.text_index[0, 0, 0] >= 0
    assert batch.text_index[0, 1, 0] == -1


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_a_dialogue_in_which_nobody_says_anything_is_a_batch(pairing):
    batch = collator(pairing).inputs([plain_dialogue((None, None), (None, None)).observed()])
    assert batch.turn_mask.tolist() == [[True, True]]
    assert (batch.text_index == -1).all()
    assert len(batch.token_index) == 0


def test_an_empty_batch_and_an_empty_dialogue_are_refused():
    with pytest.raises(ValueError, match="at least one dialogue, and every dialogue at least one turn"):
        collator().inputs([])
    with pytest.raises(ValueError, match="every dialogue at least one turn"):
        collator().inputs([replace(plain_dialogue(("a", "b")).observed(), turns=())])


def test_times_are_missing_where_they_are_not_known():
    turns = (Turn(request="a", seconds=2.0), Turn(request="b"), Turn(request="c", seconds=9.5))
    batch = collator().inputs([replace(plain_dialogue(("a", "b")), turns=turns).observed()])
    np.testing.assert_array_equal(batch.seconds.numpy(), [[0.0, np.nan, 7.5]])
    since_1970 = tuple(dataclasses.replace(t, seconds=t.seconds and t.seconds + 1.7e9) for t in turns)
    late = collator().inputs([dataclasses.replace(plain_dialogue(("x", "y")), turns=since_1970).observed()])
    np.testing.assert_array_equal(late.seconds.numpy(), [[0.0, np.nan, 7.5]])
    blind = Collator(Tokenization(TOKENIZER, max_tokens=8), features=FeatureVocabulary(times=False))
    assert blind.inputs([dataclasses.replace(plain_dialogue(("x", "y")), turns=turns).observed()]).seconds.isnan().all()


@pytest.mark.parametrize(("pairing", "cut", "tokens"), [("separate", 2, 3 * 16 + 5), ("pair", 2, 2 * 16)])
def test_what_does_not_fit_is_counted(pairing, cut, tokens):
    dialogue = plain_dialogue(("a" * 5000, "b" * 5000), ("a" * 5000, "yes")).observed()
    made = collator(pairing, max_tokens=16)
    assert made.truncated(dialogue) == cut  # distinct texts, or pairs
    assert made.num_tokens(dialogue) == tokens
    assert made.truncated(plain_dialogue(("a", "b"), (None, None)).observed()) == 0


def test_dialogues_without_any_text_fill_batches_too():
    empty = plain_dialogue(*[(None, None)] * 3).observed()
    sizes = [collator().num_tokens(empty)] * 4
    assert fill_batches(sizes, range(4), 6) == [[0, 1], [2, 3]]


def test_a_batch_moves_as_a_whole():
    dialogues = home_dialogues(2)
    batch = collator(dialogues=dialogues, tasks=build_tasks({"defect": []}))(dialogues)
    moved = batch.to("meta")
    assert all(tensor.is_meta for tensor in tensors(moved))
    assert moved.targets["defect"]["values"].is_meta
    assert moved.num_turns == batch.num_turns
