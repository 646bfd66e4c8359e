from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from support.points import DIMENSION, point_of
from support.shop import Shop

from recommender.errors import UnknownSku, UsageError
from recommender.query import Filters, Mode, Options, Reason, Sort, Variants
from recommender.types import Availability, Product


def _product(sku: str, title: str, category: tuple[str, ...], price: str, group: str = "") -> Product:
    return Product(sku, title, "", "Alta", category, Decimal(price), "EUR", group_id=group)


BOOTS = ("Shoes", "Boots")
LAMPS = ("Home", "Lamps")
PRODUCTS = [
    _product("boot-41", "Leather walking boot size 41", BOOTS, "120", "boot"),
    _product("boot-42", "Leather walking boot size 42", BOOTS, "120", "boot"),
    _product("boot-hike", "Leather hiking boot", BOOTS, "140"),
    _product("boot-rain", "Rubber rain boot", BOOTS, "40"),
    _product("lamp-brass", "Brass desk lamp", LAMPS, "60"),
    _product("lamp-copper", "Copper desk lamp", LAMPS, "65"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as opened:
        opened.catalogue.upsert(PRODUCTS)
        opened.worker.drain()
        opened.encoder.encoded.clear()
        yield opened


@pytest.mark.parametrize("mode", list(Mode))
def test_similar_puts_the_nearest_first_and_leaves_the_product_and_its_variants_out(shop: Shop, mode: Mode) -> None:
    skus = [hit.sku for hit in shop.queries().similar("boot-41", options=Options(mode=mode))]
    assert skus[0] == "boot-hike"
    assert "boot-41" not in skus
    assert "boot-42" not in skus


def test_a_page_ends_where_answers_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommender.serving.queries.MAX_OFFSET", 3)
    queries, second = shop.queries(), Options(offset=2)
    whole, browsed = queries.search("desk boot", 3), queries.browse(3)
    assert (len(whole), len(browsed)) == (3, 3)
    assert [hit.sku for hit in queries.search("desk boot", 3, options=second)] == [whole[2].sku]
    assert [hit.sku for hit in queries.browse(3, options=second)] == [browsed[2].sku]


def test_variants_are_shown_when_asked_for(shop: Shop) -> None:
    assert shop.queries().similar("boot-41", options=Options(variants=Variants.ALL))[0].sku == "boot-42"


def test_similar_of_an_indexed_product_encodes_nothing(shop: Shop) -> None:
    shop.queries().similar("boot-41")
    assert shop.encoder.encoded == []


def test_a_product_that_is_not_indexed_yet_is_encoded_on_the_fly(shop: Shop) -> None:
    shop.catalogue.upsert([_product("boot-new", "Leather hiking boot tall", BOOTS, "150")])
    hits = shop.queries().similar("boot-new")
    assert hits[0].sku == "boot-hike"
    assert len(shop.encoder.encoded) == 1


def test_a_product_that_left_the_shop_still_has_similar_ones_but_is_not_shown(shop: Shop) -> None:
    shop.catalogue.deactivate(["boot-hike"])
    shop.worker.drain()
    ask = shop.queries()
    hits = [hit.sku for hit in ask.similar("boot-hike")]
    assert hits
    assert "boot-hike" not in hits
    with pytest.raises(UnknownSku):
        ask.product("boot-hike")


def test_an_unknown_sku_offers_the_nearest_ones(shop: Shop) -> None:
    with pytest.raises(UnknownSku) as raised:
        shop.queries().similar("boot-43")
    assert "boot-41" in raised.value.nearest


@pytest.mark.parametrize("mode", list(Mode))
def test_search_finds_what_the_words_say(shop: Shop, mode: Mode) -> None:
    assert shop.queries().search("copper lamp", options=Options(mode=mode))[0].sku == "lamp-copper"


def test_filters_hold_together(shop: Shop) -> None:
    filters = Filters(categories=(("shoes",),), price_max=Decimal(130))
    options = Options(variants=Variants.ALL)
    skus = {hit.sku for hit in shop.queries().search("boot", filters=filters, options=options)}
    assert skus == {"boot-41", "boot-42", "boot-rain"}


def test_one_variant_of_a_group_is_shown_and_the_place_it_leaves_is_filled(shop: Shop) -> None:
    hits = shop.queries().search("leather walking boot", k=3)
    assert [hit.card.group_id for hit in hits].count("boot") == 1
    assert len(hits) == 3


def test_pages_put_together_are_the_whole_answer(shop: Shop) -> None:
    ask = shop.queries().search
    whole = [hit.sku for hit in ask("desk boot", k=5)]
    pages = [hit.sku for offset in range(5) for hit in ask("desk boot", k=1, options=Options(offset=offset))]
    assert pages == whole
    assert len(set(whole)) == 5


WORDS = [
    "leather",
    "rubber",
    "brass",
    "copper",
    "steel",
    "cotton",
    "wool",
    "red",
    "blue",
    "green",
    "dark",
    "boot",
    "lamp",
]


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose products were first seen at two times, and have few prices."""
    with Shop(tmp_path_factory.mktemp("at-once"), dimension=DIMENSION) as opened:
        for at, product in enumerate(_many(2000)):
            product = replace(product, category=("Odd" if at % 2 else "Even",), price=Decimal(at % 7))
            seen = datetime(2026, 1, 1 + at // 1000, tzinfo=UTC)
            opened.index.upsert([point_of(product, created_at=seen)])
        yield opened


def _many(count: int) -> list[Product]:
    chosen = random.Random(1)
    titles = [" ".join([*chosen.sample(WORDS, 4), f"number{at}"]) for at in range(count)]  # no two vectors are the same
    return [
        _product(f"p{at:04}", title, BOOTS, str(5 + at % 90), f"g{at % 97}" if at % 3 else "")
        for at, title in enumerate(titles)
    ]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with Shop(tmp_path_factory.mktemp("large")) as opened:
        opened.catalogue.upsert(_many(900))
        opened.worker.drain()
        yield opened


@pytest.mark.parametrize(
    "options",
    [*(Options(mode=mode) for mode in Mode), Options(variants=Variants.ALL), Options(mode=Mode.DENSE, diversity=0.5)],
    ids=[*Mode, "every variant", "diverse"],
)
def test_pages_of_any_size_fit_together_however_far_they_go(large: Shop, options: Options) -> None:
    queries = large.queries()
    for ask in (partial(queries.similar, "p0005"), partial(queries.search, "red leather boot")):
        whole = [hit.sku for hit in ask(k=150, options=options)]
        for size in (10, 24):
            offsets = range(0, len(whole), size)
            pages = [[hit.sku for hit in ask(k=size, options=replace(options, offset=offset))] for offset in offsets]
            assert [sku for page in pages for sku in page][: len(whole)] == whole


def test_a_diverse_answer_goes_on_by_relevance_after_its_first_hundred(large: Shop) -> None:
    # To choose hundreds one after the other takes seconds, in which no other thread runs.
    ask = partial(large.queries().search, "red leather boot")
    dense = Options(mode=Mode.DENSE, variants=Variants.ALL)
    diverse = [hit.sku for hit in ask(k=180, options=replace(dense, diversity=0.5))]
    relevant = [hit.sku for hit in ask(k=180, options=dense)]
    assert len(set(diverse)) == 180
    assert diverse[100:] == [sku for sku in relevant if sku not in diverse[:100]][:80]


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop of many products, nine of each text: whatever is asked, scores are equal where an answer is cut."""
    products = [replace(product, sku=f"{product.sku}-{copy}") for product in _many(60) for copy in range(9)]
    with Shop(tmp_path_factory.mktemp("alike")) as opened:
        opened.catalogue.upsert(products)
        opened.worker.drain()
        yield opened


@pytest.mark.parametrize("mode", Mode)
def test_pages_fit_together_where_scores_are_equal(alike: Shop, mode: Mode) -> None:
    queries, options = alike.queries(), Options(mode=mode, variants=Variants.ALL)
    for ask in (partial(queries.similar, "p0005-1"), partial(queries.search, "red leather boot")):
        whole = [hit.sku for hit in ask(k=80, options=options)]
        for size in (5, 10, 16):
            offsets = range(0, len(whole), size)
            pages = [[hit.sku for hit in ask(k=size, options=replace(options, offset=offset))] for offset in offsets]
            assert [sku for page in pages for sku in page][: len(whole)] == whole


@pytest.mark.parametrize(
    "filters",
    [Filters(), Filters(categories=(("Odd",),)), Filters(exclude_brands=("Other",)), Filters(price_min=Decimal(5))],
    ids=["all", "a category", "without a brand", "a price"],
)
@pytest.mark.parametrize("sort", Sort)
def test_browsing_shows_each_product_on_one_page_though_all_came_at_once(
    at_once: Shop, sort: Sort, filters: Filters
) -> None:
    found = []
    for offset in range(0, 900, 30):
        page = at_once.queries().browse(30, filters, Options(offset=offset, sort=sort, variants=Variants.ALL))
        found += [hit.sku for hit in page]
    assert len(found) == len(set(found)) == min(900, at_once.index.count(filters))


def test_scores_order_an_answer_however_long_it_is(large: Shop) -> None:
    scores = [hit.score for hit in large.queries().search("red leather boot", k=300)]
    assert scores == sorted(scores, reverse=True)


def test_a_hit_carries_the_card_that_a_shop_shows(shop: Shop) -> None:
    card = shop.queries().search("copper lamp", k=1)[0].card
    assert (card.title, card.price, card.currency, card.category) == ("Copper desk lamp", Decimal(65), "EUR", LAMPS)


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_a_limit_outside_its_range_is_refused(shop: Shop, k: int) -> None:
    with pytest.raises(UsageError, match=r"k is .*; at (least 1|most 1000) is expected"):
        shop.queries().similar("boot-41", k=k)


@pytest.mark.parametrize(
    "filters",
    [Filters(price_min=10**400), Filters(price_max=Decimal("sNaN")), Filters(min_score=10**400)],  # type: ignore[arg-type]
    ids=["price beyond a float", "signaling NaN", "score beyond a float"],
)
def test_a_number_that_is_none_for_the_engine_is_refused(shop: Shop, filters: Filters) -> None:
    with pytest.raises(UsageError, match=r"a (price|finite number).* is expected"):
        shop.queries().search("boot", filters=filters)


@pytest.mark.parametrize("text", ["", "   \n"])
def test_an_empty_query_is_refused(shop: Shop, text: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        shop.queries().search(text)


@pytest.mark.parametrize("text", ["🥾", "שולחן", "the of and", "'; DROP TABLE product; --", "\x00", "boot " * 20_000])
def test_any_text_is_answered(shop: Shop, text: str) -> None:
    assert len(shop.queries().search(text, k=3)) <= 3


NUMBERED = [
    Product("54-OR323014", "Headphones with noise cancelling", gtin="4548736112001", mpn="WH1000XM4B"),
    Product("54-OR323015", "Headphones with noise cancelling", gtin="0017817834957", mpn="866724-0100"),
    Product("00042", "Wooden spoon", gtin="978-0-306-40615-7"),
    Product("42", "Silver spoon", mpn="PACK 7/9"),
    Product("SPOON-X", "Steel spoon", mpn="pack-7-9", availability=Availability.OUT_OF_STOCK),
]


@pytest.fixture
def numbered(shop: Shop) -> Shop:
    shop.catalogue.upsert(NUMBERED)
    shop.worker.drain()
    return shop


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("54-OR323014", ["54-OR323014"]),
        ("54 or 323014", ["54-OR323014"]),
        ("54OR323014", ["54-OR323014"]),
        ("sku: 54-or323014", ["54-OR323014"]),
        ("4548736112001", ["54-OR323014"]),
        ("04548736112001", ["54-OR323014"]),
        ("17817834957", ["54-OR323015"]),
        ("8667240100", ["54-OR323015"]),
        ("wh 1000 xm4/b", ["54-OR323014"]),
        ("WH-1000XM4", ["54-OR323014"]),
        ("54or3", ["54-OR323014", "54-OR323015"]),
        ("0-306-40615-2", ["00042"]),
        ("9780306406157", ["00042"]),
        ("42", ["42", "00042"]),
        ("00042", ["00042", "42"]),
        ("PACK 7/9", ["42", "SPOON-X"]),
        ("pack-7-9", ["SPOON-X", "42"]),
        ("boot41", ["boot-41"]),
    ],
)
def test_a_product_that_is_searched_for_by_its_number_comes_first(
    numbered: Shop, mode: Mode, text: str, skus: list[str]
) -> None:
    answer = numbered.queries().search(text, k=5, options=Options(mode=mode))
    assert [hit.sku for hit in answer][: len(skus)] == skus
    assert [hit.reason for hit in answer][: len(skus)] == [Reason.IDENTIFIER] * len(skus)
    assert [hit.score for hit in answer] == sorted((hit.score for hit in answer), reverse=True)


def test_a_number_passes_the_filters_like_any_other_product(numbered: Shop) -> None:
    ask = numbered.queries()
    assert ask.search("54-OR323014", filters=Filters(exclude_skus=("54-OR323014",)))[0].sku != "54-OR323014"
    assert ask.search("PACK 7/9", filters=Filters(in_stock=True))[0].sku == "42"
    assert "SPOON-X" not in [hit.sku for hit in ask.search("PACK 7/9", filters=Filters(in_stock=True))]


def test_pages_of_a_search_for_a_number_fit_together(numbered: Shop) -> None:
    ask = numbered.queries()
    whole = [hit.sku for hit in ask.search("54or3", k=6)]
    assert len(set(whole)) == 6
    pages = [hit.sku for page in range(3) for hit in ask.search("54or3", k=2, options=Options(offset=2 * page))]
    assert pages == whole


def test_a_product_follows_a_change_of_its_number(numbered: Shop) -> None:
    numbered.catalogue.upsert([replace(NUMBERED[0], mpn="QX-9000")])
    numbered.worker.drain()
    assert numbered.queries().search("qx9000")[0].sku == "54-OR323014"
    assert numbered.queries().search("WH1000XM4B")[0].reason is not Reason.IDENTIFIER


def test_a_word_is_no_beginning_of_a_number(numbered: Shop) -> None:
    assert {hit.reason for hit in numbered.queries().search("spoon")} == {Reason.RELEVANCE}
