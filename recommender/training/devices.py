"""What a model trains on: device, arithmetic, and the processes that train together, one per GPU. Imports torch.

Import this module only where training starts.
"""

from __future__ import annotations

import os
import time

import torch
from torch import distributed, nn
from torch.nn import functional

from recommender.errors import UsageError, library_error
from recommender.training.options import TrainingPrecision

_WORTH = 1.1
"""How many times as fast bf16 must be to be chosen. It has only three digits, and two measurements differ by a few
percent."""

_MEASURE_S = 0.5
"""Seconds of processor time after which the measurement of the arithmetic begins no other turn."""

_MOST_TURNS = 20


def training_device(name: str = "") -> str:
    """Return torch's name of the device to train on: the one given, else CUDA, else Apple's GPU, else the CPU.

    Raises `UsageError` for a name that torch does not know, and for a device that does not exist here.
    """
    if name:
        try:
            torch.zeros(1, device=name).item()  # there are devices that hold no values
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise UsageError(
                f"--device {name}: {library_error(error)}; give one that is here, or leave it out"
            ) from error
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def training_precision(
    precision: TrainingPrecision, device: str, model: nn.Module, tokens: int
) -> tuple[TrainingPrecision, dict[str, float]]:
    """Return the arithmetic to train in, and the GFLOP/s by arithmetic that `auto` measured on a CPU to choose it.

    On a GPU, `auto` takes bf16 if the device has it, else fp16. With several processes, the first one decides.
    """
    if precision is TrainingPrecision.FP16 and device == "cpu":
        raise UsageError("--precision fp16 is for GPUs; on a CPU give fp32 or bf16, or leave it out")
    if precision is not TrainingPrecision.AUTO:
        return precision, {}
    if device.startswith("cuda"):
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
        return (TrainingPrecision.BF16 if supported else TrainingPrecision.FP16), {}
    if device != "cpu":
        return TrainingPrecision.FP32, {}
    rates = measure_rates(model, tokens)
    faster = rates[TrainingPrecision.BF16] > _WORTH * rates[TrainingPrecision.FP32]
    chosen = bool(broadcast([float(faster)], device)[0])
    return (TrainingPrecision.BF16 if chosen else TrainingPrecision.FP32), rates


def computing_in(precision: TrainingPrecision, device: str) -> torch.autocast:
    """Return the context in which a model encodes in the arithmetic of its training."""
    dtype = torch.float16 if precision is TrainingPrecision.FP16 else torch.bfloat16
    return torch.autocast(torch.device(device).type, dtype, enabled=precision is not TrainingPrecision.FP32)


def measure_rates(model: nn.Module, tokens: int) -> dict[str, float]:
    """Return how fast the layers of a model multiply `tokens` rows in fp32 and in bf16, as GFLOP/s of processor time.

    The layers of each shape are run forwards and backwards as the trainer would, both arithmetics in turns.
    """
    layers = {tuple(layer.weight.shape): layer for layer in model.modules() if isinstance(layer, nn.Linear)}
    seconds = {TrainingPrecision.FP32: float("inf"), TrainingPrecision.BF16: float("inf")}
    begun, turns = time.process_time(), 0
    while turns < 2 or (time.process_time() - begun < _MEASURE_S and turns < _MOST_TURNS):
        for precision in seconds:
            started = time.process_time()
            for (_, width), layer in layers.items():
                # Ones, not random numbers: those that the run draws must not depend on how long this took.
                rows = torch.ones(tokens, width, requires_grad=True)
                with computing_in(precision, "cpu"):
                    result = functional.linear(rows, layer.weight)
                learnt = [rows, layer.weight] if layer.weight.requires_grad else [rows]  # an adapter freezes weights
                torch.autograd.grad(result, learnt, torch.ones_like(result))
            seconds[precision] = min(seconds[precision], time.process_time() - started)
        turns += 1
    work = 6e-9 * tokens * sum(rows * columns for rows, columns in layers)
    return {precision.value: round(work / max(took, 1e-9), 1) for precision, took in seconds.items()}


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
    """Return the first process's values: clocks differ, and all processes must make the same steps."""
    if not has_processes():
        return values
    sent = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.broadcast(sent, src=0)
    return [float(value) for value in sent.tolist()]
