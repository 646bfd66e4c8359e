"""The embedded engine: one shard of Qdrant Edge a generation, each in a folder of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from recommender.batching import batches
from recommender.errors import BadInput, IndexHeld, NotFound, RecommenderError, Unavailable, one_line
from recommender.index.embedded.folders import install, remove, staging
from recommender.index.embedded.generation_lock import Hold
from recommender.index.embedded.graph_builder import BESIDE_QUERIES, optimize_apart
from recommender.index.embedded.query import edge_filter, edge_sparse, query_request, scroll_request
from recommender.index.embedded.shard import Shard, uuid_of
from recommender.index.embedded.shard_storage import place
from recommender.index.payload import GRAPH_FIELDS, INDEXED_FIELDS, FieldKind
from recommender.index.protocol import IndexQuery, Order, Point, ScoredPoint, StoredPoint
from recommender.index.query_plan import (
    DENSE,
    FULL_SCAN_THRESHOLD_KB,
    HNSW_EF_CONSTRUCT,
    HNSW_M,
    INDEXING_THRESHOLD_KB,
    LEXICAL,
    check_points,
    plan_of,
)
from recommender.query import Filters
from recommender.types import JsonObject

UPSERT_BATCH = 64
"""Points in one write: 3 ms, in which no query runs; 500 took up to 30 ms, and were no faster in all."""

APART_FROM = 10_000
"""Points from which on graphs are built in a process of their own: fewer take a second or two, about as that does."""

_FIELD_PARAMETERS = {
    FieldKind.KEYWORD: edge.KeywordIndexParams,
    FieldKind.FLOAT: edge.FloatIndexParams,
}

MAX_SEGMENT_SIZE_KB = 100_000
"""Of vectors in one segment, about 65,000 at 384 dimensions: bounds what building a graph takes at a time."""

THREADS_A_CORE = 2
"""That search segments at the same time, where there are several."""

_CHANGED = ".changed"
"""File in the folder of a generation: how many points changed since its graphs were built."""

_MAPPED = edge.Memory.Cached
"""Field and sparse indexes are mapped from the disk: read into memory, they took three quarters of the time to open a
generation of 50,000 products, which every command pays. The pages stay in the system's cache between two commands."""

_ON_DEMAND = edge.Memory.Cold
"""Vectors are read from the disk as they are needed: mapped whole at each opening, those of 200,000 products took a
process that only writes past a gigabyte."""


class EmbeddedIndex:
    """One open shard. Another process can't open it until this one closes it."""

    def __init__(self, name: str, folder: Path, shard: Shard, dimension: int, hold: Hold) -> None:
        self.name = name
        self._folder = folder
        self._shard = shard
        self._dimension = dimension
        self._hold = hold

    def upsert(self, points: Sequence[Point]) -> None:
        """Write whole points, replacing those with the same id."""
        check_points(points, self._dimension)
        for batch in batches(points, UPSERT_BATCH):
            operation = edge.UpdateOperation.upsert_points([_edge_point(point) for point in batch])
            self._update(operation, [point.id for point in batch])

    def overwrite_payloads(self, payloads: Sequence[tuple[UUID, JsonObject]]) -> None:
        """Replace the payloads of points that exist; their vectors stay as they are."""
        for batch in batches(payloads, UPSERT_BATCH):
            # Looked up first: naming a point that is not there is an error, and a filter on its id takes twice as long.
            with _translated(self.name):
                found = self._shard.retrieve([identity for identity, _ in batch], with_payload=True, with_vector=False)
            known = {str(record.id): record.payload or {} for record in found}
            for identity, payload in batch:
                if (old := known.get(str(identity))) is not None and old != payload:
                    self._update(_payload_update(identity, old, payload), [identity])

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove points; ids that are not there are no error."""
        if ids:
            self._update(edge.UpdateOperation.delete_points(list(ids)), ids)

    def retrieve(self, ids: Sequence[UUID], with_vectors: bool = False) -> list[StoredPoint]:
        """Return the points among `ids` that exist, in no promised order."""
        with _translated(self.name):
            records = self._shard.retrieve(list(ids), with_payload=True, with_vector=_vectors(with_vectors))
        return [_stored(record) for record in records]

    def query(self, query: IndexQuery) -> list[ScoredPoint]:
        """Answer a query, best first."""
        last = plan_of(query)
        if last is None:
            return []
        with _translated(self.name):
            return [_scored(point) for point in self._shard.query(query_request(query, last))]

    def select(
        self, filters: Filters, limit: int, order: Order | None = None, ids: Sequence[UUID] | None = None
    ) -> list[StoredPoint]:
        """Return up to `limit` points that match, in an order or in none that is promised."""
        if ids is not None and not ids:
            return []
        with _translated(self.name):
            records, _ = self._shard.scroll(scroll_request(filters, limit, order, ids))
        return [_stored(record) for record in records]

    def facet(self, field: str, filters: Filters, limit: int) -> list[tuple[str, int]]:
        """Return the most frequent values of a keyword field among the points that match, with their exact counts."""
        request = edge.FacetRequest(field, limit=limit, exact=True, filter=edge_filter(filters))
        with _translated(self.name):
            return [(str(hit.value), hit.count) for hit in self._shard.facet(request)]

    def scroll(self, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        """Walk over all points in the order of their ids, `batch` at a time."""
        offset = None
        while True:
            with _translated(self.name):
                records, offset = self._shard.scroll(
                    edge.ScrollRequest(
                        offset=offset, limit=batch, with_payload=True, with_vector=_vectors(with_vectors)
                    )
                )
            yield from (_stored(record) for record in records)
            if offset is None:
                return

    def count(self, filters: Filters | None = None) -> int:
        """Return how many points match, exactly."""
        with _translated(self.name):
            return self._shard.count(edge.CountRequest(exact=True, filter=edge_filter(filters or Filters())))

    def warm_up(self) -> None:
        """Get ready to answer queries for long; one that is only written to had better not, for the memory it takes."""
        with _translated(self.name):
            self._shard.warm_up()

    def flush(self) -> None:
        """Return when everything that was written is durable."""
        with _translated(self.name):
            self._shard.sync()

    def optimize(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Build the graphs of points that were appended since the last time, and drop the remains of removed ones.

        Of few points that is done here, in a second or two, in which no thread of this process runs; else apart.
        """
        if self.count() >= APART_FROM:
            self.optimize_apart(stopped, niceness=0)
            return
        with _translated(self.name):
            self._shard.optimize()
        _note(self._folder, 0)

    def optimize_apart(self, stopped: Callable[[], bool] = lambda: False, niceness: int = BESIDE_QUERIES) -> bool:
        """Build graphs by a process of its own, on a copy; return whether it was finished.

        Queries and writes go on meanwhile, but for a moment at the start and one at the end. It is given up once
        `stopped` says so, or the index is closed. Raises `Unavailable` when it fails; the index is as it was then.
        """

        def enough() -> bool:
            return stopped() or self._shard.closing

        with _translated(self.name), self._shard.copied() as copy:
            whole = optimize_apart(copy.path, self.name, enough, niceness)
            carried = copy.adopt(enough) if whole else None
        if carried is not None:
            _note(self._folder, carried)
        return carried is not None

    def copy_to(self, folder: Path) -> None:
        """Copy what is stored now to a new folder, which can be opened as a generation of its parent.

        Queries go on; writes wait. Raises `OSError` when the disk does not take it.
        """
        self._shard.copy_to(folder)

    def close(self) -> None:
        """Write everything down and release the shard; closing twice is no error."""
        with self._hold, _translated(self.name):
            self._shard.close()

    def _update(self, operation: edge.UpdateOperation, ids: Sequence[UUID]) -> None:
        with _translated(self.name):
            self._shard.update(operation, ids)


