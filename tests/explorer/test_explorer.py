"""The page as a merchandiser uses it, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from explorer.conftest import HOSTILE, PRODUCTS
from playwright.sync_api import Browser, Error, Locator, Page, Route, expect
from support.chromium import Watch, watched

from recommender.api import Recommender
from recommender.query import Filters

CARD = ".card:not(.ghost)"
FIRST = f"{CARD} .card-link >> nth=0"


@pytest.fixture(autouse=True)
def no_rules(shop: Recommender) -> Iterator[None]:
    """Take the rules away that a test has left, so that one that fails fails alone."""
    yield
    for rule in shop.rules():
        shop.remove_rule(rule.id)


def search(page: Page, text: str) -> None:
    """Type a search as a person does, and wait for its answer."""
    page.get_by_role("combobox", name="Search the catalogue").press_sequentially(text, delay=15)
    expect(page.get_by_role("heading", name=f"“{text}”")).to_be_visible()
    settled(page)


def settled(page: Page) -> None:
    """Wait until no request is running."""
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")


def titles(page: Page) -> list[str]:
    """Return the titles of the cards, in their order."""
    return page.locator(f"{CARD} .card-link").all_text_contents()


def asked(page: Page) -> dict[str, list[str]]:
    """Return the parameters in the address."""
    return parse_qs(urlsplit(page.url).query)


def test_cards_follow_the_typing(page: Page) -> None:
    page.goto("/")
    expect(page.locator(CARD)).to_have_count(24)
    search(page, "espresso grinder")
    assert any("espresso" in title for title in titles(page)[:3])
    assert asked(page) == {"q": ["espresso grinder"]}
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(CARD)).to_have_count(48)
    assert len(set(page.locator(CARD).evaluate_all("cards => cards.map(card => card.dataset.sku)"))) == 48
    page.reload()
    expect(page.locator(CARD)).to_have_count(48)


def test_a_late_answer_never_covers_a_newer_one(page: Page, shop: Recommender) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "q=rope" in route.request.url:
            held.append(route)
        else:
            route.continue_()

    page.route(re.compile("/v1/search"), hold)
    page.goto("/")
    box = page.get_by_role("combobox", name="Search the catalogue")
    with page.expect_request(re.compile("/v1/search.*q=rope")):
        box.fill("rope")
    box.fill("muffin tray")
    newer = [hit.card.title for hit in shop.search("muffin tray", k=24)]
    expect(page.locator(f"{CARD} .card-link")).to_have_text(newer)
    assert len(held) == 1
    with suppress(Error):  # the page has given it up
        held[0].fulfill(body=json.dumps({"hits": [], "model": "m", "generation": "g", "facets": None}))
    page.wait_for_timeout(200)
    assert titles(page) == newer
    assert asked(page)["q"] == ["muffin tray"]


def test_a_product_leads_to_similar_ones_and_back(page: Page) -> None:
    page.goto("/?q=saddle")
    before = page.locator(FIRST).text_content()
    page.locator(FIRST).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(before or "")
    expect(page.get_by_role("navigation", name="Category").get_by_role("link")).to_have_text(["Sport", "Cycling"])
    expect(page.locator(".product-price")).to_contain_text("€")
    expect(page.locator(".attributes")).to_contain_text("colour")
    similar = page.locator(FIRST).text_content()
    page.locator(FIRST).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(similar or "")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text(before or "")
    page.go_back()
    expect(page.get_by_role("heading", name="“saddle”")).to_be_visible()
    expect(page.locator(FIRST)).to_be_focused()
    page.locator(FIRST).click()
    page.get_by_role("link", name="red").or_(page.get_by_role("link", name="blue")).or_(
        page.get_by_role("link", name="dark green")
    ).first.click()
    expect(page.get_by_role("button", name=re.compile("Remove the filter colour"))).to_be_visible()


def test_filters_narrow_and_chips_take_them_away(page: Page, shop: Recommender) -> None:
    page.goto("/?q=compact")
    panel = page.get_by_role("complementary", name="Filters")
    panel.get_by_role("button", name=re.compile("^Kitchen")).click()
    settled(page)
    panel.get_by_role("button", name=re.compile("^Coffee")).click()
    expect(page.get_by_role("button", name="Remove the filter Coffee")).to_be_visible()
    settled(page)
    assert set(page.locator(".card-meta").all_text_contents()) == {
        f"{one.brand} · Coffee" for one in PRODUCTS if one.category[-1] == "Coffee" and one.title in titles(page)
    }
    panel.get_by_label("In stock only").check(force=True)
    settled(page)
    expect(page.locator(".stock.out_of_stock")).to_have_count(0)
    panel.get_by_label("Highest price").fill("120")
    panel.get_by_label("Highest price").press("Enter")
    settled(page)
    expect(page.get_by_role("button", name="Remove the filter up to 120.00")).to_be_visible()
    brand = panel.locator(".brand-row .facet").first
    name = brand.locator(".facet-name").text_content()
    panel.get_by_role("button", name=f"Leave out {name}").click()
    expect(page.get_by_role("button", name=f"Remove the filter not {name}")).to_be_visible()
    settled(page)
    assert not any(meta.startswith(f"{name} ·") for meta in page.locator(".card-meta").all_text_contents())
    panel.get_by_label("Name of an attribute").fill("colour")
    panel.get_by_label("Value of the attribute").fill("red")
    panel.get_by_role("button", name="Filter by this attribute").click()
    expect(page.locator(".chip")).to_have_count(5)
    page.get_by_role("button", name="Remove the filter Coffee").click()
    expect(page.locator(".chip")).to_have_count(4)
    page.get_by_role("button", name="Clear all").click()
    settled(page)
    assert asked(page) == {"q": ["compact"]}


def test_why_a_product_is_there_can_be_asked(page: Page) -> None:
    page.goto("/?q=oak+desk")
    page.get_by_role("switch", name="Explain").check(force=True)
    why = page.locator(".why").first
    expect(why).to_contain_text("oak")
    expect(why).to_contain_text("from words")
    page.get_by_text("Words", exact=True).first.click()
    expect(page).to_have_url(re.compile("mode=lexical"))
    settled(page)
    assert asked(page)["explain"] == ["1"]


def test_how_it_is_answered_goes_along_to_the_product(page: Page) -> None:
    page.goto("/?q=compact+chain")
    settled(page)
    panel = page.get_by_role("complementary", name="Filters")
    panel.get_by_role("slider", name="Diversity").press("End")
    panel.get_by_label("Show every variant").check(force=True)
    panel.get_by_role("combobox", name="Model").select_option("second")
    settled(page)
    assert asked(page) == {"q": ["compact chain"], "diversity": ["1"], "variants": ["all"], "model": ["second"]}
    page.locator(FIRST).click()
    for name in ("Diversity 1", "Every variant", "Answered by second"):
        page.get_by_role("button", name=f"Remove the filter {name}").click()
    settled(page)
    assert list(asked(page)) == ["sku"]
    page.get_by_role("button", name=re.compile("^Only ")).click()
    page.get_by_role("button", name="Fill up when few").click()
    expect(page.locator(".badge.widened").first).to_be_visible()


def test_two_models_stand_side_by_side(page: Page) -> None:
    page.goto("/?q=strong+rope")
    page.get_by_role("link", name="Compare models").click()
    expect(page.locator(".column-title")).to_have_count(2)
    expect(page.locator(".column-title").nth(0)).to_contain_text("first")
    expect(page.locator(".column-title").nth(1)).to_contain_text("second")
    lists = [
        [row.get_attribute("data-sku") for row in column.locator(".compare-row").all()]
        for column in page.locator(".compare-column").all()
    ]
    assert [len(one) for one in lists] == [20, 20]
    common = set(lists[0]) & set(lists[1])
    expect(page.locator(".compare-summary")).to_contain_text(f"{len(common)} in both, {20 - len(common)} only left")
    expect(page.locator(".move.only")).to_have_count(2 * (20 - len(common)))
    moved = next(sku for sku in lists[1] if sku in common and lists[0].index(sku) != lists[1].index(sku))
    by = lists[0].index(moved) - lists[1].index(moved)
    row = page.locator(".compare-column").nth(1).locator(".compare-row").nth(lists[1].index(moved))
    expect(row.locator(".move")).to_contain_text(f"{'▲' if by > 0 else '▼'} {abs(by)}")
    page.get_by_label("Left", exact=True).select_option("second")
    expect(page.locator(".column-title").nth(0)).to_contain_text("second")
    expect(page.locator(".column-title").nth(1)).to_contain_text("first")


def test_the_map_shows_every_product_and_leads_to_it(page: Page) -> None:
    page.goto("/?view=map")
    expect(page.locator(".count-line")).to_contain_text(f"{len(PRODUCTS)} products")
    expect(page.locator(".legend .facet")).to_have_count(4)
    stage = page.locator(".map-canvas").bounding_box()
    assert stage is not None
    tip = page.locator(".map-tip")
    places = ((x, y) for y in range(20, int(stage["height"]), 16) for x in range(20, int(stage["width"]), 16))
    for x, y in places:
        page.mouse.move(stage["x"] + x, stage["y"] + y)
        if tip.is_visible():
            break
    named = tip.locator("strong").text_content()
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_role("heading", level=1)).to_have_text(named or "")
    page.go_back()
    expect(page.locator(".count-line")).to_contain_text("products")
    page.get_by_text("Products in view, as a list").click()
    expect(page.locator(".map-list a")).to_have_count(len(PRODUCTS))
    page.get_by_role("button", name=re.compile("^Kitchen")).click()
    expect(page.locator(".map-list h3")).to_have_count(1)
    page.get_by_role("button", name="Zoom in").click(click_count=4)
    page.locator(".map-canvas").focus()
    for key in ("ArrowLeft", "ArrowUp", "-", "-", "-", "-", "0"):
        page.keyboard.press(key)
    assert page.locator(".map-list a").count() <= 32


def test_the_map_is_walked_by_keyboard(page: Page) -> None:
    page.goto("/?view=map")
    expect(page.locator(".legend .facet")).to_have_count(4)
    page.locator(".map-canvas").focus()
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "-", "-") * 3:
        page.keyboard.press(key)
        if page.locator(".map-tip").is_visible():
            break
    named = page.locator(".map-tip strong").text_content()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(named or "")


def test_dark_is_remembered(browser: Browser, address: str) -> None:
    with watched(browser, address, color_scheme="light") as (page, _):
        page.goto("/")
        background = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(background)
        page.get_by_role("button", name="Dark theme").click()
        assert page.evaluate(background) != light
        page.reload()
        expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")
        assert page.evaluate(background) != light


def test_the_whole_way_goes_by_keyboard(page: Page) -> None:
    page.goto("/")
    expect(page.locator(CARD)).to_have_count(24)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the results")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("whisk")
    expect(page.get_by_role("heading", name="“whisk”")).to_be_visible()
    settled(page)
    page.keyboard.press("Escape")  # the suggestions, if there are any
    page.keyboard.press("ArrowDown")
    expect(page.locator(FIRST)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".card-menu").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem").nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".card-menu").first).to_be_focused()
    page.keyboard.press("Shift+Tab")
    title = page.locator(FIRST).text_content()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(title or "")
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_arrow_keys_go_through_all_cards(page: Page) -> None:
    page.goto("/?q=rope")
    cards = page.locator(f"{CARD} .card-link")
    expect(cards).to_have_count(24)
    columns = page.evaluate("getComputedStyle(document.querySelector('.grid')).gridTemplateColumns.split(' ').length")
    cards.first.focus()
    for key, at in (("ArrowRight", 1), ("ArrowDown", 1 + columns), ("ArrowLeft", columns), ("End", 23), ("Home", 0)):
        page.keyboard.press(key)
        expect(cards.nth(at)).to_be_focused()
    page.keyboard.press("Control+ArrowRight")  # a shortcut of the browser, or of the system
    expect(cards.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#search")).to_be_focused()
    cards.last.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Show more")).to_be_focused()
    page.keyboard.press("Enter")
    expect(cards).to_have_count(48)
    expect(cards.nth(24)).to_be_focused()


def test_suggestions_are_chosen_by_keyboard(page: Page, shop: Recommender) -> None:
    page.goto("/")
    box = page.get_by_role("combobox", name="Search the catalogue")
    options = page.locator("#suggestions").get_by_role("option")
    box.press_sequentially("espr", delay=30)
    expect(options).to_have_count(len(shop.suggest("espr")))
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", options.first.get_attribute("id") or "")
    expect(box).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#suggestions [aria-selected=true]")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    text = shop.suggest("espr")[0].text
    expect(page.get_by_role("heading", name=f"“{text}”")).to_be_visible()
    expect(options).to_have_count(0)
    assert asked(page)["q"] == [text]
    box.fill("kitch")
    found = next(at for at, one in enumerate(shop.suggest("kitch")) if one.kind == "category")
    options.nth(found).click(button="right")
    options.nth(found).click()
    expect(page.get_by_role("button", name="Remove the filter Kitchen")).to_be_visible()
    assert asked(page) == {"category": ["Kitchen"]}
    box.press_sequentially("espr", delay=30)
    expect(options.first).to_be_visible()
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(box).to_have_value("espr")


def test_what_was_read_into_a_search_is_said_and_taken_back(page: Page, shop: Recommender) -> None:
    page.goto("/?q=compact+under+50+euro")
    price = page.get_by_role("button", name="Remove the filter up to €50.00")
    expect(price).to_be_visible()
    page.get_by_role("button", name="Take all as words").click()
    expect(page.get_by_role("button", name="Remove the filter Words alone, nothing understood")).to_be_visible()
    expect(price).to_have_count(0)
    page.go_back()
    price.click()
    expect(page.get_by_role("heading", name="“compact”")).to_be_visible()
    assert asked(page) == {"q": ["compact"]}
    meant = shop.search("esppresso").did_you_mean
    assert meant == "espresso"
    page.goto("/?q=esppresso")
    expect(page.locator(".read")).to_contain_text("Showing results for espresso")
    page.get_by_role("button", name="esppresso", exact=True).click()
    expect(page.get_by_role("button", name="Remove the filter As it is written")).to_be_visible()
    expect(page.locator(".read")).to_have_count(0)
    assert asked(page) == {"q": ["esppresso"], "exact": ["1"]}


@pytest.mark.parametrize(
    ("query", "words", "left"),
    [
        ("boston on slippers", "on", "boston slippers"),
        ("Boston ON", "on", "Boston"),
        ("blue  T-shirt  [C++]", "t-shirt", "blue [C++]"),
        ("book c++ (new)", "c++", "book (new)"),
        ("über die Küche", "die küche", "über"),
        ("靴5000円以下", "5000円以下", "靴"),
        ("slippers boston", "on", None),
    ],
)
def test_words_that_were_understood_are_taken_back_whole(page: Page, query: str, words: str, left: str | None) -> None:
    read = {"words": words, "kind": "brand", "value": "Brand", "name": ""}
    understood = {"understood": [read]}
    page.route(re.compile("/v1/search"), lambda route: route.fulfill(json=route.fetch().json() | understood))
    page.goto(f"/?q={quote(query)}")
    page.get_by_role("button", name="Remove the filter Brand").click()
    settled(page)
    assert asked(page) == ({"q": [left]} if left else {"q": [query], "literal": ["1"]})


@pytest.mark.parametrize(
    ("fields", "shown", "leads_to"),
    [
        ({"price": 12.5, "currency": ""}, "12.50", None),
        ({"price": 0.0045, "currency": "EUR"}, "€0.0045", None),
        ({"price": 0.0045, "currency": ""}, "0.0045", None),
        ({"price": 0, "currency": "EUR"}, "€0.00", None),
        ({"price": 7, "currency": "EUR", "url": "HTTPS://shop.test/p"}, "€7.00", "https://shop.test/p"),
        ({"price": 7, "currency": "EUR", "url": "//shop.test/p"}, "€7.00", "https://shop.test/p"),
        ({"price": 7, "currency": "EUR", "url": "/p"}, "€7.00", None),
    ],
)
def test_a_product_says_its_price_and_leads_to_the_shop_if_it_can(
    page: Page, fields: dict[str, object], shown: str, leads_to: str | None
) -> None:
    page.route(re.compile("/v1/products/"), lambda route: route.fulfill(json=route.fetch().json() | fields))
    page.goto("/?sku=SKU-0001")
    expect(page.locator(".product-price strong")).to_have_text(shown)
    link = page.get_by_role("link", name="In the shop")
    expect(link).to_have_count(1 if leads_to else 0)
    if leads_to:
        expect(link).to_have_attribute("href", leads_to)


def test_products_are_sorted_and_counted(page: Page) -> None:
    page.goto("/?q=rope")
    expect(page.locator(".count-line")).to_have_text(re.compile(r"^24 of \d+ products$"))
    page.get_by_role("combobox", name="Sort").select_option("price")
    settled(page)
    assert asked(page) == {"q": ["rope"], "sort": ["price"]}
    prices = [float(one.replace("€", "")) for one in page.locator(f"{CARD} strong").all_text_contents()]
    assert prices == sorted(prices)


def test_typing_asks_at_once_and_then_no_more_than_every_so_often(page: Page) -> None:
    page.goto("/")
    settled(page)
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url) if "/v1/search" in request.url else None)
    text = "premium standing desk with oak legs"
    page.locator("#search").press_sequentially(text, delay=0)
    expect(page.locator(f".results[data-answer='{text}']")).to_be_visible()
    assert parse_qs(urlsplit(searches[0]).query)["q"] == ["p"]
    assert parse_qs(urlsplit(searches[-1]).query)["q"] == [text]
    assert len(searches) < len(text)


def test_what_is_cut_off_is_shown_whole_on_hover_and_reads_from_its_own_side(page: Page) -> None:
    page.route(re.compile("/v1/search"), lambda route: route.fulfill(json=_with_title(route, "معطف واق من المطر")))
    page.goto("/?q=harness")
    first = page.locator(FIRST)
    expect(first).to_have_attribute("title", "معطف واق من المطر")
    assert first.evaluate("link => getComputedStyle(link).direction") == "rtl"
    assert page.locator(f"{CARD} .card-link").nth(1).evaluate("link => getComputedStyle(link).direction") == "ltr"


def test_a_heading_in_a_text_from_right_to_left_stands_where_other_headings_do(page: Page) -> None:
    page.goto("/?q=معطف")
    heading = page.get_by_role("heading", level=1)
    assert heading.evaluate("one => getComputedStyle(one).direction") == "rtl"
    text_at = "one => { const all = document.createRange(); all.selectNodeContents(one);"
    at = heading.evaluate(text_at + " return all.getBoundingClientRect().left - one.parentElement.offsetLeft; }")
    assert at < 5
    # What clears the box stands on its left then, beside the magnifying glass.
    box = page.locator("#search")
    assert box.evaluate("one => parseFloat(getComputedStyle(one).paddingLeft)") >= 40


def test_arrow_down_waits_for_the_suggestions_of_what_was_typed(page: Page) -> None:
    waiting: list[Route] = []
    page.route("**/v1/suggestions*", lambda route: waiting.append(route))
    page.goto("/")
    page.locator("#search").press_sequentially("des")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#search")).to_be_focused()
    while waiting:
        waiting.pop(0).continue_()
        page.wait_for_timeout(50)
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")


def test_who_went_into_the_suggestions_stays_there_when_newer_ones_come(page: Page, shop: Recommender) -> None:
    waiting: list[Route] = []
    page.route(re.compile("/v1/suggestions.*text=espr"), lambda route: waiting.append(route))
    page.goto("/")
    box = page.get_by_role("combobox", name="Search the catalogue")
    options = page.locator("#suggestions").get_by_role("option")
    box.press_sequentially("esp", delay=30)
    expect(options).to_have_count(len(shop.suggest("esp")))
    with page.expect_request(re.compile("/v1/suggestions.*text=espr")):
        box.press_sequentially("r")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    with page.expect_response(re.compile("/v1/suggestions.*text=espr")):
        waiting.pop(0).continue_()
    page.wait_for_timeout(100)
    expect(options.first).to_have_attribute("aria-selected", "true")
    box.press_sequentially("e")
    expect(page.locator("#suggestions [aria-selected=true]")).to_have_count(0)


def _with_title(route: Route, title: str) -> object:
    answer = route.fetch().json()
    answer["hits"][0]["title"] = title
    return answer


def test_a_rule_shows_its_product_is_changed_and_a_card_is_unpinned(page: Page, shop: Recommender) -> None:
    page.goto("/?q=lamp+shade")
    third = page.locator(CARD).nth(2).get_attribute("data-sku") or ""
    menu(page, page.locator(CARD).nth(2), "Pin to the top for “lamp shade”")
    expect(page.locator(f"{CARD} .badge").first).to_have_text("Pinned")
    page.get_by_role("link", name="Rules").click()
    row = page.locator(".rule")
    expect(row.get_by_role("link", name=shop.product(third).title)).to_be_visible()
    expect(row.locator(".picture")).to_be_visible()
    row.get_by_role("button", name="Edit the rule").click()
    row.get_by_label("Place").fill("3")
    row.get_by_label("Until").fill("2999-12-27")
    row.get_by_label("Note").fill("for Christmas")
    row.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("until 27/12/2999 · for Christmas")
    (rule,) = shop.rules()
    assert (rule.sku, rule.position, rule.query, rule.note) == (third, 3, "lamp shade", "for Christmas")
    page.goto("/?q=Lamp+shade")
    expect(page.locator(f"{CARD} .badge")).to_have_text("Pinned")
    menu(page, page.locator(CARD).nth(2), "Unpin for “Lamp shade”")
    expect(page.locator(f"{CARD} .badge")).to_have_count(0)
    assert shop.rules() == []


def test_a_search_without_a_good_answer_gets_a_synonym_and_a_pin_on_the_spot(page: Page, shop: Recommender) -> None:
    shop.search("narrowed zyzzogeton", filters=Filters(price_max=Decimal("0.01")))  # says nothing of the words
    shop.search("zzyzx gadget")
    shop.application.searches.flush()
    page.goto("/?view=searches")
    row = page.locator(".rule", has=page.get_by_role("link", name="zzyzx gadget"))
    expect(row).to_be_visible()
    expect(page.get_by_role("link", name="narrowed")).to_have_count(0)
    row.get_by_role("button", name="Synonym for zzyzx gadget").click()
    row.get_by_label("Mean").fill("espresso grinder")
    row.get_by_label("One way").check()
    row.get_by_role("button", name="Add a synonym").click()
    expect(page.locator(".toast")).to_contain_text("“zzyzx gadget” finds “espresso grinder”")
    row.get_by_role("button", name="Pin for zzyzx gadget").click()
    row.get_by_label("Which product answers it?").fill("rope")
    row.get_by_role("button", name=re.compile("^Pin ")).nth(1).click()
    expect(page.locator(".toast").last).to_contain_text("Pinned for “zzyzx gadget”")
    synonym, pin = shop.rules()
    assert (synonym.query, synonym.means, synonym.one_way) == ("zzyzx gadget", "espresso grinder", True)
    assert (pin.query, pin.position) == ("zzyzx gadget", 1)
    page.goto("/?view=rules")
    expect(page.locator(".rule").first).to_contain_text("zzyzx gadget → espresso grinder")
    page.get_by_role("button", name="Edit the rule for zzyzx gadget").click()
    page.get_by_label("Mean").last.fill("grinder")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("zzyzx gadget → grinder")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Remove the rule")).first.click()
    page.get_by_role("button", name=re.compile("^Remove the rule")).last.click()
    expect(page.get_by_role("heading", name="No rule is in force")).to_be_visible()
    assert shop.rules() == []


def test_pins_and_bans_are_made_and_taken_back(page: Page, shop: Recommender) -> None:
    page.goto("/?q=lamp+shade")
    settled(page)
    third, second = (page.locator(CARD).nth(at).get_attribute("data-sku") for at in (2, 1))
    menu(page, page.locator(f'{CARD}[data-sku="{third}"]'), "Pin to the top for “lamp shade”")
    expect(page.locator(CARD).first).to_have_attribute("data-sku", third or "")
    expect(page.locator(f"{CARD} .badge").first).to_have_text("Pinned")
    settled(page)
    menu(page, page.locator(f'{CARD}[data-sku="{second}"]'), "Hide for “lamp shade”")
    expect(page.locator(f'[data-sku="{second}"]')).to_have_count(0)
    page.get_by_role("button", name="Undo").last.click()
    expect(page.locator(f'[data-sku="{second}"]')).to_have_count(1)
    page.get_by_role("link", name="Rules").click()
    expect(page.locator(".rule")).to_have_count(1)
    page.get_by_role("button", name="Remove the rule").click()
    expect(page.get_by_role("heading", name="No rule is in force")).to_be_visible()
    assert shop.rules() == []


def test_a_cards_menu_stays_at_its_button_when_the_page_moves(page: Page) -> None:
    page.goto("/?q=lamp")
    settled(page)
    button = page.locator(f"{CARD} .card-menu").first
    page.locator(CARD).first.hover()
    button.click()
    page.evaluate("scrollBy({ top: 40, behavior: 'instant' })")
    expect(page.get_by_role("menu")).to_be_visible()
    # A card that is pointed at stands a pixel higher.
    page.wait_for_function(
        "() => { const at = document.querySelector('.menu').getBoundingClientRect(),"
        " button = document.querySelector('.card-menu[aria-expanded=true]').getBoundingClientRect();"
        " return scrollY > 0 && Math.abs(at.top - button.bottom - 6) < 3; }"
    )


def menu(page: Page, card: Locator, entry: str) -> None:
    """Choose an entry of a card's menu, when no answer is on its way that moves the cards."""
    settled(page)
    card.hover()
    card.locator(".card-menu").click()
    page.get_by_role("menuitem", name=entry).click()


