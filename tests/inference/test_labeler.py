from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from selflearn.batching.texts import TooLongError
from selflearn.inference import Labeler, ModelDirectoryError
from selflearn.models import save_model
from selflearn.schema import Goal, Label, Labels, RecordError, Turn, TurnLabels
from tests.fixtures.dialogues import home_dialogues, plain_dialogue, tiny_model


def scores(item):
    """Every number of an answer, in order."""
    turns, goals = item.dialogue.labels.turns, item.dialogue.labels.goals
    each = [(turn.intent.score, turn.defect.score, *(slot.score for slot in turn.slots)) for turn in turns]
    return [*(s for row in each for s in row), *(s for goal in goals for s in (goal.score, goal.success_score))]


def long_dialogue(num_turns: int):
    return plain_dialogue(*((f"dim the lights in room {i}", "It is darker now.") for i in range(num_turns)), id="long")


# --------------------------------------------------------------------------------------------------------- answers


def test_answers_are_one_to_one_in_order_and_cover_each_dialogue(labeler, dialogues):
    shuffled = random.Random(0).sample(dialogues, len(dialogues))
    answers = labeler.label(shuffled)
    assert [item.dialogue.id for item in answers] == [dialogue.id for dialogue in shuffled]
    for given, item in zip(shuffled, answers, strict=True):
        ends = [record.end for record in item.goals]
        assert [record.start for record in item.goals] == [0, *ends[:-1]]
        assert ends[-1] == len(given.turns) == item.read.turns_seen == len(item.dialogue.labels.turns)
        assert [(g.start, g.end, g.name, g.success, g.success_score) for g in item.dialogue.labels.goals] == [
            (r.start, r.end, r.name, r.success, r.success_score) for r in item.goals
        ]
        assert (item.read.windows, item.read.truncated_texts, item.extra) == (1, 0, {})


def test_what_was_calibrated_and_saved_answers_the_same_when_it_is_loaded(labeler, dialogues, tmp_path):
    calibrated = labeler.calibrated_on(home_dialogues(40, seed=9))
    calibrated.save_pretrained(tmp_path / "model")
    answers = calibrated.label(dialogues)
    assert [scores(item) for item in answers] != [scores(item) for item in labeler.label(dialogues)]
    loaded = Labeler.from_pretrained(tmp_path / "model", device="cpu")
    assert loaded.fingerprint == calibrated.fingerprint != labeler.fingerprint
    assert loaded.label(dialogues) == answers


def test_nothing_to_calibrate_on_is_refused_and_nothing_labelled_is_said(labeler, caplog):
    with pytest.raises(ValueError, match="no dialogue to calibrate on; expected labelled ones"):
        labeler.calibrated_on([])
    assert not labeler.calibrated_on([d.with_labels(Labels()) for d in home_dialogues(2)]).calibrators
    assert "no score is calibrated: people labelled nothing" in caplog.text


def test_labels_that_come_along_are_never_read_and_are_replaced(labeler, dialogues):
    bare = [replace(d, labels=Labels(), ratings=(), truth=None, feedback=()) for d in dialogues]
    wrong = Label(value="NoSuchIntent", source="rater:7")
    other = [
        d.with_labels(
            Labels(goals=(Goal(start=0, end=len(d.turns)),), turns=(TurnLabels(intent=wrong),) * len(d.turns))
        )
        for d in dialogues
    ]
    answers = labeler.label(dialogues)
    assert [item.dialogue.labels for item in labeler.label(bare)] == [item.dialogue.labels for item in answers]
    assert labeler.label(other) == [
        replace(item, dialogue=o.with_labels(item.dialogue.labels)) for item, o in zip(answers, other, strict=True)
    ]
    for given, item in zip(dialogues, answers, strict=True):
        assert item.dialogue.with_labels(given.labels) == given  # nothing else has changed
        sources = {goal.source for goal in item.dialogue.labels.goals}
        sources |= {t.intent.source for t in item.dialogue.labels.turns}
        sources |= {slot.source for t in item.dialogue.labels.turns for slot in t.slots}
        assert sources == {"model"}


def test_the_same_twice(labeler, dialogues):
    assert labeler.label(dialogues) == labeler.label(dialogues)