class EmbeddedEngine:
    """The generations in one folder. It holds nothing itself: each open generation holds its own shard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str, dimension: int) -> EmbeddedIndex:
        """Make an empty generation with its payload indexes, and open it. What lay under the name before is removed.

        It is made under another name and renamed when it is whole, so a process that dies on the way leaves no half
        of a generation behind.
        """
        self.drop(name)
        with _translated(name):
            draft = staging(self.folder, name)
            _make(draft, dimension)
            hold = Hold(draft, name)  # before others can see it
            with _released_on_error(hold):
                install(draft, self._path(name))
            return self._loaded(name, hold)

    def open(self, name: str) -> EmbeddedIndex:
        """Open a generation.

        Raises `NotFound` when there is none of this name, `IndexHeld` when it is open already, here or in another
        process, and `Unavailable` when its folder can't be read.
        """
        path = self._path(name)
        if not path.is_dir():
            raise NotFound(f"no generation {name!r} in {self.folder}; run `recommender index rebuild`")
        with _translated(name):
            return self._loaded(name, Hold(path, name))

    def _loaded(self, name: str, hold: Hold) -> EmbeddedIndex:
        path = self._path(name)
        with _released_on_error(hold):
            dimension = _dimension(place(path))
            shard = Shard(path, _load, partial(_map_vectors, dimension))
            return EmbeddedIndex(name, path, _indexed(shard), dimension, hold)

    def drop(self, name: str) -> None:
        """Remove a generation and its files; one that is not there is no error.

        Raises `IndexHeld` while it is open anywhere: its reader would lose the files under its feet.
        """
        path = self._path(name)
        with _translated(name), Hold(path, name) if path.is_dir() else nullcontext():
            remove(self.folder, name)

    def changed(self, name: str, points: int) -> int:
        """Take note that so many points changed, and return how many have since graphs were built; about right."""
        note = self._path(name) / _CHANGED
        try:
            total = points + int(note.read_text(encoding="ascii"))
        except (OSError, ValueError):  # none yet, or cut short by a crash: a build comes somewhat later then
            total = points
        _note(self._path(name), total)
        return total

    def names(self) -> list[str]:
        """Return the names of the generations that exist, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _path(self, name: str) -> Path:
        if not name or name.startswith(".") or Path(name).name != name:
            raise BadInput(f"generation name {name!r}; expected a plain folder name")
        return self.folder / name


