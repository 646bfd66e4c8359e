"""The points of a generation as files, the same for every engine: vectors, and the texts they were made of, by hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.application.composition import Application
from recommender.backup.archive import POINTS, Packing
from recommender.batching import batches
from recommender.catalogue.repository import StoredProduct
from recommender.errors import BadInput
from recommender.index.generations import Generation
from recommender.index.payload import product_payload
from recommender.index.protocol import Point, StoredPoint, point_id
from recommender.ingestion.worker import OPTIMIZE_EVERY
from recommender.types import Progress, silent

CHUNK = 5000
"""Points in one pair of files: 8 MB of vectors of 384 dimensions."""

OTHER_TEXT = -1
"""Revision of a point whose vector is not of the product's present text: no product ever has it, so the point never
passes for current."""

Rows = list[tuple[str, str]]
"""SKU and text hash of each vector."""


def pack_points(packing: Packing, points: Iterable[StoredPoint], progress: Progress = silent) -> int:
    """Add points to an archive, in bounded memory, and return how many they are.

    Words and payload are left out: both are made from the catalogue again, as the restored one then is.
    """
    source = (point for point in points if point.dense is not None)
    total = 0
    for number, batch in enumerate(batches(source, CHUNK)):
        rows = [(point.payload["sku"], point.payload.get("text_hash", "")) for point in batch]
        vectors = np.stack([point.dense for point in batch if point.dense is not None])
        packing.add_bytes(f"{POINTS}/{number:06}.json", json.dumps(rows, ensure_ascii=False).encode())
        packing.add_bytes(f"{POINTS}/{number:06}.npy", _array_bytes(vectors))
        total += len(batch)
        progress("index", total, None)
    return total


def _array_bytes(vectors: NDArray[np.float32]) -> bytes:
    file = BytesIO()
    np.save(file, vectors.astype(np.float32, copy=False), allow_pickle=False)
    return file.getvalue()


def fill(application: Application, generation: Generation, folder: Path, progress: Progress = silent) -> int:
    """Write the points of unpacked files into an empty generation, and return how many there are then.

    A product that the catalogue does not have, or has no longer on sale, gets no point. What stands beside the vector
    is the catalogue's; a vector of another text than the product's present one is there until it is made anew.
    """
    written = since = 0
    for rows, vectors in _read(folder, generation.dimension):
        points = _points(application, rows, vectors)
        application.index(generation).upsert(points)
        written, since = written + len(points), since + len(points)
        if since >= OPTIMIZE_EVERY:  # as the worker does: an index that took in all in one go has it all in memory
            _settle(application, generation)
            since = 0
        progress("index", written, None)
    _settle(application, generation)
    return written


def _settle(application: Application, generation: Generation) -> None:
    index = application.index(generation)
    index.flush()
    index.optimize()
    application.release_indexes()


def _points(application: Application, rows: Rows, vectors: NDArray[np.float32]) -> list[Point]:
    products = application.catalogue.get_many([sku for sku, _ in rows])
    return [
        _point(application, products[sku], text_hash, vector)
        for (sku, text_hash), vector in zip(rows, vectors, strict=True)
        if sku in products and products[sku].active
    ]


def _point(application: Application, stored: StoredProduct, text_hash: str, vector: NDArray[np.float32]) -> Point:
    # The payload of now, not that of then: a revision counts changes of one catalogue, and of an older copy of it the
    # same number may mean another state.
    revision = stored.revision if stored.text_hash == text_hash else OTHER_TEXT
    popularity = application.settings.popularity_attribute
    payload = product_payload(stored.product, text_hash, stored.created_at, popularity) | {"revision": revision}
    words = application.lexical.document(application.text(stored.product))
    return Point(point_id(stored.product.sku), vector, words, payload)


def _read(folder: Path, dimension: int) -> Iterator[tuple[Rows, NDArray[np.float32]]]:
    for path in sorted(folder.glob("*.json")):
        try:
            rows = [(str(sku), str(text_hash)) for sku, text_hash in json.loads(path.read_text(encoding="utf-8"))]
            vectors = np.load(path.with_suffix(".npy"), allow_pickle=False)
        except (OSError, ValueError, TypeError, EOFError) as error:
            raise BadInput(f"{path.name} of the backup holds no points ({error}); give another copy") from error
        if vectors.dtype != np.float32 or vectors.shape != (len(rows), dimension):
            raise BadInput(
                f"{path.name} of the backup: vectors of shape {vectors.shape}, expected ({len(rows)}, {dimension})"
            )
        yield rows, vectors
