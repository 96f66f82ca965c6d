import dataclasses
from dataclasses import replace

import pytest
import torch

from selflearn.batching.batch import TextBucket
from selflearn.models.label_generator import TurnFusion
from selflearn.schema import Labels
from tests.fixtures.dialogues import home_dialogues, plain_dialogue, tiny_model

DIALOGUES = [
    *home_dialogues(7),
    plain_dialogue(
        ("", "yes"), (None, "good morning"), ("né 🎵", None), (None, None), ("dim the lights", "yes"), id="odd"
    ),
    plain_dialogue(("hello", "x" * 60), id="one"),
]
MODELS = [(pairing, causal) for pairing in ("separate", "pair") for causal in (False, True)]
TURN_TASKS = ("segmentation", "intent", "defect")


@pytest.fixture(scope="module", params=MODELS, ids=lambda value: f"{value[0]}-{'causal' if value[1] else 'both ways'}")
def made(request):
    pairing, causal = request.param
    model, tokenizer = tiny_model(home_dialogues(30), pairing=pairing, causal=causal, dropout=0.0, max_tokens=128)
    return model.eval(), tokenizer


def outputs(model, tokenizer, dialogues):
    """Every number that the model says of each dialogue: states, and logits by task (slots by request token)."""
    batch = model.collator(tokenizer, with_targets=False).inputs([d.observed() for d in dialogues])
    with torch.no_grad():
        out = model(batch)
    found = []
    for d, n in enumerate(batch.lengths.tolist()):
        own = batch.token_turn // batch.num_turns == d
        parts = {name: out.logits[name][d, :n] for name in TURN_TASKS}
        found.append(parts | {"turns": out.turns[d, :n], "slots": out.logits["slots"][own]})
    return found


def assert_same(one, other, *, atol=1e-5):
    for a, b in zip(one, other, strict=True):
        for name, value in a.items():
            torch.testing.assert_close(b[name], value, atol=atol, rtol=0, msg=lambda text, name=name: f"{name}: {text}")


def test_a_dialogue_is_read_the_same_alone_and_in_any_batch(made):
    model, tokenizer = made
    alone = [outputs(model, tokenizer, [dialogue])[0] for dialogue in DIALOGUES]
    assert_same(alone, outputs(model, tokenizer, DIALOGUES))
    assert_same(alone[::-1], outputs(model, tokenizer, DIALOGUES[::-1]))
    assert_same(alone[2:5], outputs(model, tokenizer, DIALOGUES[2:5]))
    longer = plain_dialogue(*[(f"{i} " * 40, "answer") for i in range(40)], id="longer")
    assert_same(alone, outputs(model, tokenizer, [longer, *DIALOGUES])[1:])


def test_goals_are_scored_the_same_alone_and_in_any_batch(made):
    from selflearn.models.system import ModelSystem
    from selflearn.tasks.success import asked_goals

    observed, goals = [d.observed() for d in DIALOGUES[:7]], asked_goals(DIALOGUES[:7])
    system = ModelSystem(*made)
    together = system.predict(observed, goals)
    for dialogue, asked, answer in zip(observed, goals, together, strict=True):
        (alone,) = system.predict([dialogue], [asked])
        assert answer.failures == pytest.approx(alone.failures, abs=1e-5)