def _load(folder: Path) -> edge.EdgeShard:
    # The segment that new points go to is there always, and all but empty. Beside it a single one is searched by one
    # thread in 0.75 ms; the engine's default wakes three for it, which take 1.0 ms and twice the time of the machine.
    segments = sum(1 for _ in (folder / "segments").iterdir()) - 1
    threads = max(1, min(segments, THREADS_A_CORE * (os.cpu_count() or 1)))
    return edge.EdgeShard.load(str(folder), edge.EdgeConfig(sparse_vectors=_sparse(), max_search_threads=threads))


def _map_vectors(dimension: int, shard: edge.EdgeShard) -> None:
    # One exact search touches every vector: 50 ms for 50,000, whose pages a walk over the graph meets one by one.
    nearest = edge.Query.Nearest(np.ones(dimension, dtype=np.float32), using=DENSE)  # type: ignore[arg-type]
    shard.query(edge.QueryRequest(limit=1, query=nearest, params=edge.SearchParams(exact=True)))


def _note(folder: Path, changed: int) -> None:
    (folder / _CHANGED).write_text(str(changed), encoding="ascii")


def _config(dimension: int) -> edge.EdgeConfig:
    return edge.EdgeConfig(
        vectors={DENSE: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Cosine, memory=_ON_DEMAND)},
        sparse_vectors=_sparse(),
        hnsw_config=edge.HnswIndexConfig(
            m=HNSW_M, ef_construct=HNSW_EF_CONSTRUCT, full_scan_threshold=FULL_SCAN_THRESHOLD_KB
        ),
        optimizers=edge.EdgeOptimizersConfig(
            indexing_threshold=INDEXING_THRESHOLD_KB, max_segment_size=MAX_SEGMENT_SIZE_KB
        ),
        wal_enabled=True,
    )


def _sparse() -> dict[str, edge.EdgeSparseVectorParams]:
    return {LEXICAL: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf, memory=_MAPPED)}


def _dimension(path: Path) -> int:
    # The engine tells the number of vectors, not their length; it keeps that in the configuration beside them.
    config = json.loads((path / "edge_config.json").read_text(encoding="utf-8"))
    return int(config["vectors"][DENSE]["size"])


def _edge_point(point: Point) -> edge.Point:
    vectors: dict[str, edge.NamedVector] = {DENSE: point.dense}  # type: ignore[dict-item] # it takes arrays as they are
    if point.lexical.indices:
        vectors[LEXICAL] = edge_sparse(point.lexical)
    return edge.Point(point.id, vectors, point.payload)


def _payload_update(identity: UUID, old: JsonObject, new: JsonObject) -> edge.UpdateOperation:
    if old.keys() - new.keys():
        return edge.UpdateOperation.overwrite_payload([identity], new)
    # A price change writes two fields: half the time of writing them all.
    return edge.UpdateOperation.set_payload([identity], {key: new[key] for key in new if old.get(key) != new[key]})


def _vectors(wanted: bool) -> list[str] | bool:
    return [DENSE] if wanted else False


def _stored(record: edge.Record) -> StoredPoint:
    vectors = record.vector  # made anew each time it is read
    dense = vectors.get(DENSE) if isinstance(vectors, dict) else None
    array = None if dense is None else np.asarray(dense, dtype=np.float32)
    return StoredPoint(uuid_of(record.id), record.payload or {}, array)


def _scored(point: edge.ScoredPoint) -> ScoredPoint:
    return ScoredPoint(uuid_of(point.id), point.score, point.payload or {})


def _make(folder: Path, dimension: int) -> None:
    shard = edge.EdgeShard.create(str(folder), _config(dimension))
    for field in INDEXED_FIELDS:
        shard.update(_field_index(field))
    shard.flush()
    shard.close()


def _indexed(shard: Shard) -> Shard:
    """Make the field indexes that a shard of an earlier version lacks; to see that none is missing takes 0.1 ms."""
    known = shard.info().payload_schema
    for field in INDEXED_FIELDS:
        # An index that exists counts for the graph only when it says so; the next build then takes it in.
        if field not in known or getattr(known[field].params, "enable_hnsw", None) != (field in GRAPH_FIELDS):
            shard.update(_field_index(field), [])
    return shard


def _field_index(field: str) -> edge.UpdateOperation:
    parameters = _FIELD_PARAMETERS[INDEXED_FIELDS[field]]
    return edge.UpdateOperation.create_field_index(field, parameters(enable_hnsw=field in GRAPH_FIELDS, memory=_MAPPED))


@contextmanager
def _released_on_error(hold: Hold) -> Iterator[None]:
    try:
        yield
    except BaseException:
        hold.release()
        raise


@contextmanager
def _translated(name: str) -> Iterator[None]:
    # The engine raises plain `Exception`s that only their text tells apart.
    try:
        yield
    except RecommenderError:
        raise
    except Exception as error:
        if "WouldBlock" in str(error):
            raise IndexHeld(
                f"generation {name!r} is open already, in this or another process; ask the running service, "
                "or stop it and try again"
            ) from error
        raise Unavailable(
            f"generation {name!r} can't be used ({one_line(error)}); run `recommender index rebuild`"
        ) from error
