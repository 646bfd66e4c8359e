"""The changes that one worker has claimed: their leases are renewed while it works, and always given back.

A lease runs out `LEASE` after it was taken or last renewed. `Outbox.claim` then gives the change to another worker, and
`begin_write` tells this one that it no longer has it (fencing): what was planned for it is not written. (The leases on
open indexes are in `index/leases`.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from datetime import timedelta

from recommender.catalogue.outbox import Claim, Outbox
from recommender.errors import RecommenderError

LEASE = timedelta(minutes=10)
"""Long enough for the longest work between two renewals: encoding one slice of texts, or one write."""

RENEW_EVERY_S = LEASE.total_seconds() / 5
"""Age at which leases are renewed in the middle of a batch, so that a slow model does not lose what it works on."""


class Leases:
    """The claims of one owner. Safe to use from the threads of one worker."""

    def __init__(self, outbox: Outbox, owner: str) -> None:
        self._outbox = outbox
        self._owner = owner
        self._lock = threading.Lock()
        self._claims: dict[str, Claim] = {}
        self._being_written: set[str] = set()
        self._renewed_at = time.monotonic()
        self._may_hold_unknown = False

    def claim(self, limit: int) -> list[Claim]:
        """Claim up to `limit` changes that are due, except those that this worker has already claimed.

        It can get one of these again if its lease ran out unnoticed. Two batches with one SKU could then be written in
        the wrong order.
        """
        self._may_hold_unknown = True  # until the answer is here: the claim may succeed and its answer be lost
        claims = self._outbox.claim(self._owner, limit, LEASE)
        self._may_hold_unknown = False
        with self._lock:
            fresh = [claim for claim in claims if claim.sku not in self._claims]
            self._claims.update((claim.sku, claim) for claim in fresh)
        return fresh

    def renew_when_due(self) -> None:
        """Renew the leases if they are old; called often in the middle of long work."""
        if time.monotonic() - self._renewed_at < RENEW_EVERY_S:
            return
        self._outbox.renew(self._owner, self._unwritten(), LEASE)
        self._renewed_at = time.monotonic()

    def begin_write(self, claims: Sequence[Claim]) -> Collection[str]:
        """Renew the leases of a batch that is about to be written, and return the SKUs that this worker still has.

        Until the write has ended, these claims are not given back: another worker could write a newer state first.
        """
        with self._lock:
            self._being_written.update(claim.sku for claim in claims)
        return self._outbox.renew(self._owner, claims, LEASE)

    def abandon_write(self, claims: Sequence[Claim]) -> None:
        """Record that writing a batch failed: it is still claimed, and no longer being written."""
        with self._lock:
            self._being_written.difference_update(claim.sku for claim in claims)

    def acknowledge(self, claims: Sequence[Claim]) -> None:
        """Remove changes that are durable in the index from the queue."""
        self._outbox.acknowledge(self._owner, claims)
        self.forget(claims)

    def fail(self, claim: Claim, error: Exception | None) -> None:
        """Put a change off with its error, or park it after the last try."""
        self._outbox.fail(self._owner, [claim], f"{type(error).__name__}: {error}")
        self.forget([claim])

    def forget(self, claims: Sequence[Claim]) -> None:
        """Stop counting these changes as claimed."""
        with self._lock:
            for claim in claims:
                self._claims.pop(claim.sku, None)
                self._being_written.discard(claim.sku)

    def release(self) -> None:
        """Give back every claim. Never fails: what can't be given back now is given back before the next claim."""
        with self._lock:
            claims = list(self._claims.values())
            self._claims.clear()
            self._being_written.clear()
        try:
            if claims:
                self._outbox.release(self._owner, claims)
        except RecommenderError:
            # The database is away. Until the leases run out, they keep even this worker from the changes.
            self._may_hold_unknown = True

    def recover(self) -> None:
        """Give back what an earlier failure left under this owner's name, and what killed processes had claimed."""
        if self._may_hold_unknown:
            self._outbox.release_all(self._owner)
            self._may_hold_unknown = False
        self._outbox.release_dead()

    def give_back(self) -> None:
        """Give back what is not being written now, from any thread; for a process that is about to end.

        What is being written stays leased: other workers of this host take it when this process is gone.
        """
        claims = self._unwritten()
        if claims:
            self._outbox.release(self._owner, claims)

    def _unwritten(self) -> list[Claim]:
        with self._lock:
            return [claim for sku, claim in self._claims.items() if sku not in self._being_written]
