from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from support.patience import PATIENCE_S
from support.shop import Shop

from recommender.errors import BadInput, NotFound
from recommender.query import Fallback, Filters, Hit, Options, Reason, Rule, RuleAction, Sort
from recommender.serving.merchandising import Merchandising
from recommender.types import Availability, Product

PIN, BAN = RuleAction.PIN, RuleAction.BAN
BOOTS, SANDALS, LAMPS = ("Shoes", "Boots"), ("Shoes", "Sandals"), ("Home", "Lamps")
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def _product(sku: str, title: str, category: tuple[str, ...], price: int, popularity: str = "") -> Product:
    attributes = {"popularity": popularity} if popularity else {}
    return Product(sku, title, "", "Alta", category, Decimal(price), "EUR", attributes=attributes)


PRODUCTS = [
    _product("boot-walk", "Leather walking boot", BOOTS, 120),
    _product("boot-hike", "Leather hiking boot", BOOTS, 140),
    _product("boot-rain", "Rubber rain boot", BOOTS, 40),
    _product("sandal-beach", "Rubber beach sandal", SANDALS, 25),
    _product("sandal-leather", "Leather sandal", SANDALS, 60),
    _product("lamp-brass", "Brass desk lamp", LAMPS, 60, popularity="3"),
    _product("lamp-copper", "Copper desk lamp", LAMPS, 65, popularity="12.5"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as opened:
        opened.catalogue.upsert(PRODUCTS)
        opened.worker.drain()
        yield opened


def _skus(hits: Sequence[Hit]) -> list[str]:
    return [hit.sku for hit in hits]


def test_a_pin_stands_at_its_place_for_its_query_alone(shop: Shop) -> None:
    shop.rules.add(Rule(PIN, "lamp-brass", query="  Leather BOOT ", position=2))
    hits = shop.queries().search("leather boot", k=4)
    assert _skus(hits).index("lamp-brass") == 1
    assert hits[1].reason is Reason.PINNED
    assert {hit.reason for hit in hits if hit.sku != "lamp-brass"} == {Reason.RELEVANCE}
    assert len(set(_skus(hits))) == 4
    assert shop.queries().search("leather boots", k=4)[1].sku != "lamp-brass"


@pytest.mark.parametrize(
    "text",
    ["boot WH\u20111000", "boot\u200b wh-1000", "„boot wh-1000“", "Boot wh-1000!", "boot wh-1000 under 90 €",
     '"boot wh-1000"\n', "“boot wh-1000”", "boot wh-1000.\t"],
)  # fmt: skip
def test_what_nobody_sees_marks_around_a_text_and_a_price_are_no_matter_to_a_pin(shop: Shop, text: str) -> None:
    shop.rules.add(Rule(PIN, "lamp-brass", query="boot wh-1000", position=1))
    assert shop.queries().search(text)[0].sku == "lamp-brass"


def test_inches_belong_to_the_text_of_a_rule(shop: Shop) -> None:
    shop.rules.add(Rule(PIN, "lamp-brass", query='boot 5"', position=1))
    for text, pinned in (('Boot 5"!', True), ("boot 5″", True), ("boot 5”", True), ("boot 5", False)):
        assert (shop.queries().search(text)[0].sku == "lamp-brass") is pinned


def test_a_ban_for_marks_alone_is_not_one_for_every_text(shop: Shop) -> None:
    shop.rules.add(Rule(BAN, "lamp-brass", query="?\u200b!"))
    assert shop.queries().search("brass desk lamp")[0].sku == "lamp-brass"


def test_names_are_compared_without_regard_to_case_in_turkish_too(tmp_path: Path) -> None:
    attributes = {"Renk": "Kırmızı"}
    path, capitals = ("Ayakkabı", "Günlük"), ("AYAKKABI", "GÜNLÜK")
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert([Product("a", "Bot", brand="Işıl", category=path, attributes=attributes)])
        shop.catalogue.upsert([Product("b", "Bot", brand="IŞIL", category=capitals, attributes={"RENK": "KIRMIZI"})])
        shop.worker.drain()
        browse = shop.queries().browse
        for brand in ("IŞIL", "Işıl", "ışıl", unicodedata.normalize("NFD", "IŞIL")):
            assert {*_skus(browse(filters=Filters(brands=(brand,))))} == {"a", "b"}
            assert _skus(browse(filters=Filters(exclude_brands=(brand,)))) == []
        for category in (path, capitals, tuple(unicodedata.normalize("NFD", name) for name in path)):
            assert {*_skus(browse(filters=Filters(categories=(category,))))} == {"a", "b"}
        assert {*_skus(browse(filters=Filters(attributes=(("renk", ("KIRMIZI",)),))))} == {"a", "b"}
        facets = browse(options=Options(facets=True)).facets
        assert facets is not None
        assert [each.count for each in facets.brands] == [2]
        shop.rules.add(Rule(BAN, "a", category=("AYAKKABI",)))
        assert _skus(shop.queries().browse(filters=Filters(categories=(path,)))) == ["b"]


def test_pages_fit_together_around_pins_also_two_at_one_place_and_one_behind_the_end(shop: Shop) -> None:
    for sku, position in (("boot-hike", 5), ("lamp-brass", 2), ("lamp-copper", 2), ("sandal-beach", 50)):
        shop.rules.add(Rule(PIN, sku, query="boot", position=position))
    ask = shop.queries().search
    whole = _skus(ask("boot", k=100))
    assert (whole[1:3], whole[4], whole[-1]) == (["lamp-brass", "lamp-copper"], "boot-hike", "sandal-beach")
    assert sorted(whole) == sorted(product.sku for product in PRODUCTS)
    for size in (1, 2, 3):
        pages = [ask("boot", k=size, options=Options(offset=offset)) for offset in range(0, len(whole), size)]
        assert [sku for page in pages for sku in _skus(page)] == whole


def test_a_pin_obeys_the_filters_of_the_question(shop: Shop) -> None:
    shop.rules.add(Rule(PIN, "lamp-brass", query="boot"))
    assert "lamp-brass" not in _skus(shop.queries().search("boot", filters=Filters(categories=(("Shoes",),))))


def test_a_ban_holds_for_queries_about_its_category_and_below(shop: Shop) -> None:
    shop.rules.add(Rule(BAN, "boot-hike", category=("shoes",)))
    ask = shop.queries()
    assert "boot-hike" not in _skus(ask.similar("boot-walk"))
    assert "boot-hike" not in _skus(ask.search("hiking boot", filters=Filters(categories=(BOOTS,))))
    assert "boot-hike" in _skus(ask.search("hiking boot"))
    assert "boot-hike" in _skus(ask.similar("boot-walk", options=Options(rules=False)))


def test_a_ban_of_everything_keeps_a_product_out_everywhere_and_beats_a_pin(shop: Shop) -> None:
    shop.rules.add(Rule(BAN, "lamp-brass"))
    shop.rules.add(Rule(PIN, "lamp-brass", query="lamp"))
    ask = shop.queries()
    for hits in (ask.search("lamp"), ask.similar("lamp-copper"), ask.recommend(["lamp-copper"]), ask.browse()):
        assert "lamp-brass" not in _skus(hits)


def test_a_rule_holds_from_its_start_until_its_end(shop: Shop) -> None:
    shop.rules.add(Rule(BAN, "boot-walk", starts_at=NOW - HOUR, ends_at=NOW + HOUR))
    shop.rules.add(Rule(BAN, "boot-hike", starts_at=NOW + HOUR))
    shop.rules.add(Rule(BAN, "boot-rain", ends_at=NOW - HOUR))
    assert set(_skus(shop.queries().browse(7))) == {product.sku for product in PRODUCTS} - {"boot-walk"}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Rule(PIN, "a"), "needs a query or a category"),
        (Rule(BAN, "a", query="q", category=("c",)), "not for both"),
        (Rule(PIN, "a", query="q", position=0), "1 to 1000"),
        (Rule(BAN, " "), "needs the SKU"),
        (Rule(BAN, "a", starts_at=NOW, ends_at=NOW), "never applies"),
        (Rule(BAN, "a", note="\x00"), "NUL"),
    ],
)
def test_a_senseless_rule_is_refused(shop: Shop, rule: Rule, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        shop.rules.add(rule)
    assert shop.rules.list() == []


def test_a_rule_is_read_back_and_removed_once(shop: Shop) -> None:
    added = shop.rules.add(Rule(PIN, "lamp-brass", query="desk lamp", position=3, ends_at=NOW, note="stock"))
    assert shop.rules.list() == [added]
    changed = shop.rules.update(replace(added, action=BAN, ends_at=None, note=""))
    assert shop.rules.get(added.id) == changed == replace(added, action=BAN, ends_at=None, note="")
    with pytest.raises(BadInput, match="never applies"):
        shop.rules.update(replace(added, starts_at=NOW))
    shop.rules.remove(added.id)
    assert shop.rules.list() == []
    for identity in (added.id, 0, -1, 10**30):
        for act in (shop.rules.remove, shop.rules.get, lambda identity: shop.rules.update(replace(added, id=identity))):
            with pytest.raises(NotFound, match="no rule"):
                act(identity)


def test_queries_at_once_follow_the_first_rules_and_a_changed_one() -> None:
    rules, reading, go_on = [Rule(BAN, "boot-hike")], threading.Event(), threading.Event()

    def read() -> list[Rule]:
        reading.set()
        assert go_on.wait(PATIENCE_S)
        return list(rules)

    merchandising = Merchandising(read)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(merchandising.placement)
        assert reading.wait(PATIENCE_S)
        second = pool.submit(merchandising.placement)
        threading.Timer(0.1, go_on.set).start()
        assert first.result().bans == second.result().bans == {"boot-hike"}
    rules.append(Rule(BAN, "boot-walk"))
    merchandising.refresh()
    assert merchandising.placement().bans == {"boot-hike", "boot-walk"}


def test_without_a_fallback_an_answer_is_as_short_as_its_filters_make_it(shop: Shop) -> None:
    assert _skus(shop.queries().similar("sandal-beach", filters=Filters(categories=(SANDALS,)))) == ["sandal-leather"]


def test_an_answer_that_is_too_short_widens_its_category_step_by_step(shop: Shop) -> None:
    options = Options(fallback=Fallback.WIDEN)
    hits = shop.queries().similar("sandal-beach", 6, Filters(categories=(SANDALS,)), options)
    assert [hit.reason for hit in hits] == [Reason.RELEVANCE] + [Reason.WIDENED] * 5
    assert [hit.widened_to for hit in hits] == [None] + [("Shoes",)] * 3 + [()] * 2
    assert len(set(_skus(hits))) == 6


def test_a_pinned_product_stands_at_its_own_price_in_a_sorted_answer(shop: Shop) -> None:
    sort = Options(sort=Sort.PRICE)
    plain = _skus(shop.queries().search("leather boot", options=sort))
    shop.rules.add(Rule(PIN, plain[-1], query="leather boot"))
    assert _skus(shop.queries().search("leather boot", options=sort)) == plain


def test_a_sorted_answer_that_its_filters_fill_is_not_widened(shop: Shop) -> None:
    shop.catalogue.upsert([_product("boot-felt", "Felt boot", BOOTS, 200)])
    shop.worker.drain()
    within = Filters(categories=(BOOTS,))
    for sort in (Sort.PRICE, Sort.PRICE_DOWN, Sort.NEWEST):
        narrow, wide = Options(sort=sort), Options(sort=sort, fallback=Fallback.WIDEN)
        near = _skus(shop.queries().search("boot", filters=within, options=narrow))
        whole = shop.queries().search("boot", 20, within, wide)
        assert _skus(shop.queries().search("boot", len(near), within, wide)) == near
        assert _skus(whole)[: len(near)] == near
        assert len(whole) > len(near) > 1
        pages = [shop.queries().search("boot", 2, within, replace(wide, offset=at)) for at in range(0, len(whole), 2)]
        assert [sku for page in pages for sku in _skus(page)] == _skus(whole)
        assert {hit.reason for hit in whole[len(near) :]} <= {Reason.WIDENED, Reason.PRICE, Reason.NEWEST}


def test_the_rules_of_a_corrected_text_hold_beside_those_of_the_typed_one(shop: Shop) -> None:
    shop.vocabulary.refresh(changed=True)
    shop.rules.add(Rule(PIN, "lamp-brass", query="leather boot", position=2))
    shop.rules.add(Rule(BAN, "boot-hike", query="leather boot"))
    shop.rules.add(Rule(BAN, "sandal-beach", query="lether boot"))
    answer = shop.queries().search("lether boot")
    assert answer.did_you_mean == "leather boot"
    assert (answer[1].sku, answer[1].reason) == ("lamp-brass", Reason.PINNED)
    assert not {"boot-hike", "sandal-beach"} & set(_skus(answer))


def test_what_no_category_can_fill_is_popular_first_and_then_new(shop: Shop) -> None:
    filters = Filters(brands=("nobody",), price_max=Decimal(100))
    hits = shop.queries().search("boot", 5, filters, Options(fallback=Fallback.WIDEN))
    assert _skus(hits)[:2] == ["lamp-copper", "lamp-brass"]
    assert [hit.reason for hit in hits] == [Reason.POPULAR] * 2 + [Reason.NEWEST] * 3
    assert all(hit.card.price is not None and hit.card.price <= 100 for hit in hits)


def test_many_variants_of_what_is_popular_do_not_hide_what_else_is(shop: Shop) -> None:
    lamp = _product("lamp-steel", "Steel lamp", LAMPS, 70, popularity="99")
    shop.catalogue.upsert([replace(lamp, sku=f"lamp-steel-{size}", group_id="steel") for size in range(30)])
    shop.worker.drain()
    only = Filters(brands=("nobody",))
    hits = shop.queries().search("boot", 4, only, Options(fallback=Fallback.WIDEN))
    assert [hit.reason for hit in hits] == [Reason.POPULAR] * 3 + [Reason.NEWEST]
    assert _skus(hits)[1:3] == ["lamp-copper", "lamp-brass"]


def test_what_must_not_be_shown_is_no_fallback_either(shop: Shop) -> None:
    shop.catalogue.upsert([Product("lamp-gone", "Tin lamp", category=LAMPS, availability=Availability.OUT_OF_STOCK)])
    shop.worker.drain()
    filters = Filters(categories=(SANDALS,), in_stock=True, exclude_skus=("boot-rain",))
    hits = shop.queries().search("boot", 20, filters, Options(fallback=Fallback.WIDEN))
    assert set(_skus(hits)) == {product.sku for product in PRODUCTS} - {"boot-rain"}
