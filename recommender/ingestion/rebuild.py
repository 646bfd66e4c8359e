"""Filling a new generation from the catalogue until it misses nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection

from recommender.batching import batches
from recommender.catalogue.repository import Catalogue, StoredProduct
from recommender.errors import RecommenderError
from recommender.ingestion.verify import States, verify
from recommender.ingestion.worker import BATCH
from recommender.ingestion.writer import PointWriter, Target, WriteCounts
from recommender.types import Progress, silent

ROUNDS = 5
"""Repair rounds before giving up: each closes what the one before left, and what still comes in reaches the target by
itself, so a few always suffice."""


def backfill(
    target: Target,
    catalogue: Catalogue,
    writer: PointWriter,
    progress: Progress = silent,
    states: States | None = None,
    noted: Callable[[], Collection[str]] = frozenset,
) -> WriteCounts:
    """Write every active product into the target and return what was done; the graph is built at the end.

    A run that was cut off goes on where it stopped, since points that are current are left alone. A change that a
    worker applied while its older state was being written here is found by the comparison at the end, and written
    again: what this returns from misses nothing that was committed before the last round began, but for what is on its
    way: queued, as `states` say, or `noted` as missed by the target and so queued again when that goes live.
    """
    total = catalogue.count()
    counts = WriteCounts()
    done = 0
    for batch in batches(catalogue.products(), BATCH):
        counts += writer.write(target, batch)
        done += len(batch)
        progress("indexing", done, max(total, done), target.name)
    counts += _close_gaps(target, catalogue, writer, states, noted)
    target.index.optimize()
    return counts


def _close_gaps(
    target: Target,
    catalogue: Catalogue,
    writer: PointWriter,
    states: States | None,
    noted: Callable[[], Collection[str]],
) -> WriteCounts:
    counts = WriteCounts()
    for number in range(ROUNDS):
        found = verify(target.index, catalogue, states)
        # In a shop that never rests there always is a change on its way. All there is goes in once, even so: what was
        # noted is in the generation that is live now, and would be missing from the answers until the next drain.
        if not found.differing or (number and not set(found.differing).difference(found.queued, noted())):
            return counts
        for skus in batches(found.differing, BATCH):
            stored: dict[str, StoredProduct] = catalogue.get_many(skus)
            counts += writer.write(target, list(stored.values()), [sku for sku in skus if sku not in stored])
    raise RecommenderError(
        f"generation {target.name} did not catch up with the catalogue in {ROUNDS} rounds; run the rebuild again"
    )
