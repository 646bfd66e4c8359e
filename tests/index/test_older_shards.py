"""Generations that an earlier version made, opened by this one."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import qdrant_edge as edge
from support.points import DIMENSION, point_of

from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.embedded.shard_storage import place
from recommender.index.payload import ATTRIBUTE_KEYS, GRAPH_FIELDS, INDEXED_FIELDS, POPULARITY, PRICE
from recommender.index.protocol import Order
from recommender.query import Filters
from recommender.types import Product


def test_a_generation_of_an_earlier_version_gets_the_field_indexes_it_lacks(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path)
    index = engine.create("g0001", DIMENSION)
    index.upsert([point_of(Product("a", "t", price=Decimal(5), attributes={"popularity": "1", "colour": "red"}))])
    index.close()
    shard = edge.EdgeShard.load(str(place(engine.folder / "g0001")))
    for field in (ATTRIBUTE_KEYS, POPULARITY):
        shard.update(edge.UpdateOperation.delete_field_index(field))
    shard.update(edge.UpdateOperation.create_field_index(PRICE, edge.FloatIndexParams(enable_hnsw=False)))
    shard.close()
    index = engine.open("g0001")
    assert index.facet(ATTRIBUTE_KEYS, Filters(), 9) == [("colour=red", 1), ("popularity=1", 1)]
    assert [point.payload["sku"] for point in index.select(Filters(), 9, Order.POPULAR)] == ["a"]
    index.close()
    shard = edge.EdgeShard.load(str(place(engine.folder / "g0001")))
    in_graph = {field: index.params.enable_hnsw for field, index in shard.info().payload_schema.items()}  # type: ignore[union-attr]
    shard.close()
    assert in_graph == {field: field in GRAPH_FIELDS for field in INDEXED_FIELDS}
