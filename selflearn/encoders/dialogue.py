"""The dialogue encoder: turn vectors in, turn vectors that know their dialogue out."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from selflearn.encoders.attention import attention_kernels


def shift_turns(turns: Tensor, offset: int) -> Tensor:
    """What is of turn ``t + offset`` in the place of turn ``t``, zeros beyond the ends; ``[D, T, ...]`` in and out.

    Example:
        >>> shift_turns(torch.tensor([[[1.0], [2.0], [3.0]]]), -1).flatten().tolist()
        [0.0, 1.0, 2.0]
    """
    if not offset:
        return turns
    n = turns.shape[1]
    offset = max(-n, min(n, offset))
    each = [0, 0] * (turns.dim() - 2)  # torch counts from the last dimension, and turns are the second
    if offset < 0:
        return functional.pad(turns[:, : n + offset], [*each, -offset, 0])
    return functional.pad(turns[:, offset:], [*each, 0, offset])


def turn_positions(num_turns: int, size: int, device: torch.device) -> Tensor:
    """Sinusoidal positions, ``[num_turns, size]``, for any number of turns (Vaswani et al., 2017, section 3.5)."""
    half = torch.arange(0, size, 2, device=device) / size
    angles = torch.arange(num_turns, device=device)[:, None] / torch.pow(10_000.0, half)
    waves: Tensor = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :size]
    return waves


class TurnWindow(nn.Module):
    """Adds a linear map of the neighbouring turns, with weights of its own for each offset.

    The way a bag-of-words model reads a window: what stands two turns back matters otherwise than what stands here.

    Args:
        size: ``M``.
        before: turns looked back.
        after: turns looked ahead.
    """

    def __init__(self, size: int, *, before: int, after: int) -> None:
        super().__init__()
        self.offsets = [offset for offset in range(-before, after + 1) if offset]
        self.linear = nn.Linear(size * len(self.offsets), size) if self.offsets else None

    def forward(self, turns: Tensor) -> Tensor:
        """``[D, T, M]`` to ``[D, T, M]``; padding must be zero."""
        if self.linear is None:
            return turns
        neighbours = torch.cat([shift_turns(turns, offset) for offset in self.offsets], -1)
        out: Tensor = turns + self.linear(neighbours)
        return out


class TurnAttention(nn.Module):
    """Self-attention over turns with learned biases by distance in turns and in time.

    The logit of turn ``i`` attending to turn ``j`` has added a bias ``b[h, clip(j - i)]`` (Raffel et al., T5, 2020,
    section 2.1, without its buckets) and ``-softplus(s[h]) * log(1 + |seconds_i - seconds_j|)``, 0 where a time is
    unknown: turns that are far apart in time see less of each other.

    Args:
        size: ``M``.
        heads: number of heads.
        dropout: on attention weights.
        max_distance: distances beyond it share a bias.

    Raises:
        ValueError: ``size`` is no multiple of ``heads``.
    """

    def __init__(self, size: int, *, heads: int, dropout: float, max_distance: int = 16) -> None:
        super().__init__()
        if size % heads:
            raise ValueError(f"a width of {size} cannot be divided among {heads} heads")
        self.heads, self.dropout, self.max_distance = heads, dropout, max_distance
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.distance_bias = nn.Parameter(torch.zeros(heads, 2 * max_distance + 1))
        self.time_decay = nn.Parameter(torch.full((heads,), -3.0))

    def forward(self, turns: Tensor, allowed: Tensor, log_gaps: Tensor) -> Tensor:
        """``turns [D, T, M]``, ``allowed [D, T, T]`` (bool), ``log_gaps [D, T, T]``; returns ``[D, T, M]``."""
        d, t, m = turns.shape
        q, k, v = self.qkv(turns).view(d, t, 3, self.heads, m // self.heads).permute(2, 0, 3, 1, 4)
        steps = torch.arange(t, device=turns.device)
        distance = (steps[None, :] - steps[:, None]).clamp(-self.max_distance, self.max_distance) + self.max_distance
        bias = self.distance_bias[:, distance][None]  # [1, heads, T, T]
        bias = bias - functional.softplus(self.time_decay)[None, :, None, None] * log_gaps[:, None]
        bias = bias.masked_fill(~allowed[:, None], torch.finfo(bias.dtype).min)
        with attention_kernels():
            mixed = functional.scaled_dot_product_attention(
                q, k, v, attn_mask=bias.to(q.dtype), dropout_p=self.dropout if self.training else 0.0
            )
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(d, t, m))
        return out


class TurnLayer(nn.Module):
    """A pre-norm Transformer layer over turns (Xiong et al., 2020)."""

    def __init__(self, size: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.mlp_norm = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = TurnAttention(size, heads=heads, dropout=dropout)
        self.mlp = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))
        self.dropout = nn.Dropout(dropout)

    def forward(self, turns: Tensor, allowed: Tensor, log_gaps: Tensor) -> Tensor:
        """Same shapes as :class:`TurnAttention`."""
        turns = turns + self.dropout(self.attention(self.norm(turns), allowed, log_gaps))
        out: Tensor = turns + self.dropout(self.mlp(self.mlp_norm(turns)))
        return out


class DialogueEncoder(nn.Module):
    """A window over the neighbouring turns and a pre-norm Transformer over all of them.

    With ``layers=0`` there is no context at all: turns pass through, which is the ``no_context`` baseline.

    Args:
        size: width of turn vectors, ``M``.
        layers: Transformer layers.
        heads: attention heads.
        dropout: in every sublayer.
        window_before: turns the window looks back.
        window_after: turns it looks ahead; ignored when causal.
        causal: nothing after the current turn is seen.
    """

    def __init__(
        self,
        *,
        size: int,
        layers: int,
        heads: int,
        dropout: float = 0.1,
        window_before: int = 3,
        window_after: int = 2,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.window = TurnWindow(
            size, before=window_before if layers else 0, after=window_after if layers and not causal else 0
        )
        self.layers = nn.ModuleList(TurnLayer(size, heads=heads, dropout=dropout) for _ in range(layers))
        self.position_scale = nn.Parameter(torch.full((), 0.1))
        self.norm = nn.LayerNorm(size)

    def forward(self, turns: Tensor, turn_mask: Tensor, seconds: Tensor) -> Tensor:
        """Contextual turn states.

        Args:
            turns: ``[D, T, M]``.
            turn_mask: bool, ``[D, T]``, False on padding.
            seconds: since the start of the dialogue, ``[D, T]``, NaN where unknown.

        Returns:
            float, ``[D, T, M]``, zero on padding.
        """
        kept = turn_mask[..., None]
        if self.layers:
            turns = self.window(turns * kept)
            turns = turns + self.position_scale * turn_positions(turns.shape[1], turns.shape[2], turns.device)
            n = turn_mask.shape[1]
            # a padded turn sees itself, so that no row of the softmax is empty
            allowed = turn_mask[:, None, :] | torch.eye(n, dtype=torch.bool, device=turns.device)
            if self.causal:
                allowed = allowed & torch.ones(n, n, dtype=torch.bool, device=turns.device).tril()
            log_gaps = torch.log1p((seconds[:, :, None] - seconds[:, None, :]).abs().nan_to_num())
            for layer in self.layers:
                turns = layer(turns, allowed, log_gaps)
        out: Tensor = self.norm(turns) * kept
        return out


def attention_heads(size: int) -> int:
    """Heads of about 64 channels each that divide the width."""
    return next(heads for heads in range(max(1, math.ceil(size / 64)), size + 1) if size % heads == 0)
