"""Which implementation of attention the encoders use."""

from __future__ import annotations

from contextlib import AbstractContextManager

from torch.nn.attention import SDPBackend, sdpa_kernel


def attention_kernels() -> AbstractContextManager[None]:
    """Inside it, torch chooses among its own kernels of scaled dot-product attention, without cuDNN's.

    cuDNN plans its work anew for every shape that it has not met, and each batch of dialogues has a shape of its own:
    with MiniLM and 2,500 tokens a step, training on an H200 (torch 2.11) took 289 ms a step with it, most of it
    planning, and 102 ms without.
    """
    kernels: AbstractContextManager[None] = sdpa_kernel(
        [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
    )
    return kernels
