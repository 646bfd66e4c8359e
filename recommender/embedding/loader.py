"""The encoder that runs a model, by its choice, without importing torch.

`runtimes` measures what a machine can run; `application/composition` chooses for an index and for queries.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from recommender.embedding.encoder import Encoder, Precision
from recommender.errors import BadInput, UsageError
from recommender.types import EncoderChoice

INTERCHANGEABLE = (EncoderChoice.OPENVINO, EncoderChoice.ONNX, EncoderChoice.TORCH)
"""Runtimes in full precision, or in a half precision of 16 bits: each may continue an index of another.

All vectors of one text by two of them have a cosine of 0.9999 and more.
"""


_LIBRARIES = {
    EncoderChoice.TORCH: ("torch", "sentence_transformers"),
    EncoderChoice.ONNX: ("onnxruntime",),
    EncoderChoice.ONNX_INT8: ("onnxruntime",),
    EncoderChoice.OPENVINO: ("openvino",),
    EncoderChoice.OPENVINO_INT8: ("openvino",),
}


def has_network(folder: Path, runtime: EncoderChoice) -> bool:
    """Return whether a runtime is installed and the model in `folder` has the network that it runs."""
    precision = Precision.INT8 if runtime is EncoderChoice.ONNX_INT8 else Precision.FP32
    present = runtime is EncoderChoice.TORCH or (folder / precision.file).exists()
    return present and all(map(importlib.util.find_spec, _LIBRARIES[runtime]))


def resolve_runtime(folder: Path) -> EncoderChoice:
    """Return the runtime that answers a query fastest: the int8 network, else the fp32 network, else torch."""
    networks = ((Precision.INT8, EncoderChoice.ONNX_INT8), (Precision.FP32, EncoderChoice.ONNX))
    present = (runtime for precision, runtime in networks if (folder / precision.file).exists())
    return next(present, EncoderChoice.TORCH)


def load_encoder(folder: Path, fingerprint: str, choice: str = EncoderChoice.AUTO, threads: int = 0) -> Encoder:
    """Load the model in `folder` on the chosen runtime; `fingerprint` is its hash, `threads` 0 means all cores.

    `auto` takes what answers a query fastest. Raises `UsageError` for an unknown choice, `BadInput` when the chosen
    network is missing, and `MissingExtra` when a runtime is wanted and not installed.
    """
    if choice not in list(EncoderChoice):
        raise UsageError(f"no encoder is called {choice!r}; choose one of {', '.join(EncoderChoice)}")
    if not folder.is_dir():
        raise BadInput(f"there is no model folder {folder}; import or train the model first")
    chosen = EncoderChoice(choice)
    if chosen is EncoderChoice.AUTO:
        chosen = resolve_runtime(folder)
    precision = Precision.INT8 if chosen.endswith("-int8") else Precision.FP32
    # Each runtime is imported where it is used: a `similar` of an indexed product encodes nothing, ONNX Runtime takes
    # 50 ms, OpenVINO 150, and serving on them must never read the module that names torch.
    if chosen is EncoderChoice.TORCH:
        from recommender.embedding.torch_encoder import TorchEncoder

        return TorchEncoder(folder, fingerprint, threads=threads)
    if chosen in (EncoderChoice.OPENVINO, EncoderChoice.OPENVINO_INT8):
        from recommender.embedding.openvino_encoder import OpenVinoEncoder

        return OpenVinoEncoder(folder, fingerprint, precision, threads)
    from recommender.embedding.onnx_encoder import OnnxEncoder

    return OnnxEncoder(folder, fingerprint, precision, threads)
