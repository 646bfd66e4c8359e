"""Several processes that train one model, one a GPU. Imports torch: import it where training starts."""

from __future__ import annotations

import os

import torch
from torch import distributed


def process_count() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if _together() else 1


def is_first() -> bool:
    """Return whether this process is the one that evaluates, saves and reports."""
    return not _together() or distributed.get_rank() == 0


def local_device(device: str) -> str:
    """Return the device of this process among those of its machine."""
    local = os.environ.get("LOCAL_RANK")
    return f"cuda:{local}" if device == "cuda" and local is not None else device


def first_says(values: list[float], device: torch.device | str) -> list[float]:
    """Return what the first process gives: clocks differ, and all must do the same number of the same steps."""
    if not _together():
        return values
    told = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.broadcast(told, src=0)
    return [float(value) for value in told.tolist()]


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
