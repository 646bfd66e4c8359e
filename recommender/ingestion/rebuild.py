"""Filling a new generation from the catalogue until it misses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from recommender.catalogue.repository import Catalogue, StoredProduct
from recommender.errors import RecommenderError
from recommender.ingestion.verify import verify
from recommender.ingestion.worker import BATCH
from recommender.ingestion.writer import PointWriter, Target, WriteCounts
from recommender.types import Progress, silent

ROUNDS = 5
"""Repair rounds before giving up: each closes what changed during the one before, so a few always suffice."""


def backfill(target: Target, catalogue: Catalogue, writer: PointWriter, progress: Progress = silent) -> WriteCounts:
    """Write every active product into the target and return what was done; the graph is built at the end.

    A run that was cut off goes on where it stopped, since points that are current are left alone. A change that a
    worker applied while its older state was being written here is found by the comparison at the end, and written
    again: what this returns from misses nothing that was committed before the last round began.
    """
    total = catalogue.count()
    counts = WriteCounts()
    products = catalogue.products()
    done = 0
    while batch := list(islice(products, BATCH)):
        counts += writer.write(target, batch)
        done += len(batch)
        progress("indexing", done, max(total, done), target.name)
    counts += _close_gaps(target, catalogue, writer)
    target.index.optimize()
    return counts


def _close_gaps(target: Target, catalogue: Catalogue, writer: PointWriter) -> WriteCounts:
    counts = WriteCounts()
    for _ in range(ROUNDS):
        differing = verify(target.index, catalogue).differing
        if not differing:
            return counts
        for skus in _chunks(differing):
            stored: dict[str, StoredProduct] = catalogue.get_many(skus)
            counts += writer.write(target, list(stored.values()), [sku for sku in skus if sku not in stored])
    raise RecommenderError(
        f"generation {target.name} did not catch up with the catalogue in {ROUNDS} rounds; run the rebuild again"
    )


def _chunks(skus: tuple[str, ...]) -> Iterator[list[str]]:
    source = iter(skus)
    while chunk := list(islice(source, BATCH)):
        yield chunk
