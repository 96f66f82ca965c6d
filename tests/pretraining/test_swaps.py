from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from selflearn.pretraining import RandomResponse, SwapCollator, SwapConfig, SwapObjectives, collect_responses
from selflearn.pretraining.grades import near_duplicates
from selflearn.pretraining.swaps import HIDDEN, INTACT, SWAPPED
from selflearn.schema import Labels
from tests.fixtures.dialogues import home_dialogues, plain_dialogue, tiny_model

DIALOGUES = home_dialogues(60)
OBSERVED = [dialogue.observed() for dialogue in DIALOGUES]


class Fixed:
    """A grade that always says the same, or has nothing to offer."""

    def __init__(self, text):
        self.text = text

    def draw(self, dialogue, turn, rng):
        return self.text


@pytest.fixture(scope="module")
def model_and_tokenizer():
    return tiny_model(DIALOGUES, dropout=0.0)


def collator(model_and_tokenizer, *, swapped=0.3, hidden=0.2, grades=None, shares=None, seed=5):
    model, tokenizer = model_and_tokenizer
    grades = grades or {"random": RandomResponse(collect_responses(OBSERVED, size=500, seed=0))}
    config = SwapConfig(swapped=swapped, hidden=hidden, shares=shares or dict.fromkeys(grades, 1.0))
    return SwapCollator(model.collator(tokenizer, with_targets=False), grades, config, seed=seed)


def test_what_is_done_depends_on_seed_epoch_and_dialogue_alone(model_and_tokenizer):
    one, other = collator(model_and_tokenizer), collator(model_and_tokenizer)
    forwards = [one.change(dialogue, 3) for dialogue in OBSERVED]
    backwards = [other.change(dialogue, 3) for dialogue in OBSERVED[::-1]][::-1]
    assert forwards == backwards
    assert forwards != [one.change(dialogue, 4) for dialogue in OBSERVED]
    assert forwards != [collator(model_and_tokenizer, seed=6).change(dialogue, 3) for dialogue in OBSERVED]
    twin = replace(OBSERVED[0], split="dev")  # ids repeat across splits
    assert any(one.change(OBSERVED[0], e)[1] != one.change(twin, e)[1] for e in range(20))


def test_shares_are_about_those_that_are_configured(model_and_tokenizer):
    swaps = collator(model_and_tokenizer)
    done = Counter(what for epoch in range(10) for dialogue in OBSERVED for what in swaps.change(dialogue, epoch)[1])
    total = sum(done.values())
    assert done[SWAPPED] / total == pytest.approx(0.3, abs=0.05)
    assert done[HIDDEN] / total == pytest.approx(0.2, abs=0.05)
    assert done[INTACT] / total == pytest.approx(0.5, abs=0.05)


def test_grades_get_their_shares_and_one_without_an_offer_hands_on_to_the_next(model_and_tokenizer):
    grades = {"a": Fixed("from a"), "b": Fixed("from b"), "c": Fixed(None)}
    swaps = collator(model_and_tokenizer, swapped=1.0, hidden=0.0, grades=grades, shares={"a": 1.0, "b": 2.0, "c": 1.0})
    said = Counter(turn.response for dialogue in OBSERVED for turn in swaps.change(dialogue, 0)[0].turns)
    total = sum(said.values())
    assert set(said) == {"from a", "from b"}
    assert said["from a"] / total == pytest.approx(0.5, abs=0.1)  # its own quarter and that of c
    nothing = collator(model_and_tokenizer, swapped=1.0, hidden=0.0, grades={"c": Fixed(None)})
    assert {what for dialogue in OBSERVED for what in nothing.change(dialogue, 0)[1]} == {INTACT}


def test_a_grade_of_no_share_is_never_drawn(model_and_tokenizer):
    grades = {"a": Fixed("from a"), "b": Fixed("from b")}
    swaps = collator(model_and_tokenizer, swapped=1.0, hidden=0.0, grades=grades, shares={"a": 1.0, "b": 0.0})
    assert {turn.response for dialogue in OBSERVED for turn in swaps.change(dialogue, 0)[0].turns} == {"from a"}


