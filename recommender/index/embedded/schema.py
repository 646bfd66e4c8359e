"""How a shard of the embedded engine is laid out and opened: its vectors, fields and graphs, and what is in memory.

A large shard is compact: 4 bits of each component of a vector are in memory, and the rest is read from the disk.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

from recommender.index.payload import GRAPH_FIELDS, INDEXED_FIELDS, FieldKind
from recommender.index.query_plan import (
    DENSE,
    FULL_SCAN_THRESHOLD_KB,
    HNSW_EF_CONSTRUCT,
    HNSW_M,
    INDEXING_THRESHOLD_KB,
    LEXICAL,
)

MAX_SEGMENT_SIZE_KB = 100_000
"""Size of the vectors in one segment: about 65,000 vectors of 384 dimensions. It bounds the cost of one graph build."""

COMPACT_SCAN_KB = 280_000
"""If a filter leaves less than this of a compact shard (190,000 vectors of 384 dimensions), they are scanned, in up to
15 ms. With 4 bits that finds all of the nearest, and a walk through points that the filter takes out is slower and
finds less. A shard without a filter is scanned too if it is smaller than this."""

COMPACT_SEGMENTS = 2
"""Segments of a compact shard, beside the one for new points: a large one, whose graph is searched in one walk, and one
that takes in changes until it is large itself."""

_UNLIMITED = 1_000_000_000
"""No limit, as a number of segments or of KB in one."""

LOG_FILE = 4 << 20
"""Bytes of one file of the engine's log. It keeps the last full one, and each opening reads it: with the usual 32 MB
that is 4,700 page faults, a tenth of a command."""

THREADS_A_CORE = 2
"""Threads that search segments at the same time, if there are several."""

_FIELD_PARAMETERS: Mapping[FieldKind, Callable[..., Any]] = {
    FieldKind.KEYWORD: edge.KeywordIndexParams,
    FieldKind.FLOAT: edge.FloatIndexParams,
    FieldKind.PREFIX: partial(edge.KeywordIndexParams, prefix=True),
}

_ON_DEMAND = edge.Memory.Cold
"""Vectors, field indexes and word lists are mapped from the disk and read as they are needed. Every command would pay
for mapping them whole: the vectors of 200,000 products took a process that only writes past a gigabyte."""

_MAPPED = edge.Memory.Cached
"""Vectors of 4 bits are read whole at the opening: a walk needs those of every part of the graph."""

_READ_AT_ONCE = 4 << 20


class Layout(StrEnum):
    """What is built from a shard's points."""

    GRAPHS = "graphs"
    """Graphs over full vectors, in segments of bounded size."""
    COMPACT = "compact"
    """One graph over vectors of 4 bits; the nearest ones are scored again by the full vectors on the disk."""
    SETTLED = "settled"
    """No graphs: points move from memory to the disk, so that a load of any size takes bounded memory. They are scanned
    until graphs are built."""


def create_shard(folder: Path, dimension: int) -> None:
    """Make an empty shard with its field indexes in an empty folder."""
    config = edge.EdgeConfig(
        vectors={DENSE: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Cosine, memory=_ON_DEMAND)},
        sparse_vectors=_sparse_vectors(),
        wal_enabled=True,
        **_layout(Layout.GRAPHS),
    )
    edge.EdgeShard.create(str(folder), config).close()
    # The engine reads this from its file, and its Python class lacks it. Nothing is in the log yet.
    limited = _config_of(folder) | {
        "wal_options": {"segment_capacity": LOG_FILE, "segment_queue_len": 0, "retain_closed": 1}
    }
    (folder / "edge_config.json").write_text(json.dumps(limited), encoding="utf-8")
    shutil.rmtree(folder / "wal")
    shard = load_shard(folder)
    for field, kind in INDEXED_FIELDS.items():
        parameters = _FIELD_PARAMETERS[kind](enable_hnsw=field in GRAPH_FIELDS, memory=_ON_DEMAND)
        shard.update(edge.UpdateOperation.create_field_index(field, parameters))
    shard.flush()
    shard.close()


