"""The example shop against a real service: what its visitors see, also when the recommender is away."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from support.served import listening, opened, stocked_catalogue

from examples.shop.app import create_app as create_shop
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys, Scope
from recommender.service.app import create_app

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
    with listening(create_shop(url, key, feed)) as shop, httpx.Client(base_url=shop, follow_redirects=True) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, feed: Path) -> Iterator[httpx.Client]:
    """A visitor of the shop, whose backend has a key that reads."""
    with opened(tmp_path_factory.mktemp("shop") / "home", tiny_model, PRODUCTS) as recommender:
        keys = ApiKeys(recommender.application.database)
        key = keys.create("shop", Scope.READ)
        with listening(create_app(recommender, Access(keys=keys.active))) as url, _visiting(url, key, feed) as visitor:
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


def test_the_cart_shows_what_goes_with_it(visitor: httpx.Client) -> None:
    assert _shelf(visitor.get("/cart")) == []
    for sku in ("SKU-0001", "SKU-0010", "never-sold"):
        page = visitor.post("/cart", data={"sku": sku})
    assert len(_shelf(page)) == 6
    assert not {"SKU-0001", "SKU-0010"} & set(_shelf(page))
    assert "never-sold" not in page.text
    visitor.cookies.clear()
    assert visitor.get("/cart", cookies=None, headers={"cookie": "cart=zz"}).status_code == 200


def test_without_the_recommender_the_shop_goes_on_selling(feed: Path) -> None:
    with _visiting("http://127.0.0.1:9", "", feed) as visitor:
        started = time.monotonic()
        page = visitor.get("/p/SKU-0001")
        assert (page.status_code, _shelf(page)) == (200, [])
        assert "Similar products" not in page.text
        assert "Search is not available" in visitor.get("/search", params={"q": "shoes"}).text
        assert visitor.post("/cart", data={"sku": "SKU-0001"}).status_code == 200
        assert visitor.get("/p/none").status_code == 404
        assert time.monotonic() - started < 3.0
