"""The points of a generation as files, the same for every engine: vectors, and the texts they were made of, by hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.application.composition import Application
from recommender.backup.archive import POINTS, ArchiveWriter
from recommender.batching import batches
from recommender.errors import BadInput
from recommender.index.generation import Generation
from recommender.index.payload import IDENTIFIERS, product_payload
from recommender.index.protocol import Point, StoredPoint, point_id
from recommender.ingestion.worker import OPTIMIZE_EVERY
from recommender.types import Progress, silent

CHUNK = 5000
"""Points in one pair of files: 8 MB of vectors of 384 dimensions."""

LARGEST_ROWS = CHUNK * 2_000
"""Bytes of the SKUs of a chunk: each has at most 200 characters, and a hash."""

OTHER_TEXT = -1
"""Revision of a point whose vector is not of the product's current text: no product ever has it, so the point never
passes for current."""


def pack_points(archive: ArchiveWriter, points: Iterable[StoredPoint], progress: Progress = silent) -> int:
    """Add points to an archive, in bounded memory, and return how many there are.

    Lexical vectors and payloads are left out: both are made again from the restored catalogue.
    """
    source = (point for point in points if point.dense is not None)
    total = 0
    for number, batch in enumerate(batches(source, CHUNK)):
        rows = [(point.payload["sku"], point.payload.get("text_hash", "")) for point in batch]
        vectors = np.stack([point.dense for point in batch if point.dense is not None])
        file = BytesIO()
        np.save(file, vectors.astype(np.float32, copy=False), allow_pickle=False)
        archive.add_bytes(f"{POINTS}/{number:06}.json", json.dumps(rows, ensure_ascii=False).encode())
        archive.add_bytes(f"{POINTS}/{number:06}.npy", file.getvalue())
        total += len(batch)
        progress("index", total, None)
    return total


def restore_points(application: Application, generation: Generation, folder: Path, progress: Progress = silent) -> int:
    """Write the points of unpacked files into an empty generation, and return how many there are then.

    A product that the catalogue does not have, or no longer sells, gets no point. The payload is made from the
    catalogue. A vector of another text than the product's current one stays until it is made again.
    """
    lexical_encoder = application.lexical_of(generation)
    written = unreleased = 0
    for rows, vectors in _read(folder, generation.dimension):
        products = application.catalogue.get_many([sku for sku, _ in rows])
        points = []
        for (sku, text_hash), vector in zip(rows, vectors, strict=True):
            stored = products.get(sku)
            if stored is None or not stored.active:
                continue
            # The current payload, not the old one: a revision counts the changes of one catalogue, and the same number
            # may mean another state in an older copy of it.
            revision = stored.revision if stored.text_hash == text_hash else OTHER_TEXT
            popularity = application.settings.popularity_attribute
            payload = product_payload(stored.product, text_hash, stored.created_at, popularity)
            text, title = application.text(stored.product), stored.product.title
            lexical = lexical_encoder.document(text, title, payload[IDENTIFIERS])
            points.append(Point(point_id(sku), vector, lexical, payload | {"revision": revision}))
        application.index(generation).upsert(points)
        written, unreleased = written + len(points), unreleased + len(points)
        if unreleased >= OPTIMIZE_EVERY:  # as the worker does, or everything would be in memory
            application.index(generation).flush()
            application.release_indexes()
            unreleased = 0
        progress("index", written, None)
    index = application.index(generation)
    index.flush()
    index.optimize()
    application.release_indexes()
    return written


def _read(folder: Path, dimension: int) -> Iterator[tuple[list[tuple[str, str]], NDArray[np.float32]]]:
    """Yield the SKU and text hash of each vector beside the vectors, a pair of files at a time."""
    for path in sorted(folder.glob("*.json")):
        try:
            if path.stat().st_size > LARGEST_ROWS:
                raise ValueError(f"{path.stat().st_size:,} bytes of SKUs")
            rows = [(str(sku), str(text_hash)) for sku, text_hash in json.loads(path.read_text(encoding="utf-8"))]
            # Mapped: a header may claim far more than the file has, and reading would allocate that first.
            vectors = np.load(path.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, TypeError, EOFError, RecursionError) as error:
            raise BadInput(f"{path.name} of the backup holds no points ({error}); give another copy") from error
        if vectors.dtype != np.float32 or vectors.shape != (len(rows), dimension):
            raise BadInput(
                f"{path.name} of the backup: vectors of shape {vectors.shape}, expected ({len(rows)}, {dimension})"
            )
        yield rows, np.array(vectors)
