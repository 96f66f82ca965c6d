import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, T5Config

from selflearn.corpora.table import write_jsonl
from selflearn.encoders import load_encoder
from selflearn.models import LabelGenerator, LabelGeneratorConfig, WeightsError, load_tokenizer, save_model
from selflearn.tasks import IntentTask, Thresholds
from selflearn.tasks.success import SuccessTask
from tests.fixtures.dialogues import home_dialogues, tiny_model

DIALOGUES = home_dialogues(12)
ROOT = Path(__file__).parents[2]

FRESH_PROCESS = """
import json, sys
import torch
from selflearn.models import LabelGenerator, load_tokenizer
from selflearn.schema import Dialogue

directory, dialogues, out = sys.argv[1:]
model = LabelGenerator.from_pretrained(directory)
rows = [Dialogue.from_dict(json.loads(line)) for line in open(dialogues)]
batch = model.collator(load_tokenizer(directory))(rows)
with torch.no_grad():
    found = model(batch)
torch.save({"turns": found.turns, "losses": found.losses, **found.logits}, out)
print(json.dumps({
    "training": model.training, "class": type(model).__name__,
    "foreign": sorted({name.partition(".")[0] for name in sys.modules} & {"hydra", "omegaconf", "wandb", "lightning"}),
}))
"""


def logits(model, tokenizer):
    with torch.no_grad():
        out = model.eval()(model.collator(tokenizer)(DIALOGUES))
    return {"turns": out.turns, "losses": out.losses, **out.logits}


def assert_same_numbers(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        if isinstance(value, dict):
            assert_same_numbers(value, other[name])
        else:
            torch.testing.assert_close(other[name], value, rtol=0, atol=0)


def test_a_fresh_process_without_hydra_says_the_same_from_a_directory_that_was_moved(tmp_path):
    model, tokenizer = tiny_model(DIALOGUES, pairing="pair", max_tokens=128)
    expected = logits(model, tokenizer)
    save_model(model, tokenizer, tmp_path / "made" / "here")
    shutil.move(tmp_path / "made" / "here", tmp_path / "moved there")
    shutil.rmtree(tmp_path / "made")
    write_jsonl(DIALOGUES, tmp_path / "dialogues.jsonl")
    arguments = [tmp_path / "moved there", tmp_path / "dialogues.jsonl", tmp_path / "logits.pt"]
    ran = subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"training": False, "class": "LabelGenerator", "foreign": []}
    assert_same_numbers(expected, torch.load(tmp_path / "logits.pt", weights_only=True))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model, tokenizer = tiny_model(DIALOGUES, causal=True)
    directory = tmp_path_factory.mktemp("model")
    model.config.thresholds = {"segmentation": 0.4, "success": 0.3, "defect": 0.2}
    save_model(model, tokenizer, directory)
    return model, tokenizer, directory


def test_auto_classes_know_the_model(saved):
    model, tokenizer, directory = saved
    assert isinstance(AutoConfig.from_pretrained(directory), LabelGeneratorConfig)
    loaded = AutoModel.from_pretrained(directory)
    assert isinstance(loaded, LabelGenerator)
    assert_same_numbers(logits(model, tokenizer), logits(loaded, load_tokenizer(directory)))


def test_the_directory_holds_everything_and_weights_as_safetensors_alone(saved):
    model, _, directory = saved
    files = {path.name for path in directory.rglob("*") if path.is_file()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= files
    assert {Path(name).suffix for name in files} <= {".json", ".safetensors", ".jinja", ".txt"}
    config = json.loads((directory / "config.json").read_text())
    assert config["tasks"]["intent"] == ["DimLights", "PlayRecord", "SetTimer"]
    assert set(config["tasks"]) == set(model.tasks)
    assert set(config["features"]["categorical"]["status"]) == {"ok", "error"}
    assert config["seen_domains"] == ["clock", "lights", "music"]
    assert str(directory) not in (directory / "config.json").read_text()


def test_thresholds_features_and_tasks_come_back(saved):
    model, _, directory = saved
    loaded = LabelGenerator.from_pretrained(directory)
    assert loaded.config.decision_thresholds() == Thresholds(segmentation=0.4, success=0.3, defect=0.2)
    assert loaded.config.feature_vocabulary() == model.config.feature_vocabulary()
    assert {name: task.labels for name, task in loaded.tasks.items()} == {n: t.labels for n, t in model.tasks.items()}
    assert loaded.config.causal
    assert loaded.dialogue_encoder.causal


def test_features_in_any_order_belong_to_their_weights_when_they_come_back(saved, tmp_path):
    """Keys are sorted in config.json, so that weights must not depend on the order in which they were given."""
    model, tokenizer, _ = saved
    config = LabelGeneratorConfig.from_dict(model.config.to_dict())
    given = config.features
    config.features = {
        part: dict(reversed(given[part].items())) if isinstance(given[part], dict) else given[part] for part in given
    }
    config.tasks = dict(reversed(config.tasks.items()))
    turned = LabelGenerator(config)
    save_model(turned, tokenizer, tmp_path)
    assert_same_numbers(logits(turned, tokenizer), logits(LabelGenerator.from_pretrained(tmp_path), tokenizer))


def test_success_trains_on_found_goals_whatever_the_order_of_the_tasks(saved):
    model, tokenizer, _ = saved
    config = LabelGeneratorConfig.from_dict(model.config.to_dict())
    config.tasks = {"success": [], "segmentation": []}
    turned = LabelGenerator(config).train()
    seen = []
    turned.tasks["success"].loss = lambda head, encoded, targets, logits: (
        seen.append(set(logits)) or encoded.turns.sum() * 0
    )
    turned(turned.collator(tokenizer)(DIALOGUES))
    assert seen == [{"segmentation"}]


def test_saving_what_was_loaded_gives_the_same_files(saved, tmp_path):
    _, _, directory = saved
    save_model(LabelGenerator.from_pretrained(directory), load_tokenizer(directory), tmp_path)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        assert (tmp_path / name).read_bytes() == (directory / name).read_bytes(), name


def test_a_config_with_an_unknown_key_is_refused_with_the_nearest_known_one(saved, tmp_path):
    _, _, directory = saved
    shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"max_turn": 9}))
    with pytest.raises(ValueError, match=r"no key 'max_turn' \(= 9\); nearest: \['max_turns'\]"):
        LabelGenerator.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="no key 'zzz'"):
        LabelGeneratorConfig(zzz=1)


