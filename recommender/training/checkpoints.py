"""The folder of a run: what an interrupted training continues from. Imports torch.

RUN/trainer/checkpoint-N/   the trainer's own: weights, optimiser, scheduler, random states
RUN/trainer/checkpoint-N/progress.json, loss.safetensors    ours, written last: with them a checkpoint is complete
RUN/best.safetensors        the weights of the best evaluation so far
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from recommender.files import replace_file

_PROGRESS = "progress.json"
_LOSS = "loss.safetensors"
_BEST = "best.safetensors"


class Checkpoints:
    """Writes and finds the checkpoints of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trainer_folder = folder / "trainer"

    def latest(self) -> Path | None:
        """Return the newest complete checkpoint; None when there is none."""
        found = [path.parent for path in self.trainer_folder.glob(f"checkpoint-*/{_PROGRESS}")]
        return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)

    def complete(self, step: int, progress: Mapping[str, Any], loss_weights: Mapping[str, torch.Tensor]) -> None:
        """Add to the trainer's checkpoint of a step what the trainer does not keep; only then is it complete."""
        checkpoint = self.trainer_folder / f"checkpoint-{step}"
        save_file(dict(loss_weights), checkpoint / _LOSS)
        replace_file(checkpoint / _PROGRESS, json.dumps(progress).encode())

    def progress(self, checkpoint: Path) -> dict[str, Any]:
        """Return the progress that `complete` stored."""
        stored: dict[str, Any] = json.loads((checkpoint / _PROGRESS).read_text(encoding="utf-8"))
        return stored

    def restore_loss(self, checkpoint: Path, losses: Mapping[str, nn.Module]) -> None:
        """Load the weights of the losses back into them."""
        stored = load_file(checkpoint / _LOSS)
        with torch.no_grad():
            for name, tensor in loss_weights(losses).items():
                tensor.copy_(stored[name])

    def save_best(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Keep the weights of the best evaluation; after a crash either the old ones or these are there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        staged = self.folder / f".{_BEST}"
        save_file({name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in weights.items()}, staged)
        staged.replace(self.folder / _BEST)

    def best(self) -> dict[str, torch.Tensor] | None:
        """Return the weights of the best evaluation; None before the first one."""
        path = self.folder / _BEST
        return dict(load_file(path)) if path.exists() else None


def loss_weights(losses: Mapping[str, nn.Module]) -> dict[str, torch.Tensor]:
    """Return the parameters and buffers of the losses, without those of the model and of a guide."""
    return {
        f"{name}.{key}": tensor
        for name, loss in losses.items()
        for key, tensor in loss.state_dict().items()
        if not {"model", "guide"} & set(key.split("."))
    }
