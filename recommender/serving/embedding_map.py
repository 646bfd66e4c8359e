"""A map of the catalogue: each product a point in the plane, near those that the model finds alike.

PaCMAP (Wang, Huang, Rudin, Shaposhnik 2021, https://jmlr.org/papers/v22/20-1061.html) over whole arrays in numpy:
pairs of neighbours attract, a few pairs of middling distance hold the large shape, random pairs repel. Then points that
lie on each other are moved apart, so that each can be seen and pointed at. Categories play no part in it: departments
stand apart on the map only as far as the model tells them apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from recommender.index.protocol import StoredPoint, VectorIndex

MAX_POINTS = 5000
"""The most products on the map: more can't be told apart by eye, and take too long to lay out."""

MAX_DEPARTMENTS = 24
"""The most departments that are named; smaller ones go under "Other"."""

OTHER = "Other"
"""Stands for small departments, and for products without a category."""

_PRINCIPAL = 50
_NEIGHBOURS = 10
_MIDDLING = 5
_FURTHER = 20
_STEPS = (40, 40, 120)
"""Steps of the three phases of the paper: find the shape, hold it, sharpen the clusters. The paper has 100, 100 and
250; at this size nothing moves any more after these."""

_RATE = 1.0
_SEED = 20210
_CHUNK = 512
"""Rows of one matrix product. Each product is short, so that queries run between two of them."""

_BATCH = 100
"""Points read at once. The embedded engine lets no other thread run meanwhile."""

_SPREADINGS = 3
_PUSHES = 4
"""How often crowded points are looked for, and how many steps they are moved apart each time."""

_CROWD = 8
_FILL = 0.25
"""Share of the frame that the points would cover if each had its place to itself."""

Matrix = NDArray[np.float32]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class MappedProduct:
    """One product on the map, from -1 to 1 in both directions. `department` is an index into the map's departments."""

    x: float
    y: float
    department: int
    sku: str
    title: str


@dataclass(frozen=True, slots=True)
class EmbeddingMap:
    """Products in the plane; departments by size, the largest first."""

    points: tuple[MappedProduct, ...]
    departments: tuple[str, ...]


def sample(index: VectorIndex, limit: int = MAX_POINTS) -> list[StoredPoint]:
    """Return up to `limit` points with their vectors."""
    # Points are walked by their ids, which are hashes of the SKUs: the first ones are a fair sample of all.
    return list(islice(index.scroll(_BATCH, with_vectors=True), limit))


def embedding_map(points: Sequence[StoredPoint]) -> EmbeddingMap:
    """Lay points out in the plane; the same points always give the same map. Takes seconds for thousands.

    Raises `ValueError` for points without their vectors.
    """
    if not points:
        return EmbeddingMap((), ())
    vectors = [point.dense for point in points if point.dense is not None]
    if len(vectors) < len(points):
        raise ValueError(f"{len(points) - len(vectors)} of {len(points)} points came without their vectors")
    names = [str(point.payload["path"][0]) if point.payload["path"] else OTHER for point in points]
    counts = Counter(names)
    others = counts.pop(OTHER, 0)
    departments = tuple(name for name, _ in counts.most_common(MAX_DEPARTMENTS))
    if len(counts) > MAX_DEPARTMENTS or others:
        departments = (*departments, OTHER)
    number = {name: at for at, name in enumerate(departments)}
    on_map = tuple(
        MappedProduct(
            x=float(x),
            y=float(y),
            department=number.get(name, len(departments) - 1),
            sku=point.payload["sku"],
            title=point.payload["title"],
        )
        for (x, y), name, point in zip(layout(np.stack(vectors)), names, points, strict=True)
    )
    return EmbeddingMap(on_map, departments)


