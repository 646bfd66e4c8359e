"""A model on ONNX Runtime: the CPU serving path, which imports neither torch nor transformers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from recommender.embedding.architecture import read_architecture
from recommender.embedding.encoder import Precision, Role, Vectors
from recommender.embedding.token_batches import INPUTS, OUTPUT, Feeds, TokenBatches
from recommender.errors import BadInput, UsageError

_ONE_CORE_TOKENS = 64
"""Padded tokens up to which a run, such as that of a search text, uses one core. On two cores so short a run takes 1.7
ms instead of 1.2, and twice the processor time."""


class OnnxEncoder:
    """Encodes with an exported network. Safe to call from several threads.

    `threads` is how many cores one run may use; 0 leaves it to the runtime (all of them). Short runs use one. Raises
    `BadInput` when the export or the tokenizer is missing or broken.
    """

    def __init__(self, folder: Path, fingerprint: str, precision: Precision, threads: int = 0) -> None:
        architecture = read_architecture(folder)
        self._tokens = TokenBatches(architecture)
        self._path, self._threads = folder / precision.file, threads
        # Opened now, so that a network that can't run is reported at once. The other session is opened when needed.
        self._one_core: onnxruntime.InferenceSession | None = _session(self._path, 1)
        self._all_cores = self._one_core if threads == 1 else None
        self._opening = threading.Lock()
        self._inputs = frozenset(entry.name for entry in self._one_core.get_inputs())
        self.dimension = architecture.dimension
        self.fingerprint = fingerprint
        self.name = f"onnx-{precision}"

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode texts in the order given: float32 [n, dimension], each row of length 1."""
        return self._tokens.encode(texts, role, self._run)

    def close(self) -> None:
        """Release the network's memory; encoding afterwards is a `UsageError`."""
        with self._opening:
            self._one_core = self._all_cores = None

    def _run(self, feeds: Feeds) -> NDArray[np.float32]:
        # This call holds the session for its run, so another thread may close the encoder meanwhile.
        session = self._one_core if feeds["input_ids"].size <= _ONE_CORE_TOKENS else self._all_cores
        if session is None:
            with self._opening:
                if self._one_core is None:
                    raise UsageError("this encoder is closed; load the model again")
                if self._all_cores is None:
                    self._all_cores = _session(self._path, self._threads)
                session = self._all_cores
        tokens: NDArray[np.float32] = session.run(
            [OUTPUT], {name: feed for name, feed in feeds.items() if name in self._inputs}
        )[0]
        return tokens


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    if not path.exists():
        raise BadInput(f"no {path.name} in {path.parent}; export the model, or choose the encoder torch")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin while they wait take cores from other work: on 2 busy cores it takes 1.5 times as long.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only: the runtime writes to stderr directly, past Python's logging
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions share no base class of their own
        raise BadInput(f"{path} is no network that ONNX Runtime can run ({error}); export the model again") from error
    # Exports of other projects may take or return something else.
    inputs = {entry.name: entry.type for entry in session.get_inputs()}
    if "input_ids" not in inputs or inputs.keys() - INPUTS or set(inputs.values()) != {"tensor(int64)"}:
        raise BadInput(
            f"{path} takes {', '.join(f'{name} {kind}' for name, kind in inputs.items()) or 'nothing'}, expected "
            f"int64 tensors of {', '.join(INPUTS)}; export the model again"
        )
    outputs = {entry.name: entry for entry in session.get_outputs()}
    given = outputs.get(OUTPUT)
    if given is None or given.type != "tensor(float)" or len(given.shape) != 3:
        raise BadInput(
            f"{path} gives {', '.join(outputs)}, expected {OUTPUT} as floats [texts, tokens, width]; "
            "export the model again"
        )
    return session
