"""The widget on pages of a shop, as they are: in any language, moved about, and with products that lack something."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from support.chromium import Watch

SIMILAR = '<recommender-similar sku="A"></recommender-similar>'
SEARCH = "<recommender-search></recommender-search>"
HIT = {"sku": "B", "title": "Mug", "url": "", "image": "", "price": 12.5, "currency": "EUR"}
NAMED = {"text": "mug", "kind": "words", "count": 3}


def visit_shop(page: Page, body: str, *hits: dict[str, Any], language: str = "en") -> None:
    """Open a page of a shop with the widget, to which the service answers with these products."""
    document = f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>Shop</title><body>{body}'
    module = '<script type="module" src="/widget.js"></script>'
    page.route("**/shop**", lambda route: route.fulfill(body=document + module, content_type="text/html"))
    page.route(
        re.compile("/v1/(similar|search)"), lambda route: route.fulfill(json={"hits": [HIT | hit for hit in hits]})
    )
    page.route("**/v1/suggestions*", lambda route: route.fulfill(json={"suggestions": [NAMED]}))
    page.goto("/shop")


@pytest.mark.parametrize(
    ("language", "hit", "attributes", "shown"),
    [
        ("en", {}, "", "€12.50"),
        ("de-DE", {}, "", "12,50\xa0€"),
        ("de_DE", {}, "", "12,50\xa0€"),
        ("zh_CN", {}, "", "€12.50"),
        ("C.UTF-8", {}, "", "€12.50"),
        ("", {}, "", "€12.50"),
        ("en", {"currency": "QQQ"}, "", "QQQ\xa012.50"),
        ("en", {"currency": "JPY", "price": 1500}, "", "¥1,500"),
        ("en", {"currency": ""}, "", "12.50"),
        ("en", {"currency": "", "price": 19}, "", "19.00"),
        ("en", {"currency": ""}, 'currency="EUR"', "€12.50"),
        ("en", {"currency": "GBP"}, 'currency="EUR"', "£12.50"),
        ("en", {"currency": ""}, 'currency="euros"', "12.50"),
        ("en", {"price": 0.0045}, "", "€0.0045"),
        ("en", {"price": 0}, "", "€0.00"),
    ],
)
def test_a_price_reads_as_the_language_of_the_page_and_the_currency_have_it(
    page: Page, language: str, hit: dict[str, Any], attributes: str, shown: str
) -> None:
    visit_shop(page, f'<recommender-similar sku="A" {attributes}></recommender-similar>', hit, language=language)
    expect(page.locator(".price")).to_have_text(re.compile(f"^{re.escape(shown)}$"))


@pytest.mark.parametrize(
    ("written", "leads_to"),
    [
        ("https://shop.test/p/1", "https://shop.test/p/1"),
        ("HTTPS://shop.test/p/1", "https://shop.test/p/1"),
        ("//shop.test/p/1", "https://shop.test/p/1"),
        ("javascript:alert(1)", None),
        ("p/1", None),
        ("", None),
    ],
)
def test_a_card_leads_to_an_address_of_the_web_or_nowhere(
    visit: tuple[Page, Watch], written: str, leads_to: str | None
) -> None:
    page, watch = visit
    watch.expected.append("shop.test")
    page.route(re.compile("^https://shop.test"), lambda route: route.abort())
    with page.expect_request("https://shop.test/**") if leads_to else nullcontext():
        visit_shop(page, SIMILAR, {"url": written, "image": written})
    card = page.locator(".cards a")
    expect(card).to_have_text("Mug€12.50")
    assert card.evaluate("link => link.hasAttribute('href') ? link.href : null") == leads_to


def test_an_element_that_is_moved_stays_as_it_is(page: Page) -> None:
    visit_shop(page, f"{SIMILAR}<p></p>", {})
    expect(page.locator(".cards a")).to_be_visible()
    page.evaluate("document.querySelector('p').append(document.querySelector('recommender-similar'))")
    expect(page.locator("p .cards a")).to_be_visible()


def test_products_are_those_of_the_latest_sku(page: Page) -> None:
    visit_shop(page, SIMILAR, {})
    card = page.locator(".cards a")
    expect(card).to_be_visible()
    page.route("**/v1/similar?sku=LATE*", lambda _: None)
    page.route("**/v1/similar?sku=C*", lambda route: route.fulfill(json={"hits": [HIT | {"title": "Cup"}]}))
    similar = page.locator("recommender-similar")
    seen = """async (element) => {
      const seen = [];
      new MutationObserver(() => seen.push(element.hidden)).observe(element, { attributeFilter: ["hidden"] });
      const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
      element.setAttribute("sku", "LATE");
      await pause();
      element.setAttribute("sku", "C");
      await pause();
      return seen;
    }"""
    assert similar.evaluate(seen) == []
    expect(card).to_contain_text("Cup")
    with page.expect_request("**/v1/similar?sku=LATE*"):
        similar.evaluate("element => element.setAttribute('sku', 'LATE')")
    similar.evaluate("element => element.removeAttribute('sku')")
    expect(similar).to_be_hidden()


@pytest.mark.parametrize("status", [429, 503])
def test_the_page_goes_on_without_an_answer(visit: tuple[Page, Watch], status: int) -> None:
    page, watch = visit
    watch.expected.append(str(status))
    visit_shop(page, SIMILAR + SEARCH)
    page.route("**/v1/**", lambda route: route.fulfill(status=status, json={"status": status}))
    box = page.get_by_role("combobox")
    box.fill("mug")
    box.press("Enter")
    expect(page.locator(".results")).to_have_text("The search is not available. Please try again later.")
    expect(page.locator("recommender-similar")).to_be_hidden()


def test_a_long_word_stays_within_its_card(page: Page) -> None:
    visit_shop(page, SIMILAR + SEARCH, {"title": "w" * 400}, {})
    page.set_viewport_size({"width": 320, "height": 640})
    expect(page.locator(".cards a").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("last", [{"isComposing": True}, {"keyCode": 229}], ids=["composing", "Safari"])
def test_enter_that_ends_a_composition_searches_for_nothing(page: Page, last: dict[str, Any]) -> None:
    visit_shop(page, '<recommender-search action="/shop?q={query}"></recommender-search>', {})
    box = page.get_by_role("combobox")
    box.fill("カップ")
    key = {"key": "Enter", "bubbles": True, "cancelable": True}
    assert box.evaluate("(box, key) => box.dispatchEvent(new KeyboardEvent('keydown', key))", key | last)
    box.press("Enter")
    page.wait_for_url("**/shop?q=*")


def test_suggestions_come_to_a_box_that_has_the_focus(page: Page) -> None:
    visit_shop(page, f"{SEARCH}<button>Cart</button>", {})
    box = page.get_by_role("combobox")
    leave = """(box) => {
      box.focus();
      box.value = "mu";
      box.dispatchEvent(new InputEvent("input"));
      document.querySelector("button").focus();
    }"""
    with page.expect_response("**/v1/suggestions*"):
        box.evaluate(leave)
    page.wait_for_timeout(100)
    expect(page.get_by_role("option")).to_have_count(0)
    box.press_sequentially("g")
    expect(page.get_by_role("option")).to_have_count(1)


def test_a_suggestion_is_chosen_by_a_click_and_escape_closes_the_list_before_the_dialog_around_it(page: Page) -> None:
    visit_shop(page, f"<dialog>{SEARCH}</dialog>", {})
    dialog, box, option = page.locator("dialog"), page.get_by_role("combobox"), page.get_by_role("option")
    dialog.evaluate("dialog => dialog.showModal()")
    box.press_sequentially("mu")
    option.click(button="right")
    expect(box).to_have_value("mu")
    box.press("Escape")
    expect(option).to_have_count(0)
    expect(dialog).to_be_visible()
    box.press_sequentially("g")
    option.click()
    expect(box).to_have_value("mug")
    expect(page.locator(".results a")).to_have_count(1)
    box.press("Escape")
    expect(dialog).to_be_hidden()
