"""The server engine: one collection of a Qdrant server or cluster a generation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import numpy as np

from recommender.batching import batches
from recommender.errors import BadInput, NotFound, Unavailable
from recommender.index.filters import AnyOf, Between, Condition, IdIn, conditions_of
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

if TYPE_CHECKING:  # importing qdrant_client takes 0.7 s, which the embedded engine should not cost
    from qdrant_client import QdrantClient, models

WRITE_BATCH = 256
"""Points in one request: about 2 MB of JSON at 384 dimensions; a server takes 32 MB by default."""

TIMEOUT_S = 60
"""How long one request may take: a batch that waits for its write, on a server that is busy building a graph."""


def connect(url: str, api_key: str = "", prefix: str = "recommender") -> ServerEngine:
    """Return the engine of the server at `url`. No request is made yet.

    Raises `BadInput` when the URL is not one of a server.
    """
    from qdrant_client import QdrantClient

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("QDRANT_URL is not the URL of a server; expected something like http://localhost:6333")
    # The client's own version check is a request of its own, and a warning where it fails; `open` reports better.
    client = QdrantClient(url=url, api_key=api_key or None, timeout=TIMEOUT_S, check_compatibility=False)
    address = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    return ServerEngine(client, prefix, f"{parts.scheme}://{address}")


class ServerIndex:
    """One collection. Any number of processes may have it open."""

    def __init__(self, client: QdrantClient, collection: str, dimension: int, where: str) -> None:
        self._client = client
        self._collection = collection
        self._dimension = dimension
        self._where = where

    def upsert(self, points: Sequence[Point]) -> None:
        """Write whole points, replacing those with the same id."""
        check_points(points, self._dimension)
        for batch in batches(points, WRITE_BATCH):
            with _translated(self._where):
                self._client.upsert(self._collection, [_point_struct(point) for point in batch], wait=True)

    def overwrite_payloads(self, payloads: Sequence[tuple[UUID, JsonObject]]) -> None:
        """Replace the payloads of points that exist; their vectors stay as they are."""
        for batch in batches(payloads, WRITE_BATCH):
            operations = [_overwrite(identity, payload) for identity, payload in batch]
            with _translated(self._where):
                self._client.batch_update_points(self._collection, operations, wait=True)

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove points; ids that are not there are no error."""
        for batch in batches(ids, WRITE_BATCH):
            with _translated(self._where):
                self._client.delete(self._collection, [str(identity) for identity in batch], wait=True)

    def retrieve(self, ids: Sequence[UUID], with_vectors: bool = False) -> list[StoredPoint]:
        """Return the points among `ids` that exist, in no promised order."""
        with _translated(self._where):
            records = self._client.retrieve(
                self._collection,
                [str(identity) for identity in ids],
                with_payload=True,
                with_vectors=_vectors(with_vectors),
            )
        return [_stored(record) for record in records]

    def query(self, query: IndexQuery) -> list[ScoredPoint]:
        """Answer a query, best first."""
        route = route_of(query)
        if route is Route.NOTHING:
            return []
        with _translated(self._where):
            answer = self._client.query_points(
                self._collection, limit=query.limit, with_payload=True, **_request(query, route)
            )
        return [ScoredPoint(UUID(str(point.id)), point.score, point.payload or {}) for point in answer.points]

    def scroll(self, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        """Walk over all points in the order of their ids, `batch` at a time."""
        offset = None
        while True:
            with _translated(self._where):
                records, offset = self._client.scroll(
                    self._collection,
                    limit=batch,
                    offset=offset,
                    with_payload=True,
                    with_vectors=_vectors(with_vectors),
                )
            yield from (_stored(record) for record in records)
            if offset is None:
                return

    def count(self, filters: Filters | None = None) -> int:
        """Return how many points match, exactly."""
        with _translated(self._where):
            return self._client.count(self._collection, _server_filter(filters or Filters()), exact=True).count

    def flush(self) -> None:
        """Do nothing: each write waited until the server had logged and applied it."""

    def optimize(self) -> None:
        """Do nothing: a server builds its graphs by itself."""

    def close(self) -> None:
        """Do nothing: the connection belongs to the engine."""


class ServerEngine:
    """The generations on one server: collections named `PREFIX_NAME`. `where` is how messages call the server."""

    def __init__(self, client: QdrantClient, prefix: str = "recommender", where: str = "the Qdrant server") -> None:
        self._client = client
        self._prefix = prefix
        self._where = where

    def create(self, name: str, dimension: int) -> ServerIndex:
        """Make an empty generation with its payload indexes, and open it. What lay under the name before is removed."""
        self.drop(name)
        with _translated(self._where):
            self._client.create_collection(self._collection(name), **_schema(dimension))
        return self.open(name)

    def open(self, name: str) -> ServerIndex:
        """Open a generation, with a payload index on each field that a filter uses.

        They are looked for here, not in `create` alone: a process that died in between left some of them out.
        Raises `NotFound` when there is none of this name, and `Unavailable` when the server does not answer.
        """
        collection = self._collection(name)
        with _translated(self._where):
            if not self._client.collection_exists(collection):
                raise NotFound(
                    f"no generation {name!r} on {self._where} (collection {collection!r}); "
                    "run `recommender index rebuild`"
                )
            info = self._client.get_collection(collection)
            self._index_fields(collection, set(INDEXED_FIELDS) - set(info.payload_schema))
        return ServerIndex(self._client, collection, _dimension(info, collection), self._where)

    def drop(self, name: str) -> None:
        """Remove a generation; one that is not there is no error."""
        with _translated(self._where):
            self._client.delete_collection(self._collection(name))

    def names(self) -> list[str]:
        """Return the names of the generations that exist, sorted."""
        with _translated(self._where):
            collections = [collection.name for collection in self._client.get_collections().collections]
        start = self._collection("")
        return sorted(name.removeprefix(start) for name in collections if name.startswith(start))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _collection(self, name: str) -> str:
        return f"{self._prefix}_{name}"

    def _index_fields(self, collection: str, fields: set[str]) -> None:
        with warnings.catch_warnings():
            # The client's in-memory mode has no payload indexes, and says so each time.
            warnings.filterwarnings("ignore", message="Payload indexes have no effect in the local Qdrant")
            for field in sorted(fields):
                self._client.create_payload_index(collection, field, _field_parameters(field), wait=True)


def _schema(dimension: int) -> dict[str, Any]:
    from qdrant_client import models

    return {
        "vectors_config": {DENSE: models.VectorParams(size=dimension, distance=models.Distance.COSINE)},
        "sparse_vectors_config": {LEXICAL: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        "hnsw_config": models.HnswConfigDiff(
            m=HNSW_M, ef_construct=HNSW_EF_CONSTRUCT, full_scan_threshold=FULL_SCAN_THRESHOLD_KB
        ),
        "optimizers_config": models.OptimizersConfigDiff(indexing_threshold=INDEXING_THRESHOLD_KB),
    }


def _field_parameters(field: str) -> models.PayloadFieldSchema:
    from qdrant_client import models

    in_graph = field in GRAPH_FIELDS
    match INDEXED_FIELDS[field]:
        case FieldKind.KEYWORD:
            return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, enable_hnsw=in_graph)
        case FieldKind.FLOAT:
            return models.FloatIndexParams(type=models.FloatIndexType.FLOAT, enable_hnsw=in_graph)


def _dimension(info: models.CollectionInfo, collection: str) -> int:
    vectors = info.config.params.vectors
    if not isinstance(vectors, dict) or DENSE not in vectors:
        raise BadInput(f"collection {collection!r} is not one of ours; set another RECOMMENDER_COLLECTION_PREFIX")
    return vectors[DENSE].size


def _point_struct(point: Point) -> models.PointStruct:
    from qdrant_client import models

    vectors: dict[str, Any] = {DENSE: point.dense.tolist()}
    if point.lexical.indices:
        vectors[LEXICAL] = _sparse(point.lexical)
    return models.PointStruct(id=str(point.id), vector=vectors, payload=point.payload)


def _overwrite(identity: UUID, payload: JsonObject) -> models.OverwritePayloadOperation:
    from qdrant_client import models

    # By filter: naming the id of a point that is not there is an error, in the middle of the batch.
    only = models.Filter(must=[models.HasIdCondition(has_id=[str(identity)])])
    return models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload=payload, filter=only))


