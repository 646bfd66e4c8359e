"""The map of held-out products: t-SNE of each model's vectors, and how pure their k-means clusters are."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Vectors
from recommender.evaluation.cached_encoder import Recording
from recommender.evaluation.report.data import MapPoint, MapView, Model, ProductMap
from recommender.evaluation.report.examples import item
from recommender.types import Progress, silent

MAX_POINTS = 1_500
"""Products on the map: t-SNE takes about ten seconds for each model on one core, and more dots would only hide each
other."""

MIN_POINTS = 12
"""With fewer products there is no map."""

NAMED_DEPARTMENTS = 8
"""As many colours can be told apart; the products of other departments are grey."""

PERPLEXITY = 30.0
"""Neighbours by which a point is placed (perplexity); van der Maaten and Hinton 2008 find 5 to 50 to give the same
picture."""

_START_SPREAD = 1e-4
"""Spread of the starting layout, as scikit-learn scales its own."""

_START_NOISE = 1e-3
"""Noise of the starting layout, as a share of its reach."""

_CLUSTERINGS = 10
"""Starts of k-means, of which the best is taken."""


def product_map(
    recording: Recording, models: Sequence[Model], seed: int, progress: Progress = silent
) -> ProductMap | None:
    """Place the held-out products that share a leaf with others.

    None when there are too few, or only one department, or when a model's vectors are not finite. The layout of the
    first model is the start of the next one, so that what did not move stays in place. The same seed gives the same
    map. Needs scikit-learn.
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
    # All are imported before the limit of threads, which applies only to what is already loaded.
    import sklearn.manifold  # noqa: F401
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    named = [name for name, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:NAMED_DEPARTMENTS]]
    views: list[MapView] = []
    for model, own in zip(models, vectors, strict=True):
        progress("drawing the map", len(views), len(models), model.label)
        # Several threads add up in another order each time, and spin when cores are taken: on a busy machine of two
        # cores the layout of 474 products took 500 s with two threads, and 6 s with one.
        with threadpool_limits(1), warnings.catch_warnings():
            # There may be fewer different vectors than clusters: products of the same text, or a model that has
            # collapsed.
            warnings.simplefilter("ignore", ConvergenceWarning)
            if views:
                start = np.array(views[0].positions)
            else:  # along the two directions in which the vectors vary most
                centred = own.astype(np.float64) - own.mean(axis=0)
                _, _, axes = np.linalg.svd(centred, full_matrices=False)
                largest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
                axes *= np.where(largest < 0, -1, 1)[:, None]  # otherwise the sign is arbitrary
                start = np.asarray(centred @ axes[:2].T)
            layout = _layout(own, start, seed)
            clusters = KMeans(len(set(names)), n_init=_CLUSTERINGS, random_state=seed).fit_predict(own)
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


def _layout(vectors: Vectors, start: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE

    # The noise keeps equal vectors apart: a model that has collapsed into one point would divide by a spread of zero,
    # and t-SNE then ends the process. Its own PCA start does so, which is why it is not used.
    spread = start / (np.abs(start).max() or 1) + np.random.default_rng(seed).normal(0, _START_NOISE, start.shape)
    init = (spread / spread[:, 0].std() * _START_SPREAD).astype(np.float32)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    # Of unit vectors the Euclidean order is the cosine order.
    layout = TSNE(perplexity=perplexity, init=init, random_state=seed).fit_transform(vectors)
    return np.asarray(layout, dtype=np.float64)
