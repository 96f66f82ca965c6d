import os
import tempfile
from dataclasses import replace

import lightning
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from selflearn._limits import SettingError
from selflearn.batching.texts import TooLongError
from selflearn.batching.windows import cut_dialogue
from selflearn.encoders import TurnEncoder
from selflearn.models.system import ModelSystem, ReadCounts
from selflearn.pretraining import SwapConfig
from selflearn.schema import Labels, RecognitionHypothesis, Slot, TurnLabels
from selflearn.tasks.success import asked_goals
from selflearn.training import HardwareConfig, PretrainingSettings, TrainingSettings
from selflearn.training.build import build_model, fit_tasks
from selflearn.training.loggers import LoggerSettings
from selflearn.training.module import FineTuning, SteppedModule
from selflearn.training.recipe import _shown, choose_thresholds
from selflearn.training.stage import (
    _CheckpointFiles,
    _Checkpoints,
    load_encoders,
    load_weights,
    placement,
    precision,
    save_weights,
    stage_seconds,
)
from tests.fixtures.dialogues import (
    FAST,
    home_dialogues,
    long_home_dialogue,
    plain_dialogue,
    stage,
    tiny_model,
    tiny_settings,
)

TRAIN, TUNE = home_dialogues(24), home_dialogues(8, seed=1, split="dev")


def digits(system):
    """Everything that a run ends with: weights and thresholds."""
    return {name: value.clone() for name, value in system.model.state_dict().items()}, system.thresholds


