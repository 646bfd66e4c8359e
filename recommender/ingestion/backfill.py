"""Filling a new generation from the catalogue until it misses nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from recommender.batching import batches
from recommender.catalogue.repository import Catalogue
from recommender.errors import RecommenderError
from recommender.ingestion.change_plan import ChangePlan, WriteCounts
from recommender.ingestion.encoding import TextVectors, Vector
from recommender.ingestion.point_writer import PointWriter
from recommender.ingestion.targets import Target
from recommender.ingestion.verification import States, verify
from recommender.ingestion.worker import BATCH
from recommender.types import Progress, silent

ROUNDS = 5
"""Repair rounds before giving up. Each round closes the gaps that the one before left, and new changes reach the target
by themselves, so a few rounds are always enough."""


def backfill(
    target: Target,
    catalogue: Catalogue,
    writer: PointWriter,
    progress: Progress = silent,
    states: States | None = None,
    missed: Callable[[], Collection[str]] = frozenset,
) -> WriteCounts:
    """Write every active product into the target and return what was done; the graph is built at the end.

    A run that was cut off continues where it stopped, since points that are current are left alone. A worker may apply
    a change while this writes the older state of the same product. The comparison at the end finds that, and the
    product is written again.

    On return, the target misses nothing that was committed before the last round began, except changes on their way:
    those that are queued, as `states` say, and those in `missed`, which are queued again when the target goes live.
    """
    counts = _write_all(target, catalogue, writer, progress)
    for number in range(ROUNDS):
        found = verify(target.index, catalogue, states)
        # In a shop that changes all the time, some change is always on its way. The first round writes even those: the
        # live generation already has the changes that the target missed, so answers would lack them between the switch
        # and the next drain.
        if not found.differing or (number and not set(found.differing).difference(found.queued, missed())):
            progress("building graphs", 0, None)
            target.index.optimize()
            return counts
        for skus in batches(found.differing, BATCH):
            stored = catalogue.get_many(skus)
            counts += writer.write(target, list(stored.values()), [sku for sku in skus if sku not in stored])
    raise RecommenderError(
        f"generation {target.name} did not catch up with the catalogue in {ROUNDS} rounds; run the rebuild again"
    )


def _write_all(target: Target, catalogue: Catalogue, writer: PointWriter, progress: Progress) -> WriteCounts:
    """Write every active product in batches: one is read and compared while another is encoded or written.

    Reading and writing have a thread each, as in the worker's pipeline; the caller's thread encodes.
    """
    total, done, counts = catalogue.count(), 0, WriteCounts()
    products = batches(catalogue.products(), BATCH)

    def read() -> ChangePlan | None:
        batch = next(products, None)
        return None if batch is None else writer.plan(target, batch)

    def write(plan: ChangePlan, encoded: Mapping[str, Vector]) -> WriteCounts:
        written = writer.apply(plan, encoded)
        target.index.flush()  # a build that is cut off continues from here
        return written

    with ThreadPoolExecutor(1, "read") as reading, ThreadPoolExecutor(1, "write") as writing:
        writes: list[Future[WriteCounts]] = []
        upcoming = reading.submit(read)
        while (plan := upcoming.result()) is not None:
            upcoming = reading.submit(read)
            encoded = TextVectors().encode(target.encoder, plan.texts)
            while writes:
                counts += writes.pop().result()
            writes.append(writing.submit(write, plan, encoded))
            done += len(plan.vectors) + len(plan.payloads) + plan.untouched
            progress("indexing", done, max(total, done), target.name)
        while writes:
            counts += writes.pop().result()
    return counts