@pytest.mark.parametrize(
    "view",
    [
        "/",
        "/?q=espresso&explain=1&in_stock=1",
        "product",
        "/?view=compare&q=rope",
        "/?view=map",
        "/?view=rules",
        "/?view=searches",
    ],
)
def test_a_phone_has_nothing_beside_its_screen(browser: Browser, address: str, view: str) -> None:
    with watched(browser, address, viewport={"width": 360, "height": 720}, has_touch=True) as (page, _):
        page.goto(f"/?sku={quote(HOSTILE.sku, safe='')}" if view == "product" else view)
        settled(page)
        if view == "/":
            page.get_by_role("button", name="Filters").click()
            expect(page.get_by_label("Highest price")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.keyboard.press("Escape")
        if view == "/":
            expect(page.get_by_label("Highest price")).to_be_hidden()


def test_hostile_text_is_text(page: Page) -> None:
    page.goto(f"/?q={quote(HOSTILE.title)}")
    link = page.get_by_role("link", name=HOSTILE.title, exact=True)
    expect(link).to_be_visible()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE.title)
    expect(page.locator(".description")).to_contain_text("Kept & read\n<script>")
    expect(page.get_by_role("navigation", name="Category")).to_contain_text("<b>Evil</b>")
    expect(page.locator(".attributes")).to_contain_text("<img src=x")
    expect(page.locator(".product .sku")).to_have_text(HOSTILE.sku)
    expect(page.get_by_role("link", name="In the shop")).to_have_count(0)
    expect(page.locator("main img, main iframe, main script")).to_have_count(0)
    page.locator(".attributes a").click()
    expect(page.locator(FIRST)).to_have_text(HOSTILE.title)
    expect(page.locator(CARD)).to_have_count(1)
    expect(page.locator(".chip").first).to_contain_text("a:b <img")
    expect(page.locator(".tree .facet", has_text="<b>Evil</b>")).to_be_visible()
    expect(page.locator(".brand-row .facet", has_text="<svg onload")).to_be_visible()
    page.goto("/?view=map")
    page.get_by_text("Products in view, as a list").click()
    expect(page.get_by_role("link", name=HOSTILE.title, exact=True)).to_be_visible()
    assert page.evaluate("window.broken") is None


def test_pictures_come_from_the_web_alone_and_a_broken_one_leaves_its_tile(visit: tuple[Page, Watch]) -> None:
    page, watch = visit
    watch.expected.append("http://pictures.test/")

    def with_pictures(route: Route) -> None:
        answer = route.fetch().json()
        images = ["http://pictures.test/good.svg", "http://pictures.test/bad", "https://shop.example/never.jpg"]
        for hit, image in zip(answer["hits"], images, strict=False):
            hit["image"] = image
        route.fulfill(json=answer)

    drawn = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    page.route("http://pictures.test/good.svg", lambda route: route.fulfill(body=drawn, content_type="image/svg+xml"))
    page.route("http://pictures.test/bad", lambda route: route.fulfill(body="?", content_type="image/png"))
    page.route(re.compile("/v1/search"), with_pictures)
    page.goto("/?q=harness")
    expect(page.locator(".picture img.loaded")).to_have_count(1)
    expect(page.locator(".picture img")).to_have_count(1)
    expect(page.locator(f"{CARD} .initials").nth(1)).to_be_visible()
