"""Export of a model to ONNX, checked against torch, and its 8-bit version, measured."""

from __future__ import annotations

import importlib.util
import io
import logging
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.embedding.architecture import read_architecture
from recommender.embedding.bundled_onnx import has_network, take_network
from recommender.embedding.encoder import Precision
from recommender.embedding.network_check import ExportReport, row_cosines, run_network, sample_of, stage_networks
from recommender.embedding.pretrained import load_pretrained
from recommender.embedding.token_batches import INPUTS
from recommender.errors import BadInput, MissingExtra, library_error
from recommender.library_logging import quiet_libraries

if TYPE_CHECKING:
    from recommender.embedding.encoder import Vectors

MAX_DISTANCE = 1e-4
"""The largest cosine distance between a text's vectors from ONNX fp32 and from torch that still counts as equal."""

_OPSET = 20
"""The first version with Gelu as one operator; every ONNX Runtime that this project admits runs it."""

_BLOCK = 32
"""Inputs of a layer that share a scale in the 8-bit network; the smallest block that the runtime has is 16."""

_INT8_ACTIVATIONS = 4
"""The runtime's `accuracy_level` for products in int8: with a lower one, it multiplies in float and gains nothing."""

_UNUSED = "pooler."
"""Weights of a transformer that networks here do not have: sentence-transformers pools by itself."""

_NOISY_LOGGERS = ("torch.onnx._internal.exporter._registration", "torch.export", "onnxscript", "onnx_ir")


