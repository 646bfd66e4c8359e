"""Several products at once, products that nobody has, diversity, boosts, explanations and facets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from support.shop import Shop

from recommender.errors import UnknownSku, UsageError
from recommender.query import (
    Boost,
    BoostKind,
    Confidence,
    Filters,
    Hit,
    Mode,
    Options,
    Reason,
    Rule,
    RuleAction,
    Sort,
    Strategy,
)
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
        shop.queries().similar(Product("new", "<br>"))
    with pytest.raises(UsageError, match="title"):
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


@pytest.mark.parametrize("mode", list(Mode))
def test_diversity_brings_other_kinds_forward_but_nothing_irrelevant(shop: Shop, mode: Mode) -> None:
    diverse = shop.queries().search("small desk", k=3, options=Options(mode=mode, diversity=0.9))
    assert {hit.card.category for hit in diverse[:2]} == {LAMPS}  # nothing else is both
    for diversity in (0.3, 0.7, 1.0):
        hits = shop.queries().search("desk", k=3, options=Options(mode=mode, diversity=diversity))
        assert {hit.sku for hit in hits} == {"lamp-brass", "lamp-copper", "chair-oak"}
    assert {hit.card.category for hit in hits[:2]} == {LAMPS, CHAIRS}


def test_what_is_like_the_product_asked_about_is_not_avoided_as_if_that_were_shown(shop: Shop) -> None:
    shop.catalogue.upsert([_product("boot-walk-2", "Brown leather walking boots", BOOTS, "125")])
    shop.worker.drain()
    assert shop.queries().similar("boot-walk", k=1, options=Options(diversity=0.5))[0].sku == "boot-walk-2"


def test_words_weigh_against_meaning_as_asked(shop: Shop) -> None:
    def scores(options: Options) -> dict[str, float]:
        return {hit.sku: hit.score for hit in shop.queries().search("copper boot", options=options)}

    words, meaning = scores(Options(mode=Mode.LEXICAL)), scores(Options(mode=Mode.DENSE))
    for weight in (0.0, 0.3, 1.0):
        expected = {sku: weight * words.get(sku, 0) + (1 - weight) * share for sku, share in meaning.items()}
        assert scores(Options(words=weight)) == pytest.approx(expected, abs=1e-5)
    assert all(0 <= score <= 1 for score in scores(Options()).values())


def test_an_explanation_says_how_much_came_from_words_and_how_much_from_meaning(shop: Shop) -> None:
    for options in (Options(explain=True), Options(explain=True, words=0.8)):
        for hit in shop.queries().search("small desk lamp", options=options):
            why = hit.explanation
            assert why is not None
            assert hit.score == pytest.approx((why.from_words or 0) + (why.from_meaning or 0), abs=1e-6)
    alone = shop.queries().search("small desk lamp", options=Options(explain=True, mode=Mode.DENSE))[0].explanation
    assert alone is not None
    assert (alone.from_words, alone.lexical_score) == (None, None)


def test_a_search_says_how_sure_it_is_and_leaves_out_what_it_is_not(shop: Shop) -> None:
    ask = shop.queries().search
    sure, unsure = ask("small brass desk lamp"), ask("combine harvester")
    assert (sure.confidence, sure.words_matched) == (Confidence.GOOD, True)
    assert (unsure.confidence, unsure.words_matched) == (Confidence.NONE, False)
    assert unsure.hits
    options = Options(min_confidence=Confidence.WEAK, facets=True)
    left = ask("combine harvester", options=options)
    assert (left.hits, left.confidence) == ((), Confidence.NONE)
    assert left.facets is not None
    assert left.facets.counted == 0
    assert ask("small brass desk lamp", options=replace(options, min_confidence=Confidence.GOOD)).hits == sure.hits
    assert shop.queries().similar("boot-walk").confidence is None
    by_number = ask("boot-walk", k=1)  # the page is full before anything is looked for by relevance
    assert ([hit.reason for hit in by_number], by_number.confidence) == ([Reason.IDENTIFIER], Confidence.GOOD)


def test_a_search_whose_page_pins_fill_says_how_sure_it_is_too(shop: Shop) -> None:
    shop.rules.add(Rule(RuleAction.PIN, "boot-walk", query="combine harvester"))
    answer = shop.queries().search("combine harvester", k=1)
    assert ([hit.reason for hit in answer], answer.confidence) == ([Reason.PINNED], Confidence.NONE)


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
    why = shop.queries().search("a pair of boots of RUBBER", k=1, options=Options(explain=True))[0].explanation
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


def test_what_is_asked_in_another_form_is_read_as_it_is_checked(shop: Shop) -> None:
    shop.catalogue.upsert([_product("boot-felt", "Brown felt boot", BOOTS, "70"), replace(PRODUCTS[0], currency="usd")])
    shop.worker.drain()
    exact, loose = Filters(price_min=Decimal(65), currency="EUR"), Filters(price_min="65", currency="eur")  # type: ignore[arg-type]
    options, ask = Options(facets=True), shop.queries()
    for query in (
        partial(ask.similar, "lamp-brass"),
        partial(ask.search, "boot"),
        partial(ask.recommend, ["chair-oak"]),
    ):
        answer = query(filters=loose, options=options)
        assert {"boot-felt", "boot-hike"} <= set(_skus(answer))
        assert answer == query(filters=exact, options=options)
    assert ask.browse(filters=loose, options=options) == ask.browse(filters=exact, options=options)
    assert _skus(ask.browse(filters=Filters(price_min=Decimal(65), currency="USD"))) == ["boot-walk"]


def test_the_total_of_filters_that_exclude_each_other_is_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sold = [("Shelves", "Nord"), ("Rugs", "Sud")]
    shop.catalogue.upsert(
        _product(f"{brand}-{at}", f"{category} {at}", (category,), "9", brand)
        for category, brand in sold
        for at in range(30)
    )
    shop.worker.drain()
    monkeypatch.setattr("recommender.index.embedded.engine.COUNTED_UP_TO", 3)
    ask, nothing = shop.queries(), Filters(categories=(("Shelves",),), brands=("Sud",))
    assert shop.index.count(nothing) > shop.index.count(nothing, exact=True) == 0
    for options in (Options(facets=True), Options(facets=True, sort=Sort.PRICE), Options(offset=1)):
        for answer in (ask.browse(10, nothing, options), ask.search("9 shelves", 10, nothing, options)):
            assert (len(answer), answer.total) == (0, 0)
    facets = ask.browse(10, nothing, Options(facets=True)).facets
    assert facets is not None
    assert facets.counted == 0
    assert ask.search("under 10", 10, nothing).total == 0


def test_facets_list_a_level_at_a_time_and_attributes_that_products_share(shop: Shop) -> None:
    colours = ("Sea Green, Red", "red", "RED", "sea green")
    shop.catalogue.upsert(
        _product(f"d{at}", f"Desk {at}", (f"Shelf {at // 2}", f"Row {at}"), "9", f"Brand {at}",
                 attributes={"Colour": colours[at % 4], "Serial": f"no {at}"})
        for at in range(80)
    )  # fmt: skip
    shop.worker.drain()
    for limit, opened in ((5, "SHELF 7"), (100, "shelf 39")):
        filters, options = Filters(categories=((opened,),)), Options(facets=True, facet_values=limit)
        at = 2 * int(opened.split()[1])
        for facets in (
            shop.queries().browse(1, options=options).facets,
            shop.queries().search("desk", 1, options=options).facets,
        ):
            assert facets is not None
            assert facets.counted == 86
            assert sum(len(one.value) == 1 for one in facets.categories) == min(limit, 42)
            assert len(facets.brands) == min(limit, 82)
            (colour,) = facets.attributes  # each has a serial number of its own
            assert colour.name.casefold() == "colour"
            counts = {str(one.value).casefold(): one.count for one in colour.values}
            assert counts == {"red": 60, "sea green": 40, "yellow": 1}
        for facets in (
            shop.queries().browse(1, filters, options).facets,
            shop.queries().search("desk", 1, filters, options).facets,
        ):
            assert facets is not None
            assert {one.value: one.count for one in facets.categories} == {
                (f"Shelf {at // 2}",): 2,
                (f"Shelf {at // 2}", f"Row {at}"): 1,
                (f"Shelf {at // 2}", f"Row {at + 1}"): 1,
            }


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
