"""The embedded engine: one shard of Qdrant Edge a generation, each in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from recommender.batching import batches
from recommender.errors import BadInput, IndexHeld, NotFound, RecommenderError, Unavailable
from recommender.index.apart import optimize_apart
from recommender.index.filters import AnyOf, Between, Condition, IdIn, conditions_of
from recommender.index.folders import install, remove, staging
from recommender.index.hold import Hold
from recommender.index.payload import GRAPH_FIELDS, INDEXED_FIELDS, FieldKind
from recommender.index.plan import (
    ACORN_SELECTIVITY,
    DENSE,
    FULL_SCAN_THRESHOLD_KB,
    HNSW_EF_CONSTRUCT,
    HNSW_M,
    INDEXING_THRESHOLD_KB,
    LEXICAL,
    RRF_K,
    Route,
    candidates_of,
    check_points,
    route_of,
)
from recommender.index.protocol import Fusion, IndexQuery, Point, ScoredPoint, StoredPoint
from recommender.types import Filters, JsonObject, SparseVector

UPSERT_BATCH = 500
"""Points in one write: large enough that its fixed cost does not show, small enough that readers get their turn."""

_FIELD_PARAMETERS = {
    FieldKind.KEYWORD: edge.KeywordIndexParams,
    FieldKind.FLOAT: edge.FloatIndexParams,
}

MAX_SEGMENT_SIZE_KB = 100_000
"""Of vectors in one segment, about 65,000 at 384 dimensions: bounds what building a graph takes at a time."""

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

    def __init__(self, name: str, shard: edge.EdgeShard, dimension: int, hold: Hold) -> None:
        self.name = name
        self._shard = shard
        self._dimension = dimension
        self._hold = hold

    def upsert(self, points: Sequence[Point]) -> None:
        """Write whole points, replacing those with the same id."""
        check_points(points, self._dimension)
        for batch in batches(points, UPSERT_BATCH):
            self._update(edge.UpdateOperation.upsert_points([_edge_point(point) for point in batch]))

    def overwrite_payloads(self, payloads: Sequence[tuple[UUID, JsonObject]]) -> None:
        """Replace the payloads of points that exist; their vectors stay as they are."""
        for batch in batches(payloads, UPSERT_BATCH):
            # Looked up first: naming a point that is not there is an error, and a filter on its id takes twice as long.
            with _translated(self.name):
                found = self._shard.retrieve([identity for identity, _ in batch], with_payload=True, with_vector=False)
            known = {str(record.id): record.payload or {} for record in found}
            for identity, payload in batch:
                if (old := known.get(str(identity))) is not None and old != payload:
                    self._update(_payload_update(identity, old, payload))

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove points; ids that are not there are no error."""
        if ids:
            self._update(edge.UpdateOperation.delete_points(list(ids)))

    def retrieve(self, ids: Sequence[UUID], with_vectors: bool = False) -> list[StoredPoint]:
        """Return the points among `ids` that exist, in no promised order."""
        with _translated(self.name):
            records = self._shard.retrieve(list(ids), with_payload=True, with_vector=_vectors(with_vectors))
        return [_stored(record) for record in records]

    def query(self, query: IndexQuery) -> list[ScoredPoint]:
        """Answer a query, best first."""
        route = route_of(query)
        if route is Route.NOTHING:
            return []
        with _translated(self.name):
            return [_scored(point) for point in self._shard.query(_request(query, route))]

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
            return self._shard.count(edge.CountRequest(exact=True, filter=_edge_filter(filters or Filters())))

    def flush(self) -> None:
        """Return when everything that was written is durable."""
        with _translated(self.name):
            self._shard.flush()

    def optimize(self) -> None:
        """Build the graph for points that were appended since the last time, and drop the remains of removed ones."""
        with _translated(self.name):
            self._shard.optimize()

    def close(self) -> None:
        """Write everything down and release the shard; closing twice is no error."""
        with self._hold, _translated(self.name):
            self._shard.close()

    def _update(self, operation: edge.UpdateOperation) -> None:
        with _translated(self.name):
            self._shard.update(operation)


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
            return EmbeddedIndex(name, edge.EdgeShard.load(str(path)), _dimension(path), hold)

    def drop(self, name: str) -> None:
        """Remove a generation and its files; one that is not there is no error.

        Raises `IndexHeld` while it is open anywhere: its reader would lose the files under its feet.
        """
        path = self._path(name)
        with _translated(name), Hold(path, name) if path.is_dir() else nullcontext():
            remove(self.folder, name)

    def optimize(self, name: str, stopped: Callable[[], bool]) -> bool:
        """Build the graphs of a generation that is not open, in a process of its own; return whether it was finished.

        In this process no other thread would run meanwhile, for as long as a minute: no signal would be heard, no
        query answered. Once `stopped` says so it is given up. Raises `Unavailable` when it fails.
        """
        whole = optimize_apart(self._path(name), stopped)
        if whole:
            (self._path(name) / _CHANGED).unlink(missing_ok=True)
        return whole

    def changed(self, name: str, points: int) -> int:
        """Take note that so many points changed, and return how many have since graphs were built; about right."""
        note = self._path(name) / _CHANGED
        try:
            total = points + int(note.read_text(encoding="ascii"))
        except (OSError, ValueError):  # none yet, or cut short by a crash: a build comes somewhat later then
            total = points
        note.write_text(str(total), encoding="ascii")
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