def assert_same_digits(one, other):
    (weights, thresholds), (weights_too, thresholds_too) = one, other
    assert thresholds == thresholds_too
    assert weights.keys() == weights_too.keys()
    for name, value in weights.items():
        torch.testing.assert_close(weights_too[name], value, rtol=0, atol=0, msg=lambda text, name=name: name + text)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never interrupted."""
    from tests.training.conftest import make_recipe

    return digits(make_recipe().train(TRAIN, TUNE, stage(tmp_path_factory.mktemp("whole"))))


def test_the_same_seed_gives_the_same_digits_and_another_one_others(whole, recipe, tmp_path):
    torch.manual_seed(99)  # what others did to the generators before does not matter
    np.random.seed(99)
    assert_same_digits(whole, digits(recipe().train(TRAIN, TUNE, stage(tmp_path / "a"))))
    other = digits(recipe(seed=12).train(TRAIN, TUNE, stage(tmp_path / "b")))
    assert any(not torch.equal(value, other[0][name]) for name, value in whole[0].items())


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True])
def test_a_seed_that_is_none_is_refused(recipe, seed):
    with pytest.raises(SettingError, match=f"seed is {seed!r}; expected a whole number, 0 or more"):
        recipe(seed=seed)


class Killed(RuntimeError):
    pass


@pytest.fixture
def killed_after(monkeypatch):
    """Makes a run stop in the middle of a stage after so many steps, once."""

    def arrange(module_name, step):
        save = _Checkpoints.on_train_batch_end

        def stop(self, trainer, *rest):
            save(self, trainer, *rest)
            if type(trainer.lightning_module).__name__ == module_name and trainer.global_step == step:
                monkeypatch.setattr(_Checkpoints, "on_train_batch_end", save)
                raise Killed

        monkeypatch.setattr(_Checkpoints, "on_train_batch_end", stop)

    return arrange


@pytest.mark.parametrize(
    ("where", "step", "every"),
    [("Pretraining", 7, 3), ("FineTuning", 1, 1), ("FineTuning", 11, 4), ("FineTuning", 2, 100)],
)
def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_digits(
    whole, recipe, tmp_path, killed_after, where, step, every
):
    settings = stage(tmp_path, checkpoint_every=every, loggers=LoggerSettings())
    killed_after(where, step)
    with pytest.raises(Killed):
        recipe().train(TRAIN, TUNE, settings)
    left = sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.suffix in (".ckpt", ".safetensors")
    )
    done = ["pretraining/weights.safetensors"] if where == "FineTuning" else []
    begun = {"Pretraining": "pretraining", "FineTuning": "fine_tuning"}[where]
    assert left == sorted([*done, *([f"{begun}/last.ckpt"] if step >= every else [])])
    assert_same_digits(whole, digits(recipe().train(TRAIN, TUNE, settings)))
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_run_may_be_stopped_twice(whole, recipe, tmp_path, killed_after):
    settings = stage(tmp_path, checkpoint_every=2)
    for where, step in [("Pretraining", 5), ("FineTuning", 4), ("FineTuning", 9)]:
        killed_after(where, step)
        with pytest.raises(Killed):
            recipe().train(TRAIN, TUNE, settings)
    assert_same_digits(whole, digits(recipe().train(TRAIN, TUNE, settings)))


def test_the_time_of_a_stage_counts_what_led_to_the_checkpoint_that_it_went_on_from(recipe, tmp_path, killed_after):
    settings = stage(tmp_path, checkpoint_every=4)
    killed_after("FineTuning", 6)
    with pytest.raises(Killed):
        recipe().train(TRAIN, TUNE, settings)
    kept = stage_seconds(tmp_path / "fine_tuning")
    (tmp_path / "fine_tuning" / "seconds.txt").write_text(f"{kept + 1000}")  # as if it had been long
    recipe().train(TRAIN, TUNE, settings)
    assert kept + 1000 < stage_seconds(tmp_path / "fine_tuning") < kept + 1500
    assert stage_seconds(tmp_path) > stage_seconds(tmp_path / "fine_tuning")


def test_how_often_a_checkpoint_is_made_and_what_is_logged_changes_no_digit(whole, recipe, tmp_path):
    settings = stage(tmp_path, checkpoint_every=1, loggers=LoggerSettings())
    assert_same_digits(whole, digits(recipe().train(TRAIN, TUNE, settings)))
    logged = "".join(path.read_text() for path in sorted(tmp_path.rglob("metrics.csv")))
    for name in ("detection", "contrast", "segmentation", "success", "intent", "slots", "defect"):
        assert f"train/{name}_loss" in logged


def test_processes_that_make_the_batches_change_no_digit(whole, recipe, tmp_path):
    training = replace(recipe().training, workers=2)
    assert_same_digits(whole, digits(recipe(training=training).train(TRAIN, TUNE, stage(tmp_path))))


def test_a_finished_stage_is_read_and_not_done_again(whole, recipe, tmp_path, monkeypatch):
    settings = stage(tmp_path)
    recipe().train(TRAIN, TUNE, settings)
    monkeypatch.setattr(lightning.Trainer, "fit", None)
    monkeypatch.setattr("selflearn.training.recipe.make_swaps", None)
    assert_same_digits(whole, digits(recipe().train(TRAIN, TUNE, settings)))


def test_a_stage_that_is_not_to_be_resumed_begins_anew(whole, recipe, tmp_path):
    settings = stage(tmp_path, resume=False)
    for _ in range(2):
        assert_same_digits(whole, digits(recipe().train(TRAIN, TUNE, settings)))


def relabelled(dialogue):
    """The same dialogue with the opposite success of its goals."""
    goals = tuple(replace(goal, success=not goal.success) for goal in dialogue.labels.goals)
    return replace(dialogue, labels=replace(dialogue.labels, goals=goals))


WIDER = replace(tiny_settings(), dialogue=replace(tiny_settings().dialogue, size=32))


@pytest.mark.parametrize(
    ("changes", "train"),
    [({"model": WIDER}, TRAIN), ({"seed": 12}, TRAIN), ({"tasks": ("intent",)}, TRAIN), ({}, TRAIN[:20]),
     ({}, [relabelled(TRAIN[0]), *TRAIN[1:]]),
     ({"training": TrainingSettings(epochs=1.0, token_budget=700, optimization=FAST)}, TRAIN)],
)  # fmt: skip
@pytest.mark.parametrize("begun", [False, True])
def test_a_directory_with_another_training_is_refused_done_or_begun(
    recipe, tmp_path, killed_after, changes, train, begun
):
    """A loop over seeds in one directory would report one model many times."""
    bare = {"pretraining": PretrainingSettings(epochs=0.0)}
    if begun:
        killed_after("FineTuning", 3)
        with pytest.raises(Killed):
            recipe(**bare).train(TRAIN, TUNE, stage(tmp_path, checkpoint_every=2))
    else:
        recipe(**bare).train(TRAIN, TUNE, stage(tmp_path))
    with pytest.raises(ValueError, match=r"fine_tuning holds a training of another model, .*; expected a directory of"):
        recipe(**bare | changes).train(train, TUNE, stage(tmp_path))


def test_processes_and_a_killed_fresh_start_do_not_bring_another_training_back(recipe, tmp_path, killed_after):
    bare = {"pretraining": PretrainingSettings(epochs=0.0)}
    first = digits(recipe(**bare).train(TRAIN, TUNE, stage(tmp_path)))
    settings = TrainingSettings(epochs=2.0, token_budget=700, optimization=FAST, workers=2)
    assert_same_digits(first, digits(recipe(**bare, training=settings).train(TRAIN, TUNE, stage(tmp_path))))
    killed_after("FineTuning", 3)
    with pytest.raises(Killed):
        recipe(**bare, seed=12).train(TRAIN, TUNE, stage(tmp_path, resume=False))
    other = digits(recipe(**bare, seed=12).train(TRAIN, TUNE, stage(tmp_path)))
    assert any(not torch.equal(value, other[0][name]) for name, value in first[0].items())


class _Together:
    """What a module asks of its trainer where two processes train; the counts of both are known."""

    world_size = 2


def test_processes_that_train_together_draw_other_dropout_each_and_the_same_again(monkeypatch):
    model, _ = tiny_model(home_dialogues(4), tasks=["intent"])
    module, drawn = FineTuning(model, loss_weights="learned", optimization=FAST, num_steps=9, seed=2), []
    for rank, step in ((0, 0), (1, 0), (0, 1), (1, 1), (0, 0), (1, 1)):
        monkeypatch.setattr(type(module), "global_rank", rank, raising=False)
        monkeypatch.setattr(type(module), "global_step", step, raising=False)
        module.on_train_batch_start(None, 0)
        drawn.append(torch.rand(1).item())
    assert len(set(drawn[:4])) == 4
    assert drawn[4:] == [drawn[0], drawn[3]]


def test_an_item_weighs_the_same_whichever_process_has_it(monkeypatch):
    """Gradients of two processes, averaged, are those of one process with the dialogues of both."""
    labelled, bare = (
        home_dialogues(6),
        [d.with_labels(replace(d.labels, goals=None)) for d in home_dialogues(5, seed=3)],
    )
    bare = [
        d.with_labels(replace(d.labels, turns=tuple(replace(t, defect=None) for t in d.labels.turns))) for d in bare
    ]
    model, tokenizer = tiny_model([*labelled, *bare], tasks=["intent", "defect"], dropout=0.0)
    collator = model.eval().collator(tokenizer)  # in training requests are hidden by lot

    def gradients(batches):
        module = FineTuning(model, loss_weights="learned", optimization=FAST, num_steps=1, seed=0)
        counts = [[float(model.tasks[n].count(b.targets[n])) if n in b.targets else 0.0 for n in model.tasks]
                  for b in batches]  # fmt: skip
        monkeypatch.setattr(module, "log_losses", lambda *_: None)
        monkeypatch.setattr(module, "all_gather", lambda own: torch.tensor(counts))
        together = _Together()
        together.world_size = len(batches)
        monkeypatch.setattr(type(module), "trainer", together, raising=False)
        module.zero_grad()
        for batch in batches:
            (module.training_step(batch, 0) / len(batches)).backward()
        return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}

    one = gradients([collator([*labelled, *bare])])
    two = gradients([collator(labelled), collator(bare)])
    assert one.keys() <= two.keys()
    for name, gradient in one.items():
        torch.testing.assert_close(two[name], gradient, atol=1e-6, rtol=1e-4, msg=lambda text, name=name: name + text)


def test_several_processes_learn_nothing_from_a_batch_in_which_nothing_is_labelled(monkeypatch):
    model, tokenizer = tiny_model(TRAIN, tasks=["intent", "defect"])
    module = FineTuning(model, loss_weights="learned", optimization=FAST, num_steps=1, seed=0)
    monkeypatch.setattr(type(module), "trainer", _Together(), raising=False)
    monkeypatch.setattr(module, "all_gather", lambda own: torch.stack([own, own]))
    batch = model.collator(tokenizer)([d.with_labels(Labels()) for d in TRAIN[:2]])
    module.training_step(batch, 0).backward()
    gradients = {name: p.grad for name, p in module.named_parameters()}
    assert all(gradient is not None and not gradient.any() for gradient in gradients.values()), gradients.keys()


def test_texts_longer_than_the_encoder_reads_are_refused_before_any_training():
    settings = replace(tiny_settings(), max_tokens=5000)
    with pytest.raises(ValueError, match=r"model\.max_tokens is 5000, and RobertaModel has \d+ places for tokens"):
        build_model(settings, fit_tasks(["intent"], TRAIN), TRAIN, seed=0)


def test_a_training_that_diverges_is_not_taken_for_a_model(recipe, tmp_path):
    """No threshold is chosen for intents: nothing else would meet the numbers that are none."""
    settings = {
        "pretraining": PretrainingSettings(epochs=0.0),
        "training": TrainingSettings(epochs=1.0, token_budget=700, optimization=replace(FAST, lr=1e30)),
        "tasks": ("intent",),
    }
    for _ in range(2):  # nor when it is found again
        with pytest.raises(ValueError, match=r"fine-tuning has diverged: .* are no finite numbers; expected a loss"):
            recipe(**settings).train(TRAIN, TUNE, stage(tmp_path))


def test_a_pretraining_that_diverges_is_not_put_down_to_fine_tuning(recipe, tmp_path):
    """Without context there are no measures of it that would meet the numbers that are none."""
    made = recipe(
        pretraining=PretrainingSettings(
            epochs=1.0, token_budget=700, optimization=replace(FAST, lr=1e30),
            swaps=SwapConfig(shares={"random": 1.0}),
        ),
        tasks=("intent",),
    ).without_context()  # fmt: skip
    for _ in range(2):  # nor when it is found again
        with pytest.raises(ValueError, match=r"pretraining has diverged: .* lower pretraining\.optimization\.lr"):
            made.train(TRAIN, TUNE, stage(tmp_path))


def test_a_checkpoint_holds_tensors_and_plain_values_alone(recipe, tmp_path, killed_after, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))  # which is not there: nothing needs it
    killed_after("FineTuning", 3)
    with pytest.raises(Killed):
        recipe().train(TRAIN, TUNE, stage(tmp_path, checkpoint_every=1))
    checkpoint = torch.load(tmp_path / "fine_tuning" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 3


def test_a_checkpoint_is_written_beside_the_one_before_and_not_moved_there_from_elsewhere(tmp_path, monkeypatch):
    """Between file systems a move is a copy, which a kill leaves half done."""
    _CheckpointFiles().save_checkpoint({"step": 1}, tmp_path / "last.ckpt")

    def killed(*_):
        raise Killed

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(Killed):
        _CheckpointFiles().save_checkpoint({"step": 2}, tmp_path / "last.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
    assert torch.load(tmp_path / "last.ckpt", weights_only=True) == {"step": 1}


def test_training_on_no_label_at_all_pretrains_on_other_dialogues(recipe, tmp_path):
    """The dialogues of pretraining need no label, and labels there change nothing."""
    runs = []
    for name, unlabelled in [("with", TRAIN), ("without", [d.with_labels(Labels()) for d in TRAIN])]:
        recipe(training=TrainingSettings(epochs=0.1, optimization=FAST)).train(
            TRAIN[:6], TUNE, stage(tmp_path / name), unlabelled=unlabelled
        )
        runs.append(load_file(tmp_path / name / "pretraining" / "weights.safetensors"))
    assert all(torch.equal(value, runs[1][name]) for name, value in runs[0].items())


def test_pretraining_moves_the_encoders_and_leaves_heads_and_features(recipe, tmp_path):
    made = recipe()
    before = build_model(made.model, fit_tasks(made.tasks, TRAIN), TRAIN, seed=made.seed)[0].state_dict()
    made.train(TRAIN, TUNE, stage(tmp_path))
    after = load_file(tmp_path / "pretraining" / "weights.safetensors")
    assert after.keys() == before.keys()
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert not {name for name in moved if name.startswith(("heads.", "feature_encoder."))}
    for part in ("turn_encoder.", "lexical_encoder.", "fusion.", "dialogue_encoder."):
        assert any(name.startswith(part) for name in moved), part


def test_weights_of_an_earlier_pretraining_can_be_used_with_other_tasks(recipe, tmp_path):
    recipe().train(TRAIN, TUNE, stage(tmp_path / "first"))
    file = tmp_path / "first" / "pretraining" / "weights.safetensors"
    settings = PretrainingSettings(weights=str(file))
    system = recipe(pretraining=settings, tasks=("intent",)).train(TRAIN, TUNE, stage(tmp_path / "second"))
    assert list(system.model.tasks) == ["intent"]
    assert not (tmp_path / "second" / "pretraining").exists()
    with pytest.raises(ValueError, match=r"pretraining\.weights: there is no file .*nowhere"):
        recipe(pretraining=PretrainingSettings(weights="nowhere")).train(TRAIN, TUNE, stage(tmp_path / "third"))


def test_encoders_alone_are_read_and_all_of_them(tmp_path):
    source, _ = tiny_model(TRAIN, seed=1)
    target, _ = tiny_model(TRAIN, seed=2, tasks=["intent"])
    save_weights(source, tmp_path / "weights.safetensors")
    heads = {name: value.clone() for name, value in target.heads.state_dict().items()}
    load_encoders(target, tmp_path / "weights.safetensors")
    for part in ("turn_encoder", "lexical_encoder", "fusion", "dialogue_encoder"):
        for name, value in getattr(source, part).state_dict().items():
            assert torch.equal(getattr(target, part).state_dict()[name], value), name
    assert all(torch.equal(target.heads.state_dict()[name], value) for name, value in heads.items())
    with pytest.raises(ValueError, match=r"does not fit the model .*: use another output directory"):
        load_weights(target, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=r"does not fit the model .*: take the settings of model"):
        load_encoders(tiny_model(TRAIN, layers=1)[0], tmp_path / "weights.safetensors")
    (tmp_path / "weights.safetensors").write_text("a text")
    with pytest.raises(ValueError, match=r"pretraining\.weights: .* cannot be read .*; expected the weights"):
        load_encoders(target, tmp_path / "weights.safetensors")


def test_a_model_without_context_takes_the_pretrained_encoders_without_their_layers_over_turns(recipe, tmp_path):
    source, _ = tiny_model(TRAIN, seed=1)
    save_weights(source, tmp_path / "weights.safetensors")
    without, _ = tiny_model(TRAIN, seed=2, layers=0)
    load_encoders(without, tmp_path / "weights.safetensors")
    given = source.state_dict()
    for name, value in without.state_dict().items():
        if name.startswith(("turn_encoder.", "lexical_encoder.", "fusion.", "dialogue_encoder.")):
            assert torch.equal(value, given[name]), name
    settings = PretrainingSettings(weights=str(tmp_path / "weights.safetensors"))
    short = TrainingSettings(epochs=0.1, token_budget=700, optimization=FAST)
    made = recipe(pretraining=settings, training=short, model=tiny_settings()).without_context()
    assert made.train(TRAIN, TUNE, stage(tmp_path / "run")).model.config.layers == 0
    save_weights(without, tmp_path / "without.safetensors")  # the other way round something would be untrained
    with pytest.raises(ValueError, match=r"it lacks dialogue_encoder\.(layers|window)"):
        load_encoders(source, tmp_path / "without.safetensors")


@pytest.mark.parametrize("encoder_lr", [0.0, 5e-3])
def test_a_frozen_encoder_does_not_move_and_one_frozen_before_moves_again(recipe, tmp_path, encoder_lr):
    frozen, moving = replace(FAST, encoder_lr=0.0), replace(FAST, encoder_lr=encoder_lr)
    made = recipe(
        pretraining=replace(recipe().pretraining, optimization=frozen, epochs=0.3),
        training=TrainingSettings(epochs=0.3, token_budget=700, optimization=moving),
    )
    before = build_model(made.model, fit_tasks(made.tasks, TRAIN), TRAIN, seed=made.seed)[0].turn_encoder.state_dict()
    system = made.train(TRAIN, TUNE, stage(tmp_path))
    after = system.model.turn_encoder.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items()) is (encoder_lr == 0.0)


def test_with_a_frozen_encoder_pretraining_reads_each_text_once_and_goes_on_with_the_same_digits(
    recipe, tmp_path, killed_after, monkeypatch
):
    texts, encode = [], TurnEncoder.forward
    settings = replace(recipe().pretraining, optimization=replace(FAST, encoder_lr=0.0), epochs=4.0)
    made = recipe(pretraining=settings, training=TrainingSettings(epochs=0.1, token_budget=700, optimization=FAST))

    def counting(self, buckets):
        if self.training or not torch.is_grad_enabled():
            texts.append(sum(len(bucket.input_ids) for bucket in buckets))
        return encode(self, buckets)

    monkeypatch.setattr(TurnEncoder, "forward", counting)
    monkeypatch.setattr(FineTuning, "on_fit_start", lambda self: texts.append(None))
    whole = digits(made.train(TRAIN, (), stage(tmp_path / "whole")))
    distinct = {text for dialogue in TRAIN for turn in dialogue.turns for text in (turn.request, turn.response)}
    assert sum(texts[: texts.index(None)]) < 3 * len(distinct)  # in 28 steps; some have values exchanged
    settings = stage(tmp_path / "stopped", checkpoint_every=3)
    killed_after("Pretraining", 7)
    with pytest.raises(Killed):
        made.train(TRAIN, (), settings)
    assert_same_digits(whole, digits(made.train(TRAIN, (), settings)))


def test_every_module_trains_even_if_the_encoder_came_in_evaluation_mode(recipe, tmp_path, monkeypatch):
    """Pretrained encoders come in evaluation mode, in which their dropout does nothing."""
    modes = []

    def look(self, batch, batch_idx):
        modes.append({module.training for module in self.modules()})

    def build(*arguments, **options):
        model, tokenizer = build_model(*arguments, **options)
        model.turn_encoder.eval()
        return model, tokenizer

    monkeypatch.setattr("selflearn.training.recipe.build_model", build)
    monkeypatch.setattr(SteppedModule, "on_train_batch_start", look)
    system = recipe().train(TRAIN, TUNE, stage(tmp_path))
    assert modes
    assert all(mode == {True} for mode in modes)
    assert not system.model.training


@pytest.mark.parametrize("progress", [True, False])
def test_what_a_trained_system_labels_is_shown_with_the_stages(recipe, tmp_path, capfd, progress):
    short = TrainingSettings(epochs=0.1, token_budget=700, optimization=FAST)
    made = recipe(pretraining=PretrainingSettings(epochs=0.0), training=short)
    system = made.train(TRAIN, TUNE, stage(tmp_path, progress=progress))
    assert ("labelling" in capfd.readouterr().err) is progress  # to choose the thresholds
    system.predict([d.observed() for d in TRAIN], [()] * len(TRAIN))
    assert (f"{len(TRAIN)}/{len(TRAIN)}" in capfd.readouterr().err) is progress


def test_without_context_or_a_later_turn_no_likeness_to_it_is_read(recipe):
    heard = tuple(RecognitionHypothesis(text=text, score=0.5) for text in ("a", "b"))
    spoken = [
        replace(dialogue, turns=tuple(replace(turn, recognition=heard) for turn in dialogue.turns))
        for dialogue in TRAIN
    ]  # fmt: skip

    def read(**settings):
        model = replace(recipe().model, dialogue=replace(recipe().model.dialogue, **settings))
        config = build_model(model, fit_tasks(["segmentation"], spoken), spoken, seed=0)[0].config
        return {name for name in config.feature_vocabulary().numeric if name.startswith("likeness.")}

    assert read() == {"likeness.before", "likeness.next", "likeness.after_next"}
    assert read(causal=True) == {"likeness.before"}
    assert read(layers=0) == set()


def test_the_baseline_without_context_differs_in_its_layers_alone(recipe):
    without = recipe().without_context()
    assert without.model.dialogue == replace(recipe().model.dialogue, layers=0)
    assert replace(without, model=recipe().model) == recipe()


def test_what_did_not_fit_in_training_is_counted(recipe, tmp_path):
    long = plain_dialogue(*[("dim it " * 30, "yes")] * 9, id="long")
    made = recipe(pretraining=PretrainingSettings(epochs=0.0), training=TrainingSettings(epochs=0.1, optimization=FAST))
    slot = Slot(name="room", start=0, end=4, text="hall")
    twice = TurnLabels(slots=(slot, replace(slot, name="record")))
    shared = plain_dialogue(("hall", "yes"), id="shared", labels=Labels(turns=(twice,)))
    system = made.train([*TRAIN, long, shared], TUNE, stage(tmp_path))
    longer = sum(len(d.turns) > 4 for d in TRAIN)
    assert system.trained_on == ReadCounts(truncated_texts=1, windowed_dialogues=longer + 1, labels_left_out=1)


TOO_LONG = {
    "dialogue 'long' has 9 turns and the model reads 4": plain_dialogue(*[("a", "b")] * 9, id="long"),
    "dialogue 'talker' has a text that is longer": plain_dialogue(("a" * 5000, "b"), id="talker"),
}


@pytest.mark.parametrize("message", TOO_LONG)
@pytest.mark.parametrize("pretraining", [True, False])
def test_an_error_about_what_is_too_long_comes_before_any_training(recipe, tmp_path, monkeypatch, message, pretraining):
    monkeypatch.setattr(lightning.Trainer, "fit", None)
    made = recipe(training=replace(recipe().training, on_overflow="error"))
    if not pretraining:
        made = replace(made, pretraining=PretrainingSettings(epochs=0.0))
    short = [d for d in TRAIN if len(d.turns) <= 4]
    with pytest.raises(TooLongError, match=message):
        made.train([*short, TOO_LONG[message]], TUNE, stage(tmp_path))


def test_thresholds_are_chosen_on_the_tuning_dialogues_and_kept_with_the_model(recipe, tmp_path):
    system = recipe(pretraining=PretrainingSettings(epochs=0.0)).train(TRAIN, TUNE, stage(tmp_path))
    chosen = system.thresholds
    predictions = system.predict([d.observed() for d in TUNE], asked_goals(TUNE))
    from selflearn.tasks.thresholds import binary_f1_cut

    table = system.model.tasks["defect"].tables(TUNE, predictions, chosen)["defect"]
    best = binary_f1_cut(table["score"], table["gold"], table["dialogue_id"].factorize()[0])
    assert chosen["defect"] == best.threshold
    assert system.model.config.decision_thresholds() == chosen
    bare = [d.with_labels(Labels()) for d in TUNE]
    assert choose_thresholds(system, bare) == choose_thresholds(system, []) == chosen  # nothing to choose by


def test_what_is_not_read_of_a_dialogue_has_no_say_in_thresholds():
    model, tokenizer = tiny_model(TRAIN, max_turns=4)
    system, long = ModelSystem(model, tokenizer, on_overflow="truncate"), long_home_dialogue(30)
    assert choose_thresholds(system, [long]) == choose_thresholds(system, [cut_dialogue(long, 0, 4)])
    assert system.thresholds["defect"] > 0


def test_a_dialogue_is_shown_in_a_view_by_its_share_and_the_same_for_seed_epoch_and_dialogue():
    settings = TrainingSettings(views=("before_notify",), view_share=0.4)
    dialogues = home_dialogues(200)
    shown = [_shown(d, settings, seed=1, epoch=0) for d in dialogues]
    assert shown == [_shown(d, settings, seed=1, epoch=0) for d in dialogues]
    assert shown != [_shown(d, settings, seed=1, epoch=1) for d in dialogues]
    share = sum(a is not b for a, b in zip(shown, dialogues, strict=True)) / 200
    assert 0.3 < share < 0.5
    assert all(_shown(d, TrainingSettings(), seed=1, epoch=0) is d for d in dialogues)


def test_a_batch_in_which_nothing_is_labelled_is_no_step_and_no_harm(recipe, tmp_path):
    some = [d if i % 6 == 0 else d.with_labels(Labels()) for i, d in enumerate(TRAIN)]
    made = recipe(
        pretraining=PretrainingSettings(epochs=0.0),
        training=TrainingSettings(epochs=1.0, token_budget=1, optimization=FAST),
    )
    system = made.train(some, TUNE, stage(tmp_path))
    assert all(value.isfinite().all() for value in system.model.state_dict().values())


def test_fixed_weights_and_a_causal_model_of_pairs_train_too(recipe, tmp_path):
    made = recipe(
        model=tiny_settings(pairing="pair", causal=True, layers=1), tasks=("segmentation", "success"),
        training=TrainingSettings(epochs=0.5, optimization=FAST, loss_weights={"success": 2.0}),
        pretraining=replace(recipe().pretraining, epochs=0.5),
    )  # fmt: skip
    system = made.train(
        TRAIN, TUNE, stage(tmp_path, hardware=HardwareConfig(accelerator="cpu", precision="bf16-mixed"))
    )
    assert system.bf16
    assert system.predict([TUNE[0].observed()], [[]])[0].boundaries[0] == 1.0


@pytest.mark.parametrize(("fast", "found"), [(True, "bf16-mixed"), (False, "32-true")])
def test_bfloat16_is_for_machines_that_have_it(monkeypatch, fast, found):
    monkeypatch.setattr("selflearn.training.stage.computes_bfloat16", lambda device: fast)
    assert precision(HardwareConfig(accelerator="cpu", precision="auto")) == found
    assert precision(HardwareConfig(accelerator="cpu", precision="32-true")) == "32-true"


@pytest.mark.parametrize("half", ["bf16-true", "16-true", "64-true"])
def test_weights_of_another_precision_are_refused_before_anything_is_trained(half):
    """Lightning would make the batches of that precision too, and cannot: they are frozen."""
    with pytest.raises(
        SettingError, match=rf"precision is '{half}'; expected one of auto, 32-true, bf16-mixed, 16-mix"
    ):
        HardwareConfig(accelerator="cpu", precision=half)


def test_placement_says_how_many_train_together_and_where():
    assert placement(HardwareConfig(accelerator="cpu")) == (1, torch.device("cpu"))
    assert placement(HardwareConfig(accelerator="cpu", devices=2))[0] == 2


@pytest.mark.parametrize("wrong", ["accelerator", "strategy"])
def test_hardware_that_lightning_does_not_know_is_refused_in_our_words(wrong):
    with pytest.raises(ValueError, match=rf"trainer\.{wrong}=abacus.* not what Lightning knows .*invalid {wrong} "):
        placement(HardwareConfig(**{wrong: "abacus"}))


@pytest.mark.parametrize("devices", [0, -1, "two"])
def test_devices_that_are_not_here_are_refused_in_our_words(devices):
    message = rf"trainer\.devices={devices} and .* has: .*; expected, for example, trainer\.accel"
    with pytest.raises(ValueError, match=message):
        placement(HardwareConfig(accelerator="cpu", devices=devices))


def test_a_stage_that_the_user_interrupts_is_not_taken_for_a_finished_one(recipe, tmp_path, monkeypatch):
    def interrupt(self, batch, batch_idx):
        raise KeyboardInterrupt

    monkeypatch.setattr(SteppedModule, "on_train_batch_start", interrupt)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        recipe(pretraining=PretrainingSettings(epochs=0.0)).train(TRAIN, TUNE, stage(tmp_path))
    assert not (tmp_path / "fine_tuning" / "weights.safetensors").exists()
