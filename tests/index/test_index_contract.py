"""What every engine promises, run over all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pytest
from support.patience import PATIENCE_S
from support.points import DIMENSION, by_sku, matching, point_of, unit, words

from recommender.errors import BadInput, NotFound, UsageError
from recommender.index.payload import product_payload
from recommender.index.protocol import IndexQuery, Point, VectorEngine, VectorIndex, point_id
from recommender.query import NO_FILTERS, Filters
from recommender.types import Availability, Product, SparseVector

PRODUCTS = [
    Product(
        "shoe-1", "Trail shoe", brand="Nike", category=("Sports", "Running"), price=Decimal("89.90"), group_id="g1"
    ),
    Product("shoe-2", "Trail shoe", brand="NIKE", category=("Sports", "Running"), price=Decimal("0.1"), group_id="g1"),
    Product("ball", "Ball", brand="Ålder", category=("Sports",), price=Decimal("19.9999")),
    Product(
        "lamp",
        "Lamp",
        brand="STRASSE",
        category=("Home", "Lights"),
        price=Decimal(50),
        availability=Availability.PREORDER,
    ),
    Product("sport-lamp", "Lamp", category=("Sports & Home",), availability=Availability.OUT_OF_STOCK),
    Product("bare", "Bare"),
]

# The client's in-memory mode is always exact, and says so each time it is asked for that.
pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")


@pytest.fixture
def index(engine: VectorEngine) -> Iterator[VectorIndex]:
    opened = engine.create("g0001", DIMENSION)
    yield opened
    opened.close()


@pytest.fixture
def filled(index: VectorIndex) -> VectorIndex:
    index.upsert([point_of(product) for product in PRODUCTS])
    return index


def _skus(index: VectorIndex, query: IndexQuery) -> list[str]:
    return list(by_sku(index, index.query(query)))


def test_a_new_generation_is_empty_and_listed(engine: VectorEngine) -> None:
    with_index = engine.create("g0002", DIMENSION)
    other = engine.create("g0001", DIMENSION)
    assert (with_index.count(), engine.names()) == (0, ["g0001", "g0002"])
    assert with_index.query(IndexQuery(3, dense=unit(1))) == []
    with_index.close()
    other.close()


def test_without_a_generation_there_are_no_names_and_nothing_to_open(engine: VectorEngine) -> None:
    assert engine.names() == []
    with pytest.raises(NotFound, match=r"g0009.*index rebuild"):
        engine.open("g0009")


def test_points_are_there_after_close_and_open(engine: VectorEngine) -> None:
    index = engine.create("g0001", DIMENSION)
    index.upsert([point_of(product) for product in PRODUCTS])
    index.flush()
    index.close()
    again = engine.open("g0001")
    assert {point.payload["sku"] for point in again.scroll()} == {product.sku for product in PRODUCTS}
    again.upsert([point_of(Product("new", "New"))])
    assert again.count() == len(PRODUCTS) + 1
    again.close()


def test_creating_again_removes_what_was_there(engine: VectorEngine) -> None:
    first = engine.create("g0001", DIMENSION)
    first.upsert([point_of(PRODUCTS[0])])
    first.close()
    second = engine.create("g0001", 4)
    assert second.count() == 0
    second.upsert([point_of(PRODUCTS[0], dense=unit(1, 4))])
    assert second.count() == 1
    second.close()


def test_dropping_twice_is_no_error_and_leaves_the_others(engine: VectorEngine) -> None:
    for name in ("g0001", "g0002"):
        engine.create(name, DIMENSION).close()
    engine.drop("g0001")
    engine.drop("g0001")
    assert engine.names() == ["g0002"]
    with pytest.raises(NotFound):
        engine.open("g0001")


def test_writing_a_point_twice_is_writing_it_once(filled: VectorIndex) -> None:
    filled.upsert([point_of(product) for product in PRODUCTS])
    assert filled.count() == len(PRODUCTS)


def test_a_point_is_replaced_whole(index: VectorIndex) -> None:
    product = PRODUCTS[0]
    index.upsert([point_of(product, unit(1), words(7), text_hash="old")])
    index.upsert([point_of(product, unit(2), words(), text_hash="new")])
    stored = index.retrieve([point_id(product.sku)], with_vectors=True)[0]
    assert stored.payload == product_payload(product, "new")
    assert stored.dense is not None
    np.testing.assert_allclose(stored.dense, unit(2), atol=1e-6)
    assert index.query(IndexQuery(5, lexical=words(7))) == []


def test_more_points_than_one_batch_arrive(index: VectorIndex) -> None:
    index.upsert([point_of(Product(f"sku-{number}", "A title")) for number in range(1203)])
    assert index.count() == 1203
    assert len({point.id for point in index.scroll(batch=100)}) == 1203


@pytest.mark.parametrize("count", [0, 1])
def test_the_size_of_a_write_may_be(index: VectorIndex, count: int) -> None:
    index.upsert([point_of(product) for product in PRODUCTS[:count]])
    index.overwrite_payloads([(point_id(product.sku), {"sku": "x"}) for product in PRODUCTS[:count]])
    assert index.count() == count
    index.delete([point_id(product.sku) for product in PRODUCTS[:count]])
    assert index.count() == 0


@pytest.mark.parametrize("vector", [unit(1, DIMENSION + 1), np.full(DIMENSION, np.nan, dtype=np.float32)])
def test_a_vector_that_does_not_fit_is_refused_and_nothing_is_written(index: VectorIndex, vector: np.ndarray) -> None:
    good = point_of(PRODUCTS[0])
    with pytest.raises(BadInput, match="vector"):
        index.upsert([good, point_of(PRODUCTS[1], dense=vector)])
    assert index.count() == 0


@pytest.mark.parametrize("is_known", [False, True])
def test_overwriting_a_payload_replaces_all_of_it_and_keeps_both_vectors(index: VectorIndex, is_known: bool) -> None:
    product = PRODUCTS[0]
    point = point_of(product, unit(1), words(7))
    index.upsert([point])
    cheaper = product_payload(Product(product.sku, product.title, price=Decimal("9.5")), "hash")
    index.overwrite_payloads([(point.id, cheaper)], {point.id: point.payload} if is_known else None)
    stored = index.retrieve([point_id(product.sku)], with_vectors=True)[0]
    assert stored.payload == cheaper
    assert stored.dense is not None
    np.testing.assert_allclose(stored.dense, unit(1), atol=1e-6)
    assert _skus(index, IndexQuery(5, lexical=words(7))) == [product.sku]
    assert index.count(Filters(price_max=Decimal("9.5"))) == 1
    assert index.count(Filters(brands=("nike",))) == 0


def test_overwriting_skips_points_that_are_not_there(filled: VectorIndex) -> None:
    filled.overwrite_payloads([(2**63 + 5, {"sku": "ghost"}), (point_id("ball"), {"sku": "ball", "text_hash": "new"})])
    assert filled.count() == len(PRODUCTS)
    assert filled.retrieve([point_id("ball")])[0].payload["text_hash"] == "new"


def test_deleting_is_idempotent_and_ignores_what_is_not_there(filled: VectorIndex) -> None:
    for _ in range(2):
        filled.delete([point_id("ball"), 2**63 + 5])
    assert filled.count() == len(PRODUCTS) - 1
    assert filled.retrieve([point_id("ball")]) == []


def test_retrieve_returns_those_that_exist_with_vectors_only_when_asked(filled: VectorIndex) -> None:
    stored = filled.retrieve([point_id("ball"), 2**63 + 5, point_id("lamp")])
    assert {point.id for point in stored} == {point_id("ball"), point_id("lamp")}
    assert all(point.dense is None for point in stored)
    assert filled.retrieve([]) == []
    vector = filled.retrieve([point_id("ball")], with_vectors=True)[0].dense
    assert vector is not None and vector.dtype == np.float32 and vector.shape == (DIMENSION,)


@pytest.mark.parametrize("batch", [1, 2, 6, 7])
def test_scroll_sees_every_point_once_whatever_the_batch(filled: VectorIndex, batch: int) -> None:
    seen = [point.payload["sku"] for point in filled.scroll(batch)]
    assert sorted(seen) == sorted(product.sku for product in PRODUCTS)
    assert all(point.dense is not None for point in filled.scroll(batch, with_vectors=True))


@pytest.mark.parametrize("exact", [False, True])
def test_a_dense_query_ranks_by_cosine(index: VectorIndex, exact: bool) -> None:
    points = [point_of(Product(f"p{seed}", "A title"), dense=unit(seed)) for seed in range(50)]
    index.upsert(points)
    index.optimize()
    cosines = {f"p{seed}": float(unit(seed) @ unit(99)) for seed in range(50)}
    expected = sorted(cosines, key=cosines.__getitem__, reverse=True)[:7]
    answer = index.query(IndexQuery(7, dense=unit(99), exact=exact))
    assert list(by_sku(index, answer)) == expected
    assert [point.score for point in answer] == pytest.approx([cosines[sku] for sku in expected], abs=1e-5)


def test_a_lexical_query_ranks_rare_words_above_common_ones(index: VectorIndex) -> None:
    index.upsert([point_of(Product(f"common{n}", "t"), lexical=words(1, n + 100)) for n in range(8)])
    index.upsert([point_of(Product("rare", "t"), lexical=words(2)), point_of(Product("none", "t"))])
    answer = index.query(IndexQuery(20, lexical=words(2, 1)))
    assert answer[0].id == point_id("rare")
    assert len(answer) == 9
    assert answer[0].score > answer[1].score > 0


def test_a_query_without_words_or_with_unknown_ones_falls_back_on_the_vector(index: VectorIndex) -> None:
    index.upsert([point_of(Product(f"p{n}", "t"), dense=unit(n), lexical=words(n)) for n in range(5)])
    dense = _skus(index, IndexQuery(5, dense=unit(3)))
    assert dense[0] == "p3"
    for lexical in (words(), words(999)):
        assert _skus(index, IndexQuery(5, lexical=lexical)) == []
        assert _skus(index, IndexQuery(5, dense=unit(3), lexical=lexical)) == dense


# Dense order a, b, c, d; lexical order c, a (b and d lack the word). Weights of the word differ, so no two lists tie.
_HYBRID = {"a": (0.9, 1.0), "b": (0.7, 0.0), "c": (0.5, 2.0), "d": (0.1, 0.0)}


@pytest.fixture
def hybrid(index: VectorIndex) -> VectorIndex:
    index.upsert([_hybrid_point(sku, cosine, weight) for sku, (cosine, weight) in _HYBRID.items()])
    return index


def _hybrid_point(sku: str, cosine: float, weight: float) -> Point:
    dense = np.zeros(DIMENSION, dtype=np.float32)
    dense[:2] = cosine, (1 - cosine**2) ** 0.5
    return point_of(Product(sku, "t", brand="odd" if sku in "ac" else "even"), dense, _word(weight))


def _word(weight: float) -> SparseVector:
    return SparseVector((5,), (weight,)) if weight else words()


def _axis() -> np.ndarray:
    return np.eye(DIMENSION, dtype=np.float32)[0]


def test_hybrid_weighs_words_against_meaning(hybrid: VectorIndex) -> None:
    answer = hybrid.query(IndexQuery(4, dense=_axis(), lexical=words(5), words=0.5))
    expected = {"c": 0.5 * 1 + 0.5 * 0.5, "a": 0.5 * 0.5 + 0.5 * 0.9, "b": 0.5 * 0.7, "d": 0.5 * 0.1}
    assert list(by_sku(hybrid, answer)) == list(expected)
    assert [point.score for point in answer] == pytest.approx(list(expected.values()), rel=1e-4)


def test_prefetch_bounds_what_each_list_brings_but_never_below_the_limit(hybrid: VectorIndex) -> None:
    answer = hybrid.query(IndexQuery(1, dense=_axis(), lexical=words(5), words=0.1, prefetch=1))
    assert [point.id for point in answer] == [point_id("a")]
    assert answer[0].words == pytest.approx(0.5, rel=1e-4)  # c alone came by its words; a was scored by them, too
    assert len(hybrid.query(IndexQuery(4, dense=_axis(), lexical=words(5), prefetch=1))) == 4


def test_filters_hold_inside_each_list_of_a_hybrid_query(hybrid: VectorIndex) -> None:
    odd = Filters(brands=("ODD",))
    answer = hybrid.query(IndexQuery(4, dense=_axis(), lexical=words(5), filters=odd, prefetch=2))
    assert by_sku(hybrid, answer).keys() == {"a", "c"}
    assert [point.score for point in answer] == pytest.approx([0.75, 0.7], rel=1e-4)


@pytest.mark.parametrize("query", [IndexQuery(5), IndexQuery(0, dense=unit(1)), IndexQuery(-1, lexical=words(1))])
def test_a_query_that_asks_for_nothing_is_a_mistake_of_the_caller(index: VectorIndex, query: IndexQuery) -> None:
    with pytest.raises(UsageError):
        index.query(query)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(categories=(("sports",),)),
        Filters(categories=(("SPORTS", "running"), ("home",))),
        Filters(categories=(("Sports", "Running", "Trail"),)),
        Filters(categories=((), ("home",))),
        Filters(brands=("nike", "Straße")),
        Filters(brands=("ålder",)),
        Filters(price_min=Decimal("0.1"), price_max=Decimal("19.9999")),
        Filters(price_min=Decimal("19.9999")),
        Filters(price_max=Decimal("89.89")),
        Filters(price_min=Decimal(0)),
        Filters(in_stock=True),
        Filters(exclude_skus=("ball", "nowhere")),
        Filters(exclude_groups=("g1", "")),
        Filters(categories=(("sports",),), brands=("nike",), price_min=Decimal(1), in_stock=True),
        Filters(price_min=Decimal(10), price_max=Decimal(5)),
    ],
    ids=repr,
)
def test_a_filter_finds_what_the_products_say(filled: VectorIndex, filters: Filters) -> None:
    expected = matching(PRODUCTS, filters)
    assert filled.count(filters) == len(expected)
    assert set(_skus(filled, IndexQuery(10, dense=unit(1), filters=filters))) == expected
    assert set(_skus(filled, IndexQuery(10, dense=unit(1), filters=filters, exact=True))) == expected


def test_readers_go_on_beside_a_writer(filled: VectorIndex, request: pytest.FixtureRequest) -> None:
    if "memory" in request.node.name:
        pytest.skip("the client's in-memory mode is not made for threads")
    stop, failures = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                answer = filled.query(IndexQuery(3, dense=unit(1), lexical=words(3), filters=Filters(in_stock=True)))
                if not answer or len(by_sku(filled, answer)) < len(answer):
                    failures.append(f"answered {answer}")
            except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test, whatever it is
                failures.append(repr(error))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for start in range(0, 600, 50):
        batch = [Product(f"more-{number}", "t", brand="B") for number in range(start, start + 50)]
        filled.upsert([point_of(product, lexical=words(3)) for product in batch])
        filled.overwrite_payloads([(point_id(batch[0].sku), product_payload(batch[0], "new"))])
        filled.delete([point_id(batch[1].sku)])
        filled.optimize()
    stop.set()
    for reader in readers:
        reader.join(PATIENCE_S)
    assert failures == []
    assert filled.count() == len(PRODUCTS) + 600 - 12


NUMBERED = [
    Product("54-OR323014", "Headphones", brand="Sony", gtin="4548736112001", mpn="WH1000XM4B"),
    Product("54-OR323015", "Headphones", brand="Sony", mpn="WH1000XM5B"),
    Product("NUM-3", "Earbuds", brand="Bose", mpn="WH1000XM4B"),
]


def _found(index: VectorIndex, *keys: str, filters: Filters = NO_FILTERS, partial: bool = False) -> set[str]:
    return {point.payload["sku"] for point in index.find(keys, filters, 10, partial)}


def test_points_are_found_by_the_numbers_of_their_products(index: VectorIndex) -> None:
    index.upsert([point_of(product) for product in NUMBERED])
    assert _found(index, "54or323014") == {"54-OR323014"}
    assert _found(index, "4548736112001") == {"54-OR323014"}
    assert _found(index, "wh1000xm4b") == {"54-OR323014", "NUM-3"}
    assert _found(index, "unknown", "num3") == {"NUM-3"}
    assert _found(index, "wh1000xm4b", filters=Filters(brands=("bose",))) == {"NUM-3"}
    assert _found(index, "wh1000xm4") == set()
    changed = Product("NUM-3", "Earbuds", brand="Bose", mpn="OTHER-1")
    index.overwrite_payloads([(point_id("NUM-3"), product_payload(changed, ""))])
    assert _found(index, "wh1000xm4b") == {"54-OR323014"}


def test_points_are_found_by_how_a_number_begins(index: VectorIndex, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["engine"] == "memory":
        pytest.skip("the client's in-memory mode has no index whose tokens are the beginnings of values")
    index.upsert([point_of(product) for product in NUMBERED])
    assert _found(index, "54or3", partial=True) == {"54-OR323014", "54-OR323015"}
    assert _found(index, "wh1000xm4", partial=True) == {"54-OR323014", "NUM-3"}
    assert _found(index, "54or3", filters=Filters(exclude_skus=("54-OR323014",)), partial=True) == {"54-OR323015"}
    assert _found(index, "1000xm", partial=True) == set()
