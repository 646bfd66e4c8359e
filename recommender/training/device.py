"""Where a model trains, and in which arithmetic."""

from __future__ import annotations

from recommender.training.options import Precision


def training_device(asked: str = "") -> str:
    """Return torch's name of the device to train on: the one asked for, else CUDA, else Apple's GPU, else the CPU."""
    import torch

    if asked:
        return asked
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def training_precision(asked: Precision, device: str) -> Precision:
    """Return the arithmetic to train in; `auto` is resolved to what is fast and safe on the device."""
    if asked is not Precision.AUTO:
        return asked
    if device.startswith("cuda"):
        return _cuda_precision()
    # Without bf16 instructions a CPU emulates them, slower than float32. With them a step takes two thirds of the time.
    return Precision.BF16 if device == "cpu" and _cpu_has_bf16() else Precision.FP32


def _cuda_precision() -> Precision:
    import torch

    return Precision.BF16 if torch.cuda.is_bf16_supported(including_emulation=False) else Precision.FP16


def _cpu_has_bf16() -> bool:
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
