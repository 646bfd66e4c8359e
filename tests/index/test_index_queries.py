"""What a query can ask beside its vectors, run over every engine: examples, boosts, orders, counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray
from support.points import DIMENSION, by_sku, point_of, words

from recommender.errors import UsageError
from recommender.index.payload import ANCESTORS, ATTRIBUTE_KEYS, BRAND_KEY
from recommender.index.protocol import (
    ExampleVectors,
    IndexQuery,
    Order,
    Point,
    VectorEngine,
    VectorIndex,
    point_id,
)
from recommender.query import Boost, BoostKind, Filters
from recommender.types import Availability, Product, SparseVector

NOW = datetime.now(UTC)
NOBODY: NDArray[np.float32] = np.empty((0, DIMENSION), dtype=np.float32)

# Cosine to the axis, weight of word 5, age in days, and the product. Dense order: a, b, c, d, e.
_SHOP = [
    (0.9, 1.0, 0, Product("a", "t", brand="Odd", category=("Sport", "Run"), attributes={"popularity": "3"})),
    (0.7, 0.0, 30, Product("b", "t", brand="Even", category=("Sport",), attributes={"colour": "Red, blue"})),
    (0.5, 2.0, 60, Product("c", "t", brand="ODD", category=("Home",), attributes={"popularity": "9.5"})),
    (0.1, 0.0, None, Product("d", "t", brand="Even", availability=Availability.OUT_OF_STOCK)),
    (-0.4, 0.0, 90, Product("e", "t", attributes={"popularity": "-1", "Colour": "RED"})),
]


@pytest.fixture
def index(engine: VectorEngine) -> Iterator[VectorIndex]:
    opened = engine.create("g0001", DIMENSION)
    opened.upsert([_point(*row) for row in _SHOP])
    yield opened
    opened.close()


def _point(cosine: float, weight: float, age: int | None, product: Product) -> Point:
    at = None if age is None else NOW - timedelta(days=age)
    return point_of(product, _at(cosine), SparseVector((5,), (weight,)) if weight else words(), created_at=at)


def _at(cosine: float) -> NDArray[np.float32]:
    vector = np.zeros(DIMENSION, dtype=np.float32)
    vector[:2] = cosine, (1 - cosine**2) ** 0.5
    return vector


AXIS = _at(1.0)
ASKED = {
    "dense": IndexQuery(5, dense=AXIS),
    "lexical": IndexQuery(5, lexical=words(5)),
    "both": IndexQuery(5, dense=AXIS, lexical=words(5), words=0.6),
    "examples": IndexQuery(5, examples=ExampleVectors(_at(0.9)[None], _at(0.5)[None])),
}


def _scores(index: VectorIndex, query: IndexQuery) -> dict[str, float]:
    return {sku: point.score for sku, point in by_sku(index, index.query(query)).items()}


def _ordered(scores: dict[str, float]) -> list[str]:
    return sorted(scores, key=lambda sku: -scores[sku])


@pytest.mark.parametrize("asked", ASKED)
def test_a_minimum_score_keeps_what_scores_at_least_that(index: VectorIndex, asked: str) -> None:
    plain = _scores(index, ASKED[asked])
    bound = max(plain.values())
    limited = replace(ASKED[asked], filters=Filters(min_score=bound - 1e-6))
    assert _scores(index, limited) == {sku: score for sku, score in plain.items() if score >= bound - 1e-6}
    assert 0 < len(_scores(index, limited)) < len(plain) or len(plain) == 1


def test_a_minimum_score_is_that_of_relevance_not_of_boosts(index: VectorIndex) -> None:
    query = IndexQuery(5, dense=AXIS, filters=Filters(min_score=0.45))
    lifted = replace(query, boosts=(Boost(BoostKind.BRAND, 50.0, "even"),))
    assert set(_scores(index, lifted)) == {"a", "b", "c"}
    lowered = replace(query, boosts=(Boost(BoostKind.BRAND, -0.9, "odd"),))
    assert set(_scores(index, lowered)) == {"a", "b", "c"}


@pytest.mark.parametrize("asked", ASKED)
def test_only_the_points_named_may_answer(index: VectorIndex, asked: str) -> None:
    query = replace(ASKED[asked], ids=(point_id("a"), point_id("d"), point_id("nowhere")))
    plain = set(_scores(index, ASKED[asked]))
    assert set(_scores(index, query)) == plain & {"a", "d"}
    assert index.query(replace(query, ids=())) == []


def test_the_score_is_the_weighted_sum_of_words_and_meaning_each_from_0_to_1(index: VectorIndex) -> None:
    """Words 5 weighs 2 in c, the most that the query can reach, and 1 in a; meaning is the cosine, from 0."""
    found = by_sku(index, index.query(ASKED["both"]))
    parts = {sku: (round(point.words, 4), round(point.meaning, 4)) for sku, point in found.items()}
    assert parts == {"a": (0.5, 0.9), "b": (0, 0.7), "c": (1, 0.5), "d": (0, 0.1), "e": (0, 0)}
    assert {sku: point.score for sku, point in found.items()} == pytest.approx(
        {sku: 0.6 * by_words + 0.4 * by_meaning for sku, (by_words, by_meaning) in parts.items()}, abs=1e-4
    )


def test_a_weight_that_adapts_grows_with_the_lead_of_the_best_product_and_with_the_words_asked(
    index: VectorIndex,
) -> None:
    index.upsert([_point(0.2, 2.0, 0, Product(f"crowd-{number}", "t")) for number in range(60)])
    index.upsert([point_of(Product("rare", "t"), _at(0.0), SparseVector((6,), (2.0,)))])

    def weight(query: IndexQuery) -> float:
        found = index.query(replace(query, words=0.4, adapt=True))
        assert all(
            point.score == pytest.approx(point.weight * point.words + (1 - point.weight) * point.meaning)
            for point in found
        )
        return found[0].weight

    common, rare = (replace(ASKED["both"], lexical=words(term)) for term in (5, 6))
    assert weight(common) == pytest.approx(0.4, abs=0.01)  # sixty products have all of the words
    assert weight(rare) == pytest.approx(0.7, abs=0.01)
    assert weight(replace(rare, lexical=words(6, 7, 8, 9))) > weight(rare)
    assert weight(ASKED["dense"]) == 0
    assert weight(ASKED["lexical"]) == 1
    assert index.query(replace(common, words=0.4))[0].weight == 0.4


def test_words_that_no_product_has_keep_the_others_from_the_full_score(index: VectorIndex) -> None:
    known = index.query(IndexQuery(1, lexical=words(5)))[0]
    unknown = index.query(IndexQuery(1, lexical=words(5, 6, 7)))[0]
    assert (known.score, unknown.score) == pytest.approx((1, 1 / 3), abs=1e-6)


def test_a_text_of_hundreds_of_words_is_scaled_by_some_of_them(index: VectorIndex) -> None:
    found = index.query(IndexQuery(5, lexical=words(*range(1, 500)), dense=AXIS))
    assert all(0 <= point.words <= 1 for point in found)
    assert by_sku(index, found).keys() == {"a", "b", "c", "d", "e"}


def test_each_candidate_is_scored_by_both_lists_whichever_brought_it(index: VectorIndex) -> None:
    """With one candidate from each list, a comes by its vector and c by its word."""
    narrow = replace(ASKED["both"], limit=2, prefetch=2)
    for weight in (0.0, 0.5, 1.0):
        found = index.query(replace(narrow, words=weight, prefetch=1, limit=1))
        assert (found[0].words > 0, found[0].meaning > 0) == (True, True)
    whole = {point.id: (point.words, point.meaning) for point in index.query(ASKED["both"])}
    assert all(whole[point.id] == pytest.approx((point.words, point.meaning)) for point in index.query(narrow))


def test_equal_scores_stand_in_the_order_of_their_points(index: VectorIndex) -> None:
    index.upsert([point_of(Product(f"same-{number}", "t"), AXIS, words(9)) for number in range(20)])
    found = [point.id for point in index.query(IndexQuery(20, dense=AXIS, lexical=words(9)))]
    assert found == sorted(found)


def test_of_examples_the_nearest_counts_or_the_mean(index: VectorIndex) -> None:
    liked, disliked = np.stack([_at(0.9), _at(-0.4)]), _at(0.1)[None]
    best = _scores(index, IndexQuery(5, examples=ExampleVectors(liked, disliked)))
    assert (best["a"], best["e"]) == pytest.approx((1, 1), abs=1e-4)  # each is an example itself
    assert (best["c"], best["d"]) == (0, 0)  # the disliked one, and what is nearer to that
    vectors = {sku: _at(cosine) for cosine, _, _, product in _SHOP for sku in [product.sku]}
    means = {sku: float((liked @ vector).sum() + (1 - disliked @ vector).sum()) / 3 for sku, vector in vectors.items()}
    assert _scores(index, IndexQuery(5, examples=ExampleVectors(liked, disliked, best_score=False))) == pytest.approx(
        {sku: max(0.0, mean) for sku, mean in means.items()}, abs=1e-5
    )


def test_a_sum_over_examples_ranks_also_what_is_nearer_to_the_disliked_ones(index: VectorIndex) -> None:
    far, near = _at(-0.4), np.stack([_at(0.9), _at(0.7), _at(0.5)])
    sums = {
        sku: float(far @ _at(cosine) - (near @ _at(cosine)).sum())
        for cosine, _, _, product in _SHOP
        for sku in [product.sku]
    }
    found = _scores(index, IndexQuery(5, examples=ExampleVectors(far[None], near, best_score=False)))
    assert _ordered(found) == _ordered(sums)
    assert len(set(found.values())) == 5


@pytest.mark.parametrize("best", [True, False])
def test_examples_take_the_place_of_the_vector_in_a_fusion(index: VectorIndex, best: bool) -> None:
    examples = ExampleVectors(_at(0.1)[None], NOBODY, best)
    fused = _scores(index, IndexQuery(5, examples=examples, lexical=words(5)))
    assert fused == pytest.approx(_scores(index, IndexQuery(5, dense=_at(0.1), lexical=words(5))), rel=1e-4)


BOOSTS = {
    "in stock": (Boost(BoostKind.IN_STOCK, 0.5), {"a", "b", "c", "e"}),
    "brand": (Boost(BoostKind.BRAND, 2.0, "oDD"), {"a", "c"}),
    "attribute": (Boost(BoostKind.ATTRIBUTE, -0.5, " red", "COLOUR"), {"b", "e"}),
}


@pytest.mark.parametrize("asked", ["dense", "both", "examples", "lexical"])
@pytest.mark.parametrize("boosted", BOOSTS)
def test_a_boost_multiplies_the_scores_of_what_fits(index: VectorIndex, boosted: str, asked: str) -> None:
    boost, fitting = BOOSTS[boosted]
    plain = _scores(index, ASKED[asked])
    expected = {sku: score + (sku in fitting) * abs(score) * boost.weight for sku, score in plain.items()}
    answer = _scores(index, replace(ASKED[asked], boosts=(boost,)))
    assert answer == pytest.approx(expected, rel=1e-4)
    assert list(answer.values()) == sorted(answer.values(), reverse=True)


def test_newness_halves_with_every_half_life_and_counts_nothing_where_the_age_is_unknown(index: VectorIndex) -> None:
    plain = _scores(index, ASKED["dense"])
    answer = _scores(index, replace(ASKED["dense"], boosts=(Boost(BoostKind.NEWNESS, 0.8, half_life_days=30),)))
    shares = {"a": 1.0, "b": 0.5, "c": 0.25, "d": 0.0, "e": 0.125}
    expected = {sku: score + abs(score) * 0.8 * shares[sku] for sku, score in plain.items()}
    assert answer == pytest.approx(expected, rel=1e-3)


def test_weights_add_up_and_never_turn_a_score_around(index: VectorIndex) -> None:
    boosts = (Boost(BoostKind.BRAND, 0.5, "odd"), Boost(BoostKind.IN_STOCK, 0.25))
    plain = _scores(index, ASKED["dense"])
    assert _scores(index, replace(ASKED["dense"], boosts=boosts))["c"] == pytest.approx(plain["c"] * 1.75, rel=1e-4)
    down = (Boost(BoostKind.BRAND, -3.0, "odd"), Boost(BoostKind.IN_STOCK, -0.9))
    answer = _scores(index, replace(ASKED["dense"], boosts=down))
    assert (answer["a"], answer["c"]) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert answer["b"] == pytest.approx(0.07, abs=1e-4)


def test_a_boost_lifts_what_the_limit_alone_would_have_cut_off(index: VectorIndex) -> None:
    boost = Boost(BoostKind.ATTRIBUTE, 9.0, "blue", "colour")
    for asked in ("dense", "both"):
        assert list(_scores(index, replace(ASKED[asked], limit=1, boosts=(boost,)))) == ["b"], asked


@pytest.mark.parametrize(
    "query",
    [
        IndexQuery(5, dense=AXIS, examples=ExampleVectors(AXIS[None], NOBODY)),
        IndexQuery(5, examples=ExampleVectors(NOBODY, AXIS[None])),
        IndexQuery(5, dense=AXIS, words=1.1),
        IndexQuery(5, dense=AXIS, words=float("nan")),
        IndexQuery(5, dense=AXIS, boosts=(Boost(BoostKind.IN_STOCK, float("nan")),)),
        IndexQuery(5, dense=AXIS, boosts=(Boost(BoostKind.NEWNESS, 0.5, half_life_days=0),)),
    ],
)
def test_what_does_not_fit_together_is_a_mistake_of_the_caller(index: VectorIndex, query: IndexQuery) -> None:
    with pytest.raises(UsageError):
        index.query(query)


def test_products_are_selected_in_order_without_those_that_have_no_place_in_it(index: VectorIndex) -> None:
    def skus(order: Order | None, limit: int = 9, **others: object) -> list[str]:
        filters = Filters(**others)  # type: ignore[arg-type]
        return [point.payload["sku"] for point in index.select(filters, limit, order)]

    assert skus(Order.NEWEST) == ["a", "b", "c", "e"]
    assert skus(Order.POPULAR) == ["c", "a", "e"]
    assert skus(Order.POPULAR, limit=2) == ["c", "a"]
    assert skus(Order.NEWEST, brands=("even",)) == ["b"]
    assert sorted(skus(None)) == ["a", "b", "c", "d", "e"]
    assert len(skus(None, limit=2)) == 2


def test_a_selection_among_points_named_leaves_out_the_others(index: VectorIndex) -> None:
    ids = [point_id(sku) for sku in ("b", "c", "d", "nowhere")]
    assert {point.payload["sku"] for point in index.select(Filters(), 9, ids=ids)} == {"b", "c", "d"}
    in_stock = index.select(Filters(in_stock=True), 9, Order.NEWEST, ids)
    assert [point.payload["sku"] for point in in_stock] == ["b", "c"]
    assert index.select(Filters(), 9, ids=[]) == []


def test_values_are_counted_exactly_most_frequent_first(index: VectorIndex) -> None:
    assert index.facet(BRAND_KEY, Filters(), 9)[:2] in ([("even", 2), ("odd", 2)], [("odd", 2), ("even", 2)])
    assert dict(index.facet(ANCESTORS, Filters(in_stock=True), 9)) == {"sport": 2, "sport > run": 1, "home": 1}
    assert index.facet(ANCESTORS, Filters(), 1) == [("sport", 2)]
    assert dict(index.facet(ATTRIBUTE_KEYS, Filters(), 99))["colour=red"] == 2
    assert index.facet(ANCESTORS, Filters(brands=("nobody",)), 9) == []


def test_scores_before_and_after_a_boost_of_the_past_do_not_depend_on_the_hour(index: VectorIndex) -> None:
    query = replace(ASKED["dense"], boosts=(Boost(BoostKind.NEWNESS, 1.0, half_life_days=36_500.0),))
    first = _scores(index, query)
    time.sleep(0.01)
    assert _scores(index, query) == pytest.approx(first, rel=1e-6)
    assert first["d"] == pytest.approx(0.1, rel=1e-4)


def test_the_most_that_words_can_reach_follows_products_that_come_and_go(index: VectorIndex) -> None:
    """Each query asks for the best score of its word first, which later queries may keep until a product changes it."""

    def score() -> float:
        return by_sku(index, index.query(ASKED["lexical"]))["a"].score

    first = score()
    index.upsert([point_of(Product("new", "t"), _at(0.0), SparseVector((5,), (8.0,)))])
    assert score() < first / 2
    index.delete([point_id("new")])
    assert score() == pytest.approx(first)
