"""A model on torch: bulk encoding on a GPU, and models that ONNX can't run."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.embedding.architecture import read_prompts
from recommender.embedding.encoder import Role, Vectors
from recommender.embedding.pretrained import load_pretrained
from recommender.embedding.token_batches import token_batches
from recommender.errors import BadInput, MissingExtra, UsageError
from recommender.library_logging import quiet_libraries

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

_TOKENS_PER_RUN = {"cpu": 4096, "mps": 16_384, "cuda": 65_536}
"""Tokens of a batch to begin with, padding included: 256 texts of 256 on a GPU, where larger batches gain little."""

_BYTES_PER_UNIT = 128
"""Memory that a token takes while it is encoded, for each component of a vector: 48 kB at 384, in half precision."""

_CHARACTERS_PER_TOKEN = 3
"""Characters of product texts for one token, or more: the length of a text is estimated before it is tokenised."""

_TEXTS_PER_CHUNK = 16_384
"""Texts that are sorted by length together, and whose vectors are read back from the device together."""

_POOLED_TEXTS = 4_096
"""Least number of texts for several GPUs: a process for each takes seconds to start."""

_SHORT_NAMES = {"torch.float32": "fp32", "torch.float16": "fp16", "torch.bfloat16": "bf16"}


class TorchEncoder:
    """Encodes with sentence-transformers, in half precision on a GPU. Safe to call from several threads.

    `device` is `auto` (cuda, else mps, else cpu) or one that torch knows; `threads` sets torch's threads in the whole
    process, 0 leaves them. `devices` are what long calls are spread over, a process each: all GPUs if `device` is
    `auto`. Raises `MissingExtra` without torch and `BadInput` for a device or a folder that fails.
    """

    def __init__(
        self, folder: Path, fingerprint: str, device: str = "auto", threads: int = 0, devices: Sequence[str] = ()
    ) -> None:
        if not importlib.util.find_spec("torch") or not importlib.util.find_spec("sentence_transformers"):
            raise MissingExtra("train", "running a model on torch")
        import torch

        if threads:
            torch.set_num_threads(threads)
        self._device = _resolve_device(device)
        kind = self._device.partition(":")[0]
        precision = torch.float16 if kind == "mps" else torch.float32
        if kind == "cuda":
            # A T4 has no bf16 of its own: emulated, it is slower than fp32.
            precision = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
            if device == "auto":
                devices = devices or [f"cuda:{number}" for number in range(torch.cuda.device_count())]
        with quiet_libraries():
            model = load_pretrained(folder, self._device, precision)
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise BadInput(f"the model in {folder} does not say its dimension; add a pooling and save it again")
        self._model: SentenceTransformer | None = model.eval()
        self._devices = list(devices) if len(devices) > 1 else []
        self._pool: Any = None
        self._starting = Lock()
        self.dimension = int(dimension)
        self.tokens_per_run = _TOKENS_PER_RUN.get(kind, _TOKENS_PER_RUN["cpu"])
        if kind == "cuda":
            fitting = torch.cuda.mem_get_info()[0] // 2 // (_BYTES_PER_UNIT * self.dimension)
            self.tokens_per_run = min(self.tokens_per_run, max(fitting, model.max_seq_length or 1))
        self._prompts = dict(zip((Role.QUERY, Role.DOCUMENT), read_prompts(folder), strict=True))
        self.fingerprint = fingerprint
        self.name = f"torch-{kind}-{_SHORT_NAMES[str(precision)]}"

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode texts in the order given: float32 [n, dimension], each row of length 1."""
        model = self._model
        if model is None:
            raise UsageError("this encoder is closed; load the model again")
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if self._devices:
            with self._starting:
                if self._pool is None and len(texts) >= _POOLED_TEXTS:
                    self._pool = model.start_multi_process_pool(self._devices)  # this moves the model off the device
        if self._pool is not None:
            rows = max(1, self.tokens_per_run // (model.max_seq_length or 512))
            vectors[:] = model.encode(
                list(texts), prompt=self._prompts[role], batch_size=rows, pool=self._pool, show_progress_bar=False
            )
        else:
            for start in range(0, len(texts), _TEXTS_PER_CHUNK):
                chunk = texts[start : start + _TEXTS_PER_CHUNK]
                for order, tensors in self._encode_chunk(model, chunk, self._prompts[role]):
                    vectors[[start + row for row in order]] = tensors.cpu().numpy()
        # Normalised here, in fp32: a half-precision model is off by a thousandth when it normalises.
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def close(self) -> None:
        """Release the memory that the model holds; encoding afterwards is a `UsageError`."""
        model, self._model = self._model, None
        with self._starting:
            pool, self._pool = self._pool, None
        if model is not None and pool is not None:
            model.stop_multi_process_pool(pool)
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.empty_cache()

    def _encode_chunk(
        self, model: SentenceTransformer, texts: Sequence[str], prompt: str
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield rows and their vectors on the device, not normalised: few tensors, so that few reads wait for it.

        The next batch is tokenised while the device works on one. If a batch does not fit into the memory, the budget
        is halved, here and in later calls, and the rows that are left are batched again.
        """
        import torch
        from accelerate.utils.memory import should_reduce_batch_size

        longest = model.max_seq_length or 512
        lengths = [min(longest, len(prompt + text) // _CHARACTERS_PER_TOKEN + 2) for text in texts]
        left = list(range(len(texts)))
        while left:
            done: list[int] = []
            parts: list[torch.Tensor] = []
            batches = [
                [left[at] for at in rows] for rows in token_batches([lengths[row] for row in left], self.tokens_per_run)
            ]
            with ThreadPoolExecutor(1, "tokenise") as tokenising, torch.inference_mode():
                features = (
                    tokenising.submit(model.preprocess, [texts[row] for row in rows], prompt=prompt) for rows in batches
                )
                upcoming = next(features)
                for rows in batches:
                    present, upcoming = upcoming.result(), next(features, upcoming)
                    try:
                        placed = {
                            name: value.to(model.device) if isinstance(value, torch.Tensor) else value
                            for name, value in present.items()
                        }
                        parts.append(model(placed)["sentence_embedding"].float())
                    except Exception as error:
                        if len(rows) == 1 or not should_reduce_batch_size(error):
                            raise
                        self.tokens_per_run = max(1, min(self.tokens_per_run, len(rows) * lengths[rows[0]]) // 2)
                        if model.device.type == "cuda":
                            torch.cuda.empty_cache()
                        break
                    done += rows
            if parts:
                yield done, torch.cat(parts)
            encoded = set(done)
            left = [row for row in left if row not in encoded]


def has_gpu() -> bool:
    """Return whether torch finds a GPU that it can use. Imports torch."""
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


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