def export(folder: Path, texts_sample: Sequence[str], base: Path | None = None) -> ExportReport:
    """Write `onnx/model.onnx` and `onnx/model_qint8.onnx` into a model folder, and say how near they are to torch.

    A network that came with the model is kept if serving can run it and it agrees with torch; other files of the `onnx`
    folder are removed, and int8 is made again: in ours no vector depends on the other texts of its batch. A model that
    was tuned from `base` reuses the network of that, with its own weights, on the same conditions. The whole path is
    compared, including tokenizer and pooling, on `texts_sample` and on an empty and a long text. Raises `BadInput`,
    leaving the folder as it was, when the model can't be exported or differs from torch by more than `MAX_DISTANCE`; it
    then runs on torch. Raises `MissingExtra` without torch, and `OSError` or `MemoryError` when there is no room.
    """
    if not all(importlib.util.find_spec(name) for name in ("torch", "sentence_transformers", "onnxscript")):
        raise MissingExtra("train", "exporting a model to ONNX")
    started = time.monotonic()
    sample = sample_of(texts_sample)
    with _quiet(), stage_networks(folder) as staged:
        # Written out, attention becomes operators that the runtime fuses: 1.2 times the speed of torch's SDPA.
        model = load_pretrained(folder, attn_implementation="eager").eval()
        try:
            encoded = model.encode(
                sample,
                prompt=read_architecture(folder).document_prompt,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        except Exception as error:  # a model's own code raises anything
            raise BadInput(f"the model in {folder} fails on a text ({library_error(error)}); fetch it again") from error
        expected = np.asarray(encoded, dtype=np.float32)
        distance = None
        if has_network(folder):  # it came with the model, and may not fit
            take_network(folder, staged)
            distance = _try_network(staged, folder, sample, expected)
        bundled = distance is not None
        if distance is None and base is not None and refill_network(base, folder, staged / Precision.FP32.file):
            distance = _try_network(staged, folder, sample, expected)
        if distance is None:
            _export_network(model[0], folder, staged / Precision.FP32.file)
            distance = _distance_to_torch(staged, folder, sample, expected)
            _quantise(staged)
        cosines = row_cosines(run_network(staged, Precision.INT8, sample), expected)
    return ExportReport(
        fp32_max_distance=distance,
        int8_mean_cosine=float(cosines.mean()),
        int8_min_cosine=float(cosines.min()),
        seconds=time.monotonic() - started,
        bundled=bundled,
    )


def _try_network(staged: Path, folder: Path, sample: list[str], expected: Vectors) -> float | None:
    try:
        distance = _distance_to_torch(staged, folder, sample, expected)
        _quantise(staged)
    except Exception:  # noqa: BLE001 - whatever is wrong with the network, the weights are exported instead
        return None
    return distance


def refill_network(base: Path, folder: Path, target: Path) -> bool:
    """Write the network of a base model with the weights of one that was tuned from it; False if that can't be done.

    It takes a second, an export ten. A constant of the network is a weight if it equals one of the base's, as it is or
    transposed. Every weight that training changed must have found its place.
    """
    import onnx
    from onnx import numpy_helper
    from safetensors.numpy import load_file

    if not (base / Precision.FP32.file).is_file():
        return False
    try:
        network = onnx.load(base / Precision.FP32.file)
        old, new = (load_file(each / "model.safetensors") for each in (base, folder))
    except Exception:  # noqa: BLE001 - other files, other types of numbers: the weights are exported instead
        return False
    if {name: value.shape for name, value in old.items()} != {name: value.shape for name, value in new.items()}:
        return False
    changed = {name for name, value in old.items() if not np.array_equal(value, new[name])}
    places: dict[tuple[tuple[int, ...], bytes], list[tuple[str, bool]]] = defaultdict(list)
    for name, value in old.items():
        for turned in (False, True)[: value.ndim]:
            form = value.T if turned else value
            places[form.shape, sha256(form.tobytes()).digest()].append((name, turned))
    for constant in network.graph.initializer:
        value = numpy_helper.to_array(constant)
        found = places.get((value.shape, sha256(value.tobytes()).digest()), [])
        # Two equal weights, such as biases that are all zero, are told apart by the name that the exporter kept.
        named = [place for place in found if constant.name.endswith(place[0])] or found
        if value.size < 2 or len(named) != 1:
            continue
        name, turned = named[0]
        constant.CopyFrom(
            numpy_helper.from_array(np.ascontiguousarray(new[name].T if turned else new[name]), constant.name)
        )
        changed.discard(name)
    if any(not name.startswith(_UNUSED) for name in changed):
        return False
    try:
        onnx.save(network, target)
    except Exception:  # noqa: BLE001 - beyond 2 GiB weights lie beside their network: it is exported anew
        return False
    return True


def _export_network(transformer: Any, folder: Path, target: Path) -> None:
    import torch

    names = [name for name in INPUTS if name in transformer.tokenizer.model_input_names]

    class LastHiddenState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer.model

        def forward(self, *inputs: Any) -> Any:
            return self.transformer(**dict(zip(names, inputs, strict=True)), return_dict=True).last_hidden_state

    # Two rows of several tokens: torch.export takes a size of 0 or 1 for a constant. One tensor for each input: it
    # would take the same tensor given twice for the same input.
    examples = tuple(
        (torch.zeros if name == "token_type_ids" else torch.ones)((2, 8), dtype=torch.long) for name in names
    )
    axes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        program = torch.onnx.export(
            LastHiddenState().eval(),
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
    except Exception as error:  # the exporter raises anything that a model's own code raises
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno):
            raise  # the memory or the disk is full, which says nothing of the model
        raise BadInput(
            f"the model in {folder} can't be exported to ONNX ({library_error(error)}); it runs on torch"
        ) from error


def _distance_to_torch(staged: Path, folder: Path, texts: list[str], expected: Vectors) -> float:
    together = run_network(staged, Precision.FP32, texts)
    alone = run_network(staged, Precision.FP32, texts[-1:])
    cosines = np.concatenate([row_cosines(together, expected), row_cosines(alone, expected[-1:])])
    distance = float(1 - cosines.min())
    if not distance < MAX_DISTANCE:
        raise BadInput(
            f"the ONNX export of {folder} is {distance:.1e} away from torch, at most {MAX_DISTANCE:.0e} is allowed; "
            "it runs on torch"
        )
    return max(distance, 0.0)


def _quantise(folder: Path) -> None:
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    # Weights and activations in blocks with a scale each: the runtime's dynamic int8 has one scale for the whole batch,
    # with which the same text alone and among others had a cosine of 0.985, and a tenth of its ten nearest was lost.
    # Blocks of 128 are 1.2 times as fast and lose twice as many neighbours.
    blocks = DefaultWeightOnlyQuantConfig(
        block_size=_BLOCK, is_symmetric=True, accuracy_level=_INT8_ACTIVATIONS, bits=8
    )
    quantizer = MatMulNBitsQuantizer(onnx.load(folder / Precision.FP32.file), algo_config=blocks)
    quantizer.process()
    quantizer.model.save_model_to_file(str(folder / Precision.INT8.file), False)


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
        # The quantiser logs through the root logger, which would also set up a handler if it had none.
        root, handler = logging.getLogger(), logging.NullHandler()
        root.addHandler(handler)
        stack.callback(root.removeHandler, handler)
        root.addFilter(_errors_alone)
        stack.callback(root.removeFilter, _errors_alone)
        yield


def _errors_alone(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
