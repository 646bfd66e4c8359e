"""The audit on an index that is exact, and on one that misses what it is made to miss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.points import DIMENSION, matching, point_of, unit
from support.toy_catalogue import toy_catalogue

from recommender.errors import BadInput
from recommender.index.audit import FILTERS, audit
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.payload import card_of
from recommender.index.protocol import IndexQuery, ScoredPoint, VectorIndex
from recommender.types import Availability, Product

PRODUCTS = [
    replace(
        product,
        price=Decimal(10 + number),
        availability=list(Availability)[number % 2],
        attributes={"size": f"size {number % 3}"},
    )
    for number, product in enumerate(toy_catalogue(5))
]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[VectorIndex]:
    opened = EmbeddedEngine(tmp_path).create("audited", DIMENSION)
    yield opened
    opened.close()


class _Forgetful:
    """An index whose approximate answers lack their second neighbour, and which keeps what it was asked."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self.asked: list[IndexQuery] = []

    def query(self, query: IndexQuery) -> list[ScoredPoint]:
        self.asked.append(query)
        found = self._index.query(replace(query, limit=query.limit + 1))
        if not query.exact and len(found) > 2:
            del found[2]  # the first is the product itself
        return found[: query.limit]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


def test_an_index_that_scans_everything_misses_nothing(index: VectorIndex) -> None:
    index.upsert([point_of(product) for product in PRODUCTS])
    found = audit(index, queries=25, k=5)
    assert [recall.filtered_by for recall in found] == list(FILTERS)
    assert all((recall.queries, recall.recall, recall.lowest) == (25, 1.0, 1.0) for recall in found[:4])
    assert all(recall.approximate_ms > 0 and recall.exact_ms > 0 for recall in found)


def test_what_the_graph_misses_is_counted(index: VectorIndex) -> None:
    index.upsert([point_of(product) for product in PRODUCTS])
    unfiltered = audit(_Forgetful(index), queries=25, k=5)[0]  # type: ignore[arg-type]
    assert (unfiltered.recall, unfiltered.lowest) == (pytest.approx(0.8), 0.8)


def test_products_that_are_equally_near_stand_in_for_each_other(index: VectorIndex) -> None:
    index.upsert([point_of(product, unit(1)) for product in PRODUCTS])
    assert audit(_Forgetful(index), queries=10, k=5)[0].recall == 1.0  # type: ignore[arg-type]


def test_each_product_is_asked_with_filters_that_leave_something(index: VectorIndex) -> None:
    index.upsert([point_of(product) for product in PRODUCTS])
    watched = _Forgetful(index)
    audit(watched, queries=60, k=5)  # type: ignore[arg-type]
    left = [len(matching(PRODUCTS, query.filters)) for query in watched.asked]
    assert min(left) > 1
    assert sorted(set(left))[-1] == len(PRODUCTS)
    assert 20 in left  # a department: the subtree above a leaf of five
    assert {query.exact for query in watched.asked} == {True, False}


def test_a_filter_that_no_product_has_a_field_for_is_said_to_have_no_queries(index: VectorIndex) -> None:
    index.upsert([point_of(Product(f"sku-{number}", f"Thing {number}")) for number in range(20)])
    by_name = {recall.filtered_by: recall.queries for recall in audit(index, queries=20)}
    assert by_name == {
        "nothing": 20,
        "category": 0,
        "brand": 0,
        "price": 0,
        "in stock": 20,
        "attribute": 0,
        "price, in stock": 0,
    }


def test_an_empty_index_has_nothing_to_compare(index: VectorIndex) -> None:
    with pytest.raises(BadInput, match="no points"):
        audit(index)


def test_the_sample_is_the_same_each_time_and_spread_over_the_catalogue(index: VectorIndex) -> None:
    index.upsert([point_of(product) for product in PRODUCTS])
    first = [card_of(point.payload).category for point, _ in zip(index.scroll(), range(24), strict=False)]
    assert len(set(first)) > 6
