"""Random filters over random products: the engines must find exactly what going through the products finds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.points import DIMENSION, by_sku, matching, point_of, unit, words

from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.filters import conditions_of
from recommender.index.protocol import IndexQuery, VectorEngine, VectorIndex
from recommender.index.server.engine import ServerEngine
from recommender.query import Filters
from recommender.types import Availability, Product

NAMES = st.sampled_from(["Home", "HOME", "Lights", "Straße", "STRASSE", "Home & Garden", "ÉTÉ", "été"])
PATHS = st.lists(NAMES, max_size=3).map(tuple)
PRICES = st.none() | st.sampled_from(["0", "0.1", "0.3", "19.99", "19.9999", "20", "1234567.8901"]).map(Decimal)
ATTRIBUTE_NAMES = st.sampled_from(["colour", "COLOUR", "Frame  size", "frame size", "a=b", "a", "%3D"])
ATTRIBUTE_VALUES = st.sampled_from(["red", "RED", "Red, green", "green", "b=c", "c", "1/2", "2", " ", ", ", "é", "É"])
SKUS = [f"sku-{number}" for number in range(12)]
GROUPS = st.sampled_from(["", "g1", "g2"])
PRODUCTS = st.lists(
    st.builds(
        Product,
        sku=st.sampled_from(SKUS),
        title=st.just("A title"),
        brand=NAMES | st.just(""),
        category=PATHS,
        price=PRICES,
        availability=st.sampled_from(Availability),
        group_id=GROUPS,
        attributes=st.dictionaries(ATTRIBUTE_NAMES, ATTRIBUTE_VALUES, max_size=3),
    ),
    max_size=12,
    unique_by=lambda product: product.sku,
)
FILTERS = st.builds(
    Filters,
    categories=st.lists(PATHS, max_size=2).map(tuple),
    brands=st.lists(NAMES | st.just(""), max_size=2).map(tuple),
    price_min=PRICES,
    price_max=PRICES,
    in_stock=st.booleans(),
    exclude_brands=st.lists(NAMES | st.just(""), max_size=2).map(tuple),
    attributes=st.lists(st.tuples(ATTRIBUTE_NAMES, st.lists(ATTRIBUTE_VALUES, max_size=2).map(tuple)), max_size=2).map(
        tuple
    ),
    exclude_skus=st.lists(st.sampled_from(SKUS), max_size=2).map(tuple),
    exclude_groups=st.lists(GROUPS, max_size=2).map(tuple),
)


def _memory() -> VectorEngine:
    from qdrant_client import QdrantClient

    return ServerEngine(QdrantClient(":memory:"))


@pytest.fixture(scope="module", params=["embedded", "memory"])
def index(request: pytest.FixtureRequest) -> Iterator[VectorIndex]:
    with tempfile.TemporaryDirectory() as folder:
        engine = EmbeddedEngine(Path(folder)) if request.param == "embedded" else _memory()
        opened = engine.create("g0001", DIMENSION)
        yield opened
        opened.close()
        engine.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PRODUCTS, st.lists(FILTERS, min_size=1, max_size=5))
def test_any_filter_finds_what_the_products_say(
    index: VectorIndex, products: list[Product], several: list[Filters]
) -> None:
    index.delete([point.id for point in index.scroll()])
    index.upsert([point_of(product, lexical=words(1)) for product in products])
    for filters in several:
        expected = matching(products, filters)
        assert index.count(filters) == len(expected)
        assert {point.payload["sku"] for point in index.select(filters, 20)} == expected
        for query in (
            IndexQuery(20, dense=unit(1), filters=filters),
            IndexQuery(20, dense=unit(1), filters=filters, exact=True),
            IndexQuery(20, lexical=words(1), filters=filters),
            IndexQuery(20, dense=unit(1), lexical=words(1), filters=filters),
        ):
            assert by_sku(index, index.query(query)).keys() == expected


def test_filters_that_do_not_restrict_make_no_conditions() -> None:
    assert not conditions_of(Filters())
    assert not conditions_of(Filters(categories=((),)))
    assert conditions_of(Filters(price_min=Decimal(0)))
