"""Coverage of the catalogue, how evenly its products are shown, and how varied a single result is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recommender.embedding.encoder import Vectors
from recommender.evaluation.metrics import exposure_gini, list_diversity
from recommender.evaluation.neighbours import NOTHING, Indexes, top_k
from recommender.evaluation.slices import Measured

EXPOSED = 5_000
"""Products that are asked for their neighbours to see what is shown: beyond that, evenly spaced ones stand for all."""


def exposure(vectors: Vectors, groups: Mapping[int, Sequence[int]], k: int) -> dict[str, float]:
    """Return the share of the products that stand in any top k, and the Gini coefficient of how often each does.

    Every product is asked for those most like it, up to `EXPOSED` of them. These two have no interval: a resample of
    the lists repeats some and lacks others, and so always shows fewer products.
    """
    count = len(vectors)
    asked = np.unique(np.linspace(0, count - 1, min(EXPOSED, count)).astype(np.int64))
    top = top_k(vectors[asked], vectors, k, [groups[int(row)] for row in asked])
    shown = np.bincount(top[top != NOTHING], minlength=count)
    if not shown.any():
        return {}
    return {"coverage": float(np.count_nonzero(shown) / count), "exposure_gini": exposure_gini(shown)}


def diversity(vectors: Vectors, found: Mapping[int, Indexes]) -> Measured:
    """Return the mean cosine distance within each result of two products or more."""
    lists = {query: rows[rows != NOTHING] for query, rows in found.items()}
    wide = {query: rows for query, rows in lists.items() if len(rows) > 1}
    values = np.array([list_diversity(vectors[rows]) for rows in wide.values()], dtype=np.float64)
    return Measured(np.array(list(wide), dtype=np.int64), values)
