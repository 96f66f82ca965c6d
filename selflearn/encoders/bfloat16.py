"""Whether a machine is faster in bfloat16, or only pretends to be."""

from __future__ import annotations

import torch


def computes_bfloat16(device: torch.device) -> bool:
    """Whether matrices of bfloat16 are multiplied by units of their own, which is faster than full precision.

    Of x86 CPUs these are the ones with AMX. AVX-512 BF16 alone multiplies no more at a time than full precision does,
    and converts besides: training takes half as long again. A CPU without either does what it is asked all the same,
    two orders of magnitude slower. Of ARM, oneDNN says whether there are instructions for it.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    if torch.backends.cpu.get_cpu_capability().startswith(("AVX", "DEFAULT", "NO AVX")):
        return bool(torch.cpu._is_amx_tile_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
