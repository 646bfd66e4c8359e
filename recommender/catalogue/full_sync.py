"""Full feeds: products that the feeds lack are deactivated, unless the feeds look broken."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.catalogue.import_runs import ImportStopped
from recommender.catalogue.loss_guard import FEW, SHARE, allowance
from recommender.catalogue.repository import Catalogue

BATCH = 2000
"""Products deactivated in one transaction."""


class SeenSkus:
    """The SKUs that the feeds have named, as 64-bit hashes: 8 bytes a row.

    Two SKUs with the same hash, expected once in ten million pairs of catalogues of a million products, would only
    leave a product active.
    """

    def __init__(self) -> None:
        self._hashes = array("q")

    def add(self, skus: Iterable[str]) -> None:
        """Remember SKUs."""
        self._hashes.extend(map(hash, skus))

    def unique_hashes(self) -> Any:
        """Return the hashes in order, each once, as an int64 array."""
        return np.unique(np.frombuffer(self._hashes, dtype=np.int64)) if self._hashes else np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class FeedEnd:
    """How the reading of a feed ended: `good_rows` were imported; `ended_early` says why rows may be missing, if so.

    `unreadable` rows are damaged, and not even their SKU can be read.
    """

    source: str
    good_rows: int
    ended_early: str
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class DeactivationSummary:
    """What full feeds do to the `missing` of the `active` products; `refused` says why nothing was done."""

    active: int
    missing: int
    deactivated: int
    refused: str


class FullSync:
    """Feeds that are the whole catalogue together: created before the first is read, closed after the last.

    Products that another process changes after the creation are newer than the feeds, and stay.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._since = catalogue.moment()
        self._active = catalogue.count()
        self.seen = SeenSkus()

    def close(
        self,
        ends: Sequence[FeedEnd],
        *,
        force: bool = False,
        dry_run: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> DeactivationSummary:
        """Deactivate what no feed has named, each batch with its outbox rows in one transaction.

        If it is interrupted, running the same feeds again does the rest. Raises `ImportStopped` when `stopped` says so.
        """
        seen = self.seen.unique_hashes()
        missing = sum(map(len, self._missing(seen)))
        refused = "" if force else refusal(ends, missing, self._active)
        if refused or dry_run:
            return DeactivationSummary(self._active, missing, 0, refused)
        deactivated = 0
        for skus in self._missing(seen):
            if stopped():
                raise ImportStopped
            deactivated += self._catalogue.deactivate(skus, unchanged_since=self._since)
        return DeactivationSummary(self._active, missing, deactivated, "")

    def _missing(self, seen: Any) -> Iterator[list[str]]:
        for skus in self._catalogue.active_skus(BATCH, unchanged_since=self._since):
            hashes = np.fromiter(map(hash, skus), np.int64, len(skus))
            if len(seen):
                places = np.minimum(np.searchsorted(seen, hashes), len(seen) - 1)
                absent = [skus[place] for place in np.flatnonzero(seen[places] != hashes)]
            else:
                absent = skus
            if absent:
                yield absent


def refusal(ends: Sequence[FeedEnd], missing: int, active: int) -> str:
    """Return why the feeds can't be the whole catalogue; empty when they can."""
    too_many = missing > allowance(active)
    reasons = [f"{end.source} may lack rows ({end.ended_early})" for end in ends if end.ended_early]
    reasons += [f"{end.source} has no good row" for end in ends if not end.good_rows]
    if missing:  # one of them may be in such a row
        damaged = ((end.source, end.unreadable) for end in ends if end.unreadable)
        reasons += [f"{source} has damaged rows whose SKU can't be read ({count:,})" for source, count in damaged]
    if too_many:
        share = f"{missing:,} of {active:,} active products ({missing / max(active, 1):.1%}) are not in it"
        reasons.append(f"{share}, and at most {SHARE:.0%} or {FEW} may go")
    if not reasons:
        return ""
    rest = "" if too_many else f" ({missing:,} of {active:,} active products would go)"
    return (
        f"--full: {'; '.join(reasons)}{rest}; nothing is deactivated, good rows are imported;"
        " check the feed, or say --force"
    )
