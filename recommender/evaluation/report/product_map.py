"""The map of held-out products: t-SNE of each model's vectors, and how pure their k-means clusters are."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import takewhile
from typing import cast

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Vectors
from recommender.evaluation.cached_encoder import Recording
from recommender.evaluation.report.data import MapPoint, MapView, Model, ProductMap
from recommender.evaluation.report.examples import item
from recommender.types import Progress, silent

MAX_POINTS = 1_500
"""Products on the map: t-SNE takes about ten seconds a model on one core, and more dots would only hide each other."""

MIN_POINTS = 12
"""Fewer make no map."""

NAMED_DEPARTMENTS = 8
"""As many colours can be told apart; the products of other departments are grey."""

PERPLEXITY = 30.0
"""Neighbours that a point is placed by; van der Maaten and Hinton 2008 find 5 to 50 to give the same picture."""

_START_SPREAD = 1e-4
"""Spread of the starting layout, as scikit-learn scales its own."""

_START_NOISE = 1e-3
"""Share of the starting layout's reach."""

_CLUSTERINGS = 10
"""Starts of k-means, of which the best is taken."""


def product_map(
    recording: Recording, models: Sequence[Model], seed: int, progress: Progress = silent
) -> ProductMap | None:
    """Place the held-out products that share a leaf with others.

    None when there are too few, or one department alone, or when a model's vectors are no numbers.
    The layout of the first model is where that of the next one starts, so that what did not move stays in place.
    The same seed gives the same map. Needs scikit-learn.
    """
    rows = list(recording.asked)
    if len(rows) > MAX_POINTS:
        rows = sorted(int(row) for row in np.random.default_rng(seed).choice(rows, MAX_POINTS, replace=False))
    paths = [recording.product(row).category for row in rows]
    # The department of a path is its first name after those that all paths share, such as the root of a shop.
    shared = len(list(takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False))))
    names = [path[shared] if len(path) > shared else path[-1] for path in paths]
    sizes = Counter(names)
    vectors = [recording.vectors(model.name)[rows] for model in models]
    if len(rows) < MIN_POINTS or len(sizes) < 2 or not all(np.isfinite(each).all() for each in vectors):
        return None
    named = [name for name, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:NAMED_DEPARTMENTS]]
    views: list[MapView] = []
    for model, own in zip(models, vectors, strict=True):
        progress("drawing the map", len(views), len(models), model.label)
        with _one_thread():
            start = np.array(views[0].positions) if views else _main_axes(own)
            layout = _layout(own, start, seed)
            clusters = _clusters(own, len(set(names)), seed)
        views.append(MapView(model, tuple((float(x), float(y)) for x, y in layout), purity(clusters, names)))
    progress("drawing the map", len(models), len(models))
    return ProductMap(
        points=tuple(
            MapPoint(item(recording.product(row)), named.index(name) if name in named else -1)
            for row, name in zip(rows, names, strict=True)
        ),
        departments=tuple((name, sizes[name]) for name in named),
        views=tuple(views),
        clusters=len(sizes),
        largest_share=max(sizes.values()) / len(rows),
        held_out=len(recording.asked),
    )


def purity(clusters: Sequence[int] | NDArray[np.int64], labels: Sequence[str]) -> float:
    """Return the share of items that have the most frequent label of their cluster, 0 to 1; one item at least.

    Manning, Raghavan and Schütze, Introduction to Information Retrieval, 16.3.
    """
    members: dict[int, Counter[str]] = {}
    for cluster, label in zip(clusters, labels, strict=True):
        members.setdefault(int(cluster), Counter())[label] += 1
    return sum(max(counts.values()) for counts in members.values()) / len(labels)


def _one_thread() -> AbstractContextManager[object]:
    """Bound scikit-learn to one thread: several add up in another order each time, and spin where cores are taken.

    On a busy machine of two cores the layout of 474 products took 500 s by two threads, and 6 s by one.
    """
    import sklearn.cluster
    import sklearn.manifold  # noqa: F401 - both loaded first, for a limit holds only for what is loaded already
    from threadpoolctl import threadpool_limits

    return cast(AbstractContextManager[object], threadpool_limits(1))


def _clusters(vectors: Vectors, count: int, seed: int) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Fewer different vectors than clusters: products of the same text, or a model that has collapsed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(KMeans(count, n_init=_CLUSTERINGS, random_state=seed).fit_predict(vectors), dtype=np.int64)


def _main_axes(vectors: Vectors) -> NDArray[np.float64]:
    """Return the coordinates of the vectors along the two directions in which they vary most: [n, 2]."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes *= np.where(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)] < 0, -1, 1)[:, None]  # else of any sign
    return np.asarray(centred @ axes[:2].T)


def _layout(vectors: Vectors, start: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE

    # The noise keeps equal vectors apart: a model that has collapsed into one point would divide by no spread at all,
    # and t-SNE then ends the process. Its own PCA start does so, which is why it is not used.
    spread = start / (np.abs(start).max() or 1) + np.random.default_rng(seed).normal(0, _START_NOISE, start.shape)
    init = (spread / spread[:, 0].std() * _START_SPREAD).astype(np.float32)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    # Of unit vectors the Euclidean order is the cosine order.
    layout = TSNE(perplexity=perplexity, init=init, random_state=seed).fit_transform(vectors)
    return np.asarray(layout, dtype=np.float64)
