"""Optimiser and schedule: AdamW with layer-wise rates in pretrained encoders, warm-up, then a straight line to zero."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import nn

from selflearn._limits import Checked, Limit, Share

_LAYER = re.compile(r"\b(?:layers?|block|h)\.(\d+)\.")
"""Where a name says the layer: T5 calls its layers blocks, and calls the parts of each layers; GPT-2 calls them h."""

_EMBEDDING = re.compile(r"embed|\bw[tp]e\.")
"""In the names of embeddings: T5 has embed_tokens, GPT-2 wte and wpe."""

_PRETRAINED = ("turn_encoder.", "audio_encoder.model.")
"""In the names of the parameters that come from a pretrained encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizationConfig(Checked):
    """Settings of the optimiser.

    Attributes:
        lr: learning rate outside the turn encoder.
        encoder_lr: learning rate of the last layer of the turn encoder, and of an audio encoder that learns; 0 freezes
            both.
        layer_decay: factor from one layer of these encoders to the one below it (Howard & Ruder, ULMFiT, 2018).
        weight_decay: of matrices; biases, norms and the embeddings of texts have none.
        warmup: share of the steps in which the rate rises from 0.
        clip: largest gradient norm.

    Raises:
        SettingError: a value is not of its kind or range.
    """

    lr: Annotated[float, Limit(above=0)] = 1e-3
    encoder_lr: Annotated[float, Limit(least=0)] = 3e-4
    layer_decay: Annotated[float, Limit(above=0, most=1)] = 0.9
    weight_decay: Annotated[float, Limit(least=0)] = 0.01
    warmup: Share = 0.1
    clip: Annotated[float, Limit(above=0)] = 1.0


def parameter_groups(named: Iterable[tuple[str, nn.Parameter]], config: OptimizationConfig) -> list[dict[str, Any]]:
    """Parameters by learning rate and weight decay.

    Args:
        named: names and parameters; those of pretrained encoders are told by their names.
        config: rates.
    """
    named = list(named)
    depths = {
        encoder: max((_layer(name) for name, _ in named if encoder in name), default=0) for encoder in _PRETRAINED
    }
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in named:
        if not parameter.requires_grad:
            continue
        lr = config.lr
        encoder = next((encoder for encoder in _PRETRAINED if encoder in name), None)
        if encoder is not None:
            lr = config.encoder_lr * config.layer_decay ** (depths[encoder] - _layer(name))
        decay = config.weight_decay if parameter.dim() > 1 and not _EMBEDDING.search(name) else 0.0
        groups.setdefault((lr, decay), []).append(parameter)
    return [{"params": members, "lr": lr, "weight_decay": decay} for (lr, decay), members in groups.items()]


def _layer(name: str) -> int:
    """Layer number of a parameter of an encoder; embeddings stand below the first layer."""
    found = _LAYER.search(name)
    return int(found[1]) + 1 if found else 0


def make_optimizer(
    named: Iterable[tuple[str, nn.Parameter]], config: OptimizationConfig, num_steps: int, *, fused: bool = True
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """AdamW (Loshchilov & Hutter, 2019) and its schedule over ``num_steps`` steps."""
    optimizer = torch.optim.AdamW(parameter_groups(named, config), betas=(0.9, 0.98), fused=fused)
    rise = max(1, round(config.warmup * num_steps))

    def factor(step: int) -> float:
        return min((step + 1) / rise, max(0.0, (num_steps - step) / max(1, num_steps - rise)), 1.0)

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