def _sparse(vector: SparseVector) -> models.SparseVector:
    from qdrant_client import models

    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))


def _vectors(wanted: bool) -> list[str] | bool:
    return [DENSE] if wanted else False


def _stored(record: models.Record) -> StoredPoint:
    dense = record.vector.get(DENSE) if isinstance(record.vector, dict) else None
    array = None if dense is None else np.asarray(dense, dtype=np.float32)
    return StoredPoint(UUID(str(record.id)), record.payload or {}, array)


def _request(query: IndexQuery, route: Route) -> dict[str, Any]:
    from qdrant_client import models

    conditions = _server_filter(query.filters)
    acorn = models.AcornSearchParams(enable=True, max_selectivity=ACORN_SELECTIVITY)
    parameters = models.SearchParams(exact=query.exact, acorn=acorn)
    vectors = _query_vectors(query)
    if route is not Route.FUSED:
        name = DENSE if route is Route.DENSE else LEXICAL
        return {"query": vectors[name], "using": name, "query_filter": conditions, "search_params": parameters}
    lists = [
        models.Prefetch(query=vector, using=name, limit=candidates_of(query), filter=conditions, params=parameters)
        for name, vector in vectors.items()
    ]
    rrf = models.RrfQuery(rrf=models.Rrf(k=RRF_K))
    return {
        "query": rrf if query.fusion is Fusion.RRF else models.FusionQuery(fusion=models.Fusion.DBSF),
        "prefetch": lists,
    }


