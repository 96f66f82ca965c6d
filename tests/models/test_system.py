import dataclasses
from collections.abc import Mapping
from contextlib import contextmanager

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from selflearn.batching.texts import TooLongError
from selflearn.batching.windows import central_window, turn_windows
from selflearn.models.system import ModelSystem, ReadCounts, merge_windows
from selflearn.tasks import DialoguePrediction
from selflearn.tasks.success import asked_goals
from tests.fixtures.dialogues import home_dialogues, long_home_dialogue, plain_dialogue, tiny_model

DIALOGUES = home_dialogues(20)


@pytest.fixture(scope="module")
def model_and_tokenizer():
    return tiny_model(DIALOGUES, max_turns=16, max_tokens=48)


def system(model_and_tokenizer, **options):
    return ModelSystem(*model_and_tokenizer, **options)


def long_dialogue(num_turns, name="long"):
    return plain_dialogue(*[(f"dim light {i}", f"it is {i}") for i in range(num_turns)], id=name).observed()


def close(a, b):
    """Two predictions, number by number."""
    if isinstance(a, float):
        return a == pytest.approx(b, abs=2e-5)
    if dataclasses.is_dataclass(a):
        return all(close(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(close(value, b[key]) for key, value in a.items())
    if isinstance(a, tuple):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    return a == b


@pytest.mark.parametrize("budget", [1, 200, 10**6])
def test_answers_come_in_order_and_do_not_depend_on_the_batches(model_and_tokenizer, budget):
    observed, goals = [d.observed() for d in DIALOGUES], asked_goals(DIALOGUES)
    alone = [system(model_and_tokenizer).predict([d], [g])[0] for d, g in zip(observed, goals, strict=True)]
    together = system(model_and_tokenizer, token_budget=budget).predict(observed, goals)
    assert all(close(a, b) for a, b in zip(alone, together, strict=True))
    assert all(len(p.failures) == len(g) for p, g in zip(together, goals, strict=True))
    assert all(len(p.goal_failures) == len(p.goals) for p in together)


def test_how_a_goal_ended_is_seen_by_what_judges_it(model_and_tokenizer):
    reader = system(model_and_tokenizer)

    def failure(goal, *changed):
        turns = [(f"dim light {i}", f"it is {i}") for i in range(20)]
        for turn in changed:
            turns[turn] = ("no that is wrong", "sorry i failed")
        (answer,) = reader.predict([plain_dialogue(*turns).observed()], [[goal]])
        return answer.failures[0]

    assert failure((0, 20), 17, 18, 19) != pytest.approx(failure((0, 20)), abs=1e-6)
    assert failure((12, 16), 16) != pytest.approx(failure((12, 16)), abs=1e-6)  # the turn after it tells, too


def test_two_thousand_turns_get_an_answer_each(model_and_tokenizer):
    dialogue = long_dialogue(2000)
    asked = [(0, 3), (3, 1200), (1200, 2000)]
    reader = system(model_and_tokenizer)
    (answer,) = reader.predict([dialogue], [asked])
    for part in (answer.boundaries, answer.intents, answer.slots, answer.defects):
        assert len(part) == 2000
    assert answer.boundaries[0] == 1.0
    assert max(answer.boundaries[1:]) < 1.0  # the beginning of a window is no beginning of a goal
    assert [turn for start, end in answer.goals for turn in range(start, end)] == list(range(2000))
    assert len(answer.failures) == 3
    assert len(answer.goal_failures) == len(answer.goals)
    for turn, slots in zip(dialogue.turns, answer.slots, strict=True):
        assert all(turn.request[slot.start : slot.end] == slot.text for slot in slots)
    assert reader.counts == ReadCounts(windowed_dialogues=1)


def test_a_turn_of_a_window_is_answered_as_the_window_alone_would(model_and_tokenizer):
    dialogue = long_dialogue(40)
    (answer,) = system(model_and_tokenizer).predict([dialogue], [[]])
    windows = turn_windows(40, 16, "window")
    for turn in (0, 15, 20, 39):
        start, end = windows[central_window(turn, windows)]
        part = dataclasses.replace(dialogue, turns=dialogue.turns[start:end])
        (alone,) = system(model_and_tokenizer).predict([part], [[]])
        assert close(answer.intents[turn], alone.intents[turn - start])


def test_what_a_causal_model_says_of_a_long_dialogue_does_not_change_when_the_dialogue_goes_on():
    model, tokenizer = tiny_model(home_dialogues(30), max_turns=16, causal=True)
    reader, whole = ModelSystem(model=model, tokenizer=tokenizer), long_dialogue(60)
    goals = [(0, 3), (14, 17), (20, 23)]
    (later,) = reader.predict([whole], [goals])
    for length in (16, 17, 23, 24, 25, 41):
        part = dataclasses.replace(whole, turns=whole.turns[:length])
        ended = [goal for goal in goals if goal[1] <= length]
        (answer,) = reader.predict([part], [ended])
        for turn in range(length):
            assert close(answer.intents[turn], later.intents[turn])
            assert answer.defects[turn] == pytest.approx(later.defects[turn], abs=1e-5)
            assert answer.boundaries[turn] == pytest.approx(later.boundaries[turn], abs=1e-5)
        assert answer.failures == pytest.approx(later.failures[: len(ended)], abs=1e-5)
        (states,) = reader.encode([part])
        torch.testing.assert_close(states, reader.encode([whole])[0][:length], atol=1e-5, rtol=1e-4)


def test_what_is_cut_off_is_counted_and_answered_with_nothing(model_and_tokenizer):
    reader = system(model_and_tokenizer, on_overflow="truncate")
    (answer, short) = reader.predict([long_dialogue(100), long_dialogue(3)], [[(0, 5), (90, 100)], []])
    assert reader.counts == ReadCounts(dropped_turns=84)
    assert answer.extra["domain"][16:] == (("other", 0.0),) * 84
    assert answer.boundaries[16:] == (0.0,) * 84
    assert answer.intents[16:] == (("other", 0.0),) * 84
    assert answer.slots[16:] == ((),) * 84
    assert answer.failures[0] > 0
    assert answer.failures[1] == 0.0  # none of its turns is read
    assert (len(answer.defects), len(answer.failures), len(short.defects)) == (100, 2, 3)


@pytest.mark.parametrize("on_overflow", ["window", "truncate"])
def test_every_labelled_item_of_a_long_dialogue_is_in_the_tables(model_and_tokenizer, on_overflow):
    dialogue = long_home_dialogue(60)
    reader = system(model_and_tokenizer, on_overflow=on_overflow)
    predictions = reader.predict([dialogue.observed()], asked_goals([dialogue]))
    expected = {
        "segmentation": 59,
        "intent": 60,
        "domain": 60,
        "defect": 60,
        "success": len(asked_goals([dialogue])[0]),
    }
    for name, number in expected.items():
        table = reader.model.tasks[name].tables([dialogue], predictions, reader.thresholds)[name]
        assert len(table) == number, name
        assert table[["gold", "prediction", "score"]].notna().all(axis=None), name
    slots = reader.model.tasks["slots"].tables([dialogue], predictions, reader.thresholds)["slots"]
    assert slots["gold"].notna().sum() == 60


@pytest.mark.parametrize("num_turns", [2, 40])
def test_texts_that_are_cut_are_counted_once(model_and_tokenizer, num_turns):
    turns = [
        ("word " * 5000 if t in (0, 13, 14) else "hello", "x" * 500 if t == 13 else "yes") for t in range(num_turns)
    ]
    dialogue = plain_dialogue(*turns).observed()
    reader = system(model_and_tokenizer)
    (answer,) = reader.predict([dialogue], [[]])
    assert len(answer.slots) == num_turns
    assert reader.counts.truncated_texts == (1 if num_turns == 2 else 2)  # distinct texts
    assert reader.predict([dialogue], [[]]) == [answer]
    assert reader.counts.truncated_texts == (2 if num_turns == 2 else 4)


@pytest.mark.parametrize(
    ("dialogue", "message"),
    [
        (
            long_dialogue(17),
            "dialogue 'long' has 17 turns and the model reads 16; .* data.on_overflow=window or truncate",
        ),
        (
            plain_dialogue(("a " * 5000, "b"), id="talker").observed(),
            "dialogue 'talker' has a text of more than 48 tokens",
        ),
    ],
)
def test_an_error_is_raised_where_one_was_asked_for(model_and_tokenizer, dialogue, message):
    with pytest.raises(TooLongError, match=message):
        system(model_and_tokenizer, on_overflow="error").predict([long_dialogue(2), dialogue], [[], []])
    assert system(model_and_tokenizer, on_overflow="error").predict([long_dialogue(16)], [[]])


def test_a_bar_is_made_for_all_dialogues_and_told_of_each_once(model_and_tokenizer):
    made, done = [], []

    @contextmanager
    def bar(total):
        made.append(total)
        yield done.append

    reader = system(model_and_tokenizer, bar=bar, token_budget=100)
    reader.predict([long_dialogue(n) for n in (1, 50, 2, 3, 17)], [[]] * 5)
    assert made == [5]
    assert sum(done) == 5


def test_nothing_to_predict_and_goals_for_others(model_and_tokenizer):
    assert system(model_and_tokenizer).predict([], []) == []
    with pytest.raises(ValueError, match="2 dialogues and goals for 1; expected one list for each"):
        system(model_and_tokenizer).predict([long_dialogue(1)] * 2, [[]])
    for span in ((1, 1), (0, 4), (-1, 2)):
        with pytest.raises(
            ValueError, match=r"dialogue 'long': a goal of the turns .* is asked about; .* within 0 to 3"
        ):
            system(model_and_tokenizer).predict([long_dialogue(3)], [[span]])


def test_bfloat16_says_nearly_the_same(model_and_tokenizer):
    observed = [dialogue.observed() for dialogue in DIALOGUES]
    exact, rough = (
        system(model_and_tokenizer, bf16=bf16).predict(observed, asked_goals(DIALOGUES)) for bf16 in (False, True)
    )
    for a, b in zip(exact, rough, strict=True):
        torch.testing.assert_close(torch.tensor(a.defects), torch.tensor(b.defects), atol=0.05, rtol=0)
        torch.testing.assert_close(torch.tensor(a.failures), torch.tensor(b.failures), atol=0.05, rtol=0)


def test_predicting_needs_no_training_mode_and_keeps_no_graph(model_and_tokenizer):
    model, _ = model_and_tokenizer
    model.train()
    first = system(model_and_tokenizer).predict([long_dialogue(5)], [[]])
    assert not model.training
    assert system(model_and_tokenizer).predict([long_dialogue(5)], [[]]) == first


@given(st.integers(1, 60), st.integers(1, 12), st.sampled_from(["window", "truncate"]))
def test_merged_windows_have_each_turn_from_the_window_in_which_it_is_most_central(num_turns, max_turns, on_overflow):
    spans = turn_windows(num_turns, max_turns, on_overflow)
    answers = [
        DialoguePrediction(
            boundaries=tuple(float(turn + 1) for turn in range(start, end)),
            intents=tuple((f"{start}", 0.5) for _ in range(start, end)),
            extra={"mine": tuple(f"{turn} in {start}" for turn in range(start, end))},
        )
        for start, end in spans
    ]
    homes = [central_window(turn, spans) for turn in range(num_turns)]
    merged = merge_windows(answers, homes, spans, {"mine": "nothing"})
    assert merged.boundaries == tuple(0.0 if home is None else float(turn + 1) for turn, home in enumerate(homes))
    assert [name for name, _ in merged.intents] == ["other" if home is None else str(spans[home][0]) for home in homes]
    assert merged.extra["mine"] == tuple(
        "nothing" if home is None else f"{turn} in {spans[home][0]}" for turn, home in enumerate(homes)
    )
    assert merged.slots is merged.defects is merged.goals is None