def _config(dimension: int) -> edge.EdgeConfig:
    return edge.EdgeConfig(
        vectors={DENSE: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Cosine, memory=_ON_DEMAND)},
        sparse_vectors={LEXICAL: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf, memory=_MAPPED)},
        hnsw_config=edge.HnswIndexConfig(
            m=HNSW_M, ef_construct=HNSW_EF_CONSTRUCT, full_scan_threshold=FULL_SCAN_THRESHOLD_KB
        ),
        optimizers=edge.EdgeOptimizersConfig(
            indexing_threshold=INDEXING_THRESHOLD_KB, max_segment_size=MAX_SEGMENT_SIZE_KB
        ),
        wal_enabled=True,
    )


def _dimension(path: Path) -> int:
    # The engine tells the number of vectors, not their length; it keeps that in the configuration beside them.
    config = json.loads((path / "edge_config.json").read_text(encoding="utf-8"))
    return int(config["vectors"][DENSE]["size"])


def _edge_point(point: Point) -> edge.Point:
    vectors: dict[str, edge.NamedVector] = {DENSE: point.dense}  # type: ignore[dict-item] # it takes arrays as they are
    if point.lexical.indices:
        vectors[LEXICAL] = _edge_sparse(point.lexical)
    return edge.Point(point.id, vectors, point.payload)


def _edge_sparse(vector: SparseVector) -> edge.SparseVector:
    return edge.SparseVector(list(vector.indices), list(vector.values))


def _payload_update(identity: UUID, old: JsonObject, new: JsonObject) -> edge.UpdateOperation:
    if old.keys() - new.keys():
        return edge.UpdateOperation.overwrite_payload([identity], new)
    # A price change writes two fields: half the time of writing them all.
    return edge.UpdateOperation.set_payload([identity], {key: new[key] for key in new if old.get(key) != new[key]})


def _vectors(wanted: bool) -> list[str] | bool:
    return [DENSE] if wanted else False


def _stored(record: edge.Record) -> StoredPoint:
    dense = record.vector.get(DENSE) if isinstance(record.vector, dict) else None
    array = None if dense is None else np.asarray(dense, dtype=np.float32)
    return StoredPoint(_uuid(record.id), record.payload or {}, array)


def _scored(point: edge.ScoredPoint) -> ScoredPoint:
    return ScoredPoint(_uuid(point.id), point.score, point.payload or {})


def _uuid(identity: edge.PointId) -> UUID:
    return identity if isinstance(identity, UUID) else UUID(str(identity))


def _request(query: IndexQuery, route: Route) -> edge.QueryRequest:
    conditions = _edge_filter(query.filters)
    acorn = edge.AcornSearchParams(enable=True, max_selectivity=ACORN_SELECTIVITY)
    parameters = edge.SearchParams(exact=query.exact, acorn=acorn)
    if route is not Route.FUSED:
        nearest = _nearest_dense(query) if route is Route.DENSE else _nearest_lexical(query)
        return edge.QueryRequest(
            limit=query.limit, query=nearest, filter=conditions, params=parameters, with_payload=True
        )
    lists = [
        edge.Prefetch(limit=candidates_of(query), query=nearest, filter=conditions, params=parameters)
        for nearest in (_nearest_dense(query), _nearest_lexical(query))
    ]
    return edge.QueryRequest(limit=query.limit, query=_fusion(query.fusion), prefetches=lists, with_payload=True)


def _fusion(fusion: Fusion) -> edge.Fusion:
    # The stubs do not say that the kinds of fusion are fusions.
    return edge.Fusion.Rrf(k=RRF_K) if fusion is Fusion.RRF else edge.Fusion.Dbsf()  # type: ignore[return-value]


def _nearest_dense(query: IndexQuery) -> edge.Query:
    return edge.Query.Nearest(np.asarray(query.dense, dtype=np.float32), using=DENSE)  # type: ignore[arg-type]


def _nearest_lexical(query: IndexQuery) -> edge.Query:
    lexical = query.lexical or SparseVector((), ())
    return edge.Query.Nearest(_edge_sparse(lexical), using=LEXICAL)


def _edge_filter(filters: Filters) -> edge.Filter | None:
    conditions = conditions_of(filters)
    if not conditions:
        return None
    return edge.Filter(
        must=[_edge_condition(condition) for condition in conditions.must],
        must_not=[_edge_condition(condition) for condition in conditions.must_not],
    )


def _edge_condition(condition: Condition) -> edge.ConditionType:
    match condition:
        case AnyOf(field, values):
            return edge.FieldCondition(field, match=edge.MatchAny(list(values)))
        case Between(field, low, high):
            return edge.FieldCondition(field, range=edge.RangeFloat(gte=low, lte=high))
        case IdIn(ids):
            return edge.HasIdCondition(set(ids))


def _make(folder: Path, dimension: int) -> None:
    shard = edge.EdgeShard.create(str(folder), _config(dimension))
    for field, kind in INDEXED_FIELDS.items():
        parameters = _FIELD_PARAMETERS[kind](enable_hnsw=field in GRAPH_FIELDS, memory=_MAPPED)
        shard.update(edge.UpdateOperation.create_field_index(field, parameters))
    shard.flush()
    shard.close()


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
            f"generation {name!r} can't be used ({_one_line(error)}); run `recommender index rebuild`"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
