"""The runtimes that can encode products by a model, measured on this machine: which is fast, and which near enough.

The measurement is made when a model is registered, and its manifest keeps the result. `application/composition` chooses
by it: `runtime_of` for a new index, `encoder_of` for an index that is there already, `encoder` for queries. `loader`
loads what was chosen.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from recommender.embedding.encoder import Encoder, Role, RuntimeMeasure, Vectors
from recommender.embedding.loader import has_network, load_encoder
from recommender.embedding.network_check import row_cosines
from recommender.errors import one_line
from recommender.types import EncoderChoice

_log = logging.getLogger(__name__)

_TURNS = 4
"""Parts in which the texts are encoded, by each runtime in turn, so that other work of the machine slows all alike."""

_NEIGHBOURS = 10
_FOUND = 10
"""A product counts as found by its title if it is in the first so many places."""

_ENOUGH_TITLES = 100
"""Least number of titles: with fewer, one that falls from the first to the second place is more than may be lost."""

CANDIDATES = (EncoderChoice.ONNX, EncoderChoice.ONNX_INT8, EncoderChoice.OPENVINO, EncoderChoice.OPENVINO_INT8)


def measure_runtimes(
    folder: Path,
    texts: Sequence[str],
    titles: Sequence[str] = (),
    runtimes: Collection[str] = CANDIDATES,
) -> dict[str, RuntimeMeasure]:
    """Encode texts by each of these runtimes that is installed, has its network and can run the model.

    Speed is processor time. `titles` are those of the texts, in the same order. Products are found by them as in
    serving: queries are encoded by the int8 network if that is near enough, whatever encodes the products. A title that
    several products share would find any of them, and is not used.
    """
    if not has_network(folder, EncoderChoice.ONNX):
        return {}
    counts = Counter(titles)
    rows = [row for row, title in enumerate(titles) if title and counts[title] == 1]
    queries = [titles[row] for row in rows] if len(rows) >= _ENOUGH_TITLES else []
    encoders: dict[str, Encoder] = {}
    asked: dict[str, Vectors] = {}
    for candidate in (one for one in CANDIDATES if one in runtimes and has_network(folder, one)):
        runtime = candidate.value
        try:
            encoder = load_encoder(folder, "", runtime)
            asked[runtime], encoders[runtime] = encoder.encode(queries or texts[:1], Role.QUERY), encoder
        except Exception as error:
            # A runtime that can't run this model is not among the choices; its exceptions have no common base class.
            if candidate is EncoderChoice.ONNX:
                raise
            _log.info("%s can't run the model in %s: %s", runtime, folder, one_line(error))
    dimension = encoders[EncoderChoice.ONNX].dimension
    vectors = {runtime: np.empty((len(texts), dimension), dtype=np.float32) for runtime in encoders}
    seconds = dict.fromkeys(encoders, 0.0)
    for first in range(_TURNS):
        for runtime, encoder in encoders.items():
            started = time.process_time()
            vectors[runtime][first::_TURNS] = encoder.encode(texts[first::_TURNS])
            seconds[runtime] += time.process_time() - started
    for encoder in encoders.values():
        encoder.close()
    exact = vectors[EncoderChoice.ONNX]
    best = found_items(asked[EncoderChoice.ONNX], exact, rows) if queries else 0.0

    def measure(runtime: str, *pairs: tuple[Vectors, Vectors]) -> RuntimeMeasure:
        return RuntimeMeasure(
            texts_per_second=len(texts) / max(seconds[runtime], 1e-9),
            nearest=same_neighbours(vectors[runtime], exact),
            cosine=float(row_cosines(vectors[runtime], exact).min()),
            known_item=min(found_items(*pair, rows) for pair in pairs) / best if best else 1.0,
        )

    served, measures = asked[EncoderChoice.ONNX], dict[str, RuntimeMeasure]()
    if EncoderChoice.ONNX_INT8 in encoders:
        int8 = EncoderChoice.ONNX_INT8.value
        measures[int8] = measure(int8, (asked[int8], exact), (asked[int8], vectors[int8]))
        served = asked[int8] if measures[int8].is_near else served
    for runtime in encoders:
        measures.setdefault(runtime, measure(runtime, (served, vectors[runtime])))
    return measures


def fastest(measures: dict[str, RuntimeMeasure]) -> str:
    """Return the fastest of the runtimes that are near enough; empty if there is none."""
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


def found_items(queries: Vectors, products: Vectors, rows: Sequence[int]) -> float:
    """Return the MRR@10 of the products of these rows, each searched for by one query."""
    cosines = queries @ products.T
    ranks = (cosines > cosines[np.arange(len(rows)), rows][:, None]).sum(axis=1)
    return float(np.where(ranks < _FOUND, 1 / (ranks + 1), 0.0).mean())
