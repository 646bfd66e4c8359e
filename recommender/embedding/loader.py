"""Which encoder runs a model: chosen once, without importing torch."""

from __future__ import annotations

import importlib.util
import platform
import sys
from pathlib import Path

from recommender.embedding.encoder import Encoder, Precision
from recommender.errors import BadInput, UsageError
from recommender.types import EncoderChoice


def load_encoder(folder: Path, fingerprint: str, choice: str = EncoderChoice.AUTO, threads: int = 0) -> Encoder:
    """Load the model in `folder` on the chosen runtime; `fingerprint` is its hash, `threads` 0 means all cores.

    `auto` takes torch where there is a GPU, else the int8 network, else the fp32 network, else torch.
    Raises `UsageError` for an unknown choice, `BadInput` when the chosen network is missing, and `MissingExtra` when
    torch is wanted and not installed.
    """
    if choice not in list(EncoderChoice):
        raise UsageError(f"no encoder is called {choice!r}; choose one of {', '.join(EncoderChoice)}")
    if not folder.is_dir():
        raise BadInput(f"there is no model folder {folder}; import or train the model first")
    chosen = _resolve(folder, EncoderChoice(choice))
    if chosen is EncoderChoice.TORCH:
        # Imported here, so that serving on ONNX never reads the module that names torch.
        from recommender.embedding.torch_encoder import TorchEncoder

        return TorchEncoder(folder, fingerprint, threads=threads)
    # Imported here: a `similar` of an indexed product encodes nothing, and ONNX Runtime takes 50 ms to import.
    from recommender.embedding.onnx_encoder import OnnxEncoder

    precision = Precision.INT8 if chosen is EncoderChoice.ONNX_INT8 else Precision.FP32
    return OnnxEncoder(folder, fingerprint, precision, threads)


def _resolve(folder: Path, choice: EncoderChoice) -> EncoderChoice:
    if choice is not EncoderChoice.AUTO:
        return choice
    if _has_gpu() and importlib.util.find_spec("torch") and importlib.util.find_spec("sentence_transformers"):
        return EncoderChoice.TORCH
    if (folder / Precision.INT8.file).exists():
        return EncoderChoice.ONNX_INT8
    if (folder / Precision.FP32.file).exists():
        return EncoderChoice.ONNX
    return EncoderChoice.TORCH


def _has_gpu() -> bool:
    # Importing torch to ask it would take seconds. If torch can't use the GPU that is there, it runs the model on the
    # CPU: correct, but slower.
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return Path("/dev/nvidia0").exists() or Path("/dev/dxg").exists()
