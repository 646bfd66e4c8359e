"""What the page says when it can't answer, and whether everybody can read it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer.conftest import empty_service
from playwright.sync_api import Browser, Page, Route, expect
from support.chromium import Watch, watched
from support.served import PATIENT, listening

from recommender.api import Recommender
from recommender.query import Rule, RuleAction
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys
from recommender.service.app import create_app
from recommender.types import Scope

CARD = ".card:not(.ghost)"

VIEWS = (
    "/",
    "/?q=oak+desk&explain=1&in_stock=1",
    "/?sku=SKU-0001",
    "/?view=compare&q=rope",
    "/?view=map",
    "/?view=rules",
    "/?view=searches",
)

UNNAMED = """() => [...document.querySelectorAll('input, select, button, a, canvas')]
  .filter(one => one.checkVisibility() && !one.labels?.length)
  .filter(one => !one.getAttribute('aria-label') && !one.textContent.trim())
  .map(one => one.outerHTML)"""

# Contrast of WCAG 2: the text's colour over all grounds behind it; large text needs 3, other text 4.5.
TOO_PALE = """() => {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3])).concat(1);
  const ground = (element) => {
    const own = rgba(getComputedStyle(element).backgroundColor);
    if (own[3] > 0.99) return own;
    return over(own, element.parentElement ? ground(element.parentElement) : [255, 255, 255, 1]);
  };
  const light = (colour) => colour.slice(0, 3).map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const shown = (element) => element.checkVisibility({ opacityProperty: true });
  const seen = (element) => shown(element) && !element.closest('[aria-hidden=true]');
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data).join(' ');
    if (!text.trim() || !seen(element)) continue;
    const style = getComputedStyle(element);
    const under = ground(element);
    const [one, other] = [light(over(rgba(style.color), under)), light(under)].sort((a, b) => b - a);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${element.className} ${text.trim().slice(0, 40)}`);
  }
  return found;
}"""


def settled(page: Page) -> None:
    """Wait until nothing is asked for any more."""
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_has_a_name_and_can_be_read(browser: Browser, address: str, theme: str) -> None:
    with watched(browser, address, color_scheme=theme) as (page, _):
        for view in VIEWS:
            page.goto(view)
            settled(page)
            expect(page.locator("#status")).to_contain_text("first · generation g")
            assert page.evaluate(UNNAMED) == [], view
            assert page.evaluate(TOO_PALE) == [], view
            assert page.locator("h1").count() == 1, view
            serious = [
                one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], view


def test_counts_are_told_to_who_can_not_see_them(page: Page) -> None:
    page.goto("/?q=rope&category=Sport")
    expect(page.locator("[aria-live=polite]")).to_have_text(re.compile(r"The best 24 products|\d+ products"))
    page.goto("/?q=rope&price_max=0.01")
    expect(page.get_by_role("heading", name="No product matches")).to_be_visible()
    expect(page.locator("[aria-live=polite]")).to_have_text("No product matches")
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator(CARD)).to_have_count(24)


def test_filters_that_leave_nothing_of_the_kind_are_named_and_can_be_cleared(page: Page) -> None:
    def doubt(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"confidence": "none"})

    page.route("**/v1/search*", doubt)
    page.goto("/?q=rope&in_stock=1")
    expect(page.get_by_role("heading", name="No product within the filters matches these words")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.get_by_role("heading", name="No product matches these words")).to_be_visible()
    settled(page)


def test_an_installation_without_products_says_what_to_run(browser: Browser, tmp_path: Path) -> None:
    with empty_service(tmp_path / "home") as url, watched(browser, url) as (page, watch):
        watch.expected.append("503")
        page.goto("/")
        expect(page.get_by_role("heading", name="Nothing is indexed yet")).to_be_visible()
        expect(page.get_by_text("recommender ingest FEED", exact=True)).to_be_visible()
        page.goto("/?view=map")
        expect(page.get_by_role("heading", name="Nothing is indexed yet")).to_be_visible()
        page.goto("/?view=compare")
        expect(page.get_by_role("heading", name="There is no model yet")).to_be_visible()
        expect(page.locator("main select")).to_have_count(0)


def test_a_service_that_went_away_is_asked_again(visit: tuple[Page, Watch]) -> None:
    page, watch = visit
    watch.expected.append("ERR_FAILED")
    page.goto("/?q=rope")
    expect(page.locator(CARD)).to_have_count(24)
    page.route(re.compile("/v1/"), lambda route: route.abort())
    page.get_by_role("combobox", name="Search the catalogue").fill("muffin")
    expect(page.get_by_role("heading", name="The service does not answer")).to_be_visible()
    expect(page.get_by_text("recommender serve", exact=True)).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(CARD)).to_have_count(24)


def test_unknown_products_are_not_found(visit: tuple[Page, Watch]) -> None:
    page, watch = visit
    watch.expected.append("404")
    page.goto("/?sku=SKU-000")
    expect(page.get_by_role("alert")).to_contain_text("no product has the SKU 'SKU-000'; did you mean")
    expect(page.locator("#pulse")).to_have_attribute("data-state", "fine")
    meant = page.get_by_role("alert").get_by_role("link").first
    sku = meant.text_content() or ""
    meant.click()
    expect(page.locator(".sku")).to_have_text(sku)


def test_rules_say_in_utc_until_when_and_what_is_over(browser: Browser, address: str, shop: Recommender) -> None:
    ends = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2999, 12, 27, tzinfo=UTC))
    added = [shop.add_rule(Rule(RuleAction.BAN, "SKU-0001", query="xyz", ends_at=end)) for end in ends]
    try:
        with watched(browser, address, timezone_id="America/New_York") as (page, _):
            page.goto("/?view=rules")
            expect(page.locator(".rule").nth(0)).to_contain_text("until 01/01/2020 · no longer holds")
            expect(page.locator(".rule").nth(1)).to_contain_text("until 27/12/2999")
            expect(page.locator(".rule").nth(1)).not_to_contain_text("no longer holds")
    finally:
        for rule in added:
            shop.remove_rule(rule.id or 0)


def test_a_key_is_asked_for_and_kept_for_the_tab(browser: Browser, shop: Recommender) -> None:
    keys = ApiKeys(shop.application.database)
    key = keys.create("merchandiser", Scope.READ)
    try:
        with listening(create_app(shop, Access(keys.active), PATIENT)) as url, watched(browser, url) as (page, watch):
            watch.expected += ["401", "403"]
            page.goto("/?q=rope")
            page.get_by_role("textbox", name="Key").fill(key)
            page.get_by_role("button", name="Use this key").click()
            expect(page.locator(CARD)).to_have_count(24)
            page.reload()
            expect(page.locator(CARD)).to_have_count(24)
            page.locator(CARD).first.hover()
            page.locator(".card-menu").first.click()
            page.get_by_role("menuitem", name=re.compile("Hide")).click()
            expect(page.locator(".toast")).to_contain_text("This key may only read")
    finally:
        keys.revoke("merchandiser")