def load_shard(folder: Path) -> edge.EdgeShard:
    """Open a shard."""
    # The segment for new points always exists, and is nearly empty. Beside it, a single one is searched by one thread
    # in 0.75 ms; the engine's default wakes three threads, which take 1.0 ms and twice the processor time.
    segments = sum(1 for _ in (folder / "segments").iterdir()) - 1
    threads = max(1, min(segments, THREADS_A_CORE * (os.cpu_count() or 1)))
    layout = Layout.COMPACT if is_compact(folder) else Layout.GRAPHS
    if layout is Layout.COMPACT:
        _read_ahead(folder, "quantized.data")
    config = edge.EdgeConfig(sparse_vectors=_sparse_vectors(), max_search_threads=threads, **_layout(layout))
    return edge.EdgeShard.load(str(folder), config)


def build(folder: Path, layout: Layout) -> None:
    """Give the points of a shard a layout: seconds to minutes, in which no other thread of this process runs."""
    config = edge.EdgeConfig(sparse_vectors=_sparse_vectors(), **_layout(layout))
    shard = edge.EdgeShard.load(str(folder), config)
    shard.optimize()
    shard.close()


def is_compact(folder: Path) -> bool:
    """Tell whether a shard keeps vectors of 4 bits; once it does, it stays so."""
    return bool(_config_of(folder).get("quantization_config"))


def has_graphs(folder: Path) -> bool:
    """Tell whether points of a shard are in a graph. What was settled has one without edges, in the engine's terms."""
    segments = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("segments/*/segment.json")]
    return any(each["config"]["vector_data"][DENSE]["index"].get("options", {}).get("m") for each in segments)


def dimension_of(folder: Path) -> int:
    """Return the length of the vectors of a shard.

    The engine says how many there are, but not how long they are; that is in the configuration file beside them.
    """
    return int(_config_of(folder)["vectors"][DENSE]["size"])


def map_vectors(shard: edge.EdgeShard, folder: Path) -> None:
    """Read every vector into memory, and map it by one exact search. A graph would read page after page."""
    _read_ahead(folder, "*")
    nearest = edge.Query.Nearest(np.ones(dimension_of(folder), dtype=np.float32), using=DENSE)  # type: ignore[arg-type]
    shard.query(edge.QueryRequest(limit=1, query=nearest, params=edge.SearchParams(exact=True)))


def _read_ahead(folder: Path, name: str) -> None:
    """Read the files of dense vectors that have a name into the system's cache, from end to end.

    The engine drops its files from there each time it closes a shard, and reads them page by page: the 4 bits of a
    million vectors took 3 s on an idle disk, and two minutes on a busy one. From end to end it is 0.3 s.
    """
    buffer = bytearray(_READ_AT_ONCE)
    for path in folder.glob(f"segments/*/vector_storage-{DENSE}/**/{name}"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


def _config_of(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "edge_config.json").read_text(encoding="utf-8"))
    return config


def _layout(layout: Layout) -> dict[str, Any]:
    """Return the graphs and segments that the engine should have; if the disk differs, the next build changes that."""
    compact = layout is Layout.COMPACT
    graph = edge.HnswIndexConfig(
        m=0 if layout is Layout.SETTLED else HNSW_M,
        ef_construct=HNSW_EF_CONSTRUCT,
        full_scan_threshold=COMPACT_SCAN_KB if compact else FULL_SCAN_THRESHOLD_KB,
    )
    segments = edge.EdgeOptimizersConfig(
        indexing_threshold=INDEXING_THRESHOLD_KB,
        max_segment_size=MAX_SEGMENT_SIZE_KB if layout is Layout.GRAPHS else _UNLIMITED,
        default_segment_number={Layout.COMPACT: COMPACT_SEGMENTS, Layout.SETTLED: _UNLIMITED}.get(layout),
    )
    four_bits = edge.TurboQuantQuantizationConfig(bits=edge.TurboQuantBitSize.Bits4, memory=_MAPPED)
    return {"hnsw_config": graph, "optimizers": segments} | ({"quantization_config": four_bits} if compact else {})


def _sparse_vectors() -> dict[str, edge.EdgeSparseVectorParams]:
    return {LEXICAL: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf, memory=_ON_DEMAND)}
