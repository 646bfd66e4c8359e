"""The runtimes that can encode products by a model, measured on this machine: which is fast, and which near enough."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recommender.embedding.encoder import Encoder, RuntimeMeasure, Vectors
from recommender.embedding.loader import has_network, load_encoder
from recommender.embedding.network_check import row_cosines
from recommender.errors import one_line
from recommender.types import EncoderChoice

_log = logging.getLogger(__name__)

_TIMED = 64
"""Texts that are timed, twice: a few seconds for all runtimes together."""

_NEIGHBOURS = 10

_CANDIDATES = (EncoderChoice.ONNX, EncoderChoice.ONNX_INT8, EncoderChoice.OPENVINO, EncoderChoice.OPENVINO_INT8)


def measure_runtimes(folder: Path, texts: Sequence[str]) -> dict[str, RuntimeMeasure]:
    """Encode texts by each runtime that is installed and runs the model; none for a model without a network.

    They are timed in turns, as processor time: what else this machine does counts little.
    """
    if not has_network(folder, EncoderChoice.ONNX):
        return {}
    encoders: dict[EncoderChoice, Encoder] = {}
    vectors: dict[EncoderChoice, Vectors] = {}
    for runtime in (one for one in _CANDIDATES if has_network(folder, one)):
        try:
            encoder = load_encoder(folder, "", runtime)
            vectors[runtime], encoders[runtime] = encoder.encode(texts), encoder
        except Exception as error:
            # A runtime that can't run this model is none to choose from; its exceptions have no common base class.
            if runtime is EncoderChoice.ONNX:
                raise
            _log.info("%s can't run the model in %s: %s", runtime, folder, one_line(error))
    timed = list(texts[:: max(1, len(texts) // _TIMED)][:_TIMED])
    seconds = {runtime: float("inf") for runtime in encoders}
    for _ in range(2):
        for runtime, encoder in encoders.items():
            started = time.process_time()
            encoder.encode(timed)
            seconds[runtime] = min(seconds[runtime], time.process_time() - started)
    for encoder in encoders.values():
        encoder.close()
    exact = vectors[EncoderChoice.ONNX]
    return {
        runtime.value: RuntimeMeasure(
            texts_per_second=len(timed) / max(seconds[runtime], 1e-9),
            nearest=same_neighbours(vectors[runtime], exact),
            cosine=float(row_cosines(vectors[runtime], exact).min()),
        )
        for runtime in encoders
    }


def fastest(measures: dict[str, RuntimeMeasure]) -> str:
    """Return the fastest of the runtimes that are near enough; empty when there is none."""
    near = {runtime: measure for runtime, measure in measures.items() if measure.is_near}
    return max(near, key=lambda runtime: near[runtime].texts_per_second, default="")


def same_neighbours(vectors: Vectors, exact: Vectors) -> float:
    """Return the share of the ten nearest rows of each row that two sets of unit vectors agree on."""
    count = min(_NEIGHBOURS, len(exact) - 1)
    if count < 1:
        return 1.0
    nearest = []
    for rows in (vectors, exact):
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, -np.inf)
        nearest.append(np.argsort(-cosines, axis=1)[:, :count])
    return float(np.mean([len({*one} & {*other}) / count for one, other in zip(*nearest, strict=True)]))