def _query_vectors(query: IndexQuery) -> dict[str, Any]:
    vectors: dict[str, Any] = {}
    if query.dense is not None:
        vectors[DENSE] = query.dense.tolist()
    if query.lexical is not None:
        vectors[LEXICAL] = _sparse(query.lexical)
    return vectors


def _server_filter(filters: Filters) -> models.Filter | None:
    from qdrant_client import models

    conditions = conditions_of(filters)
    if not conditions:
        return None
    return models.Filter(
        must=[_server_condition(condition) for condition in conditions.must],
        must_not=[_server_condition(condition) for condition in conditions.must_not],
    )


def _server_condition(condition: Condition) -> models.Condition:
    from qdrant_client import models

    match condition:
        case AnyOf(field, values):
            return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))
        case Between(field, low, high):
            return models.FieldCondition(key=field, range=models.Range(gte=low, lte=high))
        case IdIn(ids):
            return models.HasIdCondition(has_id=[str(identity) for identity in ids])


@contextmanager
def _translated(where: str) -> Iterator[None]:
    from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

    try:
        yield
    except UnexpectedResponse as error:
        raise _answered(error.status_code, error.content, where) from error
    except ApiException as error:
        raise Unavailable(f"{where} does not answer ({error}); start it, or check QDRANT_URL") from error


def _answered(status: int | None, content: bytes, where: str) -> Exception:
    said = " ".join(content.decode("utf-8", errors="replace").split())[:200]
    if status in (401, 403):
        return Unavailable(f"{where} refuses the API key (status {status}); check QDRANT_API_KEY")
    if status == 404:
        return NotFound(f"{where} does not have what was asked for ({said}); run `recommender index rebuild`")
    return Unavailable(f"{where} answered with status {status} ({said}); see its log")