def test_only_responses_change_and_a_turn_without_one_stays_as_it_is(model_and_tokenizer):
    dialogue = plain_dialogue(("a", None), ("b", ""), *[("c", "an answer")] * 20).observed()
    changed, done = collator(model_and_tokenizer).change(dialogue, 0)
    assert done[:2] == [-1, -1]
    assert changed.turns[:2] == dialogue.turns[:2]
    for before, after, what in zip(dialogue.turns, changed.turns, done, strict=True):
        assert replace(after, response=before.response) == before
        if what == INTACT:
            assert after == before
        elif what == HIDDEN:
            assert after.response is None
        elif what == SWAPPED:
            assert not near_duplicates(after.response, before.response)


def test_hidden_responses_are_not_in_the_inputs(model_and_tokenizer):
    dialogues = [
        plain_dialogue(*[(f"request {d} {t}", f"response {d} {t}") for t in range(6)], id=str(d)).observed()
        for d in range(6)
    ]
    swaps = collator(model_and_tokenizer, swapped=0.0, hidden=0.5)
    batch = swaps(dialogues, 0)
    assert 5 < len(batch.hidden_turns) < 31
    tokenizer = model_and_tokenizer[1]
    texts = {tuple(row) for bucket in batch.inputs.buckets for row in strip(bucket.input_ids, tokenizer)}
    for place in batch.hidden_turns.tolist():
        d, t = divmod(place, batch.inputs.num_turns)
        assert tuple(tokenizer(f"response {d} {t}").input_ids) not in texts
        assert batch.inputs.text_index[d, t, 1] == batch.inputs.utterance_index[d, t, 1] == -1
        assert batch.swapped[d, t] == -1


def strip(ids, tokenizer):
    return [[token for token in row if token != tokenizer.pad_token_id] for row in ids.tolist()]


def test_the_candidate_of_a_turn_is_its_own_response(model_and_tokenizer):
    tokenizer = model_and_tokenizer[1]
    batch = collator(model_and_tokenizer, swapped=0.0, hidden=0.6)(OBSERVED, 1)
    candidates = [row for bucket in batch.candidates for row in strip(bucket.input_ids, tokenizer)]
    assert len({tuple(row) for row in candidates}) == len(candidates)
    for place, number in zip(batch.hidden_turns.tolist(), batch.candidate_order.tolist(), strict=True):
        d, t = divmod(place, batch.inputs.num_turns)
        assert candidates[number] == tokenizer(OBSERVED[d].turns[t].response).input_ids


def test_near_duplicates_are_no_negatives(model_and_tokenizer):
    said = ["Your table is booked.", "your table is booked!", "No table is free, sorry."]
    dialogues = [plain_dialogue(("a", text), id=str(i)).observed() for i, text in enumerate(said)]
    batch = collator(model_and_tokenizer, swapped=0.0, hidden=1.0)(dialogues, 0)
    assert len(batch.hidden_turns) == 3
    order = batch.candidate_order
    rows = batch.forbidden[:, order]
    assert rows.tolist() == [[False, True, False], [True, False, False], [False, False, False]]
    assert not batch.forbidden[torch.arange(3), order].any()


def test_no_label_is_read(model_and_tokenizer):
    swaps = collator(model_and_tokenizer)
    bare = [replace(d, labels=Labels(), ratings=(), truth=None).observed() for d in DIALOGUES]
    assert [swaps.change(d, 0) for d in OBSERVED] == [swaps.change(d, 0) for d in bare]


def objectives(model):
    torch.manual_seed(0)
    return SwapObjectives(size=model.config.size, text_size=model.turn_encoder.hidden_size)


def test_features_and_times_are_not_used_so_that_those_of_a_swapped_turn_do_not_give_it_away(model_and_tokenizer):
    model, _ = model_and_tokenizer
    batch = collator(model_and_tokenizer)(OBSERVED[:8], 0)
    values = batch.inputs.features
    assert values.categorical.numel()
    assert values.numeric.numel()
    other = replace(
        values, categorical=values.categorical * 0, numeric=values.numeric + 3, numeric_mask=~values.numeric_mask
    )
    assert batch.inputs.seconds.isfinite().any()
    later = batch.inputs.seconds * 5 + torch.arange(batch.inputs.seconds.shape[1])
    changed = replace(batch, inputs=replace(batch.inputs, features=other, seconds=later))
    heads = objectives(model)
    one, two = heads(model, batch), heads(model, changed)
    torch.testing.assert_close(one.detection_logits, two.detection_logits, rtol=0, atol=0)
    torch.testing.assert_close(one.contrast_logits, two.contrast_logits, rtol=0, atol=0)
    model.zero_grad()
    (one.detection + one.contrast).backward()
    assert all(p.grad is None for p in model.feature_encoder.parameters())
    assert all(p.grad is None for p in model.heads.parameters())
    model.zero_grad()


