"""Export of a model to ONNX, checked against torch, and its int8 version, measured."""

from __future__ import annotations

import importlib.util
import io
import logging
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.architecture import read_architecture
from recommender.embedding.onnx_encoder import OnnxEncoder, load_tokenizer
from recommender.embedding.precision import Precision
from recommender.errors import BadInput, MissingExtra
from recommender.quiet import quiet_libraries

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

    from recommender.embedding.encoder import Vectors

MAX_DISTANCE = 1e-4
"""The largest cosine distance between a text's vectors from ONNX fp32 and from torch that still counts as the same."""

_OPSET = 20
"""The first with Gelu as one operator; every ONNX Runtime that this project admits runs it."""

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_NOISY_LOGGERS = ("torch.onnx._internal.exporter._registration", "torch.export", "onnxscript", "onnx_ir")
_LONG_TEXT_REPEATS = 40
_MAX_SAMPLE = 256


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How near the exported networks are to torch, over the sample: distances and cosines between unit vectors."""

    fp32_max_distance: float
    int8_mean_cosine: float
    int8_min_cosine: float
    seconds: float
    opset: int


def export(folder: Path, texts_sample: Sequence[str]) -> ExportReport:
    """Write `onnx/model.onnx` and `onnx/model_qint8.onnx` into a model folder, and say how near they are to torch.

    The whole path is compared, tokenizer and pooling included, on `texts_sample` and on an empty and a long text.
    Raises `BadInput`, leaving the folder as it was, when the model can't be exported or differs from torch by more than
    `MAX_DISTANCE`; it runs on torch then. Raises `MissingExtra` without torch.
    """
    if not all(importlib.util.find_spec(name) for name in ("torch", "sentence_transformers", "onnxscript")):
        raise MissingExtra("train", "exporting a model to ONNX")
    started = time.monotonic()
    load_tokenizer(read_architecture(folder))  # what ONNX serving can't run is not worth a minute of export
    sample = _sample(texts_sample)
    with _quiet(), tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as temporary:
        staged = _staged(folder, Path(temporary))
        model = _torch_model(folder)
        expected = _torch_vectors(model, folder, sample)
        _export_network(model, folder, staged / Precision.FP32.file)
        distance = _checked_distance(staged, folder, sample, expected)
        _quantise(staged)
        cosines = _row_cosines(_onnx_vectors(staged, Precision.INT8, sample), expected)
        _install(staged / "onnx", folder / "onnx")
    return ExportReport(
        fp32_max_distance=distance,
        int8_mean_cosine=float(cosines.mean()),
        int8_min_cosine=float(cosines.min()),
        seconds=time.monotonic() - started,
        opset=_OPSET,
    )


def _sample(texts: Sequence[str]) -> list[str]:
    step = max(1, len(texts) // _MAX_SAMPLE)
    chosen = list(texts[::step][:_MAX_SAMPLE])
    words = " ".join(chosen[:_LONG_TEXT_REPEATS]) or "text"
    return [*chosen, "", "a", words, " ".join([words] * 2)]


def _staged(folder: Path, temporary: Path) -> Path:
    """Copy what an encoder reads besides the weights, so that the check runs on the files as they will lie."""
    staged = temporary / "model"
    heavy = shutil.ignore_patterns("onnx", "checkpoint-*", ".*", "*.bin", "openvino")
    root_weights = {folder / "model.safetensors"}

    def left_out(directory: str, names: list[str]) -> set[str]:
        ignored = set(heavy(directory, names))
        return ignored | {name for name in names if Path(directory) / name in root_weights}

    shutil.copytree(folder, staged, ignore=left_out)
    (staged / "onnx").mkdir()
    return staged


def _torch_model(folder: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            # Written out, attention becomes operators that the runtime fuses: 1.2 times the speed of torch's SDPA.
            model_kwargs={"use_safetensors": True, "attn_implementation": "eager"},
        ).eval()
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise _failed(folder, error) from error


def _torch_vectors(model: SentenceTransformer, folder: Path, texts: list[str]) -> Vectors:
    vectors = model.encode(
        texts,
        prompt=read_architecture(folder).document_prompt,
        normalize_embeddings=True,
        show_progress_bar=False,
    )
    return np.asarray(vectors, dtype=np.float32)


def _export_network(model: SentenceTransformer, folder: Path, target: Path) -> None:
    import torch

    network, names = _network(model)
    # Two rows of several tokens: torch.export takes a size of 0 or 1 for a constant. One tensor for each input: it
    # takes the same tensor given twice for the same input.
    examples = tuple(
        (torch.zeros if name == "token_type_ids" else torch.ones)((2, 8), dtype=torch.long) for name in names
    )
    axes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        program = torch.onnx.export(
            network,
            examples,
            dynamo=True,
            verbose=False,
            opset_version=_OPSET,
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_shapes={"inputs": tuple(axes for _ in names)},
        )
        if program is None:
            raise RuntimeError("the exporter gave nothing back")
        program.save(str(target), external_data=False)
    except Exception as error:  # the exporter raises whatever a model's own code raises
        raise _failed(folder, error) from error


def _network(model: SentenceTransformer) -> tuple[torch.nn.Module, list[str]]:
    import torch

    transformer: Any = model[0]
    accepted = transformer.tokenizer.model_input_names
    names = [name for name in _INPUTS if name in accepted]

    class LastHiddenState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer.model

        def forward(self, *inputs: Any) -> Any:
            return self.transformer(**dict(zip(names, inputs, strict=True)), return_dict=True).last_hidden_state

    return LastHiddenState().eval(), names


def _checked_distance(staged: Path, folder: Path, texts: list[str], expected: Vectors) -> float:
    together = _onnx_vectors(staged, Precision.FP32, texts)
    alone = _onnx_vectors(staged, Precision.FP32, texts[-1:])
    cosines = np.concatenate([_row_cosines(together, expected), _row_cosines(alone, expected[-1:])])
    distance = float(1 - cosines.min())
    if not distance < MAX_DISTANCE:
        raise BadInput(
            f"the ONNX export of {folder} is {distance:.1e} away from torch, at most {MAX_DISTANCE:.0e} is allowed; "
            "it runs on torch"
        )
    return max(distance, 0.0)


def _onnx_vectors(folder: Path, precision: Precision, texts: list[str]) -> Vectors:
    encoder = OnnxEncoder(folder, "", precision)
    try:
        return encoder.encode(texts)
    finally:
        encoder.close()


def _row_cosines(first: Vectors, second: Vectors) -> NDArray[np.float64]:
    cosines: NDArray[np.float64] = np.sum(first.astype(np.float64) * second, axis=1)
    return cosines


def _quantise(folder: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # Measured on MiniLM: one scale a channel takes the mean cosine from 0.95 to 0.994. The reduced range costs 0.001
    # and keeps CPUs without VNNI from saturating, which would make vectors differ between machines.
    quantize_dynamic(
        folder / Precision.FP32.file,
        folder / Precision.INT8.file,
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )


def _install(staged: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for precision in Precision:
        name = Path(precision.file).name
        (staged / name).replace(target / name)


def _failed(folder: Path, error: Exception) -> BadInput:
    reason = " ".join(str(error).split())[:200]
    kind = type(error).__name__
    return BadInput(f"the model in {folder} can't be exported to ONNX ({kind}: {reason}); it runs on torch")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, notices and deprecation warnings off the terminal."""
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(redirect_stdout(io.StringIO()))
        stack.enter_context(quiet_libraries())
        for logger in map(logging.getLogger, _NOISY_LOGGERS):
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.ERROR)
        # The quantiser speaks through the root logger itself, which would also set up a handler where there is none.
        root, handler = logging.getLogger(), logging.NullHandler()
        root.addHandler(handler)
        stack.callback(root.removeHandler, handler)
        root.addFilter(_errors_alone)
        stack.callback(root.removeFilter, _errors_alone)
        yield


def _errors_alone(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
