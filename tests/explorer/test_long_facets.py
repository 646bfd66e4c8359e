"""A shop whose facets are long: every value can be reached."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from crash.word_model import build_word_model
from playwright.sync_api import Browser, expect
from support.chromium import watched
from support.served import PATIENT, listening, opened

from recommender.service.access import Access
from recommender.service.app import create_app
from recommender.types import Product

DEPARTMENTS = 41
CARD = ".card:not(.ghost)"


def products() -> Iterator[Product]:
    """Make two products of each department, each of its own brand and shelf, in one of three finishes."""
    for at in range(2 * DEPARTMENTS):
        path = (f"Department {at // 2:02}", f"Shelf {at:02}")
        attributes = {"Finish": ("Matt", "Gloss", "Satin, Matt")[at % 3], "Serial": f"no {at}"}
        yield Product(f"P{at}", f"Lamp number {at}", "", f"Maker {at:02}", path, attributes=attributes)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("facets")
    words = ["lamp", "number", *map(str, range(2 * DEPARTMENTS))]
    with (
        opened(home / "home", build_word_model(home / "words", words, 0), list(products())) as shop,
        listening(create_app(shop, Access(keys=list), PATIENT)) as url,
    ):
        yield url


def test_every_department_and_brand_is_reached(browser: Browser, address: str) -> None:
    with watched(browser, address) as (page, _):
        page.goto("/")
        departments = page.locator(".filter").first
        expect(departments.locator(".facet")).to_have_count(8)
        departments.get_by_role("button", name="Show all departments").click()
        expect(departments.locator(".facet")).to_have_count(DEPARTMENTS)
        departments.get_by_role("searchbox", name="Find departments").fill("ment 37")
        expect(departments.locator(".facet")).to_have_count(1)
        departments.get_by_role("button", name=re.compile("^Department 37")).click()
        expect(page.locator(CARD)).to_have_count(2)
        departments.get_by_role("button", name=re.compile("^Shelf 75")).click()
        expect(page.locator(CARD)).to_have_count(1)
        expect(page.locator(CARD)).to_have_attribute("data-sku", "P75")
        page.goto("/")
        brands = page.locator(".filter", has=page.get_by_role("heading", name="Brand"))
        brands.get_by_role("button", name="Show all brands").click()
        expect(brands.locator(".brand-row")).to_have_count(2 * DEPARTMENTS)
        brands.get_by_role("searchbox", name="Find brands").fill("nobody")
        expect(brands.get_by_text("None has this name")).to_be_visible()
        brands.get_by_role("button", name="Fewer brands").click()
        expect(brands.locator(".brand-row")).to_have_count(8)


def test_values_of_an_attribute_are_alternatives(browser: Browser, address: str) -> None:
    with watched(browser, address) as (page, _):
        page.goto("/")
        attributes = page.locator(".filter", has=page.get_by_role("heading", name="Attributes"))
        expect(attributes.locator("summary")).to_have_text("Finish")  # each has a serial number of its own
        attributes.locator("summary").click()
        expect(attributes.locator(".facet")).to_have_count(3)
        attributes.get_by_role("button", name=re.compile("^Satin")).click()
        expect(page.get_by_role("button", name="Remove the filter Finish: Satin")).to_be_visible()
        expect(page.locator(".count-line")).to_contain_text("24")
        attributes.get_by_role("button", name=re.compile("^Gloss")).click()
        expect(page.get_by_role("button", name="Remove the filter Finish: Satin, Gloss")).to_be_visible()
        expect(page.locator(".chip")).to_have_count(1)
        attributes.get_by_role("button", name=re.compile("^Satin")).click()
        expect(page.get_by_role("button", name="Remove the filter Finish: Gloss")).to_be_visible()
