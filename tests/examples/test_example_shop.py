"""The example shop against a real service: what its visitors see, also when the recommender is away."""

from __future__ import annotations

import csv
import gzip
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from support.chromium import PATIENCE_MS, chromium
from support.served import PATIENT, listening, opened, stocked_catalogue

from examples.shop.app import create_app as create_shop
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys, Scope
from recommender.service.app import create_app
from recommender.service.listener import listen

EVIL = "<script>alert(1)</script> & trail sole"
PRODUCTS = [replace(product, title=EVIL) if product.sku == "SKU-0005" else product for product in stocked_catalogue()]


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's own catalogue."""
    file = tmp_path_factory.mktemp("feed") / "catalogue.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["sku", "title", "description", "brand", "price", "currency"])
        rows.writerows([p.sku, p.title, p.description, p.brand, p.price, p.currency] for p in PRODUCTS)
    return file


@contextmanager
def _visiting(url: str, key: str, feed: Path) -> Iterator[httpx.Client]:
    # Far longer than in production: a busy machine that runs tests is late, and a late shelf is left out.
    with (
        listening(create_shop(url, key, feed, timeout=30)) as shop,
        httpx.Client(base_url=shop, follow_redirects=True) as visitor,
    ):
        yield visitor


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, feed: Path) -> Iterator[httpx.Client]:
    """A visitor of the shop, whose backend has a key that reads."""
    with opened(tmp_path_factory.mktemp("shop") / "home", tiny_model, PRODUCTS) as recommender:
        keys = ApiKeys(recommender.application.database)
        key = keys.create("shop", Scope.READ)
        app = create_app(recommender, Access(keys=keys.active), PATIENT)
        with listening(app) as url, _visiting(url, key, feed) as visitor:
            yield visitor


def _shelf(page: httpx.Response) -> list[str]:
    return re.findall(r'<a href="/p/(.*?)">', page.text.partition('class="shelf"')[2])


def test_a_product_page_shows_similar_products_that_lead_on(visitor: httpx.Client) -> None:
    page = visitor.get("/p/SKU-0001")
    assert page.status_code == 200
    assert "Similar products" in page.text
    shelf = _shelf(page)
    assert len(shelf) == 6
    assert "SKU-0001" not in shelf
    assert visitor.get(f"/p/{shelf[0]}").status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_search_finds_and_escapes_what_it_is_told(visitor: httpx.Client) -> None:
    page = visitor.get("/search", params={"q": EVIL})
    assert "SKU-0005" in _shelf(page)
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>" not in visitor.get("/p/SKU-0005").text
    assert "<script>" not in visitor.get("/p/<script>").text


def test_the_cart_shows_what_is_like_its_products(visitor: httpx.Client) -> None:
    assert _shelf(visitor.get("/cart")) == []
    for sku in ("SKU-0001", "SKU-0010", "never-sold"):
        page = visitor.post("/cart", data={"sku": sku})
    assert len(_shelf(page)) == 6
    assert not {"SKU-0001", "SKU-0010"} & set(_shelf(page))
    assert "never-sold" not in page.text
    visitor.cookies.clear()
    assert visitor.get("/cart", cookies=None, headers={"cookie": "cart=zz"}).status_code == 200


def test_the_widget_shows_similar_products_and_completes_searches_in_the_browser(
    tmp_path: Path, tiny_model: Path, feed: Path
) -> None:
    with (
        opened(tmp_path / "home", tiny_model, PRODUCTS) as recommender,
        listening(create_app(recommender, Access(keys=ApiKeys(recommender.application.database).list), PATIENT)) as url,
        chromium() as browser,
    ):
        bound = listen("127.0.0.1", 0)
        bound.socket.close()
        keys = ApiKeys(recommender.application.database)
        key = keys.create("pages", Scope.READ, origins=[bound.url], routes=["/v1"])
        with listening(create_shop(url, "", feed, key), port=bound.port) as shop:
            page = browser.new_page()
            failures: list[str] = []
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.goto(f"{shop}/p/SKU-0001")
            cards = page.locator("recommender-similar .cards a")
            expect(cards).to_have_count(6)
            expect(page.locator("recommender-similar h2")).to_have_text("Similar products")
            box = page.get_by_role("combobox", name="Search the shop")
            word = PRODUCTS[0].title.split()[0]
            box.type(word[:4].lower())
            options = page.get_by_role("option")
            expect(options.first).to_contain_text(word.lower(), ignore_case=True)
            assert Axe().run(page).response["violations"] == []
            box.press("ArrowDown")
            expect(options.first).to_have_attribute("aria-selected", "true")
            chosen = options.first.locator("span").inner_text()
            box.press("Enter")
            page.wait_for_url(f"{shop}/search?q=*", timeout=PATIENCE_MS)
            assert parse_qs(urlsplit(page.url).query)["q"] == [chosen]
            page.goto(f"{shop}/p/SKU-0001")
            page.route("**/v1/search**", lambda route: route.abort())
            page.locator("recommender-search").evaluate("each => each.removeAttribute('action')")
            box.fill(word)
            box.press("Enter")
            expect(page.locator("recommender-search .results")).to_have_text(re.compile("not available"))
            assert failures == []
            page.close()
        asked = f"{url}/v1/similar?sku=SKU-0001"
        for headers, status in (
            ({"origin": bound.url}, 200),
            ({"origin": "https://other.example"}, 403),
            ({}, 403),
        ):
            assert httpx.get(asked, headers={"x-api-key": key} | headers).status_code == status
        allowed = {"access-control-request-method": "GET", "access-control-request-headers": "x-api-key"}
        for origin, status in ((bound.url, 200), ("https://other.example", 400)):
            assert httpx.options(asked, headers=allowed | {"origin": origin}).status_code == status
        assert len(gzip.compress(httpx.get(f"{url}/widget.js").content)) < 10_000


def test_without_the_recommender_the_shop_goes_on_selling(feed: Path) -> None:
    with _visiting("http://127.0.0.1:9", "", feed) as visitor:
        started = time.monotonic()
        page = visitor.get("/p/SKU-0001")
        assert (page.status_code, _shelf(page)) == (200, [])
        assert "Similar products" not in page.text
        assert "Search is not available" in visitor.get("/search", params={"q": "shoes"}).text
        assert visitor.post("/cart", data={"sku": "SKU-0001"}).status_code == 200
        assert visitor.get("/p/none").status_code == 404
        assert time.monotonic() - started < 60