@pytest.mark.parametrize("pairing", ["pairs", "", None])
def test_an_unknown_pairing_is_refused(pairing):
    with pytest.raises((ValueError, TypeError)):
        LabelGeneratorConfig(pairing=pairing)


@pytest.mark.parametrize("load", [LabelGenerator.from_pretrained, AutoModel.from_pretrained])
def test_weights_that_lack_one_are_refused_and_none_is_made_up(tmp_path, load):
    model, tokenizer = tiny_model(DIALOGUES)
    save_model(model, tokenizer, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    lost = next(name for name in weights if name.startswith("fusion"))
    save_file({name: value for name, value in weights.items() if name != lost}, tmp_path / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip
    with pytest.raises(WeightsError, match=rf"does not fit config\.json \(first: {lost}\); expected both of one"):
        load(tmp_path)


@pytest.mark.parametrize("load", [LabelGenerator.from_pretrained, AutoModel.from_pretrained])
def test_weights_in_another_precision_are_refused_before_they_meet_features(saved, load):
    _, _, directory = saved
    with pytest.raises(WeightsError, match=r"weights in torch\.bfloat16 would meet .*; expected dtype=torch\.float32"):
        load(directory, dtype=torch.bfloat16)


def test_a_task_of_goals_that_nobody_asks_about_is_refused():
    class UrgentTask(SuccessTask):
        name = "urgent"

    tasks = {"urgent": UrgentTask()}
    config = tiny_model(DIALOGUES)[0].config
    with pytest.raises(ValueError, match=r"the level of task 'urgent' is 'goal', .*expected 'turn' or 'token'"):
        LabelGenerator(config, tasks=tasks)


@pytest.mark.parametrize("said", [None, {"defect": []}, {"intent": ["a", "b"]}, {"intent": ["b"]}])
def test_tasks_that_are_not_those_of_the_config_are_refused_before_they_are_trained(said):
    """Saved, such a model could not be loaded."""
    config = LabelGeneratorConfig(encoder=tiny_model(DIALOGUES)[0].config.encoder, tasks=said)
    with pytest.raises(ValueError, match=r"the tasks with their labels are .*'intent': \['a'\].*and config\.tasks is"):
        LabelGenerator(config, tasks={"intent": IntentTask(["a"])})


def test_a_config_without_an_encoder_says_what_is_missing():
    with pytest.raises(ValueError, match=r"has no turn encoder; expected `encoder` to hold its config\.json"):
        LabelGenerator(LabelGeneratorConfig(tasks={"defect": []}))


def test_the_encoder_of_one_that_also_writes_is_saved_and_loaded_without_its_decoder(tmp_path):
    from selflearn.training.build import build_model, fit_tasks
    from tests.fixtures.dialogues import tiny_settings

    torch.manual_seed(0)
    small = T5Config(vocab_size=261, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, pad_token_id=1)
    AutoModel.from_config(small).save_pretrained(tmp_path / "t5")
    load_encoder("tiny")[1].save_pretrained(tmp_path / "t5")
    settings = replace(tiny_settings(), encoder=str(tmp_path / "t5"))
    model, tokenizer = build_model(settings, fit_tasks(["intent", "slots"], DIALOGUES), DIALOGUES, seed=0)
    save_model(model, tokenizer, tmp_path / "model")
    loaded = LabelGenerator.from_pretrained(tmp_path / "model")
    assert_same_numbers(logits(model, tokenizer), logits(loaded, load_tokenizer(tmp_path / "model")))
    assert type(loaded.turn_encoder.model).__name__ == "T5Stack"


def test_a_model_of_another_architecture_as_turn_encoder_is_saved_and_loaded(tmp_path):
    """The weights of an encoder that is a real pretrained one, and all its buffers, come back as they were."""
    from selflearn.training.build import build_model, fit_tasks
    from tests.fixtures.dialogues import tiny_settings

    encoder, _ = load_encoder("minilm")
    settings = type(tiny_settings())(encoder="minilm", dialogue=tiny_settings().dialogue, max_tokens=32)
    model, tokenizer = build_model(settings, fit_tasks(["intent", "slots"], DIALOGUES), DIALOGUES, seed=0)
    torch.testing.assert_close(
        model.turn_encoder.model.embeddings.word_embeddings.weight, encoder.embeddings.word_embeddings.weight
    )
    save_model(model, tokenizer, tmp_path)
    loaded = LabelGenerator.from_pretrained(tmp_path)
    assert_same_numbers(logits(model, tokenizer), logits(loaded, load_tokenizer(tmp_path)))
    assert len(tokenizer) == len(load_tokenizer(tmp_path))
