"""Several products at once, products that nobody has, diversity, boosts, explanations and facets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from support.shop import Shop

from recommender.errors import UnknownSku, UsageError
from recommender.query import Boost, BoostKind, Filters, Hit, Mode, Options, Strategy
from recommender.types import Availability, Product

BOOTS, LAMPS, CHAIRS = ("Shoes", "Boots"), ("Home", "Lamps"), ("Home", "Chairs")


def _product(
    sku: str, title: str, category: tuple[str, ...], price: str, brand: str = "Alta", **more: object
) -> Product:
    return Product(sku, title, "", brand, category, Decimal(price), "EUR", **more)  # type: ignore[arg-type]


PRODUCTS = [
    _product("boot-walk", "Brown leather walking boot", BOOTS, "120"),
    _product("boot-hike", "Brown leather hiking boot", BOOTS, "140", "Bergen"),
    _product("boot-rain", "Rubber rain boot", BOOTS, "40", attributes={"colour": "Yellow"}),
    _product("lamp-brass", "Small brass desk lamp", LAMPS, "60", availability=Availability.OUT_OF_STOCK),
    _product("lamp-copper", "Small copper desk lamp", LAMPS, "65", "Bergen"),
    _product("chair-oak", "Oak desk chair", CHAIRS, "200"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path, dimension=1024) as opened:  # where words hardly overlap by chance
        opened.catalogue.upsert(PRODUCTS)
        opened.worker.drain()
        opened.encoder.encoded.clear()
        yield opened


def _skus(hits: Sequence[Hit]) -> list[str]:
    return [hit.sku for hit in hits]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_basket_finds_what_goes_with_each_of_its_products(shop: Shop, mode: Mode) -> None:
    hits = shop.queries().recommend(["boot-walk", "lamp-brass"], k=2, options=Options(mode=mode))
    assert set(_skus(hits)) == {"boot-hike", "lamp-copper"}


@pytest.mark.parametrize("strategy", [Strategy.AVERAGE, Strategy.SUM_SCORES])
def test_the_other_strategies_look_for_what_is_like_all_of_them(shop: Shop, strategy: Strategy) -> None:
    options = Options(mode=Mode.DENSE, strategy=strategy)
    hits = shop.queries().recommend(["boot-walk", "lamp-brass"], k=2, options=options)
    assert set(_skus(hits)) == {"boot-rain", "chair-oak"}  # of the same brand, and a word of one each


@pytest.mark.parametrize("strategy", list(Strategy))
def test_what_is_disliked_and_like_it_goes_down(shop: Shop, strategy: Strategy) -> None:
    options = Options(mode=Mode.DENSE, strategy=strategy)
    plain = _skus(shop.queries().recommend(["lamp-brass"], options=options))
    apart = _skus(shop.queries().recommend(["lamp-brass"], ["chair-oak"], options=options))
    assert "chair-oak" in plain
    assert "chair-oak" not in apart
    assert "lamp-brass" not in apart


def test_one_liked_product_alone_is_answered_as_similar_is(shop: Shop) -> None:
    options = Options(strategy=Strategy.AVERAGE)
    assert _skus(shop.queries().recommend(["boot-walk"], options=options)) == _skus(shop.queries().similar("boot-walk"))


def test_an_unknown_product_of_a_basket_is_named(shop: Shop) -> None:
    with pytest.raises(UnknownSku, match="boot-wolk"):
        shop.queries().recommend(["lamp-brass", "boot-wolk"])


def test_a_product_that_is_not_in_the_catalogue_is_encoded_from_its_fields(shop: Shop) -> None:
    hits = shop.queries().similar(Product("", "Leather trekking boot", category=BOOTS), k=2)
    assert set(_skus(hits)) == {"boot-walk", "boot-hike"}
    assert len(shop.encoder.encoded) == 1
    assert shop.catalogue.count() == len(PRODUCTS)


def test_a_product_without_any_text_is_refused(shop: Shop) -> None:
    with pytest.raises(UsageError, match="no text"):
        shop.queries().similar(Product("new", ""))


def test_a_search_is_encoded_once_and_then_remembered(shop: Shop) -> None:
    ask = shop.queries()
    assert _skus(ask.search("copper lamp")) == _skus(ask.search("copper lamp"))
    assert len(shop.encoder.encoded) == 1
    assert (ask.cache_info().hits, ask.cache_info().misses, ask.cache_info().size) == (1, 1, 1)


@pytest.mark.parametrize(
    ("boost", "first"),
    [
        (Boost(BoostKind.BRAND, 5, "bergen"), {"boot-hike", "lamp-copper"}),
        (Boost(BoostKind.ATTRIBUTE, 5, "yellow", "Colour"), {"boot-rain"}),
        (Boost(BoostKind.IN_STOCK, -0.9), {"lamp-brass"}),
    ],
)
def test_a_boost_brings_what_fits_it_to_the_front(shop: Shop, boost: Boost, first: set[str]) -> None:
    text = "leather walking boot desk lamp rubber"
    assert shop.queries().search(text, options=Options(boosts=(boost,)))[0].sku in first
    assert shop.queries().search(text)[0].sku == "boot-walk"


def test_diversity_brings_other_kinds_forward(shop: Shop) -> None:
    kinds = [hit.card.category for hit in shop.queries().search("leather boot desk", k=3, options=Options(diversity=1))]
    assert len(set(kinds)) == 3


def test_diversity_needs_vectors(shop: Shop) -> None:
    with pytest.raises(UsageError, match="diversity"):
        shop.queries().search("boot", options=Options(mode=Mode.LEXICAL, diversity=0.5))


def test_an_explanation_says_what_is_shared_and_which_words_were_found(shop: Shop) -> None:
    hit = next(
        hit for hit in shop.queries().similar("boot-walk", options=Options(explain=True)) if hit.sku == "boot-hike"
    )
    why = hit.explanation
    assert why is not None
    assert (why.shared_depth, why.same_brand, why.price_ratio) == (2, False, pytest.approx(140 / 120, abs=1e-3))
    assert why.words == ("brown", "leather", "boot")
    assert why.dense_score is not None
    assert 0 < why.dense_score < 1
    assert why.lexical_score is not None
    assert why.lexical_score > 0


def test_a_search_is_explained_without_what_only_products_have(shop: Shop) -> None:
    why = shop.queries().search("boots of RUBBER", k=1, options=Options(explain=True))[0].explanation
    assert why is not None
    assert (why.shared_depth, why.same_brand, why.price_ratio) == (None, None, None)
    assert why.words == ("boots", "rubber")


def test_facets_count_what_the_filters_leave(shop: Shop) -> None:
    answer = shop.queries().search("desk", k=1, filters=Filters(categories=(("home",),)), options=Options(facets=True))
    facets = answer.facets
    assert facets is not None
    assert facets.counted == 3
    assert {count.value: count.count for count in facets.categories} == {("Home",): 3, LAMPS: 2, CHAIRS: 1}
    assert {count.value: count.count for count in facets.brands} == {"Alta": 2, "Bergen": 1}
    assert sum(band.count for band in facets.prices) == 3
    assert all(band.high is None or band.low < band.high for band in facets.prices)


def test_browsing_shows_every_product_once(shop: Shop) -> None:
    answer = shop.queries().browse(20, options=Options(facets=True))
    assert sorted(_skus(answer)) == sorted(product.sku for product in PRODUCTS)
    facets = answer.facets
    assert facets is not None
    assert facets.counted == len(PRODUCTS)
    assert {count.value: count.count for count in facets.categories}[("Home",)] == 3
    assert {count.value: count.count for count in facets.brands} == {"Alta": 4, "Bergen": 2}
    assert sum(band.count for band in facets.prices) == len(PRODUCTS)


def test_browsing_counts_what_the_filters_leave_and_no_price_twice(shop: Shop) -> None:
    filters = Filters(brands=("ALTA",), price_min=Decimal(50), price_max=Decimal(150))
    facets = shop.queries().browse(1, filters, Options(facets=True)).facets
    assert facets is not None
    assert facets.counted == 2
    assert {count.value: count.count for count in facets.categories}[LAMPS] == 1
    assert sum(band.count for band in facets.prices) == 2


def test_an_answer_names_the_pair_that_gave_it(shop: Shop) -> None:
    answer = shop.queries().search("lamp")
    assert (answer.model, answer.generation) == ("words", "g1")


@pytest.mark.parametrize("filters", [Filters(brands=("nobody",)), Filters(brands=("Priceless",))])
def test_facets_of_no_product_or_of_none_with_a_price_have_no_bands(shop: Shop, filters: Filters) -> None:
    shop.catalogue.upsert([Product("free", "Oak desk sample", brand="Priceless")])
    shop.worker.drain()
    for answer in (
        shop.queries().browse(1, filters, Options(facets=True)),
        shop.queries().search("desk", 1, filters, Options(facets=True)),
    ):
        assert answer.facets is not None
        assert answer.facets.prices == ()
        assert answer.facets.counted == len(answer)
