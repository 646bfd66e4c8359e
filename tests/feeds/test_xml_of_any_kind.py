"""XML of no known system: products are found, and their parts are read, however they are nested."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.read_feed import read_feed

from recommender.errors import BadFeed
from recommender.feeds.formats import check_feed, open_feed
from recommender.feeds.products import product_of
from recommender.types import Product

Write = Callable[..., Path]

PARTS = "<id>1</id><name>Boot</name>"


def _products(path: Path) -> list[Product]:
    with open_feed(path) as feed:
        return [product_of(row) for row in feed.rows()]


@pytest.mark.parametrize(
    "place",
    [
        "products item", "catalog items item", "catalog article", "feed product", "feed products product",
        "shop items item", "kaspi_catalog offers offer", "rss channel product", "Products Offer",
        "offers offer", "root product",
    ],
)  # fmt: skip
def test_products_are_found_below_a_root_that_others_have_too(write: Write, place: str) -> None:
    *around, item = place.split()
    products = "".join(f"<{item}><id>{n}</id><name>Boot {n}</name></{item}>" for n in range(2))
    for tag in reversed(around):
        products = f"<{tag}>{products}</{tag}>"
    found = _products(write(products, "feed.xml"))
    assert [(one.sku, one.title) for one in found] == [("0", "Boot 0"), ("1", "Boot 1")]


def test_a_file_without_products_is_told_what_they_would_be_called(write: Write) -> None:
    with pytest.raises(BadFeed, match="holds no <product> with product data"):
        check_feed(write("<products><thing>1</thing></products>", "feed.xml"))


LISTED = '<categories><category id="1">Shoes</category><category id="2" parentId="1">Boots</category></categories>'


@pytest.mark.parametrize(
    ("parts", "field", "value"),
    [
        ("<categoryId>5</categoryId><category>Shoes</category>", "category", ("Shoes",)),
        ("<categoryID>5</categoryID><categoryName>Shoes</categoryName>", "category", ("Shoes",)),
        ("<categoryId>5</categoryId><categories><category>Shoes</category></categories>", "category", ("Shoes",)),
        ("<categoryId>2</categoryId><category>Sale</category>", "category", ("Shoes", "Boots")),
        ("<categoryId>5</categoryId>", "category", ()),
        ('<brand><language id="1">Acme</language><language id="2">Akme</language></brand>', "brand", "Acme"),
        ('<brand><value xml:lang="en">Acme</value><value xml:lang="ru">Akme</value></brand>', "brand", "Acme"),
        ("<brand>Caf&eacute;&nbsp;Bar</brand>", "brand", "Café Bar"),
        ("<manufacturer><name>Acme</name></manufacturer>", "brand", "Acme"),
        ("<price><amount>10.50</amount><currency>EUR</currency></price>", "price", Decimal("10.50")),
        ("<price><amount>10.50</amount><currency>EUR</currency></price>", "currency", "EUR"),
        ('<price currency="EUR" value="11"/>', "price", Decimal(11)),
        ('<price currency="EUR">11</price><price currency="USD">12</price>', "price", Decimal(11)),
        ('<price currency="EUR">11</price><price currency="EUR">9</price>', "price", None),
        ('<price type="cost">4</price><price type="retail">9</price>', "price", None),
        ('<attribute name="width" value="10"/>', "attributes", {"width": "10"}),
        ("<attribute><name>width</name><value>10</value></attribute>", "attributes", {"width": "10"}),
        ('<attributes><attribute name="width" value="10"/></attributes>', "attributes", {"width": "10"}),
        ("<features><feature><name>x</name></feature><a>1</a></features>", "attributes", {}),
        ('<param name="width" value="10"/>', "attributes", {"width": "10"}),
        ("<param><name>width</name><value>10</value></param>", "attributes", {"width": "10"}),
    ],
)
@pytest.mark.parametrize("root", ["products", "catalog", "data"])
def test_parts_of_products_are_read_however_they_are_nested(
    write: Write, root: str, parts: str, field: str, value: Any
) -> None:
    (product,) = _products(write(f"<{root}>{LISTED}<product>{PARTS}{parts}</product></{root}>", "feed.xml"))
    assert getattr(product, field) == value


@pytest.mark.parametrize("number", ["parentId", "parentID"])
@pytest.mark.parametrize(
    "shoes",
    [
        "<category><id>1</id><name>Shoes</name></category>",
        "<category id='1'>\n<title>Shoes</title>\n</category>",
        "<category id='1'><en>Shoes</en><de>Schuhe</de></category>",
        "<category id='1'>Shoes<picture/></category>",
        "<category id='1'><name>Shoes</name><seo><name>Buy shoes</name><id>9</id></seo></category>",
    ],
)
def test_departments_may_have_their_numbers_and_names_in_parts(write: Write, shoes: str, number: str) -> None:
    boots = f"<category><name>Boots</name><id>2</id><{number}>1</{number}></category>"
    item = f"<item>{PARTS}<categoryId>2</categoryId></item>"
    (product,) = _products(
        write(f"<price><categories>{shoes}{boots}</categories><items>{item}</items></price>", "feed.xml")
    )
    assert product.category == ("Shoes", "Boots")


def test_products_within_their_department_have_its_name(write: Write) -> None:
    item = f"<product>{PARTS}<categoryId>1</categoryId></product>"
    (product,) = _products(write(f"<products><category id='1'><name>Shoes</name>{item}</category></products>", "f.xml"))
    assert product.category == ("Shoes",)


@pytest.mark.parametrize("chunk", range(0, 40, 3))
def test_bare_ampersands_are_read_as_they_are_meant_and_told(write: Write, chunk: int) -> None:
    whole = f"<product>{PARTS}<brand>A &amp; B<![CDATA[ & C]]></brand></product>"
    bare = "<product><id>2&3</id><name>Black & Decker &</name><link>http://a/?x=1&copy=2</link></product>"
    above = f"<products>\n<!-- & {'x' * ((1 << 16) - len(whole) - 60 - chunk)} -->"
    products, remarks = read_feed(write(f"{above}{whole}{bare}{whole}</products>", "feed.xml"))
    assert [(one.sku, one.title, one.brand, one.url) for one in products] == [
        ("1", "Boot", "A & B & C", ""),
        ("2&3", "Black & Decker &", "", "http://a/?x=1&copy=2"),
        ("1", "Boot", "A & B & C", ""),
    ]
    assert [(remark.field, remark.lost, "&amp;" in remark.what) for remark in remarks] == [("row", False, True)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_blank_lines_above_the_declaration_and_control_characters_cost_nothing(write: Write, encoding: str) -> None:
    text = f"\n \r\n<?xml version='1.0'?>\n<products>\n<product>{PARTS}<brand>Ac\x0bme\x02</brand></product></products>"
    path = write(text.encode(encoding), "feed.xml")
    assert _products(path)[0].brand == "Acme"
    with open_feed(path) as feed:
        assert [row.line for row in feed.rows()] == [5]


def test_a_department_that_a_feed_does_not_list_leaves_the_category_that_a_product_states(write: Write) -> None:
    offers = f"<offer id='1'>{PARTS}<categoryId>9</categoryId><category>Own</category></offer>"
    (product,) = _products(
        write(f"<yml_catalog><shop>{LISTED}<offers>{offers}</offers></shop></yml_catalog>", "feed.xml")
    )
    assert product.category == ("Own",)