def without_sharing(batch, pad_id):
    """The same batch by hand with a row of its own for every text of every turn, in one bucket."""
    rows, offsets, offset = [], [], 0
    for bucket in batch.buckets:
        for ids, parts in zip(bucket.input_ids, bucket.parts, strict=True):
            rows.append((ids, parts))
            offsets.append(offset)
            offset += len(ids)
    width = max(len(ids) for ids, _ in rows)
    places = (batch.text_index >= 0).nonzero().tolist()
    ids = torch.full((len(places), width), pad_id)
    parts = torch.zeros(len(places), width, dtype=torch.long)
    text_index = torch.full_like(batch.text_index, -1)
    new_start = {}
    for row, place in enumerate(places):
        text = int(batch.text_index[tuple(place)])
        ids[row, : len(rows[text][0])], parts[row, : len(rows[text][1])] = rows[text]
        text_index[tuple(place)] = row
        if len(place) == 2 or place[2] == 0:  # the request, or the pair
            new_start[place[0] * batch.num_turns + place[1]] = (row * width, offsets[text])
    token_index = torch.tensor(
        [new_start[turn][0] + old - new_start[turn][1]
         for old, turn in zip(batch.token_index.tolist(), batch.token_turn.tolist(), strict=True)]
    )  # fmt: skip
    starts = [*batch.ngram_starts.tolist(), len(batch.ngrams)]
    utterance_index = torch.full_like(batch.utterance_index, -1)
    grams, gram_starts = [], []
    for place in (batch.utterance_index >= 0).nonzero().tolist():
        utterance = int(batch.utterance_index[tuple(place)])
        utterance_index[tuple(place)] = len(gram_starts)
        gram_starts.append(len(grams))
        grams += batch.ngrams[starts[utterance] : starts[utterance + 1]].tolist()
    bucket = TextBucket(input_ids=ids, parts=parts, token_types=torch.zeros_like(parts))
    return replace(
        batch, buckets=(bucket,), text_index=text_index, token_index=token_index,
        ngrams=torch.tensor(grams), ngram_starts=torch.tensor(gram_starts), utterance_index=utterance_index,
    )  # fmt: skip


def test_a_text_encoded_once_gives_the_outputs_and_gradients_of_one_encoded_for_every_turn(made):
    model, tokenizer = made
    dialogues = [*DIALOGUES, *DIALOGUES[:3]]  # each text of these is said twice at least
    shared = model.collator(tokenizer)(dialogues)
    apart = without_sharing(shared, tokenizer.pad_token_id)
    assert sum(len(b.input_ids) for b in shared.buckets) < len(apart.buckets[0].input_ids)
    results = []
    for batch in (shared, apart):
        model.zero_grad()
        out = model(batch)
        out.loss.backward()
        gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        results.append((out, gradients))
    (one, own), (other, others) = results
    for name, logits in one.logits.items():
        torch.testing.assert_close(other.logits[name], logits, atol=1e-5, rtol=0)
    for name, loss in one.losses.items():
        torch.testing.assert_close(other.losses[name], loss, atol=1e-5, rtol=1e-5)
    assert own.keys() == others.keys()
    for name, gradient in own.items():
        torch.testing.assert_close(
            others[name], gradient, atol=1e-5, rtol=1e-3, msg=lambda text, name=name: name + text
        )
    model.zero_grad()


def test_no_label_rating_or_truth_changes_a_logit(made):
    model, tokenizer = made
    collator = model.collator(tokenizer)
    labelled = DIALOGUES[:7]
    bare = [replace(d, labels=Labels(), ratings=(), truth=None) for d in labelled]
    rotated = [  # goals and turns of labels keep to their dialogue's length, so only values can be permuted
        d.with_labels(
            Labels(
                goals=tuple(replace(g, success=not g.success, name="x", domain="x") for g in d.labels.goals),
                turns=tuple(type(t)(intent=d.labels.turns[0].intent, slots=()) for t in d.labels.turns),
            )
        )
        for d in labelled
    ]
    with torch.no_grad():
        original, *others = (model(replace(collator(ds), targets={})) for ds in (labelled, bare, rotated))
    for other in others:
        torch.testing.assert_close(other.turns, original.turns, rtol=0, atol=0)
        for name, logits in original.logits.items():
            torch.testing.assert_close(other.logits[name], logits, rtol=0, atol=0)


