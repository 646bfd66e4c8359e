"""A model on OpenVINO, read from its ONNX network: the fastest bulk encoding on most processors."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.architecture import read_architecture
from recommender.embedding.encoder import Precision, Role, Vectors
from recommender.embedding.token_batches import INPUTS, OUTPUT, Feeds, TokenBatches
from recommender.errors import BadInput, MissingExtra, UsageError, one_line

_GROUP = 128
"""Inputs of a quantised layer that share a scale: of the weights for each output, of the activations for each token.
With one scale an output the weights lose 2.0% of the ten nearest in place of 1.7%, at the same speed."""


class OpenVinoEncoder:
    """Encodes with the full-precision network in the arithmetic that OpenVINO chooses: bf16 if the processor has it.

    With `Precision.INT8` the layers whose input and output differ in size (feed-forward: two thirds of the work)
    multiply in int8. Their activations are quantised token by token, so that a vector never depends on what else is in
    the batch. Safe to call from several threads. `threads` is how many cores one run may use; 0 leaves it to the
    runtime. Raises `MissingExtra` without OpenVINO, `BadInput` when the network is missing or does not run.
    """

    def __init__(self, folder: Path, fingerprint: str, precision: Precision = Precision.FP32, threads: int = 0) -> None:
        if not importlib.util.find_spec("openvino"):
            raise MissingExtra("openvino", "running a model on OpenVINO")
        import openvino

        architecture = read_architecture(folder)
        self._tokens = TokenBatches(architecture)
        path = folder / Precision.FP32.file
        if not path.exists():
            raise BadInput(f"no {path.name} in {path.parent}; export the model, or choose the encoder torch")
        # Threads that are bound to cores wait there for other work, although another core may be free.
        options: dict[str, Any] = {"NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        if precision is Precision.INT8:
            options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = _GROUP
        try:
            core = openvino.Core()
            model = core.read_model(path)
            if precision is Precision.INT8:
                _quantise_feed_forward(model)
            network = core.compile_model(model, "CPU", options)
        except Exception as error:  # the runtime's exceptions share no base class of their own
            raise BadInput(
                f"{path} is no network that OpenVINO can run ({one_line(error, 200)}); export it again"
            ) from error
        inputs = {port.get_any_name() for port in network.inputs}
        if "input_ids" not in inputs or inputs - {*INPUTS} or OUTPUT not in network.outputs[0].get_names():
            raise BadInput(
                f"{path} takes {', '.join(sorted(inputs))}, expected {', '.join(INPUTS)}; export the model again"
            )
        self._network: Any = network
        self._inputs = frozenset(inputs)
        self._idle: list[Any] = []
        self._lending = threading.Lock()
        self.dimension = architecture.dimension
        self.fingerprint = fingerprint
        stated = str(network.get_property("INFERENCE_PRECISION_HINT"))
        names = {"bfloat16": "bf16", "bf16": "bf16", "float16": "fp16", "f16": "fp16"}
        arithmetic = next((name for key, name in names.items() if key in stated), "fp32")
        self.name = f"openvino-{'int8' if precision is Precision.INT8 else arithmetic}"

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode texts in the order given: float32 [n, dimension], each row of length 1."""
        with self._lending:
            network = self._network
            if network is None:
                raise UsageError("this encoder is closed; load the model again")
            request = self._idle.pop() if self._idle else network.create_infer_request()

        def run(feeds: Feeds) -> NDArray[np.float32]:
            request.infer({name: feeds[name] for name in self._inputs}, share_inputs=True)
            return np.array(request.get_tensor(OUTPUT).data, dtype=np.float32)

        vectors = self._tokens.encode(texts, role, run)
        with self._lending:
            if self._network is not None:
                self._idle.append(request)
        return vectors

    def close(self) -> None:
        """Release the network's memory; encoding afterwards is a `UsageError`."""
        with self._lending:
            self._network = None
            self._idle.clear()


def _quantise_feed_forward(model: Any) -> None:
    """Keep the weights of feed-forward layers as int8 in groups of inputs; OpenVINO then multiplies in int8."""
    from openvino import opset13 as ops

    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul" or node.input_value(1).get_node().get_type_name() != "Constant":
            continue
        weights = node.input_value(1).get_node().data
        if weights.ndim != 2 or weights.shape[0] == weights.shape[1] or node.get_attributes()["transpose_b"]:
            continue
        inputs, outputs = weights.shape
        size = _GROUP if inputs % _GROUP == 0 else inputs
        grouped = weights.reshape(inputs // size, size, outputs)
        scale = np.abs(grouped).max(axis=1, keepdims=True).astype(np.float32) / 127
        scale[scale == 0] = 1
        quantised = np.round(grouped / scale).astype(np.int8)
        restored = ops.multiply(ops.convert(ops.constant(quantised), "f32"), ops.constant(scale))
        node.input(1).replace_source_output(ops.reshape(restored, np.array(weights.shape), False).output(0))
