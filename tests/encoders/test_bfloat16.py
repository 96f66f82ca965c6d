"""Which devices compute in bfloat16 by themselves."""

from __future__ import annotations

import pytest
import torch

from selflearn.encoders.bfloat16 import computes_bfloat16


@pytest.mark.parametrize(
    ("capability", "amx", "onednn", "found"),
    [
        ("AVX512", True, True, True),
        ("AVX512", False, True, False),  # AVX-512 BF16: oneDNN takes it, and is slower than in full precision
        ("AVX2", False, False, False),
        ("NEON", False, True, True),
        ("NEON", False, False, False),
    ],
)
def test_a_cpu_does_where_that_is_faster(monkeypatch, capability, amx, onednn, found):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: onednn)
    assert computes_bfloat16(torch.device("cpu")) is found


def test_other_devices_are_not_asked_for_it():
    assert not computes_bfloat16(torch.device("meta"))