@pytest.mark.parametrize("batch", [1, 5, 100])
def test_the_stream_gives_the_same_answers_in_any_batch(labeler, dialogues, batch):
    for one, other in zip(labeler.label(dialogues), labeler.stream(iter(dialogues), batch=batch), strict=True):
        assert [(g.start, g.end, g.name, g.turn) for g in one.goals] == [
            (g.start, g.end, g.name, g.turn) for g in other.goals
        ]
        assert scores(one) == pytest.approx(scores(other), abs=1e-5)


def test_the_stream_reads_no_further_than_a_batch(labeler, dialogues):
    read = []
    stream = labeler.stream((read.append(d.id) or d for d in dialogues), batch=3)
    next(stream)
    assert len(read) == 3


def test_nothing_gives_nothing(labeler):
    assert labeler.label([]) == []
    assert list(labeler.stream([])) == []


def test_holes_in_the_log_are_labelled_too(labeler):
    dialogue = plain_dialogue((None, "Hello, how can I help?"), ("", None), (None, None), ("lights", "ok"))
    (item,) = labeler.label([dialogue])
    assert [turn.slots for turn in item.dialogue.labels.turns][:3] == [(), (), ()]
    assert item.goals[-1].end == 4


# ------------------------------------------------------------------------------------------------------- too long


def test_a_long_dialogue_is_read_in_windows_and_that_is_said(labeler):
    (item,) = labeler.label([long_dialogue(20)])
    assert (item.read.turns_seen, item.read.windows) == (20, 3)
    assert all(turn.intent is not None for turn in item.dialogue.labels.turns)
    assert item.goals[-1].end == 20


def test_the_end_is_left_out_where_that_is_asked_for_and_that_is_said(model_directory):
    labeler = Labeler.from_pretrained(model_directory, device="cpu", on_overflow="truncate")
    (item,) = labeler.label([long_dialogue(20)])
    assert (item.read.turns_seen, item.read.windows) == (8, 1)
    turns = item.dialogue.labels.turns
    assert all(turn.intent is not None for turn in turns[:8])
    assert turns[8:] == (TurnLabels(),) * 12
    assert (item.goals[-1].end, item.goals[-1].success, item.goals[-1].success_score) == (20, None, None)


@pytest.mark.parametrize(
    ("dialogue", "message"),
    [
        (long_dialogue(9), "dialogue 'long' has 9 turns and the model reads 8"),
        (plain_dialogue(("word " * 5000, "ok")), "dialogue 'plain' has 1 texts of more than 64 tokens"),
    ],
)
def test_too_much_is_refused_where_that_is_asked_for(model_directory, dialogue, message):
    labeler = Labeler.from_pretrained(model_directory, device="cpu", on_overflow="error")
    with pytest.raises(TooLongError, match=message):
        labeler.label([dialogue])


def test_a_text_that_is_cut_is_counted(labeler):
    answers = labeler.label(
        [plain_dialogue(("word " * 5000, "ok"), ("short", "more " * 5000)), plain_dialogue(("a", "b"))]
    )
    assert [item.read.truncated_texts for item in answers] == [2, 0]


def test_two_thousand_turns(labeler):
    (item,) = labeler.label([long_dialogue(2000)])
    assert item.read.turns_seen == item.goals[-1].end == 2000


# -------------------------------------------------------------------------------------------------- other models


def labeler_of(tasks, tmp_path, **settings):
    save_model(*tiny_model(home_dialogues(12), tasks=tasks, **settings), tmp_path)
    return Labeler.from_pretrained(tmp_path, device="cpu")


def test_a_model_that_finds_no_goals_judges_the_dialogue_as_one(tmp_path, dialogues):
    (item,) = labeler_of(["success"], tmp_path).label(dialogues[:1])
    (goal,), (record,) = item.dialogue.labels.goals, item.goals
    assert (record.start, record.end, record.score) == (0, len(dialogues[0].turns), None)
    assert record.success is goal.success is not None


def test_a_model_of_intents_leaves_goals_unlabelled_and_names_the_dialogue(tmp_path, dialogues):
    (item,) = labeler_of(["intent"], tmp_path).label(dialogues[:1])
    assert item.dialogue.labels.goals is None
    assert item.goals[0].name in {"DimLights", "PlayRecord", "SetTimer"}
    assert item.goals[0].success is None


@pytest.mark.parametrize("settings", [{}, {"causal": True}, {"layers": 0}])
def test_the_turn_after_a_goal_is_evidence_only_where_the_model_sees_it(tmp_path, dialogues, settings):
    labeler = labeler_of(["segmentation", "success"], tmp_path, **settings)
    labeler.system.model.config.thresholds = {"segmentation": 0.0}  # each turn is a goal
    evidence = [found.signal for item in labeler.label(dialogues) for goal in item.goals for found in goal.evidence]
    assert set(evidence) == {"boundary"} | (set() if settings else {"next turn"})


