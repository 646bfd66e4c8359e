"""The embedded engine: one shard of Qdrant Edge a generation, each in a folder of its own."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from importlib.metadata import version
from pathlib import Path

import qdrant_edge as edge

from recommender.batching import batches
from recommender.errors import BadInput, NotFound, Unavailable
from recommender.index.embedded.lock import GenerationLock
from recommender.index.embedded.query import (
    BatchedSearch,
    edge_filter,
    edge_point,
    identifier_request,
    scroll_request,
    to_stored_point,
)
from recommender.index.embedded.schema import Layout, create_shard, dimension_of, has_graphs, is_compact
from recommender.index.embedded.shard import Shard, engine_errors
from recommender.index.embedded.storage import draft_folder, install, remove, require_space, shard_folder
from recommender.index.protocol import IndexQuery, Order, Point, ScoredPoint, StoredPoint, VectorEngine, VectorIndex
from recommender.index.query_plan import DENSE, check_points, plan_of
from recommender.query import Filters
from recommender.types import JsonObject, SparseVector

UPSERT_BATCH = 64
"""Points in one write: it takes 3 ms, in which no query runs. A write of 500 took up to 30 ms, and was not faster in
total."""

APART_FROM = 10_000
"""Points from which graphs are built in a process of their own. With fewer, the build takes a second or two, about as
long as that process takes to start and end."""

BESIDE_QUERIES = 10
"""Niceness of a process that builds graphs beside a service: it gets a tenth of a core that both want, and all of an
idle core."""

COMPACT_FROM = 200_000
"""Points from which an index is compact: full vectors of 384 dimensions are 300 MB then. With a million of them, a
process under a limit of 1 GiB would read most of a walk from the disk."""

SETTLE_AFTER = 100_000
"""Points appended before they are moved to the disk: each takes 4 KB of memory until then."""

PAYLOAD_BYTES = 16 << 10
"""Bytes that a point takes beside its vector: in the log, its payload, and their indexes."""

LARGE_BATCH = 16 << 20
"""Bytes of a usual batch: 1,024 points."""

SPACE_FOR_S = 0.5
"""How long one reading of the free disk space is used."""

COUNTED_UP_TO = 10_000
"""Matching points, by the engine's estimate, up to which they are counted: of 850,000 in stock that took 54 ms, 28
times as long as the search, and of 50,000 by price and stock 36 ms. The estimate is exact for one value of a field, and
within 0.2% for a price range; of several fields it takes them to be independent."""

MOST_TERMS_KEPT = 50_000
"""Words whose best score is kept, some 14 MB. To ask for them each time took 6% of a query."""

_CHANGES = ".changed"
"""File in the folder of a generation: how many points changed since its graphs were built."""

_APPENDED = ".appended"
"""File in the folder of a generation: how many points were written since it was last built or settled."""

_log = logging.getLogger(__name__)


class EmbeddedIndex(VectorIndex):
    """One open shard. Another process can't open it until this one closes it."""

    def __init__(
        self,
        name: str,
        folder: Path,
        lock: GenerationLock,
        compact_from: int = COMPACT_FROM,
        settle_after: int = SETTLE_AFTER,
    ) -> None:
        self.name = name
        self._folder = folder
        self._lock = lock
        self._dimension = dimension_of(shard_folder(folder))
        self._shard = Shard(name, folder)
        self._space_at = -math.inf
        self._compact_from = compact_from
        self._settle_after = settle_after
        self._appended = self._read_count(_APPENDED)
        self._best_of_terms: dict[SparseVector, float] = {}
        """Replaced when points come or go, and by a build, which stops counting the words of points that are gone."""

    def upsert(self, points: Sequence[Point]) -> None:
        check_points(points, self._dimension)
        self._require_space(len(points) * (PAYLOAD_BYTES + 3 * 4 * self._dimension))
        for batch in batches(points, UPSERT_BATCH):
            operation = edge.UpdateOperation.upsert_points([edge_point(point) for point in batch])
            self._write(operation, [point.id for point in batch])
        self._appended += len(points)

    def overwrite_payloads(
        self, payloads: Sequence[tuple[int, JsonObject]], known: Mapping[int, JsonObject] | None = None
    ) -> None:
        known = known or {}
        self._require_space(len(payloads) * PAYLOAD_BYTES)
        for batch in batches(payloads, UPSERT_BATCH):
            # Looked up first: naming a point that does not exist is an error, and a filter on its id takes twice as
            # long.
            unread = [identity for identity, _ in batch if identity not in known]
            read = {point.id: point.payload for point in self.retrieve(unread)} if unread else {}
            for identity, new in batch:
                old = known.get(identity) or read.get(identity)
                if old is None or old == new:
                    continue
                if old.keys() - new.keys():
                    operation = edge.UpdateOperation.overwrite_payload([identity], new)
                else:  # a price change writes two fields, in half the time of writing them all
                    changes = {key: value for key, value in new.items() if old.get(key) != value}
                    operation = edge.UpdateOperation.set_payload([identity], changes)
                self._shard.update(operation, [identity])
        self._appended += len(payloads)

    def delete(self, ids: Sequence[int]) -> None:
        if ids:
            self._write(edge.UpdateOperation.delete_points(list(ids)), ids)

    def retrieve(self, ids: Sequence[int], with_vectors: bool = False) -> list[StoredPoint]:
        with self._shard.reading() as shard:
            records = shard.retrieve(list(ids), with_payload=True, with_vector=[DENSE] if with_vectors else False)
        return [to_stored_point(record) for record in records]

    def query(self, query: IndexQuery) -> list[ScoredPoint]:
        plan = plan_of(query)
        if plan is None:
            return []
        if len(self._best_of_terms) > MOST_TERMS_KEPT:
            self._best_of_terms = {}
        with self._shard.reading() as shard:

            def estimate(where: edge.Filter | None) -> int:
                return shard.count(edge.CountRequest(exact=False, filter=where))

            search = BatchedSearch(plan, self._best_of_terms, estimate, self._shard.compact)
            found = shard.query_batch(edge.QueryBatchRequest(search.requests))
            requests = search.requests_by_id(found)
            scored = shard.query_batch(edge.QueryBatchRequest(requests)) if requests else []
        return search.combine(scored)

    def select(
        self, filters: Filters, limit: int, order: Order | None = None, ids: Sequence[int] | None = None
    ) -> list[StoredPoint]:
        if ids is not None and not ids:
            return []
        with self._shard.reading() as shard:
            records, _ = shard.scroll(scroll_request(filters, limit, order, ids))
        return [to_stored_point(record) for record in records]

    def find(self, keys: Sequence[str], filters: Filters, limit: int, partial: bool = False) -> list[StoredPoint]:
        with self._shard.reading() as shard:
            records, _ = shard.scroll(identifier_request(keys, partial, filters, limit))
        return [to_stored_point(record) for record in records]

    def facet(self, field: str, filters: Filters, limit: int) -> list[tuple[str, int]]:
        request = edge.FacetRequest(field, limit=limit, exact=True, filter=edge_filter(filters))
        with self._shard.reading() as shard:
            return [(str(hit.value), hit.count) for hit in shard.facet(request)]

    def scroll(self, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        offset = None
        while True:
            request = edge.ScrollRequest(
                offset=offset, limit=batch, with_payload=True, with_vector=[DENSE] if with_vectors else False
            )
            with self._shard.reading() as shard:
                records, offset = shard.scroll(request)
            yield from (to_stored_point(record) for record in records)
            if offset is None:
                return

    def count(self, filters: Filters | None = None, exact: bool = False) -> int:
        condition = edge_filter(filters or Filters())
        with self._shard.reading() as shard:
            # Each answer says how many products there are, and the exact count walks over them. Without a filter the
            # estimate is the number that the engine keeps anyway.
            estimate = shard.count(edge.CountRequest(exact=False, filter=condition))
            if condition is None or (estimate > COUNTED_UP_TO and not exact):
                return estimate
            return shard.count(edge.CountRequest(exact=True, filter=condition))

    def warm_up(self) -> None:
        """Prepare to answer queries for long. It takes memory, which an index that is only written to does not need."""
        self._shard.warm_up()

    def flush(self) -> None:
        self._shard.sync()
        # A point moves to memory once, however often its payload changes.
        if min(self._appended, self.count()) >= self._settle_after:
            # Appended points move from memory to the disk. If that fails, the index still works, and a later flush
            # tries again. Graphs that there are get these points too: to settle would take the graphs away.
            try:
                if has_graphs(shard_folder(self._folder)):
                    self.optimize_apart()
                else:
                    self._build(Layout.SETTLED, lambda: False, 0)
            except Unavailable as error:
                _log.warning("the points of %s stay in memory: %s", self.name, error)
                self._appended //= 2  # later: each try copies the index
        self._write_count(_APPENDED, self._appended)

    def optimize(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Build the graphs of points that were appended since the last time, and drop what is left of removed ones.

        A few points are built here, in a second or two, during which no other thread of this process runs. Another
        process builds more of them.
        """
        points = self.count()
        if points >= APART_FROM or (points >= self._compact_from and not self._shard.compact):
            self.optimize_apart(stopped, niceness=0)
            return
        self._shard.optimize()
        self._best_of_terms = {}
        self._write_count(_CHANGES, 0)
        self._appended = 0

    def optimize_apart(self, stopped: Callable[[], bool] = lambda: False, niceness: int = BESIDE_QUERIES) -> bool:
        """Build graphs in a process of its own, on a copy; return whether it finished.

        Queries and writes continue, except for a moment at the start and one at the end. The build is given up when
        `stopped` returns True, or when the index is closed. Raises `Unavailable` when it fails; the index is then as
        before.
        """
        layout = Layout.COMPACT if self._shard.compact or self.count() >= self._compact_from else Layout.GRAPHS
        carried = self._build(layout, stopped, niceness)
        if carried is not None:
            self._write_count(_CHANGES, carried)
        return carried is not None

    def count_changes(self, more: int) -> int:
        """Add `more` changed points to the count, and return about how many have changed since graphs were built."""
        more += self._read_count(_CHANGES)
        self._write_count(_CHANGES, more)
        return more

    def copy_to(self, folder: Path) -> None:
        """Copy what is stored now to a new folder, which can be opened as a generation of its parent.

        Queries continue; writes wait. Raises `OSError` when the disk has no room.
        """
        self._shard.copy_to(folder)

    def close(self) -> None:
        """Flush everything and release the shard; closing twice is no error."""
        with self._lock:
            self._shard.close()

    def _write(self, operation: edge.UpdateOperation, ids: Sequence[int]) -> None:
        try:
            self._shard.update(operation, ids)
        finally:  # a write that fails may have written some of its points
            self._best_of_terms = {}

    def _require_space(self, coming: int) -> None:
        # Checked at most once per `SPACE_FOR_S`, unless a batch is large: it walks over all files of the shard.
        if time.monotonic() - self._space_at > SPACE_FOR_S or coming > LARGE_BATCH:
            require_space(self._folder, max(coming, LARGE_BATCH))
            self._space_at = time.monotonic()

    def _build(self, layout: Layout, stopped: Callable[[], bool], niceness: int) -> int | None:
        """Give a copy a layout and serve it; return how many points were written meanwhile, None if it was given up."""
        from recommender.index.embedded.graphs import build_apart  # no query needs what this imports

        def stop() -> bool:
            return stopped() or self._shard.closing

        carried = self._shard.rebuild(lambda copy: build_apart(copy, self.name, layout, stop, niceness), stop)
        if carried is not None:
            self._appended = carried
            self._best_of_terms = {}
        return carried

    def _read_count(self, name: str) -> int:
        with suppress(OSError, ValueError):  # no file yet, or one cut short by a crash: count from 0
            return int((self._folder / name).read_text(encoding="ascii"))
        return 0

    def _write_count(self, name: str, count: int) -> None:
        (self._folder / name).write_text(str(count), encoding="ascii")


class EmbeddedEngine(VectorEngine):
    """The generations in one folder. It locks nothing itself: each open generation holds its own shard.

    An index of `compact_from` points or more is built compact. Each time `settle_after` points were appended, they move
    to the disk.
    """

    def __init__(self, folder: Path, compact_from: int = COMPACT_FROM, settle_after: int = SETTLE_AFTER) -> None:
        self.folder = folder
        self._limits = compact_from, settle_after

    def create(self, name: str, dimension: int) -> EmbeddedIndex:
        """Make an empty generation with its payload indexes, and open it; an older one of this name is removed.

        It is made under another name and renamed when it is complete, so a process that dies meanwhile leaves no
        incomplete generation behind.
        """
        self.drop(name)
        path = self._path(name)
        with engine_errors(name):
            draft = draft_folder(self.folder, name)
            create_shard(draft, dimension)
            with ExitStack() as on_error:
                lock = on_error.enter_context(GenerationLock(draft, name))  # before others can see it
                install(draft, path)
                index = EmbeddedIndex(name, path, lock, *self._limits)
                on_error.pop_all()
                return index

    def open(self, name: str) -> EmbeddedIndex:
        """Open a generation.

        Raises `NotFound` when there is none of this name, `IndexHeld` when it is open already, here or in another
        process, and `Unavailable` when its folder can't be read.
        """
        path = self._path(name)
        if not path.is_dir():
            raise NotFound(f"no generation {name!r} in {self.folder}; run `recommender index rebuild`")
        with engine_errors(name), ExitStack() as on_error:
            lock = on_error.enter_context(GenerationLock(path, name))
            index = EmbeddedIndex(name, path, lock, *self._limits)
            on_error.pop_all()
            return index

    def version(self) -> str:
        return version("qdrant-edge-py")

    def layout(self, name: str) -> JsonObject:
        return {"quantization": "4 bits"} if is_compact(shard_folder(self._path(name))) else {}

    def drop(self, name: str) -> None:
        """Remove a generation and its files; a missing one is not an error.

        Raises `IndexHeld` while it is open anywhere: its reader would lose the files that it reads.
        """
        path = self._path(name)
        with engine_errors(name), GenerationLock(path, name) if path.is_dir() else nullcontext():
            remove(self.folder, name)

    def names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _path(self, name: str) -> Path:
        if not name or name.startswith(".") or Path(name).name != name:
            raise BadInput(f"generation name {name!r}; expected a plain folder name")
        return self.folder / name
