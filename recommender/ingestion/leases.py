"""What one worker holds: claimed, kept while it is worked on, and given back whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from datetime import timedelta

from recommender.catalogue.outbox import Claim, Outbox
from recommender.errors import RecommenderError

LEASE = timedelta(minutes=10)
"""Longer than any step between two renewals: one slice of texts, or one write."""

KEEP_EVERY_S = LEASE.total_seconds() / 5
"""Age at which leases are renewed in the middle of a batch, so that a slow model does not lose what it works on."""


class Leases:
    """The claims in the hands of one owner. Safe to use from the threads of one worker."""

    def __init__(self, outbox: Outbox, owner: str) -> None:
        self._outbox = outbox
        self._owner = owner
        self._lock = threading.Lock()
        self._in_hand: dict[str, Claim] = {}
        self._being_written: set[str] = set()
        self._kept_at = time.monotonic()
        self._unsure = False

    def claim(self, limit: int) -> list[Claim]:
        """Take up to `limit` changes that are due, none of which is in hand already.

        That could be when a lease ran out unnoticed: two batches with one SKU could be written in the wrong order.
        """
        self._unsure = True  # until the answer is here: the claim may succeed and its answer be lost
        claims = self._outbox.claim(self._owner, limit, LEASE)
        self._unsure = False
        with self._lock:
            fresh = [claim for claim in claims if claim.sku not in self._in_hand]
            self._in_hand.update((claim.sku, claim) for claim in fresh)
        return fresh

    def keep(self) -> None:
        """Renew the leases in hand when they have become old; called often in the middle of long work."""
        if time.monotonic() - self._kept_at < KEEP_EVERY_S:
            return
        self._outbox.renew(self._owner, self._not_being_written(), LEASE)
        self._kept_at = time.monotonic()

    def begin_to_write(self, claims: Sequence[Claim]) -> Collection[str]:
        """Renew the leases of a batch that is about to be written, and return the SKUs that are still held.

        Until it is forgotten or written in vain it is not given back: another worker could write a newer state first.
        """
        with self._lock:
            self._being_written.update(claim.sku for claim in claims)
        return self._outbox.renew(self._owner, claims, LEASE)

    def written_in_vain(self, claims: Sequence[Claim]) -> None:
        """Take note that a batch failed: it is in hand, and no longer being written."""
        with self._lock:
            self._being_written.difference_update(claim.sku for claim in claims)

    def acknowledge(self, claims: Sequence[Claim]) -> None:
        """Take claims whose change is durable in the index off the queue."""
        self._outbox.acknowledge(self._owner, claims)
        self.forget(claims)

    def fail(self, claim: Claim, error: Exception | None) -> None:
        """Put a claim off, or aside after the last try, with its error."""
        self._outbox.fail(self._owner, [claim], f"{type(error).__name__}: {error}")
        self.forget([claim])

    def forget(self, claims: Sequence[Claim]) -> None:
        """Hold these no longer."""
        with self._lock:
            for claim in claims:
                self._in_hand.pop(claim.sku, None)
                self._being_written.discard(claim.sku)

    def release(self) -> None:
        """Give back all that is in hand. Never fails: what can't be given back now goes before the next claim."""
        with self._lock:
            claims = list(self._in_hand.values())
            self._in_hand.clear()
            self._being_written.clear()
        try:
            if claims:
                self._outbox.release(self._owner, claims)
        except RecommenderError:
            self._unsure = True  # the database is away; its leases would keep even this worker off for minutes

    def recover(self) -> None:
        """Give back what an earlier failure left under this owner's name, and what killed processes held."""
        if self._unsure:
            self._outbox.release_all(self._owner)
            self._unsure = False
        self._outbox.release_dead()

    def give_back(self) -> None:
        """Give back what is not being written at this moment, from any thread; for a process that is about to end.

        What is being written stays leased: others of this host take it up once this process is gone.
        """
        claims = self._not_being_written()
        if claims:
            self._outbox.release(self._owner, claims)

    def _not_being_written(self) -> list[Claim]:
        with self._lock:
            return [claim for sku, claim in self._in_hand.items() if sku not in self._being_written]
