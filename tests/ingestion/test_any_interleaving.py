"""The outbox and its leases as a state machine: workers that stall, die and come back late, in any order of steps."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from recommender.catalogue.outbox import Claim, Outbox
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.database.migrate import upgrade
from recommender.embedding.product_text import ProductText
from recommender.ingestion.leases import LEASE, Leases
from recommender.types import Product

SKUS = [f"sku-{number}" for number in range(4)]
WORKERS = range(3)
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))


class Interleaving(RuleBasedStateMachine):
    """The index is two dictionaries, SKU to title: the live generation, and one that is being built.

    A worker claims, reads, renews its leases, writes and acknowledges in steps of its own; between any two of them
    hours may pass, the catalogue may change, and the other workers do what they want.
    """

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.database = Database(f"sqlite:///{Path(self.folder.name) / 'catalogue.db'}")
        upgrade(self.database)
        self.catalogue = Catalogue(self.database, ProductText().hash)
        self.outbox = Outbox(self.database, clock=lambda: self.now, jitter=lambda: 0.5)
        self.leases = {worker: Leases(self.outbox, f"elsewhere-{worker}") for worker in WORKERS}
        self.batches: dict[int, tuple[list[Claim], dict[str, str | None], set[str]]] = {}
        self.live: dict[str, str] = {}
        self.building: dict[str, str] = {}

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self._drain()
            wanted = {stored.product.sku: stored.product.title for stored in self.catalogue.products()}
            assert self.live == wanted, "the index is the catalogue"
            assert self.building == wanted, "so is the one that goes live next"
            self.database.close()
            self.folder.cleanup()

    @rule(sku=st.sampled_from(SKUS), title=st.sampled_from(["Boot", "Shoe", "Sandal"]))
    def change(self, sku: str, title: str) -> None:
        self.catalogue.upsert([Product(sku, title)])

    @rule(sku=st.sampled_from(SKUS))
    def take_out(self, sku: str) -> None:
        self.catalogue.deactivate([sku])

    @rule(worker=st.sampled_from(WORKERS), limit=st.integers(1, 3))
    def claim_and_read(self, worker: int, limit: int) -> None:
        if worker not in self.batches and (claims := self.leases[worker].claim(limit)):
            self.batches[worker] = claims, self._read(claims), set()

    @rule(worker=st.sampled_from(WORKERS))
    def write(self, worker: int) -> None:
        """Write what was read, however long ago, but only what this worker still has: the fence."""
        if worker in self.batches:
            claims, read, written = self.batches[worker]
            leased = set(self.leases[worker].begin_write(claims))
            for sku in leased:
                self._apply(sku, read[sku])
            written |= leased

    @rule(worker=st.sampled_from(WORKERS))
    def acknowledge(self, worker: int) -> None:
        if worker in self.batches:
            claims, _, written = self.batches.pop(worker)
            self.leases[worker].forget([claim for claim in claims if claim.sku not in written])
            if done := [claim for claim in claims if claim.sku in written]:
                self.leases[worker].acknowledge(done)

    @rule(worker=st.sampled_from(WORKERS))
    def die(self, worker: int) -> None:
        """Nothing of it is left but the leases in the database; another process takes its place."""
        self.batches.pop(worker, None)
        self.leases[worker] = Leases(self.outbox, f"elsewhere-{worker}-{self.now.timestamp()}")

    @rule(worker=st.sampled_from(WORKERS))
    def write_after_the_fence(self, worker: int) -> None:
        """A write that was under way when the worker stalled, and lands later than the writes of the next holder."""
        if worker in self.batches and (written := self.batches[worker][2]):
            for sku in written:
                self._apply(sku, self.batches[worker][1][sku])
            self.acknowledge(worker)

    @rule(hours=st.sampled_from([0.01, 1.0, 24.0]))
    def wait(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def rebuild_and_promote(self) -> None:
        """Fill a new generation from the catalogue and switch to it; the one before is kept fresh."""
        self.live, self.building = {}, self.live
        for stored in self.catalogue.products():
            self.live[stored.product.sku] = stored.product.title
        for claims, _, _ in self.batches.values():  # what is on its way reaches the new one, too
            self.catalogue.enqueue([claim.sku for claim in claims])

    @invariant()
    def nothing_is_held_for_ever(self) -> None:
        if hasattr(self, "outbox"):
            depth = self.outbox.depth()
            assert depth.waiting + depth.leased + depth.parked <= len(SKUS)

    def _read(self, claims: list[Claim]) -> dict[str, str | None]:
        stored = self.catalogue.get_many([claim.sku for claim in claims])
        return {
            claim.sku: one.product.title if (one := stored.get(claim.sku)) is not None and one.active else None
            for claim in claims
        }

    def _apply(self, sku: str, title: str | None) -> None:
        for index in (self.live, self.building):
            if title is None:
                index.pop(sku, None)
            else:
                index[sku] = title

    def _drain(self) -> None:
        """Let whoever is at work come to an end, late, and a last worker do the rest."""
        for worker in list(self.batches):
            self.write(worker)
            self.acknowledge(worker)
        self.now += 2 * LEASE
        last = Leases(self.outbox, "elsewhere-last")
        while claims := last.claim(10):
            for sku, title in self._read(claims).items():
                self._apply(sku, title)
            last.acknowledge(claims)


TestInterleaving = Interleaving.TestCase
TestInterleaving.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