# --------------------------------------------------------------------------------------------------- directories


def test_a_directory_works_where_it_is_moved_to(model_directory, labeler, dialogues, tmp_path):
    moved = shutil.copytree(model_directory, tmp_path / "elsewhere")
    other = Labeler.from_pretrained(str(moved), device="cpu")
    assert other.label(dialogues) == labeler.label(dialogues)
    assert other.fingerprint == labeler.fingerprint


def test_the_fingerprint_is_the_same_before_and_after_use(model_directory, dialogues):
    used, unused = (Labeler.from_pretrained(model_directory, device="cpu") for _ in range(2))
    used.label(dialogues)
    assert used.fingerprint == unused.fingerprint


def test_the_fingerprint_is_of_what_answers_depend_on(model_directory, labeler, tmp_path):
    config = json.loads((model_directory / "config.json").read_text())
    changed = shutil.copytree(model_directory, tmp_path / "changed")
    (changed / "config.json").write_text(json.dumps(config | {"thresholds": {"success": 0.25}}))
    assert Labeler.from_pretrained(changed).fingerprint != labeler.fingerprint
    weights = load_file(model_directory / "model.safetensors")
    name = next(name for name, value in weights.items() if value.is_floating_point())
    shutil.copy(model_directory / "config.json", changed)
    save_file(weights | {name: weights[name] + 1}, changed / "model.safetensors", metadata={"format": "pt"})
    assert Labeler.from_pretrained(changed).fingerprint != labeler.fingerprint


def damaged(directory, how):
    """Damage a copy of a model."""
    weights, config = directory / "model.safetensors", directory / "config.json"
    settings = json.loads(config.read_text())
    if how in ("config.json", "model.safetensors", "tokenizer.json"):
        (directory / how).unlink()
    elif how == "cut config":
        config.write_text(config.read_text()[:100])
    elif how == "cut weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif how == "cut tokenizer":
        (directory / "tokenizer.json").write_bytes((directory / "tokenizer.json").read_bytes()[:500])
    elif how == "another tokenizer":
        (directory / "tokenizer.json").write_text("{}")
    elif how == "an encoder":
        config.write_text(json.dumps({"model_type": "bert"}))
    elif how == "a weight less":
        save_file(dict(list(load_file(weights).items())[1:]), weights, metadata={"format": "pt"})
    elif how == "another shape":
        config.write_text(json.dumps(settings | {"ngram_buckets": 64}))
    elif how == "a task of elsewhere":
        config.write_text(json.dumps(settings | {"tasks": settings["tasks"] | {"sentiment": []}}))
    elif how == "an unknown key":
        config.write_text(json.dumps(settings | {"layer": 3}))
    return directory


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("config.json", r"no config\.json in it; expected a directory with config\.json, model\.safetensors"),
        ("model.safetensors", r"no model\.safetensors in it"),
        ("tokenizer.json", r"no tokenizer\.json in it"),
        ("cut config", r"config\.json cannot be read"),
        ("cut weights", r"model\.safetensors cannot be read"),
        ("cut tokenizer", r"its tokenizer cannot be read \(JSONDecodeError: .*\); expected tokenizer\.json and"),
        ("another tokenizer", r"its tokenizer cannot be read \(KeyError: 'added_tokens'\)"),
        ("an encoder", r"config\.json says that this is a 'bert'; expected 'selflearn-label-generator'"),
        ("a weight less", r"model\.safetensors does not fit config\.json \(first: "),
        ("another shape", r"model\.safetensors does not fit config\.json"),
    ],
)
def test_a_directory_without_a_model_is_refused(model_directory, tmp_path, how, message):
    with pytest.raises(ModelDirectoryError, match=message) as caught:
        Labeler.from_pretrained(damaged(shutil.copytree(model_directory, tmp_path / "model"), how))
    assert caught.value.directory == tmp_path / "model"


@pytest.mark.parametrize(
    ("how", "message"),
    [("a task of elsewhere", "no task is called 'sentiment'"), ("an unknown key", "has no key 'layer'")],
)
def test_settings_that_nobody_reads_here_are_refused(model_directory, tmp_path, how, message):
    with pytest.raises(ValueError, match=message):
        Labeler.from_pretrained(damaged(shutil.copytree(model_directory, tmp_path / "model"), how))


