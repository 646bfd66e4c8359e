"""A model on torch: bulk encoding on a GPU, and what ONNX can't run."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recommender.embedding.architecture import read_prompts
from recommender.embedding.encoder import Role, Vectors
from recommender.embedding.pretrained import load_pretrained
from recommender.errors import BadInput, MissingExtra, UsageError
from recommender.library_logging import quiet_libraries

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_TEXTS_PER_RUN = {"cpu": 32, "mps": 128, "cuda": 256}
_SHORT_NAMES = {"torch.float32": "fp32", "torch.float16": "fp16", "torch.bfloat16": "bf16"}


class TorchEncoder:
    """Encodes with sentence-transformers, in half precision on a GPU. Safe to call from several threads.

    `device` is `auto` (cuda, else mps, else cpu) or one that torch knows; `threads` sets torch's threads in the whole
    process, 0 leaves them. Raises `MissingExtra` without torch and `BadInput` for a device or a folder that fails.
    """

    def __init__(self, folder: Path, fingerprint: str, device: str = "auto", threads: int = 0) -> None:
        if not importlib.util.find_spec("torch") or not importlib.util.find_spec("sentence_transformers"):
            raise MissingExtra("train", "running a model on torch")
        import torch

        if threads:
            torch.set_num_threads(threads)
        self._device = _resolve_device(device)
        precision = torch.float16 if self._device == "mps" else torch.float32
        if self._device.startswith("cuda"):
            precision = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        with quiet_libraries():
            model = load_pretrained(folder, self._device, precision)
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise BadInput(f"the model in {folder} does not say its dimension; add a pooling and save it again")
        self._model: SentenceTransformer | None = model
        self.dimension = int(dimension)
        self._prompts = dict(zip((Role.QUERY, Role.DOCUMENT), read_prompts(folder), strict=True))
        self.fingerprint = fingerprint
        self.name = f"torch-{self._device.partition(':')[0]}-{_SHORT_NAMES[str(precision)]}"

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode texts in the order given: float32 [n, dimension], each row of length 1."""
        model = self._model
        if model is None:
            raise UsageError("this encoder is closed; load the model again")
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        tensors = model.encode(
            list(texts),
            prompt=self._prompts[role],
            batch_size=_TEXTS_PER_RUN.get(self._device.partition(":")[0], _TEXTS_PER_RUN["cpu"]),
            show_progress_bar=False,
            convert_to_tensor=True,
        )
        # Normalised here, in fp32: a half-precision model is off by a thousandth when it normalises.
        vectors = tensors.float().cpu().numpy()
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def close(self) -> None:
        """Give back the memory that the model holds; encoding afterwards is a `UsageError`."""
        self._model = None
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.empty_cache()


def _resolve_device(choice: str) -> str:
    import torch

    if choice == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if choice.startswith("cuda") and not torch.cuda.is_available():
        raise BadInput(f"the device {choice!r} is not there; choose auto or cpu, or install torch for CUDA")
    try:
        torch.device(choice)
    except RuntimeError as error:
        raise BadInput(f"torch knows no device {choice!r}; choose auto, cuda, mps or cpu") from error
    return choice
