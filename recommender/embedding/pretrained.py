"""Loading models from folders safely: no code of the model's own, and no pickles."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.errors import BadInput

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

DERIVED_FOLDERS = ("onnx", "openvino", "checkpoint-*", "eval", "runs", ".*", "__pycache__")
"""Folders that hold no part of the model itself."""

LOADING_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, TypeError)
"""What the libraries raise for a folder that does not load; callers turn it into their own message."""


def load_pretrained(
    folder: Path, device: str = "cpu", dtype: torch.dtype | None = None, **model_options: Any
) -> SentenceTransformer:
    """Load a sentence-transformers folder, or a raw transformer, in `dtype` (float32); nothing is downloaded.

    `model_options` go to transformers with the weights. Raises `BadInput` for pickled weights, and `LOADING_ERRORS` as
    the libraries raise them. Imports torch.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    # transformers refuses pickles by `use_safetensors`; the modules after it (Dense, ...) would fall back on one.
    require_safetensors(folder)
    return SentenceTransformer(
        str(folder),
        device=device,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={**model_options, "use_safetensors": True, "dtype": dtype or torch.float32},
    )


def require_safetensors(folder: Path) -> None:
    """Raise `BadInput` unless every part of the model has its weights as safetensors: pickles run code when read."""
    if not folder.is_dir():
        raise BadInput(f"there is no model folder {folder}; give a folder as sentence-transformers saves it")
    for pickled in model_files(folder):
        if fnmatch(pickled.name, "pytorch_model*.bin") and not any(pickled.parent.glob("*.safetensors")):
            raise BadInput(
                f"{pickled} is pickled, and pickles are not loaded; save the model again with safetensors weights"
            )
    if not any(path.suffix == ".safetensors" for path in model_files(folder)):
        raise BadInput(f"no .safetensors weights in {folder}; give a folder as sentence-transformers saves it")


def model_files(folder: Path) -> Iterator[Path]:
    """Iterate over the files that a model is loaded from, without those of `DERIVED_FOLDERS`."""
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif path.is_dir() and not any(fnmatch(path.name, pattern) for pattern in DERIVED_FOLDERS):
            yield from model_files(path)