def test_a_run_directory_is_told_from_its_model(model_directory, tmp_path):
    with pytest.raises(ModelDirectoryError, match="no such directory"):
        Labeler.from_pretrained(tmp_path / "absent")
    with pytest.raises(ModelDirectoryError, match="not a directory"):
        Labeler.from_pretrained(model_directory / "config.json")
    with pytest.raises(ModelDirectoryError, match="perhaps its folder model/ is meant"):
        Labeler.from_pretrained(model_directory.parent)


# --------------------------------------------------------------------------------------------------------- misuse


@pytest.mark.parametrize(
    "as_given", [lambda d: d, lambda d: d.observed(), lambda d: [d.observed()], lambda d: [d.to_dict()]]
)
def test_something_else_than_dialogues_is_refused(labeler, dialogues, as_given):
    with pytest.raises(TypeError, match=r"expected (several|a Dialogue)"):
        labeler.label(as_given(dialogues[0]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"on_overflow": "windows"}, "on_overflow is 'windows'; expected 'window', 'truncate' or 'error'"),
        ({"token_budget": 0}, "token_budget is 0; expected a whole number, 1 or more"),
        ({"token_budget": "4096"}, "token_budget is '4096'; expected a whole number"),
        ({"device": "toaster"}, "device 'toaster' cannot be used"),
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used"),
    ],
)
def test_wrong_arguments_are_refused(model_directory, wrong, message):
    with pytest.raises(ValueError, match=message):
        Labeler.from_pretrained(model_directory, **wrong)


def test_a_batch_of_none_is_refused(labeler, dialogues):
    with pytest.raises(ValueError, match="batch is 0; expected 1 or more"):
        labeler.stream(dialogues, batch=0)


def test_an_empty_turn_alone(labeler):
    (item,) = labeler.label([plain_dialogue((None, None))])
    assert item.dialogue.turns == (Turn(),)


def test_labels_are_computed_without_gradients(labeler, dialogues):
    labeler.label(dialogues[:1])
    assert all(p.grad is None for p in labeler.system.model.parameters())
    assert not labeler.system.model.training
    assert torch.is_grad_enabled()


# ---------------------------------------------------------------------------------------------------------- stages


def test_the_stages_called_alone_give_the_same_answers(labeler, dialogues):
    prepared = labeler.prepare(dialogues)
    assert [one.dialogue for one in prepared] == dialogues
    answers = labeler.decode(prepared, labeler.predict(prepared))
    assert answers == labeler.label(dialogues)
    rows = [row for item in answers for row in labeler.accept(item)]
    assert {row["model"] for row in rows} <= {labeler.fingerprint, None}
    assert all(row["accepted"] is None for row in rows)  # nothing was certified


def test_states_of_turns_are_those_of_the_model_alone_and_among_others(labeler, dialogues):
    prepared = labeler.prepare(dialogues)
    states = labeler.encode(prepared)
    size = labeler.system.model.config.size
    assert [tuple(rows.shape) for rows in states] == [(len(dialogue.turns), size) for dialogue in dialogues]
    alone = [labeler.encode([one])[0] for one in prepared]
    for together, by_itself in zip(states, alone, strict=True):
        torch.testing.assert_close(together, by_itself, rtol=1e-4, atol=1e-5)


def test_a_long_dialogue_has_a_state_for_each_turn_that_is_read(labeler, model_directory):
    (whole,) = labeler.encode(labeler.prepare([long_dialogue(20)]))
    assert len(whole) == 20
    cutting = Labeler.from_pretrained(model_directory, device="cpu", on_overflow="truncate")
    (first,) = cutting.encode(cutting.prepare([long_dialogue(20)]))
    assert len(first) == 8
    # its first turns are read in the same window
    torch.testing.assert_close(first[:6], whole[:6], rtol=1e-4, atol=1e-5)


def test_a_model_that_computes_no_numbers_labels_nothing(tmp_path, dialogues):
    system, *rest = tiny_model(home_dialogues(12))
    with torch.no_grad():
        next(system.parameters()).fill_(float("nan"))
    save_model(system, *rest, tmp_path / "model")
    with pytest.raises(RecordError, match="field 'score' is nan; expected a finite number"):
        Labeler.from_pretrained(tmp_path / "model", device="cpu").label(dialogues[:1])
