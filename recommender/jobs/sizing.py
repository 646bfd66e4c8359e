"""What a catalogue of a given size takes: disk, memory, shards, machines, workers and time, from measured costs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from recommender.errors import UsageError
from recommender.index.embedded.engine import COMPACT_FROM

DIMENSION = 384
FULL_VECTOR = 4 * DIMENSION
SHORT_VECTOR = DIMENSION // 2 + 3
"""Bytes of a vector in full, and of the 4 bits for each component that a compact index has in memory."""

POINT_DISK = 1_776
"""Bytes of a product on the disk of an index beside its vectors: payload 588, indexes of fields 516, words 359 and
their lists 245, graph 47, ids 21. Measured in an index of 200,000 products with the titles and 300 characters of the
descriptions of an electronics shop; more fields or longer titles take more, and so do descriptions of 600 characters
(350 bytes)."""

LOG_DISK = 5 << 20
"""Bytes of the write-ahead log and of an empty segment, whatever the size."""

POINT_MEMORY = 70 + 47 + 241
"""Bytes of a product in memory beside its vector: its ids, its edges in the graph, and what 200 queries for similar
vectors read of the rest, which the system may take back. Queries with words read 600 more."""

INDEX_MEMORY = 85 << 20
"""Bytes that an open index takes whatever its size: the engine, its log, and the segment for new points."""

PRODUCT_CATALOGUE = 1_200
"""Bytes of a product in the database, with a description of 500 characters."""

LOAD_S, GRAPH_S = 0.0005, 0.0006
"""Processor seconds of a product: to write it into an index from the catalogue, and to build it into a graph."""

ENCODED_A_S = 57.0
"""Product texts that one core encodes in a second (OpenVINO in full precision; with int8 69, by ONNX Runtime 28)."""

ANSWERS_A_S, SERVER_ANSWERS_A_S = 250.0, 80.0
"""`similar` over HTTP that one core answers in a second: by the embedded engine, and by a service and a Qdrant server
on the same cores."""

CHANGED_TEXTS, CHANGED_PRICES = 0.02, 0.2
"""Shares of the products whose text, and whose price or stock, change in a day. Assumed: count your own."""

PRICES_A_S = 3_300.0
"""Price changes that one core applies in a second, from feed to index."""

WORKING_S = 8 * 3600
"""Seconds of a day within which the changes of that day must be applied."""

SERVER_FROM = 3_000_000
"""Products from which an index is better on a server: the embedded engine answers one query at a time, and its graph
takes an hour of processor time."""

SHARD_POINTS = 10_000_000
"""The most products of one shard of a cluster: 35 GB, which another node takes over in minutes."""

SERVER_POINT_MEMORY = DIMENSION + POINT_MEMORY
"""Bytes of a product in a server's memory, with `RECOMMENDER_QDRANT_QUANTIZATION=int8` and
`RECOMMENDER_QDRANT_ON_DISK=true`. Computed: no server of this size was measured."""

NODE_MEMORY = 0.6 * (64 << 30)
"""Bytes that points may take of a node's memory, of 64 GiB: the rest is for pages of files."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """What a number of products takes. Bytes are of one copy of the index; hours are of one core."""

    products: int
    engine: str
    index_bytes: int
    """On the disk; while graphs are built on a copy, three times as many."""
    memory_bytes: int
    """Of the index alone, if it is open; on a cluster of all nodes together."""
    catalogue_bytes: int
    shards: int
    replicas: int
    nodes: int
    """Machines that hold the index."""
    workers: int
    """Cores that apply a day's changes within `WORKING_S`."""
    encode_hours: float
    load_hours: float


def size(products: int) -> Sizing:
    """Compute what a number of products takes. Raises `UsageError` for less than one."""
    if products < 1:
        raise UsageError(f"a catalogue of {products:,} products; give 1 or more")
    server, compact = products >= SERVER_FROM, products >= COMPACT_FROM
    vectors = FULL_VECTOR + (DIMENSION if server else SHORT_VECTOR if compact else 0)
    in_memory = SERVER_POINT_MEMORY if server else POINT_MEMORY + (SHORT_VECTOR if compact else FULL_VECTOR)
    replicas = 2 if products > SHARD_POINTS else 1
    memory = INDEX_MEMORY + products * in_memory * replicas
    changes = products * (CHANGED_TEXTS / ENCODED_A_S + CHANGED_PRICES / PRICES_A_S)
    return Sizing(
        products,
        "Qdrant cluster" if products > SHARD_POINTS else "Qdrant server" if server else "embedded",
        LOG_DISK + products * (vectors + POINT_DISK),
        memory,
        products * PRODUCT_CATALOGUE,
        math.ceil(products / SHARD_POINTS),
        replicas,
        max(replicas, math.ceil(memory / NODE_MEMORY)),
        max(1, math.ceil(changes / WORKING_S)),
        products / ENCODED_A_S / 3600,
        products * (LOAD_S + GRAPH_S) / 3600,
    )


def parse_count(text: str) -> int:
    """Read a number of products: `200000`, `200,000`, `200k`, `1.5m`, `1b`. Raises `UsageError`."""
    units = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
    # A comma or `_` stands before three digits: 1,5m is not 15 million. Nor is 200.000 two hundred.
    written = re.sub(r"(?<=\d)[,_](?=\d{3}(?!\d))", "", text.strip().lower())
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6}(?=[kmb]))?)([kmb]?)", written)
    count = round(float(match[1]) * units[match[2]]) if match else 0
    if not count:
        raise UsageError(f"--size {text!r} is no number of products; write 200000, 200k, 1.5m or 1b")
    return count


def describe(sizing: Sizing) -> dict[str, str]:
    """Return a sizing as text: the name of each figure, and the figure."""
    copies = f", {sizing.replicas} copies" if sizing.replicas > 1 else ""
    return {
        "products": f"{sizing.products:,}",
        "vectors": f"{DIMENSION} dimensions",
        "engine": sizing.engine,
        "disk of the index": f"{_bytes(sizing.index_bytes)}{copies}; while graphs are built 3 times as much",
        "memory of the index": _bytes(sizing.memory_bytes),
        "catalogue": _bytes(sizing.catalogue_bytes) + (" (PostgreSQL)" if sizing.engine != "embedded" else " (SQLite)"),
        "shards": f"{sizing.shards:,}{copies}, on {sizing.nodes:,} {'machine' if sizing.nodes == 1 else 'machines'}",
        "workers": f"{sizing.workers:,}",
        "first encoding": f"{_hours(sizing.encode_hours)} of one core",
        "load and graphs": f"{_hours(sizing.load_hours)} of one core",
        "answers": f"{ANSWERS_A_S if sizing.engine == 'embedded' else SERVER_ANSWERS_A_S:,.0f} similar products a "
        "second and core",
    }


def _bytes(count: int) -> str:
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB")):
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return f"{count / (1 << 20):,.0f} MiB"


def _hours(hours: float) -> str:
    if hours >= 1:
        return f"{hours:,.{0 if hours >= 10 else 1}f} hours"
    return f"{60 * hours:.0f} minutes" if hours >= 1 / 60 else f"{3600 * hours:.0f} seconds"