CASES = {
    "nothing hidden": (0.9, 0.0, OBSERVED[:4]),
    "all hidden": (0.0, 1.0, OBSERVED[:4]),
    "one response": (0.0, 1.0, [plain_dialogue(("a", "b")).observed()]),
    "no response at all": (0.5, 0.5, [plain_dialogue(("a", None), (None, None)).observed()]),
    "all the same response": (0.0, 1.0, [plain_dialogue(*[("a", "yes")] * 4).observed()]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("pairing", ["separate", "pair"])
def test_both_losses_are_finite_and_have_gradients_whatever_is_in_the_batch(case, pairing):
    swapped, hidden, dialogues = CASES[case]
    made = tiny_model(DIALOGUES, pairing=pairing, dropout=0.0)
    batch = collator(made, swapped=swapped, hidden=hidden)(dialogues, 0)
    out = objectives(made[0])(made[0], batch)
    assert out.detection.isfinite()
    assert out.contrast.isfinite()
    (out.detection + out.contrast).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in made[0].parameters())
    if case in ("nothing hidden", "no response at all"):
        assert (float(out.contrast.detach()), out.contrast_logits) == (0.0, None)
    if case in ("all hidden", "no response at all"):
        assert float(out.detection.detach()) == 0.0


def test_info_nce_is_the_cross_entropy_of_cosines_over_the_temperature(model_and_tokenizer):
    model, _ = model_and_tokenizer
    batch = collator(model_and_tokenizer, swapped=0.0, hidden=0.5)(OBSERVED[:6], 0)
    heads = objectives(model)
    out = heads(model, batch)
    _, vectors = model.encode_texts(batch.inputs)
    lexical = model.encode_ngrams(batch.inputs)
    turns = model.encode_dialogues(vectors, lexical, batch.inputs, use_features=False).flatten(0, 1)[batch.hidden_turns]
    keys = heads.key(model.turn_encoder(batch.candidates).vectors[:, 0])
    expected = []
    for query, own, forbidden in zip(heads.query(turns), batch.candidate_order, batch.forbidden, strict=True):
        logits = torch.nn.functional.cosine_similarity(query[None], keys) / 0.05
        logits[forbidden] = -float("inf")
        expected.append(-logits.log_softmax(0)[own])
    torch.testing.assert_close(out.contrast, torch.stack(expected).mean(), rtol=1e-4, atol=1e-5)


def test_a_batch_knows_its_tokens_and_moves(model_and_tokenizer):
    batch = collator(model_and_tokenizer)(OBSERVED[:8], 0)
    assert batch.num_tokens > batch.inputs.num_tokens
    assert batch.to("meta").candidates[0].input_ids.is_meta


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"swapped": 0.0, "hidden": 0.0}, r"swapped=0.0 and hidden=0.0; expected shares with a sum in \(0, 1\]"),
        ({"swapped": 0.9, "hidden": 0.2}, "swapped=0.9 and hidden=0.2"),
        ({"swapped": 1.1, "hidden": -0.2}, "hidden=-0.2"),
        ({"shares": {}}, "the shares of the grades are {}; expected weights of 0 or more"),
        ({"shares": {"a": -1.0, "b": 2.0}}, "shares.a is -1.0; expected a number, 0 or more"),
        ({"shares": {"a": "all"}}, "shares.a is 'all'; expected a number, 0 or more"),
        ({"shares": {"a": 0.0}}, "expected weights of 0 or more"),
    ],
)
def test_shares_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SwapConfig(**{"shares": {"a": 1.0}} | options)


def test_a_share_of_a_grade_that_is_not_there_is_refused(model_and_tokenizer):
    with pytest.raises(ValueError, match="no grade is called 'nearest'; there are random"):
        collator(model_and_tokenizer, shares={"random": 0.5, "nearest": 0.5})


def test_numpy_and_torch_generators_of_others_are_left_alone(model_and_tokenizer):
    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[2]
    collator(model_and_tokenizer)(OBSERVED, 0)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[2] == before[1]
