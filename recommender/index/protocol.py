"""The verbs of a vector engine, the same few for the embedded engine and the server, and the values that they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recommender.query import Boost, Filters
from recommender.types import JsonObject, SparseVector

AWAY = "the index is not available; the log has the rest"
"""What callers of the service read of an engine that is away: they are not told its address, or a folder."""


def point_id(sku: str) -> int:
    """Return the id of a SKU's point. It is the same everywhere, so that writing twice is writing once.

    It is 64 bits of a hash: the chance that two of a million products share a point is 1 in 37 million. Ids are no
    UUIDs, which the embedded engine reads and writes twenty times as slowly: a fifth of a query.
    """
    return int.from_bytes(blake2b(sku.encode(), digest_size=8).digest())


class Order(StrEnum):
    """How products are ordered without a query: the newest, the most popular, the cheapest or the dearest first."""

    NEWEST = "newest"
    POPULAR = "popular"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"


@dataclass(frozen=True, slots=True)
class Point:
    """A product in the index: its vector (float32 [d]), its BM25 weights and its payload."""

    id: int
    dense: NDArray[np.float32]
    lexical: SparseVector
    payload: JsonObject


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A point as the engine returns it; `dense` only if it was asked for."""

    id: int
    payload: JsonObject
    dense: NDArray[np.float32] | None = None


class ScoredPoint(NamedTuple):
    """A point that answers a query, with its score: larger is nearer.

    `words` and `meaning` are the two parts of the score before boosts, each from 0 to 1, and `weight` is the weight of
    the words. A server sends payloads with what `card_of` reads. The embedded engine sends none: fetching a few of many
    afterwards is faster.
    """

    id: int
    score: float
    words: float = 0.0
    meaning: float = 0.0
    weight: float = 0.0
    payload: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class ExampleVectors:
    """Liked (float32 [n, d], n >= 1) and disliked (float32 [m, d]) products as one dense query.

    `best_score` ranks by the nearest example, otherwise by the sum of the similarities to all of them.
    """

    liked: NDArray[np.float32]
    disliked: NDArray[np.float32]
    best_score: bool = True


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """A query to one index: by a vector, by words, or by both; `words` is the weight of the words.

    With `adapt` this is the lowest weight, and words that single products out weigh more (`weigh_words`). With vector
    and words, each list has `prefetch` candidates, and every candidate is scored by both. `examples` replace `dense`.
    `exact` scans instead of walking the graph. `ids` restricts the answer to these points. `filters.min_score` applies
    to the score before boosts, which multiply it. `alternatives` are terms of `lexical` that stand for others of it: a
    product needs one of them, not each.
    """

    limit: int
    dense: NDArray[np.float32] | None = None
    lexical: SparseVector | None = None
    words: float = 0.5
    adapt: bool = False
    filters: Filters = field(default_factory=Filters)
    prefetch: int = 100
    exact: bool = False
    examples: ExampleVectors | None = None
    ids: tuple[int, ...] | None = None
    boosts: tuple[Boost, ...] = ()
    alternatives: frozenset[int] = frozenset()

    @property
    def words_weight(self) -> float:
        """The weight of the words in a score: 1 if there is no vector, 0 if there are no words."""
        if self.lexical is None or not self.lexical.indices:
            return 0.0
        return 1.0 if self.dense is None and self.examples is None else self.words


class VectorIndex(Protocol):
    """One open generation. Readers may run beside a writer, from any thread."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Write whole points, replacing those with the same id."""

    def overwrite_payloads(
        self, payloads: Sequence[tuple[int, JsonObject]], known: Mapping[int, JsonObject] | None = None
    ) -> None:
        """Replace the payloads of points that exist; their vectors stay as they are.

        `known` are payloads that some of these points have now, and that need not be read again.
        """

    def delete(self, ids: Sequence[int]) -> None:
        """Remove points; ids that do not exist are not an error."""

    def retrieve(self, ids: Sequence[int], with_vectors: bool = False) -> list[StoredPoint]:
        """Return the points among `ids` that exist, in no promised order."""

    def query(self, query: IndexQuery) -> list[ScoredPoint]:
        """Answer a query, best first, equal scores in the order of their points.

        Raises `UsageError` for a query whose parts do not fit together.
        """

    def select(
        self, filters: Filters, limit: int, order: Order | None = None, ids: Sequence[int] | None = None
    ) -> list[StoredPoint]:
        """Return up to `limit` points that match, in `order` or in no promised one; with `ids`, only those among these.

        Points without the field of the order are left out. `filters.min_score` is about queries, and is ignored.
        """

    def find(self, keys: Sequence[str], filters: Filters, limit: int, partial: bool = False) -> list[StoredPoint]:
        """Return up to `limit` points that match and have one of these identifiers, in no promised order.

        With `partial`, those that have an identifier that begins with the last of `keys`, which has at least
        `identifiers.SHORTEST_PART` characters.
        """

    def facet(self, field: str, filters: Filters, limit: int) -> list[tuple[str, int]]:
        """Return the most frequent values of a keyword field among the points that match, with their exact counts."""

    def scroll(self, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        """Walk over all points in the order of their ids, `batch` at a time."""

    def foreign(self, remove: bool = False) -> tuple[str, ...]:  # noqa: ARG002 - an embedded engine has none
        """Return the ids of the points that are not of products, and remove them if asked.

        Nothing else returns them, except that `count` counts them. Only a server lets others write any.
        """
        return ()

    def count(self, filters: Filters | None = None, exact: bool = False) -> int:
        """Return how many points match; of more than 10,000 the engine may return an estimate, unless `exact`."""

    def flush(self) -> None:
        """Return when everything that was written is durable."""

    def optimize(self) -> None:
        """Build the graph for points that were appended since the last time.

        A server does this by itself, except for a new generation: for that one, this starts the build and waits for its
        end.
        """

    def close(self) -> None:
        """Release the generation. If it is embedded, another process may then open it."""


class VectorEngine(Protocol):
    """Where generations are: a folder (embedded) or a server."""

    def create(self, name: str, dimension: int) -> VectorIndex:
        """Make an empty generation with its payload indexes, and open it; an older one of this name is removed."""

    def open(self, name: str) -> VectorIndex:
        """Open a generation.

        Raises `IndexHeld` when another process has it (embedded), `Unavailable` when the engine is away, and
        `NotFound` when there is none of this name.
        """

    def version(self) -> str:
        """Return the engine's version. Raises `BadInput` for a server that is too old."""

    def layout(self, name: str) -> JsonObject:
        """Return how a server keeps a generation (`status`, `shards`, ...), or that an embedded one is compact."""

    def drop(self, name: str) -> None:
        """Remove a generation and its files; a missing one is not an error."""

    def names(self) -> list[str]:
        """Return the names of the generations that exist, sorted."""

    def close(self) -> None:
        """Close the connection, if there is one."""
