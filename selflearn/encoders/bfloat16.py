"""Whether a machine computes in bfloat16, or only pretends to."""

from __future__ import annotations

import torch


def computes_bfloat16(device: torch.device) -> bool:
    """Whether matrices of bfloat16 are multiplied in hardware.

    A CPU without instructions for it (AVX-512 BF16, AMX, those of ARM) still does what it is asked, without any fast
    kernel: two orders of magnitude slower than in full precision.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    if torch.backends.cpu.get_cpu_capability().startswith(("AVX", "DEFAULT", "NO AVX")):
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