def test_later_turns_change_earlier_logits_of_a_bidirectional_model_alone(made):
    model, tokenizer = made
    dialogue = max(home_dialogues(40), key=lambda d: len(d.turns))
    dialogue = replace(dialogue, labels=Labels(), feedback=(), truth=None)
    n = len(dialogue.turns)
    later = replace(
        dialogue.turns[n - 1], request="something else entirely", response="no", status="error", seconds=9e4
    )
    changed = replace(dialogue, turns=(*dialogue.turns[: n - 1], later))
    shorter = replace(dialogue, turns=dialogue.turns[: n - 1])
    (before,), (after,), (cut,) = (outputs(model, tokenizer, [d]) for d in (dialogue, changed, shorter))
    kept = cut["slots"].shape[0]
    for name in (*TURN_TASKS, "slots"):
        first = kept if name == "slots" else n - 1
        same = torch.allclose(before[name][:first], after[name][:first], atol=1e-6)
        assert same is model.config.causal, name
        if model.config.causal:
            torch.testing.assert_close(before[name][:first], cut[name][:first], atol=1e-5, rtol=0)
    assert not torch.allclose(before["intent"][n - 1], after["intent"][n - 1])


def test_a_response_of_the_turn_itself_is_seen_by_every_model(made):
    model, tokenizer = made
    one, other = (plain_dialogue(("dim the lights", said)) for said in ("done", "no"))
    (a,), (b,) = outputs(model, tokenizer, [one]), outputs(model, tokenizer, [other])
    assert not torch.allclose(a["defect"], b["defect"])


@pytest.mark.parametrize(("layers", "buckets"), [(0, 0), (0, 64), (1, 0)])
def test_a_model_without_context_or_without_the_wide_part_works(layers, buckets):
    model, tokenizer = tiny_model(DIALOGUES[:7], layers=layers, buckets=buckets, dropout=0.0)
    model.eval()
    alone = [outputs(model, tokenizer, [dialogue])[0] for dialogue in DIALOGUES]
    assert_same(alone, outputs(model, tokenizer, DIALOGUES))
    out = model(model.collator(tokenizer)(DIALOGUES))
    out.loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_only_the_tasks_that_are_asked_for_are_run(made):
    model, tokenizer = made
    out = model(model.collator(tokenizer)(DIALOGUES), tasks=["intent", "success"])
    assert set(out.logits) == {"intent"}
    assert set(out.losses) == set(out.counts) == {"intent", "success"}
    torch.testing.assert_close(out.loss, out.losses["intent"] + out.losses["success"])
    with pytest.raises(ValueError, match="the model has no task 'intnet'; expected some of segmentation, "):
        model(model.collator(tokenizer)(DIALOGUES), tasks=["intnet"])


def test_shapes_are_those_that_are_documented(made):
    model, tokenizer = made
    batch = model.collator(tokenizer)(DIALOGUES)
    out = model(batch)
    d, t = batch.turn_mask.shape
    names = model.config.tasks
    assert out.logits["segmentation"].shape == out.logits["defect"].shape == (d, t)
    assert out.logits["intent"].shape == (d, t, len(names["intent"]))
    assert out.logits["slots"].shape == (len(batch.token_index), 2 * len(names["slots"]) + 1)
    assert out.turns.shape == (d, t, model.config.size)
    assert out.encoded.tokens.shape == (batch.num_tokens, model.turn_encoder.hidden_size)
    assert dataclasses.is_dataclass(out)
    assert out["turns"] is out.turns


def test_what_request_and_response_share_is_in_no_sum_of_the_two():
    torch.manual_seed(0)
    fusion = TurnFusion(text_size=6, lexical_size=4, size=8, dropout=0.0)
    texts, ngrams = torch.randn(2, 2, 6), torch.randn(2, 2, 4)  # two requests and two responses

    def fused(request, response):
        both = [torch.stack([table[0, request], table[1, response]])[None, None] for table in (texts, ngrams)]
        return fusion(both[0], torch.ones(1, 1, 2, dtype=torch.bool), both[1], None)

    straight, crossed = fused(0, 0) + fused(1, 1), fused(0, 1) + fused(1, 0)
    assert (straight - crossed).abs().max() > 0.1
    with torch.no_grad():
        fusion.shared.weight.zero_()
    torch.testing.assert_close(fused(0, 0) + fused(1, 1), fused(0, 1) + fused(1, 0))
