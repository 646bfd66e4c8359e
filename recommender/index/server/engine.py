"""The server engine: one collection of a Qdrant server or cluster a generation."""

from __future__ import annotations

import logging
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import numpy as np
from httpx import Limits
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from recommender.batching import batches
from recommender.errors import BadInput, NotFound, Unavailable, one_line
from recommender.identifiers import LONGEST_KEY, SHORTEST_PART
from recommender.index.payload import GRAPH_FIELDS, INDEXED_FIELDS, FieldKind
from recommender.index.protocol import (
    AWAY,
    IndexQuery,
    Order,
    Point,
    ScoredPoint,
    StoredPoint,
    VectorEngine,
    VectorIndex,
)
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
from recommender.index.server.query import (
    identifier_filter,
    query_requests,
    server_filter,
    server_order,
    server_sparse,
)
from recommender.query import Filters
from recommender.types import JsonObject, Quantization

_Item = TypeVar("_Item")

WRITE_BATCH = 256
"""Points in one request: about 2 MB of JSON at 384 dimensions. By default a server accepts 32 MB, and nginx 1 MB."""

PORT = 6333
"""The port of a URL without one, https too."""

TIMEOUT_S = 60
"""How long one request may take: a batch that waits for its write, on a server that is busy building a graph."""

READ_TIMEOUT_S = 10
"""How long one request of a query may take: by default the service gives up a query after as long."""

OLDEST_SERVER = (1, 17)
"""The first version that knows every request of ours; the tests compare each with what 1.17, 1.18 and 1.19 know."""

_NUMBERED = re.compile(r"g\d{4,}(-[0-9a-f]+)?")
"""The names that generations get. `recommender_test_g0001` is not ours: its prefix is `recommender_test`."""

_FULL = re.compile(r"Max [a-z ]+ limit of \S+ reached")
"""What a server says whose strict mode limits the points of a collection, or the bytes of its vectors or payloads."""

GREEN_POLL_S = 1.0
"""Pause between two checks whether a server has built the graphs of a new collection."""