def layout(vectors: Matrix) -> Matrix:
    """Return places float32 [n, 2] between -1 and 1 for vectors float32 [n, d]: near where the vectors are near."""
    centred = vectors - vectors.mean(axis=0)
    values, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    strongest = np.argsort(values)[::-1][:_PRINCIPAL]
    reduced = np.asarray(centred @ directions[:, strongest], dtype=np.float32)
    plane = np.zeros((len(reduced), 2), dtype=np.float32)
    width = min(2, reduced.shape[1])
    plane[:, :width] = reduced[:, :width]
    if len(vectors) <= _NEIGHBOURS + 1:
        return _fit_frame(plane)
    random = np.random.default_rng(_SEED)
    # Pairs of middling distance, [n, 5]: each the second nearest of six random ones.
    columns = []
    for _ in range(_MIDDLING):
        drawn = random.integers(len(reduced), size=(len(reduced), 6))
        distances = np.linalg.norm(reduced[:, None] - reduced[drawn], axis=2)
        second = np.argpartition(distances, 1, axis=1)[:, 1]
        columns.append(drawn[np.arange(len(reduced)), second])
    near, middling = _nearest(reduced, _NEIGHBOURS), np.stack(columns, axis=1)
    further = random.integers(len(reduced), size=(len(reduced), _FURTHER))
    partners = np.concatenate((near, middling, further), axis=1)
    # Points that are closer than they need to be are moved apart.
    places = _fit_frame(_descend(0.01 * plane, partners))
    room = float(np.sqrt(_FILL * np.prod(np.ptp(places, axis=0)) / len(places)))
    for _ in range(_SPREADINGS):
        crowd = _nearest(places, min(_CROWD, len(places) - 1))
        for _ in range(_PUSHES):
            apart = [places[:, axis, None] - places[crowd, axis] for axis in (0, 1)]
            distance = np.hypot(*apart) + 1e-9
            push = np.maximum(0, room - distance) / distance
            places = places + 0.25 * np.stack([(push * one).sum(axis=1) for one in apart], axis=1, dtype=np.float32)
    return _fit_frame(places)


def _fit_frame(places: Matrix) -> Matrix:
    """Return the places moved, and scaled equally in both directions, so that the farthest is at 1."""
    centred = places - (places.max(axis=0) + places.min(axis=0)) / 2
    return np.asarray(centred / max(float(np.abs(centred).max()), 1e-9), dtype=np.float32)


def _nearest(reduced: Matrix, count: int) -> Indices:
    """Return the nearest neighbours of each row, without the row itself: [n, count]."""
    squares = (reduced**2).sum(axis=1)
    found = []
    for start in range(0, len(reduced), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(reduced)))
        distances = squares - 2 * reduced[rows] @ reduced.T
        distances[rows - start, rows] = np.inf
        found.append(np.argpartition(distances, count - 1, axis=1)[:, :count])
    return np.concatenate(found)


def _descend(places: Matrix, partners: Indices) -> Matrix:
    """Follow the gradient of all pairs at once, with Adam. `partners` of each row: near, middling, then further."""
    mean, variance = np.zeros_like(places), np.zeros_like(places)
    # The weights of near and middling pairs in each step (table 1 of the paper); further pairs weigh 1.
    early, steady, late = _STEPS
    weights = [(2.0, 1000.0 + (3.0 - 1000.0) * step / early) for step in range(early)]
    weights += [(3.0, 3.0)] * steady + [(1.0, 0.0)] * late
    for step, (near, middling) in enumerate(weights, 1):
        # The gradient [n, 2] is taken one axis at a time, because sums over an axis of length two are slow in numpy.
        apart = [places[:, axis, None] - places[partners, axis] for axis in (0, 1)]
        distance = 1 + apart[0] ** 2 + apart[1] ** 2
        pull = np.empty_like(distance)
        first, second = _NEIGHBOURS, _NEIGHBOURS + _MIDDLING
        pull[:, :first] = near * 20 / (10 + distance[:, :first]) ** 2
        pull[:, first:second] = middling * 20_000 / (10_000 + distance[:, first:second]) ** 2
        pull[:, second:] = -2 / (1 + distance[:, second:]) ** 2
        gradient = np.empty_like(places)
        for axis in (0, 1):
            force = pull * apart[axis]
            gradient[:, axis] = force.sum(axis=1) - np.bincount(partners.ravel(), force.ravel(), len(places))
        mean += 0.1 * (gradient - mean)
        variance += 0.001 * (gradient**2 - variance)
        corrected = mean / (1 - 0.9**step)
        places = places - _RATE * corrected / (np.sqrt(variance / (1 - 0.999**step)) + 1e-7)
    return places
