"""ONNX networks that came with a model: which of them serving can run, and how near their vectors are.

A network is data: ONNX Runtime runs the operators that it names, and loads no code for them. A network may still belong
to another model, take other inputs, or return something other than token vectors. So each one is run before it is used.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from recommender.embedding.encoder import Precision
from recommender.embedding.network_check import ExportReport, row_cosines, run_network, sample_of, stage_networks
from recommender.errors import BadInput

FP32 = Precision.FP32.file
"""The name that Optimum, sentence-transformers and this project give the full-precision network."""

MIN_INT8_COSINE = 0.995
"""The smallest cosine to fp32 of a text with which an int8 network is kept; our own export of MiniLM has 0.999."""

MIN_ALONE_COSINE = 0.9999
"""The smallest cosine between a text's vectors alone and in a batch. The int8 networks of other projects have one scale
of the activations for a whole batch (`model_quantized.onnx`, ...), and are left out."""

_ALONE = 4
"""Texts that are also run alone: the last of the sample, which have all lengths."""


def has_network(folder: Path) -> bool:
    """Return whether a full-precision network came with the model."""
    return (folder / FP32).is_file()


def take_network(folder: Path, staged: Path) -> None:
    """Copy the full-precision network that came with a model into the staged copy of its folder.

    External data that the network names is not copied: the name could point to any file of this machine.
    """
    shutil.copyfile(folder / FP32, staged / FP32)


def adopt(folder: Path, texts_sample: Sequence[str]) -> ExportReport:
    """Keep the bundled networks that serving can run, on a machine that has no torch to compare them with.

    The fp32 network must run. `onnx/model_qint8.onnx` is kept if it is near enough to it, alone and in a batch.
    Raises `BadInput`, leaving the folder as it was, when there is no network that runs.
    """
    started = time.monotonic()
    sample = sample_of(texts_sample)
    with stage_networks(folder) as staged:
        take_network(folder, staged)
        expected = run_network(staged, Precision.FP32, sample)
        cosines = None
        int8 = staged / Precision.INT8.file
        if (folder / Precision.INT8.file).is_file():
            shutil.copyfile(folder / Precision.INT8.file, int8)
            with suppress(BadInput):
                together = run_network(staged, Precision.INT8, sample)
                alone = np.concatenate([run_network(staged, Precision.INT8, [text]) for text in sample[-_ALONE:]])
                found = row_cosines(together, expected)
                if found.min() >= MIN_INT8_COSINE and row_cosines(alone, together[-_ALONE:]).min() >= MIN_ALONE_COSINE:
                    cosines = float(found.mean()), float(found.min())
            if cosines is None:
                int8.unlink()
    return ExportReport(
        fp32_max_distance=None,
        int8_mean_cosine=cosines[0] if cosines else None,
        int8_min_cosine=cosines[1] if cosines else None,
        seconds=time.monotonic() - started,
        bundled=True,
        note="came with the model and runs; not compared with the weights, which needs the extra 'train'",
    )