STATUS_EVERY_S = 60.0
"""Pause between two lines of the log about a collection that is waited for: a server may be told to build nothing."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CollectionLayout:
    """How new collections are laid out on the server; with 0 shards the server chooses their number."""

    shards: int = 0
    replicas: int = 1
    write_consistency: int = 1
    on_disk: bool = False
    quantization: Quantization = Quantization.NONE


def connect(
    url: str, api_key: str = "", prefix: str = "recommender", layout: CollectionLayout | None = None
) -> ServerEngine:
    """Return the engine of the server at `url`. No request is made yet.

    Raises `BadInput` when the URL can't be that of a server, or the key can't be one.
    """
    url, api_key = url.strip(), api_key.strip()  # files of secrets end with a newline
    if not (api_key.isascii() and api_key.isprintable()):
        raise BadInput("QDRANT_API_KEY has a character that no key has, such as “ or a line break; copy the key again")
    # The client's own version check is a request of its own, and a warning if it fails; `open` has a better message.
    with warnings.catch_warnings():
        # A warning about a key without TLS, with a path of the code; `doctor` says it in a sentence.
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        # The client's own limits keep no connection to this machine open: each query would make one.
        kept = Limits(max_keepalive_connections=20, keepalive_expiry=60)
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or PORT
            if not host or parts.scheme not in ("http", "https"):
                raise ValueError("no host, or another scheme")
            client = QdrantClient(
                url=url, port=PORT, api_key=api_key or None, timeout=TIMEOUT_S, check_compatibility=False, limits=kept
            )
        except ValueError as error:  # also an open bracket, a port that is no number, what the client can't read
            raise BadInput(
                "QDRANT_URL is not the URL of a server; expected something like http://localhost:6333"
            ) from error
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ServerEngine(client, prefix, f"{parts.scheme}://{address}", layout)


class ServerIndex(VectorIndex):
    """One collection. Any number of processes may have it open."""

    def __init__(self, client: QdrantClient, collection: str, dimension: int, where: str) -> None:
        self._client = client
        self._collection = collection
        self._dimension = dimension
        self._where = where

    def upsert(self, points: Sequence[Point]) -> None:
        check_points(points, self._dimension)

        def send(batch: list[Point]) -> None:
            self._client.upsert(self._collection, [_to_server_point(point) for point in batch], wait=True)

        self._write(points, send)

    def overwrite_payloads(
        self,
        payloads: Sequence[tuple[int, JsonObject]],
        known: Mapping[int, JsonObject] | None = None,  # noqa: ARG002 - a server replaces them without reading
    ) -> None:
        def send(batch: list[tuple[int, JsonObject]]) -> None:
            # By filter: naming the id of a point that does not exist is an error, in the middle of the batch.
            operations = [
                models.OverwritePayloadOperation(
                    overwrite_payload=models.SetPayload(
                        payload=payload,
                        filter=models.Filter(must=[models.HasIdCondition(has_id=[identity])]),
                    )
                )
                for identity, payload in batch
            ]
            self._client.batch_update_points(self._collection, operations, wait=True)

        self._write(payloads, send)

    def delete(self, ids: Sequence[int | str | UUID]) -> None:
        for batch in batches(ids, WRITE_BATCH):
            with engine_errors(self._where):
                self._client.delete(self._collection, models.PointIdsList(points=list(batch)), wait=True)

    def _write(self, items: Sequence[_Item], send: Callable[[list[_Item]], None]) -> None:
        """Send in batches, and the halves of one that is refused: for its size, or for one of its items.

        Raises `BadInput` for an item that is refused by itself. What comes after it is not sent.
        """
        waiting = list(batches(items, WRITE_BATCH))[::-1]
        while waiting:
            batch = waiting.pop()
            try:
                with engine_errors(self._where, writes=True):
                    send(batch)
            except BadInput:
                if len(batch) == 1:
                    raise
                middle = len(batch) // 2
                waiting += [batch[middle:], batch[:middle]]

    def retrieve(self, ids: Sequence[int], with_vectors: bool = False) -> list[StoredPoint]:
        with engine_errors(self._where):
            records = self._client.retrieve(
                self._collection,
                ids,
                with_payload=True,
                with_vectors=[DENSE] if with_vectors else False,
                timeout=READ_TIMEOUT_S,
            )
        return list(_to_stored_points(records))

    def query(self, query: IndexQuery) -> list[ScoredPoint]:
        plan = plan_of(query)
        if plan is None:
            return []
        requests, timeout = query_requests(plan), TIMEOUT_S if query.exact else READ_TIMEOUT_S
        with engine_errors(self._where):
            # The outer client copies each request first, to look for texts that it should encode: a third of the time.
            answers = self._client._client.query_batch_points(self._collection, requests, timeout=timeout)
            if len(answers) != len(requests):
                raise ResponseHandlingException(ValueError(f"{len(answers)} answers to {len(requests)} searches"))
        payloads = {int(point.id): point.payload or {} for point in answers[0].points if _is_product(point)}
        # The first stage has every candidate, so what it has no payload of isn't ours.
        scores = [
            {int(point.id): point.score for point in answer.points if point.id in payloads}
            for answer in answers[: len(plan.stages)]
        ]
        best_of_terms = [
            max((point.score for point in answer.points), default=0.0) for answer in answers[len(plan.stages) :]
        ]
        return plan.combine(scores, best_of_terms, payloads)

    def select(
        self, filters: Filters, limit: int, order: Order | None = None, ids: Sequence[int] | None = None
    ) -> list[StoredPoint]:
        if ids is not None and not ids:
            return []
        with engine_errors(self._where):
            records, _ = self._client.scroll(
                self._collection,
                scroll_filter=server_filter(filters, ids),
                limit=limit,
                order_by=server_order(order),
                with_payload=True,
                timeout=READ_TIMEOUT_S,
            )
        return list(_to_stored_points(records))

    def find(self, keys: Sequence[str], filters: Filters, limit: int, partial: bool = False) -> list[StoredPoint]:
        condition = identifier_filter(keys, partial, filters)
        with engine_errors(self._where):
            records, _ = self._client.scroll(
                self._collection, scroll_filter=condition, limit=limit, with_payload=True, timeout=READ_TIMEOUT_S
            )
        return list(_to_stored_points(records))

    def facet(self, field: str, filters: Filters, limit: int) -> list[tuple[str, int]]:
        with engine_errors(self._where):
            answer = self._client.facet(
                self._collection, field, server_filter(filters), limit, exact=True, timeout=READ_TIMEOUT_S
            )
        return [(str(hit.value), hit.count) for hit in answer.hits]

    def scroll(self, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        for records in self._scroll(batch, with_payload=True, with_vectors=[DENSE] if with_vectors else False):
            yield from _to_stored_points(records)

    def _scroll(self, batch: int, **parts: Any) -> Iterator[list[models.Record]]:
        """Yield all points, with these parts of them, whoever wrote them."""
        offset = None
        while True:
            with engine_errors(self._where):
                records, offset = self._client.scroll(self._collection, limit=batch, offset=offset, **parts)
            yield records
            if offset is None:
                return

    def foreign(self, remove: bool = False) -> tuple[str, ...]:
        found = [
            record.id
            for records in self._scroll(1000, with_payload=["sku"], with_vectors=False)
            for record in records
            if not _is_product(record)
        ]
        self.delete(found if remove else [])
        return tuple(map(str, found))

    def count(self, filters: Filters | None = None, exact: bool = False) -> int:
        timeout = TIMEOUT_S if exact else READ_TIMEOUT_S  # a server's is exact in any case
        with engine_errors(self._where):
            condition = server_filter(filters or Filters())
            return self._client.count(self._collection, condition, exact=True, timeout=timeout).count

    def flush(self) -> None:
        """Do nothing: each write waited until the server had logged and applied it."""

    def optimize(self) -> None:
        """Let the server build the graphs that a new collection puts off, and return when it has finished.

        After that it builds graphs by itself, beside the queries. Raises `Unavailable` when it fails.
        """
        told_at = time.monotonic()
        with engine_errors(self._where):
            info = self._client.get_collection(self._collection)
            if not info.config.optimizer_config.indexing_threshold:
                info = self._build_graphs()
            while info.status is not models.CollectionStatus.GREEN:
                if info.status is models.CollectionStatus.RED:
                    told = f"{self._where} can't build the graphs of {self._collection}; see its log"
                    raise Unavailable.with_public(told, AWAY)
                if time.monotonic() - told_at > STATUS_EVERY_S:
                    told_at = time.monotonic()
                    _log.warning("%s is %s, and waited for until it is green", self._collection, info.status.value)
                time.sleep(GREEN_POLL_S)
                # Grey: the server was started again, and goes on building only when it is told something.
                grey = info.status is models.CollectionStatus.GREY
                info = self._build_graphs() if grey else self._client.get_collection(self._collection)

    def _build_graphs(self) -> models.CollectionInfo:
        threshold = models.OptimizersConfigDiff(indexing_threshold=INDEXING_THRESHOLD_KB)
        self._client.update_collection(self._collection, optimizers_config=threshold)
        return self._client.get_collection(self._collection)

    def close(self) -> None:
        """Do nothing: the connection belongs to the engine."""


class ServerEngine(VectorEngine):
    """The generations on one server: collections named `PREFIX_NAME`. `where` is the server's name in messages."""

    def __init__(
        self,
        client: QdrantClient,
        prefix: str = "recommender",
        where: str = "the Qdrant server",
        layout: CollectionLayout | None = None,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._where = where
        self._layout = layout or CollectionLayout()

    def create(self, name: str, dimension: int) -> ServerIndex:
        self.version()
        self.drop(name)
        layout = self._layout
        dense = models.VectorParams(
            size=dimension, distance=models.Distance.COSINE, on_disk=layout.on_disk or layout.quantization != "none"
        )
        quantization: models.ScalarQuantization | models.BinaryQuantization | None = None
        if layout.quantization is Quantization.INT8:
            scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
            quantization = models.ScalarQuantization(scalar=scalar)
        elif layout.quantization is Quantization.BINARY:
            quantization = models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
        with engine_errors(self._where):
            self._client.create_collection(
                self._collection(name),
                vectors_config={DENSE: dense},
                sparse_vectors_config={
                    LEXICAL: models.SparseVectorParams(
                        modifier=models.Modifier.IDF, index=models.SparseIndexParams(on_disk=layout.on_disk)
                    )
                },
                hnsw_config=models.HnswConfigDiff(
                    m=HNSW_M, ef_construct=HNSW_EF_CONSTRUCT, full_scan_threshold=FULL_SCAN_THRESHOLD_KB
                ),
                # No graph before `optimize`: one that is built while points arrive is built again and again.
                optimizers_config=models.OptimizersConfigDiff(indexing_threshold=0),
                quantization_config=quantization,
                shard_number=layout.shards or None,
                replication_factor=layout.replicas,
                write_consistency_factor=layout.write_consistency,
            )
        return self.open(name)

    def open(self, name: str) -> ServerIndex:
        """Open a generation, with a payload index on each field that a filter uses.

        Missing ones are made here, not in `create`: a process that died there may have left some of them out. Raises
        `NotFound` when there is none of this name, `BadInput` for a server that is too old, and `Unavailable` when it
        does not answer.
        """
        self.version()
        collection = self._collection(name)
        with engine_errors(self._where):
            if not self._client.collection_exists(collection):
                raise NotFound(
                    f"no generation {name!r} on {self._where} (collection {collection!r}); "
                    "run `recommender index rebuild`"
                )
            info = self._client.get_collection(collection)
            vectors = info.config.params.vectors
            if not isinstance(vectors, dict) or DENSE not in vectors:
                raise BadInput(
                    f"collection {collection!r} is not one of ours; set another RECOMMENDER_COLLECTION_PREFIX"
                )
            with warnings.catch_warnings():
                # The client's in-memory mode has no payload indexes, and says so each time.
                warnings.filterwarnings("ignore", message="Payload indexes have no effect in the local Qdrant")
                for field in sorted(INDEXED_FIELDS.keys() - info.payload_schema.keys()):
                    parameters = _field_parameters(field, self._layout.on_disk)
                    self._client.create_payload_index(collection, field, parameters, wait=True)
        return ServerIndex(self._client, collection, vectors[DENSE].size, self._where)

    def version(self) -> str:
        """Return the server's version. Raises `BadInput` for one that is too old for our requests, or can't be read."""
        with engine_errors(self._where):
            found = self._client.info().version
        parts = re.match(r"v?(\d+)\.(\d+)", found)
        if parts is None or tuple(map(int, parts.groups())) < OLDEST_SERVER:
            oldest = ".".join(map(str, OLDEST_SERVER))
            raise BadInput(f"{self._where} runs Qdrant {found}; upgrade it to {oldest} or newer")
        return found

    def layout(self, name: str) -> JsonObject:
        """Return how the server keeps a generation: its state, shards, copies, quantisation.

        `replicas` are the copies that are wanted, `active_replicas` those that each shard has at least: a server with
        too few nodes makes fewer, and says nothing.
        """
        with engine_errors(self._where):
            info = self._client.get_collection(self._collection(name))
            cluster = self._client.collection_cluster_info(self._collection(name))
        shards = [(shard.shard_id, shard.state) for shard in cluster.local_shards]
        shards += [(shard.shard_id, shard.state) for shard in cluster.remote_shards]
        copies = Counter({shard: 0 for shard, _ in shards})
        copies.update(shard for shard, state in shards if state is models.ReplicaState.ACTIVE)
        params = info.config.params
        vectors = params.vectors[DENSE] if isinstance(params.vectors, dict) else None
        # Named by its only field: `scalar`, which has one type, `binary`, and what others may have set.
        kind = next(iter(type(info.config.quantization_config).model_fields)) if info.config.quantization_config else ""
        return {
            "status": info.status.value,
            "shards": params.shard_number,
            "replicas": params.replication_factor,
            "active_replicas": min(copies.values(), default=0),
            "write_consistency": params.write_consistency_factor,
            "on_disk": bool(vectors and vectors.on_disk),
            "quantization": {"": Quantization.NONE, "scalar": Quantization.INT8}.get(kind, kind),
        }

    def drop(self, name: str) -> None:
        with engine_errors(self._where):
            self._client.delete_collection(self._collection(name))

    def names(self) -> list[str]:
        with engine_errors(self._where):
            collections = [collection.name for collection in self._client.get_collections().collections]
        start = self._collection("")
        found = (name.removeprefix(start) for name in collections if name.startswith(start))
        return sorted(name for name in found if _NUMBERED.fullmatch(name))

    def close(self) -> None:
        self._client.close()

    def _collection(self, name: str) -> str:
        return f"{self._prefix}_{name}"


def _field_parameters(field: str, on_disk: bool) -> models.PayloadFieldSchema:
    in_graph = field in GRAPH_FIELDS
    match INDEXED_FIELDS[field]:
        case FieldKind.KEYWORD:
            return models.KeywordIndexParams(
                type=models.KeywordIndexType.KEYWORD, enable_hnsw=in_graph, on_disk=on_disk
            )
        case FieldKind.PREFIX:
            return models.TextIndexParams(
                type=models.TextIndexType.TEXT,
                tokenizer=models.TokenizerType.PREFIX,
                min_token_len=SHORTEST_PART,
                max_token_len=LONGEST_KEY,
                lowercase=False,
                on_disk=on_disk,
            )
        case FieldKind.FLOAT:
            return models.FloatIndexParams(type=models.FloatIndexType.FLOAT, enable_hnsw=in_graph, on_disk=on_disk)


def _to_server_point(point: Point) -> models.PointStruct:
    vectors: dict[str, Any] = {DENSE: point.dense.tolist()}
    if point.lexical.indices:
        vectors[LEXICAL] = server_sparse(point.lexical)
    return models.PointStruct(id=point.id, vector=vectors, payload=point.payload)


def _is_product(record: models.Record | models.ScoredPoint) -> bool:
    """Tell whether a point is one of ours: anybody can write others into a collection of a server."""
    return isinstance(record.id, int) and "sku" in (record.payload or {})


def _to_stored_points(records: Sequence[models.Record]) -> Iterator[StoredPoint]:
    for record in filter(_is_product, records):
        dense = record.vector.get(DENSE) if isinstance(record.vector, dict) else None
        array = None if dense is None else np.asarray(dense, dtype=np.float32)
        yield StoredPoint(int(record.id), record.payload or {}, array)


@contextmanager
def engine_errors(where: str, writes: bool = False) -> Iterator[None]:
    """Raise the client's errors as `Unavailable`, naming the server.

    With `writes`, raise `BadInput` when the server takes writes, but not this one: what is written is to blame.
    """
    try:
        yield
    except UnexpectedResponse as error:
        answer = " ".join(error.content.decode("utf-8", errors="replace").split())[:200]
        match error.status_code:
            case 400 if _FULL.search(answer):
                message = f"{where} takes no more for this collection ({answer}); raise that limit of its strict mode"
            case 400 | 413 | 422 if writes:
                raise BadInput(f"the Qdrant server refuses what is written ({error.status_code}: {answer})") from error
            case 401:
                message = f"{where} refuses the API key (status 401); check QDRANT_API_KEY"
            case 403:  # a key that may only read, or not read this
                message = f"{where} does not allow this (status 403: {answer}); check QDRANT_API_KEY"
            case 404:
                message = f"{where} does not have what was asked for ({answer}); run `recommender index rebuild`"
            case _ if "Tonic status error" in answer:  # a node can't reach another one
                message = (
                    f"{where}: a node of the cluster does not answer ({answer}); start it. With two active copies of "
                    "each shard, which `recommender index status` counts, one node may be down; `recommender index "
                    "rebuild` makes them where RECOMMENDER_QDRANT_REPLICAS=2 is set"
                )
            case _:
                message = f"{where} answered with status {error.status_code} ({answer}); see its log"
        raise Unavailable.with_public(message, AWAY) from error
    except QdrantException as error:  # status 429, which is not a change's fault either
        told = f"{where} takes no more requests for now ({one_line(error, 200)}); see its limits"
        raise Unavailable.with_public(told, AWAY) from error
    except (ApiException, JSONDecodeError, AssertionError) as error:
        cause = one_line(error, 200)
        # What the client can't read is a `ValueError` of a parser, or an assertion of its own.
        if isinstance(getattr(error, "source", error), ValueError | AssertionError):
            told = f"{where} does not answer as a Qdrant server does ({cause}); check QDRANT_URL"
        else:
            told = f"{where} does not answer ({cause}); start it, or check QDRANT_URL"
        raise Unavailable.with_public(told, AWAY) from error
