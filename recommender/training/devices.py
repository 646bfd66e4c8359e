"""What a model trains on: the device, the arithmetic, and the processes that train together, one a GPU. Imports torch.

Import it where training starts.
"""

from __future__ import annotations

import os

import torch
from torch import distributed

from recommender.errors import UsageError, library_error
from recommender.training.options import TrainingPrecision


def training_device(name: str = "") -> str:
    """Return torch's name of the device to train on: the one given, else CUDA, else Apple's GPU, else the CPU.

    Raises `UsageError` for a name that torch does not know, and for a device that is not here.
    """
    if name:
        try:
            torch.zeros(1, device=name)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise UsageError(
                f"--device {name}: {library_error(error)}; give one that is here, or leave it out"
            ) from error
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def training_precision(precision: TrainingPrecision, device: str) -> TrainingPrecision:
    """Return the arithmetic to train in; `auto` becomes the one that is fast and safe on the device."""
    if precision is TrainingPrecision.FP16 and device == "cpu":
        raise UsageError("--precision fp16 is for GPUs; on a CPU give fp32 or bf16, or leave it out")
    if precision is not TrainingPrecision.AUTO:
        return precision
    if device.startswith("cuda"):
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
        return TrainingPrecision.BF16 if supported else TrainingPrecision.FP16
    # Without bf16 instructions a CPU emulates them, slower than float32. With them a step takes two thirds of the time.
    capabilities = torch.cpu.get_capabilities() if device == "cpu" else {}
    fast = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return TrainingPrecision.BF16 if fast else TrainingPrecision.FP32


def local_device(device: str) -> str:
    """Return the device of this process among those of its machine."""
    local = os.environ.get("LOCAL_RANK")
    return f"cuda:{local}" if device == "cuda" and local is not None else device


def has_processes() -> bool:
    """Return whether several processes train together."""
    return distributed.is_available() and distributed.is_initialized()


def process_count() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if has_processes() else 1


def is_first() -> bool:
    """Return whether this process is the one that evaluates, saves and reports."""
    return not has_processes() or distributed.get_rank() == 0


def broadcast(values: list[float], device: torch.device | str) -> list[float]:
    """Return the first process's values: clocks differ, and all must make the same number of the same steps."""
    if not has_processes():
        return values
    sent = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.broadcast(sent, src=0)
    return [float(value) for value in sent.tolist()]
